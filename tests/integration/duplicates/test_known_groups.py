"""Groups that are known from an earlier search: cleaned up without another one, each file looked at again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fileorganizer import cleaner, organizer
from fileorganizer.cleaner import NOTHING, Cleaning
from fileorganizer.duplicates.finder import Search
from fileorganizer.duplicates.groups import Group
from fileorganizer.errors import InvalidOption
from fileorganizer.searcher import Found, find_duplicates
from tests.support.manifest import manifest
from tests.support.trees import File, write_tree

PAIR = {"a.txt": File("same", mtime="2010-01-01"), "b.txt": File("same", mtime="2020-01-01"), "c.txt": "else"}


def texts(root: Path) -> list[str]:
    """What is in the files that are left."""
    return sorted(path.read_text() for path in root.glob("*.txt"))


class Known:
    """Groups as values, to be gone through several times."""

    algorithm = "sha256"

    def __init__(self, root: Path) -> None:
        """Those that a search finds now."""
        self.groups = list(find_duplicates(root, Search()).groups)

    def __iter__(self) -> Iterator[Group]:
        """All of them."""
        return iter(self.groups)


def test_only_what_is_known_goes(tmp_path: Path) -> None:
    """A pair that came since stays; an undo brings everything back, and the group can go again."""
    write_tree(tmp_path, PAIR)
    known = Known(tmp_path)
    write_tree(tmp_path, {"d.txt": File("new", mtime="2010-01-01"), "e.txt": File("new", mtime="2020-01-01")})
    before = manifest(tmp_path)
    for _ in range(2):
        report = cleaner.clean_up(tmp_path, Cleaning("oldest"), known=known)
        assert report.operation is not None
        assert (report.operation.totals.done, report.review.scanned, report.review.in_place) == (1, 2, 1)
        assert texts(tmp_path) == ["else", "new", "new", "same"]
        organizer.undo(tmp_path)
        assert manifest(tmp_path) == before


@pytest.mark.parametrize("changed", ["a.txt", "b.txt"])
def test_another_ctime_means_comparing(tmp_path: Path, changed: str) -> None:
    """Other bytes of the same size under the same time: the digest of then isn't believed."""
    write_tree(tmp_path, PAIR)
    known = Known(tmp_path)
    times = (tmp_path / changed).stat()
    (tmp_path / changed).write_text("SAME")
    os.utime(tmp_path / changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    report = cleaner.clean_up(tmp_path, Cleaning("oldest"), known=known)
    assert report.operation is not None and report.operation.totals.by_reason == {"changed": 1}
    assert texts(tmp_path) == ["SAME", "else", "same"]


def test_what_has_another_time_stays(tmp_path: Path) -> None:
    """It isn't the file that was found."""
    write_tree(tmp_path, PAIR)
    known = Known(tmp_path)
    os.utime(tmp_path / "b.txt", (1, 1))
    with cleaner.preview_clean_up(tmp_path, Cleaning("oldest"), known=known) as plan:
        assert (plan.head.review.planned, plan.head.review.left_by_reason) == (0, {"changed": 1})


def test_nothing_stays_of_a_group_that_was_named(tmp_path: Path) -> None:
    """All copies go into the trash and come back; one that was touched since stays. No search can ask for that."""
    write_tree(tmp_path, PAIR)
    known, before = Known(tmp_path), manifest(tmp_path)
    with pytest.raises(InvalidOption):
        cleaner.clean_up(tmp_path, Cleaning(NOTHING))
    cleaner.clean_up(tmp_path, Cleaning(NOTHING), known=known)
    assert texts(tmp_path) == ["else"]
    organizer.undo(tmp_path)
    assert manifest(tmp_path) == before
    with cleaner.preview_clean_up(tmp_path, Cleaning(NOTHING), known=known) as plan:  # renamed to and fro
        assert plan.head.review.left_by_reason == {"changed": 2}


def test_what_was_found_is_told_before_anything_goes(tmp_path: Path) -> None:
    """So that it can be kept."""
    write_tree(tmp_path, PAIR)
    told: list[tuple[int, int]] = []

    def on_found(found: Found) -> None:
        told.append((found.groups.redundant, len(list(tmp_path.glob("*.txt")))))

    cleaner.clean_up(tmp_path, Cleaning("oldest"), on_found=on_found)
    assert told == [(1, 3)]
