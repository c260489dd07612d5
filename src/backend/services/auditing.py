"""What is written down for an administrator to look up later."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from backend.models import AuditEvent
from backend.services.callers import Client
from fileorganizer.execution.operating import new_id


def now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


def new_uuid() -> UUID:
    """An id that sorts by age (UUIDv7)."""
    return UUID(new_id())


def audit(user_id: UUID | None, action: str, client: Client, subject: str | None = None) -> AuditEvent:
    """A row about something that ``user_id`` did. Never give it a secret."""
    subject = subject[:100] if subject else None
    return AuditEvent(
        id=new_uuid(), at=now(), user_id=user_id, action=action, subject=subject, address=client.address[:64]
    )
