"""A clean-up does what its preview said, never takes the last copy, and can be taken back."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest

from fileorganizer import cleaner, organizer
from fileorganizer.cleaner import Cleaning
from fileorganizer.duplicates.finder import Search
from fileorganizer.errors import InvalidOption, PlanAlreadyApplied, RootBusy, RootRefused
from fileorganizer.execution import keeping
from fileorganizer.fs import control, faults, moving
from fileorganizer.fs.beneath import Root
from fileorganizer.model import Options
from tests.support.disks import image, mounted
from tests.support.manifest import contents, difference, manifest
from tests.support.trees import File, HardLink, Tree, read_tree, write_tree

At = Callable[[str, Callable[[], object]], None]


@pytest.fixture
def at() -> Iterator[At]:
    """Do something at the first hit of a fault point."""

    def when(name: str, act: Callable[[], object]) -> None:
        left = [act]

        def action(point: str) -> None:
            if point == name and left:
                left.pop()()

        faults.action = action

    yield when
    faults.action = None


def sample() -> Tree:
    """Three copies of different age and depth, hard links among them, and something else."""
    return {
        "b.txt": File("same", mtime="2020-01-01"),
        "deep": {"er": {"a.txt": File("same", mtime="2010-01-01")}, "link": HardLink("deep/er/a.txt")},
        "z": {"c.txt": File("same", mtime="2015-01-01", xattrs={"user.tag": b"holiday"})},
        "other.txt": "else",
    }


@pytest.mark.parametrize(
    ("keep", "stays"),
    [
        ("oldest", "deep/er/a.txt"),
        ("newest", "b.txt"),
        ("shortest-path", "b.txt"),
        ("longest-path", "deep/er/a.txt"),
        ("first-alphabetical", "b.txt"),
        ("largest-metadata", "z/c.txt"),
        ("in:z", "z/c.txt"),
        ("in:z/c.txt", "z/c.txt"),
        ("in:deep", "deep/er/a.txt"),
    ],
)
def test_the_rule_says_who_stays(tmp_path: Path, keep: str, stays: str) -> None:
    """One copy stays, the others are in the trash, undo brings them back with their links and times."""
    before = write_tree(tmp_path, sample())
    held = contents(tmp_path)
    done = cleaner.clean_up(tmp_path, Cleaning(keep=keep)).operation
    assert done is not None and (done.totals.done, done.operation_type) == (2, "duplicate_cleanup")
    left = {os.fsdecode(path) for path, item in manifest(tmp_path).items() if item.kind == "file"}
    assert left == {stays, "other.txt"} | ({"deep/link"} if stays == "deep/er/a.txt" else set())
    assert contents(tmp_path) == held and organizer.verify(tmp_path).problems == []
    organizer.undo(tmp_path)
    assert difference(before, manifest(tmp_path)) == []
    assert cleaner.clean_up(tmp_path, Cleaning(keep=keep)).review.planned == 2, "undone, there is the same to do again"


@pytest.mark.parametrize("keep", ["oldest", "newest"])
def test_hard_links_replace_copies(tmp_path: Path, keep: str) -> None:
    """All names stay, one inode holds them; the second run finds nothing; undo gives the old groups of links back."""
    before = write_tree(tmp_path, sample())
    names = read_tree(tmp_path)
    report = cleaner.clean_up(tmp_path, Cleaning(keep=keep, action="hardlink"))
    assert report.operation is not None and report.operation.totals.done == 2
    assert read_tree(tmp_path) == names and (tmp_path / "b.txt").stat().st_nlink == 4
    assert organizer.verify(tmp_path).problems == []
    assert cleaner.clean_up(tmp_path, Cleaning(keep=keep, action="hardlink")).operation is None
    organizer.undo(tmp_path)
    assert difference(before, manifest(tmp_path)) == [] and organizer.verify(tmp_path).problems == []


def test_undo_of_one_path_takes_its_link_away_first(tmp_path: Path) -> None:
    """Partial undo by the path that the file had."""
    write_tree(tmp_path, {"a": File("same", mtime="2010-01-01"), "b": "same", "c": "same"})
    cleaner.clean_up(tmp_path, Cleaning(keep="oldest", action="hardlink"))
    report = organizer.undo(tmp_path, paths=[b"b"])
    assert report.operation is not None and report.operation.totals.done == 1
    assert [(tmp_path / name).stat().st_nlink for name in "abc"] == [2, 1, 2]


def test_a_preview_is_carried_out_as_it_was(tmp_path: Path) -> None:
    """Stored, shown, done once; what changed since is skipped."""
    write_tree(tmp_path, {"a": "same", "b": "same", "c": "alike", "d": "alike"})
    with cleaner.preview_clean_up(tmp_path, Cleaning(keep="first-alphabetical")) as plan:
        steps = [step for batch in plan.batches() for step in batch]
        plan_id = plan.head.plan_id
    assert [(step.source, step.keeper and step.keeper.path) for step in steps] == [(b"d", b"c"), (b"b", b"a")]
    (tmp_path / "c").write_text("edited")
    done = cleaner.clean_up(tmp_path, None, plan_id=plan_id).operation
    assert done is not None and done.totals.by_reason == {"changed": 1}
    assert read_tree(tmp_path) == {"a": "same", "c": "edited", "d": "alike"}
    with pytest.raises(PlanAlreadyApplied):
        cleaner.clean_up(tmp_path, None, plan_id=plan_id)


def test_plans_of_other_kinds_and_folders_are_refused(tmp_path: Path) -> None:
    """A clean-up carries out a clean-up of its own folder."""
    write_tree(tmp_path / "one", {"a.txt": "same", "b.txt": "same"})
    write_tree(tmp_path / "two", {"a.txt": "same"})
    with organizer.preview(tmp_path / "one", Options()) as plan:
        other = plan.head.plan_id
    with cleaner.preview_clean_up(tmp_path / "one", Cleaning(keep="oldest")) as plan:
        own = plan.head.plan_id
    with pytest.raises(InvalidOption, match="was made by another command"):
        cleaner.clean_up(tmp_path / "one", None, plan_id=other)
    with pytest.raises(InvalidOption, match=r"was made for .*/one, not for .*/two"):
        cleaner.clean_up(tmp_path / "two", None, plan_id=own)
    with pytest.raises(InvalidOption, match="--keep"):
        cleaner.clean_up(tmp_path / "one", None)


def test_what_lies_in_a_reference_stays(tmp_path: Path) -> None:
    """Inside or outside the root, whatever the rule says; nothing is ever made there."""
    write_tree(tmp_path / "root", {"a": "same", "sub": {"b": "same", "c": "same"}, "x": "alike", "y": "alike"})
    write_tree(tmp_path / "ref", {"old": File("same", mtime="2024-01-01")})
    before = manifest(tmp_path / "ref")
    cleaner.clean_up(tmp_path / "root", Cleaning(keep="oldest", against=str(tmp_path / "root" / "sub")))
    assert read_tree(tmp_path / "root") == {"sub": {"b": "same", "c": "same"}, "x": "alike"}
    cleaner.clean_up(tmp_path / "root", Cleaning(keep="oldest", against=str(tmp_path / "ref")))
    assert read_tree(tmp_path / "root") == {"sub": {}, "x": "alike"}
    assert difference(before, manifest(tmp_path / "ref")) == [] and os.listdir(tmp_path / "ref") == ["old"]
    with pytest.raises(InvalidOption, match="never touched"):
        cleaner.clean_up(tmp_path / "root", Cleaning(keep="oldest", action="hardlink", against=str(tmp_path / "ref")))


@pytest.mark.parametrize("inside", [True, False])
def test_a_name_outside_makes_no_reference_redundant(tmp_path: Path, inside: bool) -> None:
    """A hard link of a reference's file is that file: a copy goes, neither name does, whatever the rule says."""
    root, kept = tmp_path / "root", tmp_path / "root" / "kept" if inside else tmp_path / "kept"
    write_tree(root, {"copy": File("same", mtime="2024-01-01")})
    write_tree(kept, {"old": "same"})
    os.link(kept / "old", root / "a link")
    before = manifest(kept)
    cleaner.clean_up(root, Cleaning(keep="newest", against=str(kept)))
    assert read_tree(root) == {"a link": "same", **({"kept": {"old": "same"}} if inside else {})}
    assert difference(before, manifest(kept)) == []


