/** What somebody may want to do next, as the last operations and the trash suggest it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { Operation } from "@/lib/api/client";
import { trashTotalsQuery } from "@/lib/api/lookups";
import { baseName, size } from "@/lib/format";
import { useText } from "@/lib/text";

import { suggestions } from "./suggestions";

export function NextSteps({ recent }: { recent: readonly Operation[] }) {
  const t = useText();
  const trash = useQuery(trashTotalsQuery());
  const { plan, copies, left } = suggestions(recent);
  const inTrash = trash.data?.total_items ?? 0;
  return (
    <section className="card stack" aria-labelledby="next">
      <h2 id="next">{t("next.title")}</h2>
      <ul className="next-steps">
        {plan && (
          <li>
            <Link to="/plans/$id" params={{ id: plan.id }}>
              {t("next.plan", { n: plan.review?.planned ?? 0, folder: baseName(plan.root_path) })}
            </Link>
          </li>
        )}
        {copies && (
          <li>
            <Link to="/duplicates" search={{ of: copies.id }}>
              {t("next.copies", { n: copies.duplicates_found, folder: baseName(copies.root_path) })}
            </Link>
          </li>
        )}
        {left && (
          <li>
            <Link to="/runs/$id" params={{ id: left.id }}>
              {t("next.left", { n: left.files_skipped + left.files_failed, folder: baseName(left.root_path) })}
            </Link>
          </li>
        )}
        {trash.data && inTrash > 0 && (
          <li>
            <Link to="/trash">{t("next.trash", { n: inTrash, size: size(trash.data.total_size_bytes) })}</Link>
          </li>
        )}
        <li>
          <Link to="/organize">{t("next.organize")}</Link>
        </li>
        <li>
          <Link to="/duplicates">{t("next.search")}</Link>
        </li>
      </ul>
    </section>
  );
}
