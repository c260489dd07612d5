"""The result of a search: which files are the same, kept as numbers and made into values one group at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from fileorganizer.duplicates.table import Table
from fileorganizer.model import Identity


class Copy(msgspec.Struct, frozen=True):
    """One of several files with the same content: an inode, under its first name."""

    side: int
    """0: the root; 1: the reference root."""
    path: bytes
    is_reference: bool
    seen: Identity
    links: tuple[bytes, ...] = ()
    """Further names of it on the same side."""


class Group(msgspec.Struct, frozen=True):
    """Files with the same content."""

    digest: bytes
    size: int
    copies: tuple[Copy, ...]
    """At least two, in path order, references first."""

    @property
    def redundant(self) -> int:
        """How many of the copies could go: all but one, and no reference."""
        return redundant_of(len(self.copies), sum(copy.is_reference for copy in self.copies))

    @property
    def wasted(self) -> int:
        """Bytes that these hold."""
        return self.redundant * self.size


def redundant_of(copies: int, references: int) -> int:
    """How many copies could go."""
    return copies - max(1, references)


class Groups:
    """Groups of files of a table. Groups of references alone aren't among them."""

    def __init__(self, table: Table, links: Mapping[int, Sequence[int]], algorithm: str) -> None:
        """No groups yet."""
        self.algorithm = algorithm
        self._table, self._links = table, links
        self._members = array("L")
        self._starts = array("L", [0])
        self._digests = bytearray()
        self._width = 0
        self.redundant = 0
        self.wasted = 0

    def __len__(self) -> int:
        """How many groups."""
        return len(self._starts) - 1

    def add(self, digest: bytes, files: Sequence[int], references: int) -> None:
        """Note a group; ``references`` of its files are references."""
        self._width = len(digest)
        self._members.extend(files)
        self._starts.append(len(self._members))
        self._digests += digest
        redundant = redundant_of(len(files), references)
        self.redundant += redundant
        self.wasted += redundant * self._table.sizes[files[0]]

    def packed(self) -> bytes:
        """All groups as bytes, for ``restore`` on a table of the same files on this machine."""
        return msgspec.msgpack.encode((self._members.tobytes(), self._starts.tobytes(), self._digests))

    def restore(self, packed: bytes) -> None:
        """Add the groups of a search without references."""
        blobs = msgspec.msgpack.decode(packed, type=tuple[bytes, bytes, bytes])
        members, starts = (array("L", blob) for blob in blobs[:2])
        width = len(blobs[2]) // max(1, len(starts) - 1)
        for number, (start, end) in enumerate(pairwise(starts)):
            self.add(blobs[2][number * width : (number + 1) * width], members[start:end], 0)

    def numbers(self) -> Iterator[tuple[bytes, array[int]]]:
        """Digest and file numbers of each group, in no order."""
        for number, (start, end) in enumerate(pairwise(self._starts)):
            yield self._digest(number), self._members[start:end]

    def _digest(self, number: int) -> bytes:
        return bytes(self._digests[number * self._width : (number + 1) * self._width])

    def __iter__(self) -> Iterator[Group]:
        """The groups, those that waste most first, then in path order of their first copies."""
        order = sorted(range(len(self)), key=self._rank)
        for number in order:
            yield self._group(number)

    def _rank(self, number: int) -> tuple[int, int]:
        """Most wasted bytes first; the digest makes the order the same each time."""
        start, end = self._starts[number], self._starts[number + 1]
        digest = int.from_bytes(self._digests[number * self._width : number * self._width + 7], "big")
        return -(end - start - 1) * self._table.sizes[self._members[start]], digest

    def _group(self, number: int) -> Group:
        """One group as a value."""
        files = self._members[self._starts[number] : self._starts[number + 1]]
        copies = sorted((self._copy(file) for file in files), key=lambda copy: (not copy.is_reference, copy.path))
        return Group(self._digest(number), self._table.sizes[files[0]], tuple(copies))

    def _copy(self, file: int) -> Copy:
        """One file as a value."""
        table = self._table
        place, path = table.place_and_path(file)
        links: tuple[bytes, ...] = ()
        if file in self._links:
            others = map(table.place_and_path, self._links[file])
            links = tuple(sorted(other for where, other in others if where.side == place.side))
        return Copy(place.side, path, place.is_reference, table.identity_of(file), links)