@pytest.mark.root
def test_a_reference_that_is_mounted_in_the_root_is_one_there_too(tmp_path: Path) -> None:
    """The same folder under two paths: what is a reference under one of them isn't put away under the other."""
    root = tmp_path / "root"
    write_tree(root, {"in": {"a": File("same", mtime="2010-01-01")}, "copy": File("same", mtime="2024-01-01")})
    with mounted(tmp_path / "again", "--bind", str(root / "in")) as reference:
        cleaner.clean_up(root, Cleaning(keep="newest", against=str(reference)))
    assert read_tree(root) == {"in": {"a": "same"}}


def test_a_reference_in_use_by_another_run_is_waited_for(tmp_path: Path) -> None:
    """Nobody of ours moves the reference's files meanwhile."""
    write_tree(tmp_path / "root", {"a": "same"})
    write_tree(tmp_path / "ref", {"b": "same"})
    with Root(os.fsencode(tmp_path / "ref")) as root, control.Locks() as locks:
        folder = control.open_control(root, create=True)
        assert folder is not None
        locks.take_root(root, folder, "somebody")
        with pytest.raises(RootBusy, match="somebody"):
            cleaner.clean_up(tmp_path / "root", Cleaning(keep="oldest", against=str(tmp_path / "ref")))
        os.close(folder)
    assert (tmp_path / "root" / "a").exists()


