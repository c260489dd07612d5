"""One step on the disk: only the very file that was planned, only onto a free name, and every answer has its outcome."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fileorganizer.execution import stepping
from fileorganizer.execution.stepping import Stepper
from fileorganizer.execution.workplace import Workplace
from fileorganizer.fs import copying, faults, folders, moving
from fileorganizer.model import DESTINATION, TWIN, Folder, Identity, Outcome, Reason, State, Step, StepKind
from tests.support.disks import nobody
from tests.support.manifest import contents, difference, manifest
from tests.support.trees import HardLink, Link, read_tree, write_tree
from tests.support.working import identity, workplace

TREE = {"a": "a", "b": "b", "folder": {"in": {}}, "empty": {}, "original": "o", "twin": HardLink("original")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root."""
    return tmp_path / "root"


@pytest.fixture
def work(root: Path, tmp_path: Path) -> Iterator[Workplace]:
    """A workplace with a destination beside it."""
    write_tree(root, TREE)
    (tmp_path / "there").mkdir()
    with workplace(root, tmp_path / "there") as opened:
        yield opened


@pytest.fixture
def stepper(work: Workplace) -> Stepper:
    """What carries out the steps."""
    return Stepper(work, lambda _count: None)


def carry_out(stepper: Stepper, step: Step) -> tuple[State, Reason] | None:
    """State and reason of one step; None: plainly done."""
    outcome = stepper.carry_out(step, 7, step.target)
    assert outcome is None or outcome.index == 7
    return None if outcome is None else (State(outcome.state), Reason(outcome.reason))


def move(root: Path, source: str, target: str, **rest: Any) -> Step:
    """The move of a file as it is now."""
    return Step(StepKind.MOVE, source.encode(), target.encode(), identity(root / source), **rest)


def other(seen: Identity) -> Identity:
    """The identity of another file."""
    return msgspec.structs.replace(seen, ino=seen.ino + 1)


def steps_that_are_refused(root: Path) -> list[tuple[str, Step, tuple[State, Reason]]]:
    """A step, and the outcome that it has to have."""
    a, folder, empty, twin = (identity(root / name) for name in ("a", "folder", "empty", "twin"))
    skipped, failed = State.SKIPPED, State.FAILED
    return [
        ("onto a taken name", move(root, "a", "b"), (skipped, Reason.CONFLICT)),
        ("onto itself", move(root, "a", "a"), (skipped, Reason.CONFLICT)),
        ("of another file", Step(StepKind.MOVE, b"a", b"c", other(a)), (skipped, Reason.CHANGED)),
        ("of nothing", Step(StepKind.MOVE, b"none", b"c", a), (skipped, Reason.GONE)),
        ("from no folder", Step(StepKind.MOVE, b"b/a", b"c", a), (skipped, Reason.UNSAFE_PATH)),
        ("to no folder", move(root, "a", "none/a"), (failed, Reason.EARLIER_STEP)),
        ("a link to no folder", Step(StepKind.LINK, b"a", b"none/a", a), (failed, Reason.EARLIER_STEP)),
        ("a copy to no folder", Step(StepKind.COPY, b"a", b"none/a", a, temporary=b"none/~"), (failed, Reason.EARLIER_STEP)),
        ("a folder in no folder", Step(StepKind.MKDIR, b"", b"none/new", None), (failed, Reason.EARLIER_STEP)),
        ("to a file's inside", move(root, "a", "b/a"), (skipped, Reason.UNSAFE_PATH)),
        ("under a name that is too long", move(root, "a", "x" * 256), (failed, Reason.NAME_TOO_LONG)),
        ("a folder that is there", Step(StepKind.MKDIR, b"", b"folder", None), (skipped, Reason.CONFLICT)),
        ("a full folder", Step(StepKind.RMDIR, b"folder", b"", folder), (skipped, Reason.NOT_EMPTY)),
        ("another folder", Step(StepKind.RMDIR, b"empty", b"", folder), (skipped, Reason.CHANGED)),
        ("a folder that has gone", Step(StepKind.RMDIR, b"none", b"", empty), (skipped, Reason.GONE)),
        ("a link of another file", Step(StepKind.LINK, b"a", b"c", other(a)), (skipped, Reason.CHANGED)),
        ("a link onto a taken name", Step(StepKind.LINK, b"a", b"b", a), (skipped, Reason.CONFLICT)),
        ("times of another folder", Step(StepKind.SET_TIMES, b"empty", b"", folder, times=1), (skipped, Reason.CHANGED)),
        ("a purge of another file", Step(StepKind.PURGE, b"a", b"", other(a)), (skipped, Reason.CHANGED)),
        ("a purge of nobody knows what", Step(StepKind.PURGE, b"a", b"", None), (skipped, Reason.CHANGED)),
        ("the last name", Step(StepKind.DROP_TWIN, b"a", b"b", a), (skipped, Reason.CHANGED)),
        ("half a move that isn't one", move(root, "a", "b", temporary=TWIN), (skipped, Reason.CHANGED)),
        ("a copy of another file", Step(StepKind.COPY, b"a", b"c", other(a), temporary=b"c~"), (skipped, Reason.CHANGED)),
        ("a copy onto a taken name", Step(StepKind.COPY, b"a", b"b", a, temporary=b"b~"), (skipped, Reason.CONFLICT)),
        ("a twin's other name", Step(StepKind.DROP_TWIN, b"twin", b"a", twin), (skipped, Reason.CHANGED)),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(25))
