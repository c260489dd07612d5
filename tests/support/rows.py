"""Rows of the server's database, made without the server, as far as queues and searches need them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.models import FileRecord, Operation

NUMBERS: Final = (
    "files_total files_scanned files_in_place files_processed files_skipped files_failed bytes_processed duplicates_found"
    " space_saved_bytes rolled_back_count revision projected_batch epoch attempts"
).split()


def put_users(session: Session, *users: UUID) -> None:
    """Users of SQLite and their roots."""
    session.execute(text("PRAGMA defer_foreign_keys = ON"))
    session.execute(
        text("INSERT INTO users SELECT :id, :id, :id, :id, :id, '', NULL, '', '', 0, 0, 1, 0, 0, 0, :at, NULL"),
        [{"id": user.hex, "at": "2026-01-01 00:00:00"} for user in users],
    )
    session.execute(
        text("INSERT INTO roots VALUES (:id, :path, 1, 1, 0, '2026-01-01 00:00:00')"),
        [{"id": user.hex, "path": user.bytes} for user in users],
    )


def operation_row(user: UUID, moment: datetime, **values: Any) -> Operation:
    """An operation of a user, that waits."""
    fixed: dict[str, Any] = {
        **dict.fromkeys(NUMBERS, 0),
        "id": uuid4(),
        "user_id": user,
        "root_id": user,
        "root_path": b"/",
        "lineage": [],
        "operation_type": "organize",
        "status": "pending",
        "is_dry_run": False,
        "options": {},
        "request": {},
        "reasons": {},
        "created_at": moment,
        "rolled_back": False,
        "cancel_requested": False,
    }
    return Operation(**{**fixed, **values})


def record_row(operation: int, sequence: int, name: str, moment: datetime) -> FileRecord:
    """A file that was moved."""
    return FileRecord(
        operation_number=operation,
        sequence=sequence,
        original_path=name.encode(),
        new_path=None,
        name=name,
        category="Images",
        status="completed",
        reason=None,
        size_bytes=sequence,
        created_at=moment,
    )
