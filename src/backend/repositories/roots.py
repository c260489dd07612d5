"""Granted folders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.models import Root, RootGrant, User
from backend.repositories.owners import Owner
from backend.repositories.turns import ROOTS, take_turn


class GrantedRoots:
    """The roots of one user."""

    def __init__(self, session: AsyncSession, owner: Owner) -> None:
        """Everything is limited to ``owner``."""
        self._session, self._owner = session, owner

    async def all(self) -> Sequence[Root]:
        """The user's roots, the home first; for a key of one root only that."""
        query = (
            select(Root)
            .join(RootGrant, RootGrant.root_id == Root.id)
            .where(RootGrant.user_id == self._owner.user_id)
            .order_by(Root.is_home.desc(), Root.path)
        )
        if self._owner.limit is not None:
            query = query.where(Root.id == self._owner.limit.root_id)
        return (await self._session.execute(query)).scalars().all()


class AllRoots:
    """The roots of everybody, for administrators and for making homes."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the transaction of ``session``."""
        self._session = session

    async def take_turn(self) -> None:
        """Let nobody else make a root until this transaction ends."""
        await take_turn(self._session, ROOTS)

    async def all(self) -> Sequence[Root]:
        """Every root, by path."""
        return (await self._session.execute(select(Root).order_by(Root.path))).scalars().all()

    async def page(self, limit: int, offset: int) -> tuple[Sequence[Root], int]:
        """Some of them, and how many there are."""
        query = select(Root).order_by(Root.path).limit(limit).offset(offset)
        total = (await self._session.execute(select(func.count()).select_from(Root))).scalar_one()
        return (await self._session.execute(query)).scalars().all(), total

    async def grants(self, root_ids: Sequence[UUID]) -> dict[UUID, list[tuple[UUID, str]]]:
        """Root → ids and names of the users that may work on it."""
        query = (
            select(RootGrant.root_id, User.id, User.username)
            .join(User, User.id == RootGrant.user_id)
            .where(RootGrant.root_id.in_(root_ids))
            .order_by(User.username_key)
        )
        found: dict[UUID, list[tuple[UUID, str]]] = {}
        for root_id, user_id, username in await self._session.execute(query):
            found.setdefault(root_id, []).append((user_id, username))
        return found

    async def user_exists(self, user_id: UUID) -> bool:
        """Is there such a user?"""
        return await self._session.get(User, user_id) is not None

    async def administrators(self) -> Sequence[UUID]:
        """The ids of all administrators."""
        return (await self._session.execute(select(User.id).where(User.is_admin))).scalars().all()

    async def keep(self, root: Root) -> None:
        """A root that may be new."""
        self._session.add(root)
        await self._session.flush()

    async def grant(self, root: Root, user_id: UUID, now: datetime) -> None:
        """Let a user work on a root, which may be new."""
        await self.keep(root)
        if await self._session.get(RootGrant, (root.id, user_id)) is None:
            self._session.add(RootGrant(root_id=root.id, user_id=user_id, created_at=now))
            await self._session.flush()

    async def revoke(self, root_id: UUID, user_id: UUID) -> bool:
        """Take a grant away; false when there was none."""
        grant = await self._session.get(RootGrant, (root_id, user_id))
        if grant is not None:
            await self._session.delete(grant)
        return grant is not None
