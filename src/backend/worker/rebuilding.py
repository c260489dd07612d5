"""Making the projection anew: the journals in the roots are the truth, the database is a copy, and may be an older one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import delete, or_, select, update

from backend.database import WorkerDatabase
from backend.models import ACTIVE_STATES, FINAL_STATES, ORGANIZE, FileRecord, Operation, OperationStats
from backend.worker.names import forget_names
from backend.worker.projection import Projection
from fileorganizer.errors import FileOrganizerError
from fileorganizer.journal.store import Journal
from fileorganizer.rules.syntax import RuleSet

RESTORED: Final = (
    "The database was restored from a copy that was made before this began. Ask again if it is still wanted."
)


def cancel_unbegun(database: WorkerDatabase) -> int:
    """In a database that was an older copy: cancel what hadn't come to move anything; returns how many that were.

    It was carried out since, and perhaps taken back; done again it would surprise everybody. What had noted its plan
    goes on: its journal says how far it came.
    """
    unbegun = or_(Operation.epoch == 0, Operation.plan_id.is_(None))
    values = {
        "status": "cancelled",
        "outcome": "nothing",
        "error_message": RESTORED,
        "completed_at": datetime.now(UTC),
        "lease_until": None,
        "revision": Operation.revision + 1,
    }
    with database.writing() as session:
        query = update(Operation).where(Operation.status.in_(ACTIVE_STATES), unbegun)
        return int(session.execute(query.values(**values)).rowcount)  # type: ignore[attr-defined]


def rebuild_all(database: WorkerDatabase, operation_ids: Sequence[UUID] = ()) -> Iterator[tuple[UUID, str | None]]:
    """Rebuild finished operations, all or those named; yields each with what was in the way, or None."""
    query = select(Operation).where(Operation.journal_id.is_not(None), Operation.status.in_(FINAL_STATES))
    if operation_ids:
        query = query.where(Operation.id.in_(operation_ids))
    with database.reading() as session:
        found = session.execute(query.order_by(Operation.number)).scalars().all()
    for operation in found:
        try:
            _rebuild(database, operation)
        except (FileOrganizerError, OSError) as error:
            yield operation.id, str(error)
        else:
            yield operation.id, None


def _rebuild(database: WorkerDatabase, operation: Operation) -> None:
    """One operation: what the database had of it goes, what the journal has comes."""
    assert operation.journal_id is not None  # nosec B101  # selected so
    with Journal(operation.root_path, write=False) as journal:
        record = journal.operation(operation.journal_id)
        rules = RuleSet.decode(record.rules) if record.rules and operation.operation_type == ORGANIZE else None
        with database.writing() as session:
            database.take_time(session)
            session.execute(delete(FileRecord).where(FileRecord.operation_number == operation.number))
            session.execute(delete(OperationStats).where(OperationStats.operation_number == operation.number))
            forget_names(session, operation.number)
            values = {
                "projected_batch": 0,
                "rolled_back": record.rolled_back,
                "rolled_back_count": record.rolled_back_count,
                "revision": Operation.revision + 1,
            }
            session.execute(update(Operation).where(Operation.number == operation.number).values(**values))
        operation.projected_batch = 0
        Projection(database, operation, operation.journal_id, rules).catch_up()
