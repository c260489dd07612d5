/** One report: the categories as a treemap and as a table that point at each other, the largest files, and exports. */
import "./reports.css";

import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";

import { CategoryMark } from "@/components/ui/CategoryMark";
import { Choice } from "@/components/ui/Choice";
import { Figures } from "@/components/ui/Figures";
import { Place } from "@/components/ui/Place";
import { Failure, Loaded } from "@/components/ui/States";
import type { Schemas } from "@/lib/api/client";
import { useCategoryLook } from "@/lib/api/lookups";
import { operationQuery } from "@/lib/api/operations";
import { count, duration, moment, percent, size } from "@/lib/format";
import { saveBlob } from "@/lib/save";
import { coded, useText } from "@/lib/text";

import { exported, FORMATS, reportQuery, type Format } from "../api/reports";
import { Ages } from "./Ages";
import { Treemap } from "./Treemap";

export function ReportView() {
  const t = useText();
  const { id } = useParams({ from: "/inside/reports/$id" });
  const report = useQuery(reportQuery(id));
  const save = useMutation({
    mutationFn: (format: Format) => exported(id, format).then((blob) => saveBlob(blob, `report-${id}.${format}`)),
  });
  return (
    <div className="stack">
      <div className="row spread">
        <h1>{t("report.title")}</h1>
        <div className="row" role="group" aria-label={t("report.export")}>
          {FORMATS.map((format) => (
            <button
              key={format}
              type="button"
              className="button slim"
              disabled={save.isPending}
              onClick={() => save.mutate(format)}
            >
              {format.toUpperCase()}
            </button>
          ))}
        </div>
      </div>
      {save.isError && <Failure error={save.error} />}
      <Loaded query={report} waiting={t("waiting.report")}>
        {(loaded) => <Report id={id} report={loaded} />}
      </Loaded>
    </div>
  );
}

type Measure = "size" | "files";

function Report({ id, report }: { id: string; report: Schemas["ReportRead"] }) {
  const t = useText();
  const look = useCategoryLook();
  const operation = useQuery(operationQuery(id));
  const [measure, setMeasure] = useState<Measure>("size");
  const [pointed, setPointed] = useState<string | null>(null);
  const value = (share: Schemas["ShareRead"]) => (measure === "size" ? share.total_size_bytes : share.file_count);
  const shares = [...report.category_breakdown].sort((one, other) => value(other) - value(one));
  const whole = shares.reduce((sum, share) => sum + value(share), 0);
  return (
    <>
      <p className="soft">
        <Link to="/runs/$id" params={{ id }}>
          {coded("type", report.operation_type)}
        </Link>
        {operation.data && (
          <>
            {" · "}
            <Place of={operation.data.root_path} />
          </>
        )}
        {report.start_time && ` · ${moment(report.start_time)}`}
        {report.duration_seconds !== null && ` · ${duration(report.duration_seconds)}`}
      </p>
      <section className="card">
        <Figures
          of={[
            [t("report.scanned"), count(report.stats.total_files_scanned)],
            [t("report.moved"), count(report.stats.total_files_moved)],
            [t("report.skipped", { n: report.stats.total_files_skipped }), count(report.stats.total_files_skipped)],
            [t("report.failed", { n: report.stats.total_files_failed }), count(report.stats.total_files_failed)],
            [t("run.bytes"), size(report.stats.total_size_bytes)],
            [t("overview.duplicates", { n: report.stats.duplicates_found }), count(report.stats.duplicates_found)],
          ]}
        />
      </section>
      {shares.length > 0 && (
        <section className="card stack" aria-labelledby="by-category">
          <div className="row spread">
            <h2 id="by-category">{t("report.by-category")}</h2>
            <Choice<Measure>
              label={t("report.measure")}
              chosen={measure}
              onChoose={setMeasure}
              options={[
                ["size", t("word.size")],
                ["files", t("word.files")],
              ]}
            />
          </div>
          <div className="by-category">
            <Treemap
              areas={shares.map((share) => ({
                name: share.category,
                value: value(share),
                words: measure === "size" ? size(share.total_size_bytes) : t("files.found", { n: share.file_count }),
                color: look(share.category).color,
              }))}
              pointed={pointed}
              onPoint={setPointed}
            />
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">{t("word.category")}</th>
                  <th scope="col" className="number">
                    {t("word.files")}
                  </th>
                  <th scope="col" className="number">
                    {t("word.size")}
                  </th>
                  <th scope="col" className="number">
                    {t("word.share")}
                  </th>
                </tr>
              </thead>
              <tbody>
                {shares.map((share) => (
                  <tr
                    key={share.category}
                    className={pointed === share.category ? "pointed" : ""}
                    onMouseEnter={() => setPointed(share.category)}
                    onMouseLeave={() => setPointed(null)}
                  >
                    <td>
                      <CategoryMark of={look(share.category)} /> {share.category}
                    </td>
                    <td className="number">{count(share.file_count)}</td>
                    <td className="number">{size(share.total_size_bytes)}</td>
                    <td className="number">{percent(value(share), whole)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      <section className="card stack" aria-labelledby="by-age">
        <h2 id="by-age">{t("report.by-age")}</h2>
        <Ages id={id} measure={measure} />
      </section>
      {report.largest_files.length > 0 && (
        <section className="card stack" aria-labelledby="largest">
          <h2 id="largest">{t("report.largest")}</h2>
          <div className="scroll">
            <table className="table">
              <thead>
                <tr>
                  <th scope="col">{t("word.file")}</th>
                  <th scope="col">{t("word.category")}</th>
                  <th scope="col" className="number">
                    {t("word.size")}
                  </th>
                </tr>
              </thead>
              <tbody>
                {report.largest_files.map((file) => (
                  <tr key={file.path}>
                    <td>
                      <Place of={file.path} />
                    </td>
                    <td>{file.category}</td>
                    <td className="number">{size(file.size_bytes)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
    </>
  );
}
