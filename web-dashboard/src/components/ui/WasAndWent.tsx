/** Where a file of a record was, and where it went. */
import type { FileRecord } from "@/lib/api/client";
import { coded, useText } from "@/lib/text";

import { Place } from "./Place";

export function WasAndWent({ file }: { file: FileRecord }) {
  const t = useText();
  return (
    <>
      <p>
        <span className="small soft block">{t("file.was")}</span>
        <Place of={file.original_path} />
      </p>
      <p>
        <span className="small soft block">{t(file.new_path || !file.error_message ? "file.went" : "file.stayed")}</span>
        {file.new_path ? <Place of={file.new_path} /> : coded("reason", file.error_message ?? "in-trash")}
        {file.new_path && file.error_message && <span className="small soft block">{coded("reason", file.error_message)}</span>}
      </p>
    </>
  );
}
