"""Progress from workers to API processes: by Redis where there is one (``redis_events``), else over Unix sockets in ``DATA_DIR/run``.

A datagram is a whole message. Sending never waits: for a slow or absent
receiver the message is dropped, because a newer one follows; the last one of
an operation is tried again for a moment. What was missed is read from the database.
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
from typing import TYPE_CHECKING, Any, Final, Protocol

from backend.core.config import Settings
from backend.core.logging import logger

if TYPE_CHECKING:
    from backend.core.redis import SharedRedis

MESSAGE_BYTES: Final = 65_536
_RETRY_SECONDS: Final = 1.0
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
        with suppress(OSError):  # the folder is gone, or its disk fails: no reason for the work to stop
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
                pass_on(data, heard)

        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Listening, sock=self.socket)

    def close(self) -> None:
        """Close it and take its name away."""
        if self._transport is not None:
            self._transport.close()
        self.socket.close()
        self._folder.forget(self._name)
        self._folder.close()


def pass_on(body: bytes, heard: Callable[[Event], None]) -> None:
    """One message; what nobody understands, as from a worker of another version, doesn't end the listening."""
    try:
        heard(json.loads(body))
    except (ValueError, KeyError, TypeError) as error:
        logger("events").warning("a message that isn't understood", reason=type(error).__name__)


def event_sender(settings: Settings) -> EventSender:
    """Where a worker sends progress."""
    if not settings.redis_url:
        return Sender(settings.folder, API)
    from backend.core.redis_events import RedisSender  # 6 MB that a worker without Redis needn't have

    return RedisSender(settings)


def event_receiver(settings: Settings, redis: SharedRedis | None) -> EventReceiver:
    """Where an API process hears of progress."""
    if redis is None:
        return Receiver(settings.folder, API)
    from backend.core.redis_events import RedisReceiver

    return RedisReceiver(redis)


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
