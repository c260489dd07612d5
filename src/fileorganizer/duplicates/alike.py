"""Which files have a number in common with others (their size; the digest of their beginning and end), by sorting columns.

Imported only once there is something to compare: loading numpy takes as long as a small search.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator

import msgspec

from fileorganizer.duplicates.table import Table

# Nothing is multiplied here, and the threads for that would be in the way of a fork.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.integer]
Flags = NDArray[np.bool_]


class Alike(msgspec.Struct, frozen=True):
    """Files that beginning and end don't tell apart, group by group."""

    members: array[int]
    starts: array[int]
    """Where each group begins in ``members``; at the end its length."""

    def bounds(self) -> Iterator[tuple[int, int]]:
        """Where each group begins and ends in ``members``."""
        return zip(self.starts, self.starts[1:], strict=False)


def sharing_size(table: Table, wanted: bytearray, references: bytearray | None) -> bytearray:
    """A byte a file: is it wanted (a byte each), and does another one that is have its size?

    With ``references`` (a byte each), only if one of these files isn't a reference.
    """
    files = np.flatnonzero(_flags(wanted))
    sizes = _numbers(table.sizes)[files]
    sharing = _shared(sizes)
    if references is not None:
        sharing &= np.isin(sizes, sizes[~_flags(references)[files]])
    found = np.zeros(len(wanted), np.bool_)
    found[files] = sharing
    return bytearray(found.tobytes())


def sharing_sample(samples: array[int], sampled: bytearray, table: Table, references: bytearray | None) -> Alike:
    """The files with the same digest of size, beginning and end (of those that have one: a byte each); an inode counts once.

    It may have been met twice, where the same folder is mounted at a second place: as a reference, if one of them is.
    """
    files = np.flatnonzero(_flags(sampled))
    files = files[_shared(_numbers(samples)[files])]
    preferred = np.zeros(len(files)) if references is None else ~_flags(references)[files]
    keys = [_numbers(column)[files] for column in (samples, table.devices, table.inodes)]
    order = np.lexsort((preferred, *reversed(keys)))
    names_of_one = np.logical_and.reduce([_as_before(key[order]) for key in keys])
    files = files[order][~names_of_one]
    values = _numbers(samples)[files]
    several = _shared(values)
    files, values = files[several], values[several]
    starts = np.append(np.flatnonzero(~_as_before(values)), len(values))
    return Alike(_array(files), _array(starts))


def _shared(values: Numbers) -> Flags:
    """Which of these occur more than once."""
    order = np.argsort(values)
    same = _as_before(values[order])
    found = np.empty(len(values), np.bool_)
    found[order] = same | np.append(same[1:], [False])[: len(same)]
    return found


def _as_before(values: Numbers) -> Flags:
    """Which of these are the same as the one before."""
    return np.concatenate(([False], values[1:] == values[:-1]))[: len(values)]


def _numbers(column: array[int]) -> Numbers:
    """A column to reckon with; it can't be changed as long as this is held."""
    return np.frombuffer(column, np.dtype(column.typecode))


def _flags(column: bytearray) -> Flags:
    """The same for a byte a file."""
    return np.frombuffer(column, np.bool_)


def _array(values: Numbers) -> array[int]:
    """Numbers as everything else here keeps them."""
    return array("Q", values.astype(np.uint64).tobytes())
