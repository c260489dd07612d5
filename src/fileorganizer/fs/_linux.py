"""System calls that Python doesn't wrap: renameat2, openat2, statx' mount id and birth time, syncfs, prctl.

Numbers and flags are those of Linux' generic system call table and
``linux/openat2.h``, ``linux/stat.h``, ``linux/fs.h``, ``linux/prctl.h`` (openat2 since 5.6,
the mount id of statx since 5.8). glibc 2.36 has no openat2 wrapper.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
from typing import Final

_AT_SYMLINK_NOFOLLOW: Final = 0x100
_AT_EMPTY_PATH: Final = 0x1000
_RENAME_NOREPLACE: Final = 1
_SYS_OPENAT2: Final = 437
_RESOLVE_BENEATH_ONLY: Final = 0x01 | 0x02 | 0x04 | 0x08  # NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS, BENEATH
_PR_SET_PDEATHSIG: Final = 1
_STATX_BTIME: Final = 0x800
_STATX_MNT_ID: Final = 0x1000
_STATX_SIZE: Final = 256
_STATX_BTIME_OFFSET: Final = 80
_STATX_MNT_ID_OFFSET: Final = 144

SUPPORTED: Final = sys.platform == "linux"


class _OpenHow(ctypes.Structure):
    """``struct open_how``."""

    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


_libc = ctypes.CDLL(None, use_errno=True)
if SUPPORTED:  # pragma: no branch  # other systems' libc has no renameat2; nothing is moved there
    _renameat2 = _libc.renameat2
    _renameat2.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint]


def _failure(path: bytes) -> OSError:
    """The error of the call just made, as Python would raise it."""
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path)


def rename_noreplace(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
    """Rename exclusively: raises FileExistsError when ``target`` exists as anything, also a dangling link.

    EINVAL or ENOSYS: this file system or kernel can't; nothing was changed.
    """
    if _renameat2(source_fd, source, target_fd, target, _RENAME_NOREPLACE):
        raise _failure(target)


def open_beneath(root_fd: int, path: bytes, flags: int) -> int:
    """Open ``path`` below ``root_fd``, through no symbolic link, magic link, ``..`` or mount point.

    Raises OSError: ELOOP for a link on the way, EXDEV for an escape or a mount, ENOSYS before Linux 5.6.
    """
    how = _OpenHow(flags | os.O_CLOEXEC, 0, _RESOLVE_BENEATH_ONLY)
    while True:
        fd: int = _libc.syscall(_SYS_OPENAT2, root_fd, path, ctypes.byref(how), ctypes.sizeof(how))
        if fd >= 0:
            return fd
        if ctypes.get_errno() not in (errno.EINTR, errno.EAGAIN):
            raise _failure(path)


def mount_id(fd: int) -> int:
    """The id of the mount that ``fd`` lies on; 0 where the kernel doesn't tell."""
    buffer = ctypes.create_string_buffer(_STATX_SIZE)
    if _libc.statx(fd, b"", _AT_EMPTY_PATH, _STATX_MNT_ID, buffer):
        return 0
    return int.from_bytes(buffer.raw[_STATX_MNT_ID_OFFSET : _STATX_MNT_ID_OFFSET + 8], sys.byteorder)


def birth_time(fd: int, name: bytes) -> int:
    """When ``name`` in the folder ``fd`` was made, in nanoseconds; 0 where the file system doesn't know. Raises OSError."""
    buffer = ctypes.create_string_buffer(_STATX_SIZE)
    if _libc.statx(fd, name, _AT_SYMLINK_NOFOLLOW, _STATX_BTIME, buffer):
        raise _failure(name)
    mask = int.from_bytes(buffer.raw[:4], sys.byteorder)
    seconds = int.from_bytes(buffer.raw[_STATX_BTIME_OFFSET : _STATX_BTIME_OFFSET + 8], sys.byteorder, signed=True)
    fraction = int.from_bytes(buffer.raw[_STATX_BTIME_OFFSET + 8 : _STATX_BTIME_OFFSET + 12], sys.byteorder)
    return seconds * 1_000_000_000 + fraction if mask & _STATX_BTIME else 0


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that forked it ends. Raises OSError."""
    if _libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL)):
        raise _failure(b"")


def sync_file_system(fd: int) -> None:
    """Make everything written to the file system of ``fd`` durable. Raises OSError."""
    if _libc.syncfs(fd):
        raise _failure(b"")
