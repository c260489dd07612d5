"""Asking photos and films for their date, in a limited process that may die of a hostile file."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import tzinfo
from types import TracebackType
from typing import Final, Self

from fileorganizer.classify import date_child
from fileorganizer.classify.date_child import ANSWER, CONTAINER_UTC, EXIF, MOST_AT_ONCE, NOTHING, may_hold_date
from fileorganizer.classify.dates import plausible, wall_clock
from fileorganizer.model import DateSource
from fileorganizer.settings import child_environment

CHILD_COMMAND: Final = (sys.executable, "-I", "-S", date_child.__file__)
"""Isolated and by path: a ``fileorganizer`` or ``struct.py`` in the folder we stand in is never imported."""
REPLY_SECONDS: Final = 10.0
_MOST_DEATHS: Final = 20


class DateReader:
    """Reads the dates of open files; a context manager, for one thread.

    The process starts with the first file that needs it. A file on which it
    dies or that it doesn't answer within the deadline has no date, and the next
    file gets a new process. When ``_MOST_DEATHS`` processes in a row die without
    one answer, ``given_up`` becomes true and no file has a date any more.
    """

    def __init__(
        self,
        zone: tzinfo | None = None,
        *,
        reply_seconds: float = REPLY_SECONDS,
        command: Sequence[str] = CHILD_COMMAND,
    ) -> None:
        """``zone`` is for films, whose time is in UTC (None: the system's); ``command`` must speak as ``date_child.serve``."""
        self.given_up = False
        self._zone = zone
        self._reply_seconds = reply_seconds
        self._command = list(command)
        self._deaths = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def __enter__(self) -> Self:
        """The reader itself; nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process; the next question would start another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            try:
                self._process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                pass  # stuck in the kernel on a dead disk: subprocess collects it later
            self._process = None

    def read_many(self, fds: Sequence[int]) -> list[tuple[int, int] | None]:
        """For each open file its wall-clock seconds and ``DateSource`` (EXIF or CONTAINER), or None. Never raises for a file.

        The descriptors stay open, their positions where they are. Best with
        some dozens at once: they share the way to the process.
        """
        dates: list[tuple[int, int] | None] = [None] * len(fds)
        waiting = [index for index, fd in enumerate(fds) if _worth_asking(fd)]
        now = time.time()
        while waiting and not self.given_up:
            asked = waiting[:MOST_AT_ONCE]
            answers = self._ask([fds[index] for index in asked])
            for index, (kind, seconds) in zip(asked, answers, strict=False):
                dates[index] = self._settled(kind, seconds, now)
            if len(answers) < len(asked):
                self._mourn(answered=len(answers))
                waiting = waiting[len(answers) + 1 :]  # the file it died on has no date
            else:
                self._deaths = 0
                waiting = waiting[len(asked) :]
        return dates

    def _ask(self, fds: list[int]) -> list[tuple[int, int]]:
        """The answers for some files in order; fewer if the process died or took too long."""
        received = b""
        try:
            connection = self._connected()
            socket.send_fds(connection, [bytes([len(fds)])], fds)
            while len(received) < ANSWER.size * len(fds) and (more := connection.recv(65_536)):
                received += more
        except OSError:  # timed out, hung up, or could not be started
            pass
        whole = received[: len(received) // ANSWER.size * ANSWER.size]
        return [(kind, seconds) for kind, seconds in ANSWER.iter_unpack(whole)][: len(fds)]

    def _connected(self) -> socket.socket:
        """The connection to the process, which is started if there is none."""
        if self._connection is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._connection = ours
                # our own command, no shell, nothing of the user in it
                self._process = subprocess.Popen(  # nosec B603
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=child_environment(),
                    start_new_session=True,
                )
            ours.settimeout(self._reply_seconds)
        return self._connection

    def _mourn(self, *, answered: int) -> None:
        """Forget a process that failed; give up when too many in a row did nothing at all."""
        self.close()
        self._deaths = 0 if answered else self._deaths + 1
        self.given_up = self._deaths >= _MOST_DEATHS

    def _settled(self, kind: int, seconds: int, now: float) -> tuple[int, int] | None:
        """An answer as wall-clock seconds and source; the process isn't trusted, so it is checked again."""
        if kind == NOTHING or not plausible(seconds, now):
            return None
        if kind == EXIF:
            return seconds, DateSource.EXIF
        taken = wall_clock(seconds * 1_000_000_000, self._zone) if kind == CONTAINER_UTC else seconds
        return taken, DateSource.CONTAINER


def _worth_asking(fd: int) -> bool:
    """Whether the signature of an open file is one that has a header with a date."""
    try:
        return may_hold_date(os.pread(fd, 16, 0))
    except OSError:
        return False
