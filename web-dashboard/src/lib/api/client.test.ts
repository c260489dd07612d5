import { afterEach, expect, it, vi } from "vitest";

import { Problem, problemOf, signedFetch, Unreachable } from "./client";
import { accessToken, keepToken } from "./session";

const json = (body: unknown, status = 200, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { status, headers });
const asked = () => new Request("http://localhost/api/v1/operations");

afterEach(() => {
  keepToken(null);
  vi.unstubAllGlobals();
});

it("renews an old token once and asks again with the new one", async () => {
  keepToken({ access_token: "old", user_id: "1" });
  const seen: (string | null)[] = [];
  vi.stubGlobal("fetch", (request: Request | string) => {
    if (typeof request === "string") return Promise.resolve(json({ access_token: "new", user_id: "1" }));
    seen.push(request.headers.get("Authorization"));
    return Promise.resolve(json({}, seen.length === 1 ? 401 : 200));
  });
  expect((await signedFetch(asked())).status).toBe(200);
  expect(seen).toEqual(["Bearer old", "Bearer new"]);
});

it("ends the session when it can't be renewed", async () => {
  keepToken({ access_token: "old", user_id: "1" });
  vi.stubGlobal("fetch", () => Promise.resolve(json({}, 401)));
  expect((await signedFetch(asked())).status).toBe(401);
  expect(accessToken()).toBeNull();
});

it("waits for a busy server as long as it says", async () => {
  vi.useFakeTimers();
  let times = 0;
  vi.stubGlobal("fetch", () => Promise.resolve(times++ === 0 ? json({}, 429, { "Retry-After": "2" }) : json({})));
  const answered = signedFetch(asked());
  await vi.advanceTimersByTimeAsync(2_000);
  expect((await answered).status).toBe(200);
  vi.useRealTimers();
});

it("tells an unreachable server from a refusal", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed")));
  await expect(signedFetch(asked())).rejects.toBeInstanceOf(Unreachable);
  const problem = problemOf(422, { code: "invalid-input", detail: "No.", errors: [{ field: "name", message: "taken" }] });
  expect(problem).toBeInstanceOf(Problem);
  expect(problem).toMatchObject({ status: 422, code: "invalid-input", message: "No.", fields: [{ field: "name" }] });
});
