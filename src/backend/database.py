"""Engines, sessions and transactions for both databases, for the async side and for workers.

SQLite: write transactions of all processes take turns. Each begins with BEGIN
IMMEDIATE and holds one file lock until COMMIT has returned, because SQLite
before 3.51.3 can damage a WAL that several processes reset at the same time,
and because a transaction that reads first and writes later fails when somebody
else wrote in between. PostgreSQL needs none of this.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import URL, AdaptedConnection, Connection, Engine, create_engine, event, func, make_url, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from backend.core import monitoring, sqlite
from backend.core.config import Settings

LOCK_WAIT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.002
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 10000",
)
_ROOM: Final = "PRAGMA cache_size = -16000"
"""For who writes many rows: their places in the indexes are all over the file. With SQLite's two megabytes pages are written
and read again within one transaction; a third of all that is written is saved, and a sixth of the processor's time."""
_WRITES: Final = "writes"
SURELY_SECONDS: Final = 1.0
"""So long after its last use a connection to PostgreSQL is used again without a look."""
_USED: Final = "used"
_AWAY: Final = ("08", "57P", "25006", "25P03", "40", "53", "55P03", "58")
"""Beginnings of PostgreSQL's states that pass: connections that fail, a server that is ended or begins, or is a standby that
only reads; a transaction that was ended because of another one, or because it stood still; no room for more connections, in
memory or on the disk; a lock that somebody has; an error of the system."""
_TOO_LONG: Final = "57014"
_NO_TABLE: Final = ("3F000", "42P01")
CONNECT_SECONDS: Final = 10
"""So long a new connection may take. libpq has no limit of its own: a host that is gone would be waited for by the kernel's."""
_LINE_WATCHED: Final = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A host that went away without a word is noticed after a minute, not after the kernel's two hours."""


SCHEMA_REVISION: Final = "0004"
"""The revision of the newest migration; a test compares it with the folder of migrations."""


class DatabaseBusy(Exception):
    """Nobody let this process write for ten seconds."""


def is_away(error: BaseException) -> bool:
    """Does the error say that the database can't be reached or can't work just now, rather than that it refuses something?"""
    if isinstance(error, DatabaseBusy):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = _state(error)
    if state is not None:
        return state.startswith(_AWAY)
    return isinstance(error, OperationalError | InterfaceError)


def is_busy(error: BaseException) -> bool:
    """Does the error say that there was no time for it: no turn, no free connection, a statement that took too long?"""
    if isinstance(error, DBAPIError):
        return _state(error) == _TOO_LONG
    return isinstance(error, DatabaseBusy | NoConnection)


def will_pass(error: BaseException) -> bool:
    """Is it worth asking again in a moment?"""
    return is_away(error) or is_busy(error)


def reason_of(error: BaseException) -> str:
    """What the database said, or what kind of error it is, for a line in the log; never a statement or its values."""
    return str(getattr(error, "orig", "")) or type(error).__name__


def explained(error: DBAPIError | DatabaseBusy) -> str:
    """What ails the database, for whoever sits at the machine."""
    if isinstance(error, DatabaseBusy):
        return "Others write to the database without a pause. Try again, or stop the server first."
    said = str(error.orig).strip()
    if _state(error) in _NO_TABLE or "no such table" in said:
        return f"The database hasn't the tables of this program ({said.splitlines()[0]}). Run: fileorganizer server migrate"
    if is_away(error):
        return f"The database can't be reached, or can't work now: {said}"
    return f"The database refuses: {said.splitlines()[0]}"


def _state(error: DBAPIError) -> str | None:
    """PostgreSQL's five characters for what happened; None where nobody came to say it, and with SQLite."""
    return getattr(error.orig, "sqlstate", None)


_NO_JIT: Final = "-c jit=off"
"""Compiling a statement costs PostgreSQL up to a third of a second, more than any of ours takes."""
_PLANNED: Final = "-c plan_cache_mode=force_custom_plan"
"""For who asks about one user: a plan that is kept for the next was made for nobody, and a search in forty records went through
everybody's six million. Not for workers: of each row that they write, what it refers to would be looked for with a new plan."""


class SchemaMismatch(Exception):
    """The database is of another revision than this program."""


_REVISION: Final = text("SELECT version_num FROM alembic_version")


def _mismatch(found: str | None) -> SchemaMismatch:
    """What to say of a revision that isn't this program's."""
    return SchemaMismatch(
        f"The database has schema {found or 'none'}, this program needs {SCHEMA_REVISION}. Run: alembic upgrade head"
        " (or use the newer program, if the database's is the newer one)."
    )


