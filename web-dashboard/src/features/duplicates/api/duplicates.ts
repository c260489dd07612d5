/** Groups of equal files, and putting the redundant ones away. */
import { infiniteQueryOptions } from "@tanstack/react-query";

import { answer, api, named, type Operation, type PathRef, type Schemas } from "@/lib/api/client";

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

/** Put copies of a group into the trash: all but one by naming that one, else those that are named. */
export function putAway(
  operationId: string,
  hash: string,
  staying: readonly PathRef[],
  going: readonly PathRef[],
): Promise<Schemas["RemovedRead"] | Operation> {
  const [only, ...others] = staying;
  const query =
    only && others.length === 0
      ? only.path_b64
        ? { keep_b64: only.path_b64 }
        : { keep: only.path }
      : {
          drop: going.filter((copy) => !copy.path_b64).map((copy) => copy.path),
          drop_b64: going.flatMap((copy) => copy.path_b64 ?? []),
        };
  return answer(
    api.DELETE("/api/v1/duplicates/{operation_id}/{hash_value}", {
      params: { path: { operation_id: operationId, hash_value: hash }, query },
    }),
  );
}

/** Where the small picture of a copy is. */
export function pictureOf(operationId: string, hash: string, copy: PathRef): string {
  const query = new URLSearchParams({ ...named(copy), size: "256" });
  return `/api/v1/duplicates/${operationId}/${hash}/thumbnail?${query.toString()}`;
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
