/** A question before something that has no way back: what will happen, yes or not now. */
import { useEffect, useRef } from "react";

import { useText } from "@/lib/text";

import { Sheet } from "./Sheet";
import { Failure } from "./States";

export function Confirm({
  title,
  says,
  yes,
  pending,
  error,
  onYes,
  onClose,
}: {
  title: string;
  says: string;
  /** What the button says that does it. */
  yes: string;
  pending: boolean;
  error: unknown;
  onYes: () => void;
  onClose: () => void;
}) {
  const t = useText();
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => no.current?.focus(), []); // whoever only presses Enter hasn't read it
  return (
    <Sheet title={title} onClose={onClose}>
      <p>{says}</p>
      {error !== null && <Failure error={error} />}
      <div className="row">
        <button type="button" className="button danger" disabled={pending} onClick={onYes}>
          {yes}
        </button>
        <button ref={no} type="button" className="button" onClick={onClose}>
          {t("action.not-now")}
        </button>
      </div>
    </Sheet>
  );
}
