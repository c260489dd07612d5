"""Plans that are looked at again and again."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from backend.services import plan_files
from fileorganizer.errors import PlanDamaged, PlanNotFound
from fileorganizer.journal.plans import Head, PlanWriter
from fileorganizer.model import Review, Step, StepKind


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
