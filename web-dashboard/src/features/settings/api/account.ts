/** The own account: profile, password, sessions, keys. */
import { queryOptions } from "@tanstack/react-query";

import { answer, api, type Schemas } from "@/lib/api/client";

export function saveProfile(full_name: string): Promise<Schemas["ProfileRead"]> {
  return answer(api.PATCH("/api/v1/auth/me", { body: { full_name } }));
}

export function changePassword(body: Schemas["PasswordChange"]): Promise<unknown> {
  return answer(api.POST("/api/v1/auth/password", { body }));
}

export function sessionsQuery() {
  return queryOptions({
    queryKey: ["sessions"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/auth/sessions", { signal })),
  });
}

export function endSession(id: string): Promise<unknown> {
  return answer(api.DELETE("/api/v1/auth/sessions/{session_id}", { params: { path: { session_id: id } } }));
}

export function endOtherSessions(): Promise<unknown> {
  return answer(api.DELETE("/api/v1/auth/sessions"));
}

export function keysQuery() {
  return queryOptions({
    queryKey: ["keys"],
    queryFn: ({ signal }) => answer(api.GET("/api/v1/api-keys", { signal })),
  });
}

export function makeKey(body: Schemas["ApiKeyCreate"]): Promise<Schemas["ApiKeyMade"]> {
  return answer(api.POST("/api/v1/api-keys", { body }));
}

export function revokeKey(id: string): Promise<unknown> {
  return answer(api.DELETE("/api/v1/api-keys/{key_id}", { params: { path: { key_id: id } } }));
}