def test_families_are_not_torn(tmp_path: Path) -> None:
    """A photo whose sidecar isn't redundant stays; with the sidecar both go. Linking tears nothing."""
    tree = {
        "keep": {"i.jpg": File("jpg", mtime="2001-01-01"), "i.xmp": File("xmp", mtime="2001-01-01"), "j.jpg": "J"},
        "copy": {"i.jpg": "jpg", "i.xmp": "xmp", "j.jpg": "J", "j.xmp": "only here"},
    }
    write_tree(tmp_path, tree)
    report = cleaner.clean_up(tmp_path, Cleaning(keep="in:keep"))
    assert report.review.left_by_reason == {"with-companion": 1}
    assert read_tree(tmp_path)["copy"] == {"j.jpg": "J", "j.xmp": "only here"}
    assert cleaner.clean_up(tmp_path, Cleaning(keep="in:keep", action="hardlink")).review.planned == 1


def test_a_rule_without_a_copy_in_its_folder_says_nothing(tmp_path: Path) -> None:
    """Neither of the two goes."""
    write_tree(tmp_path, {"a": "same", "b": "same", "sub": {"c": "else"}})
    report = cleaner.clean_up(tmp_path, Cleaning(keep="in:sub"))
    assert report.operation is None and report.review.left_by_reason == {"filtered-out": 2}


@pytest.mark.parametrize("keep", ["biggest", "in:nowhere", "in:.", "in:/"])
def test_rules_that_cannot_be_are_refused(tmp_path: Path, keep: str) -> None:
    """Before anything is read."""
    write_tree(tmp_path, {"a": "same", "b": "same"})
    with pytest.raises(InvalidOption):
        cleaner.clean_up(tmp_path, Cleaning(keep=keep))
    with pytest.raises(InvalidOption, match="burn"):
        cleaner.clean_up(tmp_path, Cleaning(keep="oldest", action="burn"))


def test_a_project_is_not_cleaned_up_unasked(tmp_path: Path) -> None:
    """Neither as the root nor below it."""
    write_tree(tmp_path / "p", {".git": {}, "a": "same", "b": "same"})
    with pytest.raises(RootRefused, match="one thing"):
        cleaner.clean_up(tmp_path / "p", Cleaning(keep="oldest"))
    assert cleaner.clean_up(tmp_path, Cleaning(keep="oldest")).operation is None
    search = Search(keep_together=False)
    assert cleaner.clean_up(tmp_path / "p", Cleaning(keep="oldest", search=search)).review.planned == 1


