/** What went into each category as one bar; the list below it says the same in words. */
import { useCategoryColor } from "@/lib/api/lookups";
import { size } from "@/lib/format";
import { useText } from "@/lib/text";

interface Share {
  category: string;
  file_count: number;
  total_size_bytes: number;
}

export function CategoryBar({ of }: { of: readonly Share[] }) {
  const t = useText();
  const color = useCategoryColor();
  const shares = of.filter((share) => share.file_count > 0);
  return (
    <div className="stack">
      <div className="category-bar" aria-hidden="true">
        {shares.map((share) => (
          <span
            key={share.category}
            title={share.category}
            style={{ flexGrow: share.file_count, background: color(share.category) }}
          />
        ))}
      </div>
      <ul className="category-words">
        {shares.map((share) => (
          <li key={share.category}>
            <span className="swatch" style={{ background: color(share.category) }} /> {share.category}{" "}
            <span className="soft small" title={size(share.total_size_bytes)}>
              {t("files.found", { n: share.file_count })}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
