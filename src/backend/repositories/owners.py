"""Whose things a query may see."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RootLimit:
    """The one root that an API key may be limited to."""

    root_id: UUID
    path: bytes


@dataclass(frozen=True, slots=True)
class Owner:
    """A user, or that part of what a user has that lies in one root."""

    user_id: UUID
    limit: RootLimit | None = None
