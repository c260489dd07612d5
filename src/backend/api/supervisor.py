"""The embedded worker: a process of its own, started by one API process, started again when it dies, ended with it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from contextlib import suppress
from typing import Final

from backend.core import monitoring
from backend.core.config import Settings
from backend.core.logging import logger

ELECTION_SECONDS: Final = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
"""Seconds before a worker that died is started again; doubled while it dies at once."""
STOP_SECONDS: Final = 9.5
"""A worker gives its children eight seconds; ten is what is promised for the whole."""


class Supervisor:
    """Looks after the worker, in the API process that holds the lock for it."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is started yet."""
        self._settings = settings
        self._log = logger("supervisor")
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    def start(self) -> None:
        """Begin looking after it."""
        self._task = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """End the worker, gently for a while."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _look_after(self) -> None:
        """Once elected, keep a worker running."""
        with os.fdopen(
            os.open(self._settings.folder / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+"
        ) as lock:
            while not _try(lock.fileno()):
                await asyncio.sleep(ELECTION_SECONDS)
            pause = FIRST_PAUSE
            while True:
                began = asyncio.get_running_loop().time()
                try:
                    code = await self._run_once()
                    self._log.error("worker died", code=code)
                except OSError as error:  # too many processes, no memory: that passes, and operations wait for a worker
                    self._log.error("no worker could be started", reason=error.strerror)
                lived = asyncio.get_running_loop().time() - began
                pause = FIRST_PAUSE if lived > LONGEST_PAUSE else min(pause * 2, LONGEST_PAUSE)
                await asyncio.sleep(pause)

    async def _run_once(self) -> int:
        """Start a worker and wait for its end. The pipe on its input tells it when we die."""
        monitoring.worker_starts.inc()
        # without the folder for figures: the worker has a process for each operation, and each would leave files there
        environment = {name: value for name, value in os.environ.items() if name != monitoring.SHARED}
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "backend.worker", "--with-parent"), stdin=asyncio.subprocess.PIPE, env=environment
        )
        self._log.info("worker started", pid=self._process.pid)
        return await self._process.wait()


def _try(fd: int) -> bool:
    """Take the lock if it is free."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
