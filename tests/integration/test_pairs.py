"""Two files of which one lies in the trash because of the other: at no time do both lie there, whoever came in between."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fileorganizer import cleaner, organizer
from fileorganizer.cleaner import Cleaning
from fileorganizer.duplicates.finder import Search
from fileorganizer.errors import NothingToUndo
from fileorganizer.fs import faults
from fileorganizer.model import Options
from fileorganizer.planning.reversing import NO_KEEPER
from tests.integration.test_crash import kill_at
from tests.support.crash import in_child
from tests.support.disks import tmpfs
from tests.support.manifest import difference, manifest
from tests.support.trees import File, read_tree, write_tree

OLD = 1_400_000_000
THERE = {"Documents": {"2014": {"a.txt": "a"}}}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Another file system."""
    with tmpfs(tmp_path / "disk") as place:
        yield place


@pytest.fixture
def root(tmp_path: Path, disk: Path) -> Path:
    """A root of which the only file was moved to the disk; its original is in the trash."""
    folder = tmp_path / "root"
    write_tree(folder, {"a.txt": File("a", mtime=OLD)})
    organizer.organize(folder, Options(dates="file", destination=str(disk), across_devices=True))
    return folder


@pytest.fixture
def twice(tmp_path: Path) -> Path:
    """A root with three files of the same bytes."""
    folder = tmp_path / "twice"
    write_tree(folder, {f"{name}.txt": File("same", mtime=OLD + at) for at, name in enumerate("abc")})
    return folder


def left(root: Path, operation: str) -> list[tuple[str, str]]:
    """What an operation left alone, and why."""
    with organizer.show(root, operation) as shown:
        return sorted((row.path.decode(), row.reason) for row in shown.files if row.state in ("left", "skipped"))


@pytest.mark.root
def test_a_copy_whose_original_was_purged(root: Path, disk: Path) -> None:
    """It is all there is: an undo doesn't put it away."""
    organizer.purge(root)
    with suppress(NothingToUndo), organizer.preview_undo(root) as plan:
        assert (plan.head.review.planned, plan.head.review.left_by_reason) == (0, {"purged": 1})
    organizer.undo(root)
    assert (read_tree(disk), read_tree(root), organizer.trash_list(root)) == (THERE, {}, [])
    assert organizer.verify(root).problems == []


@pytest.mark.root
def test_a_copy_whose_original_has_no_place_to_return_to(root: Path, disk: Path) -> None:
    """Another file is there: both stay (R13). When it has gone, the undo can be made."""
    write_tree(root, {"a.txt": "another"})
    organizer.undo(root)
    assert (read_tree(disk), read_tree(root)) == (THERE, {"a.txt": "another"})
    assert [item.path for item in organizer.trash_list(root)] == [b"a.txt"]
    (root / "a.txt").unlink()
    organizer.undo(root, "1")
    assert (read_tree(disk), read_tree(root)) == ({}, {"a.txt": "a"})
    assert organizer.verify(root).problems == []


@pytest.mark.root
def test_an_original_whose_copy_has_no_place_to_return_to(root: Path, disk: Path) -> None:
    """The same for the undo of an undo; and where the copy was purged."""
    organizer.undo(root)
    write_tree(disk, {"Documents": {"2014": {"a.txt": "another"}}})
    organizer.undo(root, "2")
    assert read_tree(root) == {"a.txt": "a"}
    assert left(root, "3") == [("a.txt", "with-companion")]
    (disk / "Documents/2014/a.txt").unlink()
    organizer.purge(root)
    organizer.undo(root, "2")
    assert (read_tree(root), read_tree(disk)) == ({"a.txt": "a"}, {"Documents": {"2014": {}}})
    assert organizer.verify(root).problems == []


