"""What is kept of answers: for how long, how much, and for whom."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from backend.core.cache import REPORT, USAGE, MemoryCache, remembered
from backend.core.monitoring import cache_hits, cache_misses


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
