/** What stands in the place of something that isn't there yet, or won't come. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Problem, Unreachable } from "@/lib/api/client";
import { language } from "@/lib/language";
import { isKey, text, useText } from "@/lib/text";

/** Something is on its way; the words say what. */
export function Waiting({ for: what }: { for: string }) {
  return (
    <p className="waiting" role="status">
      {what}
    </p>
  );
}

/** Nothing is there; what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A refusal in the language of the dashboard. The server's own words say more, such as names, but only in English. */
export function codeWords(code: string | null, english: string): string {
  const key = `problem.${code ?? ""}`;
  return language() === "en" || !isKey(key) ? english : text(key);
}

/** What went wrong, in words. */
export function reasonOf(error: unknown): string {
  if (error instanceof Unreachable) return text("error.unreachable");
  if (error instanceof Problem) {
    const fields = error.fields.map((item) => `${item.field}: ${item.message}`).join(" · ");
    const words = codeWords(error.code, error.message);
    return fields ? `${words} ${fields}` : words;
  }
  return text("error.unknown");
}

/** What went wrong, and a way to try it again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useText();
  return (
    <div className="notice bad" role="alert">
      <span>{reasonOf(error)}</span>
      {retry && (
        <button type="button" className="button slim push" onClick={retry}>
          {t("action.retry")}
        </button>
      )}
    </div>
  );
}

/** A query's answer once it is there; until then the words for waiting, or what went wrong. */
export function Loaded<T>({
  query,
  waiting,
  children,
}: {
  query: UseQueryResult<T>;
  waiting: string;
  children: (loaded: T) => ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return <Waiting for={waiting} />;
}
