"""What the engine answers when the disk, the user or another program gets in the way."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fileorganizer import organizer
from fileorganizer.errors import (
    ConfirmationRequired,
    Declined,
    DestinationMissing,
    DiskFull,
    Fenced,
    FileOrganizerError,
    InvalidOption,
    JournalDamaged,
    NothingToUndo,
    OperationDependency,
    OperationNotFound,
    PlatformRefused,
    RootBusy,
    RootRefused,
    RootVanished,
    StorageFailed,
    TooManyFailures,
)
from fileorganizer.execution import executor, stepping, workplace
from fileorganizer.fs import beneath, control, copying, faults, folders, moving, probe
from fileorganizer.journal.store import Journal
from fileorganizer.model import Options
from fileorganizer.progress import Listener
from tests.support.manifest import contents, difference, manifest
from tests.support.trees import File, Folder, HardLink, Link, write_tree

OLD, NEW = 1_400_000_000, 1_500_000_000
DEEP = Options(recursive=True, dates="file")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty root."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root: other file systems NOT COVERED")
    mount = tmp_path / "disk"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,nr_inodes=300", "none", str(mount)], check=True)
    yield mount
    subprocess.run(["umount", "-l", str(mount)], check=False)


def text(content: str, mtime: int = OLD) -> File:
    """A dated file."""
    return File(content.encode(), mtime=mtime)


def totals(report: organizer.Report) -> tuple[int, int, int, dict[str, int]]:
    """done, skipped, failed and the reasons of a run."""
    assert report.operation is not None
    t = report.operation.totals
    assert t.planned == t.done + t.skipped + t.failed
    return t.done, t.skipped, t.failed, t.by_reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda r: (r / "a.txt").write_text("edited"), "changed"),
        (lambda r: (r / "a.txt").unlink(), "gone"),
        (lambda r: (r / "Documents/2014/a.txt").write_text("somebody's"), "conflict"),
        (lambda r: ((r / "a.txt").unlink(), (r / "a.txt").symlink_to("/etc/passwd")), "changed"),
        (
            lambda r: ((r / "Documents/2014").rename(r / "away"), (r / "Documents/2014").symlink_to(r.parent)),
            "earlier-step",
        ),
    ],
)
def test_f30_to_f36_the_world_changes_after_the_plan(root: Path, at: Any, change: Any, reason: str) -> None:
    """What changed since is skipped with its reason; nothing of the user's is touched."""
    write_tree(root, {"a.txt": text("a"), "z.pdf": text("z"), "Documents": {"2014": {"there.txt": text("t")}}})
    at("operation.begun", lambda: change(root))
    if reason == "earlier-step":
        with suppress(FileOrganizerError):  # stopped, or refused file by file: the next lines hold for both
            organizer.organize(root, Options(dates="file"))
        assert not (root.parent / "a.txt").exists()
        assert (root / "a.txt").exists()
    else:
        _, skipped, failed, reasons = totals(organizer.organize(root, Options(dates="file")))
        assert skipped + failed == 1
        assert set(reasons) == {reason}


def test_f65_a_family_is_refused_as_a_whole(root: Path, at: Any) -> None:
    """When one member changed, none moves."""
    write_tree(root, {"p.jpg": text("p"), "p.xmp": text("x")})
    at("operation.begun", lambda: (root / "p.xmp").write_text("edited"))
    assert totals(organizer.organize(root, Options(dates="file"))) == (0, 2, 0, {"changed": 1, "with-companion": 1})


def test_f65_a_late_failure_takes_the_family_back(root: Path, at: Any) -> None:
    """The first member moved, the second can't: the first goes back."""
    before = write_tree(root, {"p.jpg": text("p"), "p.xmp": text("x"), "q.txt": text("q")})
    at("move.after", lambda: (root / "Images/2014/p.xmp").write_text("in the way"))
    done, skipped, _, reasons = totals(organizer.organize(root, Options(dates="file")))
    assert (done, skipped) == (1, 2)
    assert reasons == {"conflict": 1, "with-companion": 1}
    assert (root / "p.jpg").exists()
    (root / "Images/2014/p.xmp").unlink()
    organizer.undo(root)
    assert organizer.verify(root).problems == []
    assert [line for line in difference(before, manifest(root)) if "mtime" not in line] == []


