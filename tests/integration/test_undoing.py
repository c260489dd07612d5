"""Taking back where files are missing, moved on, or where nobody can look."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fileorganizer import organizer
from fileorganizer.errors import OperationDependency, StorageFailed
from fileorganizer.execution import undoing
from fileorganizer.fs import faults
from fileorganizer.fs.beneath import Root
from fileorganizer.journal.store import Journal
from fileorganizer.model import Options, Reason
from fileorganizer.progress import Listener
from tests.support.disks import another_device, image, tmpfs
from tests.support.manifest import contents, difference, manifest
from tests.support.trees import File, Link, read_tree, write_tree

OLD = 1_400_000_000
LOOSE = Options(dates="file")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with some files."""
    folder = tmp_path / "root"
    write_tree(folder, {f"{name}.txt": File(name.encode(), mtime=OLD) for name in "abc"})
    return folder


def left(root: Path) -> dict[str, int]:
    """What an undo would leave alone, by reason."""
    with organizer.preview_undo(root, "1") as plan:
        return plan.head.review.left_by_reason


def test_a_later_operation_that_is_taken_back_is_no_hindrance(root: Path) -> None:
    """Its files are where they were; what the user deleted since is missing."""
    organizer.organize(root, LOOSE)
    organizer.organize(root, Options(dates="file", layout="year", recursive=True))
    organizer.undo(root)
    (root / "Documents/2014/a.txt").unlink()
    assert left(root) == {"missing": 1}
    organizer.undo(root)
    assert read_tree(root) == {"b.txt": "b", "c.txt": "c"}


def test_what_a_later_run_moved_on_to_another_folder(root: Path, tmp_path: Path) -> None:
    """It has to be undone first, also while that folder isn't there; what the user deleted there is missing."""
    there, away = tmp_path / "there", tmp_path / "away"
    there.mkdir()
    organizer.organize(root, LOOSE)
    organizer.organize(root, Options(dates="file", recursive=True, destination=str(there)))
    with pytest.raises(OperationDependency, match="Operation 2"):
        organizer.preview_undo(root, "1")
    there.rename(away)
    with pytest.raises(OperationDependency, match="Operation 2"):
        organizer.preview_undo(root, "1")
    away.rename(there)
    for file in there.glob("*/*/*.txt"):
        file.unlink()
    assert left(root) == {"missing": 3}


@pytest.mark.root
def test_a_copy_on_another_disk_that_was_edited(root: Path, tmp_path: Path) -> None:
    """R13: the original comes back out of the trash, and it is said where the copy with the edit stays."""
    before = manifest(root)
    with tmpfs(tmp_path / "disk") as disk:
        organizer.organize(root, Options(dates="file", destination=str(disk), across_devices=True))
        (disk / "Documents/2014/a.txt").write_text("with an edit")
        assert left(root) == {"not-ours": 1}
        assert organizer.undo(root).review.planned == 3
        assert difference(before, manifest(root)) == []
        assert read_tree(disk) == {"Documents": {"2014": {"a.txt": "with an edit"}}}
        with organizer.show(root, "2") as shown:
            told = [(row.path, row.detail) for row in shown.files if row.state == "left"]
        assert told == [(b"a.txt", "the copy stays at Documents/2014/a.txt")]


def test_a_copy_that_was_moved_on(root: Path, tmp_path: Path) -> None:
    """It isn't back: it stays where the user has put it, and is told. One that was deleted is as good as put away."""
    there = tmp_path / "there"
    there.mkdir()
    write_tree(root, {name: File(name, mtime=OLD) for name in ("kept.txt", "gone.txt")})
    organizer.organize(root, Options(dates="file", mode="copy", destination=str(there)))
    (there / "Documents/2014/kept.txt").rename(there / "mine.txt")
    (there / "Documents/2014/gone.txt").unlink()
    with organizer.preview_undo(root) as plan:
        assert [(s.path, s.reason, s.detail) for skips in plan.skips() for s in skips] == [
            (b"kept.txt", Reason.MOVED_BY_YOU, "the copy stays at mine.txt")
        ]
        assert plan.head.review.already_back == 1
    organizer.undo(root)
    assert read_tree(there) == {"mine.txt": "kept.txt"}
    assert (organizer.history(root)[-1].rolled_back, organizer.history(root)[-1].undo_finished) == (False, True)


