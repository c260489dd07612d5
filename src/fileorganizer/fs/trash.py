"""The trash of a root: flat, opaque names on the same file system, and a list of where things came from."""

from __future__ import annotations

import os

from fileorganizer.fs.faults import faultpoint
from fileorganizer.model import CONTROL_DIRECTORY

TRASH = CONTROL_DIRECTORY + b"/trash"


def folder(operation: int, owner: bytes = b"") -> bytes:
    """The folder of an operation in the trash, relative to the root; ``owner`` tells the operations of several roots apart."""
    return b"%s/%d" % (TRASH, operation) + (b"-" + owner if owner else b"")


def place(operation: int, batch: int, index: int, owner: bytes = b"") -> bytes:
    """Where step ``index`` of a batch puts what it trashes, relative to the root."""
    return b"%s/%d-%d" % (folder(operation, owner), batch, index)


def operation_of(place: bytes) -> int:
    """The number of the operation that has put away what is at a place in the trash."""
    return int(place.split(b"/")[2].partition(b"-")[0])


def prepare(control_fd: int, operation: int, batch: int, listing: bytes, owner: bytes = b"") -> None:
    """Make the operation's trash folder and publish the batch's list of origins, durably, before anything moves there."""
    own = folder(operation, owner).rpartition(b"/")[2]
    for name, parent in ((b"trash", b"."), (own, b"trash")):
        fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=control_fd)
        try:
            _make(fd, name)
        finally:
            os.close(fd)
    fd = os.open(b"trash/" + own, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=control_fd)
    try:
        _write(fd, b"%d.origins" % batch, listing)
        os.fsync(fd)
    finally:
        os.close(fd)
    faultpoint("trash.prepared")


def _make(fd: int, name: bytes) -> None:
    """Make a private folder durably, if it isn't there yet."""
    try:
        os.mkdir(name, 0o700, dir_fd=fd)
        os.fsync(fd)
    except FileExistsError:
        pass


def _write(fd: int, name: bytes, content: bytes) -> None:
    """Write a file under a temporary name, durably, then give it its own: rewriting after a crash is harmless."""
    partial = name + b".partial"
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=fd)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    except OSError:
        os.unlink(partial, dir_fd=fd)
        raise
    finally:
        os.close(file)
    os.rename(partial, name, src_dir_fd=fd, dst_dir_fd=fd)
