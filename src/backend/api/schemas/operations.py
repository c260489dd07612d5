"""Operations. The names and defaults are promised to clients that exist already."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from backend.api.schemas.base import Base64, Count, GivenMoment, Input, Moment, Output, PlainText, path_of
from backend.models import PREVIEW, Operation
from backend.services.operations import Wanted
from backend.services.progress import progress_of
from fileorganizer.errors import path_members

OperationType = Literal["organize", "duplicate_cleanup", "rollback", "preview", "restore", "purge"]
KeepRule = Literal["oldest", "newest", "shortest_path", "longest_path", "first_alphabetical", "largest_metadata"]
OperationStatus = Literal["pending", "running", "completed", "failed", "cancelled"]
Word = Annotated[PlainText, StringConstraints(min_length=1, max_length=100)]
Pattern = Annotated[PlainText, StringConstraints(min_length=1, max_length=500)]
Size = Annotated[Count, Field(ge=0, le=2**62)]
_NOT_OPTIONS = {
    "root_path",
    "root_path_b64",
    "operation_type",
    "is_dry_run",
    "destination",
    "destination_b64",
    "confirm",
}
_NARROWING = (
    "categories",
    "extensions",
    "max_size_bytes",
    "modified_after",
    "modified_before",
    "max_depth",
)


class OperationCreate(Input):
    """What is to be done with a folder. The folder is absolute, or relative to the caller's home."""

    root_path: PlainText | None = Field(default=None, max_length=4_096)
    root_path_b64: Base64 | None = Field(default=None, max_length=8_192)
    operation_type: Literal["organize", "duplicate_cleanup", "preview"] = "organize"
    is_dry_run: bool = False
    categories: list[Word] = Field(default=[], max_length=100)
    mode: Literal["move", "copy", "hardlink"] = "move"
    destination: PlainText | None = Field(default=None, max_length=4_096)
    destination_b64: Base64 | None = Field(default=None, max_length=8_192)
    layout: PlainText = Field(default="category_year", max_length=500)
    detect_duplicates: bool = True
    duplicate_action: Literal["report", "trash", "hardlink"] = "report"
    keep: KeepRule = "oldest"
    """Which of several equal files stays, where the others are put away or linked."""
    conflict: Literal["rename", "skip", "keep_newer"] = "rename"
    recursive: bool = True
    exclude: list[Pattern] = Field(default=[], max_length=200)
    include_hidden: bool = False
    min_size_bytes: Size | None = None
    max_size_bytes: Size | None = None
    modified_after: GivenMoment | None = None
    modified_before: GivenMoment | None = None
    extensions: list[Annotated[PlainText, StringConstraints(pattern=r"^\.?[^\s./\\][^\s/\\]{0,30}$")]] = Field(
        default=[], max_length=500
    )
    max_depth: Annotated[Count, Field(ge=1, le=1_000)] | None = None
    profile: Literal["personal", "business", "developer", "photographer"] = "personal"
    content_detection: Literal["auto", "always", "never"] = "auto"
    remove_empty_dirs: bool = True
    keep_together: bool = True
    confirm: bool = False
    """Go ahead although the plan is unusual (very many new folders)."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Paths are named once, ranges have an inside, and what isn't there yet is refused instead of ignored."""
        if (self.root_path is None) == (self.root_path_b64 is None):
            raise ValueError("name the folder as root_path or as root_path_b64")
        if self.destination is not None and self.destination_b64 is not None:
            raise ValueError("name the destination once")
        if None not in (self.min_size_bytes, self.max_size_bytes) and self.min_size_bytes > self.max_size_bytes:  # type: ignore[operator]
            raise ValueError("min_size_bytes is above max_size_bytes")
        self._refuse_what_a_clean_up_ignores()
        return self

    def _refuse_what_a_clean_up_ignores(self) -> None:
        """A search for duplicates takes all files in turn: nobody may believe that a filter protects some of them."""
        alone = self.operation_type == "duplicate_cleanup"
        cleans = self.duplicate_action != "report" and (alone or self.detect_duplicates)
        fields = dict(type(self).model_fields)
        names = [name for name in _NARROWING if getattr(self, name) != fields[name].default]
        if names and (alone or cleans):
            raise ValueError(f"{names[0]} doesn't narrow a search for duplicates; leave it out, or use exclude")
        if alone and (self.mode != "move" or self.destination is not None or self.destination_b64 is not None):
            raise ValueError("a clean-up of duplicates has no mode and no destination")
        if cleans and not alone and (self.is_dry_run or self.operation_type == PREVIEW):
            raise ValueError("a plan can't hold both: preview duplicate_cleanup by itself, then organize")

    def wanted(self) -> Wanted:
        """The request as the service takes it."""
        options = self.model_dump(exclude=_NOT_OPTIONS, mode="json")
        for name in ("modified_after", "modified_before"):
            moment = getattr(self, name)
            options[name] = moment.timestamp() if moment else None
        root = path_of(self.root_path, self.root_path_b64)
        assert root is not None  # nosec B101  # validated above
        return Wanted(
            root_path=root,
            operation_type=self.operation_type,
            is_dry_run=self.is_dry_run or self.operation_type == PREVIEW,
            options=options,
            destination=path_of(self.destination, self.destination_b64),
            confirm=self.confirm,
        )