@pytest.mark.root
def test_a_copy_on_another_disk_that_was_moved_on(root: Path, tmp_path: Path) -> None:
    """Its original comes back out of the trash, and it is said where the copy stays."""
    write_tree(root, {"a.txt": File("a", mtime=OLD)})
    with tmpfs(tmp_path / "disk") as disk:
        organizer.organize(root, Options(dates="file", destination=str(disk), across_devices=True))
        (disk / "Documents/2014/a.txt").rename(disk / "mine.txt")
        organizer.undo(root)
        assert (root / "a.txt").read_text() == "a" and read_tree(disk) == {"mine.txt": "a"}
        assert left(root) == {"moved-by-you": 1}


def test_what_was_done_in_another_folder_is_no_concern(root: Path, tmp_path: Path) -> None:
    """Copies, taken back and restored, between an operation and its undo."""
    before = manifest(root)
    there = tmp_path / "there"
    there.mkdir()
    organizer.organize(root, LOOSE)
    organizer.organize(root, Options(dates="file", mode="copy", recursive=True, destination=str(there)))
    organizer.undo(root)
    organizer.restore(root, [item.item_id for item in organizer.trash_list(root)][:2])
    copies = read_tree(there)
    organizer.undo(root, "1")
    assert difference(before, manifest(root)) == [] and read_tree(there) == copies


def test_one_by_one_all_the_way_back(root: Path) -> None:
    """The folders that the second operation removed, and its undo made again, are still those of the first."""
    before = manifest(root)
    organizer.organize(root, LOOSE)
    for layout in ("year", "category", "category_year"):
        organizer.organize(root, Options(dates="file", layout=layout, recursive=True))
    for _ in range(4):
        organizer.undo(root)
    assert difference(before, manifest(root)) == []


@pytest.mark.parametrize("theirs", [False, True])
def test_a_folder_that_stayed_for_a_later_run_s_files_goes_with_them(root: Path, theirs: bool) -> None:
    """Taken back in the order of their making, the first run leaves the folder that it made to the second. What is the user's stays."""
    before = manifest(root, root_itself=False)
    organizer.organize(root, LOOSE)
    write_tree(root, {"d.txt": File("d", mtime=OLD)})
    organizer.organize(root, LOOSE)
    organizer.undo(root, "1")
    if theirs:
        write_tree(root, {"Documents": {"mine": "mine"}})
    documents = (root / "Documents").stat().st_mtime_ns
    organizer.undo(root)
    assert read_tree(root).get("Documents") == ({"mine": "mine"} if theirs else None)
    if theirs:
        assert (root / "Documents").stat().st_mtime_ns != documents  # its folder 2014 went
        return
    (root / "d.txt").unlink()
    assert difference(before, manifest(root, root_itself=False)) == []


