"""Categories: those that everybody has, and a user's own, which are asked first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy.exc import IntegrityError

from backend.core.cache import Cache
from backend.database import Database
from backend.models import Category
from backend.repositories.categories import OwnCategories
from backend.repositories.operations import OwnOperations
from backend.services.auditing import new_uuid, now
from backend.services.callers import Caller
from backend.services.errors import AlreadyThere, InvalidInput, NotAllowed, NotFound
from backend.services.usage import usage_of
from fileorganizer.model import Category as DefaultCategory
from fileorganizer.rules.builtin_categories import builtin_rules

_NAMESPACE: Final = UUID("6f1c7c1e-6d0b-5c5e-9c39-0c1d3f3c6a11")
"""Default categories have no row; their ids are made of their names, the same everywhere and for ever."""

MOST_CATEGORIES: Final = 200
"""Of one user: every file's name is held against all of them."""


@dataclass(frozen=True, slots=True)
class CategoryView:
    """A category, of whichever kind, with what went into it."""

    id: UUID
    name: str
    description: str
    extensions: list[str]
    keywords: list[str]
    color: str
    icon: str
    is_custom: bool
    file_count: int


@dataclass(frozen=True, slots=True)
class CategoryWanted:
    """What a user says of a category."""

    name: str
    description: str
    extensions: list[str]
    keywords: list[str]
    color: str
    icon: str


class CategoryService:
    """The categories."""

    def __init__(self, database: Database, cache: Cache) -> None:
        """Own categories are rows, default ones are the engine's; what lies in them is kept in ``cache``."""
        self._database, self._cache = database, cache

    async def all(self, caller: Caller, *, include_defaults: bool) -> list[CategoryView]:
        """The caller's own, then those that everybody has."""
        async with self._database.reading() as session:
            own = await OwnCategories(session, caller.user_id).all()
            version = await OwnOperations(session, caller.owner).version()
        usage = await usage_of(self._database, self._cache, caller, version)
        counts = {name: files for name, files, _ in usage.by_category}
        mine = [_view(category, counts) for category in own]
        return mine + (_defaults(counts) if include_defaults else [])

    async def get(self, caller: Caller, category_id: UUID) -> CategoryView:
        """One of them. Raises NotFound."""
        for category in await self.all(caller, include_defaults=True):
            if category.id == category_id:
                return category
        raise NotFound("category")

    async def make(self, caller: Caller, wanted: CategoryWanted) -> CategoryView:
        """Make one of the caller's own. Raises AlreadyThere, InvalidInput, NotAllowed."""
        _refuse_limited(caller)
        moment = now()
        row = Category(id=new_uuid(), user_id=caller.user_id, created_at=moment)
        _fill(row, wanted, moment)
        try:
            async with self._database.writing() as session:
                own = OwnCategories(session, caller.user_id)
                await self._refuse_taken(own, wanted.name)
                if await own.count() >= MOST_CATEGORIES:
                    raise InvalidInput("name", f"would be your category number {MOST_CATEGORIES + 1}; remove one first")
                session.add(row)
        except IntegrityError as error:  # somebody was quicker (PostgreSQL)
            raise _taken() from error
        return _view(row, {})

    async def change(self, caller: Caller, category_id: UUID, wanted: CategoryWanted) -> CategoryView:
        """Change one of the caller's own. Raises NotFound, NotAllowed, AlreadyThere."""
        _refuse_limited(caller)
        _refuse_default(category_id)
        try:
            async with self._database.writing() as session:
                own = OwnCategories(session, caller.user_id)
                row = await own.get(category_id)
                if row is None:
                    raise NotFound("category")
                await self._refuse_taken(own, wanted.name, but=row)
                _fill(row, wanted, now())
        except IntegrityError as error:  # same
            raise _taken() from error
        return await self.get(caller, category_id)

    async def remove(self, caller: Caller, category_id: UUID) -> None:
        """Remove one of the caller's own; files that are in it stay where they are. Raises NotFound, NotAllowed."""
        _refuse_limited(caller)
        _refuse_default(category_id)
        async with self._database.writing() as session:
            own = OwnCategories(session, caller.user_id)
            row = await own.get(category_id)
            if row is None:
                raise NotFound("category")
            await own.remove(row)

    async def _refuse_taken(self, own: OwnCategories, name: str, *, but: Category | None = None) -> None:
        """Raise AlreadyThere when another category has this name, however it is written."""
        known = await own.named(name)
        if (known is not None and known is not but) or name.lower() in _default_names():
            raise _taken()


def _default_names() -> set[str]:
    """The names of the default categories in lower case."""
    return {category.name.lower() for category in builtin_rules().categories}


def _defaults(counts: dict[str, int]) -> list[CategoryView]:
    """The categories that everybody has."""
    return [
        _shown(category, uuid5(_NAMESPACE, category.name), counts, is_custom=False)
        for category in builtin_rules().categories
    ]


def _refuse_limited(caller: Caller) -> None:
    """Raise NotAllowed for a key of one root: categories decide in all of them."""
    if caller.limit is not None:
        raise NotAllowed("This key is limited to one root; categories hold in all of them.")


def _refuse_default(category_id: UUID) -> None:
    """Raise NotAllowed for a category that everybody has."""
    if category_id in {category.id for category in _defaults({})}:
        raise NotAllowed("Default categories can't be changed. Make one of your own: it is asked first.")


def _view(row: Category, counts: dict[str, int]) -> CategoryView:
    """One of a user's own."""
    return _shown(row, row.id, counts, is_custom=True)


def _shown(
    category: Category | DefaultCategory, category_id: UUID, counts: dict[str, int], *, is_custom: bool
) -> CategoryView:
    """A category with how many files went into it."""
    return CategoryView(
        id=category_id,
        name=category.name,
        description=category.description,
        extensions=list(category.extensions),
        keywords=list(category.keywords),
        color=category.color,
        icon=category.icon,
        is_custom=is_custom,
        file_count=counts.get(category.name, 0),
    )


def _fill(row: Category, wanted: CategoryWanted, moment: datetime) -> None:
    """Write what the user says into a row."""
    row.name, row.name_key, row.description = wanted.name, wanted.name.lower(), wanted.description
    row.extensions, row.keywords = wanted.extensions, wanted.keywords
    row.color, row.icon, row.updated_at = wanted.color, wanted.icon, moment


def _taken() -> AlreadyThere:
    """A name is there once."""
    return AlreadyThere("There is a category of this name already.")