class ApplyCreate(Input):
    """Carrying a preview out."""

    confirm: bool = False


class RollbackCreate(Input):
    """Taking back: all, or some original paths (files or folders), absolute or relative to the root."""

    paths: list[Annotated[PlainText, StringConstraints(min_length=1, max_length=4_096)]] = Field(
        default=[], max_length=1_000
    )
    paths_b64: list[Annotated[Base64, StringConstraints(min_length=1, max_length=8_192)]] = Field(
        default=[], max_length=1_000
    )

    def wanted(self) -> list[bytes]:
        """The paths in both forms."""
        found = [path_of(path, None) for path in self.paths] + [path_of(None, path) for path in self.paths_b64]
        return [path for path in found if path is not None]


class Risk(Output):
    """Something to know before saying yes."""

    code: str
    text: str
    count: int
    needs_consent: bool


class ReviewRead(Output):
    """A plan in numbers."""

    scanned: int
    planned: int
    in_place: int
    left_alone: int
    left_by_reason: dict[str, int]
    bytes: int
    by_category: dict[str, tuple[int, int]]
    renamed: int
    new_folders: int
    removed_folders: int
    kept_together: int
    contained_files: int
    mismatched: int
    risks: list[Risk]


class OperationRead(Output):
    """An operation as it is now."""

    id: UUID
    status: OperationStatus
    operation_type: OperationType
    root_path: str
    root_path_b64: str | None = None
    is_dry_run: bool
    files_total: int
    files_scanned: int
    files_processed: int
    files_skipped: int
    files_failed: int
    bytes_processed: int
    duplicates_found: int
    space_saved_bytes: int
    progress: int
    rolled_back: bool
    parent_id: UUID | None
    error_message: str | None
    created_at: Moment
    started_at: Moment | None
    completed_at: Moment | None
    options: dict[str, Any]
    # beyond what is promised
    phase: str | None
    files_in_place: int
    rolled_back_count: int
    outcome: Literal["all", "partial", "nothing"] | None
    reason_code: str | None
    reasons: dict[str, int]
    """Why files were skipped or failed → how many."""
    cancel_requested: bool
    review: ReviewRead | None

    @classmethod
    def of(cls, operation: Operation) -> Self:
        """From its row."""
        named = {name: getattr(operation, name) for name in dict(cls.model_fields) if hasattr(operation, name)}
        return cls.model_validate(
            {**named, "progress": progress_of(operation), **path_members(operation.root_path, "root_path")}
        )


class OperationList(Output):
    """Some operations, the newest first."""

    operations: list[OperationRead]
    total: int
    limit: int
    offset: int


class CategoryShare(Output):
    """What went into a category."""

    category: str
    file_count: int
    total_size_bytes: int


class OverviewRead(Output):
    """Everything of the caller's in numbers."""

    operations: int
    files_processed: int
    bytes_processed: int
    duplicates_found: int
    space_saved_bytes: int
    by_status: dict[str, int]
    by_category: list[CategoryShare]
    recent: list[OperationRead]

    @classmethod
    def of(cls, overview: dict[str, Any]) -> Self:
        """From the service's answer."""
        shares = [
            CategoryShare(category=category or "Other", file_count=files, total_size_bytes=size)
            for category, files, size in overview["by_category"]
        ]
        recent = [OperationRead.of(operation) for operation in overview["recent"]]
        return cls.model_validate({**overview, "by_category": shares, "recent": recent})
