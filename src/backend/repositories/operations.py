"""Operations as their owners see them, and the queue as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Integer,
    Result,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession

from backend.models import ACTIVE_STATES, CLEANUP, IdempotencyKey, Operation, OperationStats
from backend.repositories.owners import Owner
from backend.repositories.turns import QUEUE, take_turn

_MINE: Final = Operation.user_id == bindparam("user_id")
_IN_ROOT: Final = and_(
    _MINE,
    Operation.root_id == bindparam("limit_root"),
    or_(
        Operation.destination.is_(None),
        Operation.destination == bindparam("limit_path"),
        Operation.destination.between(bindparam("limit_below"), bindparam("limit_after")),
    ),
)
_STATS: Final = select(OperationStats).where(OperationStats.operation_number == bindparam("number"))


def owned_by(owner: Owner) -> tuple[ColumnElement[bool], dict[str, Any]]:
    """Is an operation the owner's? For a key of one root: does all of it lie in that root? With the values asked for.

    There are two such conditions, without values: statements that every page asks are made once for each and kept. Making
    one took as long as executing it.
    """
    values: dict[str, Any] = {"user_id": owner.user_id}
    if owner.limit is None:
        return _MINE, values
    path = owner.limit.path
    below = {"limit_below": path + b"/", "limit_after": path + b"0"}  # 0 comes after / in ASCII
    return _IN_ROOT, values | {"limit_root": owner.limit.root_id, "limit_path": path} | below


@cache
def _one(mine: ColumnElement[bool]) -> Select[Operation]:
    """The one of an id."""
    return select(Operation).where(mine, Operation.id == bindparam("id"))


@cache
def _page(mine: ColumnElement[bool], equal: tuple[str, ...]) -> tuple[Select[Operation, int], ScalarSelect[int]]:
    """Some of those that have the values asked for, the newest first, each with how many there are; and that number."""
    query = select(Operation).where(mine, *(getattr(Operation, name) == bindparam(name) for name in equal))
    total = query.with_only_columns(func.count()).correlate(None).scalar_subquery()
    limit, offset = bindparam("limit", type_=Integer), bindparam("offset", type_=Integer)
    return query.add_columns(total).order_by(Operation.number.desc()).limit(limit).offset(offset), total


@cache
def _version(mine: ColumnElement[bool]) -> Select[int, int]:
    """How many, and the sum of their revisions."""
    return select(func.count(), func.coalesce(func.sum(Operation.revision), 0)).where(mine)


@cache
def _recent(mine: ColumnElement[bool]) -> Select[Operation, int, int]:
    """The newest, each with what ``_version`` tells of all."""
    state = _version(mine).subquery()
    query = select(Operation, *state.c).join(state, true()).where(mine)
    return query.order_by(Operation.number.desc()).limit(bindparam("limit", type_=Integer))


class OwnOperations:
    """The operations of one user."""

    def __init__(self, session: AsyncSession, owner: Owner) -> None:
        """Everything is limited to ``owner``."""
        self._session, self._user_id = session, owner.user_id
        self._is_mine, self._values = owned_by(owner)

    async def _execute(self, query: Any, **values: Any) -> Result[*tuple[Any, ...]]:
        """Execute a statement in which it says whose operations are asked for."""
        return await self._session.execute(query, {**self._values, **values})

    async def get(self, operation_id: UUID, *, for_change: bool = False) -> Operation | None:
        """One of them."""
        query = _one(self._is_mine)
        found = await self._execute(query.with_for_update() if for_change else query, id=operation_id)
        return found.scalars().first()

    async def page(
        self,
        limit: int,
        offset: int,
        *,
        status: str | None = None,
        operation_type: str | None = None,
        root_path: bytes | None = None,
    ) -> tuple[Sequence[Operation], int]:
        """Some of them, the newest first, and how many there are."""
        wanted = {"status": status, "operation_type": operation_type, "root_path": root_path}
        equal = {name: value for name, value in wanted.items() if value is not None}
        query, total = _page(self._is_mine, tuple(equal))
        rows = (await self._execute(query, limit=limit, offset=offset, **equal)).all()
        if rows or not offset:
            return [row[0] for row in rows], rows[0][1] if rows else 0
        count: int = (await self._execute(select(total), **equal)).scalar_one()
        return [], count

    async def children(self, operation_id: UUID, operation_type: str) -> Sequence[Operation]:
        """The operations of a kind that were made from one."""
        query = select(Operation).where(
            self._is_mine, Operation.parent_id == operation_id, Operation.operation_type == operation_type
        )
        return (await self._execute(query)).scalars().all()

    async def count_active(self) -> int:
        """How many of the user's are waiting or running, in whichever root."""
        query = select(func.count()).where(self._is_mine, Operation.status.in_(ACTIVE_STATES))
        count: int = (await self._execute(query)).scalar_one()
        return count

    async def idempotency_key(self, key: str) -> IdempotencyKey | None:
        """A request that was made before."""
        return await self._session.get(IdempotencyKey, (self._user_id, key))

    async def stats(self, number: int) -> Sequence[OperationStats]:
        """Counts of one of them by status and category; its owner was checked by ``get``."""
        return (await self._session.execute(_STATS, {"number": number})).scalars().all()

    async def version(self) -> tuple[int, int]:
        """Another pair of numbers after each change of any of them: revisions only grow, and rows don't go."""
        count, revisions = (await self._execute(_version(self._is_mine))).one()
        return count, int(revisions)

    async def recent(self, limit: int) -> tuple[Sequence[Operation], tuple[int, int]]:
        """The newest, and ``version``."""
        rows = (await self._execute(_recent(self._is_mine), limit=limit)).all()
        return [row[0] for row in rows], (rows[0][1], int(rows[0][2])) if rows else (0, 0)

    async def totals(self) -> dict[str, Any]:
        """Everything added up. Space is saved by clean-ups that weren't taken back, each counted once."""
        cleaned = and_(Operation.operation_type == CLEANUP, Operation.rolled_back.is_(False))
        query = select(
            func.count(),
            func.coalesce(func.sum(Operation.files_processed), 0),
            func.coalesce(func.sum(Operation.bytes_processed), 0),
            func.coalesce(func.sum(Operation.duplicates_found), 0),
            func.coalesce(func.sum(case((cleaned, Operation.space_saved_bytes), else_=0)), 0),
        ).where(self._is_mine, Operation.is_dry_run.is_(False))
        count, files, size, duplicates, saved = (await self._execute(query)).one()
        return {
            "operations": count,
            "files_processed": int(files),
            "bytes_processed": int(size),
            "duplicates_found": int(duplicates),
            "space_saved_bytes": int(saved),
        }

    async def worked_in(self) -> Sequence[bytes]:
        """The folders in which operations of the user have changed something."""
        query = select(Operation.root_path).where(self._is_mine, Operation.journal_id.is_not(None))
        return (await self._execute(query.distinct().order_by(Operation.root_path))).scalars().all()

    async def by_journal(self, journal_ids: Iterable[str]) -> dict[str, UUID]:
        """Ids in journals → ids of the user's operations."""
        query = select(Operation.journal_id, Operation.id).where(
            self._is_mine, Operation.journal_id.in_(set(journal_ids))
        )
        return {str(row[0]): row[1] for row in await self._execute(query)}

    async def by_status(self) -> dict[str, int]:
        """How many there are in each state."""
        query = select(Operation.status, func.count()).where(self._is_mine).group_by(Operation.status)
        return {row[0]: row[1] for row in await self._execute(query)}

    async def by_category(self) -> list[tuple[str, int, int]]:
        """Files and bytes put into each category, over all that was done."""
        files, size = func.sum(OperationStats.files), func.sum(OperationStats.bytes)
        query = (
            select(OperationStats.category, files, size)
            .join(Operation, Operation.number == OperationStats.operation_number)
            .where(
                self._is_mine,
                Operation.operation_type == "organize",
                OperationStats.status == "completed",
                Operation.rolled_back.is_(False),
            )
            .group_by(OperationStats.category)
            .order_by(files.desc(), OperationStats.category)
        )
        return [(category, int(count), int(total)) for category, count, total in await self._execute(query)]