class WriteTurn:
    """The one lock that all writers of a SQLite database take, in this process and in others.

    Who waits holds the door, of which there is one, and lets go of it only with the turn in hand: a process that ends its
    turn and wants the next at once stands behind whoever waits already, however seldom that one looks.
    """

    def __init__(self, path: Path) -> None:
        """``path`` is the lock file beside the database; the door's is beside it."""
        self._path, self._door = path, path.with_name(path.name + ".door")
        self._threads = threading.Lock()
        self._tasks = asyncio.Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the turn, blocking the thread. Raises DatabaseBusy."""
        began = time.monotonic()
        with self._threads, _opened(self._path) as turn:
            with _opened(self._door) as door:
                for file in (door, turn):
                    while not _try(file):
                        _check(began)
                        time.sleep(POLL_SECONDS)
                _release(door)
            monitoring.db_write_wait.observe(time.monotonic() - began)
            try:
                yield
            finally:
                _release(turn)

    @asynccontextmanager
    async def taken_async(self) -> AsyncIterator[None]:
        """Wait for the turn without blocking the loop; tasks get it in the order in which they came. Raises DatabaseBusy."""
        began = time.monotonic()
        async with AsyncExitStack() as held:
            try:
                async with asyncio.timeout(LOCK_WAIT_SECONDS):
                    await held.enter_async_context(self._tasks)
            except TimeoutError:
                raise DatabaseBusy from None
            turn = held.enter_context(_opened(self._path))
            with _opened(self._door) as door:
                for file in (door, turn):
                    while not _try(file):
                        _check(began)
                        await asyncio.sleep(POLL_SECONDS)
                _release(door)
            monitoring.db_write_wait.observe(time.monotonic() - began)
            try:
                yield
            finally:
                _release(turn)


def _opened(path: Path) -> IO[bytes]:
    """A lock file; closing it ends the lock, unless a process that was forked meanwhile has it open, too."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+")


def _try(file: IO[bytes]) -> bool:
    """Take a lock if it is free."""
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _release(file: IO[bytes]) -> None:
    """Give a lock back at once, whoever else has its file open."""
    fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def _check(began: float) -> None:
    """Give up after a while."""
    if time.monotonic() - began > LOCK_WAIT_SECONDS:
        raise DatabaseBusy


