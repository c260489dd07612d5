"""The files of a stored plan, page by page, and why each goes where it goes: what a preview shows of single files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from backend.services.errors import NotFound
from fileorganizer.journal.codec import may_name, unpack_steps
from fileorganizer.journal.plans import BEFORE, Plan
from fileorganizer.model import Facts, Options, Reason, Role, Skip, Step, StepKind
from fileorganizer.rules.explain import Explanation, explain
from fileorganizer.rules.syntax import RuleSet
from fileorganizer.settings import plan_dir

MOVED, RENAMED, COPIED, LINKED, TRASHED = "moved", "renamed", "copied", "linked", "trashed"
KEPT, CONFLICT, SKIPPED = "kept_together", "conflict", "skipped"
_BY_KIND: Final = {
    StepKind.MOVE: MOVED,
    StepKind.COPY: COPIED,
    StepKind.LINK: LINKED,
    StepKind.TRASH: TRASHED,
}
_CONFLICTS: Final = (Reason.NAME_TAKEN, Reason.DUPLICATE_IN_PLACE, Reason.NAME_NOT_ALLOWED, Reason.WITH_COMPANION)
_SKIP_ROWS: Final = 1 << 40
"""Rows of what is left alone are numbered from here on; no plan has so many batches of steps."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files of a plan."""

    tree: int
    """BEFORE: by where they are; AFTER: by where they will be."""
    folder: bytes
    below: bool
    """Those in folders below it, too."""
    change: str | None
    category: str | None
    after: tuple[int, int]
    """Behind this row of this chunk; (0, -1) from the beginning."""
    limit: int


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What the plan means for one file, or for one folder that is kept whole."""

    path: bytes
    target: bytes
    """Empty for one that is left alone or goes to the trash."""
    size: int
    files: int
    change: str
    category: str | None
    reason: str | None
    """The label of why it is left alone."""
    detail: str
    why: Explanation | None = None


@dataclass(frozen=True, slots=True)
class PlanPage:
    """Some files, and where the next page begins; None at the end."""

    files: list[PlanFile]
    next: tuple[int, int] | None


def page(plan_id: str, wanted: Wanted) -> PlanPage:
    """The files of a stored plan in the plan's order. Raises PlanNotFound, PlanDamaged."""
    found: list[PlanFile] = []
    with Plan(plan_dir(), plan_id) as plan:
        names = [category.name for category in _rules(plan).categories] if plan.head.rules else []
        last = wanted.after
        for place, item in _items(plan, wanted.folder, wanted.after):
            if not _lies_in(_seen_at(item, wanted.tree), wanted):
                continue
            file = _file(item, names)
            if wanted.change in (None, file.change) and wanted.category in (None, file.category):
                if len(found) == wanted.limit:
                    return PlanPage(found, last)
                found.append(file)
                last = place
    return PlanPage(found, None)


def explained(plan_id: str, path: bytes) -> PlanFile:
    """One file of a stored plan by its present or future path, with the rules' reasons. Raises NotFound, PlanNotFound."""
    with Plan(plan_dir(), plan_id) as plan:
        rules = _rules(plan) if plan.head.rules else None
        names = [category.name for category in rules.categories] if rules else []
        for _, item in _items(plan, path, (0, -1)):
            at = (item.path,) if isinstance(item, Skip) else (item.source, item.target)
            if path in at or (isinstance(item, Skip) and path.startswith(item.path + b"/")):
                why = None
                if rules is not None and item.facts is not None:
                    wins = msgspec.json.decode(plan.head.options, type=Options).content == "always"
                    why = explain(rules, at[0].rpartition(b"/")[2], item.facts, content_wins=wins)
                return _file(item, names, why)
    raise NotFound("file")


def _rules(plan: Plan) -> RuleSet:
    """The rules as they were when the plan was made."""
    return RuleSet.decode(plan.head.rules)


def _items(plan: Plan, path: bytes, after: tuple[int, int]) -> Iterator[tuple[tuple[int, int], Step | Skip]]:
    """Each counted step and each file left alone behind a place, with its own place; batches without ``path`` are passed over."""
    chunk, row = after
    if chunk < _SKIP_ROWS:
        for number, blob in enumerate(plan.blobs(after=chunk), chunk):
            if not may_name(blob, path):
                continue
            for index, step in enumerate(unpack_steps(blob)):
                if step.role == Role.ITEM and (number, index) > after:
                    yield (number, index), step
    for number, skips in enumerate(plan.skips(), _SKIP_ROWS):
        for index, skip in enumerate(skips):
            if (number, index) > (chunk, row):
                yield (number, index), skip


def _seen_at(item: Step | Skip, tree: int) -> bytes | None:
    """Where a tree shows it; None for what isn't in that tree."""
    if isinstance(item, Skip):
        return item.path
    if tree == BEFORE:
        return item.source
    return None if item.kind == StepKind.TRASH else item.target


def _lies_in(path: bytes | None, wanted: Wanted) -> bool:
    """Is it in the folder that is asked for?"""
    if path is None:
        return False
    if wanted.below:
        return not wanted.folder or path.startswith(wanted.folder + b"/")
    return path.rpartition(b"/")[0] == wanted.folder


def _file(item: Step | Skip, names: list[str], why: Explanation | None = None) -> PlanFile:
    """A step or a skip as it is shown."""
    category = _category(item.facts, names)
    if isinstance(item, Skip):
        reason = Reason(item.reason)
        change = KEPT if reason == Reason.KEPT_TOGETHER else CONFLICT if reason in _CONFLICTS else SKIPPED
        return PlanFile(item.path, b"", item.size, item.files, change, category, reason.label, item.detail, why)
    change = _BY_KIND.get(item.kind, MOVED)
    if change == MOVED and item.source.rpartition(b"/")[2] != item.target.rpartition(b"/")[2]:
        change = RENAMED
    target = b"" if item.kind == StepKind.TRASH else item.target
    size = item.seen.size if item.seen else 0
    return PlanFile(item.source, target, size, 1, change, category, None, "", why)


def _category(facts: Facts | None, names: list[str]) -> str | None:
    """The name of the category that was recorded."""
    return names[facts.category] if facts is not None and 0 <= facts.category < len(names) else None
