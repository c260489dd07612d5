/** Why a file was filed as it was: the rule that decided, where its date is from, and the rules that lost. */
import type { Schemas } from "@/lib/api/client";
import { coded, isKey, text, useText } from "@/lib/text";

type Explained = Schemas["ExplanationRead"];

export function Explanation({ of }: { of: Explained }) {
  const t = useText();
  const losers = of.losers ?? [];
  if (!of.category || !of.decided_by) return <p className="soft">{t("why.no-rule")}</p>;
  return (
    <div className="stack">
      <dl className="why-facts">
        <dt>{t("why.category")}</dt>
        <dd>
          <strong>{of.category}</strong>: {decided(of)}
        </dd>
        <dt>{t("why.date")}</dt>
        <dd>{t("why.dated", { date: of.date ?? "?", source: coded("date-source", of.date_source ?? "") })}</dd>
        {of.conflict && (
          <>
            <dt>{t("why.name")}</dt>
            <dd>{t("why.name-taken")}</dd>
          </>
        )}
      </dl>
      {of.mismatch && <p className="notice warn">{t("why.mismatch")}</p>}
      {losers.length > 0 && (
        <details>
          <summary className="small">{t("why.losers", { n: losers.length })}</summary>
          <ul className="stack losers">
            {losers.map((loser) => (
              <li key={loser.rule} className="small">
                <strong>{loserName(loser)}</strong>
                <span className="soft"> · {loserWhy(loser, of)}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function decided(of: Explained): string {
  const key = `why.by-${of.decided_by ?? ""}`;
  return isKey(key) ? text(key, { matched: of.matched ?? "" }) : (of.sentence ?? "");
}

type Loser = Schemas["LoserRead"];

/** A rule that lost, as the engine names it: `keyword holiday → Trips`; a source of dates is one word. */
const LOSING_RULE = /^(keyword|extension|content) (.*) → (.*)$/s;

function loserName(loser: Loser): string {
  const [, kind, matched = "", category = ""] = LOSING_RULE.exec(loser.rule) ?? [];
  const key = `loser.${kind ?? ""}`;
  return isKey(key) ? text(key, { matched, category }) : coded("date-source", loser.rule);
}

/** Why it lost: it is of the same kind as the rule that decided, or that kind goes before its own. */
function loserWhy(loser: Loser, of: Explained): string {
  const kind = LOSING_RULE.exec(loser.rule)?.[1];
  const key = kind === undefined ? `date-unused.${loser.rule}` : `lost-to.${kind === of.decided_by ? "same" : (of.decided_by ?? "")}`;
  return isKey(key) ? text(key) : loser.why;
}
