/** The folders in a granted folder. */
import { queryOptions } from "@tanstack/react-query";

import { answer, api, named, pathKey, type PathRef } from "@/lib/api/client";

export function foldersQuery(folder: PathRef) {
  return queryOptions({
    queryKey: ["folders", pathKey(folder)],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/folders", { params: { query: named(folder) }, signal })),
  });
}
