/** What a category would take of some files, and what it nearly would. */
import type { PlanFile } from "@/lib/api/client";
import { baseName } from "@/lib/format";

export interface Rules {
  extensions: readonly string[];
  keywords: readonly string[];
}

export interface Tried {
  matches: PlanFile[];
  /** A keyword is in their name, but only as a part of a longer word: the server takes whole words. */
  near: PlanFile[];
}

/** Words separated by commas or spaces, lower case, without a leading dot, each once. */
export function listed(text: string): string[] {
  const words = text
    .toLowerCase()
    .split(/[\s,;]+/)
    .map((word) => word.replace(/^\.+/, ""));
  return [...new Set(words.filter((word) => word !== ""))];
}

/** Try rules on files by their names. */
export function tried(files: readonly PlanFile[], rules: Rules): Tried {
  const result: Tried = { matches: [], near: [] };
  for (const file of files) {
    const name = baseName(file.path).toLowerCase();
    const words = name.split(/[^\p{L}\p{N}]+/u);
    if (rules.extensions.some((extension) => name.endsWith(`.${extension}`))) result.matches.push(file);
    else if (rules.keywords.some((keyword) => words.includes(keyword))) result.matches.push(file);
    else if (rules.keywords.some((keyword) => name.includes(keyword))) result.near.push(file);
  }
  return result;
}