class Database:
    """The async side's way to the database."""

    def __init__(self, settings: Settings) -> None:
        """No connection is made before the first one is needed."""
        url = make_url(settings.url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._turn = write_turn(url)
        arguments = _arguments(url, _PLANNED)
        if self.is_sqlite:
            arguments["async_creator"] = partial(sqlite.connect, url.database or "")
            url = url.set(drivername="sqlite+aiosqlite")
        self._engine: AsyncEngine = create_async_engine(url, **arguments)
        _prepare(self._engine.sync_engine, _PRAGMAS if self.is_sqlite else None)
        self._looking = self._engine.execution_options(**_looking(self.is_sqlite))

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """What only looks: on SQLite at one state, on PostgreSQL each statement at the newest."""
        async with AsyncSession(self._looking, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def looking_up(self) -> AsyncIterator[AsyncSession]:
        """The same for what an index answers with a few rows: SQLite is then asked in the loop's own thread."""
        earlier = sqlite.LOOKING_UP.set(True)
        try:
            async with self.reading() as session:
                yield session
        finally:
            sqlite.LOOKING_UP.reset(earlier)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """A transaction that changes something: committed when the block ends well, else taken back. Raises DatabaseBusy."""
        turn = self._turn.taken_async() if self._turn else nullcontext()
        async with turn, AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
            await session.connection(execution_options={_WRITES: True})
            yield session

    async def check_schema(self) -> None:
        """Raise SchemaMismatch unless the database is of the revision that this program knows."""
        try:
            async with self.reading() as session:
                found = (await session.execute(_REVISION)).scalar()
        except DBAPIError as error:
            if not self.is_sqlite and is_away(error):
                raise  # which schema it has nobody knows
            raise _mismatch(None) from error
        if found != SCHEMA_REVISION:
            raise _mismatch(found)

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


class WorkerDatabase:
    """A worker's way to the database: the same rules, blocking."""

    def __init__(self, settings: Settings) -> None:
        """No connection is made before the first one is needed."""
        url = make_url(settings.url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._turn = write_turn(url)
        self._engine = create_engine(url, **_arguments(url))
        _prepare(self._engine, (*_PRAGMAS, _ROOM) if self.is_sqlite else None)
        self._looking = self._engine.execution_options(**_looking(self.is_sqlite))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """As ``Database.reading``."""
        with Session(self._looking, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that changes something. Raises DatabaseBusy."""
        turn = self._turn.taken() if self._turn else nullcontext()
        with turn, Session(self._engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options={_WRITES: True})
            yield session

    def check_schema(self) -> None:
        """As ``Database.check_schema``; a database without tables raises what it says."""
        with self.reading() as session:
            found = session.execute(_REVISION).scalar()
        if found != SCHEMA_REVISION:
            raise _mismatch(found)

    def moment(self, session: Session) -> datetime:
        """Now, by the one clock that workers of all hosts have in common: the database's. SQLite's is that of its host."""
        if self.is_sqlite:
            return datetime.now(UTC)
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def take_time(self, session: Session) -> None:
        """Let the statements of this transaction take as long as they need: nobody waits for an answer."""
        if not self.is_sqlite:
            session.execute(text("SET LOCAL statement_timeout = 0"))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def write_turn(url: URL) -> WriteTurn | None:
    """The writers' lock, for SQLite."""
    if url.get_backend_name() != "sqlite":
        return None
    assert url.database is not None  # nosec B101  # the settings accept sqlite:///path only
    return WriteTurn(Path(url.database + ".lock"))


def _arguments(url: URL, options: str = "") -> dict[str, Any]:
    """How connections are kept, with ``options`` for PostgreSQL. Errors don't name values: the log would have them.

    What the URL says of it holds.
    """
    if url.get_backend_name() == "sqlite":
        return {"pool_size": 8, "max_overflow": 8, "hide_parameters": True}
    waiting = {"connect_timeout": CONNECT_SECONDS, **_LINE_WATCHED}
    given = url.query.get("options", "")
    return {
        "hide_parameters": True,
        "pool_size": 10,
        "max_overflow": 10,
        "pool_use_lifo": True,
        "connect_args": {
            **{name: value for name, value in waiting.items() if name not in url.query},
            "options": f"-c statement_timeout=30000 -c idle_in_transaction_session_timeout=60000 {_NO_JIT} {options} {given}",
        },
    }


def _looking(is_sqlite: bool) -> dict[str, Any]:
    """How statements that only look are executed: PostgreSQL would have to be told of the beginning and the end of each transaction."""
    return {} if is_sqlite else {"isolation_level": "AUTOCOMMIT"}


def _prepare(engine: Engine, pragmas: tuple[str, ...] | None) -> None:
    """Say how a connection and a transaction begin, with the ``pragmas`` of one to SQLite, and measure statements."""
    if pragmas is not None:
        event.listen(engine, "connect", partial(_on_connect, pragmas))
        event.listen(engine, "begin", _on_begin)
    else:
        event.listen(engine, "connect", _note_use)
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", partial(_on_checkout, engine))
    event.listen(engine, "before_cursor_execute", _before)
    event.listen(engine, "after_cursor_execute", _after)


def _on_connect(pragmas: tuple[str, ...], connection: Any, _record: object) -> None:
    """A new SQLite connection: the driver begins no transactions by itself, and only we read the file."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(pragma)
    connection.create_function("small_letters", 1, str.lower, deterministic=True)  # SQLite's own lower() knows ASCII
    cursor.execute("PRAGMA database_list")
    os.chmod(cursor.fetchone()[2], 0o600)
    cursor.close()


def _on_begin(connection: Connection) -> None:
    """Readers see one state; a writer has the database to itself from its first statement on.

    Of what only looks something up the beginning as one more statement would be a tenth.
    """
    driver: Any = connection.connection.dbapi_connection
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif isinstance(driver, AdaptedConnection):
        driver.run_async(sqlite.Connection.begin)
    else:
        driver.execute("BEGIN")


def _note_use(_connection: object, record: Any) -> None:
    """Note until when a connection was well."""
    record.info[_USED] = time.monotonic()


def _on_checkout(engine: Engine, connection: Any, record: Any, _proxy: object) -> None:
    """Look whether the server is still there at the other end, unless it was just now: looking costs a way there and back."""
    if time.monotonic() - record.info[_USED] < SURELY_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error  # all of them, then


def _before(_connection: Connection, _cursor: Any, _statement: str, _values: Any, context: Any, _many: bool) -> None:
    """Note when a statement began."""
    if context is not None:
        context.began = time.monotonic()


def _after(_connection: Connection, _cursor: Any, statement: str, _values: Any, context: Any, _many: bool) -> None:
    """Count a statement and its time."""
    kind = statement.lstrip()[:6].upper()
    operation = kind if kind in ("SELECT", "INSERT", "UPDATE", "DELETE") else "OTHER"
    count, duration = monitoring.statement_figures(operation)
    count.inc()
    if context is not None:
        duration.observe(time.monotonic() - context.began)
