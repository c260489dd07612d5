/** The plan's files that pass a filter, as one list: from where to where. */
import { useInfiniteQuery } from "@tanstack/react-query";

import { Name } from "@/components/ui/Name";
import { Loaded } from "@/components/ui/States";
import { VirtualRows } from "@/components/ui/VirtualRows";
import { pathKey, type PlanFile } from "@/lib/api/client";
import { filteredFilesQuery, type PlanFilter } from "@/lib/api/plans";
import { useNarrow } from "@/lib/narrow";
import { coded, useText } from "@/lib/text";

export function FilteredFiles({
  id,
  filter,
  selected,
  onSelect,
}: {
  id: string;
  filter: PlanFilter;
  selected: PlanFile | null;
  onSelect: (file: PlanFile) => void;
}) {
  const t = useText();
  const narrow = useNarrow();
  const query = useInfiniteQuery(filteredFilesQuery(id, filter));
  const row = (file: PlanFile) => (
    <button
      type="button"
      className={`way-row ${file.change}`}
      aria-pressed={selected !== null && pathKey(selected) === pathKey(file)}
      onClick={() => onSelect(file)}
    >
      <Name of={file.path} />
      <span aria-hidden="true">→</span>
      {file.target ? <Name of={file.target} /> : <span className="soft">{coded("reason", file.reason ?? "trashed")}</span>}
    </button>
  );
  return (
    <Loaded query={query} waiting={t("waiting.files")}>
      {({ pages }) => {
        const files = pages.flatMap((page) => page.files);
        if (files.length === 0) return <p className="card soft">{t("plan.no-match")}</p>;
        return (
          <VirtualRows
            label={t("plan.filtered")}
            rows={files}
            rowHeight={narrow ? 46 : 28}
            keyOf={pathKey}
            onEnd={() => void (query.hasNextPage && !query.isFetching && query.fetchNextPage())}
            render={row}
          />
        );
      }}
    </Loaded>
  );
}
