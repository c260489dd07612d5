/** What an operation came to, in numbers. */
import { queryOptions } from "@tanstack/react-query";

import { answer, api, fetchBlob } from "@/lib/api/client";

export const FORMATS = ["html", "csv", "xlsx", "json"] as const;
export type Format = (typeof FORMATS)[number];

export function reportQuery(id: string) {
  return queryOptions({
    queryKey: ["reports", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/reports/{operation_id}", { params: { path: { operation_id: id } }, signal })),
  });
}

export function agesQuery(id: string) {
  return queryOptions({
    queryKey: ["reports", id, "ages"],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/reports/{operation_id}/ages", { params: { path: { operation_id: id } }, signal })),
    staleTime: Infinity,
  });
}

export function exported(id: string, format: Format): Promise<Blob> {
  return fetchBlob(`/api/v1/reports/${id}/export?format=${format}`);
}
