"""Opening a file of the user's to read it: the very one that was seen, or none."""

from __future__ import annotations

import os
import stat

import msgspec

from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import unchanged
from fileorganizer.model import Identity

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


def open_unchanged(root: Root, path: bytes, seen: Identity) -> int | None:
    """A descriptor to read the file at ``path`` by; None where no file is, or another one, or it was changed since.

    Nothing but a regular file is ever opened, and no link is followed on the way. Raises OSError for anything that
    leaves the answer open (EIO, EACCES).
    """
    status = root.look(path)
    if status is None or not _is_it(status, seen):
        return None
    parent, name = root.parent(path)
    fd = os.open(name, _FLAGS, dir_fd=parent)
    if _is_it(os.fstat(fd), seen):
        return fd
    os.close(fd)  # it was swapped between the look and the opening
    return None


def _is_it(status: os.stat_result, seen: Identity) -> bool:
    """Is it the regular file that was seen? Beneath the root its device is the same one, though it may have another number now."""
    return stat.S_ISREG(status.st_mode) and unchanged(status, msgspec.structs.replace(seen, dev=status.st_dev))
