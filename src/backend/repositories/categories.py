"""The users' own categories."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.models import Category


class OwnCategories:
    """The categories of one user."""

    def __init__(self, session: AsyncSession, user_id: UUID) -> None:
        """Everything is limited to ``user_id``."""
        self._session, self._user_id = session, user_id

    async def all(self) -> Sequence[Category]:
        """All of them, the oldest first: so they are asked."""
        query = select(Category).where(Category.user_id == self._user_id).order_by(Category.created_at, Category.id)
        return (await self._session.execute(query)).scalars().all()

    async def get(self, category_id: UUID) -> Category | None:
        """One of them."""
        query = select(Category).where(Category.user_id == self._user_id, Category.id == category_id)
        return (await self._session.execute(query)).scalars().first()

    async def named(self, name: str) -> Category | None:
        """The one of this name, however it is written."""
        query = select(Category).where(Category.user_id == self._user_id, Category.name_key == name.lower())
        return (await self._session.execute(query)).scalars().first()

    async def count(self) -> int:
        """How many there are."""
        query = select(func.count()).where(Category.user_id == self._user_id)
        return (await self._session.execute(query)).scalar_one()

    async def remove(self, category: Category) -> None:
        """Remove one."""
        await self._session.delete(category)
