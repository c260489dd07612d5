"""The way to Redis, which may be away at any time: whoever asks says what holds then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.exceptions import ConnectionError as NotConnected
from redis.exceptions import RedisError
from redis.retry import Retry

from backend.core.config import Settings
from backend.core.logging import logger

ANSWER_SECONDS: Final = 0.5
"""Longer than this nobody waits for Redis."""
PAUSE_SECONDS: Final = 1.0
"""After a failure Redis is left alone for so long, so that a Redis that hangs holds up one request a second, not all."""
WORKER_SECONDS: Final = 10
"""A worker that says nothing for so long isn't there."""
AWAY: Final = (RedisError, OSError, TimeoutError)

_T = TypeVar("_T")


class SharedRedis:
    """One process's connections. A failure is logged once, and so is the return."""

    def __init__(self, settings: Settings) -> None:
        """No connection is made before the first question. One that the server closed meanwhile is made anew, once."""
        self.client: Any = AsyncRedis.from_url(
            settings.redis_url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=AsyncRetry(NoBackoff(), 1, supported_errors=(NotConnected,)),
        )
        self.prefix = prefix_of(settings)
        self._log = logger("redis")
        self._again_at = 0.0
        self.is_away = False

    async def ask(self, question: Callable[[], Awaitable[_T]], otherwise: _T) -> _T:
        """The answer, or ``otherwise`` when there is none. Whether it is back one question finds out, and no other waits for that."""
        if time.monotonic() < self._again_at:
            return otherwise
        if self.is_away:
            self._again_at = time.monotonic() + 2 * ANSWER_SECONDS
        try:
            async with asyncio.timeout(2 * ANSWER_SECONDS):
                answer = await question()
        except AWAY as error:
            self._again_at = time.monotonic() + PAUSE_SECONDS
            if not self.is_away:
                self._log.warning("Redis is away; it is done without until it is back", reason=type(error).__name__)
            self.is_away = True
            return otherwise
        if self.is_away:
            self._log.info("Redis is back")
            self._again_at = 0.0
        self.is_away = False
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self.client.aclose()


def note_worker(client: Any, settings: Settings) -> None:
    """Say that a worker of Celery lives; said again every two seconds."""
    client.set(f"{prefix_of(settings)}worker", 1, ex=WORKER_SECONDS)


def any_worker_lives(client: Any, settings: Settings) -> bool:
    """Was any worker of Celery heard of lately? Raises what is in AWAY."""
    return bool(client.exists(f"{prefix_of(settings)}worker"))


async def takes_something(redis: SharedRedis) -> bool:
    """Does Redis take what it is given? One that is full, or became a replica, answers all the same."""
    return bool(await redis.ask(lambda: redis.client.set(f"{redis.prefix}taken", 1, ex=WORKER_SECONDS), otherwise=None))


async def worker_lives(redis: SharedRedis) -> bool:
    """Was any worker of Celery heard of lately?"""
    return bool(await redis.ask(lambda: redis.client.exists(f"{redis.prefix}worker"), 0))


def blocking_client(settings: Settings) -> Any:
    """A client for workers, which must not wait for Redis either."""
    return Redis.from_url(
        settings.redis_url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1, supported_errors=(NotConnected,)),
    )


def prefix_of(settings: Settings) -> str:
    """What all names begin with that this server has in Redis; another server's differ, though it uses the same Redis.

    Channels are common to all databases of a Redis, so its number is part of it.
    """
    number = parse_url(settings.redis_url).get("db", 0)  # type: ignore[no-untyped-call]  # the package leaves it so
    return f"fileorganizer:{number}:{settings.installation}:"
