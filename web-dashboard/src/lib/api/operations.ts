/** Operations, which most areas look at: asking for them, about them, and changing their course. */
import { infiniteQueryOptions, queryOptions, type QueryClient } from "@tanstack/react-query";

import { answer, api, named, Problem, type Operation, type PathRef, type Schemas } from "./client";

export const FINAL: readonly string[] = ["completed", "failed", "cancelled"];

const OVERLAP_RETRIES = 5;
const OVERLAP_MS = 600;

/** For asking while previews that were left are being stopped: until then they keep their folder busy. */
export const untilStopped = {
  retry: (times: number, error: Error) => error instanceof Problem && error.code === "operation-overlap" && times < OVERLAP_RETRIES,
  retryDelay: OVERLAP_MS,
};

/** Has it ended? */
export function isOver(operation: Operation): boolean {
  return FINAL.includes(operation.status);
}

export function operationQuery(id: string) {
  return queryOptions({
    queryKey: ["operations", id],
    queryFn: ({ signal }) =>
      answer(api.GET("/api/v1/operations/{operation_id}", { params: { path: { operation_id: id } }, signal })),
  });
}

type OperationType = Operation["operation_type"];

/** Kinds of operations that the timeline can be narrowed to. */
export const KINDS = ["organize", "rollback", "duplicate_cleanup", "preview"] as const;

export interface HistorySearch {
  kind?: (typeof KINDS)[number];
}

/** Only what the address may say. */
export function historySearch(given: Record<string, unknown>): HistorySearch {
  const kind = KINDS.find((known) => known === given.kind);
  return kind ? { kind } : {};
}

export function operationsQuery(filter: { operation_type?: OperationType; limit?: number } = {}) {
  const limit = filter.limit ?? 50;
  return infiniteQueryOptions({
    queryKey: ["operations", "list", filter],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/v1/operations", { params: { query: { ...filter, limit, offset: pageParam } }, signal })),
    getNextPageParam: (last) => (last.offset + last.limit < last.total ? last.offset + last.limit : undefined),
  });
}

export function overviewQuery() {
  return queryOptions({
    queryKey: ["operations", "overview"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/stats/overview", { signal })),
  });
}

/** Everything that an operation may have changed is asked for anew. */
export async function forgetAfterOperation(client: QueryClient): Promise<void> {
  await Promise.all(
    ["operations", "files", "duplicates", "trash", "reports", "categories"].map((first) =>
      client.invalidateQueries({ queryKey: [first] }),
    ),
  );
}

export function requestOperation(body: Schemas["OperationCreate"]): Promise<Operation> {
  return answer(api.POST("/api/v1/operations", { body, params: { header: { "idempotency-key": crypto.randomUUID() } } }));
}

export function applyPlan(id: string, confirm: boolean): Promise<Operation> {
  return answer(api.POST("/api/v1/operations/{operation_id}/apply", { params: { path: { operation_id: id } }, body: { confirm } }));
}

export function cancelOperation(id: string): Promise<Operation> {
  return answer(api.POST("/api/v1/operations/{operation_id}/cancel", { params: { path: { operation_id: id } } }));
}

export function retryOperation(id: string): Promise<Operation> {
  return answer(api.POST("/api/v1/operations/{operation_id}/retry", { params: { path: { operation_id: id } } }));
}

/** Take an operation back, whole or for one original file or folder. */
export function rollBack(id: string, only: PathRef | null): Promise<Operation> {
  const body = only === null ? {} : only.path_b64 ? { paths_b64: [only.path_b64] } : { paths: [only.path] };
  return answer(api.POST("/api/v1/operations/{operation_id}/rollback", { params: { path: { operation_id: id } }, body }));
}

/** What taking back would do. */
export function undoReviewQuery(id: string, only: PathRef | null) {
  return queryOptions({
    queryKey: ["operations", id, "rollback-preview", only],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/operations/{operation_id}/rollback-preview", {
          params: { path: { operation_id: id }, query: only ? named(only) : {} },
          signal,
        }),
      ),
    gcTime: 0,
  });
}

export function explainQuery(id: string, of: PathRef) {
  return queryOptions({
    queryKey: ["operations", id, "explain", of.path_b64 ?? of.path],
    queryFn: ({ signal }) =>
      answer(
        api.GET("/api/v1/operations/{operation_id}/explain", {
          params: { path: { operation_id: id }, query: named(of) },
          signal,
        }),
      ),
  });
}
