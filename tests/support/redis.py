"""A Redis of the tests' own, from PATH, that keeps nothing and may be stopped, frozen and started again.

``TEST_REDIS_URL`` names a server to use instead, for the tests that don't stop it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from tests.support.server import free_port


def reason_without() -> str | None:
    """Why there is no Redis to test with; None when there is."""
    if os.environ.get("TEST_REDIS_URL") or shutil.which("redis-server"):
        return None
    return "Redis isn't installed (package redis-server)"


@dataclass
class RedisServer:
    """One server on a port that stays the same."""

    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise AssertionError("redis-server doesn't listen")

    def stop(self) -> None:
        """As a crash ends it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It is there and doesn't answer."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def client(self) -> Any:
        """A client."""
        return Redis.from_url(self.url)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A server that may be stopped."""
    server = RedisServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_url() -> Iterator[str]:
    """The URL of a server that nobody stops."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    with running_redis() as server:
        yield server.url
