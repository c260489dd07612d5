import { describe, expect, it } from "vitest";

import type { PlanFile } from "@/lib/api/client";

import { listed, tried } from "./matching";

const files = ["invoice-7.pdf", "invoices.pdf", "Model.STL", "backup.tar.gz", "letter.pdf"].map(
  (path): PlanFile => ({ path, target: null, size_bytes: 0, files: 1, change: "moved", category: null, reason: null }),
);
const names = (found: PlanFile[]) => found.map((file) => file.path);

describe("tried", () => {
  it("takes whole words, and calls parts of words near", () => {
    const found = tried(files, { extensions: [], keywords: ["invoice"] });
    expect(names(found.matches)).toEqual(["invoice-7.pdf"]);
    expect(names(found.near)).toEqual(["invoices.pdf"]);
  });
  it("takes extensions in any case, compound ones too", () => {
    expect(names(tried(files, { extensions: ["stl", "tar.gz"], keywords: [] }).matches)).toEqual(["Model.STL", "backup.tar.gz"]);
  });
});

describe("listed", () => {
  it("takes what people type", () => {
    expect(listed(" .STL, 3mf;stl  ")).toEqual(["stl", "3mf"]);
  });
});
