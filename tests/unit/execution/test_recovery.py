"""R10: what became of a step is decided by what is on disk, by a table; nothing is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from fileorganizer.execution import recovery
from fileorganizer.execution.workplace import Workplace
from fileorganizer.fs import trash
from fileorganizer.journal import codec
from fileorganizer.journal.records import Intent, Operation
from fileorganizer.model import DESTINATION, EDITED, Identity, Outcome, Reason, State, Step, StepKind
from tests.support.manifest import manifest
from tests.support.trees import HardLink, write_tree
from tests.support.working import identity, workplace

DONE = None
PENDING = (State.PENDING, Reason.NONE)
CONFLICT = (State.SKIPPED, Reason.CONFLICT)
CHANGED = (State.SKIPPED, Reason.CHANGED)
ATTENTION = (State.FAILED, Reason.NEEDS_ATTENTION)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root."""
    return tmp_path / "root"


@pytest.fixture
def work(root: Path, tmp_path: Path) -> Iterator[Workplace]:
    """A workplace with a destination beside it."""
    write_tree(tmp_path, {"root": {"original": "x"}, "there": {}})
    with workplace(root, tmp_path / "there") as opened:
        yield opened


def verdict(work: Workplace, step: Step, target: bytes | None = None, *, before: bool = False) -> object:
    """State and reason of a step; the disk must be as it was after it was looked at."""
    root = Path(os.fsdecode(work.sides[0].path))
    held = manifest(root)
    there_before = {(step.target_side, step.target)} if before else set()
    outcome = recovery.classify_step(work, step, 3, step.target if target is None else target, there_before)
    assert manifest(root) == held
    assert outcome is None or outcome.index == 3
    return outcome if outcome is None else (outcome.state, outcome.reason)


def place(root: Path, name: str, what: str) -> None:
    """Put the planned file (``I``), another one (``other``) or nothing at a name."""
    if what == "I":
        (root / name).hardlink_to(root / "original")
    elif what == "other":
        (root / name).write_text("somebody's")


@pytest.mark.parametrize("kind", [StepKind.MOVE, StepKind.TRASH])
@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("I", "", PENDING),
        ("", "I", DONE),
        ("I", "I", PENDING),
        ("I", "other", CONFLICT),
        ("other", "", CHANGED),
        ("other", "I", DONE),
        ("", "", ATTENTION),
        ("", "other", ATTENTION),
        ("other", "other", CHANGED),
    ],
)
def test_a_move(work: Workplace, root: Path, kind: int, source: str, target: str, expected: object) -> None:
    """All nine sights of the table."""
    seen = identity(root / "original")
    place(root, "s", source)
    place(root, "t", target)
    step = Step(kind, b"s", b"t", seen)
    assert verdict(work, step, b"t") == expected
    if (source, target) == ("I", "I"):
        found = recovery.classify_step(work, step, 3, b"t", set())
        assert found == Outcome(3, State.PENDING, Reason.NONE, "twin")


def test_an_edited_file_that_was_moved(work: Workplace, root: Path) -> None:
    """It is where the move put it, whatever was written into it since."""
    seen = identity(root / "original")
    (root / "original").write_text("edited meanwhile")
    (root / "original").rename(root / "t")
    assert verdict(work, Step(StepKind.MOVE, b"s", b"t", seen)) is DONE


@pytest.mark.parametrize(
    ("kind", "source", "target", "expected"),
    [
        (StepKind.MOVE, "I", "", PENDING),
        (StepKind.MOVE, "", "I", DONE),
        (StepKind.TRASH, "I", "I", PENDING),
        (StepKind.LINK, "I", "I", DONE),
        (StepKind.PURGE, "I", "", PENDING),
        (StepKind.DROP_TWIN, "I", "I", PENDING),
        (StepKind.RMDIR, "folder", "", PENDING),
    ],
)
def test_a_device_that_has_another_number_now(
    work: Workplace, root: Path, kind: int, source: str, target: str, expected: object
) -> None:
    """Numbers of devices are given at each start of the system, so after a power cut it may be another one."""
    write_tree(root, {"s": {}} if source == "folder" else {})
    seen = identity(root / ("s" if source == "folder" else "original"))
    place(root, "s", source)
    place(root, "t", target)
    seen = msgspec.structs.replace(seen, dev=seen.dev + 1)
    assert verdict(work, Step(kind, b"s", b"t", seen), b"t") == expected


