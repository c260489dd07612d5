"""Must show 10: what is really on a disk, there and back: the system's shared files and a Python environment."""

from __future__ import annotations

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from fileorganizer.execution.reading import Explained
from fileorganizer.model import Options
from tests.support.manifest import contents, difference, manifest

HOME = Path(__file__).resolve().parents[2]
WANTED = 50_000
SEED = 10


def run(place: Path) -> dict[str, Any]:
    """Preview, organize, explain ten files chosen at random, verify, undo; once with and once without whole folders."""
    root = place / "root"
    root.mkdir()
    files = sum(_copy(source, root / name) for source, name in ((Path("/usr/share"), "share"), (HOME / ".venv", "env")))
    assert files >= WANTED, f"only {files} real files here"
    before, held = manifest(root), contents(root)
    figures: dict[str, Any] = {"files": files}
    for name, together in (("kept together", True), ("taken apart", False)):
        options = Options(recursive=True, keep_together=together, include_hidden=not together)
        figures[name] = _there_and_back(root, options)
        assert contents(root) == held
        found = difference(before, manifest(root))
        assert found == [], found[:20]
        figures[name]["undo_differences"] = 0
    return figures


def _copy(source: Path, target: Path) -> int:
    """A copy with times and links as they are; gives how many files."""
    shutil.copytree(source, target, symlinks=True, ignore_dangling_symlinks=True)
    return sum(len(names) for _, _, names in os.walk(target))


def _there_and_back(root: Path, options: Options) -> dict[str, Any]:
    """One run and its undo."""
    with organizer.preview(root, options) as plan:
        review = plan.head.review
    operation = organizer.organize(root, options).operation
    assert operation is not None
    assert operation.totals.done == review.planned, (operation.totals, review.planned)
    assert organizer.verify(root).problems == []
    explained = list(_explained(root, operation.operation_id))
    with organizer.show(root, operation.operation_id) as shown:
        kept = Counter(row.detail for row in shown.files if row.reason == "kept-together")
    assert organizer.organize(root, options).review.planned == 0
    organizer.undo(root)
    return {
        "planned": review.planned,
        "by_category": {category: count for category, (count, _bytes) in sorted(review.by_category.items())},
        "left_by_reason": review.left_by_reason,
        "whole_folders": review.kept_together,
        "files_in_them": review.contained_files,
        "whole_because": dict(kept.most_common(12)),
        "ten_explained": explained,
    }


def _explained(root: Path, operation: str) -> Iterator[str]:
    """Ten files of the operation, chosen at random, and why each is where it is."""
    with organizer.show(root, operation) as shown:
        moved = sorted(row.path for row in shown.files if row.state == "done" and row.kind == "move")
    for path in random.Random(SEED).sample(moved, 10):
        yield _words(organizer.explain(root, path)[0])


def _words(found: Explained) -> str:
    """One explanation in a line."""
    why = found.explanation
    reason = "" if why is None else why.sentence
    return f"{os.fsdecode(found.row.path)} -> {os.fsdecode(found.row.target)}: {reason}"
