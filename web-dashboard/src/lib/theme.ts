/** Dark, light, or as the system has it. */

export type Theme = "system" | "light" | "dark";

const KEY = "theme";

/** What was chosen. */
export function theme(): Theme {
  const value = window.localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

/** Choose, and show it at once. */
export function chooseTheme(next: Theme): void {
  window.localStorage.setItem(KEY, next);
  applyTheme();
}

/** Show what was chosen. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = theme();
}
