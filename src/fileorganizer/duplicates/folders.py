"""Whole folders that are the same, or (nearly) contained in another, by the contents and relative names of their files.

Nothing is claimed that wasn't compared: a file that was left alone or couldn't be
read equals nothing. Only what the system itself drops into folders
(``Thumbs.db`` and its like) and folders without any file are passed over.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Final

import msgspec

from fileorganizer.duplicates.groups import Groups
from fileorganizer.duplicates.table import Table
from fileorganizer.scan.ignoring import JUNK

NEARLY: Final = 0.8
"""Part of a folder's files that must be in the other one for both to be worth telling."""
MOST_NAMED: Final = 50
"""A pair with more differences than this isn't nearly the same, whatever its size."""
_SUGGESTS: Final = 0.5
"""Part of the smaller folder's files that has to be in the other one before all of both are compared."""
_MOST_ALIKE: Final = 20
"""A file with more namesakes of the same content suggests no pairs; it counts when pairs are compared."""


class Same(msgspec.Struct, frozen=True):
    """Folders with the same files under the same names, with all that is in them."""

    paths: tuple[bytes, ...]
    files: int
    size: int
    """Files and bytes of one of them."""


class Contained(msgspec.Struct, frozen=True):
    """A folder of which all files, or nearly all, are in another under the same relative names."""

    inner: bytes
    outer: bytes
    same: int
    """Files that both hold."""
    size: int
    """Bytes of these."""
    missing: tuple[bytes, ...]
    """Only in the inner folder; relative to it."""
    differing: tuple[bytes, ...]
    """In both, with other content, or not compared."""
    extra: int
    """Files that only the outer folder holds."""
    extra_named: tuple[bytes, ...]
    """The first of them."""

    @property
    def is_whole(self) -> bool:
        """Is every file of the inner folder in the outer one?"""
        return not self.missing and not self.differing


class _Node:
    """A folder: its own files (name → content), its subfolders, and how much is in all of it."""

    __slots__ = ("path", "files", "below", "total", "size", "signature")

    def __init__(self, path: bytes) -> None:
        self.path = path
        self.files: dict[bytes, int] = {}
        self.below: dict[bytes, _Node] = {}
        self.total = self.size = 0
        self.signature: bytes | None = None


Pair = tuple[bytes, bytes]