def test_what_is_refused_changes_nothing(work: Workplace, stepper: Stepper, root: Path, number: int) -> None:
    """Each has its outcome, and the tree is as it was."""
    what, step, expected = steps_that_are_refused(root)[number]
    before = manifest(root)
    assert carry_out(stepper, step) == expected, what
    changed = difference(before, manifest(root))
    assert [line for line in changed if not (step.kind == StepKind.COPY and "mtime" in line)] == [], what


@pytest.mark.root
def test_what_was_to_go_into_a_folder_that_can_t_be_made_says_why(stepper: Stepper, root: Path) -> None:
    """Whatever kind of step it is, and however deep below that folder it was to go."""
    (root / "folder").chmod(0o555)
    b = identity(root / "b")
    with nobody():
        made = [
            carry_out(stepper, Step(StepKind.MKDIR, b"", path, None, mode=0o755))
            for path in (b"folder/n", b"folder/n/n")
        ]
        went = [
            carry_out(stepper, Step(kind, b"b", b"folder/n/n/b", b, temporary=temporary))
            for kind, temporary in ((StepKind.MOVE, b""), (StepKind.LINK, b""), (StepKind.COPY, b"folder/n/n/~"))
        ]
    assert [*made, *went] == [(State.FAILED, Reason.DENIED)] * 5


def test_all_refusals_are_tried(work: Workplace, root: Path) -> None:
    """The number above is that of the list."""
    assert len(steps_that_are_refused(root)) == 25


def test_what_is_done(work: Workplace, stepper: Stepper, root: Path) -> None:
    """Each kind of step, once."""
    (root / "empty").chmod(0o700)
    fd = os.open(root / "empty", os.O_RDONLY)
    gone = folders.folder_facts(fd, 0, b"empty")
    os.close(fd)
    steps = [
        Step(StepKind.MKDIR, b"", b"new", None, mode=0o755),
        move(root, "a", "new/a"),
        move(root, "folder", "new/folder"),
        Step(StepKind.LINK, b"b", b"new/b", identity(root / "b")),
        Step(StepKind.COPY, b"b", b"copy", identity(root / "b"), 0, DESTINATION, temporary=b"copy~"),
        Step(StepKind.DROP_TWIN, b"twin", b"original", identity(root / "twin")),
        Step(StepKind.RMDIR, b"empty", b"", identity(root / "empty")),
        Step(StepKind.MKDIR, b"", b"empty", None, mode=0o755, restores=gone),
        Step(StepKind.SET_TIMES, b"new", b"", None, times=5_000_000_000),
        Step(StepKind.SET_TIMES, b"empty", b"", None, times=6_000_000_000, restores=gone),
    ]
    for step in steps:
        if step.kind in (StepKind.LINK, StepKind.COPY):
            step = msgspec.structs.replace(step, seen=identity(root / step.source.decode()))
        outcome = stepper.carry_out(step, 0, step.target)
        assert outcome is None or outcome.state == State.DONE
    assert read_tree(root) == {
        "b": "b",
        "empty": {},
        "new": {"a": "a", "b": "b", "folder": {"in": {}}},
        "original": "o",
    }
    assert (root / "new").stat().st_mtime_ns == 5_000_000_000
    assert ((root / "empty").stat().st_mode & 0o777, (root / "empty").stat().st_mtime_ns) == (0o700, 6_000_000_000)
    assert read_tree(root.parent / "there") == {"copy": "b"}
    assert carry_out(stepper, Step(StepKind.PURGE, b"b", b"", identity(root / "b"))) is None
    assert not (root / "b").exists()


