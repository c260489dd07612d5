"""How long the queries behind the endpoints take with many file records, with and without the strategic indexes (goal G9).

    python -m benchmarks.records --records 10000000 --operations 100

Makes a PostgreSQL of its own, fills it, asks each repository again and again
about operations, files and pages at random, and prints a table.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.core.config import Settings
from backend.database import Database
from backend.repositories.files import Files, Filters
from backend.repositories.operations import OwnOperations
from backend.repositories.owners import Owner
from backend.repositories.search import FileSearch
from tests.support.postgres import new_database, own_postgres

ROOT: Final = Path(__file__).parents[1]
ASKED: Final = 100
"""How often each query is asked."""
PATIENCE_SECONDS: Final = 30.0
"""No query is asked again after so long in all."""
USER: Final = UUID(int=1)
SECONDARY: Final = ("ix_file_records_size", "ix_file_records_path", "ix_strategic_left", "ix_strategic_category")

_USER: Final = """
INSERT INTO users (id, email, email_key, username, username_key, full_name, password_hash, subscription_tier,
  storage_quota_gb, storage_used_bytes, is_active, is_verified, is_admin, token_version, created_at)
VALUES (:user, 'a@example.org', 'a@example.org', 'a', 'a', '', '', 'free', 10, 0, true, true, false, 0, now())
"""
_ROOT: Final = """
INSERT INTO roots (id, path, device, inode, is_home, created_at) VALUES (:user, '/srv/a', 1, 1, false, now())
"""
_OPERATIONS: Final = """
INSERT INTO operations (number, id, user_id, root_id, root_path, lineage, operation_type, status, is_dry_run, options,
  request, reasons, files_total, files_scanned, files_in_place, files_processed, files_skipped, files_failed,
  bytes_processed, duplicates_found, space_saved_bytes, rolled_back, rolled_back_count, revision, projected_batch,
  cancel_requested, epoch, attempts, created_at, outcome)
SELECT n, gen_random_uuid(), :user, :user, '/srv/a', '[]', 'organize', 'completed', false, '{}', '{}', '{}', :each, :each,
  0, :each, 0, 0, 0, 0, 0, false, 0, 1, 1, false, 1, 1, now(), 'all'
FROM generate_series(1, :operations) n
"""
_RECORDS: Final = """
INSERT INTO file_records (operation_number, sequence, original_path, new_path, name, category, status, reason, size_bytes,
  created_at)
SELECT :number, i, convert_to(name, 'UTF8'), convert_to('Images/2024/' || name, 'UTF8'), name,
  CASE WHEN i % 10007 = 0 THEN 'Fonts' ELSE (ARRAY['Images', 'Documents', 'Videos', 'Audio'])[1 + i % 4] END,
  CASE WHEN i % 5003 = 0 THEN 'failed' WHEN i % 97 = 0 THEN 'skipped' ELSE 'completed' END,
  NULL, (i * 7919) % 10000019, now()
FROM (SELECT i, 'folder ' || i % 500 || '/' || substr(md5((:number * 1000003 + i)::text), 1, 12) || '.jpg' AS name
  FROM generate_series(1, :each) i) made
