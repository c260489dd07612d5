"""What was worked out before, for a while: bytes under a key, in this process, or in Redis for all of them.

A key names the owner, and the version of what the answer was made from: a
change makes another key, so no process ever answers with what was true before.
The time only says how long something is kept that nobody asks for any more.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from uuid import UUID

import msgspec

from backend.core import monitoring

if TYPE_CHECKING:
    from backend.core.redis import SharedRedis

MEMORY_BYTES: Final = 32 * 1024**2
USAGE, REPORT, SEEN, AGES = "usage", "report", "seen", "ages"
SECONDS: Final = {USAGE: 300.0, REPORT: 3_600.0, SEEN: 3_600.0, AGES: 3_600.0}
"""Kinds of answers and how long they are kept: everything of a user's in numbers; the report of a finished operation; by
what a file of a finished operation is known again; how old the files of a finished operation are."""
for _kind in SECONDS:  # so that they are there as zeros from the start
    monitoring.cache_hits.labels(_kind)
    monitoring.cache_misses.labels(_kind)

_T = TypeVar("_T")


class Cache(Protocol):
    """Where answers are kept. It may forget any of them at any time."""

    async def get(self, key: str) -> bytes | None:
        """What was put there, unless its time is over."""

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep ``value`` for so long at most."""


class MemoryCache:
    """In this process: so many bytes, then what was used least recently goes."""

    def __init__(self, limit: int = MEMORY_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        """``limit`` in bytes, of keys and values."""
        self._limit, self._clock, self._used = limit, clock, 0
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def get(self, key: str) -> bytes | None:
        """What was put there, unless its time is over."""
        if key not in self._kept:
            return None
        until, value = self._kept[key]
        if until <= self._clock():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return value

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep ``value`` for so long at most."""
        if key in self._kept:
            self._drop(key)
        self._kept[key] = (self._clock() + seconds, value)
        self._used += len(key) + len(value)
        while self._used > self._limit:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        """Forget one."""
        _, value = self._kept.pop(key)
        self._used -= len(key) + len(value)


class RedisCache:
    """In Redis, for all processes. Without Redis nothing is kept."""

    def __init__(self, redis: SharedRedis) -> None:
        """What is too much is for Redis to let go (``maxmemory-policy``)."""
        self._redis = redis

    async def get(self, key: str) -> bytes | None:
        """What was put there, unless its time is over."""
        kept: bytes | None = await self._redis.ask(lambda: self._redis.client.get(self._name(key)), None)
        return kept

    async def put(self, key: str, value: bytes, seconds: float) -> None:
        """Keep ``value`` for so long at most."""
        await self._redis.ask(lambda: self._redis.client.set(self._name(key), value, px=int(seconds * 1_000)), None)

    def _name(self, key: str) -> str:
        """The key in Redis."""
        return f"{self._redis.prefix}cache:{key}"


async def remembered(
    cache: Cache,
    kind: str,
    owner: tuple[UUID, UUID | None],
    version: tuple[Any, ...],
    answer: type[_T],
    make: Callable[[], Awaitable[_T]],
) -> _T:
    """What ``make`` gives, or gave before for the same owner and version.

    ``owner`` is a user, and the root that the caller is limited to; ``answer``
    is the type of the answer, which msgspec must be able to write and to read.
    """
    key = ":".join(map(str, (kind, *owner, *version)))
    kept = await cache.get(key)
    if kept is not None:
        with suppress(msgspec.MsgspecError):  # another version of this program may have put it there
            found = msgspec.msgpack.decode(kept, type=answer)
            monitoring.cache_hits.labels(kind).inc()
            return found
    monitoring.cache_misses.labels(kind).inc()
    made = await make()
    await cache.put(key, msgspec.msgpack.encode(made), SECONDS[kind])
    return made
