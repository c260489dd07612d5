"""Turns of transactions that look at many rows before they write: what they saw stays true until they end."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

QUEUE: Final = 7_300_001
"""Any numbers of ours: PostgreSQL's names for these turns."""
ACCOUNTS: Final = 7_300_002
ROOTS: Final = 7_300_003


async def take_turn(session: AsyncSession, turn: int) -> None:
    """Wait until no other transaction has this turn, and have it until this one ends. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text(f"SELECT pg_advisory_xact_lock({turn})"))
