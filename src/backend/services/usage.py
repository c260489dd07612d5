"""Everything of a caller's in numbers: worked out once for each state that the operations are in."""

from __future__ import annotations

import msgspec

from backend.core.cache import USAGE, Cache, remembered
from backend.database import Database
from backend.repositories.operations import OwnOperations
from backend.services.callers import Caller


class Usage(msgspec.Struct, frozen=True):
    """What all operations together did."""

    totals: dict[str, int]
    by_status: dict[str, int]
    by_category: list[tuple[str, int, int]]
    """Category, files, bytes: the fullest first."""


async def usage_of(database: Database, cache: Cache, caller: Caller, version: tuple[int, int]) -> Usage:
    """What the caller's operations did; worked out anew for each ``version`` of theirs (``OwnOperations.version``)."""

    async def add_up() -> Usage:
        """From the tables."""
        async with database.reading() as session:
            own = OwnOperations(session, caller.owner)
            return Usage(await own.totals(), await own.by_status(), await own.by_category())

    return await remembered(cache, USAGE, caller.cache_owner, version, Usage, add_up)