class Queue:
    """The operations of everybody that aren't finished."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the transaction of ``session``."""
        self._session = session

    async def take_turn(self) -> None:
        """Let nobody else queue anything until this transaction ends: what is looked at stays true."""
        await take_turn(self._session, QUEUE)

    async def active(self) -> Sequence[Operation]:
        """All that are waiting or running."""
        query = select(Operation).where(Operation.status.in_(ACTIVE_STATES))
        return (await self._session.execute(query)).scalars().all()

    async def active_by_status(self) -> dict[str, int]:
        """How many are waiting and how many running: by the status, 0 too."""
        query = select(Operation.status, func.count()).where(Operation.status.in_(ACTIVE_STATES))
        found = await self._session.execute(query.group_by(Operation.status))
        return dict.fromkeys(ACTIVE_STATES, 0) | dict(found.all())

    async def totals(self) -> list[tuple[str, str, int, int, int, int]]:
        """By type and status: operations, files done, files failed, duplicates found."""
        query = select(
            Operation.operation_type,
            Operation.status,
            func.count(),
            func.sum(Operation.files_processed),
            func.sum(Operation.files_failed),
            func.sum(Operation.duplicates_found),
        ).group_by(Operation.operation_type, Operation.status)
        rows = await self._session.execute(query)
        return [
            (kind, status, count, int(done), int(failed), int(twice))
            for kind, status, count, done, failed, twice in rows
        ]
