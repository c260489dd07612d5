/** How old the files are: a bar for each year of their last change. */
import { useQuery } from "@tanstack/react-query";

import { Loaded } from "@/components/ui/States";
import { count, size } from "@/lib/format";
import { useText } from "@/lib/text";

import { agesQuery } from "../api/reports";

export function Ages({ id, measure }: { id: string; measure: "size" | "files" }) {
  const t = useText();
  const ages = useQuery(agesQuery(id));
  return (
    <Loaded query={ages} waiting={t("waiting.ages")}>
      {({ years }) => {
        if (years.length === 0) return <p className="soft">{t("report.no-ages")}</p>;
        const value = (year: (typeof years)[number]) => (measure === "size" ? year.total_size_bytes : year.file_count);
        const most = Math.max(1, ...years.map(value));
        return (
          <table className="table ages">
            <thead>
              <tr>
                <th scope="col">{t("report.year")}</th>
                <th scope="col" className="number">
                  {t("word.files")}
                </th>
                <th scope="col" className="number">
                  {t("word.size")}
                </th>
                <td />
              </tr>
            </thead>
            <tbody>
              {years.map((year) => (
                <tr key={year.year}>
                  <th scope="row">{year.year}</th>
                  <td className="number">{count(year.file_count)}</td>
                  <td className="number">{size(year.total_size_bytes)}</td>
                  <td aria-hidden="true">
                    <span className="age-bar" style={{ inlineSize: `${(100 * value(year)) / most}%` }} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        );
      }}
    </Loaded>
  );
}