def test_f18_across_devices(root: Path, disk: Path) -> None:
    """Off unless asked for; then a copy with everything, the original in the trash, and all of it back."""
    before = write_tree(root, {"a.txt": File(b"a", mtime=OLD, mode=0o640, xattrs={"user.x": b"1"}), "b.jpg": text("b")})
    there = Options(destination=str(disk), dates="file")
    held = contents(root)
    assert totals(organizer.organize(root, Options(destination=str(disk), dates="file", across_devices=True)))[0] == 2
    assert (disk / "Documents/2014/a.txt").read_bytes() == b"a"
    assert (disk / "Documents/2014/a.txt").stat().st_mode & 0o777 == 0o640
    assert organizer.verify(root).problems == []
    organizer.undo(root)
    assert difference(before, manifest(root)) == []
    assert not (disk / "Documents").exists()
    assert sum(held.values()) == 2
    with pytest.raises(InvalidOption):
        organizer.organize(root, there)


def test_f15_a_full_disk_stops_and_keeps_everything(root: Path, disk: Path, at: Any) -> None:
    """Too little room is seen before; a disk that fills up meanwhile stops the run."""
    write_tree(root, {f"{n}.txt": File(os.urandom(400_000), mtime=OLD) for n in range(10)})
    held = contents(root)
    copying_there = Options(mode="copy", destination=str(disk), dates="file")
    with pytest.raises(DiskFull):
        organizer.organize(root, copying_there)
    for n in range(5, 10):
        (root / f"{n}.txt").unlink()
    held = contents(root)
    at("operation.begun", lambda: (disk / "filler").write_bytes(b"x" * 1_900_000))
    with pytest.raises(DiskFull):
        organizer.organize(root, copying_there)
    faults.action = None
    assert contents(root) == held
    assert organizer.history(root)[0].reason_code == "disk-full"
    (disk / "filler").unlink()
    organizer.undo(root)
    assert organizer.verify(root).problems == []


