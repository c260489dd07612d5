"""Progress from workers to API processes: by Redis where there is one, else over Unix datagram sockets in ``DATA_DIR/run``.

A datagram is a whole message. Sending never waits: for a slow or absent
receiver the message is dropped, because a newer one follows; the last one of
an operation is tried again for a moment. Redis publishes to whoever listens at
that moment, on whichever host. What was missed is read from the database.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

from backend.core.config import Settings
from backend.core.logging import logger
from backend.core.redis import AWAY, PAUSE_SECONDS, SharedRedis, blocking_client, prefix_of

MESSAGE_BYTES: Final = 65_536
_RETRY_SECONDS: Final = 1.0
_LISTEN_SECONDS: Final = 5.0
API, WORKER = "api", "worker"

Event = dict[str, Any]


class EventSender(Protocol):
    """Where a worker sends progress."""

    def send(self, message: Event, *, insist: bool = False) -> None:
        """Send to whoever listens."""

    def close(self) -> None:
        """Close it."""


class EventReceiver(Protocol):
    """Where an API process hears of progress."""

    async def listen(self, heard: Callable[[Event], None]) -> None:
        """Call ``heard`` with each message in the running loop, from now on."""

    def close(self) -> None:
        """Hear no more."""


class _Folder:
    """The folder of sockets. Names are used through a descriptor, since a socket's path may have 107 bytes only."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "run"
        self._fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def address(self, name: str) -> str:
        return f"/proc/self/fd/{self._fd}/{name}" if os.path.isdir("/proc/self/fd") else str(self.path / name)

    def names(self, kind: str) -> list[str]:
        return [name for name in os.listdir(self._fd) if name.startswith(f"{kind}-") and name.endswith(".sock")]

    def forget(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._fd)


class Sender:
    """Sends to all receivers of a kind."""

    def __init__(self, data_dir: Path, kind: str) -> None:
        """``kind`` is ``api`` for events, ``worker`` for wake-ups."""
        self._folder, self._kind = _Folder(data_dir), kind
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, message: Event, *, insist: bool = False) -> None:
        """Send to whoever listens; with ``insist`` try for a second while a receiver's queue is full."""
        body = json.dumps(message).encode()
        for name in self._folder.names(self._kind):
            self._deliver(name, body, time.monotonic() + (_RETRY_SECONDS if insist else 0.0))

    def _deliver(self, name: str, body: bytes, deadline: float) -> None:
        """To one receiver; what a killed process left behind is removed."""
        while True:
            try:
                self._socket.sendto(body, self._folder.address(name))
                return
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return
                time.sleep(0.02)
            except (ConnectionRefusedError, FileNotFoundError):
                self._folder.forget(name)
                return

    def close(self) -> None:
        """Close it."""
        self._socket.close()
        self._folder.close()


class Receiver:
    """Receives what is sent to a kind; one for each process."""

    def __init__(self, data_dir: Path, kind: str) -> None:
        """Bind a socket that nobody else may write to (0600, in a folder that is 0700)."""
        self._folder = _Folder(data_dir)
        self._name = f"{kind}-{os.getpid()}.sock"
        self._transport: asyncio.DatagramTransport | None = None
        self._folder.forget(self._name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(self._folder.address(self._name))
        (self._folder.path / self._name).chmod(0o600)

    def drain(self, wait_seconds: float) -> bool:
        """Wait for a message for a while, then take all that are there; did any come?"""
        self.socket.settimeout(wait_seconds)
        try:
            self.socket.recv(MESSAGE_BYTES)
        except (TimeoutError, BlockingIOError):
            return False
        self.socket.settimeout(0.0)
        try:
            while True:
                self.socket.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return True

    async def listen(self, heard: Callable[[Event], None]) -> None:
        """Call ``heard`` with each message in the running loop."""

        class Listening(asyncio.DatagramProtocol):
            """Decodes messages."""

            def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002  # asyncio calls it so
                """One message."""
                _pass_on(data, heard)

        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Listening, sock=self.socket)

    def close(self) -> None:
        """Close it and take its name away."""
        if self._transport is not None:
            self._transport.close()
        self.socket.close()
        self._folder.forget(self._name)
        self._folder.close()


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
                    while True:
                        message = await pubsub.get_message(timeout=_LISTEN_SECONDS)
                        if message is None:
                            await pubsub.ping()  # a connection that is dead without saying so fails here
                        elif message["type"] == "message":
                            _pass_on(message["data"], heard)
            except AWAY:
                await asyncio.sleep(PAUSE_SECONDS)

    def close(self) -> None:
        """Hear no more."""
        if self._task is not None:
            self._task.cancel()


def _pass_on(body: bytes, heard: Callable[[Event], None]) -> None:
    """One message; what nobody understands, as from a worker of another version, doesn't end the listening."""
    try:
        heard(json.loads(body))
    except (ValueError, KeyError, TypeError) as error:
        logger("events").warning("a message that isn't understood", reason=type(error).__name__)


def _channel(prefix: str) -> str:
    """Where events are published."""
    return f"{prefix}events"


def event_sender(settings: Settings) -> EventSender:
    """Where a worker sends progress."""
    return RedisSender(settings) if settings.redis_url else Sender(settings.folder, API)


def event_receiver(settings: Settings, redis: SharedRedis | None) -> EventReceiver:
    """Where an API process hears of progress."""
    return RedisReceiver(redis) if redis is not None else Receiver(settings.folder, API)


def wake_sender(data_dir: Path) -> Sender:
    """Where an API process says that there is something to do."""
    return Sender(data_dir, WORKER)


def wake_receiver(data_dir: Path) -> Receiver:
    """Where a worker hears that there is something to do."""
    return Receiver(data_dir, WORKER)


def listeners(data_dir: Path, kind: str) -> int:
    """How many of a kind have a socket here that somebody listens on."""
    folder = _Folder(data_dir)
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    found = 0
    try:
        for name in folder.names(kind):
            try:
                probe.connect(folder.address(name))
                found += 1
            except OSError:
                continue
    finally:
        probe.close()
        folder.close()
    return found
