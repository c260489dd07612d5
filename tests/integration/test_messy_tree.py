"""The whole way on a tree of everything that file systems allow: organize, again, undo."""

from pathlib import Path

from fileorganizer import organizer
from fileorganizer.model import Options
from tests.support.manifest import contents, difference, manifest
from tests.support.messy import make_messy_tree


def test_messy_tree_there_and_back(tmp_path: Path) -> None:
    """Every content survives, totals add up, a second run plans nothing, undo is identical."""
    root = tmp_path / "root"
    root.mkdir()
    make_messy_tree(root, 2_000)
    before, held = manifest(root), contents(root)
    with organizer.preview(root, Options(recursive=True)) as plan:
        review = plan.head.review
        assert sum(len(skips) for skips in plan.skips()) == review.left_alone == sum(review.left_by_reason.values())
    assert difference(before, manifest(root)) == []
    operation = organizer.organize(root, Options(recursive=True)).operation
    assert operation is not None
    totals = operation.totals
    assert operation.scanned == totals.planned + operation.in_place + operation.left_alone
    assert totals.planned == totals.done + totals.skipped + totals.failed == totals.done
    assert contents(root) == held
    assert organizer.verify(root).problems == []
    assert organizer.organize(root, Options(recursive=True)).operation is None
    organizer.undo(root)
    assert difference(before, manifest(root)) == []
    assert organizer.verify(root).problems == []
