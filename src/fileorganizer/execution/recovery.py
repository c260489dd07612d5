"""What became of a step, decided by looking at the disk: one table per kind of step (R10). Nothing is moved here."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

import msgspec

from fileorganizer.execution.observing import same_content
from fileorganizer.execution.workplace import Workplace
from fileorganizer.fs import copying, identity
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.folders import folder_facts
from fileorganizer.fs.identity import alike, identity_of
from fileorganizer.journal import codec
from fileorganizer.journal.records import Batch, Settled
from fileorganizer.model import (
    CONTROL_DIRECTORY,
    DESTINATION,
    REPLACEMENT,
    SOURCE,
    TWIN,
    Folder,
    Identity,
    Outcome,
    Reason,
    State,
    Step,
    StepKind,
)
from fileorganizer.planning.settling import remark

_Verdict = tuple[State, Reason, str]
_DONE: _Verdict = (State.DONE, Reason.NONE, "")
_PENDING: _Verdict = (State.PENDING, Reason.NONE, "")
_Status = os.stat_result | None


def settle_in_doubt(work: Workplace) -> int | None:
    """Settle the batch in doubt, if there is one; returns the number of its operation.

    Nothing of the user's is touched: running it again, or being killed in it, comes to the same. Only what a copy that
    was cut off left under its temporary name is removed, before the folders are recorded as they are now.
    """
    doubt = work.journal.in_doubt()
    if doubt is None:
        return None
    operation, seq = doubt
    batch = work.journal.batch(operation, seq)
    for step in codec.unpack_steps(batch.steps):
        if step.kind == StepKind.COPY:
            _discard_temporary(work, step)
    faultpoint("recover.discarded")
    settled = classify(work, operation, batch)
    faultpoint("recover.classified")
    work.journal.advance(operation, settled=settled, intent=None)
    return operation


def _discard_temporary(work: Workplace, step: Step) -> None:
    """Remove what a copy left under its temporary name, which only this step uses."""
    try:
        target_fd, _ = work.sides[step.target_side].parent(step.target)
    except OSError:
        return
    copying.remove_own_temporary(target_fd, step.temporary.rpartition(b"/")[2])


def classify(work: Workplace, operation: int, batch: Batch) -> Settled:
    """The outcomes of a batch as the disk shows them, and the folders it touched as they are now."""
    for side in work.sides:
        side.forget()
    there_before = {(folder.side, folder.path) for folder in batch.before}
    steps = codec.unpack_steps(batch.steps)
    outcomes: list[Outcome] = []
    for index, step in enumerate(steps):
        outcome = classify_step(work, step, index, work.place(step, operation, batch.seq, index), there_before)
        if outcome is not None:
            outcomes.append(outcome)
    return Settled(batch.seq, outcomes, folders_now(work, touched_folders(steps)))


def classify_step(
    work: Workplace, step: Step, index: int, target: bytes, there_before: set[tuple[int, bytes]]
) -> Outcome | None:
    """What became of one step; None: it is done, without remark."""
    if step.kind == StepKind.COPY:
        return _copied(work, step, index)
    if step.kind == StepKind.MKDIR:
        verdict = _made(work, step, there_before)
    else:
        verdict = _TABLES[step.kind](
            step, work.sides[step.source_side].look(step.source), work.sides[step.target_side].look(target)
        )
    return remark(step, index) if verdict == _DONE else Outcome(index, *verdict)


def settle_without_destination(work: Workplace, operation: int) -> None:
    """Settle the batch in doubt of an operation by what can be seen in the root alone; ``work`` has no other side.

    A step that concerns the destination is done when its file has come from there, not begun when the file is where it was,
    and else nobody can tell.
    """
    doubt = work.journal.in_doubt()
    if doubt is None:
        return
    seq = doubt[1]
    batch = work.journal.batch(operation, seq)
    there_before = {(folder.side, folder.path) for folder in batch.before}
    outcomes: list[Outcome] = []
    steps = codec.unpack_steps(batch.steps)
    for index, step in enumerate(steps):
        if DESTINATION in (step.source_side, step.target_side):
            verdict = _seen_from_the_root(work, step)
            outcome = remark(step, index) if verdict == _DONE else Outcome(index, *verdict)
        else:
            outcome = classify_step(work, step, index, work.place(step, operation, seq, index), there_before)
        if outcome is not None:
            outcomes.append(outcome)
    here = {place: ends for place, ends in touched_folders(steps).items() if place[0] == SOURCE}
    work.journal.advance(operation, settled=Settled(seq, outcomes, folders_now(work, here)), intent=None)


def _seen_from_the_root(work: Workplace, step: Step) -> _Verdict:
    """What became of a step whose other end is in a destination that is out of reach."""
    if step.kind == StepKind.MOVE:
        root, seen = work.sides[SOURCE], step.seen
        assert seen is not None  # nosec B101  # the planner gives every move an identity
        arrived = root.look(step.target) if step.target_side == SOURCE else None
        if arrived is not None and _same_inode(arrived, seen):
            return _DONE
        waits = root.look(step.source) if step.source_side == SOURCE else None
        if waits is not None and _unchanged(waits, seen):
            return _PENDING
    return (State.FAILED, Reason.NEEDS_ATTENTION, "the destination is out of reach")


def _same_inode(status: os.stat_result, seen: Identity) -> bool:
    """Is it the inode that was seen? All is looked at beneath the roots, so another device is the same under another number.

    The system gives devices numbers when it starts, or when a disk is connected: after a power cut it may be another one.
    """
    return identity.same_inode(status, msgspec.structs.replace(seen, dev=status.st_dev))


def _unchanged(status: os.stat_result, seen: Identity) -> bool:
    """The same for an inode whose content is to be what was seen."""
    return identity.unchanged(status, msgspec.structs.replace(seen, dev=status.st_dev))


def _moved(step: Step, source: _Status, target: _Status) -> _Verdict:
    """move, trash: source and target name now."""
    seen = step.seen
    assert seen is not None  # nosec B101  # the planner gives every move an identity
    at_source = source is not None and _unchanged(source, seen)
    at_target = target is not None and _same_inode(target, seen)
    if at_target and at_source:
        return (State.PENDING, Reason.NONE, TWIN.decode())
    if at_target:
        return _DONE
    if at_source:
        waits = target is None or step.temporary == REPLACEMENT  # for the step before it, which removes a link there
        return _PENDING if waits else (State.SKIPPED, Reason.CONFLICT, "")
    if source is not None:
        return (State.SKIPPED, Reason.CHANGED, "")
    if target is not None and alike(target, seen):  # where a mount numbers the inodes anew
        return _DONE
    words = "at neither place" if target is None else "gone from its place, and another file is at the target"
    return (State.FAILED, Reason.NEEDS_ATTENTION, words)


def _made(work: Workplace, step: Step, there_before: set[tuple[int, bytes]]) -> _Verdict:
    """mkdir: the journal says whether the name was free at the intent."""
    if (step.target_side, step.target) in there_before:
        return (State.SKIPPED, Reason.CONFLICT, "existed already")
    status = work.sides[step.target_side].look(step.target)
    if status is None:
        return _PENDING
    return _DONE if stat.S_ISDIR(status.st_mode) else (State.SKIPPED, Reason.CONFLICT, "")


def _removed(step: Step, source: _Status, _target: _Status) -> _Verdict:
    """rmdir: it existed at the intent, so absent means removed by us."""
    return _PENDING if source is not None and step.seen is not None and _same_inode(source, step.seen) else _DONE


def _linked(step: Step, source: _Status, target: _Status) -> _Verdict:
    """link: two names of one inode are success."""
    if target is not None and step.seen is not None and _same_inode(target, step.seen):
        return _DONE
    if target is None or step.temporary == REPLACEMENT:  # then the file that is to leave is still there
        return _PENDING if source is not None else (State.SKIPPED, Reason.GONE, "")
    return (State.SKIPPED, Reason.CONFLICT, "")


def _timed(step: Step, source: _Status, _target: _Status) -> _Verdict:
    """set_times: setting it again is harmless."""
    return _DONE if source is not None and source.st_mtime_ns == step.times else _PENDING


def _shared(_step: Step, _source: _Status, _target: _Status) -> _Verdict:
    """share: nobody can see it, and doing it again is harmless."""
    return _PENDING


def _gone(step: Step, source: _Status, _target: _Status) -> _Verdict:
    """drop_twin: the name is there or not."""
    return _PENDING if source is not None and step.seen is not None and _same_inode(source, step.seen) else _DONE


def _purged(step: Step, source: _Status, target: _Status) -> _Verdict:
    """purge: the same, and only we put something into the trash, so what is alike is it."""
    alike_there = source is not None and step.seen is not None and alike(source, step.seen)
    return _PENDING if alike_there else _gone(step, source, target)


def _copied(work: Workplace, step: Step, index: int) -> Outcome | None:
    """copy: done when the target holds the source's bytes under the source's time."""
    source, target = work.sides[step.source_side], work.sides[step.target_side]
    found = target.look(step.target)
    if found is None:
        return Outcome(index, State.PENDING, Reason.NONE)
    seen = step.seen
    if seen and found.st_size == seen.size and same_content(source, step.source, target, step.target):
        return Outcome(index, State.DONE, Reason.NONE, made=identity_of(found))
    return Outcome(index, State.SKIPPED, Reason.CONFLICT)


_TABLES: dict[int, Callable[[Step, _Status, _Status], _Verdict]] = {
    StepKind.MOVE: _moved,
    StepKind.TRASH: _moved,
    StepKind.RMDIR: _removed,
    StepKind.LINK: _linked,
    StepKind.SET_TIMES: _timed,
    StepKind.PURGE: _purged,
    StepKind.DROP_TWIN: _gone,
    StepKind.SHARE: _shared,
}


def touched_folders(steps: list[Step]) -> dict[tuple[int, bytes], bool]:
    """The folders whose names or times a batch changes: (side, path) → does it end with this batch?"""
    touched: dict[tuple[int, bytes], bool] = {}
    for step in steps:
        kind = step.kind
        if kind == StepKind.MOVE:
            touched.setdefault((step.source_side, step.source.rpartition(b"/")[0]), False)
            touched.setdefault((step.target_side, step.target.rpartition(b"/")[0]), False)
            continue
        if kind in (StepKind.SET_TIMES, StepKind.RMDIR):
            touched[step.source_side, step.source] = kind == StepKind.RMDIR
        if kind not in (StepKind.MKDIR, StepKind.COPY, StepKind.LINK, StepKind.SET_TIMES, StepKind.SHARE):
            touched.setdefault((step.source_side, step.source.rpartition(b"/")[0]), False)
        if kind in (StepKind.MKDIR, StepKind.COPY, StepKind.LINK):
            touched.setdefault((step.target_side, step.target.rpartition(b"/")[0]), False)
        if kind == StepKind.MKDIR:
            touched[step.target_side, step.target] = False
    return touched


def folders_now(work: Workplace, touched: dict[tuple[int, bytes], bool]) -> list[Folder]:
    """These folders as they are now; the control directory and those that aren't there are left out.

    In the roots' caches are only folders that were resolved anew since the last batch; so they are at hand for the steps.
    """
    facts: list[Folder] = []
    for (side, path), ends in touched.items():
        if path.startswith(CONTROL_DIRECTORY):
            continue
        try:
            facts.append(folder_facts(work.sides[side].folder(path), side, path, with_xattrs=ends))
        except OSError:
            continue
    return facts
