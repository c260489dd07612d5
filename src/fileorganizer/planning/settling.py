"""Adding up outcomes, and what has to be taken back when a family can't be finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from fileorganizer.model import (
    CONTROL_DIRECTORY,
    EDITED,
    TWIN,
    Identity,
    Outcome,
    Reason,
    Role,
    State,
    Step,
    StepKind,
    Totals,
)

PARKING: Final = CONTROL_DIRECTORY + b"/temporary/"
_REVERSIBLE: Final = (StepKind.MOVE, StepKind.COPY, StepKind.LINK)

Done = tuple[Step, Identity | None]
"""A step that is done, and for a copy the identity of the copy."""


class Tally:
    """The totals of an operation and its loose ends, batch by batch; memory grows with failures only."""

    def __init__(self) -> None:
        """Nothing was done yet."""
        self.totals = Totals()
        self.failed_groups: dict[int, int] = {}
        """Groups of which a step was skipped or failed, with the reason."""
        self.parked: dict[bytes, Step] = {}
        """Files in parking places, by that place: the step that brought them there."""
        self.owed: dict[tuple[int, bytes], Step] = {}
        """What is to be taken back and isn't yet, by side and path: the step that does. What is parked isn't among it."""
        self._broken: list[Done] = []
        self._halves: dict[int, list[Done]] = {}
        """Done steps of groups of which other steps are left to do."""

    def add(
        self, steps: list[Step], outcomes: Iterable[Outcome], trash_place: Callable[[Step, int], bytes] | None = None
    ) -> list[Step]:
        """Count a settled batch; returns the steps that are left to do.

        ``trash_place`` says where a step with its index put what it trashed; without it nothing can be taken back from there.
        """
        by_index = {outcome.index: outcome for outcome in outcomes}
        pending: list[Step] = []
        grouped: dict[int, list[Done]] = {}
        met: set[int] = set()
        unfinished: set[int] = set()
        failed: set[int] = set()
        done = size = 0
        for index, step in enumerate(steps):
            outcome = by_index.get(index)
            if outcome is None and not step.group and step.role == Role.ITEM:
                done += 1
                size += step.seen.size if step.seen else 0
                continue
            state = State.DONE if outcome is None else outcome.state
            met.add(step.group)
            if step.role in Role.TAKING_BACK:
                self._follow_debt(step, state, outcome)
            if state == State.PENDING:
                pending.append(_again(step, outcome))
                unfinished.add(step.group)
                continue
            self._count(step, outcome)
            if state == State.DONE:
                self._follow_parking(step)
                if step.group and step.kind in _REVERSIBLE:
                    grouped.setdefault(step.group, []).append((step, outcome.made if outcome else None))
                    if step.kind == StepKind.COPY and step.role == Role.AUXILIARY:
                        unfinished.add(step.group)  # its source is to go into the trash, in another batch
                elif step.group and step.kind == StepKind.TRASH and trash_place is not None:
                    trashed = msgspec.structs.replace(step, target=trash_place(step, index), keeper=None)
                    grouped.setdefault(step.group, []).append((trashed, None))
            elif step.group:
                failed.add(step.group)
                self.failed_groups.setdefault(step.group, outcome.reason if outcome else 0)
        self.totals.done += done
        self.totals.bytes += size
        before = {group: self._halves.pop(group, []) for group in met}
        self._broken = [deed for group in failed for deed in (*before[group], *grouped.get(group, ()))]
        for group in unfinished - failed:
            self._halves[group] = [*before[group], *grouped.get(group, ())]
        return pending

    def _count(self, step: Step, outcome: Outcome | None) -> None:
        """One settled step in the totals."""
        totals = self.totals
        if step.role in (Role.AUXILIARY, Role.TAKE_BACK_AUXILIARY):
            return
        if step.role == Role.TAKE_BACK:
            if outcome is None or outcome.state == State.DONE:
                totals.done -= 1
                totals.bytes -= step.seen.size if step.seen else 0
                self._not_done(Reason.WITH_COMPANION, failed=False)
        elif outcome is None or outcome.state == State.DONE:
            totals.done += 1
            totals.bytes += step.seen.size if step.seen else 0
        else:
            self._not_done(Reason(outcome.reason), failed=outcome.state == State.FAILED)

    def _not_done(self, reason: Reason, *, failed: bool, count: int = 1) -> None:
        """Files that were not done, with the reason."""
        if failed:
            self.totals.failed += count
        else:
            self.totals.skipped += count
        self.totals.by_reason[reason.label] = self.totals.by_reason.get(reason.label, 0) + count

    def _follow_parking(self, step: Step) -> None:
        """Keep track of files under temporary names."""
        if step.kind == StepKind.MOVE:
            self.parked.pop(step.source, None)
            if step.target.startswith(PARKING):
                self.parked[step.target] = step

    def owe(self, steps: Iterable[Step]) -> None:
        """These are about to be carried out, to take something back."""
        self.owed.update(((s.source_side, s.source), s) for s in steps if not s.source.startswith(PARKING))

    def _follow_debt(self, step: Step, state: int, outcome: Outcome | None) -> None:
        """Keep track of what is to be taken back: a file whose old name was taken meanwhile gets another one."""
        taken = step.kind == StepKind.MOVE and outcome is not None and outcome.reason == Reason.CONFLICT
        if state == State.PENDING or taken:
            self.owe((step,))
        else:
            self.owed.pop((step.source_side, step.source), None)

    def broken_groups(self) -> list[Done]:
        """The done steps of families that can't follow, as the last batch has shown; each is told once."""
        broken, self._broken = self._broken, []
        return broken

    def loose_ends(self) -> Iterator[list[Done]]:
        """What must be taken back when nothing more is done: halves of families, then the files that are parked even then."""
        halves = [*self.broken_groups(), *(deed for deeds in self._halves.values() for deed in deeds)]
        self._halves.clear()
        if halves:
            yield halves
        if self.parked:
            yield [(step, None) for step in self.parked.values()]

    def close(self, planned: int, reason: Reason) -> Totals:
        """The final totals: what was planned and not reached is skipped for ``reason``."""
        self.totals.planned = planned
        left = planned - self.totals.done - self.totals.skipped - self.totals.failed
        if left:
            self._not_done(reason, failed=False, count=left)
        return self.totals


