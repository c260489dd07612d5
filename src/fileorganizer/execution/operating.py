"""One operation from its stored plan to its closed record; and the closing of those that were cut off."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import islice

from fileorganizer.errors import (
    ConfirmationRequired,
    DiskFull,
    FileOrganizerError,
    OperationNotFound,
    PlanAlreadyApplied,
)
from fileorganizer.execution import recovery
from fileorganizer.execution.executor import Executor
from fileorganizer.execution.parting import Trashed, deeds_of
from fileorganizer.execution.workplace import Workplace
from fileorganizer.fs import trash
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.identity import unchanged_since
from fileorganizer.journal.plans import Plan
from fileorganizer.journal.records import Operation
from fileorganizer.journal.store import Journal
from fileorganizer.model import Reason, Review, Role, Step
from fileorganizer.progress import Listener

_MANY_CHANGED = 10
"""Fewer changed files than this are an outcome each, whatever share of the plan they are."""


def new_id() -> str:
    """A UUID of version 7 (RFC 9562): its beginning is the time, so that ids sort by age."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds.to_bytes(6, "big") + os.urandom(10)
    digits = bytes((*value[:6], value[6] & 0x0F | 0x70, value[7], value[8] & 0x3F | 0x80, *value[9:])).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def carry_out(work: Workplace, plan: Plan, listener: Listener) -> Operation:
    """Carry out a stored plan as a new operation, and discard the plan: the journal holds its steps then.

    Raises what stopped it after closing the record as failed; a failed sync leaves it running, with its last batch in doubt.
    """
    refuse_applied(work.journal, plan.head.plan_id)
    _check_space(work, plan.head.review)
    operation = work.journal.begin_operation(_record(plan))
    for skips in plan.skips():
        work.journal.advance(operation.number, settled=None, intent=None, skips=skips)
    executor = Executor(work, operation, listener)
    _to_the_end(work, plan, operation, executor, listener, None)
    return operation


def go_on(work: Workplace, plan: Plan, listener: Listener) -> Operation:
    """Go on with the operation that was cut off while it carried out ``plan``: the same steps, each looked at again.

    Raises as ``carry_out`` does, and OperationNotFound when no operation that isn't closed carried it out.
    """
    recovery.settle_in_doubt(work)
    found = [o for o in work.journal.operations() if o.plan_id == plan.head.plan_id and o.status == "running"]
    if not found or found[0].plan_digest != plan.digest:
        raise OperationNotFound(
            f"No operation of this folder was cut off while it carried out plan {plan.head.plan_id}."
        )
    operation = found[0]
    known = sum(1 for _ in work.journal.skips(operation.number))
    for skips in islice(plan.skips(), known, None):
        work.journal.advance(operation.number, settled=None, intent=None, skips=skips)
    executor = Executor(work, operation, listener)
    _to_the_end(work, plan, operation, executor, listener, executor.resume())
    return operation


def _to_the_end(
    work: Workplace, plan: Plan, operation: Operation, executor: Executor, listener: Listener, left: list[Step] | None
) -> None:
    """Run what there is of the plan, close the record, discard the plan."""
    done = executor.totals
    listener.enter("moving", plan.head.review.planned, files_done=done.done, bytes_done=done.bytes)
    started = time.monotonic()
    try:
        operation.status = executor.run(plan.blobs(executor.consumed), left)
        _close(work.journal, operation, executor, Reason.STOPPED, plan.head.review.already_back)
    except FileOrganizerError as error:
        # where the journal can't be reached either, or something is still to go back, ``recover`` closes it later
        with suppress(FileOrganizerError):
            if work.journal.in_doubt() is None and not executor.tally.parked and not executor.tally.owed:
                operation.status, operation.reason_code = "failed", error.code
                _close(work.journal, operation, executor, Reason.EARLIER_STEP)
        raise
    finally:
        operation.seconds += time.monotonic() - started
    plan.discard()


def _record(plan: Plan) -> Operation:
    """The record of an operation that is about to begin."""
    head, review = plan.head, plan.head.review
    operation = Operation(
        number=0,
        operation_id=new_id(),
        operation_type=head.operation_type,
        status="running",
        created_at=time.time(),
        plan_id=head.plan_id,
        plan_digest=plan.digest,
        options=head.options,
        rules=head.rules,
        undoes=head.undoes,
        whole=head.whole,
        destination=head.destination,
        destination_identity=head.destination_identity,
        capabilities=head.capabilities,
        scanned=review.scanned,
        in_place=review.in_place,
        left_alone=review.left_alone,
        left_by_reason=review.left_by_reason,
    )
    operation.totals.planned = review.planned
    return operation


def _close(journal: Journal, operation: Operation, executor: Executor, reason: Reason, already_back: int = 0) -> None:
    """Record the end of an operation, together with what it means for those that it takes back."""
    operation.totals = executor.tally.close(operation.totals.planned, reason)
    operation.finished_at = time.time()
    operation.batches = journal.batch_count(operation.number)
    journal.update_operation(operation, *_taken_back(journal, operation, already_back))


def _taken_back(journal: Journal, operation: Operation, already_back: int) -> list[Operation]:
    """The operations up the chain with their new counts: an undo takes back, an undo of an undo brings back.

    So does a restore, file by file, for the operations that had put them into the trash. One that had copied them to
    another place before isn't taken back by that: the copies are still there.
    """
    changed: dict[int, Operation] = {}
    if operation.operation_type == "rollback" and operation.undoes is not None:
        whole = operation.whole and operation.status == "completed"
        _count_back(journal, changed, operation.undoes, operation.totals.done, operation.status == "completed")
        above = changed[operation.undoes]
        above.rolled_back_count = max(
            above.rolled_back_count, min(already_back + operation.totals.done, above.totals.done)
        )
        above.rolled_back = operation.status == "completed" and above.rolled_back_count >= above.totals.done
        above.undo_finished = above.undo_finished or whole
    for number, files in _out_of_the_trash(journal, operation).items():
        _count_back(journal, changed, number, files, not _copies_there(journal, number))
    return list(changed.values())


