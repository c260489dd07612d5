"""What the journal says about single files: rows to show, explanations, the trash."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import msgspec

from fileorganizer.execution.parting import deeds_of
from fileorganizer.fs import trash
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import alike, identity_of
from fileorganizer.journal import codec
from fileorganizer.journal.records import Operation
from fileorganizer.journal.store import Journal
from fileorganizer.model import (
    DESTINATION,
    SOURCE,
    STEP_NAMES,
    Facts,
    Identity,
    Keeper,
    Options,
    Outcome,
    Reason,
    Role,
    Skip,
    State,
    Step,
    StepKind,
)
from fileorganizer.planning.plainly import TRASHED
from fileorganizer.planning.settling import PARKING
from fileorganizer.rules.explain import Explanation, explain
from fileorganizer.rules.syntax import RuleSet


class FileRow(msgspec.Struct, frozen=True):
    """One file of an operation."""

    path: bytes
    """Where it was."""
    target: bytes
    """Where it went; empty when it was left alone or is in the trash."""
    kind: str
    """The kind of step; empty when it was left alone by the plan; trash for what systems leave in a folder that was emptied."""
    state: str
    """done, skipped, failed; left: the plan left it alone; pending: not reached, or in a batch whose outcome isn't known before it is recovered."""
    reason: str
    """The label of the reason, or empty."""
    detail: str
    size: int
    keeper: bytes = b""
    """The copy that stayed, for which this one was put away."""


class Explained(msgspec.Struct, frozen=True):
    """What one operation did with a file, and why."""

    operation: Operation
    row: FileRow
    explanation: Explanation | None
    """None where no rules decided: undo, restore, purge, or a file left alone for its name or kind."""


class TrashItem(msgspec.Struct, frozen=True):
    """A file in the trash of a root."""

    item_id: str
    """operation number/batch-index."""
    path: bytes
    """Where it was."""
    place: bytes
    """Where it is, relative to the root."""
    size: int
    trashed_at: float
    operation_id: str
    seen: Identity
    keeper: Keeper | None = None
    """The copy for which it was put away; without that copy it isn't purged."""
    side: int = SOURCE
    root: bytes = b""
    """The folder whose trash it is in: the root, or the destination of the operation that put it there."""


def rows(journal: Journal, operation: Operation) -> Iterator[FileRow]:
    """Every file of an operation: those that steps were for, then those that the plan left alone."""
    for step, outcome in _items(journal, operation):
        yield _step_row(step, outcome)
    swept = _swept(journal, operation)
    for skips in journal.skips(operation.number):
        for skip in skips:
            yield _skip_row(skip, swept)


def _items(journal: Journal, operation: Operation, *, copies: bool = False) -> Iterator[tuple[Step, Outcome | None]]:
    """The steps for files of an operation with their outcomes; a step that was put off is told where it was settled.

    Those for further names of a file that was put away are among them: they count as one, but each name has gone. With
    ``copies`` also the first halves of moves to another disk: the copies, whose originals went to the trash.

    A move by way of a parking place is told as one from where the file was; what went back with its family is told as
    skipped.
    """
    back = _taken_back(journal, operation)
    last = journal.batch_count(operation.number)
    parked: dict[bytes, bytes] = {}
    for batch in journal.batches(operation.number):
        outcomes = {outcome.index: outcome for outcome in batch.outcomes}
        for index, step in enumerate(codec.unpack_steps(batch.steps)):
            outcome = outcomes.get(index) if batch.settled else Outcome(index, State.PENDING, Reason.NONE)
            if step.target.startswith(PARKING):
                parked[step.target] = step.source
            elif step.source in parked:
                step = msgspec.structs.replace(step, source=parked[step.source])
            place = step.target or trash.place(operation.number, batch.seq, index, step.owner)
            if place in back and (outcome is None or outcome.state == State.DONE):
                outcome = Outcome(index, State.SKIPPED, Reason.WITH_COMPANION)
            of_a_file = step.role == Role.ITEM or (
                step.role == Role.AUXILIARY and (step.keeper is not None or (copies and step.kind == StepKind.COPY))
            )
            if of_a_file and (outcome is None or outcome.state != State.PENDING or batch.seq == last):
                yield step, outcome


def _taken_back(journal: Journal, operation: Operation) -> set[bytes]:
    """Where files of this operation were for a while, before it took them back itself."""
    if Reason.WITH_COMPANION.label not in operation.totals.by_reason:
        return set()
    return {
        deed.step.source
        for batch in journal.batches(operation.number)
        for deed in deeds_of(batch, operation.number)
        if deed.step.role == Role.TAKE_BACK
    }


