/** The files that couldn't be done, while the others still are. */
import { useInfiniteQuery } from "@tanstack/react-query";

import { Name } from "@/components/ui/Name";
import { Loaded } from "@/components/ui/States";
import type { Operation } from "@/lib/api/client";
import { filesQuery } from "@/lib/api/files";
import { below } from "@/lib/format";
import { coded, useText } from "@/lib/text";

const SHOWN = 8;
/** Records follow the work by a moment. */
const AGAIN_MS = 2_000;

/** `failed` is how many there are by now. */
export function Troubles({ operation, failed }: { operation: Operation; failed: number }) {
  const t = useText();
  const query = useInfiniteQuery({
    ...filesQuery(operation.id, { status_filter: "failed" }),
    refetchInterval: AGAIN_MS,
  });
  return (
    <section className="stack troubles" aria-label={t("run.troubles")}>
      <h3>{t("run.troubles")}</h3>
      <Loaded query={query} waiting={t("waiting.files")}>
        {({ pages }) => {
          const files = pages.flatMap((page) => page.files).slice(0, SHOWN);
          return (
            <ul className="small">
              {files.map((file) => (
                <li key={file.id}>
                  <Name of={below(operation.root_path, file.original_path)} />
                  <span className="wrong"> · {file.error_message ? coded("reason", file.error_message) : t("fate.failed")}</span>
                </li>
              ))}
              {failed > files.length && files.length > 0 && (
                <li className="soft">{t("run.more-troubles", { n: failed - files.length })}</li>
              )}
            </ul>
          );
        }}
      </Loaded>
    </section>
  );
}
