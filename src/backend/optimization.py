"""The database's indexes, plans and sizes: ``--optimize`` makes indexes, ``--analyze`` explains queries, ``--stats`` counts.

    python scripts/database_optimization.py --optimize

or, where there is no checkout, ``fileorganizer server database --optimize``. Works on the database of the environment (DATABASE_URL, or SQLite in DATA_DIR).
On PostgreSQL nothing is locked: indexes are made concurrently. Run it as often
as you like.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from pydantic import ValidationError
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from backend.core.config import settings
from backend.database import DatabaseBusy, explained, write_turn

SLOW_MILLISECONDS: Final = 10.0
"""Goal G9."""
_ALONE: Final = 7_300_005
"""PostgreSQL's name for the turn to make indexes; others stand in ``repositories.turns`` and in the migrations."""


@dataclass(frozen=True, slots=True)
class Strategic:
    """An index, and the query that it is there for. Those named strategic aren't part of the schema: they cost writing time."""

    name: str
    on: str
    serves: str
    where: str = ""
    only_postgresql: bool = False
    on_sqlite: str = ""
    """Where that is another expression."""


_BEHIND: Final = 'left(reverse(lower(name)), 500) COLLATE "C"'
"""Names read from behind, as much of them as an index takes; searches are shorter."""
INDEXES: Final = (
    Strategic("ix_operations_mine", "operations (user_id, number)", "a user's operations, the newest first"),
    Strategic(
        "ix_operations_queue",
        "operations (status, number)",
        "claims, overlaps, the reaper",
        "status IN ('pending', 'running')",
    ),
    Strategic("ix_operations_journal_id", "operations (journal_id)", "what a rollback means for what it takes back"),
    Strategic("ix_operations_parent_id", "operations (parent_id)", "was this preview applied"),
    Strategic("ix_file_records_size", "file_records (operation_number, size_bytes)", "largest files, sorting by size"),
    Strategic(
        "ix_file_records_path",
        "file_records (operation_number, substr(original_path, 1, 1000))",
        "sorting by path",
        on_sqlite="file_records (operation_number, original_path)",
    ),
    Strategic(
        "ix_duplicate_files_path",
        "duplicate_files (operation_number, substr(path, 1, 1000))",
        "what became of duplicates",
        on_sqlite="duplicate_files (operation_number, path)",
    ),
    Strategic(
        "ix_sessions_user_id_last_used_at", "sessions (user_id, last_used_at)", "a user's logins, known addresses"
    ),
    Strategic("ix_refresh_tokens_session_id", "refresh_tokens (session_id)", "ending a login with its tokens"),
    Strategic(
        "ix_strategic_left",
        "file_records (operation_number, status, sequence)",
        "pages of what was skipped or failed, in an operation that did most of it",
        "status <> 'completed'",
    ),
    Strategic(
        "ix_strategic_category",
        "file_records (operation_number, category, sequence)",
        "pages of one category, however rare it is",
    ),
    Strategic(
        "ix_strategic_word",
        "file_records USING gin (name gin_trgm_ops)",
        "search in the middle of names (SQLite has an index of its own for it, see worker.names)",
        only_postgresql=True,
    ),
    Strategic(
        "ix_strategic_ending",
        f"file_records ({_BEHIND})",
        "search for files of exactly a name, however many names hold it",
        only_postgresql=True,
    ),
)

QUERIES: Final = {
    "operations of a user": "SELECT * FROM operations WHERE user_id = :user ORDER BY number DESC LIMIT 100",
    "what could be claimed": "SELECT number FROM operations WHERE status IN ('pending', 'running') ORDER BY number LIMIT 1",
    "first page": "SELECT * FROM file_records WHERE operation_number = :number ORDER BY sequence LIMIT 100",
    "deep page by cursor": (
        "SELECT * FROM file_records WHERE operation_number = :number AND sequence > :sequence ORDER BY sequence LIMIT 100"
    ),
    "page of the failed": (
        "SELECT * FROM file_records WHERE operation_number = :number AND status = 'failed' ORDER BY sequence LIMIT 100"
    ),
    "page of a rare category": (
        "SELECT * FROM file_records WHERE operation_number = :number AND category = 'Fonts' ORDER BY sequence LIMIT 100"
    ),
    "largest files": (
        "SELECT * FROM file_records WHERE operation_number = :number ORDER BY size_bytes DESC, sequence DESC LIMIT 20"
    ),
    "page by path": (
        "SELECT * FROM file_records WHERE operation_number = :number ORDER BY original_path, sequence LIMIT 100"
    ),
    "search": "SELECT sequence FROM file_records WHERE name LIKE '%holiday%' LIMIT 100",
    "counters of an operation": "SELECT * FROM operation_stats WHERE operation_number = :number",
    "files and bytes by category": (
        "SELECT category, sum(files), sum(bytes) FROM operation_stats JOIN operations ON number = operation_number"
        " WHERE user_id = :user AND operation_stats.status = 'completed' GROUP BY category"
    ),
}
"""The hot queries behind the endpoints, as the repositories ask them."""
OF_POSTGRESQL: Final = {
    "search": (
        "SELECT sequence FROM file_records WHERE name LIKE '%holiday%' OR name ILIKE '%holiday%'"
        " ORDER BY operation_number DESC, sequence DESC LIMIT 10001"
    ),
    "search for exactly a name": (
        f"SELECT sequence FROM file_records WHERE {_BEHIND} = 'gpj.yadiloh'"  # nosec B608  # an expression of ours
        f" OR ({_BEHIND} >= 'gpj.yadiloh/' AND {_BEHIND} < 'gpj.yadiloh0')"
        " ORDER BY operation_number DESC, sequence DESC LIMIT 100"
    ),
    "page by path": (
        "SELECT * FROM file_records WHERE operation_number = :number"
        " ORDER BY substr(original_path, 1, 1000), original_path, sequence LIMIT 100"
    ),
}
"""Those that are asked otherwise there, or only there."""
OF_SQLITE: Final = {
    "search": (
        'SELECT rowid FROM search_names WHERE search_names MATCH \'"hol" AND "oli" AND "lid"\' ORDER BY rowid DESC LIMIT 10001'
    ),
}


