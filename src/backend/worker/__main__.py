"""The worker: ``python -m backend.worker``. One process looks after the queue; each operation runs in a child of its own.

So a crash, a leak or a wedged disk takes one operation with it, and two
operations use two cores. The process ends with its parent: when the pipe on
its standard input closes, on SIGTERM, on SIGINT. SIGUSR1 makes it, or the
process of an operation, write the stacks of its threads.
"""

from __future__ import annotations

import argparse
import faulthandler
import fcntl
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Final

from sqlalchemy.exc import DBAPIError

from backend.core.config import RETAIN_SECONDS, Settings, prepare_folders, settings
from backend.core.events import Receiver, event_sender, wake_receiver
from backend.core.logging import configure_logging, logger
from backend.database import DatabaseBusy, WorkerDatabase, reason_of, will_pass
from backend.models import Operation
from backend.worker.background import share_with_forks, to_the_background
from backend.worker.names import NameIndex
from backend.worker.queue import Queue
from backend.worker.retention import retain
from backend.worker.runner import Runner

LOOK_SECONDS: Final = 0.5
"""How often the queue is looked at when nobody wakes us."""
GRACE_SECONDS: Final = 8.0
"""After this long a child that has to end is killed; what it did is settled when its operation goes on."""


class Worker:
    """Looks after the queue."""

    def __init__(self, config: Settings, lock: IO[bytes]) -> None:
        """``lock`` is held as long as this process or a child of it lives: one worker a host."""
        self._config, self._lock = config, lock
        self._log = logger("worker")
        self._children: dict[int, Operation] = {}
        self._stopping = False
        self._wake: Receiver = wake_receiver(config.folder)
        self._database = WorkerDatabase(config)
        self._queue = Queue(config, self._database)
        self._names = NameIndex(self._database)

    def run(self, *, watch_stdin: bool) -> None:
        """Work until told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._heard)
        next_retention, began, away = 0.0, False, False
        while not self._stopping:
            behind = False
            try:
                self._bury()
                if not began:
                    self._log.info("worker begins", freed=self._queue.release_host())
                    share_with_forks()
                    began = True
                if time.monotonic() >= next_retention:
                    next_retention = time.monotonic() + RETAIN_SECONDS
                    retain(self._database)
                    self._database.close()
                self._claim()
                behind = not self._children and self._names.advance()
                away = False
            except OSError as error:  # no process to be had, or no descriptor, or a disk that fails
                if not away:
                    self._log.error("the system refuses, operations wait", reason=str(error))
                    away = True
            except Exception as error:  # noqa: BLE001  # the worker outlives whatever ails the database
                if not will_pass(error):
                    self._log.exception("the queue can't be read")
                elif not away:  # said once: an outage of a night would fill the log
                    self._log.warning("the database is away, operations wait", reason=reason_of(error))
                    away = True
            self._wait(0.0 if behind else LOOK_SECONDS, watch_stdin=watch_stdin)
        self._end()

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        """Stop soon."""
        self._stopping = True

    def _claim(self) -> None:
        """Start a child for each operation that there is room for."""
        while len(self._children) < self._config.worker_slots and not self._stopping:
            operation = self._queue.claim()
            if operation is None:
                return
            self._database.close()  # a child must not inherit connections
            parent = os.getpid()
            try:
                child = os.fork()
            except OSError:  # no room for another process: nothing was tried, so it isn't counted
                self._queue.suspend(operation.number, operation.epoch)
                raise
            if child == 0:
                _carry_out(self._config, operation, self._wake, parent)
            self._children[child] = operation

    def _bury(self, *, wait: bool = False) -> None:
        """Take note of children that have ended; an operation that one left open may be claimed again."""
        for child, operation in list(self._children.items()):
            ended, status = os.waitpid(child, 0 if wait else os.WNOHANG)
            if not ended:
                continue
            del self._children[child]
            self._names.note_end()
            if status:
                self._log.error("operation's process died", operation_id=str(operation.id), status=status)
                with suppress(DBAPIError, DatabaseBusy):  # where the database is away, the lease's end says the same
                    self._queue.release(operation.number, operation.epoch)

    def _wait(self, seconds: float, *, watch_stdin: bool) -> None:
        """Until somebody wakes us, so many seconds pass, or the parent ends."""
        watched = [self._wake.socket.fileno()] + ([sys.stdin.fileno()] if watch_stdin else [])
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._wake.socket.fileno() in ready:
            self._wake.drain(0.0)
        if watch_stdin and sys.stdin.fileno() in ready and not os.read(sys.stdin.fileno(), 1):
            self._stopping = True

    def _end(self) -> None:
        """Have all children end, in time."""
        self._log.info("worker ends", running=len(self._children))
        self._wake.close()
        for child in self._children:
            os.kill(child, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        while self._children and time.monotonic() < deadline:
            self._bury()
            time.sleep(0.02)
        for child in self._children:
            os.kill(child, signal.SIGKILL)
        self._bury(wait=True)
        self._database.close()


def _carry_out(config: Settings, operation: Operation, wake: Receiver, parent: int) -> None:
    """The child from its start to its end; never returns."""
    code = 1
    try:
        ending: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda heard, _frame: ending.append(heard))
        wake.socket.close()
        database, sender = WorkerDatabase(config), event_sender(config)
        Runner(config, database, operation, sender, lambda: bool(ending) or os.getppid() != parent).run()
        sender.close()
        database.close()
        code = 0
    except BaseException:  # noqa: BLE001  # the child must not return into the parent's code
        logger("worker").exception("operation's process failed")
    finally:
        sys.stderr.flush()
        os._exit(code)


def take_lock(folder: Path, *, watch_stdin: bool) -> IO[bytes] | None:
    """The lock of this host's worker, once the one before and its children have ended; None when the parent ends meanwhile."""
    file = os.fdopen(os.open(folder / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "rb+")
    while True:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if watch_stdin and select.select([sys.stdin], [], [], 0.1)[0] and not os.read(sys.stdin.fileno(), 1):
                return None
            time.sleep(0.1)


def main() -> None:
    """Run the worker."""
    parser = argparse.ArgumentParser(prog="python -m backend.worker", description=__doc__)
    parser.add_argument("--with-parent", action="store_true", help="end when standard input is closed")
    given = parser.parse_args()
    to_the_background()
    config = settings()
    prepare_folders(config)
    os.environ["PLAN_DIR"] = str(config.plans)
    os.environ["CACHE_DIR"] = str(config.folder / "cache")
    configure_logging(config.log_level, config.log_dir)
    faulthandler.register(signal.SIGUSR1)  # kill -USR1 makes the worker or an operation say where it stands
    lock = take_lock(config.folder, watch_stdin=given.with_parent)
    if lock is not None:
        Worker(config, lock).run(watch_stdin=given.with_parent)


if __name__ == "__main__":
    main()
