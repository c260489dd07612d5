/** A tree as rows: what of it is open, one after the other. */
import { pathKey, type PathRef, type PlanFile, type Schemas, type Tree } from "@/lib/api/client";
import { baseName, folderOf } from "@/lib/format";
import { TOP, type Side } from "@/lib/api/plans";

const NAMES = new Intl.Collator(undefined, { numeric: true });

export type Row =
  | { kind: "folder"; key: string; depth: number; folder: Tree; open: boolean }
  | { kind: "file"; key: string; depth: number; file: PlanFile; name: string }
  | { kind: "more"; key: string; depth: number; folder: string }
  | { kind: "rest"; key: string; depth: number; files: number }
  | { kind: "waiting"; key: string; depth: number };

/** What is known of an open folder. */
export interface Opened {
  folders: readonly Tree[] | undefined;
  /** Files directly in it, by the tree's own count: those that stay where they are aren't part of a plan. */
  own: number;
  pages: readonly Schemas["PlanFileList"][];
}

/** Where a tree shows a file; null when it isn't in that tree. */
export function placeIn(side: Side, file: PlanFile): PathRef | null {
  if (side === "before" || (file.target === null && file.change !== "trashed")) return { path: file.path, path_b64: file.path_b64 ?? null };
  return file.target === null ? null : { path: file.target, path_b64: file.target_b64 ?? null };
}

/** The folders above a path, from the top on. A path that isn't UTF-8 can't be taken apart as text. */
export function foldersAbove(place: PathRef): string[] {
  if (place.path_b64) return [];
  const above: string[] = [];
  for (let folder = folderOf(place.path); folder !== ""; folder = folderOf(folder)) above.unshift(folder);
  return above;
}

/** The rows of a tree. `shown` is a file that is to be there even if its page isn't loaded yet. */
export function rowsOf(side: Side, opened: ReadonlyMap<string, Opened>, shown: PlanFile | null): Row[] {
  const rows: Row[] = [];
  const place = shown && placeIn(side, shown);
  const wantedIn = place ? folderOf(place.path) : null;

  function add(folder: PathRef, depth: number) {
    const key = pathKey(folder);
    const known = opened.get(key);
    if (known === undefined) return;
    if (known.folders === undefined) {
      rows.push({ kind: "waiting", key: `${key}//waiting`, depth });
      return;
    }
    for (const inner of known.folders) {
      const open = opened.has(pathKey(inner));
      rows.push({ kind: "folder", key: pathKey(inner), depth, folder: inner, open });
      if (open) add(inner, depth + 1);
    }
    const begin = rows.length;
    rows.push(...fileRows(side, known.pages, depth));
    const last = known.pages[known.pages.length - 1];
    const listed = rows.length - begin;
    if (shown && place && wantedIn === folder.path && !rows.slice(begin).some((row) => row.key === fileKey(shown)))
      rows.splice(begin, 0, { kind: "file", key: fileKey(shown), depth, file: shown, name: baseName(place.path) });
    if (last === undefined || last.next_cursor !== null) rows.push({ kind: "more", key: `${key}//more`, depth, folder: key });
    else if (known.own > listed) rows.push({ kind: "rest", key: `${key}//rest`, depth, files: known.own - listed });
  }

  add(TOP, 0);
  return rows;
}

/** The files of the loaded pages. A single page is put into the order of names; of more, rows would jump when one arrives. */
function fileRows(side: Side, pages: Opened["pages"], depth: number): Row[] {
  const rows = pages
    .flatMap((page) => page.files)
    .flatMap((file) => {
      const at = placeIn(side, file);
      return at ? [{ kind: "file" as const, key: fileKey(file), depth, file, name: baseName(at.path) }] : [];
    });
  const whole = pages.length === 1 && pages[0]?.next_cursor === null;
  return whole ? rows.sort((one, other) => NAMES.compare(one.name, other.name)) : rows;
}

/** A file's row, apart from a folder's of the same path. */
export function fileKey(file: PlanFile): string {
  return `file:${pathKey(file)}`;
}
