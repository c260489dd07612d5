/** What administrators look after. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "@/lib/api/client";

const PAGE = 50;

function nextOffset(total: number, offset: number): number | undefined {
  return offset + PAGE < total ? offset + PAGE : undefined;
}

export function usersQuery() {
  return infiniteQueryOptions({
    queryKey: ["admin", "users"],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/v1/admin/users", { params: { query: { limit: PAGE, offset: pageParam } }, signal })),
    getNextPageParam: (last, _all, offset) => nextOffset(last.total, offset),
  });
}

export function changeUser(change: { id: string; to: Schemas["UserUpdate"] }): Promise<Schemas["ProfileRead"]> {
  return answer(api.PATCH("/api/v1/admin/users/{user_id}", { params: { path: { user_id: change.id } }, body: change.to }));
}

export function forgetLimits(userId: string): Promise<unknown> {
  return answer(api.DELETE("/api/v1/admin/rate-limits/{user_id}", { params: { path: { user_id: userId } } }));
}

export function grantedRootsQuery() {
  return infiniteQueryOptions({
    queryKey: ["admin", "roots"],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/v1/admin/roots", { params: { query: { limit: PAGE, offset: pageParam } }, signal })),
    getNextPageParam: (last, _all, offset) => nextOffset(last.total, offset),
  });
}

export function grantRoot(body: { path: string; user_id: string }): Promise<Schemas["GrantedRootRead"]> {
  return answer(api.POST("/api/v1/admin/roots", { body }));
}

export function takeRoot(grant: { root: string; user: string }): Promise<unknown> {
  return answer(
    api.DELETE("/api/v1/admin/roots/{root_id}/users/{user_id}", {
      params: { path: { root_id: grant.root, user_id: grant.user } },
    }),
  );
}

export function auditQuery() {
  return infiniteQueryOptions({
    queryKey: ["admin", "audit"],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      answer(api.GET("/api/v1/admin/audit-log", { params: { query: { limit: PAGE, offset: pageParam } }, signal })),
    getNextPageParam: (last, _all, offset) => nextOffset(last.total, offset),
  });
}

const LOOK_AGAIN_MS = 10_000;

export function figuresQuery() {
  return queryOptions({
    queryKey: ["admin", "figures"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/admin/figures", { signal })),
    refetchInterval: LOOK_AGAIN_MS,
  });
}

export function statusQuery() {
  return queryOptions({
    queryKey: ["admin", "status"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/status", { signal })),
    refetchInterval: LOOK_AGAIN_MS,
  });
}