def test_a_clean_up_that_is_done_again_after_the_other_copies_went(twice: Path) -> None:
    """R15 holds for the undo of an undo, too: the last copy doesn't go."""
    cleaner.clean_up(twice, Cleaning("oldest"))
    organizer.undo(twice)
    (twice / "a.txt").unlink()
    with organizer.preview_undo(twice, "2") as plan:
        assert (plan.head.review.planned, plan.head.review.left_by_reason) == (0, {"changed": 2})
        assert {skip.detail for skips in plan.skips() for skip in skips} == {NO_KEEPER}
    assert organizer.undo(twice, "2").operation is None
    assert read_tree(twice) == {"b.txt": "same", "c.txt": "same"}
    assert organizer.verify(twice).problems == []


def test_a_copy_that_goes_right_after_the_preview(twice: Path, at: Any) -> None:
    """The step looks once more: what the plan saw there and isn't there any more keeps its redundant file where it is."""
    cleaner.clean_up(twice, Cleaning("oldest"))
    organizer.undo(twice)
    at("advance.before", (twice / "a.txt").unlink)
    organizer.undo(twice, "2")
    assert read_tree(twice) == {"b.txt": "same", "c.txt": "same"}
    assert left(twice, "3") == [("b.txt", "changed"), ("c.txt", "changed")]


def test_a_restore_that_is_taken_back_after_the_other_copy_went(twice: Path) -> None:
    """It is the same: what comes out of the trash is a file like any other."""
    cleaner.clean_up(twice, Cleaning("oldest"))
    organizer.restore(twice, ["b.txt"])
    (twice / "a.txt").write_text("edited")
    organizer.undo(twice, "2")
    assert read_tree(twice) == {"a.txt": "edited", "b.txt": "same"}


def test_a_clean_up_that_is_done_again_after_an_edit(twice: Path) -> None:
    """What was edited since is no copy any more."""
    cleaner.clean_up(twice, Cleaning("oldest"))
    organizer.undo(twice)
    (twice / "b.txt").write_text("the work of a day")
    organizer.undo(twice, "2")
    assert read_tree(twice) == {"a.txt": "same", "b.txt": "the work of a day"}
    assert left(twice, "3") == [("b.txt", "not-ours")]


def test_hard_links_to_and_fro(twice: Path) -> None:
    """Linked, undone, linked again, undone again: each time all names are there."""
    before = manifest(twice)
    cleaner.clean_up(twice, Cleaning("oldest", "hardlink"))
    linked = manifest(twice)
    organizer.undo(twice)
    assert difference(before, manifest(twice)) == []
    organizer.undo(twice, "2")
    assert [line for line in difference(linked, manifest(twice)) if "b''" not in line] == []
    organizer.undo(twice)
    assert difference(before, manifest(twice)) == []
    assert organizer.verify(twice).problems == []


def test_hard_links_again_after_the_file_that_they_were_links_of_went(twice: Path) -> None:
    """No name goes without another one in its place."""
    cleaner.clean_up(twice, Cleaning("oldest", "hardlink"))
    organizer.undo(twice)
    (twice / "a.txt").unlink()
    (twice / "c.txt").write_text("edited")
    with organizer.preview_undo(twice, "2") as plan:
        assert (plan.head.review.planned, plan.head.review.left_by_reason) == (0, {"changed": 1, "not-ours": 1})
    organizer.undo(twice, "2")
    assert read_tree(twice) == {"b.txt": "same", "c.txt": "edited"}


def test_hard_links_again_killed_before_the_first(twice: Path) -> None:
    """And gone on with: the link waits for its name to be free."""
    cleaner.clean_up(twice, Cleaning("oldest", "hardlink"))
    organizer.undo(twice)
    assert not in_child(lambda: organizer.undo(twice, "2"), kill_at("advance.after"))
    organizer.resume(twice, organizer.history(twice)[0].plan_id)
    assert read_tree(twice) == {"a.txt": "same", "b.txt": "same", "c.txt": "same"}
    assert len({path.stat().st_ino for path in twice.glob("*.txt")}) == 1


