"""From groups of equal files to the steps that put the redundant ones away, or make them names of the one that stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from fileorganizer.duplicates.groups import Copy, Group
from fileorganizer.duplicates.keepers import KeepNothing, KeepRule
from fileorganizer.model import (
    BATCH_STEPS,
    REFERENCE,
    REPLACEMENT,
    SOURCE,
    Identity,
    Keeper,
    Reason,
    Review,
    Role,
    Skip,
    Step,
    StepKind,
)

ACTIONS: Final = ("trash", "hardlink", "reflink")


class World(msgspec.Struct, frozen=True):
    """What the plan has to know of the disk."""

    status_of: Callable[[bytes], Identity | None]
    """The identity of a file of the root now, with its real mode; None when it isn't what the search saw."""
    is_busy: Callable[[Identity], bool]
    """Has some process the file open for writing?"""
    tears_family: Callable[[bytes], bool]
    """Would a companion of this file (a sidecar, a raw image) stay behind alone?"""
    reference_root: bytes
    """Absolute path of the reference root; empty when there is none."""
    shows_changes: bool = True
    """Does a file that is as it was when it was hashed hold what it held then? Otherwise bytes are compared in any case."""


class CleanUp:
    """The plan of a clean-up in the making. ``emit`` stores batches of steps, ``leave`` what is left alone."""

    def __init__(
        self,
        rule: KeepRule | KeepNothing,
        action: str,
        algorithm: str,
        world: World,
        emit: Callable[[list[Step]], object],
        leave: Callable[[list[Skip]], object],
        *,
        found_earlier: bool = False,
    ) -> None:
        """Nothing is planned yet.

        ``found_earlier``: the groups aren't from a search of just now. Then a file may have been renamed to and fro since:
        where its ctime is another, its bytes are compared again instead of believing its digest.
        """
        self._rule, self._action, self._algorithm, self._world = rule, action, algorithm, world
        self._found_earlier = found_earlier
        self._emit, self._leave = emit, leave
        self._batch: list[Step] = []
        self._skips: list[Skip] = []
        self._families = 0
        self.review = Review()

    def add(self, groups: Iterable[Group]) -> None:
        """Plan for these groups, and store the last batch."""
        for group in groups:
            self._add(group)
            if len(self._batch) >= BATCH_STEPS:
                self._flush()
        self._flush()

    def _flush(self) -> None:
        """Store what was collected."""
        if self._batch:
            self._emit(self._batch)
        if self._skips:
            self._leave(self._skips)
        self._batch, self._skips = [], []

    def _add(self, group: Group) -> None:
        """One group: who stays, and what becomes of the others."""
        stay, go = self._rule.part(group)
        if not stay:
            self._add_all(go)
            return
        if not go:
            for copy in stay:
                if not copy.is_reference:
                    self._skip(copy, Reason.FILTERED_OUT, "no copy lies in the folder that is to be kept")
            return
        keeper = next((kept for copy in stay if (kept := self._keeper(group, copy)) is not None), None)
        if keeper is not None and not self._world.shows_changes:
            keeper = _doubted(keeper)
        for copy in go:
            now = self._unchanged(copy)
            if keeper is None or now is None:
                self._skip(copy, Reason.CHANGED)
            elif (reason := self._reason(copy, keeper)) is not None:
                self._skip(copy, reason)
            else:
                self._plan(copy, now, keeper if _state(now) == _state(copy.seen) else _doubted(keeper))

    def _add_all(self, copies: Iterable[Copy]) -> None:
        """A group of which nothing is to stay: each file goes by itself, unless it isn't what was hashed any more."""
        for copy in copies:
            now = self._unchanged(copy)
            if now is None or _state(now) != _state(copy.seen):
                self._skip(copy, Reason.CHANGED)
            elif (reason := self._reason(copy, None)) is not None:
                self._skip(copy, reason)
            else:
                self._plan(copy, now, None)

    def _keeper(self, group: Group, copy: Copy) -> Keeper | None:
        """A copy as a keeper, if it still is what was hashed and nobody writes to it."""
        if self._world.is_busy(copy.seen):
            return None
        if copy.side != SOURCE:
            path = self._world.reference_root + b"/" + copy.path
            return Keeper(REFERENCE, path, copy.seen, group.digest, self._algorithm)
        now = self._unchanged(copy)
        if now is None:
            return None
        keeper = Keeper(SOURCE, copy.path, now, group.digest, self._algorithm)
        return keeper if _state(now) == _state(copy.seen) else _doubted(keeper)

    def _unchanged(self, copy: Copy) -> Identity | None:
        """The file as it is now; None when it isn't what was hashed any more."""
        now = self._world.status_of(copy.path)
        if now is None:
            return None
        known = msgspec.structs.replace(copy.seen, ctime_ns=now.ctime_ns) if self._found_earlier else copy.seen
        return now if _state(now) == _state(known) else None

    def _reason(self, copy: Copy, keeper: Keeper | None) -> Reason | None:
        """Why a redundant file, unchanged, is left alone; None: it isn't."""
        if self._world.is_busy(copy.seen):
            return Reason.OPEN_FOR_WRITING
        if keeper is not None and self._action != "trash" and copy.seen.dev != keeper.seen.dev:
            return Reason.ACROSS_DEVICES
        if self._action == "trash" and any(self._world.tears_family(path) for path in (copy.path, *copy.links)):
            return Reason.WITH_COMPANION
        return None

    def _skip(self, copy: Copy, reason: Reason, detail: str = "") -> None:
        """A file that stays for a reason."""
        self._skips.append(Skip(copy.path, reason, copy.seen.size, detail=detail))
        self.review.leave(reason)

    def _plan(self, copy: Copy, now: Identity, keeper: Keeper | None) -> None:
        """The steps for one redundant file, under all its names: they share their fate, and count as one file."""
        steps = list(self._steps(copy, now, keeper))
        if len(steps) > 1:
            self._families += 1
            steps = [msgspec.structs.replace(step, group=self._families) for step in steps]
        self._batch += steps
        self.review.planned += 1
        self.review.bytes += copy.seen.size

    def _steps(self, copy: Copy, now: Identity, keeper: Keeper | None) -> Iterator[Step]:
        """What is done with each name; renaming one changes the ctime for the others."""
        if self._action == "reflink":
            yield Step(StepKind.SHARE, copy.path, b"", now, keeper=keeper)
            return
        several = bool(copy.links)
        role = Role.ITEM
        for path in (copy.path, *copy.links):
            seen = msgspec.structs.replace(now, ctime_ns=0) if several and role == Role.AUXILIARY else now
            yield Step(StepKind.TRASH, path, b"", seen, role=role, keeper=keeper)
            if self._action == "hardlink" and keeper is not None:
                kept = msgspec.structs.replace(keeper.seen, ctime_ns=0)
                yield Step(StepKind.LINK, keeper.path, path, kept, role=Role.AUXILIARY, temporary=REPLACEMENT)
            role = Role.AUXILIARY


def _doubted(keeper: Keeper) -> Keeper:
    """The same copy without its digest: its bytes are compared before anything goes for it."""
    return msgspec.structs.replace(keeper, digest=b"")


def _state(seen: Identity) -> tuple[int, int, int, int, int]:
    """What must be as it was when the file was hashed."""
    return seen.dev, seen.ino, seen.size, seen.mtime_ns, seen.ctime_ns
