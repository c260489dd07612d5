"""Many rows at once, by the quickest way that each database has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

Row = tuple[Any, ...]


def insert_rows(session: Session, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert them; values are as the driver takes them, see ``moment_now``. The names are ours, never a client's.

    Raises DBAPIError, as every statement does.
    """
    if not rows:
        return
    connection = session.connection()
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(rows))  # nosec B608
        return
    cursor: Any = connection.connection.cursor()
    statement, error_of_driver = f"COPY {table} ({names}) FROM STDIN", connection.dialect.loaded_dbapi.Error
    try:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except error_of_driver as error:  # it goes past SQLAlchemy; as the driver's own nobody would know whether it passes
        raise DBAPIError.instance(statement, None, error, error_of_driver, hide_parameters=True) from error


def moment_now(*, is_sqlite: bool) -> object:
    """Now, as the database takes it without SQLAlchemy in between."""
    moment = datetime.now(UTC)
    return moment.replace(tzinfo=None).isoformat(" ") if is_sqlite else moment
