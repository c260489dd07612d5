"""Is it still the same, unchanged file?"""

from __future__ import annotations

import os
import stat
from typing import Final

from fileorganizer.model import Identity

EARLIEST, LATEST = -(1 << 63), (1 << 64) - 1
"""Times (ns) before and after which nothing can be stored: about the years 1677 and 2554. NTFS can give a file the year 1601."""
TOPMOST_INODES: Final = 1_024
"""Up to here lie the inodes of the topmost folders of disks, the same on all of a kind: 2 (ext4), 128 (XFS), 256 (Btrfs), 1 (FAT)."""


def identity_of(status: os.stat_result) -> Identity:
    """The identity that a stat shows."""
    return Identity(
        status.st_dev, status.st_ino, status.st_size, storable(status.st_mtime_ns), status.st_ctime_ns, status.st_mode
    )


def storable(mtime_ns: int) -> int:
    """A time, or the nearest one that can be stored."""
    return mtime_ns if EARLIEST <= mtime_ns <= LATEST else min(max(mtime_ns, EARLIEST), LATEST)


def same_inode(status: os.stat_result, seen: Identity) -> bool:
    """Is it the inode that was seen, whatever became of its content? The type must agree: numbers are reused."""
    return (
        status.st_ino == seen.ino
        and status.st_dev == seen.dev
        and stat.S_IFMT(status.st_mode) == stat.S_IFMT(seen.mode)
    )


def unchanged(status: os.stat_result, seen: Identity) -> bool:
    """Same inode with the same size and mtime. For a folder the inode alone: its times change with every name in it.

    ctime is left out: it changes with a rename, so this holds before and after a move.
    """
    return same_inode(status, seen) and (
        (status.st_size == seen.size and status.st_mtime_ns == seen.mtime_ns) or stat.S_ISDIR(status.st_mode)
    )


def unchanged_since(status: os.stat_result, seen: Identity) -> bool:
    """As ``unchanged``, and not even its ctime moved: nobody has touched it since it was seen."""
    return unchanged(status, seen) and (seen.ctime_ns in (0, status.st_ctime_ns) or stat.S_ISDIR(status.st_mode))


def alike(status: os.stat_result, seen: Identity) -> bool:
    """The same type, size and mtime: all there is to go by where a file system numbers its inodes anew when it is mounted."""
    return (status.st_size, status.st_mtime_ns, stat.S_IFMT(status.st_mode)) == (
        seen.size,
        seen.mtime_ns,
        stat.S_IFMT(seen.mode),
    )
