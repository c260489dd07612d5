"""Is the record true? Every done step that nothing followed is where it says; nothing of ours is left over (R21)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

import msgspec

from fileorganizer.errors import DestinationMissing, show
from fileorganizer.execution.parting import deeds_of
from fileorganizer.execution.workplace import destination_of
from fileorganizer.fs import trash
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import alike
from fileorganizer.journal import codec
from fileorganizer.journal.records import Operation
from fileorganizer.journal.store import Journal
from fileorganizer.model import CONTROL_DIRECTORY, DESTINATION, SOURCE, StepKind
from fileorganizer.planning.plainly import Deed
from fileorganizer.planning.settling import PARKING, Tally

_PUBLISHED: Final = (b"epoch", b"journal_at")
"""Files that are replaced whole; a draft of one, left by a run that was cut off, is overwritten by the next."""
_KNOWN: Final = frozenset(
    {b"journal.db", b"journal.db-journal", b"lock", b"trash", b"temporary", b"probe", *_PUBLISHED}
    | {name + b".partial" for name in _PUBLISHED}
)
_PLACING: Final = (StepKind.MOVE, StepKind.TRASH, StepKind.COPY, StepKind.LINK)


class Problem(msgspec.Struct, frozen=True):
    """Something that isn't as the record says."""

    code: str
    """in-doubt, unfinished, not-there, another-file, counts, left-over, destination-missing."""
    path: bytes
    text: str
    root: bytes
    """The root in which ``path`` is: that of the journal, or a destination of its operations."""


class Verification(msgspec.Struct):
    """What was checked and what was found. Without problems every record is true."""

    operations: int = 0
    steps: int = 0
    problems: list[Problem] = []


def verify(root: Root, journal: Journal) -> Verification:
    """Read the whole journal against its digests and compare it with the disk. Changes nothing. Raises JournalDamaged."""
    found = Verification()
    left: set[int] = set()
    if journal.in_doubt() is not None:
        found.problems.append(Problem("in-doubt", b"", "A batch is in doubt. Run 'fileorganizer recover'.", root.path))
    for operation in journal.operations():
        found.operations += 1
        if operation.status == "running":
            words = f"Operation {operation.number} was cut off. Run 'fileorganizer recover'."
            found.problems.append(Problem("unfinished", b"", words, root.path))
        with ExitStack() as stack:
            sides = {SOURCE: root}
            try:
                if (destination := destination_of(operation)) is not None:
                    sides[DESTINATION] = stack.enter_context(Root(destination))
            except DestinationMissing as error:
                found.problems.append(Problem("destination-missing", b"", str(error), operation.destination or b""))
            _verify_operation(sides, journal, operation, left, found)
    _verify_control(root, found)
    return found


def _verify_operation(
    sides: Mapping[int, Root], journal: Journal, operation: Operation, left: set[int], found: Verification
) -> None:
    """Compare one operation's done steps, newest first; ``left`` holds the places that later steps have emptied.

    Where the destination isn't among the ``sides``, it is known what went there, not whether it is there still.
    """
    tally = Tally()
    for batch in journal.batches(operation.number):
        tally.add(codec.unpack_steps(batch.steps), batch.outcomes)
    totals, counted = operation.totals, tally.totals
    if operation.status != "running" and (
        (totals.done, totals.failed) != (counted.done, counted.failed)
        or totals.planned != totals.done + totals.skipped + totals.failed
    ):
        words = f"Operation {operation.number} says {totals.done} done, its batches say {counted.done}."
        found.problems.append(Problem("counts", b"", words, sides[SOURCE].path))
    for batch in journal.batches(operation.number, newest_first=True):
        if batch.settled:
            for deed in deeds_of(batch, operation.number):
                found.steps += {deed.step.source_side, deed.step.target_side} <= sides.keys()
                _verify_deed(sides, deed, left, found)


def _verify_deed(sides: Mapping[int, Root], deed: Deed, left: set[int], found: Verification) -> None:
    """Is the file of a done step in its place, unless a later step took it away?"""
    step = deed.step
    source, target = sides.get(step.source_side), sides.get(step.target_side)
    if step.kind in _PLACING and target is not None:
        place = hash(target.path + b"/" + deed.place)
        if place in left:
            left.discard(place)
        else:
            _look(target, deed, found)
    if step.kind in (StepKind.MOVE, StepKind.TRASH, StepKind.PURGE, StepKind.DROP_TWIN) and source is not None:
        left.add(hash(source.path + b"/" + step.source))


def _look(side: Root, deed: Deed, found: Verification) -> None:
    """Compare one place with the record."""
    status = side.look(deed.place)
    expected = deed.made if deed.step.kind == StepKind.COPY else deed.step.seen
    if status is None:
        words = f"{show(deed.place)} isn't there any more."
        found.problems.append(Problem("not-there", deed.place, words, side.path))
    elif expected is not None and status.st_ino != expected.ino and not alike(status, expected):
        words = f"{show(deed.place)} is another file now."
        found.problems.append(Problem("another-file", deed.place, words, side.path))


def _verify_control(root: Root, found: Verification) -> None:
    """Is everything in the control directory known, listed and finished?"""
    for folder in (CONTROL_DIRECTORY, PARKING.rstrip(b"/")):
        for name in _names(root, folder):
            if folder != CONTROL_DIRECTORY or name not in _KNOWN:
                found.problems.append(_left_over(root, folder + b"/" + name))
    for operation in _names(root, trash.TRASH):
        folder = trash.TRASH + b"/" + operation
        names = _names(root, folder)
        lists = {name[: -len(b".origins")] for name in names if name.endswith(b".origins")}
        for name in names:
            if not name.endswith((b".origins", b".origins.partial")) and name.split(b"-")[0] not in lists:
                found.problems.append(_left_over(root, folder + b"/" + name))


def _left_over(root: Root, path: bytes) -> Problem:
    """Something of ours that should be gone."""
    return Problem("left-over", path, f"{show(path)} belongs to no operation.", root.path)


def _names(root: Root, folder: bytes) -> list[bytes]:
    """The names in a folder; none when it isn't there."""
    try:
        fd = root.open_folder(folder)
    except FileNotFoundError:
        return []
    try:
        return sorted(map(os.fsencode, os.listdir(fd)))
    finally:
        os.close(fd)
