"""Steps become outcomes, batch by batch: intent durable, steps, barrier, outcome durable (R4).

At most one batch is in doubt at any instant. One bad file is an outcome; what
concerns more than one file stops the operation after the batch is settled,
except a failed sync: then the batch stays in doubt and nothing is believed.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from typing import Final, NamedTuple

import msgspec

from fileorganizer.duplicates.cache import Renamed, changed_times, follow_renamed
from fileorganizer.errors import (
    DiskFull,
    FileOrganizerError,
    StorageFailed,
    TooManyFailures,
    show,
)
from fileorganizer.execution import recovery
from fileorganizer.execution.helping import SHARE, Helper, Share, worth_a_helper
from fileorganizer.execution.parting import deeds_of
from fileorganizer.execution.stepping import PLAIN_AT_ONCE, CopyStopped, Stepper
from fileorganizer.execution.workplace import Workplace
from fileorganizer.fs import folders, trash
from fileorganizer.fs.faults import faultpoint
from fileorganizer.journal import codec
from fileorganizer.journal.records import Intent, Operation, Settled
from fileorganizer.model import (
    BATCH_STEPS,
    CONTROL_DIRECTORY,
    TWIN,
    Folder,
    Outcome,
    Reason,
    Role,
    State,
    Step,
    StepKind,
    Totals,
)
from fileorganizer.planning import naming
from fileorganizer.planning.reversing import folder_identity
from fileorganizer.planning.settling import Done, Tally, take_back
from fileorganizer.progress import Listener

LOOK_UP_EVERY: Final = PLAIN_AT_ONCE
BATCH_SECONDS: Final = 2.0
FAILURES_IN_A_ROW: Final = 100


class _Batch(NamedTuple):
    """A stored batch, ready to be carried out."""

    blob: bytes
    steps: list[Step]
    touched: dict[tuple[int, bytes], bool]
    """As ``recovery.touched_folders`` gives them."""

    @classmethod
    def stored(cls, blob: bytes) -> _Batch:
        """From its stored form."""
        steps = codec.unpack_steps(blob)
        return cls(blob, steps, recovery.touched_folders(steps))

    @classmethod
    def of(cls, steps: list[Step]) -> _Batch:
        """Of steps that aren't stored yet."""
        return cls(codec.pack(steps), steps, recovery.touched_folders(steps))


class _Supply:
    """The plan's batches; the next one can be made ready while the disk is busy."""

    def __init__(self, blobs: Iterable[bytes]) -> None:
        """``blobs`` are its batches as they are stored."""
        self._batches = map(_Batch.stored, blobs)
        self._ready: list[_Batch | Exception] = []

    def prepare(self) -> None:
        """Make the next one ready. What that raises is raised when it is asked for."""
        if not self._ready:
            try:
                self._ready += [batch] if (batch := next(self._batches, None)) else []
            except Exception as error:  # noqa: BLE001  # it must not get in the way of the batch in hand
                self._ready.append(error)

    def __iter__(self) -> Iterator[_Batch]:
        """One by one."""
        while True:
            self.prepare()
            if not self._ready:
                return
            batch = self._ready.pop()
            if isinstance(batch, Exception):
                raise batch
            yield batch


