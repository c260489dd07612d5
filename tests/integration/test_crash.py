"""A sample of P01: killed at fault points, recovered, undone: nothing lost, no record false, all as before."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.model import Options
from tests.proofs import kills
from tests.support.crash import RECURSIVE, AcrossTrial, Trial, in_child, small_tree, swap_tree, take_all_back
from tests.support.trees import File, write_tree

SAMPLE = {
    "plan": 3,
    "organize": 4,
    "organize a swap": 4,
    "organize by link and unlink": 9,
    "organize across devices": 12,
    "organize by copying": 9,
    "organize by hard links": 9,
    "undo": 5,
    "undo an undo": 9,
    "undo across devices": 15,
    "restore": 4,
    "purge": 3,
    "recover an organize run": 40,
    "recover across devices": 45,
    "recover an undo": 60,
    "recover a restore": 15,
    "recover a purge": 9,
}
"""Which cases of ``make prove`` are tried here, and at every which fault point."""


@pytest.mark.parametrize("name", SAMPLE)
def test_killed(tmp_path: Path, name: str) -> None:
    """A kill at any fault point loses nothing, and undo gives the tree back."""
    case = kills.CASES[name]
    if case.kind is AcrossTrial and os.geteuid() != 0:
        pytest.skip("mounting needs root: moves to another file system NOT COVERED")
    points, killed = kills.run_case(tmp_path / "place", case, SAMPLE[name])
    assert points >= (5 if case.recovery else 10)
    assert killed >= points // SAMPLE[name]


def kill_at(name: str, hit: int = 1) -> Callable[[str], None]:
    """Kill at the ``hit``-th time that the fault point ``name`` is passed."""
    left = hit

    def action(seen: str) -> None:
        nonlocal left
        left -= seen == name
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return action


def test_recovery_killed_while_a_family_goes_back(tmp_path: Path) -> None:
    """Half a family was moved, recovery is killed when it has said that it takes that back: the next one does it."""
    trial = Trial(tmp_path, {"a.jpg": File(b"a", mtime=1_500_000_000), "a.xmp": File(b"x", mtime=1_500_000_000)})
    assert not in_child(lambda: organizer.organize(trial.root, RECURSIVE), kill_at("move.after"))
    assert (trial.root / "Images/2017/a.jpg").exists()
    assert not in_child(lambda: organizer.recover(trial.root), kill_at("advance.after", 2))
    organizer.recover(trial.root)
    assert (trial.root / "a.jpg").exists()
    assert organizer.history(trial.root)[0].totals.by_reason == {"with-companion": 1, "interrupted": 1}
    trial.check("recovered")
    take_all_back(trial.root)
    trial.check_back("undone")


def test_what_a_cut_off_copy_left_is_gone_before_the_folders_are_recorded(tmp_path: Path) -> None:
    """So undo knows the folder's time for its own and gives the old one back."""
    there = tmp_path / "there"
    before = write_tree(there, {"Documents": {"2014": {"b.txt": "theirs"}}})
    trial = Trial(tmp_path, {"a.txt": File(b"a", mtime=1_400_000_000)})
    options = Options(mode="copy", destination=str(there), dates="file")
    assert not in_child(lambda: organizer.organize(trial.root, options), kill_at("copy.synced"))
    assert len(list((there / "Documents/2014").iterdir())) == 2
    organizer.recover(trial.root)
    assert [path.name for path in (there / "Documents/2014").iterdir()] == ["b.txt"]
    take_all_back(trial.root)
    from tests.support.manifest import difference, manifest

    assert difference(before, manifest(there)) == []


def test_undo_after_a_restore_is_identical(tmp_path: Path) -> None:
    """What a restore says of the folders continues what the run said that put the files into the trash."""
    trial = Trial(tmp_path, {"old": {"a.txt": File(b"a", mtime=1_400_000_000), "Thumbs.db": "junk"}, "c.md": "c"})
    organizer.organize(trial.root, RECURSIVE)
    organizer.restore(trial.root, ())
    assert (trial.root / "old/Thumbs.db").exists()
    organizer.undo(trial.root)
    trial.check("undone")
    trial.check_back("undone")


def test_a_swapped_file_is_told_under_its_own_name(tmp_path: Path) -> None:
    """The parking place of a swap is nobody's business."""
    trial = Trial(tmp_path, swap_tree())
    organizer.organize(trial.root, RECURSIVE)
    with organizer.show(trial.root, "1") as shown:
        moves = {row.path: row.target for row in shown.files if row.state == "done"}
    there, here = b"Images/2014/n.png", b"Images/2017/n.png"
    assert moves == {there: here, here: there}
    assert {found.row.path for found in organizer.explain(trial.root, here)} == {there, here}


def test_the_small_tree_needs_all_parts(tmp_path: Path) -> None:
    """The tree of the kill proofs fills the trash and renames for a clash."""
    trial = Trial(tmp_path, small_tree())
    organizer.organize(trial.root, RECURSIVE)
    assert len(organizer.trash_list(trial.root)) == 1
    assert (trial.root / "Documents/2014/notes (3).txt").exists()
