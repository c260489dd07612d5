/** A plan: its folders before and after, and its files, page by page. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { answer, api, named, pathKey, type PathRef, type PlanFile } from "./client";

export type Side = "before" | "after";
export const TOP: PathRef = { path: "" };
export const PAGE = 300;

export interface PlanFilter {
  change?: PlanFile["change"];
  category?: string;
  decided_by?: (typeof DECIDERS)[number];
  reason?: string;
}

/** Kinds of rules that give a file its category. */
export const DECIDERS = ["extension", "keyword", "content", "family", "fallback"] as const;

/** The folders in a folder of both trees. A plan never changes, so its answers are kept. */
export function planFoldersQuery(id: string, folder: PathRef, depth = 1) {
  return queryOptions({
    queryKey: ["plans", id, "folders", pathKey(folder), depth],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/operations/{operation_id}/preview", {
          params: { path: { operation_id: id }, query: { ...(folder.path === "" ? {} : named(folder)), depth } },
          signal,
        }),
      ),
    staleTime: Infinity,
  });
}

/** One page of the files directly in a folder of one tree. */
export function planFilesQuery(id: string, side: Side, folder: PathRef, cursor: string | null) {
  return queryOptions({
    queryKey: ["plans", id, "files", side, pathKey(folder), cursor],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/operations/{operation_id}/plan", {
          params: {
            path: { operation_id: id },
            query: {
              ...(folder.path === "" ? {} : named(folder)),
              tree: side,
              limit: PAGE,
              ...(cursor === null ? {} : { cursor }),
            },
          },
          signal,
        }),
      ),
    staleTime: Infinity,
  });
}

/** All files of the plan that pass a filter. A page ends after a while of looking: one without a file isn't the end. */
export function filteredFilesQuery(id: string, filter: PlanFilter) {
  return infiniteQueryOptions({
    queryKey: ["plans", id, "filtered", filter],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }) => {
      const look = (cursor: string) =>
        answer(
          api.GET("/api/v1/operations/{operation_id}/plan", {
            params: {
              path: { operation_id: id },
              query: { below: true, limit: PAGE, ...filter, ...(cursor === "" ? {} : { cursor }) },
            },
            signal,
          }),
        );
      let page = await look(pageParam);
      while (page.files.length === 0 && page.next_cursor !== null) page = await look(page.next_cursor);
      return page;
    },
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    staleTime: Infinity,
  });
}