def test_f23_a_failed_sync_is_believed_by_nobody(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch stays in doubt, recover looks, undo gives everything back."""
    before = write_tree(root, {"a.txt": text("a")})

    def fails(_fd: int) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(folders, "sync", fails)
    with pytest.raises(StorageFailed):
        organizer.organize(root, Options(dates="file"))
    monkeypatch.undo()
    assert {"in-doubt", "unfinished"} <= {problem.code for problem in organizer.verify(root).problems}
    assert organizer.recover(root) is not None
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.ENOSPC])
def test_f22_errors_that_concern_more_than_one_file(root: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The step in hand is settled by looking, the run stops, the rest counts as skipped."""
    before = write_tree(root, {"a.txt": text("a"), "b.txt": text("b"), "c.txt": text("c")})
    calls = []

    def second_fails(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(number, os.strerror(number))
        moving._linux.rename_noreplace(source_fd, source, target_fd, target)

    monkeypatch.setattr(moving, "move_exclusive", second_fails)
    monkeypatch.setattr(probe.moving, "move_exclusive", second_fails)
    monkeypatch.setattr(workplace.probe, "try_out", lambda side, _fd: _capable(side))
    with pytest.raises((StorageFailed, DiskFull)):
        organizer.organize(root, Options(dates="file"))
    monkeypatch.undo()
    operation = organizer.history(root)[0]
    assert (operation.status, operation.totals.planned) == ("failed", 3)
    assert operation.totals.done + operation.totals.skipped + operation.totals.failed == 3
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


def _capable(side: beneath.Root, rename: str = "renameat2") -> probe.Capabilities:
    """The capabilities as if they had been tried."""
    import msgspec

    return msgspec.structs.replace(probe.look_up(side), exclusive_rename=rename, hard_links="yes")


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EACCES, "denied"), (errno.EXDEV, "across-devices"), (errno.EBUSY, "busy"), (errno.EINVAL, "not-supported")],
)
def test_errors_that_concern_one_file(root: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str) -> None:
    """The file gets the reason, the others go on."""
    write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})

    def fails_for_a(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if source == b"a.txt":
            raise OSError(number, os.strerror(number))
        moving._linux.rename_noreplace(source_fd, source, target_fd, target)

    monkeypatch.setattr(stepping.moving, "move_exclusive", fails_for_a)
    monkeypatch.setattr(workplace.probe, "try_out", lambda side, _fd: _capable(side))
    done, skipped, failed, reasons = totals(organizer.organize(root, Options(dates="file")))
    assert (done, skipped + failed, reasons) == (1, 1, {reason: 1})


def test_failure_after_failure_stops(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred in a row: going on would be blind."""
    write_tree(root, {f"{n}.txt": text(str(n)) for n in range(150)})

    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(stepping.moving, "move_exclusive", denied)
    monkeypatch.setattr(workplace.probe, "try_out", lambda side, _fd: _capable(side))
    with pytest.raises(TooManyFailures):
        organizer.organize(root, Options(dates="file"))
    assert organizer.history(root)[0].totals.failed == 100


def test_f28_where_there_is_no_exclusive_rename(root: Path, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    """Link and unlink do; a file with both names after a crash loses the old one; without links it is refused."""
    before = write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    monkeypatch.setattr(workplace.probe, "try_out", lambda side, _fd: _capable(side, "link"))
    assert totals(organizer.organize(root, Options(dates="file")))[0] == 2
    organizer.undo(root)
    assert difference(before, manifest(root)) == []

    def stop() -> None:
        raise KeyboardInterrupt

    at("link.after", stop)
    with pytest.raises(KeyboardInterrupt):
        organizer.organize(root, Options(dates="file"))
    faults.action = None
    assert organizer.recover(root) is not None
    assert organizer.verify(root).problems == []
    organizer.undo(root)
    assert difference(before, manifest(root)) == []
    monkeypatch.setattr(workplace.probe, "try_out", lambda side, _fd: _capable(side, "none"))
    with pytest.raises(PlatformRefused):
        organizer.organize(root, DEEP)
    monkeypatch.setattr(probe._linux, "SUPPORTED", False)
    with pytest.raises(PlatformRefused):
        organizer.organize(root, DEEP)


def test_stopping(root: Path) -> None:
    """A wish to stop before, between and within: the totals say what was reached."""
    write_tree(root, {f"{n}.txt": text(str(n)) for n in range(300)})
    asked = []

    def third_time() -> bool:
        asked.append(1)
        return len(asked) > 4

    report = organizer.organize(root, Options(dates="file"), listener=Listener(lambda _progress: None, third_time))
    assert report.operation is not None
    assert report.operation.status == "cancelled"
    assert report.operation.totals.by_reason["stopped"] == report.operation.totals.skipped > 0
    with pytest.raises(KeyboardInterrupt):
        organizer.organize(root, Options(dates="file"), listener=Listener(None, lambda: True))


def test_stopping_in_a_copy(root: Path, tmp_path: Path) -> None:
    """The half copy is taken away again."""
    write_tree(root, {"big.txt": File(os.urandom(5 << 20), mtime=OLD)})
    target = tmp_path / "target"
    target.mkdir()
    listener = Listener(None, lambda: listener.progress.bytes_processed > 0)
    report = organizer.organize(root, Options(mode="copy", destination=str(target), dates="file"), listener=listener)
    assert report.operation is not None
    assert report.operation.totals.done == 0
    assert [p for p in target.rglob("*") if p.is_file() and ".fileorganizer" not in p.parts] == []


def test_bytes_of_what_is_done(root: Path) -> None:
    """A listener hears the bytes of the files that were moved, none of which were copied; an undo counts them anew."""
    write_tree(root, {"a.txt": text("four"), "b.txt": text("seven77")})
    listener = Listener()
    report = organizer.organize(root, Options(dates="file"), listener=listener)
    assert report.operation is not None
    assert listener.progress.bytes_processed == report.operation.totals.bytes == 11
    organizer.undo(root, listener=listener)
    assert listener.progress.bytes_processed == 11


def test_f37_a_folder_is_moved_away_meanwhile(root: Path, at: Any) -> None:
    """F37: the records are made from the disk, and the run stops."""
    write_tree(root, {f"{n}.txt": text(str(n)) for n in range(5)} | {"Documents": {"2014": {}}})
    held = contents(root)
    at("move.after", lambda: (root / "Documents").rename(root / "Elsewhere"))
    with pytest.raises(FileOrganizerError):
        organizer.organize(root, Options(dates="file"))
    faults.action = None
    assert contents(root) == held


def test_f39_the_root_vanishes(disk: Path, at: Any) -> None:
    """An unmounted disk stops the run; it never reads as all files gone."""
    write_tree(disk, {"a.txt": text("a")})
    at("operation.begun", lambda: subprocess.run(["umount", "-l", str(disk)], check=True))
    with pytest.raises(RootVanished):
        organizer.organize(disk, Options(dates="file"))


def test_f38_who_may_work_where(root: Path, tmp_path: Path) -> None:
    """Roots above and inside are kept apart, neighbours aren't; the destination's disk is asked for by name."""
    write_tree(root, {"in": {"a.txt": text("a")}, "b.txt": text("b")})
    organizer.organize(root / "in", Options(dates="file"))
    with control.Locks() as locks, beneath.Root(os.fsencode(root / "in")) as inner:
        fd = control.open_control(inner, create=True)
        assert fd is not None
        locks.take_root(inner, fd, "an inner run")
        with pytest.raises(RootBusy, match="an inner run"):
            organizer.organize(root, DEEP)
        os.close(fd)
    target = tmp_path / "target"
    target.mkdir()
    copied = organizer.organize(root, Options(mode="copy", destination=str(target), dates="file"))
    assert copied.operation is not None
    target.rename(tmp_path / "moved")
    with pytest.raises(DestinationMissing):
        organizer.undo(root)
    assert "destination-missing" in {problem.code for problem in organizer.verify(root).problems}
    target.mkdir()
    with pytest.raises(DestinationMissing):
        organizer.undo(root)


def test_refused_roots(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project, a control directory, a read-only file system, a file called like the control directory."""
    write_tree(root, {"project": {".git": {}, "a.txt": text("a")}, "odd": {".fileorganizer": "a file"}})
    with pytest.raises(RootRefused):
        organizer.organize(root / "project", DEEP)
    with pytest.raises(RootRefused):
        organizer.organize(root / "odd", DEEP)
    organizer.organize(root, DEEP)
    with pytest.raises(RootRefused):
        organizer.preview(root / ".fileorganizer", DEEP)
    import msgspec

    looked = probe.look_up
    monkeypatch.setattr(
        probe, "look_up", lambda side: msgspec.structs.replace(looked(side), read_only=True, strong_identity=False)
    )
    with pytest.raises(RootRefused):
        organizer.organize(root, DEEP)
    assert len(organizer.doctor(root).notes) == 2


def test_f41_plans_are_carried_out_once_and_only_when_they_hold(root: Path, tmp_path: Path) -> None:
    """Declined, stale, for another folder, twice."""
    write_tree(root, {f"{n}.txt": text(str(n)) for n in range(20)})
    with organizer.preview(root, Options(dates="file")) as plan:
        plan_id = plan.head.plan_id
    with pytest.raises(Declined):
        organizer.organize(root, Options(), plan_id=plan_id, confirm=lambda _plan: False)
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(InvalidOption):
        organizer.organize(other, Options(), plan_id=plan_id)
    for n in range(15):
        (root / f"{n}.txt").write_text("edited")
    with pytest.raises(ConfirmationRequired):
        organizer.organize(root, Options(), plan_id=plan_id)


def test_conflicts(root: Path) -> None:
    """Renamed, skipped, the newer one keeps the name, equal bytes stay as duplicates."""
    tree = {
        "a.txt": text("new", OLD + 10),
        "same.txt": text("same"),
        "Documents": {"2014": {"a.txt": text("old"), "same.txt": text("same")}},
        "x": {"a.txt": text("third", OLD + 5)},
        "page.html": text("page"),
        "page_files": {"i.css": text("c")},
        "Code": {"2014": {"page.html": text("other page")}},
    }
    before = write_tree(root, tree)
    for policy, where in (
        ("skip", "a.txt"),
        ("rename", "Documents/2014/a (2).txt"),
        ("keep_newer", "Documents/2014/a.txt"),
    ):
        report = organizer.organize(root, Options(recursive=True, dates="file", conflict=policy))
        assert report.review.left_by_reason["duplicate-in-place"] == 1
        assert (root / where).read_text() == "new"
        assert organizer.verify(root).problems == []
        if report.operation is not None:
            organizer.undo(root)
        assert difference(before, manifest(root)) == []


def test_undo_when_the_user_has_been_there(root: Path) -> None:
    """R13: edited goes back with the edit; replaced, moved and deleted files and taken places are left and told."""
    names = ("edited", "replaced", "rewritten", "moved", "deleted", "taken", "plain")
    write_tree(root, {f"{name}.txt": text(name) for name in names})
    organizer.organize(root, Options(dates="file"))
    there = root / "Documents/2014"
    (there / "edited.txt").write_text("with an edit")
    (there / "new").write_text("somebody else's")
    (there / "new").replace(there / "replaced.txt")
    write_tree(there, {"new": text("rewritten")})
    (there / "new").replace(there / "rewritten.txt")
    (there / "moved.txt").rename(root / "by me.txt")
    (there / "deleted.txt").unlink()
    (root / "taken.txt").write_text("mine")
    with organizer.preview_undo(root) as plan:
        assert plan.head.review.left_by_reason == {
            "not-ours": 1,
            "moved-by-you": 1,
            "missing": 1,
            "source-taken": 1,
        }
        assert plan.head.review.edited == 1
    assert {problem.code for problem in organizer.verify(root).problems} == {"not-there", "another-file"}
    organizer.undo(root)
    with organizer.show(root, "2") as shown:
        assert {row.target: row.reason for row in shown.files if row.state == "done"} == {
            b"edited.txt": "restored-edited",
            b"rewritten.txt": "",
            b"plain.txt": "",
        }
    assert (root / "edited.txt").read_text() == "with an edit"
    assert (root / "rewritten.txt").exists()
    assert (root / "taken.txt").read_text() == "mine"
    assert (there / "taken.txt").read_text() == "taken"
    with pytest.raises(NothingToUndo):
        organizer.undo(root)


def test_part_of_an_operation(root: Path) -> None:
    """Only what lay below a path goes back; what isn't in it is an error; the rest can follow."""
    before = write_tree(root, {"one": {"a.txt": text("a")}, "two": {"b.txt": text("b")}})
    organizer.organize(root, DEEP)
    with pytest.raises(InvalidOption):
        organizer.undo(root, paths=[b"three"])
    organizer.undo(root, paths=[b"one"])
    assert (root / "one/a.txt").exists()
    assert not (root / "two").exists()
    assert organizer.history(root)[1].rolled_back_count == 1
    organizer.undo(root)
    assert contents(root)
    assert {line for line in difference(before, manifest(root)) if "mtime" not in line} == set()
    assert organizer.history(root)[-1].rolled_back


def test_a_later_operation_has_to_go_back_first(root: Path) -> None:
    """It is named."""
    write_tree(root, {"a.txt": text("a")})
    first = organizer.organize(root, Options(dates="file")).operation
    second = organizer.organize(root, Options(recursive=True, dates="file", layout="year")).operation
    assert first is not None
    assert second is not None
    with pytest.raises(OperationDependency, match=second.operation_id):
        organizer.undo(root, first.operation_id)
    organizer.undo(root)
    organizer.undo(root)
    assert (root / "a.txt").exists()


def test_f59_f62_links_hard_links_and_folders(root: Path) -> None:
    """Links stay, hard links move by name, folders get everything back."""
    tree = {
        "a.txt": text("a"),
        "b.pdf": HardLink("a.txt"),
        "to a": Link("a.txt"),
        "odd": Folder({"c.mp3": text("c")}, mode=0o2750, mtime=OLD, xattrs={"user.k": b"v"}),
    }
    before = write_tree(root, tree)
    report = organizer.organize(root, DEEP)
    assert [risk.code for risk in report.review.risks] == ["links-break", "folders-dissolved"]
    assert organizer.verify(root).problems == []
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


def test_hard_link_mode_and_its_undo_twice(root: Path, tmp_path: Path) -> None:
    """Taking links back, and taking that back."""
    target = tmp_path / "target"
    target.mkdir()
    write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    organizer.organize(root, Options(mode="hardlink", destination=str(target), dates="file"))
    organizer.undo(root)
    organizer.undo(root, "2")
    assert (target / "Documents/2014/a.txt").stat().st_nlink == 2
    (root / "a.txt").unlink()
    with organizer.preview_undo(root, "1") as plan:
        assert plan.head.review.left_by_reason == {"not-ours": 1}


def test_the_journal_is_refused_when_it_isn_t_whole(root: Path) -> None:
    """An older copy, a missing one, a changed blob, a newer version."""
    import sqlite3

    write_tree(root, {"a.txt": text("a")})
    organizer.organize(root, Options(dates="file"))
    path = root / ".fileorganizer/journal.db"
    whole = path.read_bytes()
    organizer.undo(root)
    newer = path.read_bytes()
    path.write_bytes(whole)
    with pytest.raises(JournalDamaged, match="older copy"):
        organizer.history(root)
    path.unlink()
    with pytest.raises(JournalDamaged, match="missing"):
        organizer.history(root)
    for statement, words in (
        ("UPDATE batches SET steps = before", "digest"),
        ("UPDATE operations SET record = digest", "record"),
        ("UPDATE meta SET value = 99 WHERE key = 'version'", "version"),
        ("DELETE FROM batches WHERE seq = 1", "lacks"),
    ):
        path.write_bytes(newer)
        with sqlite3.connect(path) as db:
            db.execute(statement)
        db.close()
        with pytest.raises(JournalDamaged, match=words):
            organizer.verify(root)
    path.write_bytes(b"no database at all, but long enough to look at" * 30)
    with pytest.raises(JournalDamaged):
        organizer.history(root)


def test_who_was_overtaken_writes_nothing(root: Path) -> None:
    """The epoch decides."""
    write_tree(root, {"a.txt": text("a")})
    operation = organizer.organize(root, Options(dates="file")).operation
    assert operation is not None
    name = os.fsencode(root)
    with Journal(name, write=True) as old, Journal(name, write=True), pytest.raises(Fenced):
        old.update_operation(operation)
    with Journal(name, write=False) as journal:
        assert journal.operation(operation.operation_id[-6:]).number == 1
        assert len(journal.root_id) == 32
        with pytest.raises(OperationNotFound):
            journal.by_number(9)


def test_leftovers_are_named(root: Path) -> None:
    """Verify tells what belongs to no operation."""
    write_tree(root, {"a.txt": text("a")})
    organizer.organize(root, Options(dates="file"))
    control_folder = root / ".fileorganizer"
    (control_folder / "stray").write_text("?")
    (control_folder / "trash/7").mkdir(parents=True)
    (control_folder / "trash/7/1-1").write_text("?")
    assert [problem.code for problem in organizer.verify(root).problems] == ["left-over", "left-over"]


def test_copies_keep_holes_and_metadata_and_notice_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Holes stay holes, a source that changed is refused, a copy that differs is refused; no temporary is left."""
    source = tmp_path / "sparse"
    with source.open("wb") as file:
        file.truncate(8 << 20)
        file.seek(4 << 20)
        file.write(b"data")
    from fileorganizer.fs.identity import identity_of

    fd = os.open(tmp_path, os.O_RDONLY)
    seen = identity_of(os.stat(source))
    assert copying.copy_to_temporary(fd, b"sparse", fd, b"copy", seen, lambda _n: None) == []
    assert (tmp_path / "copy").stat().st_blocks < 100
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
    monkeypatch.setattr(copying, "_clone", lambda *_: True)
    os.utime(source)
    with pytest.raises(copying.SourceChanged):
        copying.copy_to_temporary(fd, b"sparse", fd, b"copy2", seen, lambda _n: None)
    monkeypatch.undo()
    seen = identity_of(os.stat(source))
    with pytest.raises(copying.SourceChanged):
        copying.copy_to_temporary(fd, b"sparse", fd, b"copy2", seen, lambda _n: os.utime(source, (1, 1)))
    os.utime(source, ns=(seen.mtime_ns, seen.mtime_ns))
    seen = identity_of(os.stat(source))

    def spoil(_count: int) -> None:
        with (tmp_path / "copy2").open("r+b") as copy:
            copy.seek(4 << 20)
            copy.write(b"DATA")

    with pytest.raises(copying.CopyDiffers):
        copying.copy_to_temporary(fd, b"sparse", fd, b"copy2", seen, spoil)
    assert not (tmp_path / "copy2").exists()
    os.close(fd)


def test_kernels_without_openat2(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders are opened one by one; links, mounts and dots on the way are refused all the same."""

    def absent(*_: object) -> int:
        raise OSError(errno.ENOSYS, "no such call")

    write_tree(root, {"a": {"b": {"c.txt": text("c")}}, "link": Link("a")})
    monkeypatch.setattr(beneath._linux, "open_beneath", absent)
    with beneath.Root(os.fsencode(root)) as opened:
        assert opened.look(b"a/b/c.txt") is not None
        assert opened.look(b"link/b") is None
        with pytest.raises(OSError, match="plain relative"):
            opened.open_folder(b"a/../a")
        for n in range(beneath.MAX_OPEN_FOLDERS + 2):
            (root / str(n)).mkdir()
            opened.folder(b"%d" % n)
    with pytest.raises(RootRefused):
        beneath.Root(os.fsencode(root / "none"))


def test_paths_longer_than_one_call_takes(root: Path) -> None:
    """Eight thousand bytes deep."""
    fd = os.open(root, os.O_RDONLY)
    for _ in range(40):
        os.mkdir(b"d" * 200, dir_fd=fd)
        deeper = os.open(b"d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    with beneath.Root(os.fsencode(root)) as opened:
        assert opened.look(b"/".join([b"d" * 200] * 40)) is not None
        monkeypatched = opened._openat2
        opened._openat2 = False
        assert opened.look(b"/".join([b"d" * 200] * 39)) is not None
        opened._openat2 = monkeypatched


def test_old_plans_are_forgotten(root: Path, own_plans: Path) -> None:
    """Nobody applied them for thirty days."""
    write_tree(root, {"a.txt": text("a")})
    organizer.preview(root, DEEP).close()
    old = next(own_plans.iterdir())
    os.utime(old, (1, 1))
    (own_plans / "x.partial").write_text("")
    organizer.preview(root, DEEP).close()
    assert not old.exists()
    assert (own_plans / "x.partial").exists()


def test_batches_by_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that takes long is settled, and its rest begins a new one."""
    before = write_tree(root, {f"{n}.txt": text(str(n)) for n in range(300)})
    monkeypatch.setattr(executor, "BATCH_SECONDS", 0.0)
    assert totals(organizer.organize(root, Options(dates="file")))[0] == 300
    assert organizer.verify(root).problems == []
    with organizer.show(root, "1") as shown:
        assert [row.state for row in shown.files] == ["done"] * 300
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


def test_many_folders_are_synced_together(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit one call makes the file system durable."""
    write_tree(root, {"a.txt": text("a")})
    monkeypatch.setattr(folders, "FEW_FOLDERS", 0)
    monkeypatch.setattr(folders, "MUCH_UNWRITTEN_KIB", 1 << 40)
    assert totals(organizer.organize(root, DEEP))[0] == 1