def remark(step: Step, index: int) -> Outcome | None:
    """What there is to say of step ``index`` when it is done: that the file went back with an edit."""
    return Outcome(index, State.DONE, Reason.RESTORED_EDITED) if step.temporary == EDITED else None


def _again(step: Step, outcome: Outcome | None) -> Step:
    """The step for another try; with both names there, only the old one is left to be dropped."""
    both = outcome is not None and outcome.detail == TWIN.decode()
    if not both or step.seen is None:
        return step
    return msgspec.structs.replace(step, temporary=TWIN, seen=msgspec.structs.replace(step.seen, ctime_ns=0))


def take_back(done: list[Done], free_name: Callable[[int, bytes], bytes], owner: bytes) -> list[Step]:
    """The steps that reverse these, last first. ``free_name(side, path)`` gives the path, or one beside it if it is taken.

    ``owner`` stands for the root in the trash of a destination.
    A name that one of these links has now will be free by the time it is needed.
    """
    links = {(step.target_side, step.target) for step, _ in done if step.kind == StepKind.LINK}

    def name(side: int, path: bytes) -> bytes:
        return path if (side, path) in links else free_name(side, path)

    return [_reverse(step, made, name, owner) for step, made in reversed(done)]


def _reverse(step: Step, made: Identity | None, free_name: Callable[[int, bytes], bytes], owner: bytes) -> Step:
    """The step that takes one step back."""
    role = Role.TAKE_BACK if step.role == Role.ITEM else Role.TAKE_BACK_AUXILIARY
    if step.kind == StepKind.COPY:
        side = step.target_side
        return Step(StepKind.TRASH, step.target, b"", _renamed(made), side, side, role, owner=owner)
    if step.kind == StepKind.LINK:
        return Step(StepKind.DROP_TWIN, step.target, step.source, step.seen, step.target_side, step.source_side, role)
    target = free_name(step.source_side, step.source)
    return Step(StepKind.MOVE, step.target, target, _renamed(step.seen), step.target_side, step.source_side, role)


def _renamed(seen: Identity | None) -> Identity | None:
    """What was seen before a rename of ours, which has changed the ctime."""
    return msgspec.structs.replace(seen, ctime_ns=0) if seen else None
