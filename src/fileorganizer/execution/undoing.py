"""Taking back: what the journal says was done, what is on disk now, and the stored plan of the way back."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from typing import Final

import msgspec

from fileorganizer.errors import DestinationMissing, OperationDependency, shell_word
from fileorganizer.execution.keeping import as_it_is
from fileorganizer.execution.parting import Eyes, Part, Trashed, deeds_of, parts, torn_families, wanted_below
from fileorganizer.execution.workplace import destination_of
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.faults import faultpoint
from fileorganizer.journal import codec
from fileorganizer.journal.plans import PlanWriter
from fileorganizer.journal.records import Operation
from fileorganizer.journal.store import Journal
from fileorganizer.model import (
    BATCH_STEPS,
    CONTROL_DIRECTORY,
    DESTINATION,
    REPLACEMENT,
    SOURCE,
    Folder,
    Keeper,
    Mark,
    Review,
    Role,
    Step,
    StepKind,
    joined,
)
from fileorganizer.planning.plainly import Deed, Sight
from fileorganizer.planning.reversing import Missing, Reversal

_SKIPS_AT_ONCE: Final = 10_000


class Undoing:
    """The plan of an undo or of a restore in the making."""

    def __init__(self, sides: Sequence[Root], journal: Journal, writer: PlanWriter, tag: str) -> None:
        """``sides`` as the operation to be taken back used them. Nothing is changed on disk by any of this."""
        self._sides, self._journal, self._writer, self._tag = sides, journal, writer, tag
        self._temporaries = 0
        self._since = time.time_ns()
        """When the operation began that is taken back."""
        self._eyes = Eyes(sides)
        self._trashed = Trashed(journal)
        self.review = Review()

    def roll_back(self, operation: Operation, paths: Sequence[bytes]) -> int:
        """Plan to take ``operation`` back, or what of it lay at or below ``paths``, with the rest of the families of these;
        returns how many files matched.

        Raises OperationDependency when a later operation has moved its files on.
        """
        self._since = int(operation.created_at * 1e9)
        along = torn_families(self._journal, operation, paths) if paths else set()
        self.review.along = len(along)
        paths = [*paths, *along]
        reversal = self._reversal(wanted_below(paths), whole=not paths)
        chain = self._chain(operation)
        self._note_remade(reversal, operation, {later.number for later, _ in chain})
        self._note_kept(reversal, operation)
        for later, again in chain:
            for deeds, before, after in self._done_by(later, operation, newest_first=True):
                made = [deed for deed in deeds if again and deed.step.kind == StepKind.MKDIR]
                reversal.add(made, before, after)
                if not again:
                    reversal.follow(deeds, after, _end(later))
        plainly = reversal.knows_no_detours
        for batch, part in parts(self._journal, operation, self._sides, paths, plainly=plainly):
            self._store(reversal, part)
            reversal.add(part.plain.rest, batch.before, batch.after)
            faultpoint("undo.batch")
        self._finish(reversal, operation)
        return reversal.matched

    def _store(self, reversal: Reversal, part: Part) -> None:
        """What is plain in a batch: a batch of the plan, or where there is little, a part of one."""
        reversal.add_plain(part.plain, part.count)
        if part.count >= BATCH_STEPS // 2:
            self._writer.add_packed(part.count, part.packed)
        elif part.count:
            reversal.add_steps(codec.unpack_steps(part.packed))

    def _note_remade(self, reversal: Reversal, operation: Operation, known: set[int]) -> None:
        """Tell of the folders that undos of other, later operations have made again."""
        for later in self._journal.operations():
            if later.number > operation.number and later.undoes is not None and later.number not in known:
                for deeds, _, after in self._done_by(later, operation, newest_first=False):
                    reversal.note_remade(deeds, after, _end(later))

    def _note_kept(self, reversal: Reversal, operation: Operation) -> None:
        """Tell of the folders that earlier operations had made, and that may have stayed at their undo for what this one put there."""
        for earlier in self._journal.operations(newest_first=False):
            back = earlier.undoes is None and (earlier.rolled_back or earlier.undo_finished)
            if back and earlier.number < operation.number:
                for deeds, _, after in self._done_by(earlier, operation, newest_first=False):
                    if not reversal.note_kept(deeds, after, _end(earlier)):
                        break

    def _done_by(
        self, later: Operation, operation: Operation, *, newest_first: bool
    ) -> Iterator[tuple[list[Deed], list[Folder], list[Folder]]]:
        """What a later operation did, batch by batch: deeds, folders before and after. In another destination it is no concern."""
        sides = (SOURCE, DESTINATION) if later.destination == operation.destination else (SOURCE,)
        for batch in self._journal.batches(later.number, newest_first=newest_first):
            deeds = [
                deed
                for deed in deeds_of(batch, later.number)
                if deed.step.source_side in sides and deed.step.target_side in sides
            ]
            before, after = ([one for one in folders if one.side in sides] for folders in (batch.before, batch.after))
            yield deeds, before, after

    def _chain(self, operation: Operation) -> list[tuple[Operation, bool]]:
        """The undos of an operation, the undos of these, and so on, the newest first; true: it did the operation again.

        What they say of the folders continues what the operation says of them. So does what later restores say: they
        bring files back from the trash into folders that the operation has emptied.
        """
        again = {operation.number: True}
        chain: list[tuple[Operation, bool]] = []
        for later in self._journal.operations(newest_first=False):
            if later.operation_type == "rollback" and later.undoes in again:
                again[later.number] = not again[later.undoes]
                chain.insert(0, (later, again[later.number]))
            elif later.operation_type == "restore" and later.number > operation.number:
                chain.insert(0, (later, False))
        return chain

    def restore(self, operations: Iterable[Operation], wanted: Callable[[Deed], bool]) -> int:
        """Plan to bring what ``wanted`` names back from the trash; returns how many files matched.

        Of several that lay at one place the newest goes there, which is that of the first of ``operations``. A hard link that a
        clean-up has put there makes room for the file that it replaced.
        """
        reversal = self._reversal(lambda _path: True, whole=False)
        places: set[tuple[int, bytes]] = set()
        families = count(1)
        for operation in operations:
            numbered = defaultdict(families.__next__, {0: 0})  # each operation numbers its families from 1
            links: dict[tuple[int, bytes], Deed] = {}
            for batch in self._journal.batches(operation.number, newest_first=True):
                deeds = deeds_of(batch, operation.number)
                links.update({_place(deed): deed for deed in deeds if _is_stand_in(deed.step)})
                trashed = _each_counted([d for d in deeds if d.step.kind == StepKind.TRASH and wanted(d)])
                reversal.leave_older(deed for deed in trashed if _place(deed) in places)
                for deed in [deed for deed in trashed if _place(deed) not in places]:
                    both = (links[_place(deed)], deed) if _place(deed) in links else (deed,)
                    reversal.add([_of_family(one, numbered) for one in both], (), ())
                places.update(map(_place, trashed))
                for place in [_place(deed) for deed in deeds if deed.step.kind == StepKind.TRASH]:
                    links.pop(place, None)
        self._finish(reversal, None)
        return reversal.matched

    def _reversal(self, wanted: Callable[[bytes], bool], *, whole: bool) -> Reversal:
        """An empty reversal that stores its batches in the plan."""
        return Reversal(
            self._eyes.look,
            self._eyes.is_taken,
            wanted,
            whole=whole,
            emit=self._emit,
            temporary=self._temporary,
            born=self._eyes.born,
            since=self._since,
            keeper_of=self._keeper_of,
            owner=self._journal.owner,
        )

    def _emit(self, steps: list[Step]) -> None:
        """Store a batch."""
        self._writer.add_batch(steps)

    def _temporary(self) -> bytes:
        """A parking place in the control directory of the source root."""
        self._temporaries += 1
        return b"%s/temporary/%s-%d" % (CONTROL_DIRECTORY, self._tag.encode(), self._temporaries)

    def _keeper_of(self, place: bytes) -> tuple[bool, Keeper | None]:
        """Was a file put into the trash for a copy, by the step that put it there; and that copy as it is now, if it is there."""
        keeper = self._trashed.by(place).keeper
        return keeper is not None, as_it_is(self._sides[SOURCE], keeper) if keeper else None

    def _finish(self, reversal: Reversal, operation: Operation | None) -> None:
        """Order what is contested, explain what is missing, frame the moves with the folders' steps."""
        left = self._places_left(reversal.needed_sources())
        elsewhere = self._elsewhere(reversal.missing, operation)
        reversal.finish(left, elsewhere, self._copies_elsewhere(reversal.absent_copies))
        first = reversal.folders_first()
        for offset, steps in enumerate(first):
            self._writer.put_batch(offset - len(first), steps)
        for steps in reversal.folders_last():
            self._writer.add_batch(steps)
        for start in range(0, len(reversal.skips), _SKIPS_AT_ONCE):
            self._writer.add_skips(reversal.skips[start : start + _SKIPS_AT_ONCE])
        self._count(reversal)

    def _count(self, reversal: Reversal) -> None:
        """The totals of the plan."""
        review = self.review
        review.planned, review.bytes, review.edited = reversal.planned, reversal.bytes, reversal.edited
        review.already_back = review.in_place = reversal.already_back
        for skip in reversal.skips:
            review.leave(skip.reason)
        review.scanned = review.planned + review.in_place + review.left_alone

    def _places_left(self, needed: set[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
        """Which of the needed places are left by steps that are stored already."""
        left: set[tuple[int, bytes]] = set()
        for steps in self._writer.batches() if needed else ():
            left.update(place for step in steps if (place := (step.source_side, step.source)) in needed)
        return left

    def _elsewhere(self, missing: Sequence[Missing], operation: Operation | None) -> dict[Mark, bytes]:
        """Where the missing files are now: moved on by a later operation is refused, moved by the user is told."""
        wanted = {seen.mark for item in missing if (seen := item.deed.step.seen) is not None and seen.ino}
        if not wanted or operation is None:  # a restore misses nothing: what isn't in the trash is purged
            return {}
        self._refuse_dependency(wanted, operation)
        return dict(found for side in self._sides for found in find_files(side, wanted))

    def _copies_elsewhere(self, absent: Sequence[Deed]) -> dict[Mark, bytes]:
        """Where copies are that aren't where they were made. Looked for in their destination only, where an inode says which it is."""
        wanted = {deed.made.mark for deed in absent if deed.made is not None}
        return dict(find_files(self._sides[DESTINATION], wanted)) if wanted else {}

    def _refuse_dependency(self, wanted: set[Mark], operation: Operation) -> None:
        """Raise OperationDependency when a later operation has moved one of these files on.

        One that was taken back as far as that was possible is no hindrance: it would be one for ever.
        """
        for later in self._journal.operations():
            back = later.rolled_back or later.undo_finished
            matters = later.number > operation.number and not back and later.undoes != operation.number
            if matters and any(self._moved(later, wanted)):
                raise OperationDependency(
                    f"Operation {later.number} ({later.operation_id}) has moved files of this one on. Undo it first:"
                    f" fileorganizer undo {shell_word(self._sides[0].path)} {later.operation_id}",
                    later.operation_id,
                )

    def _moved(self, later: Operation, wanted: set[Mark]) -> Iterator[bool]:
        """For each done step of a later operation: did it move one of these files, and is it still there, as far as one can see?

        Inodes are given out again: a file that isn't as it was has to be old enough, as wherever one is recognised.
        """
        inodes = {inode for inode, _, _ in wanted}
        with ExitStack() as stack:
            eyes = self._eyes_for(later, stack)
            for batch in self._journal.batches(later.number):
                for deed in deeds_of(batch, later.number):
                    seen = deed.step.seen
                    if seen is not None and seen.ino in inodes:
                        now = eyes.look(deed.step.target_side, deed.place) if eyes else Sight(seen, 1)
                        there = now is not None and now.seen.ino == seen.ino
                        yield there and (
                            seen.mark in wanted
                            or eyes is None
                            or eyes.born(deed.step.target_side, deed.place) <= self._since
                        )

    def _eyes_for(self, later: Operation, stack: ExitStack) -> Eyes | None:
        """Eyes for what a later operation did; None where its destination isn't there. ``stack`` closes what is opened for them."""
        if later.destination in (None, self._sides[-1].path):
            return self._eyes
        try:
            destination = destination_of(later)
        except DestinationMissing:
            return None
        assert destination is not None  # nosec B101  # that of the root itself is looked at above
        return Eyes([self._sides[0], stack.enter_context(Root(destination))])


def _end(operation: Operation) -> int:
    """When an operation ended, in nanoseconds; now where it hasn't."""
    return time.time_ns() if operation.finished_at is None else int(operation.finished_at * 1e9)


def _is_stand_in(step: Step) -> bool:
    """Has this put a hard link where another file was?"""
    return step.kind == StepKind.LINK and step.temporary == REPLACEMENT


def _of_family(deed: Deed, numbered: Mapping[int, int]) -> Deed:
    """The same deed, its family called as ``numbered`` says."""
    return msgspec.structs.replace(deed, step=msgspec.structs.replace(deed.step, group=numbered[deed.step.group]))


def _each_counted(deeds: list[Deed]) -> list[Deed]:
    """These deeds, each file among them counted once: a further name where the first one isn't there, and what was swept away."""
    told = {deed.step.group for deed in deeds if deed.step.role == Role.ITEM}
    counted: list[Deed] = []
    for deed in deeds:
        if deed.step.role != Role.ITEM and (not deed.step.group or deed.step.group not in told):
            told.add(deed.step.group)
            deed = msgspec.structs.replace(deed, step=msgspec.structs.replace(deed.step, role=Role.ITEM))
        counted.append(deed)
    return counted


def _place(deed: Deed) -> tuple[int, bytes]:
    """Where the file of a deed was; of a link that stands in for one, where that was."""
    step = deed.step
    return (step.target_side, step.target) if _is_stand_in(step) else (step.source_side, step.source)


def find_files(root: Root, wanted: set[Mark]) -> Iterator[tuple[Mark, bytes]]:
    """Where these files are below a root, by one walk over all of it but the control directory."""
    inodes = {inode for inode, _, _ in wanted}
    stack = [b""]
    while stack:
        folder = stack.pop()
        try:
            fd = root.open_folder(folder)
        except OSError:
            continue
        try:
            with os.scandir(fd) as listing:
                for entry in listing:
                    name = os.fsencode(entry.name)
                    path = joined(folder, name)
                    if entry.is_dir(follow_symlinks=False):
                        if name != CONTROL_DIRECTORY:
                            stack.append(path)
                    elif entry.inode() in inodes and (mark := _mark(entry)) in wanted:
                        yield mark, path
        finally:
            os.close(fd)


def _mark(entry: os.DirEntry[str]) -> Mark | None:
    """By what a file is found again; the inode's number alone isn't enough, it is given out again. None: it has gone."""
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