def test_files_open_for_writing_stay_and_are_no_keepers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is about to change them."""
    write_tree(tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same", "c": "alike", "d": "alike"})
    busy = {(status.st_dev, status.st_ino) for status in ((tmp_path / name).stat() for name in "ad")}
    monkeypatch.setattr(cleaner, "open_for_writing", lambda: busy)
    report = cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    assert report.operation is None
    assert report.review.left_by_reason == {"changed": 1, "open-for-writing": 1}


# the last copy


@pytest.mark.parametrize("point", ["operation.begun", "keeper.compared", "move.before"])
@pytest.mark.parametrize("action", ["trash", "hardlink"])
def test_a_keeper_lost_at_any_moment_saves_its_victim(tmp_path: Path, at: At, point: str, action: str) -> None:
    """The user deletes the copy that was to stay: the other one stays, or comes back."""
    write_tree(tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same"})
    at(point, (tmp_path / "a").unlink)
    report = cleaner.clean_up(tmp_path, Cleaning(keep="oldest", action=action))
    assert report.operation is not None and report.operation.totals.done == 0
    assert report.operation.totals.by_reason == {"changed": 1}
    assert read_tree(tmp_path) == {"b": "same"} and organizer.verify(tmp_path).problems == []


def _edit(path: Path) -> None:
    path.write_text("diff")


def _edit_secretly(path: Path) -> None:
    """Other bytes, the same size and mtime: only the ctime tells."""
    times = path.stat()
    path.write_text("diff")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("same")
    os.replace(other, path)


def _make_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def _make_twin(path: Path) -> None:
    """The keeper becomes another name of its victim: deleting one is no saving, and later a loss."""
    path.unlink()
    os.link(path.with_name("b"), path)


@pytest.mark.parametrize(
    ("name", "change"),
    [*product(("a", "b"), (_edit, _edit_secretly, _replace, _make_link)), ("a", _make_twin)],
)
def test_what_changed_since_the_search_is_not_believed(
    tmp_path: Path, at: At, name: str, change: Callable[[Path], None]
) -> None:
    """Edited, also secretly, replaced, turned into a link or into a hard link of the other: nothing goes."""
    write_tree(tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same"})
    at("operation.begun", lambda: change(tmp_path / name))
    report = cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    assert report.operation is not None and report.operation.totals.by_reason == {"changed": 1}
    assert (tmp_path / "b").exists() and organizer.verify(tmp_path).problems == []


def test_a_touched_keeper_is_compared_byte_by_byte(tmp_path: Path, at: At) -> None:
    """A ctime that moved with the same bytes under it is no obstacle."""
    write_tree(tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same"})
    at("operation.begun", lambda: (tmp_path / "a").chmod(0o600))
    report = cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    assert report.operation is not None and report.operation.totals.done == 1


def test_purging_never_destroys_the_last_copy(tmp_path: Path) -> None:
    """While the copy that stayed is there the trash may go; wherever that copy was moved; not when it is gone."""
    write_tree(tmp_path, {name: File("same", mtime=f"200{number}-01-01") for number, name in enumerate("abc")})
    cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").rename(tmp_path / "sub" / "moved")
    item = organizer.trash_list(tmp_path)[0]
    assert organizer.purge(tmp_path, [item.item_id]).operation.totals.done == 1  # type: ignore[union-attr]  # there was one
    (tmp_path / "sub" / "moved").unlink()
    refused = organizer.purge(tmp_path).operation
    assert refused is not None and refused.totals.by_reason == {"last-copy": 1}
    organizer.restore(tmp_path, [])
    assert [path.read_text() for path in tmp_path.glob("[abc]")] == ["same"]


def test_purging_compares_bytes_and_takes_all_names(tmp_path: Path) -> None:
    """What was changed in the trash is no copy; two names of one file are both purged."""
    tree = {"a": File("same", mtime="2001-01-01"), "b": "same", "c": HardLink("b"), "d": "same"}
    write_tree(tmp_path, tree)
    cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    place = next(item.place for item in organizer.trash_list(tmp_path) if item.path == b"d")
    (tmp_path / os.fsdecode(place)).write_text("diff")
    done = organizer.purge(tmp_path).operation
    assert done is not None and (done.totals.done, done.totals.by_reason) == (2, {"last-copy": 1})


def test_a_keeper_under_another_number_stands(tmp_path: Path) -> None:
    """As when it came back from a backup, or its disk was connected anew: same name, time and bytes, another inode."""
    write_tree(tmp_path, sample())
    cleaner.clean_up(tmp_path, Cleaning("newest"))
    shutil.copy2(tmp_path / "b.txt", tmp_path / "copy")
    (tmp_path / "copy").replace(tmp_path / "b.txt")
    purged = organizer.purge(tmp_path).operation
    assert purged is not None
    assert (purged.totals.by_reason, organizer.trash_list(tmp_path)) == ({}, [])
    assert (tmp_path / "b.txt").read_text() == "same"


def test_a_keeper_that_was_put_away_itself_is_followed(tmp_path: Path) -> None:
    """b went for a, then a for c: purging b needs c."""
    write_tree(tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same"})
    cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    write_tree(tmp_path, {"c": File("same", mtime="1999-01-01")})
    cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    shutil.copy2(tmp_path / "c", tmp_path / "d")
    assert organizer.purge(tmp_path).operation.totals.done == 2  # type: ignore[union-attr]  # there were two


def test_a_reference_stands_for_what_is_purged(tmp_path: Path) -> None:
    """While it is there, by its absolute path; two files put away for each other's copies don't run in circles."""
    write_tree(tmp_path / "root", {"a": "same", "b": "alike"})
    write_tree(tmp_path / "ref", {"a": "same", "b": "alike"})
    cleaner.clean_up(tmp_path / "root", Cleaning(keep="oldest", against=str(tmp_path / "ref")))
    (tmp_path / "ref" / "b").unlink()
    done = organizer.purge(tmp_path / "root").operation
    assert done is not None and (done.totals.done, done.totals.by_reason) == (1, {"last-copy": 1})
    shutil.rmtree(tmp_path / "ref")
    assert organizer.purge(tmp_path / "root").operation.totals.by_reason == {"last-copy": 1}  # type: ignore[union-attr]  # one


def test_each_put_away_for_the_other_stay(tmp_path: Path) -> None:
    """a went for b, came back, and b went for a; then a is deleted: b is the last one."""
    write_tree(tmp_path, {"a": "same", "b": File("same", mtime="2001-01-01")})
    cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    organizer.restore(tmp_path, [])
    cleaner.clean_up(tmp_path, Cleaning(keep="newest"))
    (tmp_path / "a").unlink()
    assert organizer.purge(tmp_path).operation.totals.by_reason == {"last-copy": 1}  # type: ignore[union-attr]  # one


def test_few_descriptors_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EMFILE while comparing says nothing about the keeper; another error there means it can't be believed."""
    write_tree(
        tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same", "c": File("alike", mtime=1), "d": "alike"}
    )
    answers: list[int | None] = [errno.EMFILE, None, None, errno.EIO]
    open_file = keeping.open_regular

    def opening(folder: int, name: bytes) -> int:
        answer = answers.pop(0)
        if answer is not None:
            raise OSError(answer, os.strerror(answer))
        return open_file(folder, name)

    monkeypatch.setattr(keeping, "open_regular", opening)
    done = cleaner.clean_up(tmp_path, Cleaning(keep="oldest")).operation
    assert done is not None and (done.totals.done, done.totals.by_reason) == (1, {"changed": 1})


