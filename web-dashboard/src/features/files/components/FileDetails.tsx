/** One file: picture, where it was and is, why, and the file itself. */
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { Explanation } from "@/components/ui/Explanation";
import { Name } from "@/components/ui/Name";
import { Failure, Loaded } from "@/components/ui/States";
import { Thumbnail } from "@/components/ui/Thumbnail";
import { WasAndWent } from "@/components/ui/WasAndWent";
import { fetchBlob, type FileRecord } from "@/lib/api/client";
import { explainQuery } from "@/lib/api/operations";
import { saveBlob } from "@/lib/save";
import { baseName, isPicture } from "@/lib/format";
import { useText } from "@/lib/text";

export function FileDetails({ file, onClose }: { file: FileRecord; onClose: () => void }) {
  const t = useText();
  const why = useQuery(explainQuery(file.operation_id, { path: file.original_path, path_b64: file.original_path_b64 ?? null }));
  const download = useMutation({
    mutationFn: () => fetchBlob(`/api/v1/files/${file.id}/download`),
    onSuccess: (blob) => saveBlob(blob, baseName(file.new_path ?? file.original_path)),
  });
  return (
    <aside className="card stack" aria-label={t("why.label")}>
      <div className="row spread">
        <h2>
          <Name of={baseName(file.new_path ?? file.original_path)} />
        </h2>
        <button type="button" className="button quiet slim" onClick={onClose}>
          {t("action.close")}
        </button>
      </div>
      {file.status === "completed" && isPicture(file.new_path ?? file.original_path) && (
        <Thumbnail at={`/api/v1/files/${file.id}/thumbnail?size=256`} />
      )}
      <WasAndWent file={file} />
      <Loaded query={why} waiting={t("waiting.why")}>
        {({ explanations: [first] }) => (first ? <Explanation of={first} /> : <p className="soft">{t("why.no-rule")}</p>)}
      </Loaded>
      <div className="row">
        <button type="button" className="button" disabled={download.isPending} onClick={() => download.mutate()}>
          {t("file.download")}
        </button>
        <Link to="/runs/$id" params={{ id: file.operation_id }} className="button">
          {t("file.operation")}
        </Link>
      </div>
      {download.isError && <Failure error={download.error} />}
    </aside>
  );
}
