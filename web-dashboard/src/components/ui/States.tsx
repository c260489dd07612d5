/** What stands in the place of something that isn't there yet, or won't come. */
import type { ReactNode } from "react";

import { Problem, Unreachable } from "@/lib/api/client";
import { language } from "@/lib/language";
import type { Key } from "@/lib/strings";
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

/** What the server says of fields, in its words and in those of the library that checks their form. */
const FIELD_WORDS: readonly (readonly [RegExp, Key])[] = [
  [/^(?:Use|String should have) at least (\d+) char/, "field.too-short"],
  [/^String should have at most (\d+) char/, "field.too-long"],
  [/^Use at most (\d+) bytes/, "field.too-many-bytes"],
  [/^This password is among/, "field.common-password"],
  [/^The password must not be/, "field.personal-password"],
  [/^The current password is wrong/, "field.wrong-password"],
  [/^value is not a valid email/, "field.not-an-address"],
  [/^A user name has no @/, "field.at-sign"],
  [/^can't be the name of a folder/, "field.not-a-folder-name"],
  [/^isn't an extension/, "field.not-an-extension"],
  [/^Name the folder by its absolute path/, "field.not-absolute"],
  [/^The server's own folders/, "field.own-folder"],
];

function fieldWords(message: string): string {
  for (const [pattern, key] of FIELD_WORDS) {
    const found = pattern.exec(message);
    if (found) return text(key, { n: Number(found[1]) });
  }
  return message;
}

/** What is wrong with the fields of a request, by their names. */
export function wrongFields(error: unknown): Map<string, string> {
  return new Map(error instanceof Problem ? error.fields.map((item) => [item.field, fieldWords(item.message)]) : []);
}

/** What went wrong, in words; `again` says that it is tried again without anybody's doing. */
export function reasonOf(error: unknown, again: boolean): string {
  if (error instanceof Unreachable) return text(again ? "error.unreachable" : "error.not-reached");
  if (error instanceof Problem) return [codeWords(error.code, error.message), ...wrongFields(error).values()].join(" ");
  return text(isUnloaded(error) ? "error.not-reached" : "error.unknown");
}

/** Did a part of the dashboard itself not come? Each browser says it in its own words. */
function isUnloaded(error: unknown): boolean {
  return error instanceof TypeError && /dynamically imported module|module script/i.test(error.message);
}

/** What went wrong, and, for what is only looked at, a way to try it again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const t = useText();
  return (
    <div className="notice bad" role="alert">
      <span>{reasonOf(error, retry !== undefined)}</span>
      {retry && (
        <button type="button" className="button slim push" onClick={retry}>
          {t("action.retry")}
        </button>
      )}
    </div>
  );
}

/** What is needed of a query, be it of one answer or of pages. */
interface Asked<T> {
  data: T | undefined;
  isError: boolean;
  error: unknown;
  refetch: () => unknown;
}

/** A query's answer once it is there, even if a later one doesn't come; until then the words for waiting, or what went wrong. */
export function Loaded<T>({
  query,
  waiting,
  children,
}: {
  query: Asked<T>;
  waiting: string;
  children: (loaded: T) => ReactNode;
}) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  return <Waiting for={waiting} />;
}
