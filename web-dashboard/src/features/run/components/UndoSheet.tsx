/** Taking back, with what it would do in numbers before it is done. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";

import { Figures } from "@/components/ui/Figures";
import { Name } from "@/components/ui/Name";
import { Sheet } from "@/components/ui/Sheet";
import { Failure, Loaded } from "@/components/ui/States";
import type { Operation, PathRef } from "@/lib/api/client";
import { forgetAfterOperation, rollBack, undoReviewQuery } from "@/lib/api/operations";
import { count, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

/** What is to be taken back: one original path, or (null) all. */
export interface Undone {
  only: PathRef | null;
}

export function UndoSheet({ operation, undone, onClose }: { operation: Operation; undone: Undone; onClose: () => void }) {
  const t = useText();
  const navigate = useNavigate();
  const client = useQueryClient();
  const review = useQuery(undoReviewQuery(operation.id, undone.only));
  const undo = useMutation({
    mutationFn: () => rollBack(operation.id, undone.only),
    onSuccess: async (made) => {
      await forgetAfterOperation(client);
      await navigate({ to: "/runs/$id", params: { id: made.id } });
    },
  });
  return (
    <Sheet title={t("undo.title")} onClose={onClose}>
      <p>{undone.only ? <Name of={undone.only.path} /> : t("undo.everything")}</p>
      <Loaded query={review} waiting={t("waiting.undo")}>
        {(loaded) => (
          <div className="stack">
            <Figures
              of={[
                [t("undo.go-back", { n: loaded.planned }), count(loaded.planned)],
                [t("undo.size"), size(loaded.bytes)],
                ...(loaded.already_back > 0 ? [[t("undo.already"), count(loaded.already_back)] as const] : []),
                ...(loaded.edited > 0 ? [[t("undo.edited"), count(loaded.edited)] as const] : []),
                ...(loaded.along > 0 ? [[t("undo.along"), count(loaded.along)] as const] : []),
              ]}
            />
            {loaded.left_alone > 0 && (
              <div className="notice warn">
                <ul>
                  {Object.entries(loaded.left_by_reason).map(([reason, n]) => (
                    <li key={reason}>{t("undo.left", { n, reason: coded("reason", reason) })}</li>
                  ))}
                </ul>
              </div>
            )}
            <p className="soft small">{t("undo.promise")}</p>
            {undo.isError && <Failure error={undo.error} />}
            <div className="row">
              <button
                type="button"
                className="button primary"
                disabled={undo.isPending || loaded.planned === 0}
                onClick={() => undo.mutate()}
              >
                {t("undo.button", { n: loaded.planned })}
              </button>
              <button type="button" className="button" onClick={onClose}>
                {t("action.not-now")}
              </button>
            </div>
          </div>
        )}
      </Loaded>
    </Sheet>
  );
}
