/** The timeline: everything that was done, by day; each opens to its files and its way back. */
import "./history.css";

import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import type { FormEvent } from "react";

import { Choice } from "@/components/ui/Choice";
import { Fate } from "@/components/ui/Fate";
import { Place } from "@/components/ui/Place";
import { outcomeOf } from "@/components/ui/OperationLine";
import { codeWords, Empty, Loaded } from "@/components/ui/States";
import type { Operation } from "@/lib/api/client";
import { KINDS, operationsQuery } from "@/lib/api/operations";
import { clock, day } from "@/lib/format";
import { coded, useText } from "@/lib/text";

type Kind = "all" | (typeof KINDS)[number];

export function History() {
  const t = useText();
  const navigate = useNavigate();
  const { kind } = useSearch({ from: "/inside/history" });
  const query = useInfiniteQuery(operationsQuery(kind ? { operation_type: kind } : {}));
  function choose(next: Kind) {
    void navigate({ to: "/history", search: next === "all" ? {} : { kind: next }, replace: true });
  }
  function search(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const words = new FormData(event.currentTarget).get("where");
    void navigate({ to: "/files", search: typeof words === "string" && words !== "" ? { q: words } : {} });
  }
  return (
    <div className="stack">
      <h1>{t("nav.history")}</h1>
      <div className="row spread history-tools">
        <Choice<Kind>
          label={t("history.kind")}
          chosen={kind ?? "all"}
          onChoose={choose}
          options={[["all", t("plan.all")], ...KINDS.map((each) => [each, coded("type", each)] as const)]}
        />
        <form onSubmit={search} role="search" className="row">
          <input className="input where" name="where" aria-label={t("history.where")} placeholder={t("history.where")} />
          <button className="button">{t("action.find")}</button>
        </form>
      </div>
      <Loaded query={query} waiting={t("waiting.history")}>
        {({ pages }) => <Timeline operations={pages.flatMap((page) => page.operations)} />}
      </Loaded>
      {query.hasNextPage && (
        <button type="button" className="button" disabled={query.isFetching} onClick={() => void query.fetchNextPage()}>
          {t("action.older")}
        </button>
      )}
    </div>
  );
}

function Timeline({ operations }: { operations: readonly Operation[] }) {
  const t = useText();
  if (operations.length === 0)
    return (
      <Empty title={t("history.empty")}>
        <Link to="/organize" className="button primary">
          {t("overview.pick")}
        </Link>
      </Empty>
    );
  const days = new Map<string, Operation[]>();
  for (const operation of operations) {
    const name = day(operation.created_at);
    days.set(name, [...(days.get(name) ?? []), operation]);
  }
  return (
    <ol className="timeline stack">
      {[...days].map(([name, those]) => (
        <li key={name}>
          <h2>{name}</h2>
          <ol>
            {those.map((operation) => (
              <Entry key={operation.id} operation={operation} />
            ))}
          </ol>
        </li>
      ))}
    </ol>
  );
}

function Entry({ operation }: { operation: Operation }) {
  const t = useText();
  const back = operation.rolled_back ? "entry back" : "entry";
  return (
    <li className={`${back} ${operation.operation_type}`}>
      <time className="soft small" dateTime={operation.created_at}>
        {clock(operation.created_at)}
      </time>
      <div className="entry-facts">
        <div className="row">
          <Link
            to={operation.operation_type === "preview" ? "/plans/$id" : "/runs/$id"}
            params={{ id: operation.id }}
            className="entry-name"
          >
            {coded("type", operation.operation_type)}
          </Link>
          {operation.status !== "completed" && <Fate of={operation.status} />}
        </div>
        <Place of={operation.root_path} />
        <p className="soft">{outcomeOf(operation, t)}</p>
        {operation.error_message && <p className="wrong">{codeWords(operation.reason_code, operation.error_message)}</p>}
      </div>
    </li>
  );
}
