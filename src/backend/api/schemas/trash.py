"""The trash."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from backend.api.schemas.base import Base64, Count, Input, Moment, Output, PlainText, path_of
from backend.services.trash import TrashPage, TrashView
from fileorganizer.errors import path_members

ItemId = Annotated[PlainText, StringConstraints(pattern=r"^[0-9]{1,18}/[0-9]{1,18}-[0-9]{1,18}$")]


class TrashRead(Output):
    """A file in the trash."""

    item_id: str
    """Known to the records of ``root_path``: requests name both."""
    root_path: str
    root_path_b64: str | None = None
    path: str
    """Where it was, absolute."""
    path_b64: str | None = None
    size_bytes: int
    trashed_at: Moment
    operation_id: UUID | None

    @classmethod
    def of(cls, view: TrashView) -> Self:
        """From the service's answer."""
        return cls.model_validate(
            {
                **path_members(view.root, "root_path"),
                **path_members(view.path),
                "item_id": view.item.item_id,
                "size_bytes": view.item.size,
                "trashed_at": datetime.fromtimestamp(view.item.trashed_at, UTC),
                "operation_id": view.operation_id,
            }
        )


class TrashList(Output):
    """Some files in the trash, the latest first."""

    items: list[TrashRead]
    total_items: int
    total_size_bytes: int
    limit: int
    offset: int

    @classmethod
    def of(cls, page: TrashPage, limit: int, offset: int) -> Self:
        """From the service's answer."""
        return cls(
            items=[TrashRead.of(view) for view in page.items],
            total_items=page.total,
            total_size_bytes=page.size,
            limit=limit,
            offset=offset,
        )


class RestoreCreate(Input):
    """Bringing files back; no ``items``: all of the folder's trash."""

    root_path: PlainText | None = Field(default=None, max_length=4_096)
    root_path_b64: Base64 | None = Field(default=None, max_length=8_192)
    items: list[ItemId] = Field(default=[], max_length=10_000)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """The folder is named once."""
        if (self.root_path is None) == (self.root_path_b64 is None):
            raise ValueError("name the folder as root_path or as root_path_b64")
        return self

    @property
    def folder(self) -> bytes:
        """The folder."""
        path = path_of(self.root_path, self.root_path_b64)
        assert path is not None  # nosec B101  # validated above
        return path


class PurgeCreate(RestoreCreate):
    """Destroying files for ever: ``items``, or all, or all that lie in the trash longer than ``older_than_days``."""

    older_than_days: Annotated[float, Field(ge=0, le=100_000)] | None = None
    count: Annotated[Count, Field(ge=1, le=2**62)]
    """How many files these are, as a confirmation."""
