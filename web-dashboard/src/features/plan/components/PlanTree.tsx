/** One of the two trees of a plan: folders open when asked, only the rows in sight are drawn, all by keyboard too. */
import { useQueries, useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";

import { Name } from "@/components/ui/Name";
import { Loaded } from "@/components/ui/States";
import { pathKey, type PathRef, type PlanFile, type Schemas, type Tree } from "@/lib/api/client";
import { useCategoryColor } from "@/lib/api/lookups";
import { planFilesQuery, planFoldersQuery, TOP, type Side } from "@/lib/api/plans";
import { count, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { fileKey, foldersAbove, placeIn, rowsOf, type Opened, type Row } from "./rows";

const ROW = 26;
const INDENT = 16;

/** An open folder: which it is, and behind which cursors its pages of files begin. */
interface OpenFolder {
  folder: PathRef;
  cursors: (string | null)[];
}

function opening(folder: PathRef): [string, OpenFolder] {
  return [pathKey(folder), { folder, cursors: [null] }];
}

export function PlanTree({
  id,
  side,
  selected,
  onSelect,
}: {
  id: string;
  side: Side;
  selected: PlanFile | null;
  onSelect: (file: PlanFile) => void;
}) {
  const t = useText();
  const top = useQuery(planFoldersQuery(id, TOP));
  const tree = top.data?.[side] ?? null;
  return (
    <section className={`tree-side ${side}`} aria-label={side === "before" ? t("plan.before") : t("plan.after")}>
      <div className="tree-head row spread">
        <h2>{side === "before" ? t("plan.before") : t("plan.after")}</h2>
        {tree && (
          <span className="small soft">
            {t("plan.tree-sum", { n: tree.files_below, folders: tree.folders.length, size: size(tree.bytes_below) })}
          </span>
        )}
      </div>
      <Loaded query={top} waiting={t("waiting.tree")}>
        {() => <Rows id={id} side={side} selected={selected} onSelect={onSelect} />}
      </Loaded>
    </section>
  );
}

function Rows({
  id,
  side,
  selected,
  onSelect,
}: {
  id: string;
  side: Side;
  selected: PlanFile | null;
  onSelect: (file: PlanFile) => void;
}) {
  const t = useText();
  const name = useId();
  const box = useRef<HTMLDivElement>(null);
  const color = useCategoryColor();
  const [open, setOpen] = useState<ReadonlyMap<string, OpenFolder>>(() => new Map([opening(TOP)]));
  const [active, setActive] = useState<string | null>(null);
  const rows = rowsOf(side, useOpened(id, side, open), selected);
  const found = rows.findIndex((row) => row.key === active);
  const at = found < 0 ? 0 : found;
  // eslint-disable-next-line react-hooks/incompatible-library -- the virtualizer changes inside; this component isn't memoized
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 15,
  });

  // A file that was selected in the other tree is shown in this one: the folders above it open, and it comes into sight.
  const [revealed, setRevealed] = useState<PlanFile | null>(null);
  if (selected !== revealed) {
    setRevealed(selected);
    const place = selected && placeIn(side, selected);
    if (selected && place) {
      const missing = foldersAbove(place).filter((folder) => !open.has(folder));
      if (missing.length > 0) setOpen(new Map([...open, ...missing.map((path) => opening({ path }))]));
      setActive(fileKey(selected));
    }
  }
  const wanted = selected ? rows.findIndex((row) => row.key === fileKey(selected)) : -1;
  useEffect(() => {
    if (wanted >= 0) virtual.scrollToIndex(wanted, { align: "auto" });
    // only when another row is wanted: a tree that grows must not jump
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [wanted]);

  function toggle(folder: Tree) {
    const next = new Map(open);
    if (!next.delete(pathKey(folder))) next.set(...opening(folder));
    setOpen(next);
  }
  function fetchMore(folder: string, cursor: string) {
    const known = open.get(folder);
    if (known && !known.cursors.includes(cursor))
      setOpen(new Map([...open, [folder, { ...known, cursors: [...known.cursors, cursor] }]]));
  }
  function act(row: Row) {
    if (row.kind === "folder") toggle(row.folder);
    else if (row.kind === "file") onSelect(row.file);
  }
  function moveTo(index: number) {
    const row = rows[Math.max(0, Math.min(rows.length - 1, index))];
    if (row === undefined) return;
    setActive(row.key);
    virtual.scrollToIndex(rows.indexOf(row));
  }
  function onKey(event: KeyboardEvent) {
    const row = rows[at];
    if (row === undefined) return;
    const page = Math.max(1, Math.floor((box.current?.clientHeight ?? ROW * 20) / ROW) - 1);
    const moves: Record<string, () => void> = {
      ArrowDown: () => moveTo(at + 1),
      ArrowUp: () => moveTo(at - 1),
      PageDown: () => moveTo(at + page),
      PageUp: () => moveTo(at - page),
      Home: () => moveTo(0),
      End: () => moveTo(rows.length - 1),
      Enter: () => act(row),
      " ": () => act(row),
      ArrowRight: () => (row.kind === "folder" && !row.open ? toggle(row.folder) : moveTo(at + 1)),
      ArrowLeft: () => {
        if (row.kind === "folder" && row.open) toggle(row.folder);
        else moveTo(rows.slice(0, at).findLastIndex((other) => other.depth < row.depth));
      },
    };
    const move = moves[event.key];
    if (move === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move();
  }

  const items = virtual.getVirtualItems();
  const current = items.some((item) => item.index === at) ? `${name}-${at}` : undefined;
  return (
    <div
      ref={box}
      className="tree"
      role="tree"
      tabIndex={0}
      aria-label={side === "before" ? t("plan.before") : t("plan.after")}
      aria-activedescendant={current}
      onKeyDown={onKey}
    >
      <div role="presentation" style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          const chosen = row.kind === "file" && selected !== null && row.key === fileKey(selected);
          return (
            // The tree has the focus, hears the keyboard, and names this row by aria-activedescendant.
            // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
            <div
              key={row.key}
              id={`${name}-${item.index}`}
              role="treeitem"
              aria-level={row.depth + 1}
              aria-selected={chosen}
              aria-expanded={row.kind === "folder" ? row.open : undefined}
              className={`tree-row ${row.kind} ${row.kind === "file" ? row.file.change : ""}`}
              data-active={item.index === at}
              style={{ transform: `translateY(${item.start}px)`, paddingInlineStart: 8 + row.depth * INDENT }}
              onClick={() => {
                setActive(row.key);
                act(row);
              }}
            >
              <RowContent row={row} id={id} side={side} open={open} color={color} onMore={fetchMore} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Everything that is known of the open folders. */
function useOpened(id: string, side: Side, open: ReadonlyMap<string, OpenFolder>): Map<string, Opened> {
  const folders = [...open.values()];
  const levels = useQueries({ queries: folders.map(({ folder }) => planFoldersQuery(id, folder)) });
  const wanted = folders.flatMap(({ folder, cursors }) => cursors.map((cursor) => ({ folder, cursor })));
  const pages = useQueries({ queries: wanted.map(({ folder, cursor }) => planFilesQuery(id, side, folder, cursor)) });
  const opened = new Map<string, Opened>();
  folders.forEach(({ folder }, index) => {
    const level = levels[index]?.data;
    const mine = wanted.flatMap((page, number) => (page.folder === folder ? [pages[number]?.data] : []));
    opened.set(pathKey(folder), {
      folders: level && (level[side]?.folders ?? []),
      own: level?.[side]?.files ?? 0,
      pages: mine.filter((page): page is Schemas["PlanFileList"] => page !== undefined),
    });
  });
  return opened;
}

function RowContent({
  row,
  id,
  side,
  open,
  color,
  onMore,
}: {
  row: Row;
  id: string;
  side: Side;
  open: ReadonlyMap<string, OpenFolder>;
  color: (name: string | null) => string;
  onMore: (folder: string, cursor: string) => void;
}) {
  const t = useText();
  if (row.kind === "folder")
    return (
      <>
        <span className="chevron" aria-hidden="true" />
        <span className="folder-name">
          <Name of={row.folder.name} />
        </span>
        <span className="row-end">
          {count(row.folder.files_below)}
          <span className="soft row-size">{size(row.folder.bytes_below)}</span>
        </span>
      </>
    );
  if (row.kind === "file")
    return (
      <>
        <span className="swatch" style={{ background: color(row.file.category) }} />
        <Name of={row.name} />
        {row.file.change === "kept_together" && <span className="small soft">{t("plan.holds", { n: row.file.files })}</span>}
        <span className="row-end">
          {row.file.change !== "moved" && <span className="fate-word">{coded("fate", row.file.change)}</span>}
          <span className="soft row-size">{row.file.size_bytes > 0 && size(row.file.size_bytes)}</span>
        </span>
      </>
    );
  if (row.kind === "rest") return <span className="soft small">{t("plan.stay", { n: row.files })}</span>;
  if (row.kind === "more") return <More id={id} side={side} known={open.get(row.folder)} folder={row.folder} onMore={onMore} />;
  return <span className="soft small">{t("waiting.files")}</span>;
}

/** Comes into sight at the end of what is loaded, and asks for the next page. */
function More({
  id,
  side,
  known,
  folder,
  onMore,
}: {
  id: string;
  side: Side;
  known: OpenFolder | undefined;
  folder: string;
  onMore: (folder: string, cursor: string) => void;
}) {
  const t = useText();
  const last = useQuery({
    ...planFilesQuery(id, side, known?.folder ?? TOP, known?.cursors.at(-1) ?? null),
    enabled: known !== undefined,
  });
  const next = last.data?.next_cursor ?? null;
  useEffect(() => {
    if (next !== null) onMore(folder, next);
    // once for each cursor
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [next, folder]);
  if (last.isError) return <span className="wrong">{t("plan.page-failed")}</span>;
  return <span className="soft small">{t("waiting.files")}</span>;
}
