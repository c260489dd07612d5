import { afterEach, describe, expect, it } from "vitest";

import { chooseLanguage } from "./language";
import { strings } from "./strings";
import { coded, text } from "./text";

const VALUES = /\{(\w+)\}/g;

afterEach(() => chooseLanguage("en"));

describe("text", () => {
  it("chooses the word that fits the number", () => {
    expect(text("undo.button", { n: 1 })).toBe("Put 1 file back");
    expect(text("undo.button", { n: 1_200 })).toBe("Put 1,200 files back");
  });
  it("speaks Spanish", () => {
    chooseLanguage("es");
    expect(text("undo.button", { n: 2 })).toBe("Devolver 2 archivos a su sitio");
  });
  it("puts values in as they are, whatever they hold", () => {
    expect(text("trash.choose", { name: "<b>{n}</b>$&" })).toBe("Choose <b>{n}</b>$&");
  });
  it("shows a code of the server that it doesn't know", () => {
    expect(coded("reason", "brand-new")).toBe("brand-new");
    expect(coded("reason", "unfinished")).toBe("not finished yet");
  });
});

describe("strings", () => {
  it.each(Object.entries(strings))("%s has the same values in both languages", (_key, [english, spanish]) => {
    const values = (sentence: string) => new Set([...sentence.matchAll(VALUES)].map((match) => match[1]));
    expect(values(spanish)).toEqual(values(english));
  });
});
