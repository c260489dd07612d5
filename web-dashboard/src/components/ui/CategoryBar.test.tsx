import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen, waitFor } from "@testing-library/react";
import { expect, it } from "vitest";

import { categoriesQuery } from "@/lib/api/lookups";

import { CategoryBar } from "./CategoryBar";

const shares = [
  { category: "Images", file_count: 3, total_size_bytes: 30 },
  { category: "Gone", file_count: 1, total_size_bytes: 10 },
];

it("keeps places free until the categories are known, and has no other colour before", async () => {
  const client = new QueryClient({ defaultOptions: { queries: { enabled: false } } });
  render(
    <QueryClientProvider client={client}>
      <CategoryBar of={shares} />
    </QueryClientProvider>,
  );
  const colors = () => shares.map(({ category }) => screen.getByTitle(category).style.background);
  expect(colors()).toEqual(["var(--sunken)", "var(--sunken)"]);
  const known = { categories: [{ name: "Images", color: "#12934f", icon: "image" }], custom_count: 0 };
  act(() => void client.setQueryData<unknown>(categoriesQuery().queryKey, known));
  await waitFor(() => expect(colors()).toEqual(["rgb(18, 147, 79)", "rgb(138, 147, 143)"]));
});