def test_a_keeper_that_cannot_be_looked_at_afterwards_brings_its_victim_back(
    tmp_path: Path, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO right after the rename: nobody can say that the copy is there."""
    write_tree(tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same"})
    at("move.after", lambda: monkeypatch.setattr(keeping, "_look", _failing))
    done = cleaner.clean_up(tmp_path, Cleaning(keep="oldest")).operation
    assert done is not None and done.totals.by_reason == {"changed": 1}
    assert read_tree(tmp_path) == {"a": "same", "b": "same"}


def _failing(*_: object) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_metadata_is_asked_of_what_can_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known of the others, and that weighs nothing."""
    write_tree(tmp_path, {"a": "same", "b": File("same", xattrs={"user.tag": b"x"}), "c": "same"})
    monkeypatch.setattr(cleaner, "open_regular", _failing)
    with cleaner.preview_clean_up(tmp_path, Cleaning(keep="largest-metadata")) as plan:
        assert {step.keeper.path for batch in plan.batches() for step in batch if step.keeper} == {b"a"}
    monkeypatch.undo()
    monkeypatch.setattr(os, "listxattr", _failing)
    with cleaner.preview_clean_up(tmp_path, Cleaning(keep="largest-metadata")) as plan:
        assert {step.keeper.path for batch in plan.batches() for step in batch if step.keeper} == {b"a"}


def test_hard_links_are_refused_where_there_are_none(tmp_path: Path) -> None:
    """vfat."""
    with image(tmp_path / "disk", "vfat") as disk:
        write_tree(disk, {"a": "same", "b": "same"})
        with pytest.raises(InvalidOption, match="no hard links"):
            cleaner.clean_up(disk, Cleaning(keep="oldest", action="hardlink"))


def test_what_goes_while_it_is_planned_is_left(tmp_path: Path, at: At) -> None:
    """After the search, before the plan: a keeper, a victim, a folder."""
    tree = {
        "a": File("same", mtime=1),
        "b": "same",
        "c": File("alike", mtime=1),
        "d": "alike",
        "e": {"f": File("sam", mtime=1)},
        "g": "sam",
    }
    write_tree(tmp_path, tree)

    def change() -> None:
        (tmp_path / "a").unlink()
        (tmp_path / "d").unlink()
        shutil.rmtree(tmp_path / "e")

    at("duplicates.digest", change)
    report = cleaner.clean_up(tmp_path, Cleaning(keep="oldest"))
    assert report.operation is None and report.review.left_by_reason == {"changed": 3}


# what fails on the way


def test_a_link_that_fails_brings_its_file_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EMLINK after the file went to the trash: it comes back, and is told as not done."""
    before = write_tree(tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same"})
    link = moving.link_exclusive

    def failing(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if target == b"b":
            raise OSError(31, "Too many links")
        link(source_fd, source, target_fd, target)

    monkeypatch.setattr(moving, "link_exclusive", failing)
    done = cleaner.clean_up(tmp_path, Cleaning(keep="oldest", action="hardlink")).operation
    assert done is not None and (done.totals.done, done.totals.skipped) == (0, 1)
    found = difference(before, manifest(tmp_path))
    assert [line for line in found if not line.startswith("changed: b''")] == []
    assert organizer.verify(tmp_path).problems == []


def test_a_name_taken_in_the_window_keeps_both(tmp_path: Path, at: At) -> None:
    """Somebody makes a file where the link was to go: theirs stays, ours comes back beside it."""
    write_tree(tmp_path, {"a": File("same", mtime="2001-01-01"), "b": "same"})
    at("move.after", lambda: (tmp_path / "b").write_text("theirs"))
    done = cleaner.clean_up(tmp_path, Cleaning(keep="oldest", action="hardlink")).operation
    assert done is not None and done.totals.done == 0
    assert read_tree(tmp_path) == {"a": "same", "b": "theirs", "b (restored)": "same"}


def test_names_of_one_file_share_their_fate(tmp_path: Path, at: At) -> None:
    """A file under two names: when the second can't go, the first comes back."""
    tree = {"a": File("same", mtime="2001-01-01"), "b": "same", "c": HardLink("b")}
    write_tree(tmp_path, tree)
    at("move.after", (tmp_path / "c").unlink)
    done = cleaner.clean_up(tmp_path, Cleaning(keep="oldest")).operation
    assert done is not None and done.totals.done == 0
    assert read_tree(tmp_path) == {"a": "same", "b": "same"}
