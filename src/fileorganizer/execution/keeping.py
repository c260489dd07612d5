"""No redundant file goes before the copy that stays was seen, with the same bytes, at that very moment (R15)."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import msgspec

from fileorganizer.classify.classifier import open_regular
from fileorganizer.execution.observing import are_equal
from fileorganizer.execution.workplace import Workplace
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.identity import alike, identity_of, unchanged, unchanged_since
from fileorganizer.model import REFERENCE, Identity, Keeper, Step

_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | os.O_CLOEXEC


def has_keeper(work: Workplace, step: Step) -> bool:
    """Do the step's file and its keeper hold the same bytes now, as two files under the names that they were given?

    Digests are believed for a file of which not even the ctime has changed since
    it was hashed; otherwise the bytes are compared. What can't be read has no keeper.
    """
    assert step.keeper is not None and step.seen is not None  # nosec B101  # asked only for steps with one
    try:
        with opened(work, step) as (file, keeper):
            return _stand_for_each_other(work, step, step.keeper, step.seen, file, keeper)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise
        return False


@contextmanager
def opened(work: Workplace, step: Step) -> Iterator[tuple[int, int]]:
    """The step's file and its keeper, open for reading. Raises OSError."""
    assert step.keeper is not None  # nosec B101  # as above
    with ExitStack() as stack:
        file = open_regular(*work.sides[step.source_side].parent(step.source))
        stack.callback(os.close, file)
        with _parent(work, step.keeper) as (folder, name):
            keeper = open_regular(folder, name)
        stack.callback(os.close, keeper)
        yield file, keeper


def _stand_for_each_other(work: Workplace, step: Step, kept: Keeper, seen: Identity, file: int, keeper: int) -> bool:
    """The comparison, with both files open."""
    before = os.fstat(file), os.fstat(keeper)
    if os.path.samestat(*before) or not unchanged_since(before[0], seen) or not unchanged(before[1], kept.seen):
        return False
    hashed = kept.digest and seen.ctime_ns and kept.seen.ctime_ns == before[1].st_ctime_ns
    if not hashed and not are_equal(file, keeper):
        return False
    faultpoint("keeper.compared")
    after = os.fstat(file), os.fstat(keeper)
    if any(_state(one) != _state(other) for one, other in zip(before, after, strict=True)):
        return False
    return _is_named(work.sides[step.source_side].look(step.source), after[0]) and _is_named(
        _look(work, kept), after[1]
    )


def is_still_there(work: Workplace, keeper: Keeper) -> bool:
    """Is the keeper under its name, unchanged? Asked once more when the redundant file has just gone."""
    try:
        status = _look(work, keeper)
    except OSError:
        return False
    return status is not None and unchanged(status, keeper.seen)


def _state(status: os.stat_result) -> tuple[int, ...]:
    """What of an open file must not change while it is compared."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_named(status: os.stat_result | None, open_file: os.stat_result) -> bool:
    """Does a name still lead to the open file?"""
    return status is not None and os.path.samestat(status, open_file) and stat.S_ISREG(status.st_mode)


@contextmanager
def _parent(work: Workplace, keeper: Keeper) -> Iterator[tuple[int, bytes]]:
    """The folder of a keeper, open, and its name there. A reference is named by its absolute path, and only read."""
    if keeper.side != REFERENCE:
        yield work.sides[keeper.side].parent(keeper.path)
        return
    folder, _, name = keeper.path.rpartition(b"/")
    fd = os.open(folder or b"/", _FOLDER)
    try:
        yield fd, name
    finally:
        os.close(fd)


def _look(work: Workplace, keeper: Keeper) -> os.stat_result | None:
    """What has the keeper's name now. Raises OSError for anything but its absence."""
    try:
        with _parent(work, keeper) as (folder, name):
            return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def as_it_is(root: Root, keeper: Keeper) -> Keeper | None:
    """The keeper as it is under its name now, to be compared byte by byte; None where another file or none is there.

    By size and time: devices, and on some file systems inodes, have other numbers when a disk is connected anew.
    """
    try:
        status = os.lstat(keeper.path) if keeper.side == REFERENCE else root.look(keeper.path)
    except OSError:
        return None
    if status is None or not alike(status, keeper.seen):
        return None
    return msgspec.structs.replace(keeper, seen=msgspec.structs.replace(identity_of(status), ctime_ns=0))
