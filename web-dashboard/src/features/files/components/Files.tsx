/** Where did it go? Files of all operations, found as you type. */
import "./files.css";

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { CategoryMark } from "@/components/ui/CategoryMark";
import { Fate } from "@/components/ui/Fate";
import { Filter } from "@/components/ui/Filter";
import { Name } from "@/components/ui/Name";
import { Place } from "@/components/ui/Place";
import { Empty, Failure, Waiting } from "@/components/ui/States";
import { VirtualRows } from "@/components/ui/VirtualRows";
import type { FileRecord } from "@/lib/api/client";
import { FOUND_SORTS, STATUSES, searchQuery, type FilesSearch } from "@/lib/api/files";
import { categoriesQuery, useCategoryLook } from "@/lib/api/lookups";
import { baseName, folderOf, moment, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

import { FileDetails } from "./FileDetails";

const TYPING_MS = 250;

export function Files() {
  const t = useText();
  const navigate = useNavigate();
  const asked = useSearch({ from: "/inside/files" });
  const { q = "" } = asked;
  const [words, setWords] = useState(q);
  const [selected, setSelected] = useState<FileRecord | null>(null);
  const look = useCategoryLook();
  const query = useInfiniteQuery(searchQuery(asked));
  useEffect(() => {
    if (words === q) return;
    const { q: _before, ...rest } = asked;
    const search = words === "" ? rest : { ...rest, q: words };
    const timer = setTimeout(() => void navigate({ to: "/files", search, replace: true }), TYPING_MS);
    return () => clearTimeout(timer);
  }, [words, q, asked, navigate]);
  const found = query.data?.pages[0];
  return (
    <div className="stack wide">
      <h1>{t("nav.files")}</h1>
      <input
        className="input search"
        type="search"
        value={words}
        aria-label={t("files.search")}
        placeholder={t("files.search")}
        onChange={(event) => setWords(event.target.value)}
      />
      <Filters asked={asked} />
      {q.trim() === "" ? (
        <Empty title={t("files.begin")}>
          <p>
            {t("files.begin-more")} <Link to="/history">{t("nav.history")}</Link>
          </p>
        </Empty>
      ) : query.data === undefined ? (
        query.isError ? (
          <Failure error={query.error} retry={() => void query.refetch()} />
        ) : (
          <Waiting for={t("waiting.search")} />
        )
      ) : found?.files.length === 0 ? (
        <Empty title={t("files.none")} />
      ) : (
        <>
          <p className="soft small" role="status">
            {t(found?.total_is_exact ? "files.found" : "files.found-more", { n: found?.total_files ?? 0 })}
          </p>
          <div className={selected ? "finds with-one" : "finds"}>
            <VirtualRows
              label={t("nav.files")}
              rows={query.data.pages.flatMap((page) => page.files)}
              rowHeight={46}
              keyOf={(file) => file.id}
              onEnd={() => void (query.hasNextPage && !query.isFetching && query.fetchNextPage())}
              render={(file) => (
                <button
                  type="button"
                  className="find"
                  aria-pressed={selected?.id === file.id}
                  onClick={() => setSelected(file)}
                >
                  <CategoryMark of={look(file.category)} />
                  <span className="find-names">
                    <Name of={baseName(file.new_path ?? file.original_path)} className="find-name" />
                    <span className="soft small">
                      {file.new_path ? <Place of={folderOf(file.new_path)} /> : coded("reason", file.error_message ?? "in-trash")}
                    </span>
                  </span>
                  <span className="find-end soft small">
                    <span>{size(file.size_bytes)}</span>
                    {file.status === "completed" ? <span className="not-narrow">{moment(file.created_at)}</span> : <Fate of={file.status} />}
                  </span>
                </button>
              )}
            />
            {selected && <FileDetails key={selected.id} file={selected} onClose={() => setSelected(null)} />}
          </div>
        </>
      )}
    </div>
  );
}

/** Which of the files that are found, and in which order; the address says it, too. */
function Filters({ asked }: { asked: FilesSearch }) {
  const t = useText();
  const navigate = useNavigate();
  const categories = useQuery(categoriesQuery());
  const all = ["", t("plan.all")] as const;
  function choose(part: keyof FilesSearch, value: string) {
    const { [part]: _before, ...rest } = asked;
    void navigate({ to: "/files", search: value === "" ? rest : { ...rest, [part]: value }, replace: true });
  }
  return (
    <div className="row tools">
      <Filter
        label={t("plan.filter-change")}
        value={asked.status ?? ""}
        options={[all, ...STATUSES.map((status) => [status, coded("fate", status)] as const)]}
        onChange={(value) => choose("status", value)}
      />
      <Filter
        label={t("word.category")}
        value={asked.category ?? ""}
        options={[all, ...(categories.data?.categories ?? []).map(({ name }) => [name, name] as const)]}
        onChange={(value) => choose("category", value)}
      />
      <Filter
        label={t("files.sort")}
        value={asked.sort ?? "best"}
        options={FOUND_SORTS.map((sort) => [sort, coded("files-sort", sort)] as const)}
        onChange={(value) => choose("sort", value)}
      />
    </div>
  );
}
