"""From a root to a stream of folders and their entries: one stat a name, no link followed, no mount crossed.

Memory holds the names of one folder and the open branch of the tree, never
the tree. Names are unique: a listing that shows one twice, because somebody
renames meanwhile, shows it once here.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from fileorganizer.fs.beneath import Root
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.identity import identity_of
from fileorganizer.model import Entry, Identity, Reason, Skip, joined
from fileorganizer.scan.ignoring import Ignoring, is_control, whole_folder

CHUNK: Final = 10_000
Place = tuple[bytes, int]
"""A folder to be visited: its path, and how deep it is below the root."""
TOP: Final[Place] = (b"", 0)
_ENCODING: Final = sys.getfilesystemencoding()
_ERRORS: Final = sys.getfilesystemencodeerrors()


class Folder(msgspec.Struct, gc=False):
    """A folder that the walk has just listed. ``fd`` is open until the walk goes on, or -1."""

    path: bytes
    seen: Identity
    fd: int
    names: list[bytes]
    """Sorted, unique, without the control directory."""
    folders: set[bytes]
    """Those of the names that are folders themselves."""
    skips: list[Skip]
    """What is left alone in it for its name or kind, among it the subfolders that the walk won't enter."""
    names_left: set[bytes]
    """The names of ``skips``; whoever takes a subfolder as one thing adds its name, and it isn't entered."""
    count: int = 0
    """How many names it holds, the control directory included."""


class Limits(msgspec.Struct, frozen=True):
    """How far the walk goes."""

    recursive: bool
    max_depth: int | None
    """1: only the root's own files. None: no limit."""
    keep_together: bool


class Walker:
    """One walk over a root. ``nested_roots`` fills with folders inside that are roots of their own."""

    def __init__(self, root: Root, ignoring: Ignoring, limits: Limits) -> None:
        """Nothing is read until ``walk``."""
        self._root = root
        self._ignoring = ignoring
        self._limits = limits
        self.nested_roots: list[bytes] = []

    def walk(self) -> Iterator[Folder]:
        """Every folder once, before what is in it; each is open until the next is asked for.

        A folder that can't be read is a Folder without names, with the reason among its
        skips. Raises OSError when the root itself can't be read.
        """
        stack: list[Place] = [TOP]
        while stack:
            place = stack.pop()
            with self.visit(place) as folder:
                if folder is not None:
                    yield folder
                    stack.extend(self.below(folder, place))

    @contextmanager
    def visit(self, place: Place) -> Iterator[Folder | None]:
        """One folder, listed and open as long as the context lasts; None when it has gone. Raises as ``walk`` does."""
        folder = self._visit(*place)
        try:
            yield folder
        finally:
            if folder is not None and folder.fd >= 0:
                os.close(folder.fd)
        faultpoint("scan.folder")

    def below(self, folder: Folder, place: Place) -> list[Place]:
        """The folders in a folder that are to be visited, the last one first."""
        if not self._limits.recursive:
            return []
        inside = sorted(folder.folders - folder.names_left, reverse=True)
        return [(joined(folder.path, name), place[1] + 1) for name in inside]

    def _visit(self, path: bytes, depth: int) -> Folder | None:
        """List one folder and sort out what is left alone; None when it has gone."""
        try:
            fd = self._root.open_folder(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._unreadable(path, error)
        try:
            names, folders = names_in(fd)
        except OSError as error:
            os.close(fd)
            return self._unreadable(path, error)
        seen = identity_of(os.fstat(fd))
        count = len(names)
        for control in [name for name in folders if is_control(name)]:
            if path:
                self.nested_roots.append(path)
            names.remove(control)
            folders.discard(control)
        if path and self._limits.keep_together and (why := whole_folder(path.rpartition(b"/")[2], set(names))):
            skip = Skip(path, Reason.KEPT_TOGETHER, files=_count_files(self._root, path), detail=why)
            os.close(fd)
            return Folder(path, seen, -1, [], set(), [skip], set())
        return self._sorted_out(Folder(path, seen, fd, names, folders, [], set(), count), depth)

    def _unreadable(self, path: bytes, error: OSError) -> Folder:
        """A folder that can't be looked into, as an event of its own. The root's own error is the caller's."""
        if not path:
            raise error
        reason = Reason.OTHER_FILE_SYSTEM if error.errno == errno.EXDEV else Reason.UNREADABLE
        return Folder(
            path, Identity(0, 0, 0, 0, 0, 0), -1, [], set(), [Skip(path, reason, detail=error.strerror or "")], set()
        )

    def _sorted_out(self, folder: Folder, depth: int) -> Folder:
        """Note what is left alone for its name; in a walk of loose files the subfolders are no matter of it."""
        prefix = folder.path + b"/" if folder.path else b""
        limits = self._limits
        for name in self._ignoring.suspects(folder.names):
            is_folder = name in folder.folders
            if is_folder and not limits.recursive:
                continue
            reason = self._ignoring.reason(name, prefix + name, is_folder)
            if reason is not None:
                folder.skips.append(Skip(prefix + name, reason))
                folder.names_left.add(name)
        if limits.recursive and limits.max_depth is not None and depth + 1 >= limits.max_depth:
            below = sorted(folder.folders - folder.names_left)
            folder.skips += [Skip(prefix + name, Reason.TOO_DEEP) for name in below]
            folder.names_left.update(below)
        return folder


def entries(folder: Folder, names: list[bytes]) -> Iterator[Entry]:
    """The entries of these names of a listed folder, with one stat each; a name that has gone is left out."""
    fd = folder.fd
    for name in names:
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except OSError:
            continue
        yield Entry(name, identity_of(status), status.st_nlink)


def names_in(fd: int) -> tuple[list[bytes], set[bytes]]:
    """The names in an open folder, sorted and unique, and which of them are folders."""
    unique: set[bytes] = set()
    folders: set[bytes] = set()
    with os.scandir(fd) as listing:
        for entry in listing:
            name = entry.name.encode(_ENCODING, _ERRORS)  # os.fsencode, without its checks of the type
            unique.add(name)
            if entry.is_dir(follow_symlinks=False):
                folders.add(name)
    return sorted(unique), folders


def _count_files(root: Root, path: bytes) -> int:
    """How many names other than folders lie below a folder; what can't be read counts for nothing."""
    total = 0
    stack = [path]
    while stack:
        current = stack.pop()
        try:
            fd = root.open_folder(current)
        except OSError:
            continue
        try:
            names, folders = names_in(fd)
        except OSError:
            continue
        finally:
            os.close(fd)
        total += len(names) - len(folders)
        stack.extend(joined(current, name) for name in folders)
    return total
