/** Is the window as narrow as a phone? For what style sheets can't decide: how tall the rows of a virtual list are. */
import { useSyncExternalStore } from "react";

const PHONE = window.matchMedia("(max-width: 600px)");

function onChange(listener: () => void): () => void {
  PHONE.addEventListener("change", listener);
  return () => PHONE.removeEventListener("change", listener);
}

export function useNarrow(): boolean {
  return useSyncExternalStore(onChange, () => PHONE.matches);
}
