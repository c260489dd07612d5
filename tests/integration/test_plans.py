"""What a plan decides where names clash, folders are in the way, or files have to wait for each other."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.execution import drafting
from fileorganizer.model import Options
from fileorganizer.organizer import Report
from fileorganizer.planning import planner
from tests.support.disks import tmpfs
from tests.support.manifest import contents, difference, manifest
from tests.support.trees import File, read_tree, write_tree

OLD = 1_400_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty root."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """An empty destination."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


def text(content: str, mtime: int = OLD) -> File:
    """A dated file."""
    return File(content.encode(), mtime=mtime)


def there_and_back(root: Path, there: Path, options: Options) -> tuple[Report, dict[object, object]]:
    """A run into a destination, what the destination holds then, and all of it back."""
    before, before_there = manifest(root), manifest(there)
    report = organizer.organize(root, options)
    after = read_tree(there)
    assert organizer.verify(root).problems == []
    review = report.review
    assert review.scanned == review.planned + review.in_place + review.left_alone
    if report.operation is not None:
        organizer.undo(root)
    assert difference(before, manifest(root)) == []
    assert difference(before_there, manifest(there)) == []
    return report, after


def test_a_file_is_called_as_a_folder_is_needed_there(root: Path, there: Path) -> None:
    """In the destination, too, it stays, and what wanted to go below it stays as well."""
    write_tree(root, {"a.txt": text("a"), "b.jpg": text("b")})
    write_tree(there, {"Documents": "a file"})
    report, after = there_and_back(root, there, Options(destination=str(there), dates="file"))
    assert report.review.left_by_reason == {"name-taken": 1}
    assert after == {"Documents": "a file", "Images": {"2014": {"b.jpg": "b"}}}


