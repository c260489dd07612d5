"""A run was cut off, and its destination is lost for good: the root goes on, and nothing untrue is recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.errors import DestinationMissing, NothingToUndo
from fileorganizer.model import Options
from tests.integration.test_crash import kill_at
from tests.support.crash import in_child
from tests.support.disks import tmpfs
from tests.support.trees import File, read_tree, write_tree

OLD = 1_400_000_000
LOOSE = Options(dates="file", quiet_seconds=0.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with some files, one of them with a sidecar."""
    names = ("a.txt", "b.txt", "c.txt", "d.jpg", "d.xmp")
    write_tree(tmp_path / "root", {name: File(name, mtime=OLD) for name in names})
    return tmp_path / "root"


def into(there: Path, mode: str = "move") -> Options:
    """Options of a run into a destination."""
    there.mkdir(exist_ok=True)
    return Options(dates="file", mode=mode, destination=str(there), quiet_seconds=0.0)


def live(folder: Path) -> set[str]:
    """The names of the files of a folder, but for those of ours."""
    return {path.name for path in folder.rglob("*") if path.is_file() and ".fileorganizer" not in path.parts}


def states(root: Path, operation: str) -> dict[str, tuple[str, str]]:
    """What is recorded of each file: state and reason, by its name."""
    with organizer.show(root, operation) as shown:
        return {Path(row.path.decode()).name: (row.state, row.reason) for row in shown.files}


def refused_at_first(root: Path, lost: Path) -> None:
    """Nothing goes on by itself: the disk may only not be connected. What to say is said."""
    actions: list[Callable[[], object]] = [
        lambda: organizer.recover(root),
        lambda: organizer.undo(root),
        lambda: organizer.organize(root, LOOSE),
    ]
    for action in actions:
        with pytest.raises(DestinationMissing, match="--without-destination"):
            action()
    assert not lost.exists()


@pytest.mark.parametrize("mode", ["move", "copy", "hardlink"])
@pytest.mark.parametrize("hit", [1, 3, 5])
def test_a_run_that_was_cut_off(root: Path, tmp_path: Path, mode: str, hit: int) -> None:
    """What is where it was wasn't moved; of what is gone, or was to be copied, nobody can tell."""
    there, away = tmp_path / "there", tmp_path / "away"
    point = {"move": "move.after", "copy": "copy.published", "hardlink": "link.made"}[mode]
    names = live(root)
    assert not in_child(lambda: organizer.organize(root, into(there, mode)), kill_at(point, hit))
    there.rename(away)
    refused_at_first(root, there)
    report = organizer.recover(root, without_destination=True)
    assert report is not None and report.operation is not None and report.operation.status == "interrupted"
    for name, told in states(root, "1").items():
        here = mode == "move" and name in live(root)
        assert told == (("pending", "") if here else ("failed", "needs-attention"))
    assert {problem.code for problem in organizer.verify(root).problems} <= {"destination-missing"}
    assert live(root) | live(away) == names
    assert organizer.recover(root, without_destination=True) is None
    if organizer.organize(root, LOOSE).operation is not None:
        organizer.undo(root)
    assert live(root) | live(away) == names


@pytest.mark.parametrize("hit", [1, 4])
def test_an_undo_that_was_cut_off(root: Path, tmp_path: Path, hit: int) -> None:
    """What has come back has; of the rest nobody can tell."""
    there = tmp_path / "there"
    organizer.organize(root, into(there))
    assert not in_child(lambda: organizer.undo(root), kill_at("move.after", hit))
    there.rename(tmp_path / "away")
    refused_at_first(root, there)
    organizer.recover(root, without_destination=True)
    told = states(root, "2")
    assert {name for name, (state, _) in told.items() if state == "done"} == live(root) and len(live(root)) == hit
    assert {told[name] for name in told.keys() - live(root)} == {("failed", "needs-attention")}
    assert {problem.code for problem in organizer.verify(root).problems} <= {"destination-missing"}


def test_nothing_is_in_doubt(root: Path, tmp_path: Path) -> None:
    """Cut off between two batches, or before the first: it is only closed. A destination that is there is used."""
    there = tmp_path / "there"
    assert not in_child(lambda: organizer.organize(root, into(there)), kill_at("operation.begun", 1))
    there.rename(tmp_path / "away")
    report = organizer.recover(root, without_destination=True)
    assert report is not None and report.operation is not None and report.operation.totals.done == 0
    assert set(states(root, "1").values()) <= {("pending", "")}
    assert not in_child(lambda: organizer.organize(root, into(there)), kill_at("move.after", 2))
    organizer.recover(root, without_destination=True)
    assert sorted(states(root, "2").values()).count(("done", "")) == len(live(there)) > 0


@pytest.mark.root
@pytest.mark.parametrize(("point", "hit"), [("copy.published", 2), ("move.after", 1), ("move.after", 5)])
def test_a_run_to_another_disk(root: Path, tmp_path: Path, point: str, hit: int) -> None:
    """The originals are in the root, or in its trash, from where they can be brought back."""
    before = read_tree(root)
    with tmpfs(tmp_path / "disk") as disk:
        options = Options(dates="file", destination=str(disk), across_devices=True, quiet_seconds=0.0)
        assert not in_child(lambda: organizer.organize(root, options), kill_at(point, hit))
    refused_at_first(root, disk / "Documents")
    organizer.recover(root, without_destination=True)
    assert {problem.code for problem in organizer.verify(root).problems} <= {"destination-missing"}
    organizer.restore(root, [item.item_id for item in organizer.trash_list(root)])
    assert read_tree(root) == before


def test_a_plain_undo_passes_over_what_was_given_up(root: Path, tmp_path: Path) -> None:
    """It takes back what can be; when the disk turns up after all, what was recorded as done there is taken back by its id."""
    before, there = read_tree(root), tmp_path / "there"
    organizer.organize(root, Options(dates="file", quiet_seconds=0.0, extensions=("jpg", "xmp")))
    organizer.organize(root, into(there))
    write_tree(root, {"e.txt": File("e.txt", mtime=OLD)})
    assert not in_child(lambda: organizer.organize(root, into(there)), kill_at("operation.begun"))
    there.rename(tmp_path / "away")
    organizer.recover(root, without_destination=True)
    organizer.undo(root)
    assert live(root) == {"d.jpg", "d.xmp", "e.txt"} and (root / "d.jpg").exists()
    with pytest.raises(NothingToUndo):
        organizer.undo(root)
    (tmp_path / "away").rename(there)
    organizer.undo(root, "2")
    assert read_tree(root) == {**before, "e.txt": "e.txt"}


def test_a_plain_undo_says_what_else_there_is(root: Path, tmp_path: Path) -> None:
    """A disk may only not be connected: the next older run isn't taken for the one that is meant, but named."""
    there = tmp_path / "there"
    first = organizer.organize(root, Options(dates="file", quiet_seconds=0.0, extensions=("jpg", "xmp"))).operation
    organizer.organize(root, into(there))
    there.rename(tmp_path / "away")
    assert first is not None
    for action in (organizer.undo, organizer.preview_undo):
        with pytest.raises(DestinationMissing, match=f"operation 1 instead: .* {first.operation_id}"):
            action(root)
    organizer.undo(root, first.operation_id)
    assert (root / "d.jpg").exists()
    with pytest.raises(DestinationMissing, match=r"Connect that disk, or bring the folder back[^:]*$"):
        organizer.undo(root)
