/** What to know before saying yes: what the engine warns of, and what the plan leaves alone. */
import type { Operation } from "@/lib/api/client";
import type { PlanFilter } from "@/lib/api/plans";
import { language } from "@/lib/language";
import { coded, isKey, text, useText } from "@/lib/text";

type Review = NonNullable<Operation["review"]>;

/** Of these the engine's words say which: the sync client, an example of a folder. */
const NAMING = ["synced-folder", "target-blocked"];

/** In the language of the dashboard; in the engine's words one that is new to it, or, in English, one where they say more. */
function riskWords(risk: Review["risks"][number]): string {
  const key = `risk.${risk.code}`;
  if (!isKey(key) || (language() === "en" && NAMING.includes(risk.code))) return risk.text;
  return text(key, { n: risk.count });
}

export function RiskStrip({ review, onShow }: { review: Review; onShow: (filter: PlanFilter) => void }) {
  const t = useText();
  const left = Object.entries(review.left_by_reason);
  if (review.risks.length === 0 && left.length === 0 && review.renamed === 0)
    return <p className="notice good risks-none">{t("risk.none")}</p>;
  return (
    <ul className="risks" aria-label={t("risk.label")}>
      {review.risks.map((risk) => (
        <li key={risk.code} className={risk.needs_consent ? "risk consent" : "risk"}>
          {riskWords(risk)}
        </li>
      ))}
      {review.renamed > 0 && (
        <li className="risk">
          {t("risk.renamed", { n: review.renamed })}{" "}
          <button type="button" className="link" onClick={() => onShow({ change: "renamed" })}>
            {t("risk.show")}
          </button>
        </li>
      )}
      {left.map(([reason, n]) => (
        <li key={reason} className="risk calm">
          {reason === "kept-together" ? t("risk.kept", { n }) : t("risk.left", { n, reason: coded("reason", reason) })}{" "}
          <button type="button" className="link" onClick={() => onShow({ reason })}>
            {t("risk.show")}
          </button>
        </li>
      ))}
    </ul>
  );
}
