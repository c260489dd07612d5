/** The user's own categories. */
import { queryOptions } from "@tanstack/react-query";

import { answer, api, Problem, type PlanFile, type Schemas } from "@/lib/api/client";

export type Wanted = Schemas["CategoryCreate"];

export function saveCategory(id: string | null, body: Wanted): Promise<Schemas["CategoryRead"]> {
  return id === null
    ? answer(api.POST("/api/v1/categories", { body }))
    : answer(api.PUT("/api/v1/categories/{category_id}", { params: { path: { category_id: id } }, body }));
}

export function removeCategory(id: string): Promise<unknown> {
  return answer(api.DELETE("/api/v1/categories/{category_id}", { params: { path: { category_id: id } } }));
}

const SAMPLE = 1000;

/** The first files of the newest preview: what a new category is tried on; are there more? */
export function lastPlanQuery() {
  return queryOptions({
    queryKey: ["operations", "last-plan"],
    queryFn: async ({ signal }): Promise<{ files: PlanFile[]; more: boolean }> => {
      const { operations } = await answer(
        api.GET("/api/v1/operations", {
          params: { query: { operation_type: "preview", status: "completed", limit: 1 } },
          signal,
        }),
      );
      const [last] = operations;
      if (last === undefined) return { files: [], more: false };
      const page = await answer(
        api.GET("/api/v1/operations/{operation_id}/plan", {
          params: { path: { operation_id: last.id }, query: { below: true, limit: SAMPLE } },
          signal,
        }),
      ).catch((error: unknown) => {
        // it was applied since, or thrown away: there is none to try on
        if (error instanceof Problem && error.code === "plan-not-found") return null;
        throw error;
      });
      if (page === null) return { files: [], more: false };
      return { files: page.files, more: page.next_cursor !== null };
    },
  });
}
