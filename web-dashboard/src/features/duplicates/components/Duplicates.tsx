/** Duplicates: which operation found them, and the review of its groups. */
import "./duplicates.css";

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";

import { Empty, Failure, Loaded, Waiting } from "@/components/ui/States";
import { pathKey, type Operation, type Schemas } from "@/lib/api/client";
import { useLiveOperation } from "@/lib/api/live";
import { rootsQuery } from "@/lib/api/lookups";
import { isOver, operationsQuery, requestOperation } from "@/lib/api/operations";
import { baseName, moment } from "@/lib/format";
import { useText } from "@/lib/text";

import { Groups } from "./Groups";

export function Duplicates() {
  const t = useText();
  const { of } = useSearch({ from: "/inside/duplicates" });
  const navigate = useNavigate();
  const operations = useInfiniteQuery(operationsQuery());
  const found = (operations.data?.pages.flatMap((page) => page.operations) ?? []).filter(
    (operation) => operation.duplicates_found > 0 && operation.operation_type !== "preview",
  );
  const chosen = of ?? found[0]?.id;
  return (
    <div className="stack">
      <div>
        <h1>{t("nav.duplicates")}</h1>
        <p className="soft">{t("duplicates.more")}</p>
      </div>
      <div className="card row spread">
        <Search onFound={(id) => void navigate({ to: "/duplicates", search: { of: id } })} />
        {found.length > 0 && (
          <label className="row">
            <span className="small soft">{t("duplicates.found-by")}</span>
            <select
              className="input found-by"
              value={chosen}
              onChange={(event) => void navigate({ to: "/duplicates", search: { of: event.target.value } })}
            >
              {!found.some((operation) => operation.id === chosen) && <option value={chosen}>{t("duplicates.this-one")}</option>}
              {found.map((operation) => (
                <option key={operation.id} value={operation.id}>
                  {baseName(operation.root_path)} · {moment(operation.created_at)}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <Loaded query={operations} waiting={t("waiting.duplicates")}>
        {() =>
          chosen === undefined ? (
            <Empty title={t("duplicates.none-yet")}>
              <p>{t("duplicates.none-more")}</p>
            </Empty>
          ) : (
            <Found key={chosen} id={chosen} />
          )
        }
      </Loaded>
    </div>
  );
}

/** A search in a folder; it changes nothing. */
function Search({ onFound }: { onFound: (id: string) => void }) {
  const t = useText();
  const client = useQueryClient();
  const roots = useQuery(rootsQuery());
  const [chosen, setChosen] = useState(0);
  const search = useMutation({
    mutationFn: (root: Schemas["RootRead"]) => {
      const where = root.path_b64 ? { root_path_b64: root.path_b64 } : { root_path: root.path };
      return requestOperation({ ...where, operation_type: "duplicate_cleanup", duplicate_action: "report" });
    },
    onSuccess: async (operation) => {
      await client.invalidateQueries({ queryKey: ["operations"] });
      onFound(operation.id);
    },
  });
  return (
    <Loaded query={roots} waiting={t("waiting.folders")}>
      {({ roots: all }) => (
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            const root = all[chosen];
            if (root) search.mutate(root);
          }}
        >
          <label className="row">
            <span>{t("duplicates.where")}</span>
            <select className="input found-by" value={chosen} onChange={(event) => setChosen(Number(event.target.value))}>
              {all.map((root, index) => (
                <option key={pathKey(root)} value={index}>
                  {root.is_home ? t("picker.home") : baseName(root.path)}
                </option>
              ))}
            </select>
          </label>
          <button className="button" disabled={search.isPending}>
            {t("duplicates.search")}
          </button>
          {search.isError && <Failure error={search.error} />}
        </form>
      )}
    </Loaded>
  );
}

function Found({ id }: { id: string }) {
  const t = useText();
  const { query, progress } = useLiveOperation(id);
  return (
    <Loaded query={query} waiting={t("waiting.duplicates")}>
      {(operation: Operation) =>
        !isOver(operation) ? (
          <div className="card row spread">
            <Waiting for={t("duplicates.searching", { n: progress?.files_scanned ?? operation.files_scanned })} />
            <Link to="/runs/$id" params={{ id }} className="button">
              {t("duplicates.watch")}
            </Link>
          </div>
        ) : (
          <Groups id={id} root={operation.root_path} />
        )
      }
    </Loaded>
  );
}
