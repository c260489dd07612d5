/** One operation: live while it runs, afterwards what became of every file, and the way back. */
import "./run.css";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { Fate } from "@/components/ui/Fate";
import { Figures } from "@/components/ui/Figures";
import { Name } from "@/components/ui/Name";
import { Place } from "@/components/ui/Place";
import { outcomeOf } from "@/components/ui/OperationLine";
import { codeWords, Failure, Waiting } from "@/components/ui/States";
import type { Operation } from "@/lib/api/client";
import { useLiveOperation, type Progress, type Transport } from "@/lib/api/live";
import { cancelOperation, forgetAfterOperation, isOver, operationQuery, retryOperation } from "@/lib/api/operations";
import { count, duration, moment, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { RunFiles } from "./RunFiles";
import { UndoSheet, type Undone } from "./UndoSheet";
import { Verify } from "./Verify";

const UNDOABLE: readonly string[] = ["organize", "duplicate_cleanup", "rollback", "restore"];

export function RunView() {
  const t = useText();
  const { id } = useParams({ from: "/inside/runs/$id" });
  const { query, progress, transport } = useLiveOperation(id);
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  if (query.data === undefined) return <Waiting for={t("waiting.run")} />;
  const operation = query.data;
  return (
    <div className="stack wide run" key={id}>
      <header>
        <p className="soft small">
          {coded("type", operation.operation_type)} · {moment(operation.created_at)}
        </p>
        <h1>
          <Place of={operation.root_path} />
        </h1>
      </header>
      {isOver(operation) ? (
        <Finished operation={operation} />
      ) : (
        <Running operation={operation} progress={progress} transport={transport} />
      )}
    </div>
  );
}

function Running({
  operation,
  progress,
  transport,
}: {
  operation: Operation;
  progress: Progress | null;
  transport: Transport | null;
}) {
  const t = useText();
  const client = useQueryClient();
  const now = progress ?? operation;
  const phase = now.phase ?? "scanning";
  const done = now.files_processed;
  const cancel = useMutation({
    mutationFn: () => cancelOperation(operation.id),
    onSuccess: () => client.invalidateQueries({ queryKey: operationQuery(operation.id).queryKey }),
  });
  const known = phase === "moving" || phase === "finishing";
  return (
    <section className="card stack live" aria-label={t("run.live")}>
      <div className="row spread">
        <h2 role="status">{now.status === "pending" ? t("run.pending") : coded("phase", phase)}</h2>
        <button
          type="button"
          className="button danger"
          disabled={cancel.isPending || operation.cancel_requested}
          onClick={() => cancel.mutate()}
        >
          {operation.cancel_requested ? t("run.cancelling") : t("run.cancel")}
        </button>
      </div>
      <progress
        aria-label={t("run.progress")}
        max={100}
        {...(known ? { value: now.progress } : {})}
      />
      <Figures
        of={[
          [t("run.files"), known ? t("run.of", { done, n: now.files_total }) : count(now.files_scanned)],
          ...(now.bytes_processed > 0 ? [[t("run.bytes"), size(now.bytes_processed)] as const] : []),
          [t("run.rate"), progress && progress.rate_files_per_second > 0 ? count(Math.round(progress.rate_files_per_second)) : "–"],
          [t("run.left"), progress?.eta_seconds != null ? duration(progress.eta_seconds) : "–"],
          ...(now.files_failed > 0 ? [[t("run.failed"), count(now.files_failed)] as const] : []),
        ]}
      />
      <p className="current soft small">{progress?.current_path && <Name of={progress.current_path} />}</p>
      <p className="soft small">
        {t("run.reload")} {transport !== null && transport !== "socket" && coded("transport", transport)}
      </p>
      {cancel.isError && <Failure error={cancel.error} />}
    </section>
  );
}

function Finished({ operation }: { operation: Operation }) {
  const t = useText();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { undo } = useSearch({ from: "/inside/runs/$id" });
  const [undoing, setUndoing] = useState<Undone | null>(undo && !operation.rolled_back ? { only: null } : null);
  const retry = useMutation({
    mutationFn: () => retryOperation(operation.id),
    onSuccess: async (made) => {
      await forgetAfterOperation(client);
      await navigate({ to: "/runs/$id", params: { id: made.id } });
    },
  });
  const undoable = UNDOABLE.includes(operation.operation_type) && operation.files_processed > 0 && !operation.rolled_back;
  const unfinished = operation.files_skipped + operation.files_failed > 0 && operation.operation_type === "organize";
  const seconds =
    operation.started_at && operation.completed_at
      ? (Date.parse(operation.completed_at) - Date.parse(operation.started_at)) / 1000
      : null;
  return (
    <>
      <section className="card stack">
        <div className="row spread">
          <div className="row">
            <Fate of={operation.status} />
            <h2>{outcomeOf(operation, t)}</h2>
          </div>
          <div className="row">
            {unfinished && (
              <button type="button" className="button" disabled={retry.isPending} onClick={() => retry.mutate()}>
                {t("run.retry")}
              </button>
            )}
            <Link to="/reports/$id" params={{ id: operation.id }} className="button">
              {t("run.report")}
            </Link>
            {undoable && (
              <button type="button" className="button primary" onClick={() => setUndoing({ only: null })}>
                {operation.operation_type === "rollback" ? t("undo.redo") : t("undo.all")}
              </button>
            )}
          </div>
        </div>
        {operation.error_message && <p className="notice bad">{codeWords(operation.reason_code, operation.error_message)}</p>}
        <Figures
          of={[
            [t("run.bytes"), size(operation.bytes_processed)],
            [t("run.in-place"), count(operation.files_in_place)],
            ...(seconds === null ? [] : [[t("run.took"), duration(seconds)] as const]),
          ]}
        />
        {Object.keys(operation.reasons).length > 0 && (
          <ul className="row reasons" aria-label={t("run.reasons")}>
            {Object.entries(operation.reasons).map(([reason, n]) => (
              <li key={reason} className="fate skipped">
                {count(n)} · {coded("reason", reason)}
              </li>
            ))}
          </ul>
        )}
        {retry.isError && <Failure error={retry.error} />}
        <Verify id={operation.id} />
      </section>
      <RunFiles operation={operation} undoable={undoable} onUndo={setUndoing} />
      {undoing !== null && <UndoSheet operation={operation} undone={undoing} onClose={() => setUndoing(null)} />}
    </>
  );
}
