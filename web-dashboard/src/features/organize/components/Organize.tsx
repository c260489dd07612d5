/** From a folder to a plan: pick it, see its numbers while it is looked at, compare three ways of filing it. */
import "./organize.css";

import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { Name } from "@/components/ui/Name";
import { Failure, Loaded } from "@/components/ui/States";
import type { PathRef, Schemas } from "@/lib/api/client";
import { rootsQuery } from "@/lib/api/lookups";
import { requestOperation, untilStopped } from "@/lib/api/operations";
import { useText } from "@/lib/text";

import { FolderPicker, pickedFolder, type Picked } from "./FolderPicker";
import { LayoutCard } from "./LayoutCard";

export const LAYOUTS = ["category_year", "category", "year"] as const;
export type LayoutName = (typeof LAYOUTS)[number];
type Previews = Partial<Record<LayoutName, string>>;

interface Asked {
  folder: PathRef;
  recursive: boolean;
}

function wanted({ folder, recursive }: Asked, layout: LayoutName): Schemas["OperationCreate"] {
  const where = folder.path_b64 ? { root_path_b64: folder.path_b64 } : { root_path: folder.path };
  return { ...where, operation_type: "organize", is_dry_run: true, recursive, layout };
}

export function Organize() {
  const t = useText();
  const roots = useQuery(rootsQuery());
  const [picked, setPicked] = useState<Picked | null>(null);
  const [recursive, setRecursive] = useState(false);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [previews, setPreviews] = useState<Previews>({});
  const [over, setOver] = useState<readonly LayoutName[]>([]);
  const look = useMutation({
    mutationFn: ({ asked, layout }: { asked: Asked; layout: LayoutName }) => requestOperation(wanted(asked, layout)),
    ...untilStopped,
    onSuccess: (operation, { layout }) => setPreviews((known) => ({ ...known, [layout]: operation.id })),
  });

  function begin(picked: Picked) {
    const next = { folder: pickedFolder(picked), recursive };
    setAsked(next);
    setPreviews({});
    setOver([]);
    look.mutate({ asked: next, layout: "category_year" });
  }

  if (asked !== null)
    return (
      <div className="stack">
        <div className="row spread">
          <div>
            <h1>{t("layouts.title")}</h1>
            <p className="soft">
              <Name of={asked.folder.path} />
            </p>
          </div>
          <button type="button" className="button" onClick={() => setAsked(null)}>
            {t("layouts.other-folder")}
          </button>
        </div>
        {look.isError && <Failure error={look.error} />}
        <div className="layouts">
          {LAYOUTS.map((layout) => (
            <LayoutCard
              key={layout}
              layout={layout}
              preview={previews[layout]}
              // One at a time: each has the folder to itself until it is over.
              before={!look.isPending && LAYOUTS.slice(0, LAYOUTS.indexOf(layout)).every((earlier) => over.includes(earlier))}
              onAsk={() => look.mutate({ asked, layout })}
              onOver={() => setOver((known) => [...known, layout])}
              onFew={() => {
                const next = LAYOUTS[LAYOUTS.indexOf(layout) + 1];
                if (next !== undefined && previews[next] === undefined) look.mutate({ asked, layout: next });
              }}
            />
          ))}
        </div>
        <p className="soft small">{t("layouts.nothing-yet")}</p>
      </div>
    );

  return (
    <div className="stack">
      <div>
        <h1>{t("organize.title")}</h1>
        <p className="soft">{t("organize.more")}</p>
      </div>
      <section className="card stack">
        <Loaded query={roots} waiting={t("waiting.folders")}>
          {(loaded) => <FolderPicker roots={loaded.roots} picked={picked} onPick={setPicked} />}
        </Loaded>
        <label className="check">
          <input type="checkbox" checked={recursive} onChange={(event) => setRecursive(event.target.checked)} />
          <span>
            {t("organize.recursive")}
            <span className="hint block">{t("organize.recursive-more")}</span>
          </span>
        </label>
        <div className="row">
          <button
            type="button"
            className="button primary"
            disabled={picked === null}
            onClick={() => picked && begin(picked)}
          >
            {t("organize.look")}
          </button>
          {picked ? <Name of={pickedFolder(picked).path} /> : <span className="soft">{t("organize.pick-first")}</span>}
        </div>
      </section>
    </div>
  );
}
