"""SQLite's index for words in names: trigrams of the names in finished operations, so that a search needn't read all records.

A name is in it between two slashes, so that files of exactly a name are found among many that hold it.
It is filled by the server's worker while no operation runs, so writing records
costs what it did; what isn't in it yet a search reads row by row. Both tables
may be removed at any time: nothing but names is in them, and they are made anew.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from backend.core.logging import logger
from backend.database import WorkerDatabase
from backend.models import NAMES_DONE, SEQUENCE_BITS
from backend.worker.projection import TAIL

ROWS_AT_ONCE: Final = 2_000
"""A transaction's share, some 30 ms: so long others may wait to write."""
_CREATE: Final = (
    "CREATE VIRTUAL TABLE IF NOT EXISTS search_names"
    " USING fts5(name, content='', columnsize=0, detail=none, tokenize='trigram')",
    "CREATE TABLE IF NOT EXISTS search_progress (operation_number INTEGER PRIMARY KEY"
    " REFERENCES operations (number) ON DELETE CASCADE, sequence INTEGER NOT NULL)",
)
_NEXT: Final = (
    "SELECT number, coalesce(sequence, -1) FROM operations LEFT JOIN search_progress ON operation_number = number"
    " WHERE status IN ('completed', 'failed', 'cancelled') AND projected_batch >= ? AND coalesce(sequence, -1) < ?"
    " ORDER BY number DESC LIMIT 1"
)
_LAST: Final = (
    "SELECT max(sequence), count(*) FROM"
    " (SELECT sequence FROM file_records WHERE operation_number = ? AND sequence > ? ORDER BY sequence LIMIT ?)"
)
_INSERT: Final = (
    "INSERT INTO search_names (rowid, name) SELECT operation_number << ? | sequence, '/' || name || '/'"
    " FROM file_records WHERE operation_number = ? AND sequence > ? AND sequence <= ? ORDER BY sequence"
)
_NOTE: Final = "INSERT OR REPLACE INTO search_progress (operation_number, sequence) VALUES (?, ?)"


class NameIndex:
    """Brings the index up to date, a little at a time. Of PostgreSQL there is none: its index is a part of each transaction."""

    def __init__(self, database: WorkerDatabase) -> None:
        """Whether anything is to be done is seen by the first ``advance``."""
        self._database = database
        self._can = self._behind = database.is_sqlite

    def note_end(self) -> None:
        """An operation has ended: there may be new names."""
        self._behind = self._can

    def advance(self) -> bool:
        """Do a little; False when there is nothing to do."""
        if self._behind:
            try:
                self._behind = self._advance()
            except OperationalError as error:
                if "no such" not in str(error.orig):
                    raise
                logger("worker").warning(
                    "this SQLite knows no trigrams: searches read all records", reason=str(error.orig)
                )
                self._can = self._behind = False
        return self._behind

    def _advance(self) -> bool:
        """The next names of the newest operation that isn't done; one transaction."""
        with self._database.writing() as session:
            connection = session.connection()
            for statement in _CREATE:
                connection.exec_driver_sql(statement)
            found = connection.exec_driver_sql(_NEXT, (TAIL, NAMES_DONE)).first()
            if found is None:
                return False
            number, after = found
            last, rows = connection.exec_driver_sql(_LAST, (number, after, ROWS_AT_ONCE)).one()
            if rows:
                connection.exec_driver_sql(_INSERT, (SEQUENCE_BITS, number, after, last))
            connection.exec_driver_sql(_NOTE, (number, last if rows == ROWS_AT_ONCE else NAMES_DONE))
        return True


def forget_names(session: Session, number: int) -> None:
    """The records of an operation are made anew: their names go into the index once more."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        return
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'search_progress'").first():
        connection.exec_driver_sql("DELETE FROM search_progress WHERE operation_number = ?", (number,))
