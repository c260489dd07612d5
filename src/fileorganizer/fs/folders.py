"""Folders: made, removed when empty, given back their times and metadata, made durable."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Thread

from fileorganizer.fs import _linux
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.identity import storable
from fileorganizer.model import Folder

FEW_FOLDERS = 16
MANY_FOLDERS = 1_000
MUCH_UNWRITTEN_KIB = 64 * 1024
_ACCESS_LISTS = ("system.posix_acl_access", "system.posix_acl_default")


def sync_one_by_one(folders: int) -> bool:
    """Is it better to sync so many folders singly than the whole file system?

    Few always; many never; in between it depends on what others have written and
    not yet on the disk, because the whole file system is synced with all of that.
    """
    return folders <= FEW_FOLDERS or (folders <= MANY_FOLDERS and _unwritten_kib() > MUCH_UNWRITTEN_KIB)


def _unwritten_kib() -> int:
    """KiB of all files in memory that no disk has yet; a great deal where the system doesn't tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith(("Dirty:", "Writeback:")))
    except OSError:
        return MUCH_UNWRITTEN_KIB + 1


def make_folder(parent_fd: int, name: bytes, mode: int) -> None:
    """Make a folder with these permission bits, less those of the umask, or raise FileExistsError.

    One call: there is no instant at which the folder has other bits, and a group inherited from its parent stays.
    """
    os.mkdir(name, mode, dir_fd=parent_fd)
    faultpoint("mkdir.after")


def remove_empty_folder(parent_fd: int, name: bytes) -> None:
    """Remove an empty folder, or raise OSError(ENOTEMPTY)."""
    os.rmdir(name, dir_fd=parent_fd)


def folder_facts(fd: int, side: int, path: bytes, *, with_xattrs: bool = False) -> Folder:
    """What a folder is like now, for giving it back later."""
    status = os.fstat(fd)
    xattrs = tuple((name, os.getxattr(fd, name)) for name in xattr_names(fd)) if with_xattrs else ()
    return Folder(
        side,
        path,
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        storable(status.st_mtime_ns),
        xattrs,
    )


def xattr_names(fd: int) -> list[str]:
    """Names of the extended attributes; none where the file system has none."""
    try:
        return os.listxattr(fd)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EPERM):
            return []
        raise


def give_back_metadata(fd: int, before: Folder, *, exactly: bool = False) -> list[str]:
    """Give a recreated folder its owner, mode and extended attributes; what was refused comes back as words.

    ``exactly``: it has no access lists but those of ``before``; a new folder inherits some from the one that it is in.
    """
    refused: list[str] = []
    status = os.fstat(fd)
    if (status.st_uid, status.st_gid) != (before.uid, before.gid):
        attempt(refused, "owner", lambda: os.fchown(fd, before.uid, before.gid))
    inherited = set(_ACCESS_LISTS).difference(dict(before.xattrs)) if exactly else set()
    for name in inherited.intersection(xattr_names(fd)):
        attempt(refused, name, partial(os.removexattr, fd, name))
    for name, value in before.xattrs:
        attempt(refused, name, partial(os.setxattr, fd, name, value))
    attempt(refused, "mode", lambda: os.fchmod(fd, before.mode & 0o7777))
    return refused


def attempt(refused: list[str], what: str, change: Callable[[], None]) -> None:
    """Make one change of metadata, or note in ``refused`` that it was refused."""
    try:
        change()
    except OSError as error:
        refused.append(f"{what}: {error.strerror}")


def set_folder_times(fd: int, mtime_ns: int) -> None:
    """Set the mtime of an open folder, leaving its atime."""
    os.utime(fd, ns=(os.fstat(fd).st_atime_ns, mtime_ns))


def sync(fd: int) -> None:
    """Make the names in one folder durable. Raises OSError: then nothing may be believed (F23)."""
    faultpoint("sync.before")
    os.fsync(fd)


@contextmanager
def syncing_everything(fd: int) -> Iterator[None]:
    """Make the whole file system durable, as it is now, while the body does something else. Raises OSError at its end."""
    faultpoint("sync.before")
    failed: list[OSError] = []

    def sync_all() -> None:
        try:
            _linux.sync_file_system(fd)
        except OSError as error:
            failed.append(error)

    syncing = Thread(target=sync_all)
    syncing.start()
    try:
        yield
    finally:
        syncing.join()
    if failed:
        raise failed[0]
