/** Names and paths of files: as text, whatever they hold. */
import { shownName } from "@/lib/format";

/** A name or path; tricky characters are shown, its direction doesn't leak. */
export function Name({ of, className }: { of: string; className?: string }) {
  const shown = shownName(of);
  return (
    <bdi className={className ? `path ${className}` : "path"} title={shown}>
      {shown}
    </bdi>
  );
}
