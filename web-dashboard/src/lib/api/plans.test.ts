import { QueryClient } from "@tanstack/react-query";
import { afterEach, expect, it, vi } from "vitest";

import { filteredFilesQuery } from "./plans";

afterEach(() => vi.unstubAllGlobals());

it("goes on where a page ended before a file was found", async () => {
  const cursors: (string | null)[] = [];
  const file = { path: "a", target: "Docs/a", size_bytes: 1, files: 1, change: "moved", category: null, reason: null };
  const pages = [
    { operation_id: "1", files: [], next_cursor: "x" },
    { operation_id: "1", files: [], next_cursor: "y" },
    { operation_id: "1", files: [file], next_cursor: "z" },
  ];
  vi.stubGlobal("fetch", (request: Request) => {
    cursors.push(new URL(request.url).searchParams.get("cursor"));
    return Promise.resolve(new Response(JSON.stringify(pages[cursors.length - 1]), { status: 200 }));
  });
  const found = await new QueryClient().fetchInfiniteQuery(filteredFilesQuery("1", { change: "moved" }));
  expect(found.pages).toEqual([pages[2]]);
  expect(cursors).toEqual([null, "x", "y"]);
});
