"""Exclusive changes of names: none of these ever replaces anything."""

from __future__ import annotations

import errno
import os

from fileorganizer.fs import _linux
from fileorganizer.fs.faults import faultpoint


def move_exclusive(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
    """Rename ``source`` to ``target``, or raise FileExistsError and change nothing."""
    _linux.rename_noreplace(source_fd, source, target_fd, target)


def move_by_link(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
    """The same for file systems without an exclusive rename: link, then unlink. Not for folders (EPERM).

    Between the two calls the file has both names; ``recover`` finishes that. When the old name can't be removed,
    the new one goes again. When somebody has put another file under the old name meanwhile, that one stays.
    Raises OSError(EBUSY), and changes nothing, when somebody has taken the new name away.
    """
    os.link(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd, follow_symlinks=False)
    faultpoint("link.after")
    try:
        moved = os.stat(target, dir_fd=target_fd, follow_symlinks=False)
    except FileNotFoundError as error:
        raise OSError(errno.EBUSY, "its new name was taken away at once", target) from error
    try:
        if os.path.samestat(os.stat(source, dir_fd=source_fd, follow_symlinks=False), moved):
            os.unlink(source, dir_fd=source_fd)
    except FileNotFoundError:
        return
    except OSError:
        try:
            drop_verified_twin(target_fd, target, source_fd, source)
        except OSError as error:  # whatever it is, it isn't about this file alone
            raise OSError(errno.EIO, "neither of its two names can be removed", source) from error
        raise


def link_exclusive(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
    """Give the file another name, or raise FileExistsError."""
    os.link(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd, follow_symlinks=False)


def drop_verified_twin(dir_fd: int, name: bytes, twin_fd: int, twin: bytes) -> None:
    """Remove ``name`` after seeing that ``twin`` is another name of the same inode.

    Raises OSError(ESTALE) when it isn't: the last name of a file is never removed.
    """
    this = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
    other = os.stat(twin, dir_fd=twin_fd, follow_symlinks=False)
    if (this.st_dev, this.st_ino) != (other.st_dev, other.st_ino) or this.st_nlink < 2:
        raise OSError(errno.ESTALE, "not two names of one file", name)
    faultpoint("twin.before")
    os.unlink(name, dir_fd=dir_fd)


def purge_forever(dir_fd: int, name: bytes) -> None:
    """Destroy one file or one empty folder of the trash. There is no way back."""
    try:
        os.unlink(name, dir_fd=dir_fd)
    except IsADirectoryError:
        os.rmdir(name, dir_fd=dir_fd)
