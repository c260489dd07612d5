import { describe, expect, it } from "vitest";

import { baseName, below, duration, folderOf, percent, shownName, size } from "./format";

describe("size", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1 kB"],
    [1_249, "1.2 kB"],
    [999_499, "999 kB"],
    [999_600, "1 MB"],
    [2 ** 62, "4,612 PB"],
  ])("says %i bytes as %s", (bytes, words) => expect(size(bytes)).toBe(words));
});

describe("percent", () => {
  it("never calls a rest nothing, nor nearly all everything", () => {
    expect(percent(1, 100_000)).toBe("< 1 %");
    expect(percent(99_999, 100_000)).toBe("99 %");
    expect(percent(0, 0)).toBe("0 %");
    expect(percent(5, 5)).toBe("100 %");
  });
});

describe("duration", () => {
  it.each([
    [0.4, "0 s"],
    [59.6, "1 min 0 s"],
    [3_725, "1 h 2 min"],
  ])("says %d seconds as %s", (seconds, words) => expect(duration(seconds)).toBe(words));
});

describe("names and paths", () => {
  it("shows what hides or turns a name around", () => {
    expect(shownName("exe.\u202egpj")).toBe("exe.⟨U+202E⟩gpj");
    expect(shownName("two\nlines")).toBe("two⟨U+000A⟩lines");
    expect(shownName("日本 é.txt")).toBe("日本 é.txt");
  });
  it("takes paths apart", () => {
    expect(baseName("a/b/c.txt")).toBe("c.txt");
    expect(folderOf("a/b/c.txt")).toBe("a/b");
    expect(folderOf("c.txt")).toBe("");
    expect(below("/root", "/root/a")).toBe("a");
    expect(below("/root", "/rooted/a")).toBe("/rooted/a");
  });
});
