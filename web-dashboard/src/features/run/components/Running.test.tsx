import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, within } from "@testing-library/react";
import { expect, it } from "vitest";

import type { Operation } from "@/lib/api/client";
import { filesQuery } from "@/lib/api/files";
import type { Progress } from "@/lib/api/live";

import { Running } from "./Running";

const operation = { id: "1", root_path: "/home/ann", cancel_requested: false } as Operation;
const progress: Progress = {
  type: "progress",
  status: "running",
  progress: 40,
  phase: "moving",
  files_total: 1_000,
  files_scanned: 1_000,
  files_processed: 400,
  files_failed: 2,
  duplicates_found: 0,
  bytes_processed: 8_000_000,
  rate_files_per_second: 120.4,
  rate_bytes_per_second: 2_500_000,
  eta_seconds: 65,
  current_path: "a/b.jpg",
};

it("says files and bytes, how many a second, what is left, and which files failed while the others go on", () => {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  const failed = [{ id: "7", original_path: "/home/ann/a/locked.txt", error_message: "denied" }];
  const { queryKey } = filesQuery("1", { status_filter: "failed" });
  client.setQueryData<unknown>(queryKey, { pages: [{ files: failed, next_cursor: null }], pageParams: [""] });
  render(
    <QueryClientProvider client={client}>
      <Running operation={operation} progress={progress} transport="socket" />
    </QueryClientProvider>,
  );
  const facts = screen.getAllByRole("definition").map((fact) => fact.textContent);
  expect(facts).toEqual(["400 of 1,000", "8 MB", "120", "2.5 MB", "1 min 5 s", "2"]);
  const troubles = screen.getByRole("region", { name: "What failed so far" });
  expect(within(troubles).getAllByRole("listitem").map((item) => item.textContent)).toEqual([
    "a/locked.txt · not permitted",
    "and 1 more",
  ]);
});
