"""Files, trees, explanations."""

from __future__ import annotations

from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field

from backend.api.schemas.base import Moment, Output
from backend.services.files import FilePage, FileView, PlanTrees, TreeFolder
from backend.services.plan_files import PlanFile
from fileorganizer.errors import path_members
from fileorganizer.execution.reading import Explained
from fileorganizer.execution.verify import Verification
from fileorganizer.rules.explain import Explanation

FileStatus = Literal["completed", "failed", "skipped"]


class FileRead(Output):
    """What became of one file."""

    id: UUID
    original_path: str
    original_path_b64: str | None = None
    new_path: str | None
    new_path_b64: str | None = None
    category: str | None
    status: FileStatus
    size_bytes: int
    error_message: str | None
    created_at: Moment
    operation_id: UUID

    @classmethod
    def of(cls, view: FileView) -> Self:
        """From its record."""
        record = view.record
        went = path_members(view.new_path, "new_path") if view.new_path is not None else {"new_path": None}
        return cls.model_validate(
            {
                "id": view.id,
                **path_members(view.original_path, "original_path"),
                **went,
                "category": record.category or None,
                "status": record.status,
                "size_bytes": record.size_bytes,
                "error_message": record.reason,
                "created_at": record.created_at,
                "operation_id": view.operation.id,
            }
        )


class FileList(Output):
    """Some files of an operation."""

    operation_id: UUID | None
    total_files: int
    total_is_exact: bool
    index_is_current: bool
    """False while an operation in question runs: its files are found batch by batch, as they are done."""
    files_completed: int
    files_failed: int
    files_skipped: int
    page: int
    page_size: int
    total_pages: int
    next_cursor: str | None
    files: list[FileRead]

    @classmethod
    def of(cls, operation_id: UUID | None, found: FilePage, page: int, page_size: int) -> Self:
        """From what was found."""
        return cls(
            operation_id=operation_id,
            total_files=found.total,
            total_is_exact=found.is_exact,
            index_is_current=found.is_current,
            files_completed=found.by_status.get("completed", 0),
            files_failed=found.by_status.get("failed", 0),
            files_skipped=found.by_status.get("skipped", 0),
            page=page,
            page_size=page_size,
            total_pages=-(-found.total // page_size),
            next_cursor=found.next_cursor,
            files=[FileRead.of(view) for view in found.files],
        )


class TreeRead(Output):
    """A folder of a plan: what lies in it, and in all below it."""

    name: str
    path: str
    path_b64: str | None = None
    files: int
    bytes: int
    files_below: int
    bytes_below: int
    folders: list[TreeRead]

    @classmethod
    def of(cls, folder: TreeFolder) -> Self:
        """From the folder."""
        name = folder.path.rpartition(b"/")[2]
        return cls.model_validate(
            {
                "name": path_members(name)["path"],
                **path_members(folder.path),
                "files": folder.files,
                "bytes": folder.size,
                "files_below": folder.files_below,
                "bytes_below": folder.size_below,
                "folders": [cls.of(inner) for inner in folder.folders.values()],
            }
        )


class PreviewRead(Output):
    """Before and after; null where the folder isn't in that tree."""

    operation_id: UUID
    path: str
    before: TreeRead | None
    after: TreeRead | None
    more: bool

    @classmethod
    def of(cls, operation_id: UUID, path: str, trees: PlanTrees) -> Self:
        """From a plan's trees."""
        before, after = (TreeRead.of(tree) if tree else None for tree in (trees.before, trees.after))
        return cls(operation_id=operation_id, path=path, before=before, after=after, more=trees.cut)


PlanChange = Literal["moved", "renamed", "copied", "linked", "trashed", "kept_together", "conflict", "skipped"]

Decider = Literal["keyword", "extension", "content", "family", "fallback"]
"""Kinds of rules that give a file its category."""


class PlanFileRead(Output):
    """What a plan means for one file, or for one folder that is kept whole. Paths are relative to the root."""

    path: str
    path_b64: str | None = None
    target: str | None
    target_b64: str | None = None
    size_bytes: int
    files: int
    """1, or how many files lie in the folder that is kept whole."""
    change: PlanChange
    category: str | None
    reason: str | None

    @classmethod
    def of(cls, file: PlanFile) -> Self:
        """From the service's answer."""
        return cls.model_validate(
            {
                **path_members(file.path),
                **(path_members(file.target, "target") if file.target else {"target": None}),
                "size_bytes": file.size,
                "files": file.files,
                "change": file.change,
                "category": file.category,
                "reason": file.reason,
            }
        )


class PlanFileList(Output):
    """Some files of a plan, in its order. Fewer than asked for, even none, aren't the end: that is a ``next_cursor`` of null."""

    operation_id: UUID
    files: list[PlanFileRead]
    next_cursor: str | None


class UndoReviewRead(Output):
    """What taking back would do: nothing is changed by asking."""

    operation_id: UUID
    planned: int
    bytes: int
    already_back: int
    edited: int
    """Of the planned: files that were edited since, and go back with the edit."""
    along: int
    """Files that lay elsewhere than asked for, and go back with others of their families."""
    left_alone: int
    left_by_reason: dict[str, int]


class LoserRead(Output):
    """A rule that applied too, and why it didn't decide."""

    rule: str
    why: str


class ExplanationRead(Output):
    """What happened to a file and why."""

    path: str
    path_b64: str | None = None
    status: str
    reason: str | None
    target: str | None
    target_b64: str | None = None
    category: str | None = None
    decided_by: str | None = None
    matched: str | None = None
    date: str | None = None
    date_source: str | None = None
    conflict: str | None = None
    mismatch: bool | None = None
    sentence: str | None = None
    losers: list[LoserRead] = Field(default=[])

    @classmethod
    def of(cls, explained: Explained) -> Self:
        """From the engine's answer."""
        row, told = explained.row, _told(explained.explanation)
        return cls.model_validate(
            {
                **path_members(row.path),
                "status": row.state,
                "reason": row.reason or None,
                **(path_members(row.target, "target") if row.target else {"target": None}),
                **told,
            }
        )

    @classmethod
    def of_plan(cls, file: PlanFile) -> Self:
        """From a file of a plan: nothing has been done with it yet."""
        return cls.model_validate(
            {
                **path_members(file.path),
                "status": "planned" if file.reason is None else "left",
                "reason": file.reason,
                **(path_members(file.target, "target") if file.target else {"target": None}),
                **_told(file.why),
            }
        )


def _told(why: Explanation | None) -> dict[str, Any]:
    """The rules' reasons, if rules decided."""
    return {} if why is None else {name: getattr(why, name) for name in why.__struct_fields__}


class ExplanationList(Output):
    """What an operation did with a file."""

    operation_id: UUID
    explanations: list[ExplanationRead]


class ProblemRead(Output):
    """Something that isn't as the record says."""

    code: str
    path: str
    path_b64: str | None = None
    text: str


class VerificationRead(Output):
    """All records of the root compared with the disk."""

    operation_id: UUID
    operations: int
    steps: int
    problems: list[ProblemRead]

    @classmethod
    def of(cls, operation_id: UUID, found: Verification) -> Self:
        """From the engine's answer."""
        problems = [
            ProblemRead.model_validate({"code": p.code, "text": p.text, **path_members(p.path)}) for p in found.problems
        ]
        return cls(operation_id=operation_id, operations=found.operations, steps=found.steps, problems=problems)
