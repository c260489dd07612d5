"""SQLite beside an event loop with one way to the thread and back for a statement, where aiosqlite needs five.

What doesn't touch the disk (making and closing a cursor, beginning a transaction, ending one that only read) is done at once; a
statement brings its first rows along. A way costs more than most statements do, and on a busy machine much more: so
statements that only look something up by its key are run at once, too (``LOOKING_UP``).
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

import aiosqlite

ROWS_AT_ONCE: Final = 256
"""More rows come when they are asked for, so that an export of millions is never in memory."""
LOOKING_UP: Final = ContextVar("looking_up", default=False)
"""Are the statements of this task answered from an index, with a few rows?"""


class Cursor(aiosqlite.Cursor):
    """A cursor that fetches ahead."""

    _conn: Connection

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        """Of an open connection."""
        super().__init__(connection, cursor)
        self._ready: deque[Any] = deque()
        self._more = False

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> Cursor:
        """Run a statement."""
        self._conn.only_reads &= sql.lstrip()[:6].upper() == "SELECT"
        run = partial(self._run, sql, parameters or ())
        await (self._conn.at_once(run) if LOOKING_UP.get() and self._conn.only_reads else self._conn._execute(run))
        return self

    def _run(self, sql: str, parameters: Any) -> None:
        """In the thread: the statement and its first rows."""
        self._cursor.execute(sql, parameters)
        self._ready.clear()
        self._more = self._cursor.description is not None
        self._fetch()

    def _fetch(self) -> None:
        """In the thread: some more rows, if there are any."""
        if self._more:
            rows = self._cursor.fetchmany(ROWS_AT_ONCE)
            self._ready.extend(rows)
            self._more = len(rows) == ROWS_AT_ONCE

    async def fetchone(self) -> Any:
        """The next row, or None."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """So many rows at most, none only at the end."""
        if not self._ready and self._more:
            await self._conn._execute(self._fetch)
        return [self._ready.popleft() for _ in range(min(size or 1, len(self._ready)))]

    async def fetchall(self) -> list[Any]:
        """All further rows."""
        rows = list(self._ready)
        self._ready.clear()
        if self._more:
            self._more = False
            rows += await self._conn._execute(self._cursor.fetchall)
        return rows

    async def close(self) -> None:
        """Forget what wasn't fetched."""
        await self._conn.at_once(self._cursor.close)


class Connection(aiosqlite.Connection):
    """A connection and its thread."""

    def __init__(self, path: str) -> None:
        """Opened when it is awaited."""
        super().__init__(lambda: sqlite3.connect(path, check_same_thread=False), iter_chunk_size=ROWS_AT_ONCE)
        self._thread.daemon = True
        self.only_reads = False
        """Has the transaction only read?"""
        self._asked = self._done = 0

    def cursor(self) -> Cursor:  # type: ignore[override]  # the library's is awaited
        """A new cursor."""
        return Cursor(self, self._conn.cursor())

    async def begin(self) -> None:
        """Begin a transaction, which has only read so far."""
        await self.at_once(partial(self._conn.execute, "BEGIN"))
        self.only_reads = True

    async def commit(self) -> None:
        """End the transaction."""
        await self._end(self._conn.commit)

    async def rollback(self) -> None:
        """End the transaction without what it changed."""
        await self._end(self._conn.rollback)

    async def _end(self, how: Callable[[], None]) -> None:
        """End the transaction; one that changed something goes to the disk, in the thread."""
        await (self.at_once(how) if self.only_reads or not self._conn.in_transaction else self._execute(how))

    async def at_once(self, what: Callable[[], Any]) -> None:
        """Do something short here; where the thread is still at work for somebody who was cancelled, after that."""
        if self._asked == self._done:
            what()
        else:
            await self._execute(what)

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Have something done in the thread."""
        self._asked += 1
        return await super()._execute(self._counted, partial(fn, *args, **kwargs))  # type: ignore[no-untyped-call]

    def _counted(self, function: Callable[[], Any]) -> Any:
        """In the thread: do it, and note that it is done, however it ended."""
        try:
            return function()
        finally:
            self._done += 1


async def connect(path: str) -> Connection:
    """An open connection."""
    return await Connection(path)  # type: ignore[return-value]  # the library's type is the base's