def queries_of(engine: Engine) -> dict[str, str]:
    """The hot queries on one database. SQLite's index of names is there once the server's worker had time for it."""
    if not is_sqlite(engine):
        return {**QUERIES, **OF_POSTGRESQL}
    with engine.connect() as connection:
        has_names = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'search_names'")).first()
    return {**QUERIES, **(OF_SQLITE if has_names else {})}


@click.command(help=__doc__)
@click.option("--optimize", is_flag=True, help="Make the indexes that are missing, and gather statistics.")
@click.option("--analyze", is_flag=True, help="Explain the hot queries; name slow ones, unused indexes and bloat.")
@click.option("--stats", is_flag=True, help="Tables, sizes, hit rates.")
def main(*, optimize: bool, analyze: bool, stats: bool) -> None:
    """Do what is asked for."""
    if not (optimize or analyze or stats):
        raise click.UsageError("Say what to do: --optimize, --analyze, --stats, or several of them.")
    try:
        engine = create_engine(settings().url, isolation_level="AUTOCOMMIT")
        if is_sqlite(engine) and not Path(str(engine.url.database)).is_file():  # opening it would make one
            raise click.ClickException(
                f"There is no database at {engine.url.database}. Run: fileorganizer server migrate"
            )
        for wanted, lines in ((optimize, optimized), (analyze, analyzed), (stats, counted)):
            for line in lines(engine) if wanted else ():
                click.echo(line)
        engine.dispose()
    except (DBAPIError, DatabaseBusy) as error:
        raise click.ClickException(explained(error)) from error
    except ValidationError as error:
        raise click.ClickException(str(error)) from error


def is_sqlite(engine: Engine) -> bool:
    """Is it SQLite?"""
    return engine.dialect.name == "sqlite"


def optimized(engine: Engine) -> Iterator[str]:
    """Make what is missing; one line an index."""
    with engine.connect() as connection, _alone(connection):
        for index in INDEXES:
            if is_sqlite(engine) and index.only_postgresql:
                state = "left out"
            else:
                with _turn(engine):
                    state = _made(connection, index, concurrently="" if is_sqlite(engine) else "CONCURRENTLY ")
            yield f"{state:9} {index.name:30} {index.on:52} {index.serves}"
        with _turn(engine):
            connection.execute(text("PRAGMA optimize" if is_sqlite(engine) else "ANALYZE"))
    yield "statistics are gathered"


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """On PostgreSQL one of these at a time: another would take an index that is being made for one that was broken off.

    Asked for again and again, since whoever waits inside a statement is waited for by those that make indexes.
    """
    if connection.dialect.name == "sqlite":
        yield
        return
    while not connection.execute(text(f"SELECT pg_try_advisory_lock({_ALONE})")).scalar_one():
        time.sleep(1.0)
    try:
        yield
    finally:
        connection.execute(text(f"SELECT pg_advisory_unlock({_ALONE})"))


def _turn(engine: Engine) -> AbstractContextManager[None]:
    """As every writer of SQLite takes it: the server may run. Raises DatabaseBusy."""
    turn = write_turn(engine.url)
    return turn.taken() if turn else nullcontext()


def _made(connection: Connection, index: Strategic, concurrently: str) -> str:
    """Make one index unless it is there. One that was broken off while it was made is of no use: it is made anew."""
    if index.name in _names(connection):
        return "is there"
    if concurrently:
        connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}"))
    if index.only_postgresql:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    where = f" WHERE {index.where}" if index.where else ""
    on = (not concurrently and index.on_sqlite) or index.on
    connection.execute(text(f"CREATE INDEX {concurrently}{index.name} ON {on}{where}"))
    return "made"


