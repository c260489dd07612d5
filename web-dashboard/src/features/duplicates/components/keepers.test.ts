import { expect, it } from "vitest";

import { suggested } from "./keepers";

const copy = (path: string, modified_at: string | null) => ({ path, modified_at, size_bytes: 1, links: [] });
const copies = [copy("/b/long/x", "2020-01-01T00:00:00Z"), copy("/a/x", "2021-01-01T00:00:00Z"), copy("/c/x", "2020-01-01T00:00:00Z")];

it.each([
  ["oldest", "/b/long/x"],
  ["newest", "/a/x"],
  ["shortest_path", "/a/x"],
  ["longest_path", "/b/long/x"],
  ["first_alphabetical", "/a/x"],
] as const)("%s keeps %s", (rule, path) => expect(suggested(copies, rule)?.path).toBe(path));
