"""P01: every fault point of planning, organizing (in every mode), undoing, undoing an undo, restoring, purging and recovering killed; recovery and undo killed again."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from fileorganizer.fs import faults, probe
from fileorganizer.model import Options
from tests.proofs.slices import in_slices
from tests.support.crash import (
    RECURSIVE,
    AcrossTrial,
    FamilyTrial,
    PurgeTrial,
    Trial,
    TwoSidedTrial,
    Work,
    even_tree,
    family_tree,
    helped,
    kill_everywhere,
    kill_recovery_everywhere,
    small_tree,
    swap_tree,
    trash_tree,
)
from tests.support.disks import in_memory


def organize(root: Path) -> None:
    """One run."""
    organizer.organize(root, RECURSIVE)


def undo(root: Path) -> None:
    """Take the newest back."""
    organizer.undo(root)


def redo(root: Path) -> None:
    """Take the newest operation back, an undo."""
    organizer.undo(root, organizer.history(root)[0].operation_id)


def preview(root: Path) -> None:
    """A plan only."""
    organizer.preview(root, RECURSIVE).close()


def restore(root: Path) -> None:
    """All that is in the trash comes back."""
    organizer.restore(root, ())


def purge(root: Path) -> None:
    """All that is in the trash is destroyed."""
    organizer.purge(root)


def organize_there(mode: str) -> Work:
    """A run into the folder ``there`` beside the root."""

    def work(root: Path) -> None:
        there = str(root.parent / "there")
        options = Options(recursive=True, dates="file", mode=mode, destination=there, across_devices=True)
        organizer.organize(root, options)

    return work


def organize_beside_another_program(root: Path) -> None:
    """A run; when only one of a family is left to be moved, a program writes that anew, with the same content.

    It isn't the file of the plan any more and stays, so those that were moved go back.
    """
    killing = faults.action

    def action(name: str) -> None:
        left = [*root.glob("in/a.*")]
        if name == "move.after" and len(left) == 1:
            new = left[0].with_name("new")
            shutil.copy2(left[0], new)
            new.replace(left[0])
        if killing is not None:
            killing(name)

    faults.action = action
    try:
        organize(root)
    finally:
        faults.action = killing


def both(first: Work, second: Work) -> Work:
    """One after the other."""

    def work(root: Path) -> None:
        first(root)
        second(root)

    return work


@dataclass(frozen=True)
class Case:
    """What is killed, on which tree, after what."""

    tree: Callable[[], dict[str, object]]
    work: Work
    prepare: Work = lambda _root: None
    kind: type[Trial] = Trial
    by_link: bool = False
    """As on a file system without an exclusive rename."""
    helped: bool = False
    """A helper makes some of the moves."""
    recovery: bool = False
    """Recovery is what is killed, after the work was."""


CASES = {
    "plan": Case(small_tree, preview),
    "organize": Case(small_tree, organize),
    "organize a swap": Case(swap_tree, organize),
    "organize by link and unlink": Case(small_tree, organize, by_link=True),
    "organize with a helper": Case(even_tree, organize, helped=True),
    "organize across devices": Case(trash_tree, organize_there("move"), kind=AcrossTrial),
    "organize by copying": Case(small_tree, organize_there("copy"), kind=TwoSidedTrial),
    "organize by hard links": Case(small_tree, organize_there("hardlink"), kind=TwoSidedTrial),
    "undo": Case(small_tree, undo, organize),
    "undo a swap": Case(swap_tree, undo, organize),
    "undo with a helper": Case(even_tree, undo, organize, helped=True),
    "undo across devices": Case(trash_tree, undo, organize_there("move"), AcrossTrial),
    "undo copies": Case(small_tree, undo, organize_there("copy"), TwoSidedTrial),
    "undo hard links": Case(small_tree, undo, organize_there("hardlink"), TwoSidedTrial),
    "undo an undo": Case(small_tree, redo, both(organize, undo)),
    "restore": Case(trash_tree, restore, organize),
    "restore across devices": Case(small_tree, restore, organize_there("move"), AcrossTrial),
    "purge": Case(trash_tree, purge, organize, PurgeTrial),
    "recover an organize run": Case(trash_tree, organize, recovery=True),
    "recover a swap": Case(swap_tree, organize, recovery=True),
    "recover a family that goes back": Case(
        family_tree, organize_beside_another_program, kind=FamilyTrial, recovery=True
    ),
    "recover an organize run by link and unlink": Case(small_tree, organize, by_link=True, recovery=True),
    "recover across devices": Case(small_tree, organize_there("move"), kind=AcrossTrial, recovery=True),
    "recover an undo": Case(trash_tree, undo, organize, recovery=True),
    "recover a restore": Case(trash_tree, restore, organize, recovery=True),
    "recover a purge": Case(trash_tree, purge, organize, PurgeTrial, recovery=True),
}
SLICES = 16
"""Of each case: so that both cores are busy to the end, and little is lost when somebody interrupts."""


def run(place: Path) -> dict[str, Any]:
    """Counts of fault points and kills; an assertion fails at the first loss, false record or difference."""
    figures: dict[str, Any] = {"lost": 0, "false_records": 0, "undo_differences": 0}
    total: Counter[str] = Counter()
    covered = [name for name, case in CASES.items() if case.kind is not AcrossTrial or os.geteuid() == 0]
    figures |= dict.fromkeys(CASES.keys() - covered, "NOT COVERED: mounting a second file system needs root")
    slices = [f"{name}/{first}" for name in covered for first in range(1, SLICES + 1)]
    with in_memory(place) as disk:
        for which, counts in in_slices("kills", partial(_run_slice, disk), slices):
            print(which, counts, flush=True)
            name = which.rpartition("/")[0]
            figures[name] = figures.get(name, Counter()) + Counter(counts)
            total.update(counts)
    return {**figures, **total}


def _run_slice(place: Path, which: str) -> dict[str, Any]:
    """One slice of a case, ``case/first fault point``: every so many-th fault point from the first on; with a folder for its plans."""
    name, _, first = which.rpartition("/")
    before = sum(os.times()[:4])
    with tempfile.TemporaryDirectory(dir=place) as own:
        os.environ["PLAN_DIR"] = f"{own}/plans"
        points, kills = run_case(Path(own) / "case", CASES[name], SLICES, int(first))
    return {"points": points, "kills": kills, "cpu_seconds": round(sum(os.times()[:4]) - before)}


def run_case(place: Path, case: Case, stride: int = 1, first: int = 1, recovery_stride: int = 1) -> tuple[int, int]:
    """Every ``stride``-th fault point of one case, from the ``first`` on, and of its recovery: (points, kills)."""
    kill = partial(kill_recovery_everywhere, recovery_stride=recovery_stride) if case.recovery else kill_everywhere
    with ExitStack() as stack:
        if case.by_link:
            stack.enter_context(links_only())
        if case.helped:
            stack.enter_context(helped())
        if case.kind is AcrossTrial:
            stack.enter_context(AcrossTrial.mounted(place / "disk"))
        return kill(place, case.tree, case.work, stride=stride, first=first, prepare=case.prepare, kind=case.kind)


@contextmanager
def links_only() -> Iterator[None]:
    """As if trying out had found no exclusive rename, but hard links."""
    found = probe._exclusive_rename
    probe._exclusive_rename = lambda _fd, _links: "link"
    try:
        yield
    finally:
        probe._exclusive_rename = found
