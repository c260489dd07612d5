import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";

import { Name } from "./Name";

it("shows a hostile name as text", () => {
  const { container } = render(<Name of="<img src=x onerror=alert(1)>" />);
  expect(screen.getByText("<img src=x onerror=alert(1)>")).toBeVisible();
  expect(container.querySelector("img")).toBeNull();
});
