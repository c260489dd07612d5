/** The button that carries out exactly this plan, by its id and count; a plan that is unusual needs a second yes. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { NothingToDo } from "@/components/ui/NothingToDo";
import { Failure } from "@/components/ui/States";
import type { Operation } from "@/lib/api/client";
import { applyPlan, forgetAfterOperation, untilStopped } from "@/lib/api/operations";
import { useText } from "@/lib/text";

const ID_SHOWN = 8;

export function ApplyBar({ operation, review }: { operation: Operation; review: NonNullable<Operation["review"]> }) {
  const t = useText();
  const navigate = useNavigate();
  const client = useQueryClient();
  const [agreed, setAgreed] = useState(false);
  const consent = review.risks.some((risk) => risk.needs_consent);
  const apply = useMutation({
    mutationFn: () => applyPlan(operation.id, agreed),
    ...untilStopped,
    onSuccess: async (made) => {
      await forgetAfterOperation(client);
      await navigate({ to: "/runs/$id", params: { id: made.id } });
    },
  });
  if (review.planned === 0) return <NothingToDo operation={operation} review={review} />;
  return (
    <footer className="apply">
      {apply.isError && <Failure error={apply.error} />}
      <div className="row spread">
        <p className="small soft apply-word">{t("apply.promise")}</p>
        {consent && (
          <label className="check">
            <input type="checkbox" checked={agreed} onChange={(event) => setAgreed(event.target.checked)} />
            {t("apply.consent")}
          </label>
        )}
        <button
          type="button"
          className="button primary"
          disabled={apply.isPending || (consent && !agreed)}
          onClick={() => apply.mutate()}
        >
          {t("apply.button", { n: review.planned })}
          <code className="plan-id">{operation.id.slice(-ID_SHOWN)}</code>
        </button>
      </div>
    </footer>
  );
}
