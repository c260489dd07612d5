"""Groups of duplicates that an operation has found, and their files. Only for operations whose owner was checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.models import DuplicateFile, DuplicateGroup


@dataclass(frozen=True, slots=True)
class DuplicateTotals:
    """Groups that still have copies, in numbers."""

    groups: int
    redundant: int
    size_bytes: int
    """Of all files in them."""
    wasted_bytes: int
    """Of those that could go."""


class DuplicateGroups:
    """The groups of one operation."""

    def __init__(self, session: AsyncSession, number: int) -> None:
        """``number`` is that of an operation that the caller owns."""
        self._session, self._number = session, number

    def _present(self, *columns: Any) -> Select[Any]:
        """Those that more than one file is left of."""
        return select(*(columns or (DuplicateGroup,))).where(
            DuplicateGroup.operation_number == self._number, DuplicateGroup.present > 1
        )

    async def totals(self, min_size: int) -> DuplicateTotals:
        """Groups of files of this size and more, added up."""
        present, size = DuplicateGroup.present, DuplicateGroup.size_bytes
        sums = [func.coalesce(func.sum(value), 0) for value in (present - 1, present * size, (present - 1) * size)]
        query = self._present(func.count(), *sums).where(size >= min_size)
        return DuplicateTotals(*map(int, (await self._session.execute(query)).one()))

    async def page(self, min_size: int, limit: int, offset: int) -> Sequence[DuplicateGroup]:
        """Some of them, those that wasted most when they were found first."""
        query = self._present().where(DuplicateGroup.size_bytes >= min_size).order_by(DuplicateGroup.sequence)
        found: Sequence[DuplicateGroup] = (
            (await self._session.execute(query.limit(limit).offset(offset))).scalars().all()
        )
        return found

    async def group(self, digest: bytes) -> DuplicateGroup | None:
        """The one with this digest."""
        query = self._present().where(DuplicateGroup.digest == digest)
        found: DuplicateGroup | None = (await self._session.execute(query)).scalars().first()
        return found

    async def files(self, groups: Sequence[DuplicateGroup]) -> dict[int, list[DuplicateFile]]:
        """The files that are left of these groups, by rank."""
        query = select(DuplicateFile).where(
            DuplicateFile.operation_number == self._number,
            DuplicateFile.sequence.in_([group.sequence for group in groups]),
            DuplicateFile.settled_by.is_(None),
        )
        found: dict[int, list[DuplicateFile]] = {}
        ordered = query.order_by(DuplicateFile.sequence, DuplicateFile.position)
        for file in (await self._session.execute(ordered)).scalars():
            found.setdefault(file.sequence, []).append(file)
        return found

    async def files_found(self) -> int:
        """How many files had copies when the operation searched."""
        query = select(func.coalesce(func.sum(DuplicateGroup.copies), 0)).where(
            DuplicateGroup.operation_number == self._number
        )
        return int((await self._session.execute(query)).scalar_one())
