/** The operations that have a report. */
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { Place } from "@/components/ui/Place";
import { outcomeOf } from "@/components/ui/OperationLine";
import { Empty, Loaded } from "@/components/ui/States";
import { isOver, operationsQuery } from "@/lib/api/operations";
import { moment } from "@/lib/format";
import { coded, useText } from "@/lib/text";

export function Reports() {
  const t = useText();
  const query = useInfiniteQuery(operationsQuery());
  return (
    <div className="stack">
      <h1>{t("nav.reports")}</h1>
      <Loaded query={query} waiting={t("waiting.history")}>
        {({ pages }) => {
          const operations = pages
            .flatMap((page) => page.operations)
            .filter((operation) => isOver(operation) && operation.operation_type !== "preview");
          return operations.length === 0 && !query.hasNextPage ? (
            <Empty title={t("reports.none")}>
              <p>{t("reports.none-more")}</p>
            </Empty>
          ) : (
            <div className="card scroll">
              <table className="table cards">
                <thead>
                  <tr>
                    <th scope="col">{t("reports.what")}</th>
                    <th scope="col">{t("reports.where")}</th>
                    <th scope="col">{t("reports.came-to")}</th>
                    <th scope="col">{t("reports.when")}</th>
                  </tr>
                </thead>
                <tbody>
                  {operations.map((operation) => (
                    <tr key={operation.id}>
                      <td>
                        <Link to="/reports/$id" params={{ id: operation.id }}>
                          {coded("type", operation.operation_type)}
                        </Link>
                      </td>
                      <td>
                        <Place of={operation.root_path} />
                      </td>
                      <td>{outcomeOf(operation, t)}</td>
                      <td className="soft">{moment(operation.created_at)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Loaded>
      {query.hasNextPage && (
        <button type="button" className="button" disabled={query.isFetching} onClick={() => void query.fetchNextPage()}>
          {t("action.older")}
        </button>
      )}
    </div>
  );
}
