/** The trash: what lies in it and since when; back to its place, or away for ever. */
import "./duplicates.css";

import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { Field } from "@/components/ui/Field";
import { Figures } from "@/components/ui/Figures";
import { Place } from "@/components/ui/Place";
import { Sheet } from "@/components/ui/Sheet";
import { Empty, Failure, Waiting } from "@/components/ui/States";
import type { Schemas } from "@/lib/api/client";
import { forgetAfterOperation } from "@/lib/api/operations";
import { count, moment, size } from "@/lib/format";
import { useText } from "@/lib/text";

import { purge, restore, trashQuery } from "../api/trash";

type Item = Schemas["TrashRead"];

/** Item ids are only unique within the records of one folder. */
function itemKey(item: Item): string {
  return `${item.root_path_b64 ?? item.root_path}\n${item.item_id}`;
}

export function Trash() {
  const t = useText();
  const query = useInfiniteQuery(trashQuery());
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [purging, setPurging] = useState(false);
  const after = useAfter(() => setChosen(new Set()));
  const bringBack = useMutation({ mutationFn: restore, onSuccess: after });
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const picked = items.filter((item) => chosen.has(itemKey(item)));
  const roots = new Set(picked.map((item) => item.root_path));
  const [first] = query.data?.pages ?? [];
  function toggle(item: Item) {
    const next = new Set(chosen);
    if (!next.delete(itemKey(item))) next.add(itemKey(item));
    setChosen(next);
  }
  return (
    <div className="stack">
      <div>
        <h1>{t("nav.trash")}</h1>
        <p className="soft">{t("trash.more")}</p>
      </div>
      {query.data === undefined ? (
        query.isError ? (
          <Failure error={query.error} retry={() => void query.refetch()} />
        ) : (
          <Waiting for={t("waiting.trash")} />
        )
      ) : items.length === 0 ? (
        <Empty title={t("trash.empty")} />
      ) : (
        <>
          {first && (
            <Figures
              of={[
                [t("trash.files", { n: first.total_items }), count(first.total_items)],
                [t("run.bytes"), size(first.total_size_bytes)],
              ]}
            />
          )}
          <div className="row">
            <label className="check">
              <input
                type="checkbox"
                checked={picked.length === items.length}
                onChange={(event) => setChosen(new Set(event.target.checked ? items.map(itemKey) : []))}
              />
              {t("trash.all")}
            </label>
            <div className="row push">
              <button
                type="button"
                className="button primary"
                disabled={picked.length === 0 || roots.size > 1 || bringBack.isPending}
                onClick={() => bringBack.mutate(picked)}
              >
                {picked.length > 0 ? t("trash.restore", { n: picked.length }) : t("trash.restore-none")}
              </button>
              <button
                type="button"
                className="button danger"
                disabled={picked.length === 0 || roots.size > 1}
                onClick={() => setPurging(true)}
              >
                {picked.length > 0 ? t("trash.purge", { n: picked.length }) : t("trash.purge-none")}
              </button>
            </div>
            {roots.size > 1 && <span className="wrong">{t("trash.one-folder")}</span>}
          </div>
          {bringBack.isError && <Failure error={bringBack.error} />}
          <div className="card scroll">
            <table className="table cards trash">
              <thead>
                <tr>
                  <td />
                  <th scope="col">{t("trash.was")}</th>
                  <th scope="col">{t("trash.since")}</th>
                  <th scope="col" className="number">
                    {t("word.size")}
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((item) => (
                  <tr key={itemKey(item)}>
                    <td>
                      <input
                        type="checkbox"
                        aria-label={t("trash.choose", { name: item.path })}
                        checked={chosen.has(itemKey(item))}
                        onChange={() => toggle(item)}
                      />
                    </td>
                    <td>
                      <Place of={item.path} />
                    </td>
                    <td className="soft">{moment(item.trashed_at)}</td>
                    <td className="number">{size(item.size_bytes)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          {query.hasNextPage && (
            <button type="button" className="button" disabled={query.isFetching} onClick={() => void query.fetchNextPage()}>
              {t("action.more")}
            </button>
          )}
        </>
      )}
      {purging && <PurgeSheet items={picked} after={after} onClose={() => setPurging(false)} />}
    </div>
  );
}

/** What follows a request: everything is asked for anew, and its run is shown. */
function useAfter(forget: () => void) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async (operation: Schemas["OperationRead"]) => {
    forget();
    await forgetAfterOperation(client);
    await navigate({ to: "/runs/$id", params: { id: operation.id } });
  };
}

function PurgeSheet({
  items,
  after,
  onClose,
}: {
  items: readonly Item[];
  after: (operation: Schemas["OperationRead"]) => Promise<void>;
  onClose: () => void;
}) {
  const t = useText();
  const [typed, setTyped] = useState("");
  const destroy = useMutation({ mutationFn: purge, onSuccess: after });
  const bytes = items.reduce((sum, item) => sum + item.size_bytes, 0);
  return (
    <Sheet title={t("trash.purge-title")} onClose={onClose}>
      <p className="notice bad">{t("trash.purge-says", { n: items.length, size: size(bytes) })}</p>
      <Field
        label={t("trash.purge-type", { n: items.length })}
        value={typed}
        inputMode="numeric"
        onChange={(event) => setTyped(event.target.value)}
      />
      {destroy.isError && <Failure error={destroy.error} />}
      <div className="row">
        <button
          type="button"
          className="button danger"
          disabled={typed.trim() !== String(items.length) || destroy.isPending}
          onClick={() => destroy.mutate(items)}
        >
          {t("trash.purge", { n: items.length })}
        </button>
        <button type="button" className="button" onClick={onClose}>
          {t("action.not-now")}
        </button>
      </div>
    </Sheet>
  );
}