def test_what_was_refused_is_remarked(work: Workplace, stepper: Stepper, root: Path, monkeypatch: Any) -> None:
    """Metadata that the file system doesn't take: done, with the remark."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    before = Folder(0, b"made", 0, 0, 0o040755, os.geteuid() + 1, 0, 0)
    monkeypatch.setattr(folders.os, "fchown", refused)
    made = stepper.carry_out(Step(StepKind.MKDIR, b"", b"made", None, mode=0o755, restores=before), 0, b"made")
    assert made == Outcome(0, State.DONE, Reason.METADATA_LOST, "owner: Operation not permitted")
    os.chown(root / "a", os.geteuid() + 1, 0)
    step = Step(StepKind.COPY, b"a", b"copy", identity(root / "a"), 0, DESTINATION, temporary=b"copy~")
    copied = stepper.carry_out(step, 0, b"copy")
    assert copied is not None
    assert (copied.state, copied.reason) == (State.DONE, Reason.METADATA_LOST)
    monkeypatch.setattr(folders.os, "utime", refused)
    assert carry_out(stepper, Step(StepKind.SET_TIMES, b"folder", b"", None, times=1)) == (
        State.DONE,
        Reason.TIMES_REFUSED,
    )


def test_a_copy_that_differs(work: Workplace, stepper: Stepper, root: Path, monkeypatch: Any) -> None:
    """The disk keeps other bytes: failed, nothing is left."""

    def differs(*_: object) -> None:
        raise copying.CopyDiffers

    monkeypatch.setattr(copying, "copy_to_temporary", differs)
    step = Step(StepKind.COPY, b"a", b"copy", identity(root / "a"), 0, DESTINATION, temporary=b"copy~")
    assert carry_out(stepper, step) == (State.FAILED, Reason.IO_ERROR)
    assert read_tree(root.parent / "there") == {}


def swap(root: Path, name: str, instant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put ``b`` in the place of ``name`` at a fault point."""

    def action(seen: str) -> None:
        if seen == instant:
            monkeypatch.setattr(faults, "action", None)
            (root / name).rename(root / "kept")
            (root / "b").rename(root / name)

    monkeypatch.setattr(faults, "action", action)


def test_f33_swapped_before_the_rename(work: Workplace, stepper: Stepper, root: Path, monkeypatch: Any) -> None:
    """The wrong file goes back to where it was."""
    step = move(root, "a", "moved")
    swap(root, "a", "move.before", monkeypatch)
    assert carry_out(stepper, step) == (State.SKIPPED, Reason.CHANGED)
    assert (root / "a").read_text() == "b"
    assert not (root / "moved").exists()


