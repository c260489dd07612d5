/** Before and after as a picture: each cell stands for some files, on the left as they lie, on the right as they will. */
import { count } from "@/lib/format";
import { useText } from "@/lib/text";

export interface Pile {
  name: string;
  files: number;
  color: string;
}

const CELLS = 160;
const ACROSS = 11;
const PITCH = 9;
const ROWS_SHOWN = 8;

/** Piles as cells, at least one each, about `CELLS` in all. */
export function cellsOf(piles: readonly Pile[], cells = CELLS): Pile[] {
  const all = piles.reduce((sum, pile) => sum + pile.files, 0);
  return piles.flatMap((pile) =>
    Array.from({ length: pile.files > 0 ? Math.max(1, Math.round((pile.files / all) * cells)) : 0 }, () => pile),
  );
}

/** The same cells in an order without order, the same each time. */
export function scattered<T>(cells: readonly T[]): T[] {
  const mixed = [...cells];
  let state = 2463534242;
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (last + 1);
    const kept = mixed[last] as T;
    mixed[last] = mixed[other] as T;
    mixed[other] = kept;
  }
  return mixed;
}

export function SortingPicture({ before, after }: { before: readonly Pile[]; after: readonly Pile[] }) {
  const t = useText();
  const mixed = scattered(cellsOf(before));
  const largest = [...after].sort((one, other) => other.files - one.files);
  const shown = largest.slice(0, ROWS_SHOWN);
  const rest = largest.slice(ROWS_SHOWN);
  const most = largest[0]?.files ?? 1;
  const height = Math.ceil(mixed.length / ACROSS) * PITCH;
  return (
    <div className="sorting">
      <svg viewBox={`0 0 ${ACROSS * PITCH} ${height}`} className="heap" aria-hidden="true">
        {mixed.map((pile, index) => (
          <rect
            key={index}
            x={(index % ACROSS) * PITCH}
            y={Math.floor(index / ACROSS) * PITCH}
            width={PITCH - 2}
            height={PITCH - 2}
            rx="1.5"
            fill={pile.color}
          />
        ))}
      </svg>
      <span className="arrow" aria-hidden="true">
        →
      </span>
      <ul className="piles" aria-label={t("picture.after")}>
        {shown.map((pile) => (
          <li key={pile.name}>
            <span className="pile-name">{pile.name}</span>
            <span className="pile-bar">
              <span style={{ width: `${Math.max(3, (100 * pile.files) / most)}%`, background: pile.color }} />
            </span>
            <span className="number small">{count(pile.files)}</span>
          </li>
        ))}
        {rest.length > 0 && (
          <li className="soft small">
            {t("picture.more", { n: rest.length, files: rest.reduce((sum, pile) => sum + pile.files, 0) })}
          </li>
        )}
      </ul>
    </div>
  );
}
