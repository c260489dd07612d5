"""File records: pages by number, pages by cursor. Only for operations whose owner was checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from backend.models import FileRecord, beginning

COUNTED_AT_MOST: Final = 10_000
SORTS: Final = {
    "created_at": (FileRecord.sequence,),
    "size_bytes": (FileRecord.size_bytes, FileRecord.sequence),
    "path": (beginning(FileRecord.original_path), FileRecord.original_path, FileRecord.sequence),
}
"""By what pages can be sorted; each begins with what an index has, and ends with what makes the order one."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which records of an operation are wanted."""

    status: str | None = None
    category: str | None = None
    min_size_bytes: int | None = None

    @property
    def counters_know(self) -> bool:
        """Do the operation's counters tell how many there are?"""
        return self.min_size_bytes is None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """What a record has to fulfil."""
        wanted: list[ColumnElement[bool]] = []
        if self.status is not None:
            wanted.append(FileRecord.status == self.status)
        if self.category is not None:
            wanted.append(FileRecord.category == self.category)
        if self.min_size_bytes is not None:
            wanted.append(FileRecord.size_bytes >= self.min_size_bytes)
        return wanted


class Files:
    """The records of one operation."""

    def __init__(self, session: AsyncSession, number: int) -> None:
        """``number`` is that of an operation that the caller owns."""
        self._session, self._number = session, number

    def _wanted(self, filters: Filters) -> Select[FileRecord]:
        """All that pass the filters."""
        query = select(FileRecord).where(FileRecord.operation_number == self._number)
        return query.where(*filters.conditions)

    async def page(
        self, filters: Filters, sort: str, *, descending: bool, limit: int, offset: int = 0, after: Sequence[Any] = ()
    ) -> Sequence[FileRecord]:
        """Some records in order; ``after`` are the sort values of the last one seen, the quick way to deep pages."""
        columns = SORTS[sort]
        query = self._wanted(filters).order_by(*(column.desc() if descending else column for column in columns))
        if after:
            last = (beginning(literal(after[0])), *after) if sort == "path" else after
            here, there = tuple_(*columns), tuple_(*last)
            query = query.where(here < there if descending else here > there)
        return (await self._session.execute(query.limit(limit).offset(offset))).scalars().all()

    async def count(self, filters: Filters) -> tuple[int, bool]:
        """How many pass the filters, counted up to a limit; and whether that is exact."""
        query = self._wanted(filters).with_only_columns(FileRecord.sequence).limit(COUNTED_AT_MOST + 1)
        found = (await self._session.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        return min(found, COUNTED_AT_MOST), found <= COUNTED_AT_MOST

    async def largest(self, limit: int) -> Sequence[FileRecord]:
        """The largest of those that were done."""
        query = self._wanted(Filters(status="completed")).order_by(FileRecord.size_bytes.desc(), FileRecord.sequence)
        return (await self._session.execute(query.limit(limit))).scalars().all()

    async def record(self, sequence: int) -> FileRecord | None:
        """One record."""
        return await self._session.get(FileRecord, (self._number, sequence))
