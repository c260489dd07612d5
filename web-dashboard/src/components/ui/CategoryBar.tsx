/** What went into each category as one bar; the list below it says the same in words. */
import { useCategoryLook } from "@/lib/api/lookups";
import { size } from "@/lib/format";
import { useText } from "@/lib/text";

import { CategoryMark } from "./CategoryMark";

interface Share {
  category: string;
  file_count: number;
  total_size_bytes: number;
}

export function CategoryBar({ of }: { of: readonly Share[] }) {
  const t = useText();
  const look = useCategoryLook();
  const shares = of.filter((share) => share.file_count > 0);
  return (
    <div className="stack">
      <div className="category-bar" aria-hidden="true">
        {shares.map((share) => (
          <span
            key={share.category}
            title={share.category}
            style={{ flexGrow: share.file_count, background: look(share.category).color }}
          />
        ))}
      </div>
      <ul className="category-words">
        {shares.map((share) => (
          <li key={share.category}>
            <CategoryMark of={look(share.category)} /> {share.category}{" "}
            <span className="soft small" title={size(share.total_size_bytes)}>
              {t("files.found", { n: share.file_count })}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
