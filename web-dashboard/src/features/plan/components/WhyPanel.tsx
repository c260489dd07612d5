/** One file: its way, and which rule sends it there. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";

import { Explanation } from "@/components/ui/Explanation";
import { Fate } from "@/components/ui/Fate";
import { Name } from "@/components/ui/Name";
import { Loaded } from "@/components/ui/States";
import type { PlanFile } from "@/lib/api/client";
import { explainQuery } from "@/lib/api/operations";
import { baseName, folderOf, size } from "@/lib/format";
import { coded, useText } from "@/lib/text";

export function WhyPanel({ id, file, onClose }: { id: string; file: PlanFile; onClose: () => void }) {
  const t = useText();
  const why = useQuery(explainQuery(id, file));
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.scrollIntoView({ block: "nearest" });
  }, [file]);
  return (
    <aside className="why card stack" aria-label={t("why.label")}>
      <div className="row spread">
        <Fate of={file.change} />
        <button type="button" className="button quiet slim" onClick={onClose}>
          {t("action.close")}
        </button>
      </div>
      <h2 ref={heading}>
        <Name of={baseName(file.path)} />
      </h2>
      <ol className="way">
        <li>
          <span className="small soft">{t("plan.before")}</span>
          <Name of={folderOf(file.path) || t("plan.top")} />
        </li>
        <li>
          <span className="small soft">{t("plan.after")}</span>
          {file.target ? (
            <span>
              <Name of={folderOf(file.target) || t("plan.top")} />
              {baseName(file.target) !== baseName(file.path) && (
                <>
                  {" / "}
                  <strong>
                    <Name of={baseName(file.target)} />
                  </strong>
                </>
              )}
            </span>
          ) : (
            <span>{file.change === "trashed" ? t("why.trash") : t("why.stays")}</span>
          )}
        </li>
      </ol>
      {file.reason && <p className="notice">{coded("reason", file.reason)}</p>}
      <Loaded query={why} waiting={t("waiting.why")}>
        {(loaded) => {
          const first = loaded.explanations[0];
          return first ? <Explanation of={first} /> : <p className="soft">{t("why.no-rule")}</p>;
        }}
      </Loaded>
      <p className="small soft">{size(file.size_bytes)}</p>
    </aside>
  );
}
