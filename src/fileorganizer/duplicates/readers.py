"""Who does the looking and reading: this process while there is little, some processes when there is much.

Threads don't help: small files are read faster than Python hands its lock
over (``docs/decisions/0020``). A process gets whole chunks, so that a message
costs little; a cold disk is kept busy by asking ahead in each of them.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from fileorganizer.duplicates import reader_child
from fileorganizer.duplicates.reader_child import PROGRESS, answer
from fileorganizer.errors import StorageFailed
from fileorganizer.settings import child_environment

MOST_READERS: Final = 4
FEW_MESSAGES: Final = 8
"""So many are answered here before processes are started: a start costs what reading thousands of files does."""
IN_FLIGHT: Final = 6
"""Messages that a process has at once: it has enough to do until we get a processor again. All their answers fit into a socket."""
_ANSWER_BYTES: Final = 200_000
_DIED: Final = "A process that read files ended unexpectedly. Nothing was changed; try again."

OnAnswer = Callable[[bytes], None]


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Readers:
    """Answers messages in any order; a context manager, for one thread. Leaving it ends the processes at once."""

    def __init__(self, on_progress: Callable[[int], None], should_stop: Callable[[], bool], count: int = 0) -> None:
        """``on_progress`` is told of bytes read within large files; ``should_stop`` is asked between messages.

        ``count`` processes at most; 0: one a processor, up to ``MOST_READERS``.
        """
        self._on_progress, self._should_stop = on_progress, should_stop
        self._count = count or min(max(cores(), 2), MOST_READERS)
        self._asked = 0
        self._processes: list[_Process] = []
        self._ready = selectors.DefaultSelector()

    def __enter__(self) -> Self:
        """Itself; nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes: what they had in hand is dropped."""
        for process in self._processes:
            process.end()
        self._processes = []
        self._ready.close()

    def ask(self, message: bytes, folders: Sequence[int], on_answer: OnAnswer) -> None:
        """Have a message answered now or soon; ``folders`` may be closed afterwards. ``on_answer`` runs in this thread.

        Raises KeyboardInterrupt when the work is to stop.
        """
        if self._should_stop():
            raise KeyboardInterrupt
        self._asked += 1
        if self._asked <= FEW_MESSAGES or not hasattr(socket, "SOCK_SEQPACKET"):
            on_answer(answer(message, folders, self._read_here))
            return
        if not self._processes:
            self._start()
        while True:
            free = min(self._processes, key=lambda one: len(one.waiting))
            if len(free.waiting) < IN_FLIGHT:
                break
            self._collect()
        while not free.send(message, folders, on_answer):
            if not any(process.waiting for process in self._processes):  # it's other programs of this user
                on_answer(answer(message, folders, self._read_here))
                return
            self._collect()

    def drain(self) -> None:
        """Wait until everything asked so far is answered. Raises KeyboardInterrupt when the work is to stop."""
        while any(process.waiting for process in self._processes):
            self._collect()

    def _read_here(self, count: int) -> None:
        """Bytes read within a large file, in this process."""
        self._on_progress(count)
        if self._should_stop():
            raise KeyboardInterrupt

    def _start(self) -> None:
        """Start the processes."""
        for _ in range(self._count):
            process = _Process()
            self._processes.append(process)
            self._ready.register(process.connection, selectors.EVENT_READ, process)

    def _collect(self) -> None:
        """Take what has been answered; waits a moment for it."""
        for key, _ in self._ready.select(0.1):
            received = key.data.receive()
            if received[0] == PROGRESS:
                self._on_progress(int.from_bytes(received[1:9], sys.byteorder))
            else:
                key.data.waiting.popleft()(received[1:])
        if self._should_stop():
            raise KeyboardInterrupt


class _Process:
    """One reading process and the messages that it hasn't answered yet."""

    def __init__(self) -> None:
        """Start it."""
        self.waiting: deque[OnAnswer] = deque()
        self.connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # our own command, no shell, nothing of the user in it
            self._process = subprocess.Popen(  # nosec B603
                [sys.executable, "-I", "-S", reader_child.__file__, *_package_folders()],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=child_environment(),
            )

    def send(self, message: bytes, folders: Sequence[int], on_answer: OnAnswer) -> bool:
        """Hand a message over; False: more descriptors of this user are on their way already than a process may have."""
        try:
            socket.send_fds(self.connection, [message], folders)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise StorageFailed(_DIED) from error
        except OSError as error:
            if error.errno != errno.ETOOMANYREFS:
                raise
            return False
        self.waiting.append(on_answer)
        return True

    def receive(self) -> bytes:
        """A message from it. Raises StorageFailed when it has died."""
        try:
            received = self.connection.recv(_ANSWER_BYTES)
        except ConnectionResetError as error:
            raise StorageFailed(_DIED) from error
        if not received:
            raise StorageFailed(_DIED)
        return received

    def end(self) -> None:
        """End it, whatever it has in hand: it only reads."""
        self.connection.close()
        self._process.kill()
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            pass  # stuck in the kernel on a dead disk: subprocess collects it later


def _package_folders() -> list[str]:
    """Where the isolated process finds the digest packages."""
    from importlib.util import find_spec

    places = [
        os.path.dirname(spec.origin) for name in ("xxhash", "blake3") if (spec := find_spec(name)) and spec.origin
    ]
    return list(dict.fromkeys(os.path.dirname(place) for place in places))
