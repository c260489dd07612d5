"""What is over is removed: by the server's own worker once an hour, else by the timetable of Celery; plans as new ones come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select

from backend.core.config import Settings
from backend.core.logging import logger
from backend.database import WorkerDatabase
from backend.models import ACTIVE_STATES, FINAL_STATES, IdempotencyKey, Operation, Session, Ticket
from fileorganizer.fs.private import discard

KEYS_KEPT: Final = timedelta(days=7)
"""A client that repeats a request after a week means another one."""
SESSIONS_KEPT: Final = timedelta(days=30)
"""So long after its end a login stays in the list, for whoever wonders about it; its refresh tokens go with it."""

PLANS_KEPT: Final = 100
"""Of so many operations of one user plans are kept, if they are small."""


def forget_plans(settings: Settings, database: WorkerDatabase, user_id: UUID) -> None:
    """Remove a user's oldest plans where they are too many, but none that an operation waits for, and never the newest."""
    mine = select(Operation.plan_id).where(Operation.user_id == user_id, Operation.plan_id.is_not(None))
    with database.reading() as session:
        ended = mine.where(Operation.status.in_(FINAL_STATES)).order_by(Operation.number.desc()).limit(2 * PLANS_KEPT)
        plans = list(dict.fromkeys(session.scalars(ended)))
        needed = set(session.scalars(mine.where(Operation.status.in_(ACTIVE_STATES))))
    left = settings.plan_bytes_per_user
    for rank, plan_id in enumerate(plans):
        path = settings.plans / f"{plan_id}.plan"
        if plan_id in needed or not path.exists():
            continue
        left -= path.stat().st_size
        if rank and (left < 0 or rank >= PLANS_KEPT):
            discard(path)


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
