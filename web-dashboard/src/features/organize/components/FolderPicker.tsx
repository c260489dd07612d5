/** Picking a folder on the server, inside the granted ones. */
import { useQuery } from "@tanstack/react-query";

import { Name } from "@/components/ui/Name";
import { Loaded } from "@/components/ui/States";
import { pathKey, type PathRef, type Schemas } from "@/lib/api/client";
import { baseName } from "@/lib/format";
import { useText } from "@/lib/text";

import { foldersQuery } from "../api/folders";

/** A folder that was picked: the root it lies in, and the folders on the way. */
export interface Picked {
  way: PathRef[];
}

/** The folder itself. */
export function pickedFolder(picked: Picked): PathRef {
  return picked.way[picked.way.length - 1] ?? { path: "" };
}

export function FolderPicker({
  roots,
  picked,
  onPick,
}: {
  roots: readonly Schemas["RootRead"][];
  picked: Picked | null;
  onPick: (picked: Picked) => void;
}) {
  const t = useText();
  return (
    <div className="picker">
      <ul aria-label={t("picker.roots")}>
        {roots.map((root) => (
          <li key={root.id}>
            <button
              type="button"
              className="folder"
              aria-pressed={picked !== null && pathKey(picked.way[0] ?? root) === pathKey(root)}
              onClick={() => onPick({ way: [root] })}
            >
              <span className="folder-icon" aria-hidden="true" />
              <span>
                {root.is_home ? t("picker.home") : <Name of={baseName(root.path)} />}
                <span className="small soft block">{root.is_home ? t("picker.home-more") : <Name of={root.path} />}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
      {picked !== null && <Inside picked={picked} onPick={onPick} />}
    </div>
  );
}

function Inside({ picked, onPick }: { picked: Picked; onPick: (picked: Picked) => void }) {
  const t = useText();
  const folders = useQuery(foldersQuery(pickedFolder(picked)));
  return (
    <div className="inside stack">
      <nav aria-label={t("picker.way")} className="row crumbs">
        {picked.way.map((folder, index) => (
          <button
            key={pathKey(folder)}
            type="button"
            className="button quiet slim"
            aria-current={index === picked.way.length - 1 ? "true" : undefined}
            onClick={() => onPick({ way: picked.way.slice(0, index + 1) })}
          >
            <Name of={baseName(folder.path)} />
          </button>
        ))}
      </nav>
      <Loaded query={folders} waiting={t("waiting.folders")}>
        {(loaded) =>
          loaded.folders.length === 0 ? (
            <p className="soft small">{t("picker.none")}</p>
          ) : (
            <ul className="sub-folders">
              {loaded.folders.map((folder) => (
                <li key={pathKey(folder)}>
                  <button type="button" className="folder slim" onClick={() => onPick({ way: [...picked.way, folder] })}>
                    <span className="folder-icon" aria-hidden="true" />
                    <Name of={folder.name} />
                  </button>
                </li>
              ))}
              {loaded.more && <li className="soft small">{t("picker.more")}</li>}
            </ul>
          )
        }
      </Loaded>
    </div>
  );
}
