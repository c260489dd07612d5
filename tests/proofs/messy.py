"""Must show 1: a tree of 20,000 files of every kind there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fileorganizer import organizer
from fileorganizer.model import Options
from tests.support.manifest import contents, difference, manifest
from tests.support.messy import make_messy_tree


def run(place: Path, files: int = 20_000) -> dict[str, Any]:
    """Organize, again, undo; the counts, and how many differences were left."""
    root = place / "root"
    root.mkdir()
    make_messy_tree(root, files)
    before, held = manifest(root), contents(root)
    done = organizer.organize(root, Options(recursive=True)).operation
    assert done is not None
    assert contents(root) == held
    assert done.scanned == done.totals.planned + done.in_place + done.left_alone
    assert done.totals.planned == done.totals.done + done.totals.skipped + done.totals.failed
    assert organizer.verify(root).problems == []
    second = organizer.organize(root, Options(recursive=True)).review.planned
    assert second == 0
    organizer.undo(root)
    found = difference(before, manifest(root))
    assert found == [], found
    return {
        "scanned": done.scanned,
        "done": done.totals.done,
        "left_alone": done.left_by_reason,
        "second_run_planned": second,
        "undo_differences": len(found),
    }
