/** The first page: what is running, the last thing that can be taken back, and everything in numbers. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { Figures } from "@/components/ui/Figures";
import { Name } from "@/components/ui/Name";
import { OperationLine, outcomeOf } from "@/components/ui/OperationLine";
import { Empty, Loaded } from "@/components/ui/States";
import type { Operation, Schemas } from "@/lib/api/client";
import { useCategoryColor } from "@/lib/api/lookups";
import { isOver, overviewQuery } from "@/lib/api/operations";
import { count, moment, percent, size } from "@/lib/format";
import { useText } from "@/lib/text";

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
  const color = useCategoryColor();
  const running = of.recent.filter((operation) => !isOver(operation));
  const undoable = of.recent.find(canBeTakenBack);
  const files = of.by_category.reduce((sum, share) => sum + share.file_count, 0);
  return (
    <>
      {running.map((operation) => (
        <section key={operation.id} className="notice warn">
          <OperationLine operation={operation} />
        </section>
      ))}
      {undoable && (
        <section className="card row spread" aria-label={t("overview.last")}>
          <div>
            <h2>{t("overview.last")}</h2>
            <p>
              <Name of={undoable.root_path} /> · {outcomeOf(undoable, t)} · {moment(undoable.created_at)}
            </p>
          </div>
          <Link to="/runs/$id" params={{ id: undoable.id }} className="button">
            {t("undo.look")}
          </Link>
        </section>
      )}
      <section className="card">
        <Figures
          of={[
            [t("overview.files"), count(of.files_processed)],
            [t("overview.bytes"), size(of.bytes_processed)],
            [t("overview.duplicates"), count(of.duplicates_found)],
            [t("overview.saved"), size(of.space_saved_bytes)],
          ]}
        />
      </section>
      <div className="halves">
        <section className="card stack" aria-labelledby="recent">
          <h2 id="recent">{t("overview.recent")}</h2>
          <ul className="stack">
            {of.recent.map((operation) => (
              <li key={operation.id}>
                <OperationLine operation={operation} />
              </li>
            ))}
          </ul>
        </section>
        {of.by_category.length > 0 && (
        <section className="card stack" aria-labelledby="kinds">
          <h2 id="kinds">{t("overview.kinds")}</h2>
          <table className="table">
            <thead>
              <tr>
                <th scope="col">{t("word.category")}</th>
                <th scope="col" className="number">
                  {t("word.files")}
                </th>
                <th scope="col" className="number">
                  {t("word.share")}
                </th>
                <th scope="col" className="number">
                  {t("word.size")}
                </th>
              </tr>
            </thead>
            <tbody>
              {of.by_category.map((share) => (
                <tr key={share.category}>
                  <td>
                    <span className="swatch" style={{ background: color(share.category) }} /> {share.category}
                  </td>
                  <td className="number">{count(share.file_count)}</td>
                  <td className="number">{percent(share.file_count, files)}</td>
                  <td className="number">{size(share.total_size_bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
        )}
      </div>
    </>
  );
}

function canBeTakenBack(operation: Operation): boolean {
  const kinds = ["organize", "duplicate_cleanup"];
  return kinds.includes(operation.operation_type) && isOver(operation) && !operation.rolled_back && operation.files_processed > 0;
}
