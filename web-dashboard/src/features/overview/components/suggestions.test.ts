import { expect, it } from "vitest";

import type { Operation } from "@/lib/api/client";

import { suggestions, undoableOf, worthSaying } from "./suggestions";

const operation = (id: string, operation_type: string, more: Partial<Operation> = {}) =>
  ({
    id,
    operation_type,
    status: "completed",
    root_path: "/home/ann",
    parent_id: null,
    duplicates_found: 0,
    files_processed: 0,
    files_skipped: 0,
    files_failed: 0,
    rolled_back: false,
    review: null,
    ...more,
  }) as Operation;
const planned = { review: { planned: 3 } as Operation["review"] };

it("offers a plan until it is applied or something else has changed the folder", () => {
  const plan = operation("p", "preview", planned);
  expect(suggestions([plan]).plan?.id).toBe("p");
  expect(suggestions([operation("a", "organize", { parent_id: "p" }), plan]).plan).toBeUndefined();
  expect(suggestions([operation("a", "organize", { files_processed: 2 }), plan]).plan).toBeUndefined();
  expect(suggestions([operation("a", "organize", { files_processed: 2, root_path: "/other" }), plan]).plan?.id).toBe("p");
});

it("offers duplicates that a search has found, and a run that left files", () => {
  const search = operation("s", "duplicate_cleanup", { duplicates_found: 4 });
  const run = operation("r", "organize", { files_processed: 9, files_skipped: 2 });
  expect(suggestions([search, run])).toEqual({ plan: undefined, copies: search, left: run });
  expect(suggestions([{ ...run, rolled_back: true }]).left).toBeUndefined();
});

it("names the newest operation that can be taken back", () => {
  const run = operation("r", "organize", { files_processed: 9 });
  expect(undoableOf([operation("p", "preview", planned), run])?.id).toBe("r");
  expect(undoableOf([{ ...run, rolled_back: true }])).toBeUndefined();
});

it("says of several previews of a folder only the newest", () => {
  const previews = ["c", "b", "a"].map((id) => operation(id, "preview", planned));
  const elsewhere = operation("o", "preview", { ...planned, root_path: "/other" });
  const run = operation("r", "organize");
  expect(worthSaying([...previews, elsewhere, run]).map(({ id }) => id)).toEqual(["c", "o", "r"]);
});
