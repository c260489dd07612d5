"""The verbs that look for duplicates and change nothing: files with the same content, folders with the same files.

Apart from the verbs that change something, so that a search starts quickly.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from fileorganizer.duplicates.finder import Finder, Search
from fileorganizer.duplicates.folders import Contained, FolderComparison, Same
from fileorganizer.duplicates.groups import Groups
from fileorganizer.errors import InvalidOption
from fileorganizer.errors import show as shown_path
from fileorganizer.execution.workplace import open_sides, resolve_root
from fileorganizer.fs.beneath import Root
from fileorganizer.model import CONTROL_DIRECTORY, Reason, Skip, joined
from fileorganizer.progress import Listener

RootPath = str | bytes | os.PathLike[str]


class Found(msgspec.Struct, frozen=True):
    """The result of a search."""

    root: bytes
    reference: bytes | None
    """The reference folder, absolute."""
    groups: Groups
    files: int
    """Regular files of the root, by name."""
    scanned: int
    """Files and all that was left alone."""
    skips: list[Skip]
    """What was left alone in the root, and what couldn't be read or changed meanwhile."""
    nested_roots: list[bytes]
    bytes_read: int
    """Bytes of content that were read; what was remembered wasn't."""
    seconds: dict[str, float]

    @property
    def unreadable(self) -> list[Skip]:
        """Files that could not be read: they equal nothing."""
        return [skip for skip in self.skips if skip.reason == Reason.UNREADABLE]


class Where(msgspec.Struct, frozen=True):
    """A root to search, and its reference."""

    root: bytes
    outside: bytes | None
    """A reference folder outside the root."""
    search: Search

    @property
    def reference(self) -> bytes | None:
        """The reference folder wherever it is."""
        below = self.search.reference_below
        return self.outside if below is None else os.path.join(self.root, below)


def find_duplicates(
    root: RootPath, search: Search, *, against: RootPath | None = None, listener: Listener | None = None
) -> Found:
    """Search for files with the same content. Writes nothing but the digests into the user's cache folder.

    Raises RootRefused, InvalidOption; KeyboardInterrupt when the listener wants to stop.
    """
    where = where_of(root, search, against)
    with open_sides(where.root, where.outside) as sides:
        return search_in(sides, where, listener or Listener())


def where_of(root: RootPath, search: Search, against: RootPath | None) -> Where:
    """The folders that are meant. Raises RootRefused; InvalidOption when one can't be the reference of the other."""
    path = resolve_root(root)
    if against is None:
        return Where(path, None, search)
    reference = resolve_root(against)
    if path == reference or path.startswith(reference + b"/"):
        raise InvalidOption(
            f"All of {shown_path(path)} lies in {shown_path(reference)}, so nothing in it could go. Choose another reference."
        )
    if reference.startswith(path + b"/"):
        return Where(path, None, msgspec.structs.replace(search, reference_below=reference[len(path) + 1 :]))
    return Where(path, reference, search)


def search_in(sides: Sequence[Root], where: Where, listener: Listener) -> Found:
    """One search."""
    finder = Finder(sides, where.search, listener)
    groups = finder.run()
    table = finder.table
    scanned = table.count_of(0) + len(finder.skips)
    skips = finder.skips + [
        Skip(table.path_of(file), reason, table.sizes[file])
        for file, reason in finder.unread.items()
        if table.place_of(file).side == 0
    ]
    return Found(
        root=where.root,
        reference=where.reference,
        groups=groups,
        files=table.count_of(0),
        scanned=scanned,
        skips=skips,
        nested_roots=finder.nested_roots,
        bytes_read=finder.bytes_read,
        seconds=finder.seconds,
    )


class FoldersFound(msgspec.Struct, frozen=True):
    """Whole folders that are the same, or contained in another."""

    root: bytes
    same: list[Same]
    contained: list[Contained]
    not_compared: list[Skip]
    """What was left alone or couldn't be read: it equals nothing."""

    @property
    def unreadable(self) -> list[Skip]:
        """Of these what couldn't be read."""
        return [skip for skip in self.not_compared if skip.reason == Reason.UNREADABLE]


def compare_folders(
    root: RootPath, *, algorithm: str = "sha256", paranoid: bool = False, listener: Listener | None = None
) -> FoldersFound:
    """Compare all folders of a root with each other: everything in them, also hidden files, projects and empty files."""
    path = resolve_root(root)
    search = Search(
        min_size=0, algorithm=algorithm, paranoid=paranoid, include_hidden=True, keep_together=False, quiet_seconds=0.0
    )
    listener = listener or Listener()
    with open_sides(path, None) as sides:
        finder = Finder(sides, search, listener)
        groups = finder.run()
    listener.enter("planning")
    unread = [Skip(finder.table.path_of(file), reason) for file, reason in finder.unread.items()]
    # a folder that was organized by itself has a trash and a journal, which no copy of its files has
    ours = [Skip(joined(nested, CONTROL_DIRECTORY), Reason.SYSTEM_FILE) for nested in finder.nested_roots]
    left = finder.skips + ours
    comparison = FolderComparison(finder.table, groups, finder.links, [skip.path for skip in left])
    return FoldersFound(path, comparison.same(), comparison.contained(), left + unread)
