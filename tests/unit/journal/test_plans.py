"""A plan is published whole and read as it was written, or it isn't there."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fileorganizer.errors import JournalDamaged, PlanDamaged, PlanNotFound
from fileorganizer.fs import faults
from fileorganizer.journal.plans import AFTER, BEFORE, KEEP_SECONDS, Head, Plan, PlanWriter, forget_old_plans
from fileorganizer.model import Identity, Review, Skip, Step, StepKind

SEEN = Identity(1, 2, 3, 4, 5, 0o100644)


def step(name: bytes) -> Step:
    """A move of ``name``."""
    return Step(StepKind.MOVE, name, b"to/" + name, SEEN)


def head(plan_id: str) -> Head:
    """The smallest head."""
    return Head(plan_id, "organize", b"/root", (1, 2), 0.0, b"{}", b"", b"[]", Review())


def written(folder: Path, plan_id: str = "p-1") -> PlanWriter:
    """A plan with two batches, skips and folders, not finished."""
    writer = PlanWriter(folder, plan_id)
    assert writer.add_batch([step(b"a"), step(b"b")]) == 1
    assert writer.add_batch([]) == 2
    assert writer.add_batch([step(b"c")]) == 2
    writer.add_skips([Skip(b"left", 1)])
    writer.add_skips([])
    writer.add_folders(BEFORE, [(b"", 3, 9), (b"", 1, 1)])
    return writer


def test_there_and_back(tmp_path: Path) -> None:
    """Batches in their order, also from the middle; skips; folders added up; then it can be discarded."""
    writer = written(tmp_path)
    writer.put_batch(-1, [step(b"first")])
    writer.put_batch(9, [step(b"taken out again")])
    writer.put_batch(9, [])
    assert writer.batch(9) == []
    writer.add_notes([(b"a", b"1"), (b"a/b", b"2")])
    assert list(writer.notes_backwards()) == [b"2", b"1"]
    assert [[s.source for s in steps] for steps in writer.batches()] == [[b"first"], [b"a", b"b"], [b"c"]]
    writer.finish(head("p-1"))
    with Plan(tmp_path, "p-1") as plan:
        assert plan.batch_count == 3
        assert list(plan.batches()) == [[step(b"first")], [step(b"a"), step(b"b")], [step(b"c")]]
        assert len(list(plan.blobs(2))) == 1
        assert list(plan.skips()) == [[Skip(b"left", 1)]]
        assert list(plan.folders(BEFORE)) == [(b"", 4, 10)]
        assert list(plan.folders(AFTER)) == []
    plan.discard()
    assert list(tmp_path.iterdir()) == []


def test_f02_an_unfinished_plan_is_none(tmp_path: Path) -> None:
    """Neither while it is written, nor when it was abandoned, nor when the writer died."""
    writer = written(tmp_path)
    with pytest.raises(PlanNotFound):
        Plan(tmp_path, "p-1")
    writer.abandon()
    assert list(tmp_path.iterdir()) == []
    written(tmp_path)  # and the process died here
    writer = written(tmp_path)
    writer.finish(head("p-1"))
    Plan(tmp_path, "p-1").close()


@pytest.mark.parametrize("instant", ["plan.sealed", "plan.published"])
def test_f02_a_death_while_publishing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instant: str) -> None:
    """Afterwards the plan is whole, or there is none."""

    def die(name: str) -> None:
        if name == instant:
            raise KeyboardInterrupt

    monkeypatch.setattr(faults, "action", die)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path).finish(head("p-1"))
    if instant == "plan.published":
        Plan(tmp_path, "p-1").close()
    else:
        with pytest.raises(PlanNotFound):
            Plan(tmp_path, "p-1")


@pytest.mark.parametrize("plan_id", ["none", "../p-1", "p-1/", "", "/etc/passwd"])
def test_only_plans_are_opened(tmp_path: Path, plan_id: str) -> None:
    """An id is no path."""
    written(tmp_path / "plans").finish(head("p-1"))
    with pytest.raises(PlanNotFound):
        Plan(tmp_path / "plans", plan_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE batches SET steps = x'00' WHERE seq = 1",
        "DELETE FROM batches WHERE seq = 2",
        "UPDATE batches SET seq = 7 - seq",
        "UPDATE skips SET skips = x'00'",
        "UPDATE head SET head = x'00'",
        "UPDATE head SET version = 9",
        "DELETE FROM head",
        "DROP TABLE head",
    ],
)
def test_a_changed_plan_is_refused(tmp_path: Path, statement: str) -> None:
    """Whatever was changed in it."""
    written(tmp_path).finish(head("p-1"))
    with sqlite3.connect(tmp_path / "p-1.plan") as db:
        db.execute(statement)
    db.close()
    with pytest.raises(PlanDamaged):
        Plan(tmp_path, "p-1")


def test_a_head_that_is_none(tmp_path: Path) -> None:
    """Under a right digest, and with a file that is no database at all."""
    writer = written(tmp_path)
    writer.finish(Review(scanned=1))  # type: ignore[arg-type]  # damage on purpose
    with pytest.raises(PlanDamaged):
        Plan(tmp_path, "p-1")
    (tmp_path / "p-2.plan").write_text("no database" * 500)
    with pytest.raises(PlanDamaged):
        Plan(tmp_path, "p-2")


@pytest.mark.parametrize(
    ("name", "age", "goes"),
    [
        ("a.plan", KEEP_SECONDS + 60, True),
        ("a.plan", KEEP_SECONDS - 60, False),
        ("a.partial", 86_400 + 60, True),
        ("a.partial", 86_400 - 60, False),
        ("somebody.else", KEEP_SECONDS * 9, False),
    ],
)
def test_old_plans_are_forgotten(tmp_path: Path, name: str, age: float, goes: bool) -> None:
    """Nobody applied it for thirty days; nobody finished it for a day; what isn't ours stays."""
    forget_old_plans(tmp_path / "none")
    (tmp_path / name).write_text("")
    then = time.time() - age
    os.utime(tmp_path / name, (then, then))
    forget_old_plans(tmp_path)
    assert (tmp_path / name).exists() is not goes


def test_another_run_forgets_the_same_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone between the listing and the look: nothing is left to do."""
    (tmp_path / "a.plan").write_text("")
    listed: Callable[[Path], object] = Path.iterdir

    def gone(folder: Path) -> object:
        paths = list(listed(folder))  # type: ignore[call-overload]  # paths
        (tmp_path / "a.plan").unlink()
        return paths

    monkeypatch.setattr(Path, "iterdir", gone)
    forget_old_plans(tmp_path)


def test_a_batch_that_was_packed_wrongly(tmp_path: Path) -> None:
    """Is refused when it is read, though the digest of the plan holds."""
    writer = PlanWriter(tmp_path, "p-1")
    writer.put_packed(1, 1, b"no blob")
    writer.finish(head("p-1"))
    with Plan(tmp_path, "p-1") as plan, pytest.raises(JournalDamaged):
        next(plan.batches())