def test_a_file_that_was_replaced_by_a_hard_link_is_restored(twice: Path) -> None:
    """The link that stands there is the clean-up's own: it makes room, and comes back when that is taken back."""
    before = read_tree(twice)
    cleaner.clean_up(twice, Cleaning("oldest", "hardlink"))
    report = organizer.restore(twice, ["b.txt"])
    assert report.operation is not None and (report.review.planned, report.operation.totals.done) == (1, 1)
    assert [path.stat().st_nlink for path in sorted(twice.glob("*.txt"))] == [2, 1, 2]
    assert [item.path for item in organizer.trash_list(twice)] == [b"c.txt"]
    organizer.undo(twice, "2")
    assert [path.stat().st_nlink for path in sorted(twice.glob("*.txt"))] == [3, 3, 3]
    organizer.restore(twice, [])
    assert read_tree(twice) == before and [path.stat().st_nlink for path in twice.glob("*.txt")] == [1, 1, 1]
    assert organizer.history(twice)[-1].rolled_back
    assert organizer.verify(twice).problems == []


def test_a_link_that_somebody_has_replaced_stays(twice: Path) -> None:
    """What stands there then is no link of ours."""
    cleaner.clean_up(twice, Cleaning("oldest", "hardlink"))
    (twice / "b.txt").unlink()
    write_tree(twice, {"b.txt": "mine"})
    report = organizer.restore(twice, [])
    assert report.review.left_by_reason == {"source-taken": 1}
    assert read_tree(twice) == {"a.txt": "same", "b.txt": "mine", "c.txt": "same"}


def test_families_of_two_clean_ups_are_two(twice: Path, at: Any) -> None:
    """Each counts its own from 1: one of them that can't follow doesn't hold the other back."""
    cleaner.clean_up(twice, Cleaning("oldest", "hardlink", Search(exclude=("c.txt",))))
    write_tree(twice, {name: File("other", mtime=OLD + at) for at, name in enumerate(("x.txt", "y.txt"))})
    cleaner.clean_up(twice, Cleaning("oldest", "hardlink", Search(exclude=("a.txt", "b.txt", "c.txt"))))
    trashed = twice / ".fileorganizer/trash/2/1-0"
    at("advance.before", lambda: trashed.write_text("changed"))
    organizer.restore(twice, [])
    assert {name: (twice / name).stat().st_nlink for name in ("b.txt", "y.txt")} == {"b.txt": 1, "y.txt": 2}


def test_a_link_whose_file_was_purged(twice: Path) -> None:
    """What it replaced doesn't come back, so the link stays."""
    cleaner.clean_up(twice, Cleaning("oldest", "hardlink"))
    organizer.purge(twice, ["b.txt"])
    organizer.undo(twice)
    assert read_tree(twice) == {"a.txt": "same", "b.txt": "same", "c.txt": "same"}
    assert [path.stat().st_nlink for path in sorted(twice.glob("*.txt"))] == [2, 2, 1]
    assert organizer.verify(twice).problems == []


@pytest.mark.parametrize("operation", ["1", "2", "restore"])
def test_no_name_is_missing_after_a_kill(twice: Path, tmp_path: Path, operation: str) -> None:
    """While links are taken back, made again, or make room: recovered, each name has its file or the link; undone, all is as it was."""

    def work(root: Path) -> object:
        return organizer.restore(root, []) if operation == "restore" else organizer.undo(root, operation)

    cleaner.clean_up(twice, Cleaning("oldest", "hardlink"))
    if operation == "2":
        organizer.undo(twice)
    for hit in count(1, 3):
        trial = tmp_path / str(hit)
        subprocess.run(["cp", "-a", twice, trial], check=True)
        if in_child(partial(work, trial), faults.kill_at(hit)):
            break
        organizer.recover(trial)
        assert read_tree(trial) == dict.fromkeys(("a.txt", "b.txt", "c.txt"), "same"), hit
        assert organizer.verify(trial).problems == []
        with suppress(NothingToUndo):
            organizer.undo(trial)
        assert [path.stat().st_nlink for path in sorted(trial.glob("*.txt"))] == [1, 1, 1], hit
    assert hit > 20