def test_a_file_that_went_back_with_an_edit(work: Workplace, root: Path) -> None:
    """The remark is made by whoever settles the batch."""
    step = Step(StepKind.MOVE, b"s", b"t", identity(root / "original"), temporary=EDITED)
    place(root, "t", "I")
    assert verdict(work, step) == (State.DONE, Reason.RESTORED_EDITED)


def test_inodes_that_have_other_numbers_now(work: Workplace, root: Path) -> None:
    """FAT numbers them at each mount: type, size and time are what is left to go by."""
    seen = identity(root / "original")
    seen = msgspec.structs.replace(seen, ino=seen.ino + 1)
    place(root, "t", "I")
    assert verdict(work, Step(StepKind.MOVE, b"s", b"t", seen)) is DONE
    assert verdict(work, Step(StepKind.PURGE, b"t", b"", seen)) == PENDING
    other = msgspec.structs.replace(seen, mtime_ns=seen.mtime_ns + 1)
    assert verdict(work, Step(StepKind.MOVE, b"s", b"t", other)) == ATTENTION
    assert verdict(work, Step(StepKind.PURGE, b"t", b"", other)) is DONE


@pytest.mark.parametrize(
    ("there", "before", "expected"),
    [
        ("", False, PENDING),
        ("folder", False, DONE),
        ("file", False, CONFLICT),
        ("folder", True, CONFLICT),
        ("", True, CONFLICT),
    ],
)
def test_a_folder_made(work: Workplace, root: Path, there: str, before: bool, expected: object) -> None:
    """The journal says whether the name was free."""
    write_tree(root, {"t": {"folder": {}, "file": "f"}[there]} if there else {})
    assert verdict(work, Step(StepKind.MKDIR, b"", b"t", None), before=before) == expected


@pytest.mark.parametrize(
    ("kind", "there", "expected"),
    [
        (StepKind.RMDIR, "", DONE),
        (StepKind.RMDIR, "same", PENDING),
        (StepKind.RMDIR, "other", DONE),
        (StepKind.PURGE, "", DONE),
        (StepKind.PURGE, "same", PENDING),
        (StepKind.DROP_TWIN, "", DONE),
        (StepKind.DROP_TWIN, "same", PENDING),
        (StepKind.DROP_TWIN, "other", DONE),
    ],
)
def test_a_name_removed(work: Workplace, root: Path, kind: int, there: str, expected: object) -> None:
    """It was there at the intent, so absent means done by us; ENOENT is never "nothing to do"."""
    (root / "s").mkdir()
    seen = identity(root / "s")
    if there != "same":
        (root / "s").rename(root / "away")
    if there == "other":
        (root / "s").mkdir()
    assert verdict(work, Step(kind, b"s", b"", seen)) == expected


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("I", "", PENDING),
        ("", "", (State.SKIPPED, Reason.GONE)),
        ("I", "I", DONE),
        ("", "I", DONE),
        ("I", "other", CONFLICT),
    ],
)
def test_a_link(work: Workplace, root: Path, source: str, target: str, expected: object) -> None:
    """Two names of one file are success here."""
    seen = identity(root / "original")
    place(root, "s", source)
    place(root, "t", target)
    assert verdict(work, Step(StepKind.LINK, b"s", b"t", seen)) == expected


def test_blocks_shared(work: Workplace, root: Path) -> None:
    """Nobody can see whether they are, so it is done again."""
    assert verdict(work, Step(StepKind.SHARE, b"original", b"", identity(root / "original"))) == PENDING


