"""Redis on hosts that are slow, or gone without a word: who waits for it, and for how long (F44, F45)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from kombu.exceptions import OperationalError

from backend.core import broker, redis, redis_events
from backend.core.config import Settings
from backend.core.events import Event
from backend.core.redis import SharedRedis
from backend.core.redis_events import RedisReceiver, RedisSender
from tests.support import redis as redis_support
from tests.support.redis import RedisServer, running_redis

pytestmark = pytest.mark.skipif(bool(redis_support.reason_without()), reason=str(redis_support.reason_without()))


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    """A Redis that may be frozen."""
    with running_redis() as running:
        yield running


def test_one_question_finds_out_whether_it_is_back(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greenlets: None
) -> None:
    """Of all that come while it hangs one waits for it; it is asked by all again as soon as it answers."""
    monkeypatch.setattr(redis, "PAUSE_SECONDS", 0.0)

    async def whole() -> None:
        """Ask while it hangs, and after."""
        shared, asked = SharedRedis(Settings(data_dir=tmp_path, redis_url=redis_server.url)), 0

        async def question() -> Any:
            nonlocal asked
            asked += 1
            return await shared.client.ping()

        with redis_server.frozen():
            assert await shared.ask(question, otherwise=None) is None and asked == 1
            assert await asyncio.gather(*(shared.ask(question, otherwise=None) for _ in range(20))) == [None] * 20
            assert asked == 2
        assert await shared.ask(question, otherwise=None) and await shared.ask(question, otherwise=None)
        await shared.close()

    asyncio.run(whole())


@asynccontextmanager
async def line_to(redis_server: RedisServer) -> AsyncIterator[tuple[int, list[asyncio.Task[None]]]]:
    """A port that leads to Redis, and what carries bytes of its connections: cancelled, they are open and nothing comes through."""
    carriers: list[asyncio.Task[None]] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while given := await reader.read(65_536):
                writer.write(given)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", redis_server.port)
        carriers.extend(asyncio.create_task(carry(*ends)) for ends in ((reader, back), (there, writer)))

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1], carriers
    finally:
        listener.close()
        for task in carriers:
            task.cancel()


def test_a_line_that_is_dead(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greenlets: None
) -> None:
    """Whoever listens notices that nothing comes any more, not even answers, and listens on another line."""
    monkeypatch.setattr(redis_events, "_LISTEN_SECONDS", 0.2)

    async def whole() -> Event:
        """Listen, have the line die, and wait until something is heard again."""
        async with line_to(redis_server) as (port, carriers):
            settings = Settings(data_dir=tmp_path, redis_url=f"redis://127.0.0.1:{port}/0")
            shared, heard = SharedRedis(settings), asyncio.Queue[Event]()
            receiver = RedisReceiver(shared)
            sender = RedisSender(settings.model_copy(update={"redis_url": redis_server.url}))
            await receiver.listen(heard.put_nowait)
            for task in carriers:
                task.cancel()
            try:
                async with asyncio.timeout(60):
                    while heard.empty():
                        sender.send({"number": 1}, insist=True)
                        await asyncio.sleep(0.1)
                return heard.get_nowait()
            finally:
                receiver.close()
                sender.close()
                await shared.close()

    assert asyncio.run(whole()) == {"number": 1}


def test_nothing_is_asked_of_where_results_are_kept(redis_server: RedisServer, tmp_path: Path) -> None:
    """There are none. A message goes out, though CELERY_RESULT_BACKEND, which compose names, is away."""
    urls = {"database_url": "postgresql+psycopg://ann@127.0.0.1:1/files", "redis_url": redis_server.url}
    nowhere = "redis://127.0.0.1:1/2"
    app = broker.broker_app(Settings(data_dir=tmp_path, celery_result_backend=nowhere, **urls))
    before = broker.messages_left(app)
    broker.ring(app)
    assert broker.messages_left(app) == before + 1
    app.close()


def test_a_broker_that_hangs(redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sends a message, or counts them, doesn't wait for it without end."""
    monkeypatch.setattr(broker, "BROKER_SECONDS", 1.0)
    database = "postgresql+psycopg://ann@127.0.0.1:1/files"
    app = broker.broker_app(Settings(data_dir=tmp_path, redis_url=redis_server.url, database_url=database))
    broker.ring(app)
    assert broker.messages_left(app) >= 1
    with ThreadPoolExecutor(2) as threads, redis_server.frozen():
        sent, counted = threads.submit(broker.ring, app), threads.submit(broker.messages_left, app)
        with pytest.raises(OperationalError):
            sent.result(60)
        with pytest.raises((OperationalError, *redis.AWAY)):
            counted.result(60)
    app.close()
