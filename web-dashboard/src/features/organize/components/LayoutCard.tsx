/** One way of filing: its numbers while it is worked out, then before and after as a picture, and the way to its plan. */
import { useQuery, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useEffectEvent } from "react";

import { NothingToDo } from "@/components/ui/NothingToDo";
import { SortingPicture, type Pile } from "@/components/ui/SortingPicture";
import { codeWords, Failure, Waiting } from "@/components/ui/States";
import { Problem, type Operation } from "@/lib/api/client";
import { useLiveOperation } from "@/lib/api/live";
import { useCategoryColor } from "@/lib/api/lookups";
import { cancelOperation, isOver, operationQuery } from "@/lib/api/operations";
import { planFoldersQuery, TOP } from "@/lib/api/plans";
import { coded, useText } from "@/lib/text";

/** Up to so many files the other layouts are worked out without being asked for. */
const FEW_FILES = 50_000;

export function LayoutCard({
  layout,
  preview,
  before,
  onAsk,
  onOver,
  onFew,
}: {
  layout: string;
  preview: string | undefined;
  before: boolean;
  onAsk: () => void;
  onOver: () => void;
  onFew: () => void;
}) {
  const t = useText();
  return (
    <section className="card stack layout" aria-label={coded("layout", layout)}>
      <div>
        <h2>{coded("layout", layout)}</h2>
        <p className="path soft small">{coded("layout-example", layout)}</p>
      </div>
      {preview !== undefined ? (
        <Ready id={preview} onOver={onOver} onFew={onFew} />
      ) : (
        <button type="button" className="button" disabled={!before} onClick={onAsk}>
          {t("layouts.work-out")}
        </button>
      )}
    </section>
  );
}

function Ready({ id, onOver, onFew }: { id: string; onOver: () => void; onFew: () => void }) {
  const t = useText();
  const { query, progress } = useLiveOperation(id);
  const operation = query.data;
  const ended = useEffectEvent(onOver);
  const few = useEffectEvent(onFew);
  const client = useQueryClient();
  const ready = operation?.status === "completed" && operation.files_scanned <= FEW_FILES;
  const over = operation !== undefined && isOver(operation);
  useEffect(() => {
    if (over) ended();
    if (ready) few();
  }, [over, ready]);
  const working = operation !== undefined && !over;
  useEffect(() => {
    // Whoever leaves has chosen: what is still being worked out would only keep the folder busy.
    if (working) return () => void cancelIfRunning(id, client);
  }, [working, id, client]);
  if (query.isLoadingError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (operation === undefined || !isOver(operation))
    return (
      <div className="stack">
        <Waiting for={t("waiting.scan")} />
        <p className="big">{t("layouts.found", { n: progress?.files_scanned ?? operation?.files_scanned ?? 0 })}</p>
      </div>
    );
  if (operation.status !== "completed")
    return <p className="notice bad">{operation.error_message ? codeWords(operation.reason_code, operation.error_message) : coded("fate", operation.status)}</p>;
  return <Pictured operation={operation} />;
}

/** Stop a preview, unless it has ended meanwhile: then there is nothing to stop, and no harm in asking. */
async function cancelIfRunning(id: string, client: QueryClient): Promise<void> {
  const now = client.getQueryData(operationQuery(id).queryKey);
  if (now !== undefined && isOver(now)) return;
  await cancelOperation(id).catch((error: unknown) => {
    if (!(error instanceof Problem)) throw error;
  });
}

function Pictured({ operation }: { operation: Operation }) {
  const t = useText();
  const color = useCategoryColor();
  const top = useQuery(planFoldersQuery(operation.id, TOP, 2));
  const review = operation.review;
  if (review === null) return null;
  if (review.planned === 0) return <NothingToDo operation={operation} review={review} />;
  const before: Pile[] = Object.entries(review.by_category).map(([name, [files = 0]]) => ({ name, files, color: color(name) }));
  const known = new Set(before.map((pile) => pile.name));
  const after: Pile[] = (top.data?.after?.folders ?? []).map((folder) => ({
    name: folder.name,
    files: folder.files_below,
    color: known.has(folder.name) ? color(folder.name) : "var(--accent)",
  }));
  return (
    <>
      <SortingPicture before={before} after={after} />
      <p>
        {t("layouts.sum", { n: review.planned, folders: review.new_folders, left: review.left_alone })}
        {review.removed_folders > 0 && ` ${t("layouts.dissolves", { n: review.removed_folders })}`}
      </p>
      <Link to="/plans/$id" params={{ id: operation.id }} className="button primary">
        {t("layouts.see", { n: review.planned })}
      </Link>
    </>
  );
}
