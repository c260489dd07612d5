/** What became of each file of an operation; one file or one folder of them can be taken back. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { Choice } from "@/components/ui/Choice";
import { Explanation } from "@/components/ui/Explanation";
import { Fate } from "@/components/ui/Fate";
import { Name } from "@/components/ui/Name";
import { Loaded } from "@/components/ui/States";
import { VirtualRows } from "@/components/ui/VirtualRows";
import { WasAndWent } from "@/components/ui/WasAndWent";
import type { FileRecord, Operation } from "@/lib/api/client";
import { filesQuery, type FilesFilter } from "@/lib/api/files";
import { explainQuery } from "@/lib/api/operations";
import { below, count, folderOf, size } from "@/lib/format";
import { useNarrow } from "@/lib/narrow";
import { coded, useText } from "@/lib/text";

import type { Undone } from "./UndoSheet";

type Shown = "all" | FileRecord["status"];

export function RunFiles({
  operation,
  undoable,
  onUndo,
}: {
  operation: Operation;
  undoable: boolean;
  onUndo: (undone: Undone) => void;
}) {
  const t = useText();
  const [shown, setShown] = useState<Shown>("all");
  const [selected, setSelected] = useState<FileRecord | null>(null);
  const filter: FilesFilter = shown === "all" ? { sort_by: "path" } : { sort_by: "path", status_filter: shown };
  const query = useInfiniteQuery(filesQuery(operation.id, filter));
  const totals = query.data?.pages[0];
  const narrow = useNarrow();
  return (
    <section className="stack" aria-labelledby="run-files">
      <div className="row spread">
        <h2 id="run-files">{t("run.each")}</h2>
        <Choice<Shown>
          label={t("run.show")}
          chosen={shown}
          onChoose={setShown}
          options={[
            ["all", t("plan.all")],
            ["completed", `${t("fate.completed")} ${count(totals?.files_completed ?? 0)}`],
            ["skipped", `${t("fate.skipped")} ${count(totals?.files_skipped ?? 0)}`],
            ["failed", `${t("fate.failed")} ${count(totals?.files_failed ?? 0)}`],
          ]}
        />
      </div>
      <Loaded query={query} waiting={t("waiting.files")}>
        {({ pages }) =>
          pages[0]?.total_files === 0 ? (
            <p className="card soft">{t("run.no-files")}</p>
          ) : (
            <div className={selected ? "run-files with-one" : "run-files"}>
              <VirtualRows
                label={t("run.each")}
                rows={pages.flatMap((page) => page.files)}
                rowHeight={narrow ? 46 : 28}
                keyOf={(file) => file.id}
                onEnd={() => void (query.hasNextPage && !query.isFetching && query.fetchNextPage())}
                render={(file) => (
                  <button
                    type="button"
                    className={`way-row ${file.status}`}
                    aria-pressed={selected?.id === file.id}
                    onClick={() => setSelected(file)}
                  >
                    <Name of={below(operation.root_path, file.original_path)} />
                    <span aria-hidden="true">→</span>
                    {file.new_path ? (
                      <Name of={below(operation.root_path, file.new_path)} />
                    ) : (
                      <span className="soft">{coded("reason", file.error_message ?? "in-trash")}</span>
                    )}
                  </button>
                )}
              />
              {selected && (
                <OneFile
                  operation={operation}
                  file={selected}
                  undoable={undoable}
                  onUndo={onUndo}
                  onClose={() => setSelected(null)}
                />
              )}
            </div>
          )
        }
      </Loaded>
    </section>
  );
}

function OneFile({
  operation,
  file,
  undoable,
  onUndo,
  onClose,
}: {
  operation: Operation;
  file: FileRecord;
  undoable: boolean;
  onUndo: (undone: Undone) => void;
  onClose: () => void;
}) {
  const t = useText();
  const original = { path: file.original_path, path_b64: file.original_path_b64 ?? null };
  const why = useQuery(explainQuery(operation.id, original));
  const folder = folderOf(below(operation.root_path, file.original_path));
  return (
    <aside className="card stack" aria-label={t("why.label")}>
      <div className="row spread">
        <Fate of={file.status} />
        <button type="button" className="button quiet slim" onClick={onClose}>
          {t("action.close")}
        </button>
      </div>
      <WasAndWent file={file} />
      <p className="small soft">{size(file.size_bytes)}</p>
      {undoable && file.status === "completed" && (
        <div className="row">
          <button type="button" className="button" onClick={() => onUndo({ only: original })}>
            {t("undo.file")}
          </button>
          {folder !== "" && original.path_b64 === null && (
            <button
              type="button"
              className="button"
              onClick={() => onUndo({ only: { path: folderOf(file.original_path) } })}
            >
              {t("undo.folder")}
            </button>
          )}
        </div>
      )}
      <Loaded query={why} waiting={t("waiting.why")}>
        {(loaded) => {
          const first = loaded.explanations[0];
          return first ? <Explanation of={first} /> : <p className="soft">{t("why.no-rule")}</p>;
        }}
      </Loaded>
    </aside>
  );
}
