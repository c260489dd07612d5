/** One operation in a list: what, where, when, how it ended. */
import { Link } from "@tanstack/react-router";

import { Fate } from "@/components/ui/Fate";
import { Place } from "@/components/ui/Place";
import type { Operation } from "@/lib/api/client";
import { isOver } from "@/lib/api/operations";
import { moment } from "@/lib/format";
import { coded, useText } from "@/lib/text";

/** What it came to, in one sentence. */
export function outcomeOf(operation: Operation, t: ReturnType<typeof useText>): string {
  if (operation.operation_type === "preview") return t("outcome.preview", { n: operation.review?.planned ?? 0 });
  if (operation.options.duplicate_action === "report" && operation.operation_type === "duplicate_cleanup" && isOver(operation))
    return t("outcome.found", { n: operation.duplicates_found });
  const parts = [t("outcome.done", { n: operation.files_processed })];
  if (operation.files_skipped > 0) parts.push(t("outcome.skipped", { n: operation.files_skipped }));
  if (operation.files_failed > 0) parts.push(t("outcome.failed", { n: operation.files_failed }));
  if (operation.rolled_back) parts.push(t("outcome.all-back"));
  else if (operation.rolled_back_count > 0) parts.push(t("outcome.some-back", { n: operation.rolled_back_count }));
  return parts.join(" · ");
}

export function OperationLine({ operation }: { operation: Operation }) {
  const t = useText();
  const preview = operation.operation_type === "preview";
  return (
    <div className="operation-line">
      <div className="row">
        <Link to={preview ? "/plans/$id" : "/runs/$id"} params={{ id: operation.id }}>
          {coded("type", operation.operation_type)}
        </Link>
        <Place of={operation.root_path} className="small" />
        {operation.status !== "completed" && <Fate of={operation.status} />}
      </div>
      <p className="soft small">
        {outcomeOf(operation, t)} · {moment(operation.created_at)}
      </p>
    </div>
  );
}
