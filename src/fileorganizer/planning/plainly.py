"""The part of an undo that needs no memory: files of one batch that nobody has touched since they were moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from fileorganizer.model import CONTROL_DIRECTORY, Identity, Outcome, Role, State, Step, StepKind

TRASHED: Final = CONTROL_DIRECTORY + b"/trash/"
"""How the places of files in the trash begin."""


class Sight(msgspec.Struct, frozen=True):
    """What is at a path now: its identity, and whether the inode has other names."""

    seen: Identity
    links: int


Look = Callable[[int, bytes], Sight | None]
"""(side, path) → what is there now."""
IsTaken = Callable[[int, bytes], bool]
"""(side, path) → is anything there now? Asked for path after path of the same folder."""


class Deed(msgspec.Struct, frozen=True, array_like=True):
    """One done step as the journal has it: where its file is now, and for a copy what was made."""

    step: Step
    place: bytes
    """The target; for the trash, the place in it."""
    made: Identity | None


class Plain(msgspec.Struct, array_like=True):
    """What became of one batch, last first."""

    steps: list[Step] = []
    """These take a file back."""
    contested: list[Step] = []
    """These would, but something is at the place now."""
    rest: list[Deed] = []
    """What isn't plain."""
    folders: set[tuple[int, bytes]] = set()
    """Side and path of the folders that files go back to."""
    size: int = 0
    """Bytes of the files of ``steps``."""


def done_deeds(steps: Sequence[Step], outcomes: Iterable[Outcome], trashed: Callable[[Step, int], bytes]) -> list[Deed]:
    """The done steps of a batch, last first, with the places that their files have since; ``trashed`` knows those in the trash."""
    by_index = {outcome.index: outcome for outcome in outcomes}
    deeds: list[Deed] = []
    for index, step in enumerate(steps):
        outcome = by_index.get(index)
        if outcome is None or outcome.state == State.DONE:
            place = trashed(step, index) if step.kind == StepKind.TRASH else step.target
            deeds.append(Deed(step, place, outcome.made if outcome else None))
    deeds.reverse()
    return deeds


def take_apart(deeds: Iterable[Deed], look: Look, is_taken: IsTaken, wanted: Callable[[bytes], bool]) -> Plain:
    """Sort the deeds of a batch; a plain one that isn't ``wanted`` is left out. Runs once a file: written for speed."""
    steps: list[Step] = []
    contested: list[Step] = []
    rest: list[Deed] = []
    folders: set[tuple[int, bytes]] = set()
    size = 0
    for deed in deeds:
        step = deed.step
        then, source, side = step.seen, step.source, step.source_side
        # Nearly all are moves of a file of its own, and none of them goes through a parking place: those have a group.
        # What came out of the trash needs a look at why it was there.
        if (
            step.kind != StepKind.MOVE
            or step.role != Role.ITEM
            or step.group
            or then is None
            or source.startswith(TRASHED)
        ):
            rest.append(deed)
            continue
        if not wanted(source):
            continue
        now = look(step.target_side, deed.place)
        if now is None or now.links != 1 or not _is_untouched(now.seen, then):
            rest.append(deed)
            continue
        back = Step(StepKind.MOVE, deed.place, source, now.seen, step.target_side, side, Role.ITEM)
        folders.add((side, source.rpartition(b"/")[0]))
        if is_taken(side, source):
            contested.append(back)
        else:
            steps.append(back)
            size += now.seen.size
    return Plain(steps, contested, rest, folders, size)


def _is_untouched(now: Identity, then: Identity) -> bool:
    """The same inode with the same type, size and mtime."""
    return (now.ino, now.mtime_ns, now.size, now.dev) == (then.ino, then.mtime_ns, then.size, then.dev) and (
        now.mode ^ then.mode
    ) & 0o170000 == 0
