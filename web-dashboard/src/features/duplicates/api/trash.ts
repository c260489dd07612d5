/** What lies in the trash of the granted folders: bringing it back, or destroying it. */
import { infiniteQueryOptions } from "@tanstack/react-query";

import { answer, api, type Operation, type Schemas } from "@/lib/api/client";

const PAGE = 100;
type Item = Schemas["TrashRead"];

export function trashQuery() {
  return infiniteQueryOptions({
    queryKey: ["trash"],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/v1/trash", { params: { query: { limit: PAGE, offset: pageParam } }, signal })),
    getNextPageParam: (last) => (last.offset + last.limit < last.total_items ? last.offset + last.limit : undefined),
  });
}

/** The folder whose records know an item. */
function rootOf(item: Item): { root_path: string } | { root_path_b64: string } {
  return item.root_path_b64 ? { root_path_b64: item.root_path_b64 } : { root_path: item.root_path };
}

export function restore(items: readonly Item[]): Promise<Operation> {
  const [first] = items;
  if (first === undefined) throw new Error("no item to restore");
  return answer(api.POST("/api/v1/trash/restore", { body: { ...rootOf(first), items: items.map((item) => item.item_id) } }));
}

export function purge(items: readonly Item[]): Promise<Operation> {
  const [first] = items;
  if (first === undefined) throw new Error("no item to purge");
  return answer(
    api.POST("/api/v1/trash/purge", {
      body: { ...rootOf(first), items: items.map((item) => item.item_id), count: items.length },
    }),
  );
}
