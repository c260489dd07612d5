/** What many areas look up: the account, the granted folders, the categories with their colours. */
import { queryOptions, useQuery } from "@tanstack/react-query";

import { answer, api } from "./client";

export function meQuery() {
  return queryOptions({
    queryKey: ["me"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/auth/me", { signal })),
    staleTime: 60_000,
  });
}

export function rootsQuery() {
  return queryOptions({
    queryKey: ["roots"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/roots", { signal })),
    staleTime: 60_000,
  });
}

export function categoriesQuery() {
  return queryOptions({
    queryKey: ["categories"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/categories", { signal })),
    staleTime: 60_000,
  });
}

export function trashTotalsQuery() {
  return queryOptions({
    queryKey: ["trash", "totals"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/trash", { params: { query: { limit: 1 } }, signal })),
  });
}

const NO_CATEGORY = "#8a938f";

/** The colour of a category by its name. */
export function useCategoryColor(): (name: string | null | undefined) => string {
  const { data } = useQuery(categoriesQuery());
  const colors = new Map(data?.categories.map((category) => [category.name, category.color]));
  return (name) => colors.get(name ?? "") ?? NO_CATEGORY;
}
