/** One operation: live while it runs, afterwards what became of every file, and the way back. */
import "./run.css";

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { Fate } from "@/components/ui/Fate";
import { Figures } from "@/components/ui/Figures";
import { Place } from "@/components/ui/Place";
import { outcomeOf } from "@/components/ui/OperationLine";
import { codeWords, Failure, Loaded } from "@/components/ui/States";
import type { Operation } from "@/lib/api/client";
import { useLiveOperation } from "@/lib/api/live";
import { forgetAfterOperation, isOver, retryOperation } from "@/lib/api/operations";
import { count, duration, moment, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { RunFiles } from "./RunFiles";
import { Running } from "./Running";
import { UndoSheet, type Undone } from "./UndoSheet";
import { Verify } from "./Verify";

const UNDOABLE: readonly string[] = ["organize", "duplicate_cleanup", "rollback", "restore"];

export function RunView() {
  const t = useText();
  const { id } = useParams({ from: "/inside/runs/$id" });
  const { query, progress, transport } = useLiveOperation(id);
  return (
    <Loaded query={query} waiting={t("waiting.run")}>
      {(operation) => (
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
      )}
    </Loaded>
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
            {operation.duplicates_found > 0 && (
              <Link to="/duplicates" search={{ of: operation.id }} className="button">
                {t("run.duplicates")}
              </Link>
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
