"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

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

    @property
    def is_admin(self) -> bool:
        """May this caller administer?"""
        return "admin" in self.scopes
