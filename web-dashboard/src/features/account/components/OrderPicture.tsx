/** What the program does, as a picture: cells without order, the way there and back, the same cells in their piles. */
import { scattered } from "@/components/ui/SortingPicture";

const PILES = [
  { cells: 24, color: "var(--moved)" },
  { cells: 17, color: "var(--renamed)" },
  { cells: 12, color: "var(--together)" },
  { cells: 9, color: "var(--trashed)" },
  { cells: 10, color: "var(--conflict)" },
];
const PITCH = 14;
const HEAP_ACROSS = 8;
const PILE_ACROSS = 12;
const PILES_AT = 196;
const PILE_GAP = 6;

interface Cell {
  x: number;
  y: number;
  color: string;
}

/** Each pile below the other, filled from the left. */
function piled(): Cell[] {
  const cells: Cell[] = [];
  let top = 0;
  for (const pile of PILES) {
    for (let cell = 0; cell < pile.cells; cell += 1)
      cells.push({
        x: PILES_AT + (cell % PILE_ACROSS) * PITCH,
        y: top + Math.floor(cell / PILE_ACROSS) * PITCH,
        color: pile.color,
      });
    top += Math.ceil(pile.cells / PILE_ACROSS) * PITCH + PILE_GAP;
  }
  return cells;
}

export function OrderPicture() {
  const after = piled();
  const before = scattered(after).map((cell, index) => ({
    x: (index % HEAP_ACROSS) * PITCH,
    y: Math.floor(index / HEAP_ACROSS) * PITCH,
    color: cell.color,
  }));
  return (
    <svg viewBox={`0 0 ${PILES_AT + PILE_ACROSS * PITCH} 124`} className="order-picture" aria-hidden="true">
      {[...before, ...after].map(({ x, y, color }) => (
        <rect key={`${x} ${y}`} x={x} y={y} width={PITCH - 3} height={PITCH - 3} rx="2" fill={color} />
      ))}
      <path d="M132 48h40m-7 -6l7 6l-7 6M172 74h-40m7 -6l-7 6l7 6" />
    </svg>
  );
}
