"""What is kept of answers: for how long, how much, and for whom."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import ResponseError

from backend.core.cache import REPORT, USAGE, MemoryCache, RedisCache, remembered
from backend.core.config import Settings
from backend.core.monitoring import cache_hits, cache_misses
from backend.core.redis import SharedRedis


def figures(kind: str) -> tuple[float, float]:
    """Hits and misses of a kind so far."""
    return cache_hits.labels(kind)._value.get(), cache_misses.labels(kind)._value.get()


def test_only_for_a_while() -> None:
    """A value is there until its time is over, and a new one takes the place of the old one."""
    clock = [0.0]
    cache = MemoryCache(clock=lambda: clock[0])

    async def story() -> None:
        """Put, wait, put again."""
        assert await cache.get("k") is None
        await cache.put("k", b"old", 10.0)
        await cache.put("k", b"new", 10.0)
        clock[0] = 9.9
        assert await cache.get("k") == b"new"
        clock[0] = 10.0
        assert await cache.get("k") is None

    asyncio.run(story())


def test_only_so_much() -> None:
    """What was used least recently goes first; what is bigger than all goes at once."""
    cache = MemoryCache(limit=44)

    async def story() -> None:
        """Three entries of eleven bytes, one of them used, then two more."""
        for key in "abcd":
            await cache.put(key, b"0123456789", 60.0)
        assert await cache.get("a")
        await cache.put("e", b"0123456789", 60.0)
        assert [bool(await cache.get(key)) for key in "abcde"] == [True, False, True, True, True]
        await cache.put("huge", b"x" * 45, 60.0)
        assert [await cache.get(key) for key in ("a", "huge")] == [None, None]
        await cache.put("b", b"0123456789", 60.0)
        assert await cache.get("b")

    asyncio.run(story())


class Answer(msgspec.Struct):
    """Something with all that answers hold."""

    rows: list[dict[str, Any]]


def test_nobody_sees_anothers() -> None:
    """The owner, the root that a key is limited to, the version and the kind are all part of the key; hits and misses are counted."""
    cache, ann, bob, root = MemoryCache(), uuid4(), uuid4(), uuid4()
    made: list[Answer] = []

    async def make() -> Answer:
        """Another answer each time."""
        row = {"path": b"\xff", "at": datetime.now(UTC), "size": len(made), "none": None}
        made.append(Answer([row]))
        return made[-1]

    async def asked(kind: str, owner: tuple[Any, Any], *version: Any) -> int:
        """Which of the answers comes."""
        return made.index(await remembered(cache, kind, owner, version, Answer, make))

    async def story() -> None:
        """Each question twice."""
        for _ in range(2):
            assert await asked(USAGE, (ann, None), 1, 2) == 0
            assert await asked(USAGE, (bob, None), 1, 2) == 1
            assert await asked(USAGE, (ann, root), 1, 2) == 2
            assert await asked(USAGE, (ann, None), 1, 3) == 3
            assert await asked(REPORT, (ann, None), 1, 2) == 4

    hits, misses = figures(USAGE)
    asyncio.run(story())
    assert len(made) == 5 and figures(USAGE) == (hits + 4, misses + 4)


class _Broken:
    """A client of Redis that fails as it is told, and counts how often it was asked."""

    connection_pool = SimpleNamespace(connection_kwargs={})

    def __init__(self, *failures: Exception) -> None:
        """``failures`` come one after the other; then all is well."""
        self.failures, self.asked = list(failures), 0
        self.kept: dict[str, bytes] = {}

    async def get(self, name: str) -> bytes | None:
        """What was set."""
        self._fail()
        return self.kept.get(name)

    async def set(self, name: str, value: bytes, px: int) -> None:
        """Keep it."""
        self._fail()
        self.kept[name] = value

    def _fail(self) -> None:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)


def _redis(client: _Broken, monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> RedisCache:
    """A cache over that client, at a time of its own."""
    shared = SharedRedis(Settings(redis_url="redis://127.0.0.1:1/0"))
    shared.client = client
    monkeypatch.setattr("backend.core.redis.time", SimpleNamespace(monotonic=lambda: clock[0]))
    return RedisCache(shared)


@pytest.mark.parametrize(
    "failure", [NotConnected("gone"), ResponseError("OOM"), TimeoutError(), ConnectionResetError()]
)
def test_a_redis_that_fails_is_a_cache_that_forgot(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing raises; for a second it is left alone; then it is asked again, and what it kept is there."""
    client, clock = _Broken(), [100.0]
    cache = _redis(client, monkeypatch, clock)

    async def story() -> None:
        """Well, failed, left alone, well again."""
        await cache.put("k", b"v", 60.0)
        assert await cache.get("k") == b"v"
        client.failures.append(failure)
        assert await cache.get("k") is None
        asked = client.asked
        clock[0] += 0.9
        assert await cache.get("k") is None
        await cache.put("k", b"lost", 60.0)
        assert client.asked == asked, "left alone"
        clock[0] += 0.2
        assert await cache.get("k") == b"v"

    asyncio.run(story())


def test_without_redis_answers_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be kept is worked out each time, and is right each time."""
    client, clock, owner, made = _Broken(*[NotConnected("gone")] * 9), [100.0], (uuid4(), None), []

    async def make() -> int:
        """Another answer each time."""
        made.append(1)
        return len(made)

    async def story() -> None:
        """Ask twice, with time enough for Redis to be asked each time."""
        cache = _redis(client, monkeypatch, clock)
        for expected in (1, 2):
            assert await remembered(cache, USAGE, owner, (1,), int, make) == expected
            clock[0] += 2.0

    asyncio.run(story())
    assert client.asked > 1


def test_what_another_version_kept_is_worked_out_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that aren't the answer's type are no answer, and are replaced."""
    client, owner = _Broken(), (uuid4(), None)

    async def make() -> int:
        """The answer."""
        return 7

    async def story() -> None:
        """Something else lies there."""
        cache = _redis(client, monkeypatch, [100.0])
        await remembered(cache, USAGE, owner, (1,), int, make)
        (name,) = client.kept
        client.kept[name] = msgspec.msgpack.encode({"older": "shape"})
        assert await remembered(cache, USAGE, owner, (1,), int, make) == 7
        assert msgspec.msgpack.decode(client.kept[name]) == 7

    asyncio.run(story())
