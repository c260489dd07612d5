/** A list of any length of which only the rows in sight are drawn. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useEffectEvent, useRef, type ReactNode } from "react";

const NEAR_END = 30;
const BORDERS = 2;

export function VirtualRows<Row>({
  label,
  rows,
  rowHeight,
  keyOf,
  render,
  onEnd,
}: {
  label: string;
  rows: readonly Row[];
  rowHeight: number;
  keyOf: (row: Row) => string;
  render: (row: Row) => ReactNode;
  /** The last rows come into sight: there may be more to fetch. */
  onEnd?: () => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- the virtualizer changes inside; this component isn't memoized
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const last = items[items.length - 1]?.index ?? 0;
  const atEnd = useEffectEvent(() => onEnd?.());
  useEffect(() => {
    if (last >= rows.length - NEAR_END) atEnd();
  }, [last, rows.length]);
  return (
    <div
      ref={box}
      className="virtual"
      role="group"
      aria-label={label}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- the keyboard has to be able to scroll it
      tabIndex={0}
      style={{ height: virtual.getTotalSize() + BORDERS }}
    >
      <ul style={{ height: virtual.getTotalSize() }}>
        {items.map((item) => {
          const row = rows[item.index];
          if (row === undefined) return null;
          return (
            <li
              key={keyOf(row)}
              aria-setsize={rows.length}
              aria-posinset={item.index + 1}
              style={{ transform: `translateY(${item.start}px)`, height: rowHeight }}
            >
              {render(row)}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
