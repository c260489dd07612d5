"""The control directory of a root, and the locks that keep two runs apart.

``<root>/.fileorganizer/`` (0700) holds the journal, the trash and the lock.
A run holds its own root's lock exclusively, and shares the lock of every
control directory above it and inside it: so nested roots exclude each other,
neighbours don't. A lock ends with the process that holds it, however it dies.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress

from fileorganizer.errors import RootBusy, RootRefused, show
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.faults import faultpoint
from fileorganizer.model import CONTROL_DIRECTORY

_LOCK = b"lock"
_FLAGS = os.O_RDWR | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
_HOLDER_CHARACTERS, _HOLDER_BYTES = 100, 500
_PATIENCE_SECONDS = 10.0
"""So long a helper whose run was killed may take for its last call, on a busy disk."""
_LOOK_SECONDS = 0.01


def open_control(root: Root, *, create: bool) -> int | None:
    """A descriptor of the control directory; None when there is none and ``create`` is false.

    Making it leaves the mtime of the root as it was: the user's folder shows no trace in its times.
    """
    if create and root.look(CONTROL_DIRECTORY) is None:
        before = os.fstat(root.fd)
        _make(root)
        with suppress(PermissionError):  # a folder of somebody else's that one may write into: its time is the owner's
            os.utime(root.fd, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.fsync(root.fd)
        faultpoint("control.made")
    status = root.look(CONTROL_DIRECTORY)
    if status is None:
        return None
    if not stat.S_ISDIR(status.st_mode):
        raise RootRefused(
            f"{show(root.path)} has something called .fileorganizer that is no folder. Move it away first."
        )
    fd = root.open_folder(CONTROL_DIRECTORY)
    if create:
        try:
            os.mkdir(b"temporary", 0o700, dir_fd=fd)
        except FileExistsError:
            pass
    return fd


def _make(root: Root) -> None:
    """Make the folder; another process may be quicker."""
    try:
        os.mkdir(CONTROL_DIRECTORY, 0o700, dir_fd=root.fd)
    except FileExistsError:
        pass
    except OSError as error:
        raise RootRefused(f"{show(root.path)} can't be written to: {error.strerror}. Nothing was changed.") from error


class Locks:
    """The locks of one run; released by ``close`` or when the process ends."""

    def __init__(self) -> None:
        """Nothing is held yet."""
        self._fds: list[int] = []
        self._own: set[bytes] = set()

    def __enter__(self) -> Locks:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release everything."""
        self.close()

    def close(self) -> None:
        """Release everything."""
        while self._fds:
            os.close(self._fds.pop())

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What holds them: a process that was forked holds them, too, until it closes these or ends."""
        return tuple(self._fds)

    def take_root(self, root: Root, control_fd: int, holder: str) -> None:
        """Hold the root exclusively. Raises RootBusy naming who has it. ``share_above`` follows when all roots are held."""
        fd = os.open(_LOCK, _FLAGS | os.O_CREAT, 0o600, dir_fd=control_fd)
        self._lock(fd, fcntl.LOCK_EX, root.path)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{holder[:_HOLDER_CHARACTERS]}\n{os.getpid()}".encode(), 0)
        self._own.add(root.path)

    def share_above(self, path: bytes) -> None:
        """Share the locks of all roots above ``path``. Raises RootBusy when a run works on one of them."""
        for above in _folders_above(path):
            self.share(above)

    def share(self, folder: bytes) -> None:
        """Share the lock of ``folder`` (absolute) if it is a root of others. Raises RootBusy when a run works on it."""
        if folder in self._own:
            return
        try:
            fd = os.open(os.path.join(folder, CONTROL_DIRECTORY, _LOCK), _FLAGS)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.EROFS):
                return
            raise
        self._lock(fd, fcntl.LOCK_SH, folder)

    def _lock(self, fd: int, kind: int, folder: bytes) -> None:
        """Take one lock, or close ``fd`` and name the holder; of a run that was killed, the end of its helper is waited for."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not _took(fd, kind):
            holder, _, process = os.pread(fd, _HOLDER_BYTES, 0).decode("utf-8", "replace").partition("\n")
            shared = kind == fcntl.LOCK_EX and _took(fd, fcntl.LOCK_SH)
            if shared and _took(fd, kind):
                break  # who had it has ended between the two looks
            if shared or _lives(process) or time.monotonic() > deadline:
                os.close(fd)
                told = "" if shared else holder  # who only shares it has written nothing there
                raise RootBusy(folder, told or "another run")
            time.sleep(_LOOK_SECONDS)
        self._fds.append(fd)


def _took(fd: int, kind: int) -> bool:
    """Take the lock if nobody has it. Raises OSError, with ``fd`` closed, where there are no locks."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        os.close(fd)
        raise
    return True


def _lives(process: str) -> bool:
    """Does the process of this number still run? Yes where that can't be told."""
    if not process.isdigit():
        return True
    try:
        os.kill(int(process), 0)
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stat_line:
            return stat_line.read().rpartition(") ")[2][:1] not in ("Z", "X")
    except ProcessLookupError:
        return False
    except OSError:
        return True


def _folders_above(path: bytes) -> Iterator[bytes]:
    """The parents of an absolute path, nearest first."""
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent
