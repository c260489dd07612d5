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

export function searchQuery(words: string) {
  return infiniteQueryOptions({
    queryKey: ["files", "search", words],
    initialPageParam: 1,
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/v1/files/search", { params: { query: { query: words, page: pageParam, page_size: PAGE } }, signal })),
    getNextPageParam: (last) => (last.page < last.total_pages ? last.page + 1 : undefined),
    enabled: words !== "",
  });
}
