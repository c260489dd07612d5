"""The last of the raw limits that goal G1 names: the records of an operation, loaded at once into an empty table with their indexes."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import psycopg

from tests.support.server import Server

BLOCK: Final = 1 << 16
ROWS: Final = 5_000
"""As many are inserted at once, and committed, as a batch of the engine has at the most."""
_THE_LARGEST: Final = (
    "SELECT * FROM file_records WHERE operation_number ="
    " (SELECT number FROM operations WHERE operation_type = 'organize' ORDER BY files_total DESC, number LIMIT 1)"
    " ORDER BY sequence"
)
"""In the order in which they are written: in that of another index all others would be filled at random."""
_SCHEMA: Final = (
    "SELECT sql FROM sqlite_master WHERE tbl_name = 'file_records' AND sql IS NOT NULL"  # no foreign key is held
)


def measure_load(server: Server) -> float:
    """Seconds that the records of the largest organization take, as the server's database keeps them; read before, not in the time.

    Workers stand still meanwhile: one may be busy with an index of names.
    """
    url = server.environment.get("DATABASE_URL", "")
    with server.stopped(server.workers()):
        return _by_copy(url.replace("+psycopg", "")) if url else _by_inserts(server.data_dir / "fileorganizer.db")


def _by_copy(url: str) -> float:
    """One COPY of bytes that are ready; the table has PostgreSQL's indexes, and no foreign key to look at."""
    with psycopg.connect(url) as database, tempfile.TemporaryFile() as rows, database.cursor() as cursor:
        with cursor.copy(f"COPY ({_THE_LARGEST}) TO STDOUT (FORMAT binary)".encode()) as ready:  # nosec B608
            for block in ready:
                rows.write(block)
        rows.seek(0)
        cursor.execute("CREATE TABLE raw_limit (LIKE file_records INCLUDING ALL)")
        database.commit()
        began = time.monotonic()
        with cursor.copy("COPY raw_limit FROM STDIN (FORMAT binary)") as loaded:
            while block := rows.read(BLOCK):
                loaded.write(block)
        database.commit()
        seconds = time.monotonic() - began
        cursor.execute("DROP TABLE raw_limit")
    return seconds


def _by_inserts(file: Path) -> float:
    """Rows that are ready, into a new file with the same table and SQLite's write-ahead log."""
    seconds = 0.0
    with (
        tempfile.TemporaryDirectory(dir=file.parent) as place,
        closing(sqlite3.connect(file)) as source,
        closing(sqlite3.connect(Path(place) / "raw.db")) as target,
    ):
        target.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000")
        for (statement,) in source.execute(_SCHEMA):
            target.execute(statement)
        rows = source.execute(_THE_LARGEST)
        insert = f"INSERT INTO file_records VALUES ({', '.join('?' * len(rows.description))})"  # nosec B608
        while ready := rows.fetchmany(ROWS):
            began = time.monotonic()
            with target:
                target.executemany(insert, ready)
            seconds += time.monotonic() - began
    return seconds