class FolderComparison:
    """Compares all folders of one searched root with each other."""

    def __init__(self, table: Table, groups: Groups, links: Mapping[int, Sequence[int]], left: Iterable[bytes]) -> None:
        """``left``: paths that were left alone. The search must have had everything in it: hidden files, projects, empty files."""
        self._contents = _content_numbers(table, groups, links)
        self._sizes: dict[int, int] = {}
        self._next = len(table) + 1
        self._top = _Node(b"")
        self._nodes: dict[bytes, _Node] = {b"": self._top}
        self._fill(table)
        for path in left:
            self._add_unknown(path)
        self._sum_up()

    # the tree

    def _node(self, path: bytes) -> _Node:
        """The folder with this path, made with those above it."""
        node = self._nodes.get(path)
        if node is None:
            parent, _, name = path.rpartition(b"/")
            node = self._nodes[path] = self._node(parent).below[name] = _Node(path)
        return node

    def _fill(self, table: Table) -> None:
        """All files into their folders."""
        for chunk in table.chunks:
            node = self._node(table.places[chunk.place].path)
            for file, name in enumerate(chunk.names.split(b"\0"), chunk.first):
                if name not in JUNK:
                    node.files[name] = content = self._contents[file]
                    self._sizes[content] = table.sizes[file]

    def _add_unknown(self, path: bytes) -> None:
        """Something that was left alone: it equals nothing."""
        folder, _, name = path.rpartition(b"/")
        if name not in JUNK:
            self._node(folder).files[name] = self._next
            self._sizes[self._next] = 0
            self._next += 1

    def _sum_up(self) -> None:
        """Totals and signatures, from the deepest folder up. A folder with a file that is alone has no signature."""
        shared = {content for content, count in self._counts().items() if count > 1}
        for path in sorted(self._nodes, key=lambda path: path.count(b"/") + bool(path), reverse=True):
            node = self._nodes[path]
            node.total = len(node.files) + sum(below.total for below in node.below.values())
            node.size = sum(self._sizes[content] for content in node.files.values())
            node.size += sum(below.size for below in node.below.values())
            node.signature = _signature(node, shared)

    def _counts(self) -> Counter[int]:
        """How often each content occurs."""
        return Counter(content for node in self._nodes.values() for content in node.files.values())

    # what is the same

    def same(self) -> list[Same]:
        """Groups of equal folders, those with most bytes first; what follows from equal parents isn't told again."""
        classes: dict[bytes, list[_Node]] = defaultdict(list)
        for node in self._nodes.values():
            if node.signature is not None:
                classes[node.signature].append(node)
        found = [
            Same(tuple(sorted(node.path for node in nodes)), nodes[0].total, nodes[0].size)
            for nodes in classes.values()
            if len(nodes) > 1 and not self._follows(nodes)
        ]
        return sorted(found, key=lambda one: (-one.size, -one.files, one.paths))

    def _follows(self, nodes: list[_Node]) -> bool:
        """Are these equal because they are the same part of equal folders?"""
        parents = [self._parent(node) for node in nodes]
        signatures = {parent.signature for parent in parents}
        return (
            len(signatures) == 1
            and None not in signatures
            and len({parent.path for parent in parents}) == len(nodes)
            and len({node.path.rpartition(b"/")[2] for node in nodes}) == 1
        )

    def _parent(self, node: _Node) -> _Node:
        """The folder that holds this one; the root holds itself."""
        return self._nodes[node.path.rpartition(b"/")[0]]

    # what is contained

    def contained(self) -> list[Contained]:
        """Pairs of which one is (nearly) in the other, those with most bytes first; parts of a pair aren't told again."""
        told: set[Pair] = set()
        found: list[Contained] = []
        for one, other in sorted(
            self._candidates(), key=lambda pair: (pair[0].count(b"/") + pair[1].count(b"/"), pair)
        ):
            if self._is_part_of(told, one, other):
                continue
            pair = self._compared(self._nodes[one], self._nodes[other])
            if pair is not None:
                told.add((one, other))
                found.append(pair)
        return sorted(found, key=lambda one: (-one.size, one.inner, one.outer))

    def _is_part_of(self, told: set[Pair], one: bytes, other: bytes) -> bool:
        """Are these the same part of two folders that were told?"""
        while one and other:
            one, _, name = one.rpartition(b"/")
            other, _, same_name = other.rpartition(b"/")
            if name != same_name:
                return False
            if (one, other) in told:
                return True
        return False

    def _candidates(self) -> Iterator[Pair]:
        """Pairs of folders that seem to hold enough in common, and aren't the same as a whole."""
        common: Counter[Pair] = Counter()
        for one, other in self._namesakes():
            while one != other and not _holds(one, other) and not _holds(other, one):
                common[one, other] += 1
                one, _, name = one.rpartition(b"/")
                other, _, same_name = other.rpartition(b"/")
                if name != same_name:
                    break
        for (one, other), count in common.items():
            left, right = self._nodes[one], self._nodes[other]
            if left.signature is not None and left.signature == right.signature:
                continue
            if count >= _SUGGESTS * min(left.total, right.total):
                yield one, other

    def _namesakes(self) -> Iterator[Pair]:
        """Pairs of folders, once for each file that both hold under the same name."""
        places: dict[tuple[int, bytes], list[bytes]] = defaultdict(list)
        for path, node in self._nodes.items():
            for name, content in node.files.items():
                places[content, name].append(path)
        for paths in places.values():
            if 1 < len(paths) <= _MOST_ALIKE:
                yield from combinations(sorted(paths), 2)

    def _compared(self, one: _Node, other: _Node) -> Contained | None:
        """The pair if it is worth telling: the smaller one is the inner."""
        inner, outer = (one, other) if (one.total, one.path) <= (other.total, other.path) else (other, one)
        if not inner.files and sum(bool(below.total) for below in inner.below.values()) == 1:
            return None  # all of it is one subfolder, which tells it
        same, size, missing, differing, extra = 0, 0, list[bytes](), list[bytes](), list[bytes]()
        for path, left, right in _together(inner, outer):
            if left is None:
                extra.append(path)
            elif right is None:
                missing.append(path)
            elif left == right:
                same, size = same + 1, size + self._sizes[left]
            else:
                differing.append(path)
        if same < NEARLY * inner.total or same < 2 or len(missing) + len(differing) > MOST_NAMED:
            return None
        named = tuple(sorted(extra)[:MOST_NAMED])
        return Contained(
            inner.path, outer.path, same, size, tuple(sorted(missing)), tuple(sorted(differing)), len(extra), named
        )


def _content_numbers(table: Table, groups: Groups, links: Mapping[int, Sequence[int]]) -> array[int]:
    """A number a file: the same for files with the same content, another for each that is alone."""
    numbers = array("L", range(1, len(table) + 1))
    for _, files in groups.numbers():
        for file in files:
            numbers[file] = files[0] + 1
    for first, others in links.items():
        for other in others:
            numbers[other] = numbers[first]
    return numbers


def _signature(node: _Node, shared: set[int]) -> bytes | None:
    """What two folders have in common if, and only if, all their files and names are the same."""
    if not node.total or not all(content in shared for content in node.files.values()):
        return None
    digest = hashlib.blake2b(digest_size=16)
    for name, content in sorted(node.files.items()):
        digest.update(b"f%b\0%d\0" % (name, content))
    for name, below in sorted(node.below.items()):
        if below.total and below.signature is None:
            return None
        if below.signature is not None:
            digest.update(b"d%b\0%b" % (name, below.signature))
    return digest.digest()


def _holds(folder: bytes, path: bytes) -> bool:
    """Lies a path in a folder?"""
    return not folder or path.startswith(folder + b"/")


def _together(inner: _Node, outer: _Node) -> Iterator[tuple[bytes, int | None, int | None]]:
    """Every relative path in either folder, with its content in each."""
    waiting: list[tuple[bytes, _Node | None, _Node | None]] = [(b"", inner, outer)]
    while waiting:
        prefix, left, right = waiting.pop()
        left_files, right_files = left.files if left else {}, right.files if right else {}
        for name in left_files.keys() | right_files.keys():
            yield prefix + name, left_files.get(name), right_files.get(name)
        left_below, right_below = left.below if left else {}, right.below if right else {}
        waiting += [
            (prefix + name + b"/", left_below.get(name), right_below.get(name))
            for name in left_below.keys() | right_below.keys()
        ]
