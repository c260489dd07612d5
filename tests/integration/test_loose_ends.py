"""What is half done when a run stops: families, and files in parking places. None stays torn, none is forgotten."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fileorganizer import organizer
from fileorganizer.errors import DiskFull, StorageFailed
from fileorganizer.execution import executor
from fileorganizer.fs import copying, faults, moving, probe, trash
from fileorganizer.model import Options
from fileorganizer.progress import Listener
from tests.integration.test_crash import kill_at
from tests.support.crash import RECURSIVE, Trial, in_child, swap_tree, trash_tree
from tests.support.disks import tmpfs
from tests.support.trees import File, read_tree, write_tree

OLD = 1_500_000_000


def family(*endings: str, stem: str = "a") -> dict[str, object]:
    """Companions in one folder."""
    return {f"{stem}.{ending}": File(ending, mtime=OLD) for ending in endings}


def broken_renames(monkeypatch: pytest.MonkeyPatch, works: Callable[[int], bool]) -> None:
    """Renames of pictures and of what is parked answer with EIO, but for those whose number (from 1) ``works``."""
    rename, count = moving.move_exclusive, 0

    def move(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        nonlocal count
        if source.endswith(b".png") or target.endswith(b".png"):
            count += 1
            if not works(count):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source_fd, source, target_fd, target)

    monkeypatch.setattr(moving, "move_exclusive", move)


def test_f22_a_failing_disk_in_the_middle_of_a_swap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first file is parked, the second can't be read: the first goes back before the operation is closed."""
    trial = Trial(tmp_path, swap_tree())
    before = read_tree(trial.root)
    broken_renames(monkeypatch, lambda number: number != 2)
    with pytest.raises(StorageFailed):
        organizer.organize(trial.root, RECURSIVE)
    assert read_tree(trial.root) == before
    assert organizer.verify(trial.root).problems == []
    assert organizer.history(trial.root)[0].status == "failed"