class Executor:
    """Carries out one operation (``run``), or cleans up after one that was cut off (``resume``, then ``abandon``)."""

    def __init__(self, work: Workplace, operation: Operation, listener: Listener) -> None:
        """``operation`` is recorded in the journal already; ``work`` holds its locks."""
        self._work, self._operation, self._listener = work, operation, listener
        self._journal = work.journal
        for side in work.sides:
            side.forget()  # what planning had open may be elsewhere by now
        self._stepper = Stepper(work, self._on_bytes)
        self._seq = self._journal.batch_count(operation.number)
        self._supply = _Supply(())
        self._pending: Settled | None = None
        self._consumed = 0
        self._failures = 0
        self._deadline = 0.0
        """When the batch in hand is out of time."""
        self._error: FileOrganizerError | None = None
        self._helper: Helper | None = None
        self._helpless = not self._stepper.all_exclusive
        """A helper can't do anything here, or has died."""
        self._renamed_by_helper: list[Renamed] = []
        self._twins: set[int] = set()
        """Groups of which a file had both names: who ends that ends them, however often it is cut off."""
        self.tally = Tally()

    @property
    def consumed(self) -> int:
        """How many batches of the plan were begun."""
        return self._consumed

    @property
    def totals(self) -> Totals:
        """The counts so far."""
        return self.tally.totals

    def _on_bytes(self, count: int) -> None:
        """Copied bytes; a stop is heeded within a chunk."""
        self._listener.progress.bytes_processed += count
        self._listener.tick()
        if self._listener.stop_wanted:
            raise CopyStopped

    # the whole

    def resume(self) -> list[Step]:
        """Take up what a run that was cut off did; returns the steps that its last batch left undone.

        Taking something back comes in between: what the batch before that has left undone still is.
        """
        left: list[Step] = []
        for batch in self._journal.batches(self._operation.number):
            steps = codec.unpack_steps(batch.steps)
            undone = self.tally.add(steps, batch.outcomes, self._trash_places(batch.seq))
            between = all(step.role in Role.TAKING_BACK for step in steps)
            left = undone + [step for step in left if between and step.role not in Role.TAKING_BACK]
            self._twins.update(step.group for step in (*steps, *undone) if step.temporary == TWIN)
            self._consumed = batch.consumed
        return left

    def abandon(self, left: list[Step]) -> None:
        """After ``resume``, instead of going on: end what can't stay half done, or take it back.

        Where the destination is out of reach, what concerns it stays as it is.
        """
        try:
            families, here = self._twins - {0}, filter(self._is_here, left)
            unfinished = [step for step in here if step.temporary == TWIN or step.group in families]
            if unfinished:
                self._run_batch(_Batch.of(unfinished))
            self._undo_loose_ends()
        finally:
            self._close()

    def run(self, blobs: Iterable[bytes], left: list[Step] | None = None) -> str:
        """Carry out stored batches; returns the final status, completed or cancelled.

        ``left`` is what ``resume`` gave, when an operation that was cut off goes on.
        Raises the error that stopped it, after settling what can be settled.
        """
        stopped = False
        self._supply = _Supply(blobs)
        try:
            if left is not None:
                stopped = self._go_on(left)
            for batch in self._supply:
                if stopped or (self._listener.stop_wanted and not self.tally.parked):
                    stopped = True
                    break
                self._consumed += 1
                stopped = self._run_batch(batch)
            self._undo_loose_ends()
            if stopped:
                self._remove_unused()
        except FileOrganizerError:  # with a batch in doubt nothing is done: the journal refuses another one
            with suppress(FileOrganizerError):
                self._error = None
                self._undo_loose_ends()
            raise
        finally:
            self._close()
        return "cancelled" if stopped else "completed"

    def _trash_places(self, seq: int) -> Callable[[Step, int], bytes]:
        """Where the steps of a batch put what they trash."""
        return lambda step, index: self._work.place(step, self._operation.number, seq, index)

    def _go_on(self, left: list[Step]) -> bool:
        """End what a crash left half done: families that can't follow go back, then the rest of its batch; True: stop wanted."""
        broken = self.tally.broken_groups()
        if broken:
            self._take_back(broken)
        return bool(left) and self._run_batch(_Batch.of(left))

    def _close(self) -> None:
        """End the helper, and record the outcome of the last batch."""
        self._dismiss()
        self._settle_last()

    def _dismiss(self) -> None:
        """End the helper, if there is one."""
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()

    def _settle_last(self) -> None:
        """Record the outcome of the last batch."""
        if self._pending is not None:
            self._advance(None)

    def _advance(self, intent: Intent | None) -> None:
        """Record the outcome of the last batch and the intent of the next, together; then tell of the outcome."""
        pending, self._pending = self._pending, None
        self._journal.advance(self._operation.number, settled=pending, intent=intent)
        if pending is not None:
            self._tell(pending)

    def _tell(self, settled: Settled) -> None:
        """Tell the listener of a batch whose outcome is durable now."""
        if self._listener.settled is not None:
            self._listener.settled(self._operation.operation_id, settled.seq)

    def _undo_loose_ends(self) -> None:
        """Take back what can't be finished: halves of families, files in parking places, and what is still to be taken back."""
        for done in self.tally.loose_ends():
            self._take_back(done)
        owed = [self._named_anew(step) for step in self.tally.owed.values() if self._is_here(step)]
        if owed:
            self._run_batch(_Batch.of(owed))

    def _remove_unused(self) -> None:
        """The new folders that nothing has come into go again, the deepest first. They were made before anything else."""
        self._settle_last()
        made: list[Step] = []
        for batch in self._journal.batches(self._operation.number):
            after = {(folder.side, folder.path): folder for folder in batch.after}
            deeds = deeds_of(batch, self._operation.number)
            folders_made = [deed.step for deed in deeds if deed.step.kind == StepKind.MKDIR and not deed.step.restores]
            if not folders_made:
                break
            made += [_removal(step, after) for step in folders_made if (step.target_side, step.target) in after]
        made.sort(key=lambda step: step.source, reverse=True)
        for start in range(0, len(made), BATCH_STEPS):
            self._run_batch(_Batch.of(made[start : start + BATCH_STEPS]))

    def _take_back(self, done: list[Done]) -> None:
        """Take these back, as far as their sides are here."""
        here = [deed for deed in done if self._is_here(deed[0])]
        if here:
            steps = take_back(here, self._free_name, self._journal.owner)
            self.tally.owe(steps)
            self._run_batch(_Batch.of(steps))

    def _is_here(self, step: Step) -> bool:
        """Does a step concern only sides that are open? The destination isn't when it is given up."""
        return max(step.source_side, step.target_side) < len(self._work.sides)

    def _named_anew(self, step: Step) -> Step:
        """A step that takes something back, to a name that is free now."""
        if step.kind != StepKind.MOVE:
            return step
        return msgspec.structs.replace(step, target=self._free_name(step.target_side, step.target))

    def _free_name(self, side: int, path: bytes) -> bytes:
        """The path if nothing is there, else the first of ``name (restored).ext``, ``name (restored 2).ext`` … that is free.

        What the file system wouldn't take is cut.
        """
        candidate, number, limit = path, 1, self._work.capabilities[side].max_name_bytes
        while self._work.sides[side].look(candidate) is not None:
            folder, slash, name = path.rpartition(b"/")
            stem, dot, extension = name.rpartition(b".")
            suffix = b" (restored)" if number == 1 else b" (restored %d)" % number
            tail = suffix + dot + extension
            if not stem or len(tail) >= limit:
                stem, tail = name, suffix
            candidate = folder + slash + naming.cut(stem, limit - len(tail)) + tail
            number += 1
        return candidate

    def _run_batch(self, batch: _Batch) -> bool:
        """One stored batch to its end, in as many journaled batches as its time needs; True: stop wanted."""
        left: _Batch | None = batch
        stopped = False
        while left is not None and not stopped:
            outcomes, stopped = self._batch(left)
            undone = self.tally.add(left.steps, outcomes, self._trash_places(self._seq))
            self._listener.progress.bytes_processed = self.totals.bytes
            if self._error is not None:
                self._settle_last()
                raise self._error
            left = _Batch.of(undone) if undone else None
            broken = self.tally.broken_groups()
            if broken:
                self._take_back(broken)
        return stopped

    # one batch

    def _batch(self, batch: _Batch) -> tuple[list[Outcome], bool]:
        """Intent, steps, barrier; the outcome goes out with the next batch's intent."""
        work, number, (blob, steps, touched) = self._work, self._operation.number, batch
        work.check_alive()
        helper = self._helper_for(batch)
        before = recovery.folders_now(work, touched)
        self._prepare_trash(steps, self._seq + 1)
        self._seq += 1
        self._advance(Intent(self._seq, blob, before, self._consumed))
        outcomes, stopped = self._carry_out(steps, helper)
        faultpoint("batch.carried-out")
        after = self._barrier(steps, touched)
        lost = helper is not None and self._helper is None
        if lost or self._folders_moved(before, after, touched):
            outcomes = recovery.classify(work, number, self._journal.batch(number, self._seq)).outcomes
        if any(outcome.reason == Reason.NEEDS_ATTENTION for outcome in outcomes):
            self._error = self._error or StorageFailed(
                f"A folder in {show(work.sides[0].path)} was moved or replaced while files were moved into or out of it."
                " Stopped; 'fileorganizer verify' shows how things stand."
            )
        self._pending = Settled(self._seq, outcomes, after)
        return outcomes, stopped

    def _prepare_trash(self, steps: list[Step], seq: int) -> None:
        """Write the lists of origins for what a batch trashes, on each side. Raises DiskFull or StorageFailed."""
        for side, control in enumerate(self._work.controls):
            origins = [
                {
                    "item": f"{seq}-{index}",
                    "from": step.source.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace").decode(),
                    "b": step.source.hex(),
                }
                for index, step in enumerate(steps)
                if step.kind == StepKind.TRASH and step.source_side == side
            ]
            owner = next((step.owner for step in steps if step.owner and step.source_side == side), b"")
            listing = b"".join(msgspec.json.encode(origin) + b"\n" for origin in origins)
            if origins:
                try:
                    trash.prepare(control, self._operation.number, seq, listing, owner)
                except OSError as error:
                    raise _stopped_by(error, self._work.sides[side].path + b"/" + trash.TRASH) from error

    def _helper_for(self, batch: _Batch) -> Helper | None:
        """Who helps with this batch, and has it now; None where nobody does."""
        if self._helpless or not worth_a_helper(batch.steps):
            return None
        if self._helper is None:
            try:
                self._helper = Helper(self._work)
            except OSError:  # no process or no descriptor to be had: it goes without
                self._helpless = True
                return None
        self._helper.prepare(batch.blob)
        return self._helper

    def _carry_out(self, steps: list[Step], helper: Helper | None) -> tuple[list[Outcome], bool]:
        """The steps in their order, with a helper several at a time; those not reached are pending."""
        outcomes: list[Outcome] = []
        self._deadline = time.monotonic() + BATCH_SECONDS
        index, halted, ahead = 0, False, range(0)
        while index < len(steps) and not halted:
            share = min(SHARE, (len(steps) - index) // 2) if helper is not None else 0
            if helper is not None and share >= LOOK_UP_EVERY:
                index, halted, ahead = self._with_helper(helper, steps, index, share, outcomes)
            else:
                index, halted = self._stretches(steps, index, min(index + LOOK_UP_EVERY, len(steps)), outcomes)
        outcomes += [
            Outcome(left, State.PENDING, Reason.NONE) for left in range(index, len(steps)) if left not in ahead
        ]
        outcomes.sort(key=_by_index)
        return outcomes, index < len(steps) and self._stops_before(steps[index])

    def _with_helper(
        self, helper: Helper, steps: list[Step], first: int, share: int, outcomes: list[Outcome]
    ) -> tuple[int, bool, range]:
        """So many steps from ``first`` on, and as many behind them by the helper at the same time.

        Returns where the next step is, whether the batch halts there, and which ones behind it are settled even so.
        """
        middle = first + share
        helper.begin(middle, middle + share)
        try:
            index, halted = self._stretches(steps, first, middle, outcomes)
        finally:
            theirs = helper.finished()
        if theirs is None:
            self._helpless = True
            self._dismiss()
            return index, True, range(0)
        end, failed = self._take(theirs, middle, steps, outcomes)
        if index < middle:
            return index, True, range(middle, end)
        return max(index, end), halted or failed, range(0)

    def _take(self, share: Share, first: int, steps: list[Step], outcomes: list[Outcome]) -> tuple[int, bool]:
        """What the helper did from ``first`` on, as if done here; returns where it ended, and whether the batch halts there."""
        self._renamed_by_helper += share.renamed
        if share.end - first > len(share.outcomes):
            self._failures = 0
        for outcome in share.outcomes:
            outcomes.append(outcome)
            self._watch(outcome)
        if not share.error:
            return share.end, self._error is not None
        error = OSError(share.error, share.words)
        return share.end + self._halt(error, steps[share.end], share.end, outcomes), True

    def _stretches(self, steps: list[Step], index: int, end: int, outcomes: list[Outcome]) -> tuple[int, bool]:
        """The steps up to ``end`` or a little further, with a look up now and then; returns as ``_stretch`` does."""
        while index < end:
            if self._look_up(steps[index], index) or (index and time.monotonic() > self._deadline):
                return index, True
            index, halted = self._stretch(steps, index, min(index + LOOK_UP_EVERY, end), outcomes)
            if halted:
                return index, True
        return index, False

    def _stretch(self, steps: list[Step], index: int, end: int, outcomes: list[Outcome]) -> tuple[int, bool]:
        """The steps up to ``end``, or to the end of a family; returns where the next step is, and whether the batch halts."""
        halted = False
        while index < end and not halted:
            index, halted = self._move_plain(steps, index, end, outcomes)
            if index < end and not halted:
                index, halted = self._unit(steps, index, outcomes)
            halted = halted or self._error is not None
        return index, halted

    def _unit(self, steps: list[Step], index: int, outcomes: list[Outcome]) -> tuple[int, bool]:
        """One step, or all of a family; returns as ``_stretch`` does."""
        number, seq, place, group = self._operation.number, self._seq, self._work.place, steps[index].group
        end = _family_end(steps, index) if group else index + 1
        try:
            refused = self._refused(steps, index, end) if group else []
            if refused:
                outcomes += refused
                return end, False
            while index < end:
                step = steps[index]
                outcome = self._stepper.carry_out(step, index, place(step, number, seq, index))
                index += 1
                if outcome is None:
                    self._failures = 0
                    continue
                outcomes.append(outcome)
                self._watch(outcome)
                if group and outcome.state != State.DONE:
                    outcomes += [Outcome(at, State.SKIPPED, Reason.WITH_COMPANION) for at in range(index, end)]
                    index = end
        except (OSError, CopyStopped) as error:
            return index + self._halt(error, steps[index], index, outcomes), True
        return index, False

    def _move_plain(self, steps: list[Step], first: int, end: int, outcomes: list[Outcome]) -> tuple[int, bool]:
        """The plain moves from ``first`` on; returns where the next step is, and whether the batch halts there."""
        known = len(outcomes)
        index, error = self._stepper.move_plain(steps, first, end, outcomes)
        if index - first > len(outcomes) - known:
            self._failures = 0
        if len(outcomes) > known:
            self._watch(outcomes[-1])
        if error is None:
            return index, False
        return index + self._halt(error, steps[index], index, outcomes), True

    def _look_up(self, step: Step, index: int) -> bool:
        """Every few steps: tell how far it is, and whether to stop here."""
        progress = self._listener.progress
        progress.files_processed = self.totals.done + index
        progress.files_failed = self.totals.failed
        progress.current_path = step.source
        self._listener.tick()
        return self._stops_before(step)

    def _stops_before(self, step: Step) -> bool:
        """Is the wish to stop heeded here? Not with files in parking places, nor while something is taken back."""
        return self._listener.stop_wanted and not self.tally.parked and step.role not in Role.TAKING_BACK

    def _refused(self, steps: list[Step], first: int, end: int) -> list[Outcome]:
        """Look at all of a family before the first is moved; outcomes for all when one can't be."""
        earlier = self.tally.failed_groups.get(steps[first].group)
        if earlier is not None:
            reason = Reason(earlier) if earlier else Reason.EARLIER_STEP
            return [Outcome(index, State.SKIPPED, reason) for index in range(first, end)]
        if end - first == 1:
            return []
        number, seq = self._operation.number, self._seq
        leaving = {step.source for step in steps[first:end]}
        found = [
            self._stepper.check(steps[index], index, self._work.place(steps[index], number, seq, index), leaving)
            for index in range(first, end)
        ]
        if not any(found):
            return []
        return [o or Outcome(first + at, State.SKIPPED, Reason.WITH_COMPANION) for at, o in enumerate(found)]

    def _watch(self, outcome: Outcome) -> None:
        """Stop when failure follows failure: going on would be blind."""
        if outcome.state != State.FAILED:
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            self._error = TooManyFailures(
                f"{FAILURES_IN_A_ROW} steps in a row failed ({Reason(outcome.reason).label}). Stopped; nothing was lost."
                " Check the permissions of the folder."
            )

    def _halt(self, error: OSError | CopyStopped, step: Step, index: int, outcomes: list[Outcome]) -> bool:
        """Something that concerns more than one file: settle the step in hand by looking, and stop.

        False: the step isn't done, and nothing speaks against doing it. It may be done though the answer was an error, as
        over a network. Raises StorageFailed when a file has both names and neither can be removed: the batch stays in doubt, and
        recovery ends it.
        """
        if isinstance(error, CopyStopped):
            return False
        target = self._work.place(step, self._operation.number, self._seq, index)
        try:
            outcome = recovery.classify_step(self._work, step, index, target, set())
        except OSError:
            outcome = Outcome(index, State.FAILED, Reason.NEEDS_ATTENTION, error.strerror or "")
        path = show(step.source or step.target)
        if outcome is not None and outcome.detail == TWIN.decode():
            raise StorageFailed(
                f"{path}: {error.strerror}. Stopped; it has its old and its new name now, and 'fileorganizer recover' ends that."
            ) from error
        if (
            outcome is not None
            and outcome.state == State.PENDING
            and step.role not in Role.TAKING_BACK  # what is to go back is tried again
            and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
        ):
            outcome = Outcome(index, State.FAILED, Reason.IO_ERROR, error.strerror or "")
        self._error = _stopped_by(error, step.source or step.target)
        if outcome is None:
            return True
        if outcome.state != State.PENDING:
            outcomes.append(outcome)
        return outcome.state != State.PENDING

    def _barrier(self, steps: list[Step], touched: dict[tuple[int, bytes], bool]) -> list[Folder]:
        """Make the batch's names durable on both sides; returns the touched folders as they are now.

        Raises StorageFailed when a sync fails: the batch stays in doubt.
        """
        places = list(touched)
        for step in steps:
            if step.kind == StepKind.TRASH:
                places.append((step.source_side, trash.folder(self._operation.number, step.owner)))
                break
        after: list[Folder] = []
        for side in range(len(self._work.sides)):
            after += self._sync_side(side, [path for at, path in places if at == side])
        faultpoint("sync.after")
        return after

    def _sync_side(self, side: int, paths: list[bytes]) -> list[Folder]:
        """Sync one side's folders, each resolved anew from the root, and at hand for the next batch."""
        root = self._work.sides[side]
        root.forget()
        after: list[Folder] = []
        one_by_one = folders.sync_one_by_one(len(paths))
        try:
            with nullcontext() if one_by_one else folders.syncing_everything(root.fd):
                for path in paths:
                    try:
                        fd = root.folder(path)
                    except OSError as error:
                        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV):
                            continue
                        raise
                    if one_by_one:
                        folders.sync(fd)
                    if not path.startswith(CONTROL_DIRECTORY):
                        after.append(folders.folder_facts(fd, side, path))
                # what there is to do beside the disk's work, of both sides or one: each once
                follow_renamed(changed_times(self._stepper.renamed) + self._renamed_by_helper)
                self._stepper.renamed.clear()
                self._renamed_by_helper.clear()
                self._supply.prepare()
        except OSError as error:
            raise StorageFailed(
                f"{show(root.path)} couldn't be made durable: {error.strerror}. The last batch is in doubt; check the disk, then run"
                " 'fileorganizer recover'."
            ) from error
        return after

    def _folders_moved(self, before: list[Folder], after: list[Folder], touched: dict[tuple[int, bytes], bool]) -> bool:
        """Is a folder that was touched another one now, or gone (F37), other than by a step of ours?"""
        now = {(folder.side, folder.path): (folder.dev, folder.ino) for folder in after}
        return any(now.get((f.side, f.path)) != (f.dev, f.ino) and not touched[f.side, f.path] for f in before)


def _by_index(outcome: Outcome) -> int:
    """Where its step is in the batch."""
    return outcome.index


def _stopped_by(error: OSError, path: bytes) -> FileOrganizerError:
    """What is raised for an answer of the file system that concerns more than one file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(
            f"The disk is full (at {show(path)}). Every file is at its old or its new place; free some space and run it again."
        )
    return StorageFailed(f"{show(path)}: {error.strerror}. Stopped; every file is at its old or its new place.")


def _removal(made: Step, after: dict[tuple[int, bytes], Folder]) -> Step:
    """The step that removes a folder that was made, if it is still that one, and empty."""
    side, path = made.target_side, made.target
    return Step(StepKind.RMDIR, path, b"", folder_identity(after[side, path]), side, side, Role.TAKE_BACK_AUXILIARY)


def _family_end(steps: list[Step], first: int) -> int:
    """Where the run of steps of one group ends."""
    end = first + 1
    while end < len(steps) and steps[end].group == steps[first].group:
        end += 1
    return end