def test_batches_that_a_blocked_folder_doesnt_concern(root: Path, there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They stay as they are."""
    monkeypatch.setattr(planner, "BATCH_STEPS", 2)
    write_tree(root, {"a.txt": text("a"), **{f"{number}.jpg": text(str(number)) for number in range(7)}})
    write_tree(there, {"Documents": "a file"})
    report, after = there_and_back(root, there, Options(destination=str(there), dates="file"))
    assert report.review.left_by_reason == {"name-taken": 1}
    assert after == {"Documents": "a file", "Images": {"2014": {f"{number}.jpg": str(number) for number in range(7)}}}


def test_the_same_file_is_there_already(root: Path, there: Path) -> None:
    """It isn't moved a second time, and the numbers of the trees say so."""
    write_tree(root, {"a.txt": text("same"), "b.txt": text("b"), "c.mp3": text("only one of its folder")})
    write_tree(
        there, {"Documents": {"2014": {"a.txt": text("same")}}, "Audio": {"2014": {"c.mp3": "only one of its folder"}}}
    )
    report, after = there_and_back(root, there, Options(destination=str(there), dates="file"))
    assert report.review.left_by_reason == {"duplicate-in-place": 2}
    assert report.review.by_category == {"Documents": (1, 1)}
    assert after["Documents"] == {"2014": {"a.txt": "same", "b.txt": "b"}}


def test_newer_ones_across_devices(root: Path, tmp_path: Path) -> None:
    """The older one there gets a suffix first, then the newer one is copied in its place; all of it goes back."""
    with tmpfs(tmp_path / "disk") as disk:
        write_tree(root, {"a.txt": text("newer", OLD + 99), "b.txt": text("b")})
        write_tree(disk, {"Documents": {"2014": {"a.txt": text("older")}}})
        options = Options(destination=str(disk), dates="file", conflict="keep_newer", across_devices=True)
        _, after = there_and_back(root, disk, options)
        assert after == {"Documents": {"2014": {"a.txt": "newer", "a (2).txt": "older", "b.txt": "b"}}}


@pytest.mark.parametrize("recursive", [True, False])
def test_the_numbers_of_a_plan_in_which_the_newer_one_gets_the_name(root: Path, recursive: bool) -> None:
    """The older one is planned, too, whether the scan saw it or not: all add up."""
    tree = {"a.txt": text("newer", OLD + 99), "Documents": {"2014": {"a.txt": text("older"), "b.txt": text("b")}}}
    write_tree(root, tree)
    with organizer.preview(root, Options(recursive=recursive, dates="file", conflict="keep_newer")) as plan:
        review = plan.head.review
        assert (review.scanned, review.planned, review.in_place) == ((3, 2, 1) if recursive else (2, 2, 0))


def test_what_is_left_alone_isn_t_renamed_for_a_newer_one(root: Path) -> None:
    """An excluded file in place keeps its name; the newer one gets the suffix."""
    write_tree(root, {"a.txt": text("newer", OLD + 99), "Documents": {"2014": {"a.txt": text("older")}}})
    options = Options(recursive=True, dates="file", conflict="keep_newer", exclude=("Documents/2014/a.txt",))
    organizer.organize(root, options)
    assert read_tree(root) == {"Documents": {"2014": {"a.txt": "older", "a (2).txt": "newer"}}}


def test_only_a_companion_s_name_is_taken(root: Path) -> None:
    """The family keeps together: all of it gets the suffix."""
    tree = {
        "p.jpg": text("p"),
        "p.xmp": text("x"),
        "Images": {"2014": {"p.xmp": text("somebody's"), "q.png": text("q")}},
    }
    before = write_tree(root, tree)
    organizer.organize(root, Options(dates="file"))
    names = {path.name for path in (root / "Images/2014").iterdir()}
    assert {"p (2).jpg", "p (2).xmp", "p.xmp"} <= names
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


def test_many_things_left_alone_are_stored_in_portions(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many portions, each is there once."""
    write_tree(root, {f"in {n}": {"half.part": "h", "a.txt": text(str(n))} for n in range(4)})
    options = Options(recursive=True, dates="file")
    monkeypatch.setattr(drafting, "_SKIPS_AT_ONCE", 1)
    with organizer.preview(root, options) as plan:
        left = sorted(skip.path for skips in plan.skips() for skip in skips)
        assert left == [b"in %d/half.part" % n for n in range(4)]
        assert plan.head.review.left_alone == 4


def test_an_empty_plan_is_carried_out_as_nothing(root: Path) -> None:
    """No operation is recorded for it."""
    with organizer.preview(root, Options()) as plan:
        plan_id = plan.head.plan_id
    assert organizer.organize(root, Options(), plan_id=plan_id).operation is None
    assert organizer.history(root) == []


def test_nothing_is_lost_when_everything_clashes(root: Path) -> None:
    """The same name from ten folders."""
    write_tree(root, {f"in {n}": {"a.txt": text(str(n))} for n in range(10)})
    held = contents(root)
    organizer.organize(root, Options(recursive=True, dates="file"))
    assert contents(root) == held
    assert len(list((root / "Documents/2014").iterdir())) == 10


@pytest.mark.parametrize("mode", ["copy", "hardlink", "across"])
def test_a_saved_page_is_not_promised_where_folders_cannot_go(root: Path, there: Path, mode: str) -> None:
    """Only files are copied and linked: the page stays with its folder, the plan says so, and the run does what it said."""
    write_tree(root, {"page.html": text("page"), "page_files": {"a.css": text("css")}, "b.jpg": text("b")})
    with tmpfs(there) if mode == "across" else nullcontext():
        options = Options(
            mode="move" if mode == "across" else mode, destination=str(there), across_devices=True, dates="file"
        )
        report, after = there_and_back(root, there, options)
    assert report.review.left_by_reason == {"not-supported": 1, "with-companion": 1}
    assert report.operation is not None and report.operation.totals.done == report.review.planned == 1
    assert after == {"Images": {"2014": {"b.jpg": "b"}}}
