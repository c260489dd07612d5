"""P01: every fault point of planning, organizing, undoing, undoing an undo, restoring and purging killed; recovery and undo killed again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fileorganizer import organizer
from tests.support.crash import RECURSIVE, kill_everywhere, small_tree, swap_tree


def _organize(root: Path) -> None:
    organizer.organize(root, RECURSIVE)


def _undo(root: Path) -> None:
    organizer.undo(root)


def _organized_and_back(root: Path) -> None:
    _organize(root)
    _undo(root)


def _redo(root: Path) -> None:
    organizer.undo(root, organizer.history(root)[0].operation_id)


def _preview(root: Path) -> None:
    organizer.preview(root, RECURSIVE).close()


def run(place: Path) -> dict[str, Any]:
    """Counts of fault points and kills; an assertion fails at the first loss, false record or difference."""
    cases = {
        "plan": (small_tree, _preview, lambda _root: None),
        "organize": (small_tree, _organize, lambda _root: None),
        "organize a swap": (swap_tree, _organize, lambda _root: None),
        "undo": (small_tree, _undo, _organize),
        "undo a swap": (swap_tree, _undo, _organize),
        "undo an undo": (small_tree, _redo, _organized_and_back),
    }
    figures: dict[str, Any] = {"lost": 0, "false_records": 0, "undo_differences": 0, "points": 0, "kills": 0}
    for number, (name, (tree, work, prepare)) in enumerate(cases.items()):
        print(name, flush=True)
        points, kills = kill_everywhere(place / str(number), tree, work, prepare=prepare)
        figures[name] = {"points": points, "kills": kills}
        figures["points"] += points
        figures["kills"] += kills
    return figures
