"""SQLite beside an event loop: the same rows as ever, few ways to the thread, and order where somebody was cancelled."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from backend.core import sqlite
from backend.core.sqlite import LOOKING_UP, ROWS_AT_ONCE, Connection

Story = Callable[[Connection], Awaitable[None]]


def told(place: Path, story: Story) -> int:
    """What a connection goes through with a table of numbers; gives how often the thread was asked."""
    with sqlite3.connect(place / "numbers.db") as made:
        made.execute("CREATE TABLE numbers (n INTEGER)")
        made.executemany("INSERT INTO numbers VALUES (?)", [(n,) for n in range(3 * ROWS_AT_ONCE)])
    made.close()

    async def tell() -> int:
        connection = await sqlite.connect(str(place / "numbers.db"))
        await connection.execute_fetchall("PRAGMA user_version")
        connection._conn.isolation_level = None
        before = connection._asked
        try:
            await story(connection)
        finally:
            await connection.close()
        return connection._done - before

    return asyncio.run(tell())


async def rows(connection: Connection, sql: str) -> list[tuple[int]]:
    """All rows of a statement, as SQLAlchemy asks for them."""
    async with connection.cursor() as cursor:
        await cursor.execute(sql)
        found: list[tuple[int]] = await cursor.fetchall()
        return found


def test_one_way_for_a_transaction_that_reads(tmp_path: Path) -> None:
    """Begin, a few rows, the end: the thread is asked once (and to close the connection)."""

    async def read(connection: Connection) -> None:
        await connection.begin()
        assert await rows(connection, "SELECT n FROM numbers WHERE n < 3") == [(0,), (1,), (2,)]
        assert connection.in_transaction
        await connection.commit()
        assert not connection.in_transaction

    assert told(tmp_path, read) <= 2


def test_what_is_looked_up_needs_no_thread(tmp_path: Path) -> None:
    """Only to close the connection; errors are the same, and what writes goes there as ever."""

    async def look_up(connection: Connection) -> None:
        LOOKING_UP.set(True)
        before = connection._asked
        await connection.begin()
        assert await rows(connection, "SELECT n FROM numbers WHERE n < 3") == [(0,), (1,), (2,)]
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await rows(connection, "SELECT n FROM letters")
        await connection.commit()
        assert connection._asked == connection._done == before
        await connection.begin()
        await rows(connection, "INSERT INTO numbers VALUES (-1)")
        await connection.rollback()
        assert connection._done == before + 2

    told(tmp_path, look_up)


@pytest.mark.parametrize("count", [0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 3 * ROWS_AT_ONCE])
@pytest.mark.parametrize("size", [None, 1, 100, ROWS_AT_ONCE, 10_000])
def test_rows_come_in_any_pieces(tmp_path: Path, count: int, size: int | None) -> None:
    """All at once, or so many at a time: each once, in order, then nothing more."""

    async def read(connection: Connection) -> None:
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT n FROM numbers LIMIT ?", (count,))
            found: list[tuple[int]] = []
            if size is None:
                found = await cursor.fetchall()
            elif size == 1:
                while (row := await cursor.fetchone()) is not None:
                    found.append(row)
            else:
                while some := await cursor.fetchmany(size):
                    assert len(some) <= size
                    found += some
            assert found == [(n,) for n in range(count)]
            assert await cursor.fetchall() == [] and await cursor.fetchone() is None

    told(tmp_path, read)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_what_was_written_is_kept_or_taken_back(tmp_path: Path, end: str) -> None:
    """In the thread, whatever was read before in the same transaction."""

    async def write(connection: Connection) -> None:
        await connection.begin()
        await rows(connection, "SELECT 1")
        await rows(connection, "INSERT INTO numbers VALUES (-1)")
        await getattr(connection, end)()

    told(tmp_path, write)
    with sqlite3.connect(tmp_path / "numbers.db") as look:
        (count,) = look.execute("SELECT count(*) FROM numbers WHERE n < 0").fetchone()
    look.close()
    assert count == (1 if end == "commit" else 0)


def test_somebody_is_cancelled_while_the_thread_works(tmp_path: Path) -> None:
    """The statement goes on; what ends its transaction waits for it in the thread, and the loop doesn't wait."""

    async def cancel(connection: Connection) -> None:
        await connection.create_function("wait", 0, lambda: time.sleep(0.2))
        await connection.begin()
        task = asyncio.ensure_future(rows(connection, "SELECT wait() FROM numbers LIMIT 3"))
        await asyncio.sleep(0.05)
        task.cancel()
        ends = asyncio.ensure_future(connection.rollback())
        await asyncio.sleep(0)
        assert not ends.done()  # and yet we are here: the loop goes on
        with pytest.raises(asyncio.CancelledError):
            await task
        await ends
        assert not connection.in_transaction
        assert await rows(connection, "SELECT count(*) FROM numbers") == [(3 * ROWS_AT_ONCE,)]

    told(tmp_path, cancel)
