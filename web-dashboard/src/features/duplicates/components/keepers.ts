/** Which of several equal files a rule keeps. The server decides when it cleans up; this shows what it will say. */
import type { Schemas } from "@/lib/api/client";

type Copy = Schemas["DuplicateRead"];

export const RULES = ["oldest", "newest", "shortest_path", "longest_path", "first_alphabetical"] as const;
export type Rule = (typeof RULES)[number];

const ORDERS: Record<Rule, (one: Copy, other: Copy) => number> = {
  oldest: (one, other) => (one.modified_at ?? "").localeCompare(other.modified_at ?? ""),
  newest: (one, other) => (other.modified_at ?? "").localeCompare(one.modified_at ?? ""),
  shortest_path: (one, other) => one.path.length - other.path.length,
  longest_path: (one, other) => other.path.length - one.path.length,
  first_alphabetical: (one, other) => (one.path < other.path ? -1 : 1),
};

/** The copy that a rule suggests to keep; among equals the first by path. */
export function suggested(copies: readonly Copy[], rule: Rule): Copy | undefined {
  return [...copies].sort((one, other) => ORDERS[rule](one, other) || ORDERS.first_alphabetical(one, other))[0];
}