def test_a_run_that_was_stopped_before_its_first_step_has_left_no_folder(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Undone, though there was nothing to undo, it has no say in what becomes of the next run's folders."""
    before = manifest(root, root_itself=False)
    begun: list[str] = []
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(faults, "action", lambda name: begun.append(name) if name == "operation.begun" else None)
        stopped = organizer.organize(root, LOOSE, listener=Listener(should_stop=lambda: bool(begun))).operation
    assert stopped is not None and (stopped.status, stopped.totals.done) == ("cancelled", 0)
    organizer.organize(root, LOOSE)
    organizer.undo(root, "1")
    assert read_tree(root).keys() == {"Documents"}
    organizer.undo(root)
    assert difference(before, manifest(root, root_itself=False)) == []


def test_a_later_run_that_is_taken_back_is_done_again_in_a_folder_that_had_stayed_for_it(root: Path) -> None:
    """The undo has removed it, so the undo of the undo makes it."""
    organizer.organize(root, LOOSE)
    write_tree(root, {"d.txt": File("d", mtime=OLD)})
    organizer.organize(root, LOOSE)
    organizer.undo(root, "1")
    organizer.undo(root)
    organizer.undo(root, "4")
    assert read_tree(root)["Documents"] == {"2014": {"d.txt": "d"}}
    organizer.undo(root, "2")
    assert "Documents" not in read_tree(root)
    assert organizer.verify(root).problems == []


def test_a_folder_of_the_user_s_that_was_removed_and_made_again_stays(root: Path) -> None:
    """Made again by an undo isn't made by the operation."""
    (root / "Documents/2014").mkdir(parents=True)
    organizer.organize(root, LOOSE)
    organizer.organize(root, Options(dates="file", layout="year", recursive=True))
    organizer.undo(root)
    organizer.undo(root)
    assert (root / "Documents/2014").is_dir()


def test_where_nobody_can_look(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the user put into a folder of another file system is missing, not looked for; one that changes while
    it is looked at isn't it."""
    organizer.organize(root, LOOSE)
    (root / "Documents/2014/a.txt").rename(root / "kept.txt")
    (root / "mounted").mkdir()
    with tmpfs(root / "mounted"):
        (root / "mounted/in").mkdir()
        assert left(root) == {"moved-by-you": 1}
        (root / "kept.txt").rename(tmp_path / "outside.txt")
        assert left(root) == {"missing": 1}

    def gone(**_: object) -> os.stat_result:
        raise FileNotFoundError(errno.ENOENT, "gone")

    entry: Any = SimpleNamespace(stat=gone)
    assert undoing._mark(entry) is None


@pytest.mark.root
@pytest.mark.loop
def test_a_disk_that_was_connected_anew(tmp_path: Path) -> None:
    """Its device has another number then: what the user moved is found all the same, what a later run moved on isn't undone."""
    with image(tmp_path / "disk", "ext4", "-q") as disk, another_device(disk) as connect_anew:
        root = disk / "root"
        write_tree(root, {f"{name}.txt": File(name.encode(), mtime=OLD) for name in "ab"})
        organizer.organize(root, LOOSE)
        (root / "Documents/2014/a.txt").rename(root / "by me.txt")
        connect_anew()
        assert left(root) == {"moved-by-you": 1}
        organizer.organize(root, Options(dates="file", layout="year", recursive=True))
        with pytest.raises(OperationDependency):
            organizer.preview_undo(root, "1")


def test_a_disk_that_doesn_t_answer_is_no_free_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An undo isn't planned on a guess."""
    organizer.organize(root, LOOSE)
    before = manifest(root)
    folder = Root.folder

    def broken(self: Root, path: bytes) -> int:
        if path == b"":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return folder(self, path)

    monkeypatch.setattr(Root, "folder", broken)
    with pytest.raises(OSError, match="Input/output"):
        organizer.preview_undo(root)
    monkeypatch.undo()
    assert manifest(root) == before


def test_counts_that_the_batches_don_t_bear_out(root: Path) -> None:
    """Verify says so."""
    operation = organizer.organize(root, LOOSE).operation
    assert operation is not None
    operation.totals.done, operation.totals.skipped = 2, 1
    with Journal(os.fsencode(root), write=True) as journal:
        journal.update_operation(operation)
    assert [problem.code for problem in organizer.verify(root).problems] == ["counts"]


def test_f65_a_family_torn_by_a_crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One member had moved, the other's name was taken: recovered, the first goes back to the other."""
    from fileorganizer.fs import faults

    root = tmp_path / "family"
    before = write_tree(root, {"p.jpg": File(b"p", mtime=OLD), "p.xmp": File(b"x", mtime=OLD), "q.txt": "q"})

    def action(name: str) -> None:
        taken = root / "Images/2014/p.xmp"
        if name == "move.after" and not taken.exists():
            taken.write_text("somebody's")
        if name == "batch.carried-out" and taken.exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(faults, "action", action)
    with pytest.raises(KeyboardInterrupt):
        organizer.organize(root, LOOSE)
    monkeypatch.setattr(faults, "action", None)
    assert (root / "Images/2014/p.jpg").exists()
    assert organizer.recover(root) is not None
    assert (root / "p.jpg").exists()
    assert organizer.verify(root).problems == []
    (root / "Images/2014/p.xmp").unlink()
    organizer.undo(root)
    assert [line for line in difference(before, manifest(root)) if "mtime" not in line] == []


@pytest.mark.parametrize("again", [False, True])
def test_f65_one_of_a_family_takes_the_others_along(tmp_path: Path, again: bool) -> None:
    """Named by its own path alone: all of its family goes back, nobody else, and the preview says so; to and fro."""
    root = tmp_path / "families"
    names = {f"{name}{ending}": File(name, mtime=OLD) for name in ("p", "q") for ending in (".jpg", ".xmp")}
    before = write_tree(root, {**names, "alone.jpg": File("a", mtime=OLD)})
    organizer.organize(root, LOOSE)
    if again:  # by an undo of the undo, which has its groups from the first
        organizer.undo(root)
        organizer.undo(root, "2")
    number = str(organizer.history(root)[0].number)
    away = read_tree(root)
    with organizer.preview_undo(root, number, paths=[b"p.xmp"]) as plan:
        assert plan.head.review.planned == 2
        assert plan.head.review.along == 1
    with organizer.preview_undo(root, number, paths=[b"p.xmp", b"p.jpg"]) as plan:
        assert (plan.head.review.planned, plan.head.review.along) == (2, 0)
    organizer.undo(root, number, paths=[b"p.xmp"])
    assert sorted(path.name for path in root.glob("*.*")) == [".fileorganizer", "p.jpg", "p.xmp"]
    organizer.undo(root, str(organizer.history(root)[0].number), paths=[b"Images/2014/p.jpg"])
    assert read_tree(root) == away
    organizer.undo(root, number)
    assert [line for line in difference(before, manifest(root)) if "mtime" not in line] == []
    assert organizer.verify(root).problems == []


def test_f23_a_folder_that_can_t_be_opened_for_its_sync(root: Path, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    """The batch stays in doubt until somebody looks; then everything is true."""
    before, held = manifest(root), contents(root)

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    at("batch.carried-out", lambda: monkeypatch.setattr(Root, "open_folder", broken))
    with pytest.raises(StorageFailed, match="in doubt"):
        organizer.organize(root, LOOSE)
    monkeypatch.undo()
    organizer.recover(root)
    assert contents(root) == held
    assert organizer.verify(root).problems == []
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


@pytest.mark.parametrize("instead", [Link("elsewhere"), File(b"a note", mtime=OLD)], ids=["a link", "a file"])
def test_something_else_where_a_folder_was(tmp_path: Path, instead: Link | File) -> None:
    """Nothing can go back through it: that is said before, not found out by the step (found by seed 11 of 600 games)."""
    root = tmp_path / "root"
    write_tree(
        root, {"in": {"deep": {"a.txt": File(b"a", mtime=OLD)}}, "b.txt": File(b"b", mtime=OLD), "elsewhere": {}}
    )
    organizer.organize(root, Options(dates="file", recursive=True))
    shutil.rmtree(root / "in", ignore_errors=True)
    write_tree(root, {"in": instead})
    with organizer.preview_undo(root, "1") as plan:
        assert (plan.head.review.planned, plan.head.review.left_by_reason) == (1, {"source-taken": 1})
    organizer.undo(root)
    assert (root / "b.txt").read_text() == "b" and (root / "Documents/2014/a.txt").read_text() == "a"
    assert organizer.verify(root).problems == [] and list((root / "elsewhere").iterdir()) == []