def _step_row(step: Step, outcome: Outcome | None) -> FileRow:
    """A step as a row."""
    state, reason = (outcome.state, outcome.reason) if outcome else (State.DONE, Reason.NONE)
    return FileRow(
        path=step.source or step.target,
        target=step.target,
        kind=STEP_NAMES[step.kind],
        state=State(state).name.lower(),
        reason=Reason(reason).label if reason else "",
        detail=outcome.detail if outcome else "",
        size=step.seen.size if step.seen else 0,
        keeper=step.keeper.path if step.keeper else b"",
    )


def _swept(journal: Journal, operation: Operation) -> set[bytes]:
    """What systems had left in emptied folders and this operation put into the trash with them: counted as left alone."""
    swept: dict[bytes, bytes] = {}
    for batch in journal.batches(operation.number):
        for deed in deeds_of(batch, operation.number):
            if deed.step.kind == StepKind.TRASH and deed.step.role == Role.AUXILIARY:
                swept[deed.place] = deed.step.source
            elif deed.step.role == Role.TAKE_BACK_AUXILIARY:
                swept.pop(deed.step.source, None)  # its folder stayed after all
    return set(swept.values())


def _skip_row(skip: Skip, swept: set[bytes]) -> FileRow:
    """What a plan left alone as a row."""
    label = Reason(skip.reason).label
    if skip.path in swept:
        words = "nothing else was left in its folder, so it is in the trash"
        return FileRow(skip.path, b"", STEP_NAMES[StepKind.TRASH], "left", label, words, skip.size)
    return FileRow(skip.path, b"", "", "left", label, skip.detail, skip.size)


def explanations(journal: Journal, path: bytes, destination: bytes | None = None) -> Iterator[Explained]:
    """What each operation, the newest first, did with the file that was or is at ``path``.

    With ``destination`` the path is relative to this folder outside the root.
    """
    for operation in journal.operations():
        if destination is not None and operation.destination != destination:
            continue
        rules = RuleSet.decode(operation.rules) if operation.rules else None
        wins = bool(rules) and msgspec.json.decode(operation.options, type=Options).content == "always"
        for step, outcome in _items(journal, operation, copies=destination is not None):
            if any(path == at and (destination is None or side == DESTINATION) for side, at in _places(step)):
                yield Explained(operation, _step_row(step, outcome), _explained(rules, path, step.facts, wins))
        for skips in journal.skips(operation.number) if destination is None else ():
            for skip in skips:
                if skip.path == path or path.startswith(skip.path + b"/"):
                    row = _skip_row(skip, _swept(journal, operation))
                    yield Explained(operation, row, _explained(rules, path, skip.facts, wins))


def _places(step: Step) -> tuple[tuple[int, bytes], tuple[int, bytes]]:
    """Where a step's file was, and where it went: side and path."""
    return (step.source_side, step.source), (step.target_side, step.target)


def _explained(rules: RuleSet | None, path: bytes, facts: Facts | None, wins: bool) -> Explanation | None:
    """The rules run again on what was recorded."""
    if rules is None or facts is None:
        return None
    return explain(rules, path.rpartition(b"/")[2], facts, content_wins=wins)


def trash_items(journal: Journal, root: Root, destinations: Mapping[bytes, Root] | None = None) -> Iterator[TrashItem]:
    """What is in the trash of the root and of these destination roots, by their paths; oldest operation first.

    What was taken out and came back lies there since then.
    """
    found: dict[tuple[bytes, bytes], TrashItem] = {}
    for operation in journal.operations(newest_first=False):
        sides = (root, (destinations or {}).get(operation.destination or b""))
        since = operation.finished_at or operation.created_at
        for batch in journal.batches(operation.number):
            for deed in reversed(deeds_of(batch, operation.number)):
                step = deed.step
                if step.kind == StepKind.MOVE and step.target.startswith(TRASHED):
                    side = sides[step.target_side]
                    again = None if side is None else found.get((side.path, step.target))
                    if side is not None and again is not None:
                        found[side.path, step.target] = msgspec.structs.replace(again, trashed_at=since)
                    continue
                side = sides[step.source_side] if step.kind == StepKind.TRASH else None
                status = side.look(deed.place) if side is not None else None
                if side is not None and status is not None and _is_it(status, step):
                    found[side.path, deed.place] = TrashItem(
                        f"{operation.number}/{os.fsdecode(deed.place.rpartition(b'/')[2])}",
                        step.source,
                        deed.place,
                        status.st_size,
                        since,
                        operation.operation_id,
                        identity_of(status),
                        step.keeper,
                        step.source_side,
                        side.path,
                    )
    yield from found.values()


def _is_it(status: os.stat_result, step: Step) -> bool:
    """Is it what the step put away? Another root that is a copy of this one may have put something at the same place."""
    return step.seen is None or status.st_ino == step.seen.ino or alike(status, step.seen)
