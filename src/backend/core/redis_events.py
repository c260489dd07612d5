"""Progress by Redis, which publishes to whoever listens at that moment, on whichever host."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from redis.exceptions import ConnectionError as NotConnected

from backend.core.config import Settings
from backend.core.events import Event, pass_on
from backend.core.redis import AWAY, PAUSE_SECONDS, SharedRedis, blocking_client, prefix_of

_LISTEN_SECONDS: Final = 5.0


class RedisSender:
    """Publishes to all API processes of all hosts."""

    def __init__(self, settings: Settings) -> None:
        """The first message connects."""
        self._client = blocking_client(settings)
        self._channel = _channel(prefix_of(settings))
        self._again_at = 0.0

    def send(self, message: Event, *, insist: bool = False) -> None:
        """Publish; where Redis is away, leave it alone for a while unless this is a last word."""
        if time.monotonic() < self._again_at and not insist:
            return
        try:
            self._client.publish(self._channel, json.dumps(message))
        except AWAY:
            self._again_at = time.monotonic() + 5 * PAUSE_SECONDS

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


class RedisReceiver:
    """Subscribes, and subscribes again after Redis was away."""

    def __init__(self, redis: SharedRedis) -> None:
        """Nothing is heard before ``listen``."""
        self._redis = redis
        self._task: asyncio.Task[None] | None = None

    async def listen(self, heard: Callable[[Event], None]) -> None:
        """Call ``heard`` with each message in the running loop, from now on."""
        subscribed = asyncio.Event()
        self._task = asyncio.create_task(self._hear(heard, subscribed))
        with suppress(TimeoutError):
            await asyncio.wait_for(subscribed.wait(), PAUSE_SECONDS)  # Redis may be away; then it is heard later

    async def _hear(self, heard: Callable[[Event], None], subscribed: asyncio.Event) -> None:
        """For ever."""
        while True:
            try:
                async with self._redis.client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(_channel(self._redis.prefix))
                    subscribed.set()
                    asked = False
                    while True:
                        message = await pubsub.get_message(timeout=_LISTEN_SECONDS)
                        if message is None and asked:
                            raise NotConnected(
                                "Redis doesn't answer."
                            )  # the kernel alone would notice after a quarter of an hour
                        asked = message is None
                        if message is None:
                            await pubsub.ping()
                        elif message["type"] == "message":
                            pass_on(message["data"], heard)
            except AWAY:
                await asyncio.sleep(PAUSE_SECONDS)

    def close(self) -> None:
        """Hear no more."""
        if self._task is not None:
            self._task.cancel()


def _channel(prefix: str) -> str:
    """Where events are published."""
    return f"{prefix}events"
