"""A root opened once; everything below it is reached through directory descriptors, never through a path string.

A folder of the user's may be swapped for a symbolic link at any time. So no
path longer than one component reaches a call that changes something: the
parent is opened beneath the root (no links, no ``..``, no other mount), and
the call takes (descriptor, one name).
"""

from __future__ import annotations

import errno
import os
from collections import OrderedDict

from fileorganizer.errors import RootRefused, RootVanished, show
from fileorganizer.fs import _linux


def _few_enough(descriptors: int) -> int:
    """How many folders of one root may be kept open by a process that may have so many descriptors.

    Two roots leave a third and 32 more to the journal and to what is read.
    """
    return max(4, min(256, (descriptors - 32) // 3))


MAX_OPEN_FOLDERS = _few_enough(getattr(os, "sysconf", lambda _name: 1024)("SC_OPEN_MAX"))
_LONGEST_PATH = 4_000  # PATH_MAX is 4,096 with the NUL (linux/limits.h)
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


def _walk(root_fd: int, path: bytes) -> int:
    """Open a folder component by component without following links: for kernels without openat2."""
    device = os.fstat(root_fd).st_dev
    fd = os.dup(root_fd)
    for name in path.split(b"/"):
        if name in (b"", b".", b".."):
            os.close(fd)
            raise OSError(errno.EXDEV, "not a plain relative path", path)
        try:
            child = os.open(name, _FOLDER_FLAGS, dir_fd=fd)
        finally:
            os.close(fd)
        fd = child
        if os.fstat(fd).st_dev != device:
            os.close(fd)
            raise OSError(errno.EXDEV, "on another file system", path)
    return fd


class Root:
    """An opened root folder with a bounded cache of opened folders below it.

    Not for several threads at once. Close it, or use it as a context manager.
    """

    def __init__(self, path: bytes) -> None:
        """Open ``path`` (absolute). Raises RootRefused when it is no folder that can be opened."""
        self.path = path
        try:
            self.fd = os.open(path, _FOLDER_FLAGS & ~getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            raise RootRefused(
                f"{show(path)} can't be opened as a folder: {error.strerror}. Check the path and its permissions."
            ) from error
        status = os.fstat(self.fd)
        self.dev, self.ino = status.st_dev, status.st_ino
        self.mount = _linux.mount_id(self.fd) if _linux.SUPPORTED else 0
        self._folders: OrderedDict[bytes, int] = OrderedDict()
        self._openat2 = _linux.SUPPORTED

    def __enter__(self) -> Root:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all descriptors."""
        self.close()

    def close(self) -> None:
        """Close all descriptors; the root can't be used afterwards."""
        self.forget()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def forget(self) -> None:
        """Close the cached folders; they are resolved anew from the root when needed."""
        while self._folders:
            os.close(self._folders.popitem()[1])

    def check_alive(self) -> None:
        """Raise RootVanished unless the root's path still leads to the very folder that was opened."""
        try:
            status = os.stat(self.path)
        except OSError as error:
            raise RootVanished(self.path) from error
        if (status.st_dev, status.st_ino) != (self.dev, self.ino):
            raise RootVanished(self.path)
        if self.mount:
            fd = os.open(self.path, _FOLDER_FLAGS & ~getattr(os, "O_NOFOLLOW", 0))
            try:
                if _linux.mount_id(fd) != self.mount:
                    raise RootVanished(self.path)
            finally:
                os.close(fd)

    def open_folder(self, path: bytes) -> int:
        """A new descriptor of the folder ``path``; the caller closes it.

        Raises OSError: ELOOP or ENOTDIR when a link or a file is in the way, EXDEV for a mount point.
        """
        if not path:
            return os.dup(self.fd)
        if len(path) > _LONGEST_PATH:
            return self._open_piecewise(path)
        return self._open_at(self.fd, path)

    def _open_at(self, fd: int, path: bytes) -> int:
        """Open a folder beneath another one, by one call where the kernel has it."""
        if self._openat2:
            try:
                return _linux.open_beneath(fd, path, _FOLDER_FLAGS)
            except OSError as error:
                if error.errno != errno.ENOSYS:
                    raise
                self._openat2 = False
        return _walk(fd, path)

    def _open_piecewise(self, path: bytes) -> int:
        """Open a folder whose path is longer than one call takes: in pieces, each beneath the one before."""
        fd = os.dup(self.fd)
        while path:
            cut = len(path) if len(path) <= _LONGEST_PATH else path.rindex(b"/", 0, _LONGEST_PATH)
            piece, path = path[:cut], path[cut + 1 :]
            try:
                deeper = self._open_at(fd, piece)
            finally:
                os.close(fd)
            fd = deeper
        return fd

    def folder(self, path: bytes) -> int:
        """A cached descriptor of the folder ``path``, valid until ``forget`` or until many others were asked for."""
        if not path:
            return self.fd
        fd = self._folders.get(path)
        if fd is None:
            fd = self.open_folder(path)
            if len(self._folders) >= MAX_OPEN_FOLDERS:
                os.close(self._folders.popitem(last=False)[1])
            self._folders[path] = fd
        else:
            self._folders.move_to_end(path)
        return fd

    def parent(self, path: bytes) -> tuple[int, bytes]:
        """Descriptor of the folder that holds ``path``, and the last component of ``path``."""
        parent, _, name = path.rpartition(b"/")
        return self.folder(parent), name

    def born(self, path: bytes) -> int:
        """When what is at ``path`` was made, in nanoseconds; 0 where that can't be told. Raises OSError."""
        fd, name = self.parent(path)
        return _linux.birth_time(fd, name) if _linux.SUPPORTED else 0

    def look(self, path: bytes) -> os.stat_result | None:
        """What is at ``path`` now (a link is not followed); None when nothing is, or no folder leads there.

        Raises OSError for anything that leaves the answer open (EIO, EACCES).
        """
        try:
            if not path:
                return os.fstat(self.fd)
            fd, name = self.parent(path)
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG):
                return None
            raise
