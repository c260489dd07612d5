"""Is the service well: database, storage, workers; and its figures for Prometheus."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from backend.core import monitoring
from backend.core.config import Settings
from backend.core.events import WORKER, listeners
from backend.core.redis import SharedRedis, takes_something, worker_lives
from backend.database import Database
from backend.repositories.accounts import Accounts
from backend.repositories.operations import Queue
from backend.services.auditing import now
from backend.services.profiles import ACTIVE_WITHIN
from fileorganizer import __version__

FREE_BYTES: Final = 64 * 1024**2
"""With less room than this the storage isn't well: journals and plans have to be written."""


DATABASE_SECONDS: Final = 3.0
"""Longer than this nobody who asks how the service is waits for the database."""
_DISPENSABLE: Final = ("redis", "workers")
"""Without these requests are answered all the same: limits are narrower, and operations wait."""


@dataclass(frozen=True, slots=True)
class Check:
    """One part of the service: ok, degraded (it works, but not all of it), down, or unused."""

    state: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Condition:
    """All parts, and what follows."""

    status: str
    version: str
    uptime_seconds: float
    checks: dict[str, Check]

    @property
    def ready(self) -> bool:
        """Can requests be answered?"""
        return all(check.state != "down" for name, check in self.checks.items() if name not in _DISPENSABLE)


@dataclass(frozen=True, slots=True)
class Figures:
    """What administrators look at beside the state of the parts."""

    operations_running: int
    operations_waiting: int
    storage_free_bytes: int
    storage_total_bytes: int


class HealthService:
    """Looks at the parts."""

    def __init__(self, settings: Settings, database: Database, redis: SharedRedis | None) -> None:
        """The time since then is the uptime."""
        self._settings, self._database, self._redis = settings, database, redis
        self._began = time.monotonic()
        self._look: asyncio.Task[None] | None = None
        """At the database: one at a time, or those who ask again and again would take all connections to one that hangs."""

    async def condition(self) -> Condition:
        """How it is now."""
        checks = {
            "database": await self._database_check(),
            "redis": await self._redis_check(),
            "storage": await asyncio.to_thread(self._storage_check),
            "workers": await self._workers_check(),
        }
        well = all(check.state in ("ok", "unused") for check in checks.values())
        return Condition("ok" if well else "degraded", __version__, time.monotonic() - self._began, checks)

    async def _database_check(self) -> Check:
        """Does it answer?"""
        began = time.monotonic()
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(self._look_at_database())
        ended, _ = await asyncio.wait((look := self._look,), timeout=DATABASE_SECONDS)
        well = bool(ended) and not look.cancelled() and look.exception() is None
        return Check("ok" if well else "down", _since(began))

    async def _look_at_database(self) -> None:
        """Ask it for something. Raises whatever is in the way."""
        async with self._database.reading() as session:
            await session.execute(text("SELECT 1 FROM operations LIMIT 1"))

    def _storage_check(self) -> Check:
        """Is there room, and may we write?"""
        began = time.monotonic()
        try:
            free = shutil.disk_usage(self._settings.storage).free
        except OSError:
            return Check("down", _since(began))
        well = free > FREE_BYTES and os.access(self._settings.folder, os.W_OK)
        return Check("ok" if well else "degraded", _since(began))

    async def _redis_check(self) -> Check:
        """Does it work, if there is to be one?"""
        if self._redis is None:
            return Check("unused", 0.0)
        began = time.monotonic()
        return Check("ok" if await takes_something(self._redis) else "down", _since(began))

    async def _workers_check(self) -> Check:
        """Does a worker of this host listen, or was one of Celery heard of?"""
        began = time.monotonic()
        if self._settings.uses_celery and self._redis is not None:
            alive = await worker_lives(self._redis)
        else:
            alive = await asyncio.to_thread(self._any_listener)
        return Check("ok" if alive else "down", _since(began))

    def _any_listener(self) -> bool:
        """Does a worker of this host listen?"""
        try:
            return bool(listeners(self._settings.folder, WORKER))
        except OSError:  # the folder of sockets is gone, and so nobody is reached
            return False

    def _room(self) -> tuple[int, int, int]:
        """Bytes of the storage's file system: all, used, left; zeros where it can't be reached."""
        try:
            total, used, free = shutil.disk_usage(self._settings.storage)
        except OSError:
            return 0, 0, 0
        return total, used, free

    async def figures(self) -> Figures:
        """What there is to do, of anybody, and the room that there is."""
        async with self._database.reading() as session:
            active = await Queue(session).active_by_status()
        total, _, free = await asyncio.to_thread(self._room)
        return Figures(active["running"], active["pending"], free, total)

    async def note_figures(self) -> None:
        """Bring the figures that stand in the database up to date, before they are read."""
        async with self._database.reading() as session:
            monitoring.active_operations.set(sum((await Queue(session).active_by_status()).values()))
            monitoring.active_users.set(await Accounts(session).active_users(now() - ACTIVE_WITHIN))
            monitoring.set_totals(await Queue(session).totals())
        _, used, free = await asyncio.to_thread(self._room)
        monitoring.storage_bytes.set(used)
        monitoring.storage_free_bytes.set(free)


def _since(began: float) -> float:
    """Milliseconds since."""
    return round((time.monotonic() - began) * 1_000, 2)
