import { afterEach, expect, it, vi } from "vitest";

import { follow, type Progress } from "./live";
import { keepToken } from "./session";

class DeafSocket {
  onclose: ((event: { code: number }) => void) | null = null;
  onmessage = null;
  constructor() {
    setTimeout(() => this.onclose?.({ code: 1006 }));
  }
  close() {}
}

const message = (status: string) => ({ type: "progress", status, progress: 1, phase: "moving" });

afterEach(() => vi.unstubAllGlobals());

it("goes on by server-sent events where no socket gets through, to the last message", async () => {
  keepToken({ access_token: "token", user_id: "1" });
  vi.stubGlobal("WebSocket", DeafSocket);
  const events = ["running", "completed"].map((status) => `event: progress\ndata: ${JSON.stringify(message(status))}\n\n`);
  vi.stubGlobal("Request", class { headers = new Headers(); signal = new AbortController().signal; method = "GET"; clone() { return this; } });
  vi.stubGlobal("fetch", () => Promise.resolve(new Response(events.join(""))));
  const told: [Progress["status"], string][] = [];
  const ended = await follow("1", new AbortController().signal, (progress, by) => told.push([progress.status, by]));
  expect(ended).toBe(true);
  expect(told).toEqual([
    ["running", "events"],
    ["completed", "events"],
  ]);
});
