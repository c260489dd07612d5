"""Letting two files share their blocks: the kernel compares them, and changes neither content, times nor inode."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from contextlib import suppress
from typing import Final

from fileorganizer.fs.faults import faultpoint

_FIDEDUPERANGE: Final = 0xC0189436  # linux/fs.h
_REQUEST: Final = struct.Struct("=QQHHI")
"""src_offset, src_length, dest_count, two reserved."""
_RANGE: Final = struct.Struct("=qQQiI")
"""dest_fd, dest_offset, bytes_deduped, status, reserved."""
_DIFFERS: Final = 1
_AT_ONCE: Final = 16 << 20
"""Btrfs takes no more in one call."""


def share_blocks(keeper: int, file: int, size: int) -> bool:
    """Have the open ``file`` use the blocks of the open ``keeper``; False: the kernel found different bytes.

    Both are open for reading only, which the owner of ``file`` may do. Raises OSError:
    EOPNOTSUPP, EINVAL or ENOTTY where the file system can't, EXDEV across file systems.
    """
    offset = 0
    while offset < size:
        request = bytearray(
            _REQUEST.pack(offset, min(_AT_ONCE, size - offset), 1, 0, 0) + _RANGE.pack(file, offset, 0, 0, 0)
        )
        faultpoint("share.before")
        fcntl.ioctl(keeper, _FIDEDUPERANGE, request)
        _, _, shared, status, _ = _RANGE.unpack_from(request, _REQUEST.size)
        if status < 0:
            raise OSError(-status, os.strerror(-status))
        if status == _DIFFERS:
            return False
        if not shared:
            raise OSError(errno.EINVAL, "the file system shares nothing here")
        offset += shared
    return True


def can_share(folder: int) -> bool:
    """Try it on two files in an open folder of ours."""
    names = (b"share-a", b"share-b")
    fds: list[int] = []
    try:
        for name in names:
            with suppress(FileNotFoundError):  # left by one that was cut off
                os.unlink(name, dir_fd=folder)
            fds.append(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder))
            os.write(fds[-1], bytes(65_536))
            os.fsync(fds[-1])
        return share_blocks(fds[0], fds[1], 65_536)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.EXDEV):
            return False
        raise
    finally:
        for fd, name in zip(fds, names, strict=False):
            os.close(fd)
            os.unlink(name, dir_fd=folder)
