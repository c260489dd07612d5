"""The files of a stored plan, page by page, and why each goes where it goes: what a preview shows of single files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final

import msgspec

from backend.services.errors import NotFound
from fileorganizer.errors import PlanDamaged, PlanNotFound
from fileorganizer.journal.codec import steps_naming, unpack_steps
from fileorganizer.journal.plans import BEFORE, Plan
from fileorganizer.model import Facts, Options, Reason, Role, Skip, Step, StepKind
from fileorganizer.rules.explain import Explanation, decided_by, explain
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
LOOK_SECONDS: Final = 0.5
"""So long one page is looked for: a filter that nothing passes would read a million steps in one go."""
_KNOWN_PLANS: Final = 1000
"""Plans that are remembered as checked: a few hundred bytes each."""


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
    decided_by: str | None
    """The kind of rule that gave it its category."""
    reason: str | None
    """The label of why it is left alone."""
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
    """Some files, and where the next page begins; None at the end. Looking for them may have ended before any was found."""

    files: list[PlanFile]
    next: tuple[int, int] | None


def opened(plan_id: str) -> Plan:
    """A plan to look at. Raises PlanNotFound, PlanDamaged.

    To check one of a million files against its digest takes a tenth of a second, and whoever opens folder after folder
    asks for it many times: that is done once for a file that doesn't change. What is carried out the engine checks itself.
    """
    plan = Plan(plan_dir(), plan_id, check_digest=False)
    try:
        status = os.stat(plan.path)
        _check(plan_id, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    except FileNotFoundError as error:  # it is being carried out just now
        plan.close()
        raise PlanNotFound(f"There is no plan {plan_id!r} any more.") from error
    except PlanDamaged:
        plan.close()
        raise
    return plan


@lru_cache(maxsize=_KNOWN_PLANS)
def _check(plan_id: str, _identity: tuple[int, ...]) -> None:
    """Read a plan whole; only that all was well is remembered."""
    Plan(plan_dir(), plan_id).close()


def page(plan_id: str, wanted: Wanted) -> PlanPage:
    """The files of a stored plan in the plan's order. Raises PlanNotFound, PlanDamaged."""
    found: list[PlanFile] = []
    with opened(plan_id) as plan:
        rules = _rules(plan) if plan.head.rules else None
        names = _names(rules)
        wins = rules is not None and _content_wins(plan)
        after = wanted.after
        if not wanted.below and plan.files_in(wanted.tree, wanted.folder) == 0:
            # no step is about this folder's own files: of a million none is looked at
            after = max(after, (_SKIP_ROWS, -1))
        last, until = after, time.monotonic() + LOOK_SECONDS
        for chunk, items in _chunks(plan, wanted.folder + b"/" if wanted.folder else b"", after[0]):
            if chunk > after[0] and time.monotonic() > until:
                return PlanPage(found, (chunk, -1))
            for row, item in items:
                if (chunk, row) <= after or not _lies_in(_seen_at(item, wanted.tree), wanted):
                    continue
                file = _file(item, names)
                rule = wanted.decided_by
                if not _passes(file, wanted) or (rule and rule != _decided_by(rules, item, content_wins=wins)):
                    continue
                if len(found) == wanted.limit:
                    return PlanPage(found, last)
                found.append(file)
                last = (chunk, row)
    return PlanPage(found, None)


def explained(plan_id: str, path: bytes) -> PlanFile:
    """One file of a stored plan by its present or future path, with the rules' reasons. Raises NotFound, PlanNotFound."""
    with opened(plan_id) as plan:
        rules = _rules(plan) if plan.head.rules else None
        names = _names(rules)
        for _, item in chain.from_iterable(items for _, items in _chunks(plan, path, 0)):
            at = (item.path,) if isinstance(item, Skip) else (item.source, item.target)
            if path in at or (isinstance(item, Skip) and path.startswith(item.path + b"/")):
                why = None
                if rules is not None and item.facts is not None:
                    why = explain(rules, _name(at[0]), item.facts, content_wins=_content_wins(plan))
                return _file(item, names, why)
    raise NotFound("file")


def _rules(plan: Plan) -> RuleSet:
    """The rules as they were when the plan was made."""
    return RuleSet.decode(plan.head.rules)


def _names(rules: RuleSet | None) -> list[str]:
    """The names of the categories, by the numbers that facts have."""
    return [category.name for category in rules.categories] if rules else []


def _content_wins(plan: Plan) -> bool:
    """Did content decide against extensions?"""
    return msgspec.json.decode(plan.head.options, type=Options).content == "always"


def _decided_by(rules: RuleSet | None, item: Step | Skip, *, content_wins: bool) -> str | None:
    """Which kind of rule decided about a file; None where none was asked."""
    if rules is None or item.facts is None:
        return None
    path = item.path if isinstance(item, Skip) else item.source
    return decided_by(rules, _name(path), item.facts, content_wins=content_wins)


def _passes(file: PlanFile, wanted: Wanted) -> bool:
    """Does it pass the filters that are about what is shown of it?"""
    shown = ((wanted.change, file.change), (wanted.category, file.category), (wanted.reason, file.reason))
    return all(asked in (None, value) for asked, value in shown)


def _chunks(plan: Plan, path: bytes, first: int) -> Iterator[tuple[int, Iterable[tuple[int, Step | Skip]]]]:
    """The chunks of a plan from the ``first`` on: the number of each, and the counted steps or the files left alone in it.

    Steps that don't name ``path`` are passed over.
    """
    if first < _SKIP_ROWS:
        for number, blob in enumerate(plan.blobs(after=first), first):
            steps = steps_naming(blob, path) if path else enumerate(unpack_steps(blob))
            yield number, ((index, step) for index, step in steps if step.role == Role.ITEM)
    for number, skips in enumerate(plan.skips(), _SKIP_ROWS):
        if number >= first:
            yield number, enumerate(skips)


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
    if change == MOVED and _name(item.source) != _name(item.target):
        change = RENAMED
    target = b"" if item.kind == StepKind.TRASH else item.target
    size = item.seen.size if item.seen else 0
    return PlanFile(item.source, target, size, 1, change, category, None, "", why)


def _name(path: bytes) -> bytes:
    """The last part of a path."""
    return path.rpartition(b"/")[2]


def _category(facts: Facts | None, names: list[str]) -> str | None:
    """The name of the category that was recorded."""
    return names[facts.category] if facts is not None and 0 <= facts.category < len(names) else None
