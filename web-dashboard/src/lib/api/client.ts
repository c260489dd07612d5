/** Requests to the server: signed, renewed when the token is old, refusals as `Problem`. */
import createClient from "openapi-fetch";
import type { Readable } from "openapi-typescript-helpers";

import type { components, paths } from "./schema";
import { accessToken, refreshSession } from "./session";

/** The schemas as answers have them. */
export type Schemas = { [Name in keyof components["schemas"]]: Readable<components["schemas"][Name]> };
export type Operation = Schemas["OperationRead"];
export type PlanFile = Schemas["PlanFileRead"];
export type FileRecord = Schemas["FileRead"];
export type Tree = Schemas["TreeRead"];

/** A path as the API gives it: text to show, and the exact bytes where it isn't UTF-8. */
export interface PathRef {
  path: string;
  path_b64?: string | null;
}

/** How a path is named in a request. */
export function named(ref: PathRef): { path: string } | { path_b64: string } {
  return ref.path_b64 ? { path_b64: ref.path_b64 } : { path: ref.path };
}

/** One word for a path, to compare and to cache by. */
export function pathKey(ref: PathRef): string {
  return ref.path_b64 ? `b64:${ref.path_b64}` : ref.path;
}

/** Why the server refused. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly fields: { field: string; message: string }[],
  ) {
    super(detail);
  }
}

/** The server can't be reached. */
export class Unreachable extends Error {}

const WAIT_AT_MOST_SECONDS = 15;

/** `fetch` with the token of the session; an old one is renewed once, a busy server is asked again when it said when. */
export async function signedFetch(request: Request): Promise<Response> {
  const used = accessToken();
  const again = request.clone();
  const response = await reach(withToken(request));
  if (response.status === 401 && used !== null) {
    const renewed = accessToken() !== used || (await refreshSession());
    return renewed ? reach(withToken(again)) : response;
  }
  const wait = Number(response.headers.get("Retry-After") ?? 0);
  if (response.status === 429 && request.method === "GET" && wait > 0 && wait <= WAIT_AT_MOST_SECONDS) {
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    return reach(withToken(again));
  }
  return response;
}

function withToken(request: Request): Request {
  const token = accessToken();
  if (token !== null) request.headers.set("Authorization", `Bearer ${token}`);
  return request;
}

async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new Unreachable();
  }
}

export const api = createClient<paths>({
  baseUrl: window.location.origin,
  fetch: signedFetch,
  credentials: "same-origin",
});

/** The body of an answer. Throws `Problem` when it is a refusal. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemOf(response.status, error);
  return data as T;
}

/** A refusal's document as an error. */
export function problemOf(status: number, body: unknown): Problem {
  const told = (typeof body === "object" && body !== null ? body : {}) as {
    code?: string;
    title?: string;
    detail?: unknown;
    errors?: { field: string; message: string }[];
  };
  const detail = typeof told.detail === "string" ? told.detail : (told.title ?? `HTTP ${status}`);
  return new Problem(status, told.code ?? "", detail, told.errors ?? []);
}

/** A file as a blob: an image can't be asked for with a token in any other way. */
export async function fetchBlob(path: string, signal?: AbortSignal): Promise<Blob> {
  const response = await signedFetch(new Request(path, signal ? { signal } : {}));
  if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
  return response.blob();
}
