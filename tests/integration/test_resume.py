"""An operation that a crash cut off goes on with its plan, and ends as if nothing had happened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.errors import OperationNotFound
from fileorganizer.fs import faults
from fileorganizer.journal.store import Journal
from fileorganizer.model import Options
from fileorganizer.progress import Listener
from tests.integration.test_crash import kill_at
from tests.support.crash import RECURSIVE, in_child, names_of_points, small_tree, swap_tree
from tests.support.manifest import manifest
from tests.support.trees import File, read_tree, write_tree


@pytest.mark.parametrize("tree", [small_tree, swap_tree])
def test_killed_and_resumed(tmp_path: Path, tree: object) -> None:
    """Killed at any fault point of carrying a plan out, then resumed: the tree of an uninterrupted run, and undo gives all back."""
    whole = tmp_path / "whole"
    write_tree(whole, tree())  # type: ignore[operator]  # parametrized
    with organizer.preview(whole, RECURSIVE) as plan:
        whole_plan = plan.head.plan_id
    points = names_of_points(lambda: organizer.organize(whole, Options(), plan_id=whole_plan))
    expected, resumed = read_tree(whole), 0
    for hit in range(1, len(points) + 1, 3):
        root = tmp_path / str(hit)
        before = write_tree(root, tree())  # type: ignore[operator]  # parametrized
        with organizer.preview(root, RECURSIVE) as plan:
            plan_id = plan.head.plan_id
        ended = in_child(
            lambda root=root, plan_id=plan_id: organizer.organize(root, Options(), plan_id=plan_id),  # type: ignore[misc]
            faults.kill_at(hit),
        )
        assert not ended
        try:
            operation = organizer.resume(root, plan_id)
        except OperationNotFound:
            organizer.organize(root, Options(), plan_id=plan_id)  # killed before the operation was recorded
        else:
            resumed += 1
            assert operation.status == "completed"
            assert organizer.resume(root, plan_id).operation_id == operation.operation_id
        assert read_tree(root) == expected, f"killed at {points[hit - 1]}, hit {hit}"
        assert organizer.history(root)[0].totals == organizer.history(whole)[0].totals
        assert not organizer.verify(root).problems
        organizer.undo(root)
        assert manifest(root) == before
        shutil.rmtree(root)
    assert resumed > len(points) // 4


def test_nothing_to_resume(tmp_path: Path) -> None:
    """A plan that was never begun can't be resumed."""
    write_tree(tmp_path, {"a.txt": "a"})
    with pytest.raises(OperationNotFound):
        organizer.resume(tmp_path, "no-such-plan")
    organizer.organize(tmp_path, RECURSIVE)
    with pytest.raises(OperationNotFound):
        organizer.resume(tmp_path, "no-such-plan")


def test_another_plan_under_the_name_of_the_one_that_was_cut_off(tmp_path: Path, own_plans: Path) -> None:
    """Its steps aren't those that were begun: nothing is gone on with, and ``recover`` closes what there is."""
    root = tmp_path / "root"
    before = write_tree(root, small_tree())
    plans = []
    for options in (RECURSIVE, Options(dates="file")):
        with organizer.preview(root, options) as plan:
            plans.append(plan.head.plan_id)
    first, second = plans
    assert not in_child(lambda: organizer.organize(root, Options(), plan_id=first), kill_at("move.after"))
    (own_plans / f"{second}.plan").replace(own_plans / f"{first}.plan")
    held = read_tree(root)
    with pytest.raises(OperationNotFound):
        organizer.resume(root, first)
    assert read_tree(root) == held
    organizer.recover(root)
    organizer.undo(root)
    assert manifest(root) == before


def test_f65_a_family_that_was_torn_goes_back_before_the_rest_goes_on(tmp_path: Path) -> None:
    """One member had moved, the other's name was taken; killed there. Resumed, the first goes back, and others are filed."""
    pair = {f"p.{ending}": File(b"p", mtime=1_400_000_000) for ending in ("jpg", "xmp")}
    write_tree(tmp_path, {**pair, "q.txt": File(b"q", mtime=1_400_000_000)})
    with organizer.preview(tmp_path, RECURSIVE) as plan:
        plan_id = plan.head.plan_id
    taken, kill = tmp_path / "Images/2014/p.xmp", kill_at("batch.carried-out", 2)  # the first one makes the folders

    def action(name: str) -> None:
        if name == "move.after" and not taken.exists():
            taken.write_text("somebody's")
        kill(name)

    assert not in_child(lambda: organizer.organize(tmp_path, Options(), plan_id=plan_id), action)
    assert not (tmp_path / "p.jpg").exists()
    operation = organizer.resume(tmp_path, plan_id)
    assert (tmp_path / "p.jpg").exists()
    assert (tmp_path / "Documents/2014/q.txt").exists()
    assert (operation.totals.done, operation.totals.by_reason) == (1, {"conflict": 1, "with-companion": 1})
    assert organizer.verify(tmp_path).problems == []


def test_settled_batches_are_told(tmp_path: Path) -> None:
    """A listener hears of each batch once its outcome is durable, in order."""
    write_tree(tmp_path, {"a.txt": "a", "b.jpg": "b"})
    told: list[tuple[str, int]] = []
    there: list[bool] = []

    def settled(operation: str, seq: int) -> None:
        told.append((operation, seq))
        with Journal(os.fsencode(tmp_path), write=False) as journal:
            there.append(journal.batch(journal.operation(operation).number, seq).settled)

    report = organizer.organize(tmp_path, RECURSIVE, listener=Listener(settled=settled))
    assert report.operation is not None
    assert told == [(report.operation.operation_id, number + 1) for number in range(len(told))]
    assert there and all(there)
