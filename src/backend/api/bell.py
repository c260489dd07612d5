"""How an API process wakes a worker after it has queued something: by a datagram, or by a message of Celery."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from backend.core.config import Settings
from backend.core.events import wake_sender
from backend.core.logging import logger


class Bell(Protocol):
    """Wakes a worker. A call may be lost: workers look by themselves too."""

    def ring(self) -> None:
        """Wake one."""

    def close(self) -> None:
        """No more."""


class HostBell:
    """Wakes the worker of this host."""

    def __init__(self, settings: Settings) -> None:
        """Whoever listens in the data directory."""
        self._sender = wake_sender(settings.folder)

    def ring(self) -> None:
        """Wake it."""
        self._sender.send({})

    def close(self) -> None:
        """No more."""
        self._sender.close()


class CeleryBell:
    """Wakes a worker of Celery, from a thread of its own, since the broker may let us wait."""

    def __init__(self, settings: Settings) -> None:
        """The first message connects. Celery is loaded only here: it takes a quarter of a second."""
        from backend.core.broker import broker_app

        self._app = broker_app(settings)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bell")
        self._waiting = threading.Semaphore(_WAITING_AT_MOST)
        self._log = logger("bell")

    def ring(self) -> None:
        """Wake one; where messages can't be sent as quickly as they come, the reaper makes up for it."""
        if self._waiting.acquire(blocking=False):
            self._thread.submit(self._ring)

    def _ring(self) -> None:
        """In the thread."""
        from kombu.exceptions import OperationalError

        from backend.core.broker import ring

        try:
            ring(self._app)
        except OperationalError as error:
            self._log.warning("no worker could be woken; the reaper will do it", reason=type(error).__name__)
        finally:
            self._waiting.release()

    def close(self) -> None:
        """No more."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._app.close()


_WAITING_AT_MOST = 32


def bell_of(settings: Settings) -> Bell:
    """The one for this arrangement."""
    return CeleryBell(settings) if settings.uses_celery else HostBell(settings)
