/** A category's sign: its icon on its colour. The name stands beside it, so it is silent. */
import type { Look } from "@/lib/api/lookups";
import { linesOf } from "@/lib/icons";
import { chalk } from "@/lib/ink";

export function CategoryMark({ of }: { of: Look }) {
  return (
    <span className="mark" style={{ background: of.color, color: chalk(of.color) }} aria-hidden="true">
      {of.icon !== null && (
        <svg viewBox="0 0 16 16">
          <path d={linesOf(of.icon)} />
        </svg>
      )}
    </span>
  );
}
