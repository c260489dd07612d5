/** Following an operation: by WebSocket, else by server-sent events, else by asking again and again. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { signedFetch, type Operation } from "./client";
import { forgetAfterOperation, isOver, operationQuery } from "./operations";
import { accessToken, refreshSession } from "./session";

/** What a stream says. */
export interface Progress {
  type: "status" | "progress" | "completed" | "error";
  status: Operation["status"];
  progress: number;
  phase: "scanning" | "hashing" | "planning" | "moving" | "finishing";
  files_total: number;
  files_scanned: number;
  files_processed: number;
  files_failed: number;
  duplicates_found: number;
  bytes_processed: number;
  rate_files_per_second: number;
  rate_bytes_per_second: number;
  eta_seconds: number | null;
  current_path: string;
}

export type Transport = "socket" | "events" | "polling";
const TRANSPORTS: readonly Transport[] = ["socket", "events", "polling"];
const POLL_MS = 3000;
const RECONNECT_MS = 1000;
const NOT_SIGNED_IN = 4401;
const NOT_THERE = 4404;

/** The messages of one transport, until it ends or breaks. */
type Stream = (id: string, signal: AbortSignal) => AsyncGenerator<Progress>;

const streams: Record<Transport, Stream> = { socket: bySocket, events: byEvents, polling: byPolling };

/** An operation as it is, and, while it runs, what it is doing. */
export function useLiveOperation(id: string) {
  const client = useQueryClient();
  const query = useQuery(operationQuery(id));
  const [live, setLive] = useState<{ id: string; progress: Progress; transport: Transport } | null>(null);
  const running = query.data !== undefined && !isOver(query.data);

  useEffect(() => {
    if (!running) return;
    const stop = new AbortController();
    void follow(id, stop.signal, (progress, transport) => setLive({ id, progress, transport })).then(async (ended) => {
      if (ended) await forgetAfterOperation(client);
    });
    return () => stop.abort();
  }, [id, running, client]);

  const mine = live?.id === id ? live : null;
  return { query, progress: running ? (mine?.progress ?? null) : null, transport: mine?.transport ?? null };
}

/** Follow to the end; true when it ended. A transport that never said anything is given up for the next. */
export async function follow(
  id: string,
  signal: AbortSignal,
  tell: (progress: Progress, transport: Transport) => void,
): Promise<boolean> {
  let chosen = 0;
  while (!signal.aborted) {
    const transport = TRANSPORTS[chosen] ?? "polling";
    let heard = false;
    try {
      for await (const message of streams[transport](id, signal)) {
        if (signal.aborted) return false;
        heard = true;
        tell(message, transport);
        if (["completed", "failed", "cancelled"].includes(message.status)) return true;
      }
    } catch {
      // the next transport, or the same once more
    }
    if (!heard) chosen = Math.min(chosen + 1, TRANSPORTS.length - 1);
    await pause(heard ? RECONNECT_MS : 200, signal);
  }
  return false;
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function* bySocket(id: string, signal: AbortSignal): AsyncGenerator<Progress> {
  if (accessToken() === null) await refreshSession();
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/operations/${id}`;
  const socket = new WebSocket(address, ["bearer", accessToken() ?? ""]);
  const waiting: Progress[] = [];
  let wake = () => {};
  let closed: number | null = null;
  socket.onmessage = (event: MessageEvent<string>) => {
    waiting.push(JSON.parse(event.data) as Progress);
    wake();
  };
  socket.onclose = (event) => {
    closed = event.code;
    wake();
  };
  signal.addEventListener("abort", () => socket.close());
  try {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else if (closed === NOT_THERE) return;
      else if (closed === NOT_SIGNED_IN) {
        await refreshSession();
        return;
      } else if (closed !== null) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    socket.close();
  }
}

async function* byEvents(id: string, signal: AbortSignal): AsyncGenerator<Progress> {
  const response = await signedFetch(new Request(`/api/v1/operations/${id}/events`, { signal }));
  if (!response.ok || response.body === null) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    const events = buffer.split("\n\n");
    buffer = events.pop() ?? "";
    for (const event of events) {
      const line = event.split("\n").find((part) => part.startsWith("data: "));
      if (line) yield JSON.parse(line.slice(6)) as Progress;
    }
  }
}

async function* byPolling(id: string, signal: AbortSignal): AsyncGenerator<Progress> {
  while (!signal.aborted) {
    const response = await signedFetch(new Request(`/api/v1/operations/${id}`, { signal }));
    if (!response.ok) return;
    const operation = (await response.json()) as Operation;
    yield {
      ...operation,
      type: "status",
      phase: (operation.phase ?? "scanning") as Progress["phase"],
      rate_files_per_second: 0,
      rate_bytes_per_second: 0,
      eta_seconds: null,
      current_path: "",
    };
    await pause(POLL_MS, signal);
  }
}
