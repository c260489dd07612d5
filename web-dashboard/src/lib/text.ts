/** Sentences by their key, in the language of the moment. */
import { useSyncExternalStore } from "react";

import { count } from "./format";
import { language, onLanguageChange } from "./language";
import { strings, type Key } from "./strings";

export type Values = Record<string, string | number>;

// {name} a value · {name#file|files} the one or the other word by the number
const PLACE = /\{(\w+)(?:#([^|}]*)\|([^}]*))?\}/g;

/** The sentence of a key. Numbers are grouped; `{n#file|files}` gives the word that fits the number `n`. */
export function text(key: Key, values: Values = {}): string {
  const sentence = strings[key][language() === "es" ? 1 : 0];
  return sentence.replace(PLACE, (whole, name: string, one?: string, other?: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    if (one === undefined || other === undefined) return typeof value === "number" ? count(value) : value;
    return new Intl.PluralRules(language()).select(Number(value)) === "one" ? one : other;
  });
}

/** Is there such a key? For codes that come from the server. */
export function isKey(key: string): key is Key {
  return key in strings;
}

/** The sentence of a code from the server, or the code itself where it is new to us. */
export function coded(prefix: string, code: string): string {
  const key = `${prefix}.${code}`;
  return isKey(key) ? text(key) : code;
}

/** `text`, for components: they are drawn anew when the language changes. */
export function useText(): typeof text {
  useSyncExternalStore(onLanguageChange, language);
  return text;
}
