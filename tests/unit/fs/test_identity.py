"""Is it still the same, unchanged file? Every part of the answer counts."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from fileorganizer.fs.identity import (
    EARLIEST,
    LATEST,
    alike,
    identity_of,
    same_inode,
    storable,
    unchanged,
    unchanged_since,
)
from tests.support.trees import write_tree


@pytest.mark.parametrize(
    ("part", "same", "untouched"),
    [("dev", False, False), ("ino", False, False), ("size", True, False), ("mtime_ns", True, False)],
)
def test_each_part_counts(tmp_path: Path, part: str, same: bool, untouched: bool) -> None:
    """Another device or number is another file; another size or time is a change."""
    write_tree(tmp_path, {"a": "a"})
    status = os.stat(tmp_path / "a")
    seen = identity_of(status)
    other = msgspec.structs.replace(seen, **{part: getattr(seen, part) + 1})
    assert unchanged_since(status, seen)
    assert (same_inode(status, other), unchanged(status, other)) == (same, untouched)


def test_the_change_time_and_the_type(tmp_path: Path) -> None:
    """The change time is compared before a move only, and not at all when the plan says so; a number may be another type's."""
    write_tree(tmp_path, {"a": "a", "folder": {}})
    status = os.stat(tmp_path / "a")
    seen = identity_of(status)
    touched = msgspec.structs.replace(seen, ctime_ns=seen.ctime_ns - 1)
    assert unchanged(status, touched)
    assert not unchanged_since(status, touched)
    assert unchanged_since(status, msgspec.structs.replace(seen, ctime_ns=0))
    assert not same_inode(status, msgspec.structs.replace(seen, mode=seen.mode ^ 0o140000))
    folder = os.stat(tmp_path / "folder")
    assert unchanged_since(folder, msgspec.structs.replace(identity_of(folder), mtime_ns=1, ctime_ns=1, size=0))


def test_what_is_alike(tmp_path: Path) -> None:
    """Type, size and time, whatever the numbers of device and inode are."""
    write_tree(tmp_path, {"a": "a"})
    status = os.stat(tmp_path / "a")
    seen = identity_of(status)
    assert alike(status, msgspec.structs.replace(seen, dev=1, ino=2, ctime_ns=3))
    for part in ("size", "mtime_ns", "mode"):
        assert not alike(status, msgspec.structs.replace(seen, **{part: getattr(seen, part) ^ 0o140000}))


def test_times_that_have_no_room() -> None:
    """Those of a calendar stay; those before and after are the first and the last that can be stored."""
    for time_ns in (0, -1, 1_500_000_000_123_456_789, EARLIEST, LATEST):
        assert storable(time_ns) == time_ns
    assert storable(-11_644_473_600 * 10**9) == EARLIEST
    assert storable(10**20) == LATEST
