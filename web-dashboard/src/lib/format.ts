/** Numbers, sizes, times and names for people. */
import { locale } from "./language";

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** 1234 → 1,234. */
export function count(value: number): string {
  return new Intl.NumberFormat(locale()).format(value);
}

/** Bytes in decimal units, as file managers show them: 1.2 MB. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1;
  return `${new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value)} ${UNITS[unit] ?? ""}`;
}

/** 12.5 → 13 %. Less than everything is never 100 %, more than nothing never 0 %. */
export function percent(part: number, whole: number): string {
  if (whole <= 0) return "0 %";
  const exact = (100 * part) / whole;
  if (exact > 0 && exact < 1) return "< 1 %";
  return `${exact > 99 && exact < 100 ? 99 : Math.round(exact)} %`;
}

/** A moment, in the zone of the browser. */
export function moment(iso: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** Only the day. */
export function day(iso: string): string {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "full" }).format(new Date(iso));
}

/** Only the time of the day. */
export function clock(iso: string): string {
  return new Intl.DateTimeFormat(locale(), { timeStyle: "short" }).format(new Date(iso));
}

/** Seconds as 45 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

// Characters that don't show, or turn the text around them: a name must not pretend to be another.
// eslint-disable-next-line no-control-regex -- these are what has to be made visible
const TRICKY = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** A file's name with invisible and direction-changing characters made visible. */
export function shownName(name: string): string {
  return name.replace(TRICKY, (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The folder of a path; "" at the top. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** Can the server make a small picture of it, going by its name? */
export function isPicture(path: string): boolean {
  return /\.(jpe?g|png|gif|webp|bmp)$/i.test(path);
}

/** A path below a root, relative to it. */
export function below(root: string, path: string): string {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : path;
}
