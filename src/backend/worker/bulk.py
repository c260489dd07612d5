"""Many rows at once, by the quickest way that each database has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

Row = tuple[Any, ...]


def insert_rows(session: Session, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert them; values are as the driver takes them, see ``moment_now``. The names are ours, never a client's."""
    if not rows:
        return
    connection = session.connection()
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(rows))  # nosec B608
        return
    cursor: Any = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def moment_now(*, is_sqlite: bool) -> object:
    """Now, as the database takes it without SQLAlchemy in between."""
    moment = datetime.now(UTC)
    return moment.replace(tzinfo=None).isoformat(" ") if is_sqlite else moment
