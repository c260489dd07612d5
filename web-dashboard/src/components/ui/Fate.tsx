/** What becomes of a file, as a coloured word; colour never says it alone. */
import { coded, useText } from "@/lib/text";

export function Fate({ of }: { of: string }) {
  useText();
  return <span className={`fate ${of}`}>{coded("fate", of)}</span>;
}
