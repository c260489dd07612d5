/** What the last operations leave to be done. */
import type { Operation } from "@/lib/api/client";
import { isOver } from "@/lib/api/operations";

interface Suggestions {
  /** A plan that nobody has applied. */
  plan: Operation | undefined;
  /** A search whose duplicates nobody has looked after. */
  copies: Operation | undefined;
  /** A run that left files. */
  left: Operation | undefined;
}

const CHANGES = ["organize", "duplicate_cleanup", "rollback"];

/** From the newest operations, the newest first: nothing that a later change of the same folder may have overtaken. */
export function suggestions(recent: readonly Operation[]): Suggestions {
  const followed = new Set(recent.map((operation) => operation.parent_id));
  const fresh = recent.filter((operation, at) => {
    const overtaken = recent
      .slice(0, at)
      .some((later) => later.root_path === operation.root_path && CHANGES.includes(later.operation_type) && later.files_processed > 0);
    return isOver(operation) && !overtaken && !followed.has(operation.id);
  });
  return {
    plan: fresh.find((operation) => operation.operation_type === "preview" && (operation.review?.planned ?? 0) > 0),
    copies: fresh.find((operation) => operation.duplicates_found > 0 && operation.operation_type === "duplicate_cleanup"),
    left: fresh.find(
      (operation) => operation.operation_type === "organize" && operation.files_skipped + operation.files_failed > 0 && !operation.rolled_back,
    ),
  };
}

/** Without previews that a newer one of the same folder has replaced: looking at three layouts makes three. */
export function worthSaying(recent: readonly Operation[]): Operation[] {
  return recent.filter(
    (operation, at) =>
      operation.operation_type !== "preview" ||
      !recent.slice(0, at).some((later) => later.operation_type === "preview" && later.root_path === operation.root_path),
  );
}

/** The newest operation that can be taken back. */
export function undoableOf(recent: readonly Operation[]): Operation | undefined {
  return recent.find(
    (operation) =>
      ["organize", "duplicate_cleanup"].includes(operation.operation_type) &&
      isOver(operation) &&
      !operation.rolled_back &&
      operation.files_processed > 0,
  );
}
