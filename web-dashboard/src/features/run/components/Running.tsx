/** What an operation is doing: how far it is, how fast, what failed, and the way to stop it. */
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { Figures } from "@/components/ui/Figures";
import { Name } from "@/components/ui/Name";
import { Failure } from "@/components/ui/States";
import type { Operation } from "@/lib/api/client";
import type { Progress, Transport } from "@/lib/api/live";
import { cancelOperation, operationQuery } from "@/lib/api/operations";
import { count, duration, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { Troubles } from "./Troubles";

/** What stands where something can't be told. */
const UNKNOWN = "–";

export function Running({
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
  const rate = progress?.rate_files_per_second ?? 0;
  const byteRate = progress?.rate_bytes_per_second ?? 0;
  const cancel = useMutation({
    mutationFn: () => cancelOperation(operation.id),
    onSuccess: () => client.invalidateQueries({ queryKey: operationQuery(operation.id).queryKey }),
  });
  const known = phase === "moving" || phase === "finishing";
  return (
    <section className="card stack live" aria-label={t("run.live")}>
      <div className="row spread">
        <h2>
          <span role="status">{now.status === "pending" ? t("run.pending") : coded("phase", phase)}</span>
        </h2>
        <button
          type="button"
          className="button danger"
          disabled={cancel.isPending || operation.cancel_requested}
          onClick={() => cancel.mutate()}
        >
          {operation.cancel_requested ? t("run.cancelling") : t("run.cancel")}
        </button>
      </div>
      <progress aria-label={t("run.progress")} max={100} {...(known ? { value: now.progress } : {})} />
      <Figures
        of={[
          [t("run.files"), known ? t("run.of", { done, n: now.files_total }) : count(now.files_scanned)],
          ...(known ? [[t("run.bytes"), size(now.bytes_processed)] as const] : []),
          [t("run.rate"), rate >= 1 ? count(Math.round(rate)) : UNKNOWN],
          [t("run.byte-rate"), byteRate > 0 ? size(byteRate) : UNKNOWN],
          [t("run.left"), progress?.eta_seconds != null ? duration(progress.eta_seconds) : UNKNOWN],
          ...(now.files_failed > 0 ? [[t("run.failed"), count(now.files_failed)] as const] : []),
        ]}
      />
      <p className="current soft small">{progress?.current_path && <Name of={progress.current_path} />}</p>
      {now.files_failed > 0 && <Troubles operation={operation} failed={now.files_failed} />}
      <p className="soft small">
        {t("run.reload")} {transport !== null && transport !== "socket" && coded("transport", transport)}
      </p>
      {cancel.isError && <Failure error={cancel.error} />}
    </section>
  );
}