def test_f26_an_error_for_a_move_that_was_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of files does it, and its answer is lost: what is on the disk counts, and undo knows the file."""
    trial = Trial(tmp_path, {f"{name}.txt": File(name, mtime=OLD) for name in "abc"})
    before, rename = read_tree(trial.root), moving.move_exclusive

    def unheard(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        rename(source_fd, source, target_fd, target)
        if source == b"b.txt":
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(moving, "move_exclusive", unheard)
        with pytest.raises(StorageFailed):
            organizer.organize(trial.root, RECURSIVE)
    totals = organizer.history(trial.root)[0].totals
    assert (totals.done, totals.planned, [path.name for path in trial.root.glob("*.txt")]) == (2, 3, ["c.txt"])
    assert organizer.verify(trial.root).problems == []
    organizer.undo(trial.root)
    assert read_tree(trial.root) == before


def test_f26_a_move_that_the_server_was_asked_for_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time the file isn't there any more: it is at the target, so it was moved."""
    trial = Trial(tmp_path, {f"{name}.txt": File(name, mtime=OLD) for name in "abc"})
    before, rename = read_tree(trial.root), moving.move_exclusive

    def again(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        rename(source_fd, source, target_fd, target)
        if source == b"b.txt":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    with monkeypatch.context() as patched:
        patched.setattr(moving, "move_exclusive", again)
        operation = organizer.organize(trial.root, RECURSIVE).operation
    assert operation is not None
    assert (operation.totals.done, operation.totals.planned) == (3, 3)
    organizer.undo(trial.root)
    assert read_tree(trial.root) == before


def test_f22_a_disk_that_fails_until_it_is_mounted_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parked file can't go back either: the operation isn't closed, and recovery brings it back."""
    trial = Trial(tmp_path, swap_tree())
    before = read_tree(trial.root)
    broken_renames(monkeypatch, lambda number: number == 1)
    with pytest.raises(StorageFailed):
        organizer.organize(trial.root, RECURSIVE)
    assert organizer.history(trial.root)[0].status == "running"
    monkeypatch.undo()
    assert organizer.recover(trial.root) is not None
    assert read_tree(trial.root) == before
    assert organizer.verify(trial.root).problems == []


def test_a_parked_file_whose_folder_has_gone(tmp_path: Path) -> None:
    """Recovery can't bring it back to where there is nothing any more; undo makes the folder again."""
    trial = Trial(tmp_path, swap_tree())
    before = read_tree(trial.root)
    assert not in_child(lambda: organizer.organize(trial.root, RECURSIVE), kill_at("move.after"))
    (emptied,) = [folder for folder in trial.root.glob("Images/*") if not any(folder.iterdir())]
    emptied.rmdir()
    organizer.recover(trial.root)
    assert len(list(trial.root.glob(".fileorganizer/temporary/*"))) == 1
    organizer.undo(trial.root)
    assert read_tree(trial.root) == before
    assert organizer.verify(trial.root).problems == []


@pytest.mark.parametrize("when", ["before", "recover.classified"])
def test_a_companion_that_is_edited_before_the_run_goes_on(tmp_path: Path, at: Any, when: str) -> None:
    """Killed in the middle of a family; the rest can't follow any more, so what was moved goes back."""
    trial = Trial(tmp_path, family("jpg", "xmp"))
    with organizer.preview(trial.root, RECURSIVE) as plan:
        plan_id = plan.head.plan_id
    work = lambda: organizer.organize(trial.root, RECURSIVE, plan_id=plan_id)  # noqa: E731  # forked below
    assert not in_child(work, kill_at("move.after"))
    (left,) = trial.root.glob("a.*")
    if when == "before":
        left.write_text("edited")
    else:
        at(when, lambda: left.write_text("edited"))
    operation = organizer.resume(trial.root, plan_id)
    assert sorted(path.name for path in trial.root.glob("a.*")) == ["a.jpg", "a.xmp"]
    assert (operation.totals.done, operation.totals.skipped, operation.totals.planned) == (0, 2, 2)
    assert organizer.verify(trial.root).problems == []


def test_the_rest_of_a_batch_in_which_a_family_went_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while it goes back: the run goes on with what that batch had not come to, not with the next one."""
    monkeypatch.setattr(executor, "BATCH_SECONDS", -1.0)  # a batch ends after the first few files
    trial = Trial(tmp_path, family("jpg", "xmp") | {f"{n}.txt": File(str(n), mtime=OLD) for n in range(100)})
    with organizer.preview(trial.root, RECURSIVE) as plan:
        plan_id = plan.head.plan_id
    rename, moved = moving.move_exclusive, list[bytes]()

    def move(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if source == b"a.xmp":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if source == b"a.jpg" and source in moved:  # on its way back
            os.kill(os.getpid(), signal.SIGKILL)
        moved.append(source)
        rename(source_fd, source, target_fd, target)

    with monkeypatch.context() as patched:
        patched.setattr(moving, "move_exclusive", move)
        assert not in_child(lambda: organizer.organize(trial.root, RECURSIVE, plan_id=plan_id), None)
    operation = organizer.resume(trial.root, plan_id)
    assert (operation.totals.done, operation.totals.planned) == (100, 102)
    assert not list(trial.root.glob("*.txt"))
    assert sorted(path.name for path in trial.root.glob("a.*")) == ["a.jpg", "a.xmp"]
    assert organizer.verify(trial.root).problems == []


def denied(name: bytes) -> Callable[[int, bytes, int, bytes], None]:
    """Renames as ever, but for one file's."""
    rename = moving.move_exclusive

    def move(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if source == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        rename(source_fd, source, target_fd, target)

    return move


def test_a_family_that_goes_back_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes longer than a batch may: all of it goes back."""
    monkeypatch.setattr(executor, "BATCH_SECONDS", -1.0)
    monkeypatch.setattr(executor, "LOOK_UP_EVERY", 1)  # a batch ends after the first step, or family
    monkeypatch.setattr(moving, "move_exclusive", denied(b"a.xmp"))
    trial = Trial(tmp_path, family("jpg", "cr2", "xmp"))
    operation = organizer.organize(trial.root, RECURSIVE).operation
    assert operation is not None
    assert sorted(path.name for path in trial.root.glob("a.*")) == ["a.cr2", "a.jpg", "a.xmp"]
    assert (operation.totals.done, operation.totals.skipped, operation.totals.failed) == (0, 2, 1)
    assert organizer.verify(trial.root).problems == []


@pytest.mark.parametrize("hit", [1, 2, 3])
def test_a_family_of_three_where_moving_is_linking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hit: int) -> None:
    """Killed while a member has both names: recovery leaves all of them here, or all of them there."""
    monkeypatch.setattr(probe, "_exclusive_rename", lambda _fd, _links: "link")
    trial = Trial(tmp_path, family("jpg", "cr2", "xmp"))
    assert not in_child(lambda: organizer.organize(trial.root, RECURSIVE), kill_at("link.after", hit))
    organizer.recover(trial.root)
    places = [path for path in trial.root.rglob("a.*") if ".fileorganizer" not in path.parts]
    assert len(places) == 3
    assert len({path.parent for path in places}) == 1
    assert organizer.verify(trial.root).problems == []


def test_a_stop_in_the_middle_of_copying_a_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    """The copies that were made are taken back, though nothing more is to be done."""
    monkeypatch.setattr(copying, "_clone", lambda _reader, _writer: False)
    write_tree(tmp_path, {"root": family("jpg", "xmp"), "there": {}})
    stop: list[bool] = []
    at("copy.published", lambda: stop.append(True))
    options = Options(mode="copy", destination=str(tmp_path / "there"), dates="file")
    operation = organizer.organize(tmp_path / "root", options, listener=Listener(None, lambda: bool(stop))).operation
    assert operation is not None
    assert [path for path in (tmp_path / "there").rglob("a.*") if ".fileorganizer" not in path.parts] == []
    assert (operation.status, operation.totals.done, operation.totals.skipped) == ("cancelled", 0, 2)


def test_copies_that_go_back_are_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while the copies of a stopped family are put away: recovery puts them away."""
    monkeypatch.setattr(copying, "_clone", lambda _reader, _writer: False)
    root, there, stop = tmp_path / "root", tmp_path / "there", list[bool]()
    write_tree(tmp_path, {"root": family("jpg", "xmp"), "there": {}})

    def action(name: str) -> None:
        if name == "copy.published":
            stop.append(True)
        elif name == "move.before":  # nothing but what goes into the trash is moved here
            os.kill(os.getpid(), signal.SIGKILL)

    options = Options(mode="copy", destination=str(there), dates="file")
    assert not in_child(lambda: organizer.organize(root, options, listener=Listener(None, lambda: bool(stop))), action)
    assert live(there) != []
    organizer.recover(root)
    assert (live(root), live(there)) == (["a.jpg", "a.xmp"], [])
    assert organizer.verify(root).problems == []


def test_f22_a_disk_that_fails_while_copies_go_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    """Those of a stopped family: it is tried once more, and they are put away."""
    monkeypatch.setattr(copying, "_clone", lambda _reader, _writer: False)
    root, there, stop, failed = tmp_path / "root", tmp_path / "there", list[bool](), list[bool]()
    write_tree(tmp_path, {"root": family("jpg", "xmp"), "there": {}})
    at("copy.published", lambda: stop.append(True))
    rename = moving.move_exclusive

    def move(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if source.startswith(b"a.") and not failed:
            failed.append(True)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rename(source_fd, source, target_fd, target)

    monkeypatch.setattr(moving, "move_exclusive", move)
    options = Options(mode="copy", destination=str(there), dates="file")
    with pytest.raises(StorageFailed):
        organizer.organize(root, options, listener=Listener(None, lambda: bool(stop)))
    assert (live(root), live(there)) == (["a.jpg", "a.xmp"], [])
    assert organizer.verify(root).problems == []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Another file system."""
    with tmpfs(tmp_path / "disk") as place:
        yield place


def live(folder: Path) -> list[str]:
    """The files of a folder that aren't in its trash."""
    found = [path for path in folder.rglob("*") if path.is_file() and ".fileorganizer" not in path.parts]
    return sorted(path.name for path in found)


def test_a_stop_between_copies_and_their_sources(tmp_path: Path, disk: Path, at: Any) -> None:
    """Across devices a file is copied, and its original put away later: stopped in between it is where it was, and only there."""
    root, options = tmp_path / "root", Options(dates="file", destination=str(disk), across_devices=True)
    write_tree(root, {f"{name}.txt": File(name, mtime=OLD) for name in "abc"})
    stop: list[bool] = []
    at("copy.published", lambda: stop.append(True))
    operation = organizer.organize(root, options, listener=Listener(None, lambda: bool(stop))).operation
    assert operation is not None
    assert (operation.status, operation.totals.done, operation.totals.skipped) == ("cancelled", 0, 3)
    assert (live(root), live(disk)) == (["a.txt", "b.txt", "c.txt"], [])
    again = organizer.organize(root, options).operation
    assert again is not None
    assert (again.totals.done, live(root), live(disk)) == (3, [], ["a.txt", "b.txt", "c.txt"])
    assert organizer.verify(root).problems == []


@pytest.mark.parametrize(
    ("after", "tree"),
    [
        ("mkdir.after", {"a.txt": "a", "b.jpg": "b", "c.mp3": "c"}),
        ("move.after", {"b.jpg": "b", "c.mp3": "c", "Documents": {"2017": {"a.txt": "a"}}, "Audio": {"mine": {}}}),
    ],
)
def test_a_stop_takes_the_folders_along_that_nothing_has_come_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Any, after: str, tree: dict[str, object]
) -> None:
    """What was made for files that don't come any more; what somebody else has put something into stays."""
    monkeypatch.setattr(executor, "LOOK_UP_EVERY", 1)
    trial = Trial(tmp_path, {name: File(name[0], mtime=OLD) for name in ("a.txt", "b.jpg", "c.mp3")})
    stop: list[bool] = []

    def stopped() -> None:
        stop.append(True)
        if after == "move.after":
            (trial.root / "Audio/mine").mkdir()

    at(after, stopped)
    organizer.organize(trial.root, RECURSIVE, listener=Listener(None, lambda: bool(stop)))
    assert read_tree(trial.root) == tree
    assert organizer.verify(trial.root).problems == []
    if "Audio" in tree:
        (trial.root / "Audio/mine").rmdir()
    organizer.undo(trial.root)
    trial.check_back("undone")


def test_an_original_that_is_edited_after_it_was_copied(
    tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays with its companion, and so the copies go: what is there is either moved or as it was."""
    root, options = tmp_path / "root", Options(dates="file", destination=str(disk), across_devices=True)
    write_tree(root, family("jpg", "xmp") | {"b.txt": File("b", mtime=OLD)})
    published: list[str] = []

    def edit(name: str) -> None:
        if name == "copy.published":
            published.append(name)
            if len(published) == 3:
                (root / "a.xmp").write_text("edited")

    monkeypatch.setattr(faults, "action", edit)
    operation = organizer.organize(root, options).operation
    assert operation is not None
    assert (operation.totals.done, operation.totals.by_reason) == (1, {"changed": 1, "with-companion": 1})
    assert (live(root), live(disk)) == (["a.jpg", "a.xmp"], ["b.txt"])
    assert organizer.verify(root).problems == []


def test_f15_no_room_for_the_list_of_what_is_trashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an answer like any other of a full disk: the operation is closed, and goes on later."""
    trial = Trial(tmp_path, trash_tree())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(trash, "prepare", full)
        with pytest.raises(DiskFull):
            organizer.organize(trial.root, RECURSIVE)
    failed = organizer.history(trial.root)[0]
    assert (failed.status, failed.reason_code) == ("failed", "disk-full")
    trial.check("the disk is full")
    organizer.organize(trial.root, RECURSIVE)
    trial.check("with room")


def test_f17_a_folder_that_was_closed_since_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its family is denied, one by one; what lies elsewhere goes."""
    trial = Trial(tmp_path, {"closed": family("jpg", "xmp"), "open": family("cr2", "xmp")})
    stat = os.stat
    denied: list[bool] = []

    def closed(path: Any, **rest: Any) -> os.stat_result:
        if denied and path == b"a.jpg":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return stat(path, **rest)

    def confirmed(_plan: object) -> bool:
        denied.append(True)
        monkeypatch.setattr(os, "stat", closed)
        return True

    operation = organizer.organize(trial.root, RECURSIVE, confirm=confirmed).operation
    monkeypatch.undo()
    assert operation is not None
    assert (operation.totals.done, operation.totals.by_reason) == (2, {"denied": 1, "with-companion": 1})


def failing_way_back(monkeypatch: pytest.MonkeyPatch, works: Callable[[], bool], stem: bytes = b"a") -> None:
    """The sidecar is denied; what goes back for that meets a failing disk until it ``works``."""
    rename, moved = moving.move_exclusive, list[bytes]()

    def move(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if source == stem + b".xmp":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if source.startswith(stem + b".") and source in moved and not works():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        moved.append(source)
        rename(source_fd, source, target_fd, target)

    monkeypatch.setattr(moving, "move_exclusive", move)


@pytest.mark.parametrize("tries", [1, 9])
def test_f22_a_disk_that_fails_while_a_family_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    """It is tried again; where that fails, too, the operation isn't closed with a torn family: recovery brings it back."""
    trial = Trial(tmp_path, family("jpg", "cr2", "xmp"))
    before, tried = read_tree(trial.root), list[bool]()
    with monkeypatch.context() as patched:
        failing_way_back(patched, lambda: tried.append(True) or len(tried) > tries)  # type: ignore[func-returns-value]
        with pytest.raises(StorageFailed):
            organizer.organize(trial.root, RECURSIVE)
    assert organizer.history(trial.root)[0].status == ("failed" if tries == 1 else "running")
    organizer.recover(trial.root)
    assert read_tree(trial.root) == {**before, "Images": {"2017": {}}}
    totals = organizer.history(trial.root)[0].totals
    assert (totals.planned, totals.done) == (3, 0)
    assert organizer.verify(trial.root).problems == []


def test_no_room_in_the_records_for_what_goes_back(tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Across devices, stopped between copies and originals: the copies can't be put away, so it isn't closed as if they were."""
    root, options = tmp_path / "root", Options(dates="file", destination=str(disk), across_devices=True)
    write_tree(root, {"a.txt": File("a", mtime=OLD)})

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(trash, "prepare", full)
        with pytest.raises(DiskFull):
            organizer.organize(root, options)
    assert (organizer.history(root)[0].status, live(root), live(disk)) == ("running", ["a.txt"], ["a.txt"])
    organizer.recover(root)
    assert (organizer.history(root)[0].status, live(root), live(disk)) == ("interrupted", ["a.txt"], [])
    assert organizer.verify(root).problems == []


@pytest.mark.parametrize(("stem", "kept"), [("a", "a"), ("a" * 251, "a" * 240), ("é" * 125, "é" * 120)])
def test_a_name_that_is_taken_while_its_family_goes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stem: str, kept: str
) -> None:
    """Killed on the way back, and somebody has a file of that name then: it goes beside it, so that the family isn't torn.

    Under a name that the file system takes: what doesn't fit is cut.
    """
    trial = Trial(tmp_path, family("jpg", "cr2", "xmp", stem=stem))
    with monkeypatch.context() as patched:
        failing_way_back(patched, lambda: os.kill(os.getpid(), signal.SIGKILL) is None, stem.encode())
        assert not in_child(lambda: organizer.organize(trial.root, RECURSIVE), None)
    for ending in ("jpg", "cr2"):
        (trial.root / f"{stem}.{ending}").write_text("somebody's")
    organizer.recover(trial.root)
    assert read_tree(trial.root) == {
        f"{stem}.jpg": "somebody's",
        f"{stem}.cr2": "somebody's",
        f"{kept} (restored).jpg": "jpg",
        f"{kept} (restored).cr2": "cr2",
        f"{stem}.xmp": "xmp",
        "Images": {"2017": {}},
    }
    assert organizer.verify(trial.root).problems == []
    totals = organizer.history(trial.root)[0].totals
    assert (totals.planned, totals.done) == (3, 0)
