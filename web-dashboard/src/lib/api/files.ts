/** The files of an operation, and files over all operations. */
import { infiniteQueryOptions } from "@tanstack/react-query";

import { answer, api, type FileRecord } from "./client";

const PAGE = 200;

export interface FilesFilter {
  status_filter?: FileRecord["status"];
  category_filter?: string;
  sort_by?: "created_at" | "size_bytes" | "path";
  sort_order?: "asc" | "desc";
}

export function filesQuery(operationId: string, filter: FilesFilter) {
  return infiniteQueryOptions({
    queryKey: ["files", operationId, filter],
    initialPageParam: "",
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/files", {
          params: {
            query: {
              operation_id: operationId,
              page_size: PAGE,
              ...filter,
              ...(pageParam === "" ? {} : { cursor: pageParam }),
            },
          },
          signal,
        }),
      ),
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** What is looked for over all operations, as the address says it. */
export interface FilesSearch {
  q?: string;
  status?: FileRecord["status"];
  category?: string;
  sort?: (typeof FOUND_SORTS)[number];
}

export const FOUND_SORTS = ["best", "newest", "largest", "name"] as const;
export const STATUSES = ["completed", "skipped", "failed"] as const;

/** Only what the address may say. */
export function filesSearch(given: Record<string, unknown>): FilesSearch {
  const status = STATUSES.find((known) => known === given.status);
  const sort = FOUND_SORTS.find((known) => known === given.sort);
  return {
    ...(typeof given.q === "string" ? { q: given.q } : {}),
    ...(status ? { status } : {}),
    ...(typeof given.category === "string" ? { category: given.category } : {}),
    ...(sort && sort !== "best" ? { sort } : {}),
  };
}

export function searchQuery({ q, status, category, sort }: FilesSearch) {
  const words = (q ?? "").trim();
  return infiniteQueryOptions({
    queryKey: ["files", "search", words, status, category, sort],
    initialPageParam: 1,
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/files/search", {
          params: {
            query: {
              query: words,
              page: pageParam,
              page_size: PAGE,
              ...(status ? { status_filter: status } : {}),
              ...(category ? { category_filter: category } : {}),
              ...(sort ? { sort_by: sort } : {}),
            },
          },
          signal,
        }),
      ),
    getNextPageParam: (last) => (last.page < last.total_pages ? last.page + 1 : undefined),
    enabled: words !== "",
  });
}