def _names(connection: Connection) -> set[str]:
    """All indexes that can be used."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'index'"
    else:
        query = "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE indisvalid"
    return {row[0] for row in connection.execute(text(query))}


def analyzed(engine: Engine) -> Iterator[str]:
    """How each hot query is carried out, for the operation with most records."""
    with engine.connect() as connection:
        query = "SELECT number, user_id, files_total FROM operations ORDER BY files_total DESC, number LIMIT 1"
        biggest = connection.execute(text(query)).first()
        if biggest is None:
            yield "There are no operations yet: nothing to explain."
            return
        known = {"number": biggest.number, "user": biggest.user_id, "sequence": (biggest.files_total // 2)}
        for name, sql in queries_of(engine).items():
            yield from _explained(connection, name, sql, known)
        if not is_sqlite(engine):
            yield from _advice(connection)


def _explained(connection: Connection, name: str, sql: str, known: dict[str, object]) -> Iterator[str]:
    """One query: its plan, on PostgreSQL with times and buffers."""
    values = {key: value for key, value in known.items() if f":{key}" in sql}
    if connection.dialect.name == "sqlite":
        steps = connection.execute(text(f"EXPLAIN QUERY PLAN {sql}"), values).all()
        yield f"{name}: {'; '.join(step[3] for step in steps)}"
        return
    (plan,) = connection.execute(text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}"), values).scalar_one()
    buffers = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    slow = "  SLOW" if plan["Execution Time"] > SLOW_MILLISECONDS else ""
    yield f"{name}: {plan['Execution Time']:.2f} ms, {buffers} buffers, {_way(plan['Plan'])}{slow}"


def _way(plan: dict[str, object]) -> str:
    """How the rows are found, innermost last."""
    here = f"{plan['Node Type']} {plan.get('Index Name') or plan.get('Relation Name') or ''}".strip()
    below = plan.get("Plans")
    return " ← ".join([here, *(_way(each) for each in below)]) if isinstance(below, list) else here


def _advice(connection: Connection) -> Iterator[str]:
    """Indexes nobody used since statistics began, and tables with many dead rows."""
    unused = (
        "SELECT s.indexrelname, pg_size_pretty(pg_relation_size(s.indexrelid)) FROM pg_stat_user_indexes s"
        " JOIN pg_index i USING (indexrelid) WHERE s.idx_scan = 0 AND NOT i.indisunique"
        " AND pg_relation_size(s.indexrelid) > 1048576 ORDER BY pg_relation_size(s.indexrelid) DESC"
    )
    for name, size in connection.execute(text(unused)):
        yield f"unused: {name}, {size}. If this stays so for weeks: DROP INDEX CONCURRENTLY {name}"
    dead = (
        "SELECT relname, n_dead_tup, n_live_tup FROM pg_stat_user_tables"
        " WHERE n_dead_tup > 10000 AND n_dead_tup > n_live_tup / 5"
    )
    for name, gone, live in connection.execute(text(dead)):
        yield f"bloat: {name} has {gone} dead rows beside {live}. VACUUM {name} frees them."


def counted(engine: Engine) -> Iterator[str]:
    """Tables with their rows and sizes, and how often what was read lay in memory."""
    if is_sqlite(engine):
        yield from _counted_sqlite(engine)
        return
    sizes = (
        "SELECT relname, n_live_tup, pg_size_pretty(pg_table_size(relid)), pg_size_pretty(pg_indexes_size(relid)),"
        " round(100.0 * heap_blks_hit / nullif(heap_blks_hit + heap_blks_read, 0), 1)"
        " FROM pg_stat_user_tables JOIN pg_statio_user_tables USING (relid, relname) ORDER BY pg_total_relation_size(relid) DESC"
    )
    with engine.connect() as connection:
        for name, rows, table, indexes, hits in connection.execute(text(sizes)):
            yield f"{name:20} {rows:>12} rows  table {table:>10}  indexes {indexes:>10}  hits {hits if hits is not None else '–'} %"
        query = (
            "SELECT round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 2), pg_size_pretty(pg_database_size(datname))"
            " FROM pg_stat_database WHERE datname = current_database()"
        )
        hits, size = connection.execute(text(query)).one()
        yield f"all: {size}, {hits} % of what was read lay in memory"


def _counted_sqlite(engine: Engine) -> Iterator[str]:
    """Rows of each table, and the size of the file."""
    with engine.connect() as connection:
        tables = connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'search%' ORDER BY name")
        )
        for (name,) in tables.all():
            query = f'SELECT count(*) FROM "{name}"'  # nosec B608  # the names are those of the database's own tables
            rows = connection.execute(text(query)).scalar_one()
            yield f"{name:20} {rows:>12} rows"
    path = Path(str(engine.url.database))
    yield f"all: {path.stat().st_size} bytes in {path}"
