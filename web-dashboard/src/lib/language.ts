/** Which language the dashboard speaks: chosen in the settings, else the browser's. */

export type Language = "en" | "es";

const KEY = "language";
const listeners = new Set<() => void>();

let chosen: Language | null = null;

/** The language now. */
export function language(): Language {
  chosen ??= stored() ?? (navigator.language.startsWith("es") ? "es" : "en");
  return chosen;
}

/** How numbers and times are written: as the browser has it for this language, so in Britain days come before months. */
export function locale(): string {
  return navigator.languages.find((known) => known.startsWith(language())) ?? language();
}

function stored(): Language | null {
  const value = window.localStorage.getItem(KEY);
  return value === "en" || value === "es" ? value : null;
}

/** Speak another language from now on. */
export function chooseLanguage(next: Language): void {
  chosen = next;
  window.localStorage.setItem(KEY, next);
  document.documentElement.lang = next;
  for (const listener of listeners) listener();
}

/** For useSyncExternalStore. */
export function onLanguageChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
