"""A million files without an object for each: columns of numbers, and the names of a folder in one piece."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, compress
from operator import itemgetter
from typing import Final

import msgspec

from fileorganizer.model import Identity, joined

_RUN: Final = re.compile(rb"\x01+")
_LONG_RUN: Final = 4
"""From so many files in a run on (on average) slices are quicker than single numbers."""
REGULAR = 0o100644
"""The mode of an identity made here: of the mode only the type is ever compared."""


def signed(number: int) -> int:
    """An unsigned number of 64 bits as databases and our columns keep it."""
    return number - (1 << 64) if number >> 63 else number


def unsigned(number: int) -> int:
    """The number that was kept so: a device, an inode."""
    return number & 0xFFFF_FFFF_FFFF_FFFF


class Place(msgspec.Struct, frozen=True, gc=False):
    """A folder that was searched."""

    side: int
    path: bytes
    is_reference: bool


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """Some files of one folder: numbers ``first`` to ``first + count``, their names joined by NUL."""

    place: int
    first: int
    count: int
    names: bytes


class Part(msgspec.Struct, frozen=True, gc=False):
    """Chosen files of one folder as runs of numbers, and their names joined by NUL."""

    place: int
    names: bytes
    runs: list[range]

    @property
    def files(self) -> list[int]:
        """The numbers one by one."""
        return list(chain.from_iterable(self.runs))


class Table:
    """The files of a search, numbered as they came."""

    def __init__(self) -> None:
        """No files yet."""
        self.places: list[Place] = []
        self.chunks: list[Chunk] = []
        self._starts = array("L")
        self.devices, self.inodes = array("Q"), array("Q")
        self.sizes, self.mtimes, self.ctimes = array("q"), array("q"), array("q")

    def __len__(self) -> int:
        """How many files."""
        return len(self.sizes)

    @property
    def columns(self) -> tuple[array[int], ...]:
        """dev, ino, size, mtime, ctime."""
        return self.devices, self.inodes, self.sizes, self.mtimes, self.ctimes

    def add_place(self, side: int, path: bytes, *, is_reference: bool) -> int:
        """Note a folder; gives its number."""
        self.places.append(Place(side, path, is_reference))
        return len(self.places) - 1

    @property
    def next_number(self) -> int:
        """The number of the first file of the next chunk."""
        return self.chunks[-1].first + self.chunks[-1].count if self.chunks else 0

    def add_chunk(self, place: int, names: Sequence[bytes]) -> None:
        """Note names whose columns were, or are about to be, appended in this order."""
        if names:
            self._note(place, len(names), b"\0".join(names))

    def _note(self, place: int, count: int, names: bytes) -> None:
        """One more chunk."""
        first = self.next_number
        self.chunks.append(Chunk(place, first, count, names))
        self._starts.append(first)

    def sort(self, *more: bytearray) -> Callable[[int], int]:
        """Number the files by side, folder and name instead of as they came; ``more`` has a byte a file, too.

        Gives the new number of an old one.
        """
        old, starts = self.chunks, self._starts
        old_ranks = sorted(range(len(old)), key=lambda rank: self._order_of(old[rank]))
        columns: list[array[int] | bytearray] = [*self.columns, *more]
        for column in columns:
            view = memoryview(column)
            parts = (view[chunk.first : chunk.first + chunk.count] for chunk in map(old.__getitem__, old_ranks))
            joined_parts = b"".join(parts)
            view.release()
            _refill(column, joined_parts)
        self.chunks, self._starts = [], array("L")
        new_firsts = array("L", bytes(starts.itemsize * len(starts)))
        for rank in old_ranks:
            new_firsts[rank] = self.next_number
            self._note(old[rank].place, old[rank].count, old[rank].names)

        def moved(file: int) -> int:
            rank = bisect_right(starts, file) - 1
            return new_firsts[rank] + file - starts[rank]

        return moved

    def _order_of(self, chunk: Chunk) -> tuple[int, bytes, bytes]:
        """Side, folder, first name."""
        place = self.places[chunk.place]
        return place.side, place.path, chunk.names

    def count_of(self, side: int) -> int:
        """How many files of one side."""
        return sum(chunk.count for chunk in self.chunks if self.places[chunk.place].side == side)

    def references(self) -> bytearray:
        """A byte a file: is it a reference?"""
        return bytearray().join(bytes((self.places[chunk.place].is_reference,)) * chunk.count for chunk in self.chunks)

    def chunk_of(self, file: int) -> Chunk:
        """The chunk that holds a file."""
        return self.chunks[bisect_right(self._starts, file) - 1]

    def place_of(self, file: int) -> Place:
        """The folder of a file."""
        return self.places[self.chunk_of(file).place]

    def path_of(self, file: int) -> bytes:
        """The path of a file, relative to its side's root."""
        return self.place_and_path(file)[1]

    def place_and_path(self, file: int) -> tuple[Place, bytes]:
        """The folder and the path of a file."""
        chunk = self.chunk_of(file)
        number = file - chunk.first
        name = chunk.names.split(b"\0", number + 1)[number]
        place = self.places[chunk.place]
        return place, joined(place.path, name)

    def inode_of(self, file: int) -> tuple[int, int]:
        """Device and inode of a file."""
        return self.devices[file], self.inodes[file]

    def identity_of(self, file: int) -> Identity:
        """The identity of a file as the search saw it, with a mode that says no more than that it is regular."""
        return Identity(
            self.devices[file], self.inodes[file], self.sizes[file], self.mtimes[file], self.ctimes[file], REGULAR
        )

    def picks(self, chosen: bytearray, most_files: int, most_bytes: int, most_folders: int) -> Iterator[list[Part]]:
        """The ``chosen`` files (a byte each), in their order, as many together as fit into one message."""
        pick: list[Part] = []
        files = size = 0
        for chunk in self.chunks:
            own = chosen[chunk.first : chunk.first + chunk.count]
            count = own.count(1)
            if not count:
                continue
            part = self._part(chunk, own, count)
            files, size = files + count, size + len(part.names) + 1
            if pick and (files > most_files or size > most_bytes or len(pick) >= most_folders):
                yield pick
                pick, files, size = [], count, len(part.names) + 1
            pick.append(part)
        if pick:
            yield pick

    def _part(self, chunk: Chunk, own: bytearray, count: int) -> Part:
        """The chosen files of a chunk, some at least."""
        names = chunk.names
        if count < chunk.count:
            names = b"\0".join(compress(names.split(b"\0"), bytes(own)))
        first = chunk.first
        return Part(chunk.place, names, [range(first + run.start(), first + run.end()) for run in _RUN.finditer(own)])

    def part_of(self, file: int) -> Part:
        """One file by itself."""
        chunk = self.chunk_of(file)
        return Part(chunk.place, chunk.names.split(b"\0")[file - chunk.first], [range(file, file + 1)])


def _refill(column: array[int] | bytearray, content: bytes) -> None:
    """Other content for a column."""
    del column[:]
    if isinstance(column, bytearray):
        column += content
    else:
        column.frombytes(content)


def picked(columns: Sequence[array[int]], runs: Sequence[range]) -> list[array[int]]:
    """Some numbers of each column: whole slices where the runs are long, one by one where they aren't."""
    if len(runs) == 1:
        return [column[runs[0].start : runs[0].stop] for column in columns]
    files = list(chain.from_iterable(runs))
    if len(runs) * _LONG_RUN > len(files):
        pick = itemgetter(*files)
        return [array(column.typecode, pick(column)) for column in columns]
    return [_sliced(column, runs) for column in columns]


def _sliced(column: array[int], runs: Sequence[range]) -> array[int]:
    """Slices of a column, one after the other."""
    found = array(column.typecode)
    for run in runs:
        found += column[run.start : run.stop]
    return found
