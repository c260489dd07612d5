/** Shares of a whole as areas, named where a name fits. The table beside it says the same in words, so it is silent for screen readers. */
import { hierarchy, treemap } from "d3-hierarchy";

import { ink } from "@/lib/ink";

interface Area {
  name: string;
  value: number;
  /** The value as it is said. */
  words: string;
  color: string;
}

const WIDTH = 560;
const HEIGHT = 440;

export function Treemap({
  areas,
  pointed,
  onPoint,
}: {
  areas: readonly Area[];
  pointed: string | null;
  onPoint: (name: string | null) => void;
}) {
  const root = hierarchy<Partial<Area> & { children?: Area[] }>({ children: areas.filter((area) => area.value > 0) })
    .sum((node) => node.value ?? 0)
    .sort((one, other) => (other.value ?? 0) - (one.value ?? 0));
  const leaves = treemap<Partial<Area> & { children?: Area[] }>().size([WIDTH, HEIGHT])(root).leaves();
  const share = (part: number, whole: number) => `${(100 * part) / whole}%`;
  return (
    <div className="treemap" aria-hidden="true">
      {leaves.map((leaf) => {
        const { name = "", color = "", words } = leaf.data;
        return (
          <div
            key={name}
            className={pointed !== null && pointed !== name ? "area faded" : "area"}
            style={{
              left: share(leaf.x0, WIDTH),
              top: share(leaf.y0, HEIGHT),
              width: share(leaf.x1 - leaf.x0, WIDTH),
              height: share(leaf.y1 - leaf.y0, HEIGHT),
            }}
            onMouseEnter={() => onPoint(name)}
            onMouseLeave={() => onPoint(null)}
          >
            <div style={{ background: color, color: ink(color) }}>
              <strong>{name}</strong>
              <span>{words}</span>
            </div>
          </div>
        );
      })}
    </div>
  );
}
