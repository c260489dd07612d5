"""File records: pages by number, pages by cursor, search. Only for operations whose owner was checked, or limited to an owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncSession

from backend.models import FileRecord, Operation, OperationStats
from backend.repositories.operations import owned_by
from backend.repositories.owners import Owner

COUNTED_AT_MOST: Final = 10_000
SORTS: Final = {
    "created_at": (FileRecord.sequence,),
    "size_bytes": (FileRecord.size_bytes, FileRecord.sequence),
    "path": (FileRecord.original_path, FileRecord.sequence),
}
"""By what pages can be sorted; each ends with what makes the order one."""


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
            here, there = tuple_(*columns), tuple_(*after)
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


class FileSearch:
    """The records of all operations of one user."""

    def __init__(self, session: AsyncSession, owner: Owner) -> None:
        """Everything is limited to ``owner``."""
        self._session, self._is_mine = session, owned_by(owner)

    async def find(
        self, words: str, operation_id: UUID | None, filters: Filters, sort: str, *, limit: int, offset: int
    ) -> tuple[list[tuple[FileRecord, Operation]], int, bool]:
        """Records whose path holds ``words``, or of that category, that pass the filters: the best, newest or largest first, or by name.

        Best first are exact names, then names that begin so, then the rest, within each the newest. Also how many there are,
        counted up to a limit, and whether that is exact; beyond the limit what is sorted are exact names and the newest others.
        """
        lowered = func.lower(FileRecord.name)
        text, exact = escaped(words.lower()), self._named(words.lower())
        begins = or_(lowered.like(f"{text}%", escape="\\"), lowered.like(f"%/{text}%", escape="\\"))
        matches: ColumnElement[bool] = lowered.like(f"%{text}%", escape="\\")
        mine = and_(self._is_mine, Operation.number == FileRecord.operation_number)
        if operation_id is not None:
            mine = and_(mine, Operation.id == operation_id)
        if await self._is_category(words):
            matches = or_(matches, func.lower(FileRecord.category) == words.lower())
        rank: ColumnElement[Any] = {
            "best": case((exact, 0), (begins, 1), else_=2),
            "newest": -FileRecord.operation_number,
            "largest": -FileRecord.size_bytes,
            "name": lowered,
        }[sort]
        found, named = (self._newest(mine, and_(hit, *filters.conditions), rank) for hit in (matches, exact))
        total = (await self._session.execute(select(func.count()).select_from(found.subquery()))).scalar_one()
        keys = union(select(found.subquery()), select(named.subquery())).subquery()
        order = (keys.c.rank, keys.c.operation_number.desc(), keys.c.sequence)
        best = select(keys).order_by(*order).limit(limit).offset(offset).subquery()
        here = and_(FileRecord.operation_number == best.c.operation_number, FileRecord.sequence == best.c.sequence)
        query = select(FileRecord, Operation).join(best, here)
        query = query.join(Operation, Operation.number == FileRecord.operation_number)
        query = query.order_by(best.c.rank, best.c.operation_number.desc(), best.c.sequence)
        rows = (await self._session.execute(query)).all()
        return [(row[0], row[1]) for row in rows], min(total, COUNTED_AT_MOST), total <= COUNTED_AT_MOST

    def _named(self, words: str) -> ColumnElement[bool]:
        """Files of exactly that name, in whatever folder: what ends so.

        PostgreSQL finds them by an index of names read from behind, where that is the beginning ("0" comes after "/"); the
        trigrams of a word that all names hold would lead it to every record.
        """
        if self._session.get_bind().dialect.name == "postgresql":
            behind = func.reverse(func.lower(FileRecord.name)).collate("C")
            ending = words[::-1]
            return or_(behind == ending, and_(behind >= f"{ending}/", behind < f"{ending}0"))
        lowered = func.lower(FileRecord.name)
        return or_(lowered == words, lowered.like(f"%/{escaped(words)}", escape="\\"))

    def _newest(
        self, mine: ColumnElement[bool], matches: ColumnElement[bool], rank: ColumnElement[Any]
    ) -> Select[int, int, Any]:
        """The keys of what matches, as many as are counted: an order that the key has, so that frequent words end soon.

        Each comes with its rank, so that only the records of one page are fetched.
        """
        keys = (FileRecord.operation_number, FileRecord.sequence, rank.label("rank"))
        query = select(*keys).join(Operation, mine).where(matches)
        newest = (FileRecord.operation_number.desc(), FileRecord.sequence.desc())
        return query.order_by(*newest).limit(COUNTED_AT_MOST + 1)

    async def _is_category(self, words: str) -> bool:
        """Do any of the user's operations know a category of this name? Asked of the counters: no index helps both at once."""
        query = (
            select(OperationStats.category)
            .join(Operation, and_(self._is_mine, Operation.number == OperationStats.operation_number))
            .where(func.lower(OperationStats.category) == words.lower())
        )
        return (await self._session.execute(query.limit(1))).first() is not None

    async def operation(self, number: int) -> Operation | None:
        """One of the user's operations by its number."""
        query = select(Operation).where(self._is_mine, Operation.number == number)
        return (await self._session.execute(query)).scalars().first()


def escaped(text: str) -> str:
    """Text in which LIKE finds nothing but itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