"""
_STATS: Final = """
INSERT INTO operation_stats (operation_number, status, category, files, bytes)
SELECT operation_number, status, category, count(*), sum(size_bytes) FROM file_records GROUP BY 1, 2, 3
"""

Question = Callable[[AsyncSession], Awaitable[Any]]


def fill(url: str, records: int, operations: int) -> float:
    """Make the rows; returns the seconds."""
    each, began = records // operations, time.monotonic()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(_USER), {"user": USER})
        connection.execute(text(_ROOT), {"user": USER})
        connection.execute(text(_OPERATIONS), {"user": USER, "each": each, "operations": operations})
    for number in range(1, operations + 1):
        with engine.begin() as connection:
            connection.execute(text(_RECORDS), {"number": number, "each": each})
    with engine.begin() as connection:
        connection.execute(text(_STATS))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()
    return time.monotonic() - began


def questions(records: int, operations: int) -> dict[str, Callable[[], Question]]:
    """The queries of the endpoints, each about something at random."""
    each, owner = records // operations, Owner(USER, None)

    def own(query: Callable[[OwnOperations], Awaitable[Any]]) -> Question:
        return lambda session: query(OwnOperations(session, owner))

    def files(query: Callable[[Files], Awaitable[Any]]) -> Question:
        number = random.randint(1, operations)
        return lambda session: query(Files(session, number))

    def page(sort: str, filters: Filters | None = None, **more: Any) -> Question:
        return files(lambda f: f.page(filters or Filters(), sort, **{"descending": False, "limit": 100, **more}))

    def search(words: str) -> Question:
        return lambda session: FileSearch(session, owner).find(words, None, Filters(), "best", limit=20, offset=0)

    everything: dict[str, Any] = {"status": None, "operation_type": None, "root_path": None}
    return {
        "operations, first page": lambda: own(lambda o: o.page(100, 0, **everything)),
        "overview, totals": lambda: own(lambda o: o.totals()),
        "overview, by category": lambda: own(lambda o: o.by_category()),
        "version for kept answers": lambda: own(lambda o: o.version()),
        "report, counters": lambda: own(lambda o: o.stats(random.randint(1, operations))),
        "files, first page": lambda: page("created_at"),
        "files, deep page by cursor": lambda: page("created_at", after=[random.randint(1, each)]),
        "files by size, first page": lambda: page("size_bytes", descending=True),
        "files by size, deep page": lambda: page("size_bytes", descending=True, after=[random.randint(1, 10**7), 1]),
        "files by path, first page": lambda: page("path"),
        "files of a rare category": lambda: page("created_at", Filters(category="Fonts")),
        "files that failed": lambda: page("created_at", Filters(status="failed")),
        "files of a size, counted": lambda: files(lambda f: f.count(Filters(min_size_bytes=9_900_000))),
        "largest files": lambda: files(lambda f: f.largest(20)),
        "one file": lambda: files(lambda f: f.record(random.randint(1, each))),
        "search for a rare name in all operations": lambda: search(os.urandom(3).hex()),
        "search for exactly a name": lambda: search(name_of(random.randint(1, operations), random.randint(1, each))),
        "search for what all paths begin with": lambda: search("folder"),
        "search for what all names end with": lambda: search("jpg"),
    }


def name_of(number: int, place: int) -> str:
    """The name of a record, without its folder, as the database made it."""
    return hashlib.md5(str(number * 1_000_003 + place).encode(), usedforsecurity=False).hexdigest()[:12] + ".jpg"


async def ask(url: str, records: int, operations: int) -> dict[str, float]:
    """Milliseconds that 95 of 100 answers of each query need at most."""
    database = Database(Settings(database_url=url))
    found = {}
    for name, question in questions(records, operations).items():
        times: list[float] = []
        while len(times) < ASKED and sum(times) < PATIENCE_SECONDS:
            one = question()
            began = time.monotonic()
            try:
                async with database.reading() as session:
                    await one(session)
            except Exception as error:  # noqa: BLE001  # the time-out of a statement is an answer, too
                print(f"{name}: {type(error).__name__}", file=sys.stderr)
                times.append(PATIENCE_SECONDS)
                continue
            times.append(time.monotonic() - began)
        found[name] = 1_000 * (statistics.quantiles(times, n=20)[18] if len(times) > 1 else times[0])
    await database.close()
    return found


def main() -> None:
    """Fill, ask, make the indexes, ask again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--operations", type=int, default=100)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    given = parser.parse_args()
    random.seed(7)
    with own_postgres() as postgres:
        url = new_database(postgres.url)
        environment = {**os.environ, "DATABASE_URL": url}
        command = [sys.executable, "-m", "alembic", "upgrade", "head"]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for name in SECONDARY:
                connection.execute(text(f"DROP INDEX IF EXISTS {name}"))
        seconds = fill(url, given.records, given.operations)
        print(f"{given.records} records of {given.operations} operations made in {seconds:.0f} s", flush=True)
        without = asyncio.run(ask(url, given.records, given.operations))
        script = [sys.executable, "scripts/database_optimization.py", "--optimize", "--stats"]
        print(subprocess.run(script, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout)
        having = asyncio.run(ask(url, given.records, given.operations))
        engine.dispose()
    print("| query | p95 without, ms | p95 with, ms |\n|---|---|---|")
    for name, value in having.items():
        print(f"| {name} | {without[name]:.1f} | {value:.1f} |")
    if given.json:
        figures = {"records": given.records, "operations": given.operations, "without": without, "with": having}
        given.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
