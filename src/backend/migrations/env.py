"""How Alembic reaches the database: as every writer does, in one transaction for all steps."""

from __future__ import annotations

from alembic import context
from sqlalchemy import text
from sqlalchemy.orm import Session

from backend.core.config import prepare_folders, settings
from backend.database import WorkerDatabase
from backend.models import Base

_ADDED = {"index": "ix_strategic_", "table": "search_"}

_TURN = 7_300_004
"""PostgreSQL's name for the turn to migrate; those before it stand in ``repositories.turns``."""
_LOCK_SECONDS = 30


def is_ours(_item: object, name: str | None, kind: str, _reflected: bool, _compared: object) -> bool:
    """Leave out what is added to the schema: indexes of ``scripts/database_optimization.py``, tables of ``worker.names``."""
    return kind not in _ADDED or not (name or "").startswith(_ADDED[kind])


def take_turn(session: Session) -> None:
    """Wait for whoever migrates already, and see what that one has done.

    A lock isn't waited for long after that: all that is asked of a table meanwhile waits behind us.
    """
    session.execute(text(f"SELECT pg_advisory_xact_lock({_TURN})"))
    session.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))


def run() -> None:
    """Bring the database to the wanted revision, or nothing of it."""
    prepare_folders(settings())
    database = WorkerDatabase(settings())
    try:
        with database.writing() as session:
            database.take_time(session)
            if not database.is_sqlite:
                take_turn(session)
            context.configure(
                connection=session.connection(),
                target_metadata=Base.metadata,
                render_as_batch=True,
                compare_type=True,
                include_object=is_ours,
                transactional_ddl=False,  # the surrounding transaction is ours
            )
            context.run_migrations()
    finally:
        database.close()


run()
