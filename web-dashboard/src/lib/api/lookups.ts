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

/** How a category looks. */
export interface Look {
  color: string;
  /** Null where there is nothing to draw. */
  icon: string | null;
}

const NO_CATEGORY: Look = { color: "#8a938f", icon: null };
/** While the categories aren't known, a place is kept free in the colour of the ground, so that nothing changes from grey. */
const NOT_KNOWN_YET: Look = { color: "var(--sunken)", icon: null };

/** How a category looks, by its name. */
export function useCategoryLook(): (name: string | null | undefined) => Look {
  const { data, isPending } = useQuery(categoriesQuery());
  const looks = new Map<string, Look>(data?.categories.map((category) => [category.name, category]));
  return (name) => (isPending && name ? NOT_KNOWN_YET : (looks.get(name ?? "") ?? NO_CATEGORY));
}

/** The colour of a category by its name. */
export function useCategoryColor(): (name: string | null | undefined) => string {
  const look = useCategoryLook();
  return (name) => look(name).color;
}
