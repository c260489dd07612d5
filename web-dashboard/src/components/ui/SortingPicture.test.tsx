import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";

import { cellsOf, scattered, SortingPicture } from "./SortingPicture";

const piles = [
  { name: "Images", files: 990, color: "#111111" },
  { name: "Fonts", files: 1, color: "#222222" },
];

it("gives each pile at least one cell, and scatters without losing any", () => {
  const cells = cellsOf(piles, 100);
  expect(cells.filter((cell) => cell.name === "Fonts")).toHaveLength(1);
  const mixed = scattered(cells);
  expect(mixed).not.toEqual(cells);
  expect(new Set(mixed)).toEqual(new Set(cells));
  expect(mixed).toHaveLength(cells.length);
});

it("says what the picture shows", () => {
  render(<SortingPicture before={piles} after={piles} />);
  expect(screen.getByRole("list", { name: "Folders afterwards" })).toHaveTextContent("Images990");
});
