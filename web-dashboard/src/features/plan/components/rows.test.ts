import { describe, expect, it } from "vitest";

import type { PlanFile, Tree } from "@/lib/api/client";

import { fileKey, foldersAbove, placeIn, rowsOf, type Opened } from "./rows";

function file(path: string, more: Partial<PlanFile> = {}): PlanFile {
  return { path, target: `Docs/${path}`, size_bytes: 1, files: 1, change: "moved", category: null, reason: null, ...more };
}

function folder(path: string, files_below: number): Tree {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return { name, path, files: 0, bytes: 0, files_below, bytes_below: 0, folders: [] };
}

function opened(folders: Tree[], files: PlanFile[], more: { next?: string | null; own?: number } = {}): Opened {
  const page = { operation_id: "", files, next_cursor: more.next ?? null };
  return { folders, own: more.own ?? files.length, pages: [page] };
}

const shape = (rows: ReturnType<typeof rowsOf>) => rows.map((row) => `${row.depth} ${row.kind} ${row.key}`);

describe("rowsOf", () => {
  it("shows open folders with what is in them, one level deeper", () => {
    const rows = rowsOf(
      "before",
      new Map([
        ["", opened([folder("a", 1), folder("b", 1)], [file("z.txt")])],
        ["a", opened([], [file("a/x.txt")])],
      ]),
      null,
    );
    expect(shape(rows)).toEqual(["0 folder a", "1 file file:a/x.txt", "0 folder b", "0 file file:z.txt"]);
  });
  it("says how many files stay, which aren't part of a plan", () => {
    const rows = rowsOf("before", new Map([["", opened([], [file("x")], { own: 4 })]]), null);
    expect(rows.at(-1)).toMatchObject({ kind: "rest", files: 3 });
  });
  it("asks for more while there is more, and counts no rest then", () => {
    const rows = rowsOf("before", new Map([["", opened([], [file("x")], { next: "c", own: 4 })]]), null);
    expect(rows.at(-1)).toMatchObject({ kind: "more", folder: "" });
  });
  it("shows a selected file in its folder though its page isn't loaded", () => {
    const far = file("far.txt");
    const rows = rowsOf(
      "after",
      new Map([
        ["", opened([folder("Docs", 9)], [])],
        ["Docs", opened([], [file("near.txt")], { next: "c", own: 9 })],
      ]),
      far,
    );
    expect(rows.map((row) => row.key)).toContain(fileKey(far));
  });
  it("shows a file of the trash before, not after", () => {
    const gone = file("x", { target: null, change: "trashed" });
    expect(placeIn("before", gone)).toMatchObject({ path: "x" });
    expect(placeIn("after", gone)).toBeNull();
  });
});

describe("foldersAbove", () => {
  it("goes from the top down, and takes no bytes apart", () => {
    expect(foldersAbove({ path: "a/b/c.txt" })).toEqual(["a", "a/b"]);
    expect(foldersAbove({ path: "a/b", path_b64: "YS/_" })).toEqual([]);
  });
});