def _count_back(journal: Journal, changed: dict[int, Operation], number: int, files: int, finished: bool) -> None:
    """So many files of an operation are back (or, less than none, away again); of what it had taken back as many aren't.

    An undo that was begun counts for those above it though it moved no file: it may have made folders.
    """
    following: int | None = number
    back = files >= 0
    while following is not None:
        above = changed[following] = changed.get(following) or journal.by_number(following)
        above.rolled_back_count = max(0, above.rolled_back_count + files)
        above.rolled_back = back and finished and above.rolled_back_count >= above.totals.done
        above.undo_finished = back and above.undo_finished
        following, files, back = above.undoes, -files, not back


def _copies_there(journal: Journal, number: int) -> bool:
    """Did the operation copy to another place what it put into the trash? An undo, or every second of a chain, did not."""
    operation, forward = journal.by_number(number), True
    while operation.undoes is not None:
        operation, forward = journal.by_number(operation.undoes), not forward
    return forward and operation.destination is not None


def _out_of_the_trash(journal: Journal, operation: Operation) -> dict[int, int]:
    """Operations → how many of the files that they had put away a restore has brought back, or the undo of one put away again."""
    first = operation
    while first.undoes is not None:
        first = journal.by_number(first.undoes)
    counts: dict[int, int] = {}
    if first.operation_type == "restore":
        trashed = Trashed(journal)
        for batch in journal.batches(operation.number):
            for deed in deeds_of(batch, operation.number):
                for place, files in ((deed.step.source, 1), (deed.place, -1)):
                    if place.startswith(trash.TRASH + b"/") and trashed.by(place).role == Role.ITEM:
                        number = trash.operation_of(place)
                        counts[number] = counts.get(number, 0) + files
    return counts


def close_cut_off(work: Workplace) -> list[Operation]:
    """Close the operations that a crash cut off: settle, take back halves, and record what is true. Newest first."""
    recovery.settle_in_doubt(work)
    destination = work.sides[1].path if len(work.sides) > 1 else None
    running = [one for one in work.journal.operations() if one.status == "running" and one.destination == destination]
    for operation in running:
        _abandon(work, operation)
    return running


def close_without_destination(work: Workplace, number: int) -> list[Operation]:
    """Close an operation that was cut off and whose destination isn't there, by what the root alone shows: ``work`` has no more.

    None is closed when somebody else was quicker.
    """
    running = [one for one in work.journal.operations() if one.status == "running" and one.number == number]
    for operation in running:
        recovery.settle_without_destination(work, number)
        _abandon(work, operation)
        _give_up(work.journal, operation)
    return running


def _give_up(journal: Journal, operation: Operation) -> None:
    """Its destination won't come back: no plain undo waits for an operation that used it. By its id each may still be tried."""
    lost = [one for one in journal.operations() if _destination(one) == _destination(operation)]
    for one in lost:
        one.undo_finished = True
    journal.update_operation(*lost)


def _destination(operation: Operation) -> tuple[bytes | None, int]:
    """By what the destination of an operation is told from others; not by its device, which gets other numbers."""
    return operation.destination, (operation.destination_identity or (0, 0))[1]


def _abandon(work: Workplace, operation: Operation) -> None:
    """Take back what is half done, and close the record."""
    executor = Executor(work, operation, Listener())
    executor.abandon(executor.resume())
    operation.status = "interrupted"
    _close(work.journal, operation, executor, Reason.INTERRUPTED)
    faultpoint("recover.closed")


def refuse_applied(journal: Journal, plan_id: str) -> None:
    """Raise PlanAlreadyApplied when an operation of this journal carried out the plan."""
    for operation in journal.operations():
        if operation.plan_id == plan_id:
            raise PlanAlreadyApplied(
                f"Plan {plan_id} was carried out as operation {operation.number}. Make a new one with 'fileorganizer preview'."
            )


def refuse_stale(work: Workplace, plan: Plan) -> None:
    """Raise ConfirmationRequired when more than half of a plan's first batch has changed or gone since (F41)."""
    looked_at = changed = 0
    for steps in plan.batches():
        for step in steps:
            if step.seen is not None:
                status = work.sides[step.source_side].look(step.source)
                looked_at += 1
                changed += status is None or not unchanged_since(status, step.seen)
        if looked_at:
            break
    if changed >= _MANY_CHANGED and changed * 2 > looked_at:
        raise ConfirmationRequired(
            f"{changed} of the first {looked_at} files have changed or gone since this plan was made. Make a new one with"
            " 'fileorganizer preview'. Nothing was moved."
        )


def _check_space(work: Workplace, review: Review) -> None:
    """Raise DiskFull when what is to be copied has no room, or the new folders no inodes."""
    target = work.capabilities[-1]
    inodes = review.new_folders + (review.planned if review.copied_bytes else 0)
    if review.copied_bytes > target.free_bytes:
        raise DiskFull(
            f"{review.copied_bytes} bytes are to be copied and {target.free_bytes} are free. Nothing was changed; free some space."
        )
    if 0 < target.free_inodes < inodes:
        raise DiskFull(
            f"{inodes} new files and folders need as many inodes, {target.free_inodes} are free. Nothing was changed."
        )
