/** The groups, the most wasteful first: copy by copy by hand or by keys, or all by a rule with a preview. */
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useRef, useState, type KeyboardEvent } from "react";

import { Figures } from "@/components/ui/Figures";
import { Name } from "@/components/ui/Name";
import { Empty, Failure, Waiting } from "@/components/ui/States";
import { Thumbnail } from "@/components/ui/Thumbnail";
import { pathKey, type Schemas } from "@/lib/api/client";
import { forgetAfterOperation } from "@/lib/api/operations";
import { baseName, below, count, folderOf, isPicture, moment, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { groupsQuery, pictureOf, previewCleanUp, putAway } from "../api/duplicates";
import { RULES, suggested, type Rule } from "./keepers";

type Group = Schemas["GroupRead"];
type Copy = Schemas["DuplicateRead"];

const KEYS = [
  ["j", "duplicates.key-next"],
  ["k", "duplicates.key-previous"],
  ["d", "duplicates.key-drop"],
  ["s", "duplicates.key-stays"],
  ["1–9", "duplicates.key-number"],
  ["Enter", "duplicates.key-enter"],
] as const;

export function Groups({ id, root }: { id: string; root: string }) {
  const t = useText();
  const navigate = useNavigate();
  const query = useInfiniteQuery(groupsQuery(id));
  const [rule, setRule] = useState<Rule>("oldest");
  const cleanUp = useMutation({
    mutationFn: () => previewCleanUp(id, rule),
    onSuccess: (preview) => navigate({ to: "/plans/$id", params: { id: preview.id } }),
  });
  if (query.data === undefined)
    return query.isError ? (
      <Failure error={query.error} retry={() => void query.refetch()} />
    ) : (
      <Waiting for={t("waiting.duplicates")} />
    );
  const [first] = query.data.pages;
  const groups = query.data.pages.flatMap((page) => page.duplicates);
  if (first === undefined || groups.length === 0)
    return <Empty title={t("duplicates.none")}>{<p>{t("duplicates.none-left")}</p>}</Empty>;
  return (
    <>
      <form
        className="row card spread"
        onSubmit={(event) => {
          event.preventDefault();
          cleanUp.mutate();
        }}
      >
        <Figures
          of={[
            [t("duplicates.groups", { n: first.total_groups }), count(first.total_groups)],
            [t("duplicates.copies", { n: first.total_duplicates }), count(first.total_duplicates)],
            [t("duplicates.wasted"), size(first.wasted_bytes)],
          ]}
        />
        <div className="clean-up">
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
          <button className="button primary" disabled={cleanUp.isPending}>
            {t("duplicates.preview")}
          </button>
          <span className="soft small">{t("duplicates.to-trash")}</span>
        </div>
        {cleanUp.isError && <Failure error={cleanUp.error} />}
      </form>
      <p className="small soft keys">
        {KEYS.map(([key, says]) => (
          <span key={key}>
            <kbd>{key}</kbd> {t(says)}
          </span>
        ))}
      </p>
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
  const [own, setOwn] = useState<ReadonlySet<string> | null>(null);
  const [refused, setRefused] = useState(false);
  const goes = own ?? new Set(group.files.filter((file) => file !== proposal).map(pathKey));
  const going = group.files.filter((file) => goes.has(pathKey(file)));
  const staying = group.files.filter((file) => !goes.has(pathKey(file)));
  const drop = useMutation({
    mutationFn: () => putAway(id, group.hash_value, staying, going),
    onSuccess: () => {
      if (staying.length === 1) step(card.current, group.files.length);
      else card.current?.querySelector<HTMLElement>("[data-copy]:not(:checked)")?.focus();
      return forgetAfterOperation(client);
    },
  });
  const alike = new Set(group.files.map((file) => baseName(file.path))).size === 1;
  const pictures = group.files.some((file) => isPicture(file.path));
  const times = new Set(group.files.map((file) => file.modified_at));
  function mark(file: Copy) {
    const next = new Set(goes);
    if (!next.delete(pathKey(file))) next.add(pathKey(file));
    const last = group.files.every((other) => next.has(pathKey(other)));
    setRefused(last);
    if (!last) setOwn(next);
  }
  function onlyStays(file: Copy) {
    setRefused(false);
    setOwn(new Set(group.files.filter((other) => other !== file).map(pathKey)));
  }
  function onKey(event: KeyboardEvent) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = group.files.findIndex((file) => (event.target as HTMLInputElement).value === pathKey(file));
    const file = group.files[at];
    const numbered = /^[1-9]$/.test(event.key) ? group.files[Number(event.key) - 1] : undefined;
    if (event.key === "j") step(event.target, 1);
    else if (event.key === "k") step(event.target, -1);
    else if (event.key === "d" && file) mark(file);
    else if (event.key === "s" && file) onlyStays(file);
    else if (numbered) onlyStays(numbered);
    else if (event.key === "Enter" && file && going.length > 0 && !drop.isPending) drop.mutate();
    else return;
    event.preventDefault();
  }
  return (
    <li ref={card} className="card group">
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- keys work wherever the focus is in the group */}
      <fieldset onKeyDown={onKey} className="stack">
        <legend>
          <strong>{t("duplicates.group", { n: group.file_count, size: size(group.average_size_bytes) })}</strong>{" "}
          {alike && group.files[0] && <Name of={baseName(group.files[0].path)} />}
          {times.size === 1 && group.files[0]?.modified_at && (
            <span className="soft small"> {t("duplicates.same-time", { when: moment(group.files[0].modified_at) })}</span>
          )}
        </legend>
        <div className={pictures ? "copies pictures" : "copies"}>
          {group.files.map((file, index) => (
            <label key={pathKey(file)} className={goes.has(pathKey(file)) ? "copy goes" : "copy"}>
              {isPicture(file.path) && <Thumbnail at={pictureOf(id, group.hash_value, file)} />}
              <input
                type="checkbox"
                data-copy
                value={pathKey(file)}
                checked={goes.has(pathKey(file))}
                onChange={() => mark(file)}
              />
              <span className="copy-facts">
                <span>
                  {index < 9 && <kbd aria-hidden="true">{index + 1}</kbd>}{" "}
                  <Name of={alike ? folderOf(below(root, file.path)) || "·" : below(root, file.path)} />
                </span>
                <span className="soft small">
                  {[
                    ...(file.modified_at && times.size > 1 ? [moment(file.modified_at)] : []),
                    ...(file.links.length > 0 ? [t("duplicates.links", { n: file.links.length })] : []),
                    ...(proposal === file ? [t("duplicates.suggested", { why: coded("keep", rule) })] : []),
                  ].join(" · ")}
                </span>
              </span>
              <span className={goes.has(pathKey(file)) ? "fate trashed" : "fate moved"}>
                {goes.has(pathKey(file)) ? t("duplicates.goes") : t("duplicates.stays")}
              </span>
            </label>
          ))}
        </div>
        <div className="row">
          <button
            type="button"
            className="button slim"
            disabled={going.length === 0 || drop.isPending}
            onClick={() => drop.mutate()}
          >
            {t("duplicates.drop", { n: going.length, size: size(group.average_size_bytes * going.length) })}
          </button>
          <Link to="/trash" className="small">
            {t("duplicates.way-back")}
          </Link>
          <span role="status" className="wrong">
            {refused && t("duplicates.last")}
          </span>
        </div>
        {drop.isError && <Failure error={drop.error} />}
      </fieldset>
    </li>
  );
}

/** Go on by so many copies, from group to group, from a copy or from a group. */
function step(from: EventTarget | null, by: number) {
  const copies = [...document.querySelectorAll<HTMLElement>("[data-copy]")];
  const here = copies.findIndex((copy) => copy === from || (from instanceof HTMLElement && from.contains(copy)));
  const next = copies[here + by];
  next?.focus();
  next?.closest("label")?.scrollIntoView({ block: "nearest" });
}
