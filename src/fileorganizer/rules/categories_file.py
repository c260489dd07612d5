"""The data file: categories and profiles, read from ``categories.toml`` when they are first needed.

Reading costs 7 ms, most of it the import of ``tomllib``: commands that need no
rules don't pay it.
"""

from __future__ import annotations

import pkgutil
from functools import cache
from typing import Any, NamedTuple, cast

from fileorganizer.model import Category


class Profile(NamedTuple):
    """What a profile adds: categories that are asked first, and its layout."""

    categories: tuple[Category, ...]
    layout: str


class Catalogue(NamedTuple):
    """The data file as values."""

    categories: tuple[Category, ...]
    carriers: tuple[tuple[str, tuple[str, ...]], ...]
    profiles: dict[str, Profile]


@cache
def catalogue() -> Catalogue:
    """The content of ``categories.toml``; the same object at every call, not to be changed."""
    import tomllib

    source = cast(bytes, pkgutil.get_data(__name__, "categories.toml"))  # None only for loaders without data
    tables = tomllib.loads(source.decode())
    return Catalogue(
        _categories(tables["category"]),
        tuple((content, tuple(names)) for content, names in tables["carriers"].items()),
        {
            name: Profile(_categories(table.get("category", ())), table["layout"])
            for name, table in tables["profile"].items()
        },
    )


def _categories(tables: list[dict[str, Any]]) -> tuple[Category, ...]:
    return tuple(
        Category(
            name=table["name"],
            description=table["description"],
            extensions=tuple(table.get("extensions", "").split()),
            keywords=tuple(table.get("keywords", ())),
            color=table["color"],
            icon=table["icon"],
            content=tuple(table.get("content", ())),
        )
        for table in tables
    )
