/** The plan: before and after side by side, what is risky, why a file goes where it goes, and the button that does it. */
import "./plan.css";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";

import { Choice } from "@/components/ui/Choice";
import { Filter } from "@/components/ui/Filter";
import { Place } from "@/components/ui/Place";
import { codeWords, Empty, Failure, Waiting } from "@/components/ui/States";
import { Problem, type Operation, type PlanFile } from "@/lib/api/client";
import { useLiveOperation } from "@/lib/api/live";
import { categoriesQuery } from "@/lib/api/lookups";
import { isOver, operationsQuery } from "@/lib/api/operations";
import { DECIDERS, planFoldersQuery, TOP, type PlanFilter, type Side } from "@/lib/api/plans";
import { count } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { ApplyBar } from "./ApplyBar";
import { FilteredFiles } from "./FilteredFiles";
import { PlanTree } from "./PlanTree";
import { RiskStrip } from "./RiskStrip";
import { WhyPanel } from "./WhyPanel";

const CHANGES = ["moved", "renamed", "copied", "linked", "trashed", "kept_together", "conflict", "skipped"] as const;

export function PlanView() {
  const t = useText();
  const { id } = useParams({ from: "/inside/plans/$id" });
  const { query, progress } = useLiveOperation(id);
  const operation = query.data;
  if (operation === undefined)
    return query.isError ? (
      <Failure error={query.error} retry={() => void query.refetch()} />
    ) : (
      <Waiting for={t("waiting.plan")} />
    );
  if (!isOver(operation))
    return (
      <div className="stack">
        <h1>{t("plan.making")}</h1>
        <Waiting for={t("layouts.found", { n: progress?.files_scanned ?? operation.files_scanned })} />
      </div>
    );
  if (operation.operation_type !== "preview" || operation.review === null)
    return (
      <Empty title={t("plan.none")}>
        <p>{operation.error_message && codeWords(operation.reason_code, operation.error_message)}</p>
        <Link to="/organize" className="button">
          {t("nav.organize")}
        </Link>
      </Empty>
    );
  return <Open key={id} operation={operation} review={operation.review} />;
}

/** A plan that was carried out is in the records now: its run shows what became of every file. */
function Open({ operation, review }: { operation: Operation; review: NonNullable<Operation["review"]> }) {
  const t = useText();
  const top = useQuery(planFoldersQuery(operation.id, TOP));
  const gone = top.error instanceof Problem && top.error.code === "plan-not-found";
  const operations = useInfiniteQuery({ ...operationsQuery(), enabled: gone });
  const run = operations.data?.pages.flatMap((page) => page.operations).find((other) => other.parent_id === operation.id);
  if (!gone) return <Plan operation={operation} review={review} />;
  return (
    <Empty title={run ? t("plan.applied") : t("plan.gone")}>
      <p>
        <Place of={operation.root_path} /> · {t("outcome.preview", { n: review.planned })}
      </p>
      {run ? (
        <Link to="/runs/$id" params={{ id: run.id }} className="button primary">
          {t("undo.look")}
        </Link>
      ) : (
        <Link to="/organize" className="button">
          {t("nav.organize")}
        </Link>
      )}
    </Empty>
  );
}

function Plan({ operation, review }: { operation: Operation; review: NonNullable<Operation["review"]> }) {
  const t = useText();
  const categories = useQuery(categoriesQuery());
  const [selected, setSelected] = useState<PlanFile | null>(null);
  const [filter, setFilter] = useState<PlanFilter>({});
  const [side, setSide] = useState<Side>("before");
  const filtered = Object.keys(filter).length > 0;
  const layout = typeof operation.options.layout === "string" ? operation.options.layout : "";
  const names = Object.keys(review.by_category);
  const all = ["", t("plan.all")] as const;
  return (
    <div className="wide plan">
      <header className="plan-head">
        <div>
          <p className="soft small">
            {t("plan.eyebrow")} · {coded("layout", layout)}
          </p>
          <h1>
            <Place of={operation.root_path} />
          </h1>
        </div>
        <ul className="legend" aria-label={t("plan.sum")}>
          <Sum change="moved" n={review.planned - review.renamed} words={t("plan.moves", { n: review.planned - review.renamed })} />
          <Sum change="renamed" n={review.renamed} words={t("plan.renames", { n: review.renamed })} />
          <Sum change="kept_together" n={review.kept_together} words={t("plan.kept", { n: review.contained_files, folders: review.kept_together })} />
          <Sum change="skipped" n={review.left_alone - review.kept_together} words={t("plan.left", { n: review.left_alone - review.kept_together })} />
          <Sum change="in_place" n={review.in_place} words={t("plan.in-place")} />
        </ul>
      </header>
      <RiskStrip review={review} onShow={setFilter} />
      <div className="tools row">
        <Filter
          label={t("plan.filter-change")}
          value={filter.change ?? ""}
          options={[all, ...CHANGES.map((change) => [change, coded("fate", change)] as const)]}
          onChange={(value) => setFilter(withPart(filter, "change", value))}
        />
        <Filter
          label={t("word.category")}
          value={filter.category ?? ""}
          options={[
            all,
            ...(categories.data?.categories ?? [])
              .filter(({ name }) => names.includes(name))
              .map(({ name }) => [name, `${name} (${count(review.by_category[name]?.[0] ?? 0)})`] as const),
          ]}
          onChange={(value) => setFilter(withPart(filter, "category", value))}
        />
        <Filter
          label={t("plan.filter-rule")}
          value={filter.decided_by ?? ""}
          options={[all, ...DECIDERS.map((rule) => [rule, coded("decider", rule)] as const)]}
          onChange={(value) => setFilter(withPart(filter, "decided_by", value))}
        />
        {filter.reason && <span className="fate skipped">{coded("reason", filter.reason)}</span>}
        {filtered && (
          <button type="button" className="button slim" onClick={() => setFilter({})}>
            {t("plan.show-trees")}
          </button>
        )}
        {!filtered && (
          <span className="only-narrow push">
            <Choice
              label={t("plan.side")}
              chosen={side}
              onChoose={setSide}
              options={[
                ["before", t("plan.before")],
                ["after", t("plan.after")],
              ]}
            />
          </span>
        )}
      </div>
      <div className={selected ? "plan-body with-why" : "plan-body"}>
        {filtered ? (
          <FilteredFiles id={operation.id} filter={filter} selected={selected} onSelect={setSelected} />
        ) : (
          <div className="trees" data-side={side}>
            <PlanTree id={operation.id} side="before" selected={selected} onSelect={setSelected} />
            <PlanTree id={operation.id} side="after" selected={selected} onSelect={setSelected} />
          </div>
        )}
        {selected && <WhyPanel id={operation.id} file={selected} onClose={() => setSelected(null)} />}
      </div>
      <ApplyBar operation={operation} review={review} />
    </div>
  );
}

/** A filter with one part set, or without it. */
function withPart(filter: PlanFilter, part: keyof PlanFilter, value: string): PlanFilter {
  const { [part]: _before, ...rest } = filter;
  return value === "" ? rest : { ...rest, [part]: value };
}

function Sum({ change, n, words }: { change: string; n: number; words: string }) {
  if (n <= 0) return null;
  return (
    <li className={`sum ${change}`}>
      <strong>{count(n)}</strong> {words}
    </li>
  );
}
