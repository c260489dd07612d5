"""File records: pages by number, pages by cursor. Only for operations whose owner was checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, bindparam, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from backend.models import FileRecord, beginning

COUNTED_AT_MOST: Final = 10_000
SORTS: Final = {
    "created_at": (FileRecord.sequence,),
    "size_bytes": (FileRecord.size_bytes, FileRecord.sequence),
    "path": (beginning(FileRecord.original_path), FileRecord.original_path, FileRecord.sequence),
}
"""By what pages can be sorted; each begins with what an index has, and ends with what makes the order one."""
_FILTERS: Final = {
    "status": FileRecord.status == bindparam("status"),
    "category": FileRecord.category == bindparam("category"),
    "min_size_bytes": FileRecord.size_bytes >= bindparam("min_size_bytes"),
}


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
    def values(self) -> dict[str, Any]:
        """What is asked for, by the names in ``conditions_of``."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def conditions_of(names: Iterable[str]) -> list[ColumnElement[bool]]:
    """What a record has to fulfil; the values come with the execution."""
    return [_FILTERS[name] for name in names]


class Files:
    """The records of one operation."""

    def __init__(self, session: AsyncSession, number: int) -> None:
        """``number`` is that of an operation that the caller owns."""
        self._session, self._number = session, number

    async def page(
        self, filters: Filters, sort: str, *, descending: bool, limit: int, offset: int = 0, after: Sequence[Any] = ()
    ) -> Sequence[FileRecord]:
        """Some records in order; ``after`` are the sort values of the last one seen, the quick way to deep pages."""
        values = {**filters.values, "number": self._number, "limit": limit, "offset": offset}
        query = _page(tuple(filters.values), sort, descending)
        if after:
            columns = SORTS[sort]
            last = (beginning(literal(after[0])), *after) if sort == "path" else after
            here, there = tuple_(*columns), tuple_(*last)
            query = query.where(here < there if descending else here > there)
        return (await self._session.execute(query, values)).scalars().all()

    async def count(self, filters: Filters) -> tuple[int, bool]:
        """How many pass the filters, counted up to a limit; and whether that is exact."""
        query = _wanted(filters.values).with_only_columns(FileRecord.sequence).limit(COUNTED_AT_MOST + 1)
        values = {**filters.values, "number": self._number}
        found = (await self._session.execute(select(func.count()).select_from(query.subquery()), values)).scalar_one()
        return min(found, COUNTED_AT_MOST), found <= COUNTED_AT_MOST

    async def largest(self, limit: int) -> Sequence[FileRecord]:
        """The largest of those that were done."""
        done = Filters(status="completed").values
        query = _wanted(done).order_by(FileRecord.size_bytes.desc(), FileRecord.sequence).limit(limit)
        return (await self._session.execute(query, {**done, "number": self._number})).scalars().all()

    async def record(self, sequence: int) -> FileRecord | None:
        """One record."""
        return await self._session.get(FileRecord, (self._number, sequence))


def _wanted(filters: Iterable[str]) -> Select[FileRecord]:
    """All records of an operation that pass the filters of these names."""
    query = select(FileRecord).where(FileRecord.operation_number == bindparam("number"))
    return query.where(*conditions_of(filters))


@lru_cache(maxsize=64)
def _page(filters: tuple[str, ...], sort: str, descending: bool) -> Select[FileRecord]:
    """Some of them in order: made once, as pages are what is asked for most."""
    order = (column.desc() if descending else column for column in SORTS[sort])
    limit, offset = bindparam("limit", type_=Integer), bindparam("offset", type_=Integer)
    return _wanted(filters).order_by(*order).limit(limit).offset(offset)