@pytest.mark.parametrize("plain", [True, False])
def test_taken_away_as_soon_as_it_was_moved(
    work: Workplace, stepper: Stepper, root: Path, monkeypatch: Any, plain: bool
) -> None:
    """A sync client may be that quick: the file was moved all the same, and undo has to know."""
    step = move(root, "a", "moved")
    monkeypatch.setattr(
        faults, "action", lambda seen: (root / "moved").rename(root / "theirs") if seen == "move.after" else None
    )
    if plain:
        outcomes: list[Outcome] = []
        assert stepper.move_plain([step], 0, 1, outcomes) == (1, None)
        assert outcomes == []
    else:
        assert carry_out(stepper, step) is None
    assert (root / "theirs").read_text() == "a"


@pytest.mark.parametrize("plain", [True, False])
def test_f26_no_answer_after_the_move(
    work: Workplace, stepper: Stepper, root: Path, monkeypatch: Any, plain: bool
) -> None:
    """An error then says nothing of the move, which is done: it isn't taken for the outcome, the batch halts."""
    stat = os.stat

    def stale(path: Any, **rest: Any) -> os.stat_result:
        if path == b"moved":
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return stat(path, **rest)

    step = move(root, "a", "moved")
    monkeypatch.setattr(os, "stat", stale)
    if plain:
        index, error = stepper.move_plain([step], 0, 1, [])
        assert (index, error.errno if error else None) == (0, errno.ESTALE)
    else:
        with pytest.raises(OSError, match="tale") as raised:
            stepper.carry_out(step, 0, b"moved")
        assert raised.value.errno == errno.EIO
    monkeypatch.undo()
    assert (root / "moved").read_text() == "a"


def test_f33_linked_the_wrong_file(work: Workplace, stepper: Stepper, root: Path, monkeypatch: Any) -> None:
    """Swapped between the look and the link: that needs a human."""
    link = moving.link_exclusive

    def swapped(*names: Any) -> None:
        (root / "a").rename(root / "kept")
        (root / "b").rename(root / "a")
        link(*names)

    step = Step(StepKind.LINK, b"a", b"linked", identity(root / "a"))
    held = contents(root)
    monkeypatch.setattr(moving, "link_exclusive", swapped)
    assert carry_out(stepper, step) == (State.FAILED, Reason.NEEDS_ATTENTION)
    assert set(contents(root)) == set(held)


def rarely(*numbers: int) -> Callable[..., None]:
    """An exclusive rename that fails with each of these errors before it works."""
    left, rename = list(numbers), moving.move_exclusive

    def call(*arguments: Any) -> None:
        if left:
            number = left.pop(0)
            raise OSError(number, os.strerror(number))
        rename(*arguments)

    return call


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((errno.EMFILE,), None),
        ((errno.ENFILE, errno.EMFILE), None),
        ((errno.EBUSY, errno.ETXTBSY), None),
        ((errno.EBUSY,) * 4, (State.SKIPPED, Reason.BUSY)),
        ((errno.EACCES, errno.EACCES), (State.FAILED, Reason.DENIED)),
        ((errno.EMFILE,) * 4, errno.EMFILE),
        ((errno.EACCES, errno.EIO), errno.EIO),
        ((errno.EIO,), errno.EIO),
    ],
)
def test_f20_f25_what_is_worth_another_try(
    work: Workplace,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    plain: bool,
    numbers: tuple[int, ...],
    expected: object,
) -> None:
    """No descriptors: folders are closed. Busy: a moment later. Else the outcome, or an error that stops the batch."""
    monkeypatch.setattr(stepping, "BUSY_WAIT_SECONDS", 0)
    monkeypatch.setattr(moving, "move_exclusive", rarely(*numbers))
    stepper = Stepper(work, lambda _count: None)
    step = move(root, "a", "folder/a")
    if plain:
        outcomes: list[Outcome] = []
        end, error = stepper.move_plain([step], 0, 1, outcomes)
        assert outcomes == [] and (end, error) in [(1, None), (0, None), (0, error)]
        got: object = error.errno if error else None
        if (end, error) == (0, None):  # it is for whoever judges
            try:
                got = carry_out(stepper, step)
            except OSError as raised:
                got = raised.errno
        assert got == expected
    elif isinstance(expected, int):
        numbers_left = list(numbers) == [errno.EACCES, errno.EIO]
        if numbers_left:
            assert carry_out(stepper, step) == (State.FAILED, Reason.DENIED)
        else:
            with pytest.raises(OSError) as raised:  # noqa: PT011  # the number is what counts
                stepper.carry_out(step, 0, step.target)
            assert raised.value.errno == expected
    else:
        assert carry_out(stepper, step) == expected
    moved = (root / "folder/a").exists()
    assert moved is (expected is None)
    assert moved is not (root / "a").exists()


