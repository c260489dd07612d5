"""Thumbnails: made in limited processes, kept on disk up to a bound."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from backend.core import monitoring
from fileorganizer.settings import child_environment

COMMAND: Final = (sys.executable, "-I", str(Path(__file__).with_name("picture_child.py")))
"""Isolated and by path: nothing in the folder we stand in is imported, and Pillow isn't loaded here."""
REQUEST: Final = 2
"""As in ``picture_child``."""
REPLY_SECONDS: Final = 12.0
"""The child has ten."""
THUMBNAIL_BYTES: Final = 1 << 20


def is_picture(head: bytes) -> bool:
    """Whether a file that begins so is of a format that thumbnails are made of."""
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM")) or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    )


class PictureReader:
    """Has pictures decoded. Several threads may ask at once."""

    def __init__(self, *, reply_seconds: float = REPLY_SECONDS, command: Sequence[str] = COMMAND) -> None:
        """Nothing is started before the first question; ``command`` must speak as ``picture_child.serve``."""
        self._reply_seconds, self._command = reply_seconds, list(command)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None

    def read(self, fd: int, size: int) -> bytes | None:
        """A thumbnail of the open picture as WebP; None when it can't be read, is too large, or takes too long."""
        answer, theirs = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                self._ask(size.to_bytes(REQUEST, "big"), [fd, theirs])
            finally:
                os.close(theirs)
            made = self._received(answer)
        except OSError:  # the process can't be started
            return None
        finally:
            os.close(answer)
        return made if made[:4] == b"RIFF" and made[8:12] == b"WEBP" else None  # the process isn't trusted

    def _ask(self, request: bytes, fds: list[int]) -> None:
        """Send a question; a process that has died gets a successor. Raises OSError."""
        with self._lock:
            try:
                socket.send_fds(self._connected(), [request], fds)
            except (BrokenPipeError, ConnectionResetError):
                self._forget()
                socket.send_fds(self._connected(), [request], fds)

    def _received(self, pipe: int) -> bytes:
        """What comes through the pipe until it is closed; nothing when that takes too long or is too much."""
        made, until = b"", time.monotonic() + self._reply_seconds
        waiting = select.poll()  # a busy server has descriptors beyond those that select takes
        waiting.register(pipe, select.POLLIN)
        while (left := until - time.monotonic()) > 0 and waiting.poll(left * 1_000):
            block = os.read(pipe, 65_536)
            if not block:
                return made
            made += block
            if len(made) > THUMBNAIL_BYTES:
                break
        return b""

    def _connected(self) -> socket.socket:
        """The way to the process, started where there is none."""
        if self._connection is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
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
            self._connection = ours
        return self._connection

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        """Hang up, and end a process that doesn't by itself."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Shelf:
    """Thumbnails on disk, by a name that only one state of one file has. What was used least recently goes first."""

    def __init__(self, folder: Path, limit: int) -> None:
        """``limit`` in bytes; each process that uses the folder may go beyond it by what it adds between two clearings."""
        self._folder, self._limit = folder, limit
        self._lock = threading.Lock()
        self._used: int | None = None
        """Bytes that lie there, as far as this process knows; None before it has looked."""

    def get(self, name: str) -> bytes | None:
        """The thumbnail of this name, if it is there."""
        path = self._folder / name
        try:
            made = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return made

    def put(self, name: str, made: bytes) -> None:
        """Keep a thumbnail; where that isn't possible, it is made again next time."""
        draft = self._folder / f"{name}.{os.getpid()}.{threading.get_ident()}"
        with suppress(OSError):
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(made)
            os.replace(draft, self._folder / name)
        with self._lock, suppress(OSError):
            self._used = self._size() if self._used is None else self._used + len(made)
            if self._used > self._limit:
                self._used = self._clear()

    def _listed(self) -> list[tuple[float, int, Path]]:
        """All that lies there: when it was used, its size."""
        found = []
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):  # another process clears, too
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, status.st_size, Path(entry.path)))
        return found

    def _size(self) -> int:
        """Bytes that lie there."""
        return sum(size for _, size, _ in self._listed())

    def _clear(self) -> int:
        """Remove the oldest until a fifth of the room is free; returns what is left in bytes."""
        listed = sorted(self._listed())
        left = sum(size for _, size, _ in listed)
        for _, size, path in listed:
            if left <= self._limit * 4 // 5:
                break
            path.unlink(missing_ok=True)
            left -= size
        return left


class Thumbnails:
    """Thumbnails of open files."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Kept in ``folder``, up to ``limit`` bytes."""
        self._reader, self._shelf = PictureReader(), Shelf(folder, limit)

    def of(self, fd: int, name: str, size: int) -> bytes | None:
        """The thumbnail of the file that is open as ``fd``, kept under ``name``; None when none can be made. Blocks."""
        kept = self._shelf.get(name)
        made = kept or (self._reader.read(fd, size) if is_picture(os.pread(fd, 16, 0)) else None)
        monitoring.thumbnails.labels("kept" if kept else "made" if made else "failed").inc()
        if made and not kept:
            self._shelf.put(name, made)
        return made

    def close(self) -> None:
        """End the process that decodes."""
        self._reader.close()
