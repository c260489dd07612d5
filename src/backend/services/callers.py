"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from backend.repositories.owners import Owner, RootLimit

SCOPES: Final = ("read", "organize", "admin")
"""What an API key may be for; ``organize`` includes ``read``, ``admin`` includes both and needs an administrator."""


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request comes from."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class Caller:
    """A user who signed in, with a session's token or with an API key."""

    user_id: UUID
    session_id: UUID | None
    """None for an API key."""
    scopes: frozenset[str]
    expires_at: float
    """Seconds since the epoch: then a stream opened by this caller ends."""
    key_id: UUID | None = None
    """Which API key."""
    limit: RootLimit | None = None
    """The one root that the key may be used for."""

    @property
    def owner(self) -> Owner:
        """What this caller may see, for the repositories."""
        return Owner(self.user_id, self.limit)

    @property
    def cache_owner(self) -> tuple[UUID, UUID | None]:
        """Whose kept answers are this caller's."""
        return self.user_id, self.limit.root_id if self.limit else None

    @property
    def is_admin(self) -> bool:
        """May this caller administer?"""
        return "admin" in self.scopes
