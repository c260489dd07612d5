/** Groups of equal files, and putting the redundant ones away. */
import { infiniteQueryOptions } from "@tanstack/react-query";

import { answer, api, type Operation, type PathRef, type Schemas } from "@/lib/api/client";

const PAGE = 50;

export function groupsQuery(operationId: string) {
  return infiniteQueryOptions({
    queryKey: ["duplicates", operationId],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      answer(
        api.GET("/api/v1/duplicates/{operation_id}", {
          params: { path: { operation_id: operationId }, query: { limit: PAGE, offset: pageParam } },
          signal,
        }),
      ),
    getNextPageParam: (last) => (last.offset + last.limit < last.total_groups ? last.offset + last.limit : undefined),
  });
}

/** Put all copies of a group but one into the trash. */
export function keepOnly(operationId: string, hash: string, keep: PathRef): Promise<Schemas["RemovedRead"] | Operation> {
  const query = keep.path_b64 ? { keep_b64: keep.path_b64 } : { keep: keep.path };
  return answer(
    api.DELETE("/api/v1/duplicates/{operation_id}/{hash_value}", {
      params: { path: { operation_id: operationId, hash_value: hash }, query },
    }),
  );
}

/** A preview of putting all redundant copies away by a rule. */
export function previewCleanUp(operationId: string, keep: NonNullable<Schemas["CleanUpCreate"]["keep"]>): Promise<Operation> {
  return answer(
    api.POST("/api/v1/duplicates/{operation_id}/cleanup", {
      params: { path: { operation_id: operationId } },
      body: { keep, is_dry_run: true },
    }),
  );
}
