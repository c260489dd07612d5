/** The first page: what is running, the last thing that can be taken back, and everything in numbers. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { CategoryBar } from "@/components/ui/CategoryBar";
import { Figures } from "@/components/ui/Figures";
import { Place } from "@/components/ui/Place";
import { OperationLine, outcomeOf } from "@/components/ui/OperationLine";
import { Empty, Loaded } from "@/components/ui/States";
import type { Schemas } from "@/lib/api/client";
import { isOver, operationsQuery, overviewQuery } from "@/lib/api/operations";
import { count, moment, size } from "@/lib/format";
import { useText } from "@/lib/text";

import { NextSteps } from "./NextSteps";
import { undoableOf, worthSaying } from "./suggestions";

const SHOWN = 6;

export function Overview() {
  const t = useText();
  const overview = useQuery(overviewQuery());
  return (
    <div className="stack">
      <div className="row spread">
        <h1>{t("overview.title")}</h1>
        <Link to="/organize" className="button primary">
          {t("overview.organize")}
        </Link>
      </div>
      <Loaded query={overview} waiting={t("waiting.numbers")}>
        {(loaded) => (loaded.operations === 0 ? <Welcome /> : <Numbers of={loaded} />)}
      </Loaded>
    </div>
  );
}

function Welcome() {
  const t = useText();
  return (
    <section className="card">
      <Empty title={t("overview.empty")}>
        <p>{t("overview.empty-more")}</p>
        <Link to="/organize" className="button primary">
          {t("overview.pick")}
        </Link>
      </Empty>
    </section>
  );
}

function Numbers({ of }: { of: Schemas["OverviewRead"] }) {
  const t = useText();
  const newest = useInfiniteQuery(operationsQuery());
  const operations = newest.data?.pages[0]?.operations ?? of.recent;
  const running = operations.filter((operation) => !isOver(operation));
  const undoable = undoableOf(operations);
  return (
    <>
      {running.map((operation) => (
        <section key={operation.id} className="notice warn">
          <OperationLine operation={operation} />
        </section>
      ))}
      <section className="card stack" aria-labelledby="in-order">
        <h2 id="in-order">{t("overview.in-order")}</h2>
        <Figures
          of={[
            [t("overview.files", { n: of.files_processed }), count(of.files_processed)],
            [t("overview.bytes"), size(of.bytes_processed)],
            [t("overview.duplicates", { n: of.duplicates_found }), count(of.duplicates_found)],
            [t("overview.saved"), size(of.space_saved_bytes)],
          ]}
        />
        {of.by_category.length > 0 && (
          <div>
            <h3>{t("overview.by-category")}</h3>
            <CategoryBar of={of.by_category} />
          </div>
        )}
      </section>
      {undoable && (
        <section className="card row spread" aria-labelledby="last">
          <div>
            <h2 id="last">{t("overview.last")}</h2>
            <p>
              <Place of={undoable.root_path} /> · {outcomeOf(undoable, t)} · {moment(undoable.created_at)}
            </p>
          </div>
          <div className="row">
            <Link to="/runs/$id" params={{ id: undoable.id }} className="button">
              {t("undo.look")}
            </Link>
            <Link to="/runs/$id" params={{ id: undoable.id }} search={{ undo: true }} className="button">
              {t("undo.all")}
            </Link>
          </div>
        </section>
      )}
      <div className="halves">
        <section className="card stack" aria-labelledby="recent">
          <h2 id="recent">{t("overview.recent")}</h2>
          <ul className="stack">
            {worthSaying(operations)
              .slice(0, SHOWN)
              .map((operation) => (
                <li key={operation.id}>
                  <OperationLine operation={operation} />
                </li>
              ))}
          </ul>
        </section>
        <NextSteps recent={operations} />
      </div>
    </>
  );
}
