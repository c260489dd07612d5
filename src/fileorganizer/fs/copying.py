"""The copy protocol: whole, compared, durable and complete in its metadata before it gets its name."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from functools import partial

from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.folders import attempt, xattr_names
from fileorganizer.fs.identity import unchanged_since
from fileorganizer.model import Identity

CHUNK = 1 << 20
_FICLONE = 0x40049409  # linux/fs.h
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_WRITE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class SourceChanged(Exception):
    """The source isn't, or no longer is, the file that was planned."""


class CopyDiffers(Exception):
    """What was read back isn't what was read."""


def copy_to_temporary(
    source_fd: int, source: bytes, target_fd: int, temporary: bytes, seen: Identity, progress: Callable[[int], None]
) -> list[str]:
    """Make a durable, compared copy with all metadata under ``temporary``; what metadata was refused comes back as words.

    ``progress`` is told the bytes of each chunk. Raises SourceChanged, CopyDiffers
    or OSError, after removing what it made. The temporary name must be free.
    """
    reader = os.open(source, _READ, dir_fd=source_fd)
    try:
        if not unchanged_since(os.fstat(reader), seen) or not stat.S_ISREG(seen.mode):
            raise SourceChanged
        writer = os.open(temporary, _WRITE, 0o600, dir_fd=target_fd)
        try:
            return _fill(reader, writer, seen, progress)
        except BaseException:
            os.unlink(temporary, dir_fd=target_fd)
            raise
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def _fill(reader: int, writer: int, seen: Identity, progress: Callable[[int], None]) -> list[str]:
    """Content, comparison, metadata, durability, and a last look at the source."""
    if not _clone(reader, writer):
        _copy_and_compare(reader, writer, seen.size, progress)
    refused = _copy_metadata(reader, writer)
    os.fsync(writer)
    faultpoint("copy.synced")
    if not unchanged_since(os.fstat(reader), seen):
        raise SourceChanged
    return refused


def _clone(reader: int, writer: int) -> bool:
    """Share the blocks where the file system can (btrfs, xfs); False when it can't."""
    try:
        fcntl.ioctl(writer, _FICLONE, reader)
    except OSError:
        return False
    return True


def _copy_and_compare(reader: int, writer: int, size: int, progress: Callable[[int], None]) -> None:
    """Copy the ranges that hold data, keep the holes, and read back what was written."""
    written = hashlib.blake2b()
    ranges = list(_data_ranges(reader, size))
    for start, end in ranges:
        _copy_range(reader, writer, start, end, written, progress)
    os.ftruncate(writer, size)
    os.fdatasync(writer)
    os.posix_fadvise(writer, 0, 0, os.POSIX_FADV_DONTNEED)
    found = hashlib.blake2b()
    for start, end in ranges:
        while start < end and (block := os.pread(writer, min(CHUNK, end - start), start)):
            found.update(block)
            start += len(block)
    if found.digest() != written.digest():
        raise CopyDiffers


def _copy_range(
    reader: int, writer: int, start: int, end: int, digest: hashlib.blake2b, progress: Callable[[int], None]
) -> None:
    """Copy one range; short reads and writes are gone on with."""
    while start < end:
        block = os.pread(reader, min(CHUNK, end - start), start)
        if not block:
            raise SourceChanged
        digest.update(block)
        view = memoryview(block)
        while view:
            count = os.pwrite(writer, view, start)
            view = view[count:]
            start += count
        progress(len(block))
        faultpoint("copy.chunk")


def _data_ranges(fd: int, size: int) -> list[tuple[int, int]]:
    """The ranges of a file that aren't holes; the whole file where the file system can't tell."""
    ranges: list[tuple[int, int]] = []
    position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
            position = min(size, os.lseek(fd, start, os.SEEK_HOLE))
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            if error.errno in (errno.EINVAL, errno.ENOTSUP):
                return [(0, size)]
            raise
        ranges.append((start, position))
    return ranges


def _copy_metadata(reader: int, writer: int) -> list[str]:
    """Owner, mode, extended attributes (POSIX ACLs are among them) and times; a refusal is a remark."""
    refused: list[str] = []
    status = os.fstat(reader)
    target = os.fstat(writer)
    if (status.st_uid, status.st_gid) != (target.st_uid, target.st_gid):
        attempt(refused, "owner", lambda: os.fchown(writer, status.st_uid, status.st_gid))
    attempt(refused, "mode", lambda: os.fchmod(writer, stat.S_IMODE(status.st_mode)))
    for name in xattr_names(reader):
        attempt(refused, name, partial(_copy_xattr, reader, writer, name))
    attempt(refused, "times", lambda: os.utime(writer, ns=(status.st_atime_ns, status.st_mtime_ns)))
    return refused


def _copy_xattr(reader: int, writer: int, name: str) -> None:
    """Copy one extended attribute."""
    os.setxattr(writer, name, os.getxattr(reader, name))


def remove_own_temporary(target_fd: int, temporary: bytes) -> None:
    """Remove a temporary name of ours that a crash left behind; its content is a copy or has another name."""
    try:
        os.unlink(temporary, dir_fd=target_fd)
    except FileNotFoundError:
        pass