def test_plain_moves_end_where_others_begin(work: Workplace, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A family, another kind, another step's half: those are for the careful way; so is a file system without the call."""
    stepper = Stepper(work, lambda _count: None)
    for step in (
        move(root, "b", "c", group=5),
        move(root, "b", "c", temporary=TWIN),
        Step(StepKind.MKDIR, b"", b"c", None),
        Step(StepKind.MOVE, b"b", b"c", None),
    ):
        assert stepper.move_plain([move(root, "a", "x"), step], 0, 2, []) == (1, None)
        (root / "x").rename(root / "a")
    work.capabilities[0] = msgspec.structs.replace(work.capabilities[0], exclusive_rename="link")
    by_link = Stepper(work, lambda _count: None)
    assert by_link.move_plain([move(root, "a", "x")], 0, 1, []) == (0, None)
    assert carry_out(by_link, move(root, "a", "x")) is None
    assert carry_out(by_link, move(root, "folder", "y")) is None
    assert sorted(path.name for path in root.glob("[!.]*")) == ["b", "empty", "original", "twin", "x", "y"]


def test_plain_moves_notice_a_swap(work: Workplace, stepper: Stepper, root: Path, monkeypatch: Any) -> None:
    """As the careful way does; where the wrong file can't go back, a human is needed."""
    steps = [move(root, "a", "moved")]
    swap(root, "a", "move.before", monkeypatch)
    outcomes: list[Outcome] = []
    assert stepper.move_plain(steps, 0, 1, outcomes) == (1, None)
    assert outcomes == [Outcome(0, State.SKIPPED, Reason.CHANGED)]
    (root / "a").rename(root / "b")
    (root / "kept").rename(root / "a")

    def action(seen: str) -> None:
        if seen == "move.before":
            (root / "a").rename(root / "kept")
            (root / "b").rename(root / "a")
        else:
            (root / "a").write_text("in the way")

    monkeypatch.setattr(faults, "action", action)
    outcome = stepper.carry_out(move(root, "a", "moved"), 0, b"moved")
    assert outcome is not None
    assert (outcome.state, outcome.reason) == (State.FAILED, Reason.NEEDS_ATTENTION)


def test_a_look_before_a_family_is_moved(work: Workplace, stepper: Stepper, root: Path) -> None:
    """Gone, changed, taken, not empty, or nothing against it; new folders and times aren't looked at."""
    write_tree(root, {"link": Link("a"), "leaving": {"in": "it"}})
    seen = identity(root / "a")
    for step, expected in (
        (move(root, "a", "free"), None),
        (move(root, "a", "b"), Reason.CONFLICT),
        (move(root, "a", "b", temporary=TWIN), None),
        (Step(StepKind.MOVE, b"none", b"free", seen), Reason.GONE),
        (Step(StepKind.MOVE, b"link", b"free", seen), Reason.CHANGED),
        (Step(StepKind.MOVE, b"a", b"free", None), Reason.CHANGED),
        (Step(StepKind.MKDIR, b"", b"folder", None), None),
        (Step(StepKind.RMDIR, b"folder", b"", identity(root / "folder")), Reason.NOT_EMPTY),
        (Step(StepKind.RMDIR, b"none", b"", identity(root / "folder")), Reason.GONE),
        (Step(StepKind.RMDIR, b"leaving", b"", seen), None),
    ):
        outcome = stepper.check(step, 4, step.target, {b"leaving/in"})
        assert (outcome.reason if outcome else None) == expected
        assert outcome is None or (outcome.index, outcome.state) == (4, State.SKIPPED)
