/** The groups, the most wasteful first: one at a time by hand (j, k, d), or all by a rule with a preview. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useRef, useState, type KeyboardEvent } from "react";

import { Figures } from "@/components/ui/Figures";
import { Name } from "@/components/ui/Name";
import { Empty, Failure, Waiting } from "@/components/ui/States";
import { pathKey, type PathRef, type Schemas } from "@/lib/api/client";
import { forgetAfterOperation } from "@/lib/api/operations";
import { baseName, below, count, folderOf, moment, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { groupsQuery, keepOnly, previewCleanUp } from "../api/duplicates";
import { RULES, suggested, type Rule } from "./keepers";

type Group = Schemas["GroupRead"];

export function Groups({ id, root }: { id: string; root: string }) {
  const t = useText();
  const navigate = useNavigate();
  const query = useInfiniteQuery(groupsQuery(id));
  const [rule, setRule] = useState<Rule>("oldest");
  const cleanUp = useMutation({
    mutationFn: () => previewCleanUp(id, rule),
    onSuccess: (preview) => navigate({ to: "/plans/$id", params: { id: preview.id } }),
  });
  if (query.isPending) return <Waiting for={t("waiting.duplicates")} />;
  if (query.isError) return <Failure error={query.error} retry={() => void query.refetch()} />;
  const [first] = query.data.pages;
  const groups = query.data.pages.flatMap((page) => page.duplicates);
  if (first === undefined || groups.length === 0)
    return <Empty title={t("duplicates.none")}>{<p>{t("duplicates.none-left")}</p>}</Empty>;
  return (
    <>
      <Figures
        of={[
          [t("duplicates.groups"), count(first.total_groups)],
          [t("duplicates.copies"), count(first.total_duplicates)],
          [t("duplicates.wasted"), size(first.wasted_bytes)],
        ]}
      />
      <form
        className="row card"
        onSubmit={(event) => {
          event.preventDefault();
          cleanUp.mutate();
        }}
      >
        <label className="row">
          <span>{t("duplicates.rule")}</span>
          <select className="input found-by" value={rule} onChange={(event) => setRule(event.target.value as Rule)}>
            {RULES.map((name) => (
              <option key={name} value={name}>
                {coded("keep", name)}
              </option>
            ))}
          </select>
        </label>
        <button className="button" disabled={cleanUp.isPending}>
          {t("duplicates.preview")}
        </button>
        <span className="soft small">{t("duplicates.to-trash")}</span>
        {cleanUp.isError && <Failure error={cleanUp.error} />}
      </form>
      <p className="small soft">{t("duplicates.keys")}</p>
      <ol className="groups stack">
        {groups.map((group) => (
          <GroupCard key={group.hash_value} id={id} root={root} group={group} rule={rule} />
        ))}
      </ol>
      {query.hasNextPage && (
        <button type="button" className="button" disabled={query.isFetching} onClick={() => void query.fetchNextPage()}>
          {t("action.more")}
        </button>
      )}
    </>
  );
}

function GroupCard({ id, root, group, rule }: { id: string; root: string; group: Group; rule: Rule }) {
  const t = useText();
  const client = useQueryClient();
  const card = useRef<HTMLLIElement>(null);
  const proposal = suggested(group.files, rule);
  const [own, setOwn] = useState<string | null>(null);
  const keeper = own ?? (proposal ? pathKey(proposal) : "");
  const drop = useMutation({
    mutationFn: (keep: PathRef) => keepOnly(id, group.hash_value, keep),
    onSuccess: () => forgetAfterOperation(client),
  });
  const kept = group.files.find((file) => pathKey(file) === keeper);
  const alike = new Set(group.files.map((file) => baseName(file.path))).size === 1;
  function onKey(event: KeyboardEvent) {
    const others = [...(card.current?.parentElement?.querySelectorAll<HTMLElement>("[data-group]") ?? [])];
    const here = others.findIndex((other) => card.current?.contains(other));
    const step = { j: 1, k: -1 }[event.key];
    if (step !== undefined) others[here + step]?.focus();
    else if (event.key === "d" && kept && !drop.isPending) drop.mutate(kept);
    else if (/^[1-9]$/.test(event.key)) {
      const file = group.files[Number(event.key) - 1];
      if (file) setOwn(pathKey(file));
    } else return;
    event.preventDefault();
  }
  return (
    <li ref={card} className="card stack group">
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- keys work wherever the focus is in the group */}
      <fieldset data-group tabIndex={-1} onKeyDown={onKey} className="stack">
        <legend>
          <strong>{t("duplicates.group", { n: group.file_count, size: size(group.average_size_bytes) })}</strong>{" "}
          {alike && group.files[0] && <Name of={baseName(group.files[0].path)} />}
        </legend>
        {group.files.map((file, index) => (
          <label key={pathKey(file)} className="copy">
            <input
              type="radio"
              name={group.hash_value}
              checked={pathKey(file) === keeper}
              onChange={() => setOwn(pathKey(file))}
            />
            <span className="copy-facts">
              <span>
                <kbd aria-hidden="true">{index + 1}</kbd>{" "}
                <Name of={alike ? folderOf(below(root, file.path)) || "·" : below(root, file.path)} />
              </span>
              <span className="soft small">
                {file.modified_at ? moment(file.modified_at) : ""}
                {file.links.length > 0 && ` · ${t("duplicates.links", { n: file.links.length })}`}
                {proposal === file && ` · ${t("duplicates.suggested", { why: coded("keep", rule) })}`}
              </span>
            </span>
            <span className={pathKey(file) === keeper ? "fate moved" : "fate trashed"}>
              {pathKey(file) === keeper ? t("duplicates.stays") : t("duplicates.goes")}
            </span>
          </label>
        ))}
        <div className="row">
          <button
            type="button"
            className="button slim"
            disabled={kept === undefined || drop.isPending}
            onClick={() => kept && drop.mutate(kept)}
          >
            {t("duplicates.drop", { n: group.file_count - 1, size: size(group.average_size_bytes * (group.file_count - 1)) })}
          </button>
          <Link to="/trash" className="small">
            {t("duplicates.way-back")}
          </Link>
        </div>
        {drop.isError && <Failure error={drop.error} />}
      </fieldset>
    </li>
  );
}