def test_times(work: Workplace, root: Path) -> None:
    """Set, not set, and a folder that has gone."""
    (root / "s").mkdir()
    step = Step(StepKind.SET_TIMES, b"s", b"", identity(root / "s"), times=1_400_000_000_000_000_000)
    assert verdict(work, step) == PENDING
    os.utime(root / "s", ns=(1, step.times))
    assert verdict(work, step) is DONE
    (root / "s").rmdir()
    assert verdict(work, step) == PENDING


@pytest.mark.parametrize(
    ("there", "expected"),
    [("", PENDING), ("x", (State.DONE, Reason.NONE)), ("y", CONFLICT), ("longer", CONFLICT)],
)
def test_a_copy(work: Workplace, tmp_path: Path, there: str, expected: object) -> None:
    """The same bytes under the target's name are the copy; it is known again by its own identity."""
    write_tree(tmp_path / "there", {"t": there} if there else {})
    step = Step(StepKind.COPY, b"original", b"t", identity(tmp_path / "root/original"), 0, DESTINATION, temporary=b"t~")
    assert verdict(work, step) == expected
    if there == "x":
        found = recovery.classify_step(work, step, 3, b"t", set())
        assert found is not None
        assert found.made == identity(tmp_path / "there/t")


def test_half_copies_go_when_the_batch_is_settled(work: Workplace, tmp_path: Path) -> None:
    """Only their temporary names; a copy whose folder isn't there has none."""
    write_tree(tmp_path / "there", {"a~": "hal", "other": "o"})
    seen = identity(tmp_path / "root/original")
    steps = [
        Step(StepKind.COPY, b"original", b"a", seen, 0, DESTINATION, temporary=b"a~"),
        Step(StepKind.COPY, b"original", b"none/b", seen, 0, DESTINATION, temporary=b"none/b~"),
    ]
    number = work.journal.begin_operation(Operation(0, "id", "organize", "running", 1.0, "p", b"", b"{}", b"")).number
    work.journal.advance(number, settled=None, intent=Intent(1, codec.pack(steps), [], 1))
    assert recovery.settle_in_doubt(work) == number
    assert recovery.settle_in_doubt(work) is None
    assert sorted(path.name for path in (tmp_path / "there").glob("[!.]*")) == ["other"]
    assert [outcome.state for outcome in work.journal.batch(number, 1).outcomes] == [State.PENDING, State.PENDING]


def test_which_folders_a_batch_touches() -> None:
    """Each kind of step: where names come and go, and which folder ends."""
    seen = Identity(1, 2, 3, 4, 5, 6)
    touched = recovery.touched_folders(
        [
            Step(StepKind.MKDIR, b"", b"a/new", None),
            Step(StepKind.MOVE, b"b/x", b"c/x", seen),
            Step(StepKind.COPY, b"not/touched", b"d/x", seen, 0, DESTINATION),
            Step(StepKind.TRASH, b"e/x", b"", seen),
            Step(StepKind.RMDIR, b"f/gone", b"", seen),
            Step(StepKind.SET_TIMES, b"g", b"", seen),
            Step(StepKind.DROP_TWIN, b"h/x", b"other/x", seen),
        ]
    )
    assert {key: ends for key, ends in touched.items() if not ends} == dict.fromkeys(
        [(0, b"a"), (0, b"a/new"), (0, b"b"), (0, b"c"), (1, b"d"), (0, b"e"), (0, b"f"), (0, b"g"), (0, b"h")], False
    )
    assert touched[0, b"f/gone"] is True


def test_folders_as_they_are_now(work: Workplace, root: Path) -> None:
    """Those that aren't there and our own are left out; one that ends is told with its attributes."""
    write_tree(root, {"a": {}, "b": HardLink("original")})
    os.setxattr(root / "a", "user.k", b"v")
    found = recovery.folders_now(
        work, {(0, b"a"): True, (0, b"none"): False, (0, b"b"): False, (0, trash.TRASH): False}
    )
    assert [(folder.path, folder.xattrs) for folder in found] == [(b"a", (("user.k", b"v"),))]
