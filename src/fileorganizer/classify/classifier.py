"""Opening a file for a look at its content, safely: it may be anything by now."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from fileorganizer.classify.by_content import HEAD_BYTES

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_QUIETLY: Final = getattr(os, "O_NOATIME", 0)


def open_regular(dir_fd: int, name: bytes) -> int:
    """A descriptor for reading the regular file ``name`` in the folder ``dir_fd``; the caller closes it.

    Never waits (FIFO), never follows a symbolic link, and leaves the access
    time as it is where the owner of the file allows that. Raises ``OSError``:
    what ``open`` raised (``ELOOP`` for a symbolic link), or ``EINVAL`` for
    anything that isn't a regular file.
    """
    try:
        fd = os.open(name, _FLAGS | _QUIETLY, dir_fd=dir_fd)
    except PermissionError:  # O_NOATIME is for the owner only
        fd = os.open(name, _FLAGS, dir_fd=dir_fd)
    try:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        raise OSError(errno.EINVAL, "not a regular file", name)
    except BaseException:
        os.close(fd)
        raise


def read_head(dir_fd: int, name: bytes) -> bytes:
    """The first ``HEAD_BYTES`` bytes of the regular file ``name`` in the folder ``dir_fd``; fewer if the file is shorter.

    Raises ``OSError`` as ``open_regular`` does and for read errors; the caller
    makes a skip of it.
    """
    fd = open_regular(dir_fd, name)
    try:
        return os.pread(fd, HEAD_BYTES, 0)
    finally:
        os.close(fd)
