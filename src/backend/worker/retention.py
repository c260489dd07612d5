"""What nobody can use any more is removed: by the server's own worker once an hour, else by the timetable of Celery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import delete

from backend.core.logging import logger
from backend.database import WorkerDatabase
from backend.models import IdempotencyKey, Session, Ticket

KEYS_KEPT: Final = timedelta(days=7)
"""A client that repeats a request after a week means another one."""
SESSIONS_KEPT: Final = timedelta(days=30)
"""So long after its end a login stays in the list, for whoever wonders about it; its refresh tokens go with it."""


def retain(database: WorkerDatabase) -> None:
    """Remove tickets that are over, logins that ended long ago, and the keys of old requests."""
    now = datetime.now(UTC)
    with database.writing() as session:
        tickets = session.execute(delete(Ticket).where(Ticket.expires_at < now))
        logins = session.execute(delete(Session).where(Session.expires_at < now - SESSIONS_KEPT))
        keys = session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - KEYS_KEPT))
    removed = {"tickets": tickets.rowcount, "sessions": logins.rowcount, "keys": keys.rowcount}  # type: ignore[attr-defined]
    if any(removed.values()):
        logger("worker").info("what was over is removed", **removed)
