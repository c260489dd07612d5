"""Duplicates. The names are promised to clients that exist already."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field

from backend.api.schemas.base import Count, Input, Moment, Output
from backend.api.schemas.operations import KeepRule
from backend.models import DuplicateFile, Operation
from backend.services.duplicates import CleanUpWanted, GroupPage, GroupView
from fileorganizer.errors import path_members


class PathRead(Output):
    """A path, and exactly as base64 where it isn't text."""

    path: str
    path_b64: str | None = None


class DuplicateRead(PathRead):
    """One of several equal files, as the search saw it."""

    size_bytes: int
    modified_at: Moment | None
    links: list[PathRead]
    """Further names of the same file: hard links take no space."""

    @classmethod
    def of(cls, root: bytes, file: DuplicateFile, size: int) -> Self:
        """From its row."""
        links = [PathRead(**path_members(os.path.join(root, base64.b64decode(link)))) for link in file.links]
        members = path_members(os.path.join(root, file.path))
        return cls.model_validate(
            {**members, "size_bytes": size, "modified_at": _moment(file.mtime_ns), "links": links}
        )


class GroupRead(Output):
    """Files with the same content."""

    hash_value: str
    file_count: int
    total_size_bytes: int
    average_size_bytes: int
    files: list[DuplicateRead]

    @classmethod
    def of(cls, view: GroupView) -> Self:
        """From the service's answer."""
        size, count = view.group.size_bytes, len(view.files)
        return cls(
            hash_value=view.group.digest.hex(),
            file_count=count,
            total_size_bytes=size * count,
            average_size_bytes=size,
            files=[DuplicateRead.of(view.root, file, size) for file in view.files],
        )


class GroupList(Output):
    """Groups that an operation found, those that waste most first, as far as they still have copies."""

    operation_id: UUID
    total_groups: int
    total_duplicates: int
    """Copies that could go: all but one of each group."""
    total_size_bytes: int
    """Of all files in the groups."""
    wasted_bytes: int
    """Of the copies that could go."""
    limit: int
    offset: int
    duplicates: list[GroupRead]

    @classmethod
    def of(cls, page: GroupPage, limit: int, offset: int) -> Self:
        """From the service's answer."""
        return cls(
            operation_id=page.operation.id,
            total_groups=page.totals.groups,
            total_duplicates=page.totals.redundant,
            total_size_bytes=page.totals.size_bytes,
            wasted_bytes=page.totals.wasted_bytes,
            limit=limit,
            offset=offset,
            duplicates=[GroupRead.of(view) for view in page.groups],
        )


class RemovedRead(Output):
    """What became of one group."""

    deleted_count: int
    space_freed_bytes: int
    """Of the files in the trash: it is free when the trash is purged."""
    operation_id: UUID
    """The operation that found them."""
    cleanup_operation_id: UUID
    """The operation that put them away, and that can be rolled back."""
    skipped_count: int
    reasons: dict[str, int]
    """Why files stayed → how many."""

    @classmethod
    def of(cls, found_by: UUID, cleaned: Operation) -> Self:
        """From the clean-up's row."""
        return cls(
            deleted_count=cleaned.files_processed,
            space_freed_bytes=cleaned.space_saved_bytes,
            operation_id=found_by,
            cleanup_operation_id=cleaned.id,
            skipped_count=cleaned.files_skipped + cleaned.files_failed,
            reasons=cleaned.reasons,
        )


class CleanUpCreate(Input):
    """Cleaning up all groups of an operation."""

    keep: KeepRule = "oldest"
    action: Literal["trash", "hardlink"] = "trash"
    is_dry_run: bool = False
    min_size_bytes: Annotated[Count, Field(ge=0, le=2**62)] = 0
    confirm: bool = False

    def wanted(self) -> CleanUpWanted:
        """The request as the service takes it."""
        return CleanUpWanted(**self.model_dump())


def _moment(nanoseconds: int) -> datetime | None:
    """A time of a file; None for one outside the calendar."""
    try:
        return datetime.fromtimestamp(nanoseconds / 1e9, UTC)
    except (OverflowError, ValueError, OSError):
        return None
