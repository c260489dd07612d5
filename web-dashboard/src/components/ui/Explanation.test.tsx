import { render, screen } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";

import type { Schemas } from "@/lib/api/client";
import { chooseLanguage } from "@/lib/language";

import { Explanation } from "./Explanation";
import { codeWords } from "./States";

afterEach(() => chooseLanguage("en"));

const explained = {
  category: "Trips",
  decided_by: "keyword",
  matched: "holiday",
  date: "2021-03-04 10:11:12",
  date_source: "name",
  conflict: "",
  mismatch: false,
  losers: [
    { rule: "extension jpg → Images", why: "a word in the name decides before anything else" },
    { rule: "keyword days → Invoices", why: "another category that stands ahead of it applies as well" },
    { rule: "photo header", why: "no usable date in the photo header, or it wasn't read" },
    { rule: "a rule of tomorrow", why: "for a new reason" },
  ],
} as Schemas["ExplanationRead"];

it("says which rules lost and why, in the language of the dashboard; what is new to it in the engine's words", () => {
  chooseLanguage("es");
  render(<Explanation of={explained} />);
  const lost = screen.getAllByRole("listitem", { hidden: true }).map((item) => item.textContent);
  expect(lost).toEqual([
    "la extensión .jpg → Images · una palabra del nombre decide antes que nada",
    "la palabra «days» → Invoices · también vale otra categoría que va antes",
    "la cabecera de la foto · sin fecha útil, o no se leyó",
    "a rule of tomorrow · for a new reason",
  ]);
});

it("says a refusal by its code in Spanish, and in the server's fuller words in English", () => {
  const english = "/srv/photos isn't a folder.";
  expect(codeWords("root-missing", english)).toBe(english);
  chooseLanguage("es");
  expect(codeWords("root-missing", english)).toBe("Esa carpeta ya no existe.");
  expect(codeWords("new-to-us", english)).toBe(english);
});
