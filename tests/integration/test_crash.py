"""A sample of P01: killed at fault points, recovered, undone: nothing lost, no record false, all as before."""

from pathlib import Path

import pytest

from fileorganizer import organizer
from tests.support.crash import RECURSIVE, kill_everywhere, small_tree, swap_tree


def _organize(root: Path) -> None:
    """One run."""
    organizer.organize(root, RECURSIVE)


def _undo(root: Path) -> None:
    """Take the newest back."""
    organizer.undo(root)


def _preview(root: Path) -> None:
    """A plan only."""
    organizer.preview(root, RECURSIVE).close()


@pytest.mark.parametrize("tree", [small_tree, swap_tree])
def test_killed_organizing(tmp_path: Path, tree: object) -> None:
    """A kill at any fault point of a run loses nothing, and undo gives the tree back."""
    hits, kills = kill_everywhere(tmp_path, tree, _organize, stride=2)  # type: ignore[arg-type]  # parametrized
    assert hits > 20
    assert kills > hits // 2 - 1


def test_killed_undoing(tmp_path: Path) -> None:
    """The same for an undo."""
    hits, kills = kill_everywhere(tmp_path, small_tree, _undo, stride=3, prepare=_organize)
    assert hits > 20
    assert kills > hits // 3 - 1


def test_killed_planning(tmp_path: Path) -> None:
    """A killed preview leaves the folder as it was."""
    hits, kills = kill_everywhere(tmp_path, small_tree, _preview, stride=2)
    assert hits >= 5
    assert kills
