/** Shares of a whole as areas. The table beside it says the same in words, so it is silent for screen readers. */
import { hierarchy, treemap } from "d3-hierarchy";

import { ink } from "./ink";

interface Area {
  name: string;
  value: number;
  color: string;
}

const WIDTH = 560;
const HEIGHT = 440;
const LABEL_WIDTH = 52;
const LABEL_HEIGHT = 20;

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
  const leaves = treemap<Partial<Area> & { children?: Area[] }>().size([WIDTH, HEIGHT]).paddingInner(2)(root).leaves();
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="treemap" aria-hidden="true">
      {leaves.map((leaf) => {
        const { name = "", color = "" } = leaf.data;
        const width = leaf.x1 - leaf.x0;
        const height = leaf.y1 - leaf.y0;
        return (
          <g
            key={name}
            className={pointed !== null && pointed !== name ? "faded" : ""}
            onMouseEnter={() => onPoint(name)}
            onMouseLeave={() => onPoint(null)}
          >
            <rect x={leaf.x0} y={leaf.y0} width={width} height={height} rx="3" fill={color} />
            {width > LABEL_WIDTH && height > LABEL_HEIGHT && (
              <text x={leaf.x0 + 7} y={leaf.y0 + 16} fill={ink(color)}>
                {name.slice(0, Math.floor(width / 7.2))}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
