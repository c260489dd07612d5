"""Plans that are looked at again and again."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from backend.services import plan_files
from fileorganizer.errors import PlanDamaged, PlanNotFound
from fileorganizer.journal.plans import AFTER, BEFORE, Head, PlanWriter
from fileorganizer.model import Reason, Review, Skip, Step, StepKind


@pytest.fixture
def plan(own_plans: Path) -> Path:
    """The file of a stored plan, the only one."""
    writer = PlanWriter(own_plans, "p-1")
    writer.add_batch([Step(StepKind.MOVE, b"a", b"to/a", None)])
    writer.finish(Head("p-1", "organize", b"/root", (1, 2), 0.0, b"{}", b"", b"[]", Review()))
    return own_plans / "p-1.plan"


def test_checked_once(plan: Path) -> None:
    """A file that was checked and hasn't changed isn't read whole again; one that was changed is, and is refused."""
    plan_files.opened("p-1").close()
    known = plan_files._check.cache_info().hits
    plan_files.opened("p-1").close()
    assert plan_files._check.cache_info().hits == known + 1
    with sqlite3.connect(plan) as changed:
        changed.execute("UPDATE batches SET steps = x'00'")
    changed.close()
    os.utime(plan, ns=(1, 1))
    for _ in range(2):
        with pytest.raises(PlanDamaged, match="digest"):
            plan_files.opened("p-1")


def test_no_plan(plan: Path) -> None:
    """One that was carried out meanwhile isn't there."""
    plan_files.opened("p-1").close()
    plan.unlink()
    with pytest.raises(PlanNotFound):
        plan_files.opened("p-1")


def test_a_folder_without_files_of_its_own_costs_nothing(own_plans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a million steps is looked at for it; what is left alone in it is shown all the same."""
    writer = PlanWriter(own_plans, "p-2")
    writer.add_batch([Step(StepKind.MOVE, b"from/a", b"to/a", None)])
    writer.add_skips([Skip(b"pipe", Reason.SPECIAL_FILE)])
    writer.add_folders(BEFORE, [(b"", 0, 0), (b"from", 1, 5)])
    writer.add_folders(AFTER, [(b"", 0, 0), (b"to", 1, 5)])
    writer.finish(Head("p-2", "organize", b"/root", (1, 2), 0.0, b"{}", b"", b"[]", Review()))

    def paths(tree: int, folder: bytes) -> list[bytes]:
        wanted = plan_files.Wanted(tree, folder, False, None, None, None, None, (0, -1), 10)
        return [file.path for file in plan_files.page("p-2", wanted).files]

    assert paths(BEFORE, b"from") == paths(AFTER, b"to") == [b"from/a"]
    monkeypatch.setattr(plan_files, "unpack_steps", None)
    monkeypatch.setattr(plan_files, "steps_naming", None)
    assert paths(BEFORE, b"") == paths(AFTER, b"") == [b"pipe"]
    assert paths(BEFORE, b"to") == paths(AFTER, b"elsewhere") == []


def test_a_filter_that_nothing_passes(own_plans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page ends after a while without a file, and says where to go on: all are found, each once, in the plan's order."""
    writer = PlanWriter(own_plans, "p-3")
    for number in range(6):
        writer.add_batch([Step(StepKind.MOVE, b"from/%d%d" % (number, each), b"to/x", None) for each in range(3)])
    for number in range(2):
        writer.add_skips([Skip(b"left/%d" % number, Reason.SPECIAL_FILE)])
    writer.finish(Head("p-3", "organize", b"/root", (1, 2), 0.0, b"{}", b"", b"[]", Review()))
    monkeypatch.setattr(plan_files, "LOOK_SECONDS", -1.0)

    def pages(change: str | None, limit: int) -> list[list[bytes]]:
        found: list[list[bytes]] = []
        after: tuple[int, int] | None = (0, -1)
        while after is not None:
            wanted = plan_files.Wanted(BEFORE, b"", True, change, None, None, None, after, limit)
            page = plan_files.page("p-3", wanted)
            found.append([file.path for file in page.files])
            after = page.next
        return found

    assert pages("trashed", 10) == [[]] * 8
    assert [len(page) for page in pages("skipped", 10)] == [0] * 6 + [1, 1]
    everything = [path for page in pages(None, 10) for path in page]
    assert len(everything) == 20 == len(set(everything)) and everything == [
        path for page in pages(None, 2) for path in page
    ]
