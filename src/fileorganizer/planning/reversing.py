"""From what an operation did, and what is on disk now, to the steps that take it back (R13).

Newest first. What the user changed or moved since is left alone and said. A
file that was edited where it is goes back to its place with the edit. Places
that are taken now but will be left by other steps of the same undo are
ordered like the chains and swaps of any plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from fileorganizer.model import (
    BATCH_STEPS,
    EDITED,
    REPLACEMENT,
    SOURCE,
    Folder,
    Identity,
    Keeper,
    Mark,
    Reason,
    Role,
    Skip,
    Step,
    StepKind,
)
from fileorganizer.planning.ordering import in_batches, order
from fileorganizer.planning.plainly import TRASHED, Deed, IsTaken, Look, Plain, Sight
from fileorganizer.planning.settling import PARKING

GROUPS_FROM: Final = 1 << 50
"""Above the groups of a plan that two processes made: the second one's begin at 1 << 40."""
STAYS: Final = "the other one of the two doesn't come back"
NO_KEEPER: Final = "the copy that was to stay has changed or gone"


Born = Callable[[int, bytes], int]
"""(side, path) → when what is there now was made, in nanoseconds; 0 where that can't be told."""
KeeperOf = Callable[[bytes], tuple[bool, Keeper | None]]
"""Place in the trash → was the file put there for a copy that stays; and that copy as it is now, None where it isn't there any more."""


class Missing(msgspec.Struct, frozen=True):
    """A file that isn't where the operation left it."""

    deed: Deed
    reason: Reason


class Reversal:
    """The plan of an undo in the making. ``emit`` stores batches of steps in order."""

    def __init__(
        self,
        look: Look,
        is_taken: IsTaken,
        wanted: Callable[[bytes], bool],
        *,
        whole: bool,
        emit: Callable[[list[Step]], None],
        temporary: Callable[[], bytes],
        born: Born,
        since: int,
        keeper_of: KeeperOf,
        owner: bytes,
    ) -> None:
        """``wanted`` says whether an original path is to be restored; ``whole``: all of it, folder times included.

        ``since``: when the operation that is taken back began, in nanoseconds. ``owner`` stands for the root in the trash of a destination.
        """
        self._owner = owner
        self._look, self._is_taken, self._wanted, self._whole = look, is_taken, wanted, whole
        self._emit, self._temporary, self._keeper_of = emit, temporary, keeper_of
        self._born, self._since = born, since
        self._batch: list[Step] = []
        self._contested: list[Step] = []
        self._undecided: dict[int, list[Step]] = {}
        """Groups of which a file comes out of the trash if its place becomes free → what is put away for it then."""
        self._staying: set[int] = set()
        """Groups of which a file doesn't come out of the trash: nothing is put away for it."""
        self._links: dict[tuple[int, bytes], Step] = {}
        """Name of a link → the step that removes it, once it is known that the file that it replaced comes back."""
        self._redundant: dict[tuple[int, bytes], Step] = {}
        """Place of a redundant file → the step that puts it away again, with the link that takes its name or without."""
        self._parked: dict[bytes, Deed] = {}
        self._put_aside: dict[bytes, bytes] = {}
        self._moved_on: dict[tuple[int, bytes], bytes] = {}
        self._removed: dict[tuple[int, bytes], tuple[Folder, Identity | None]] = {}
        self._created: dict[tuple[int, bytes], Identity] = {}
        self._remade: dict[tuple[int, bytes, int], Identity] = {}
        """Side, path and inode of a folder that others removed → what an undo of theirs made in its place."""
        self._made_again: dict[tuple[int, bytes], list[tuple[Identity, int]]] = {}
        """Folders that later undos have made again, this operation's or others': as each was left, and when that undo ended."""
        self._kept: dict[tuple[int, bytes], tuple[Identity, int]] = {}
        """Folders that earlier operations, taken back since, had made: as each was left, and when that operation ended."""
        self._restored_in: set[tuple[int, bytes]] = set()
        self._before: dict[tuple[int, bytes], Folder] = {}
        self._after: dict[tuple[int, bytes], Folder] = {}
        self._touched_by_others: set[tuple[int, bytes]] = set()
        self._idle = True
        """Is there nothing yet that would change the time of a folder?"""
        self.matched = 0
        self.planned = 0
        self.bytes = 0
        self.already_back = 0
        self.edited = 0
        self.skips: list[Skip] = []
        self.missing: list[Missing] = []
        self.absent_copies: list[Deed] = []
        """Copies that aren't where the operation made them."""

    # collecting, newest first

    @property
    def knows_no_detours(self) -> bool:
        """Has ``follow`` found no file that lies elsewhere? Then what is plain in a batch can be told without this."""
        return not self._moved_on

    def add_plain(self, plain: Plain, count: int) -> None:
        """What was plain in a batch, before its rest: so many steps that are stored already, and those that are contested."""
        self.matched += count + len(plain.contested)
        self.planned += count
        self._idle &= not count
        self.bytes += plain.size
        self._restored_in |= plain.folders
        self._contested += plain.contested

    def add_steps(self, steps: list[Step]) -> None:
        """Steps of ``add_plain`` that are too few to be stored by themselves."""
        for step in steps:
            self._store(step)

    def add(self, deeds: Iterable[Deed], before: Iterable[Folder], after: Iterable[Folder]) -> None:
        """The done steps of one batch, last first, and the folders it touched."""
        for folder in after:
            newer = self._before.get((folder.side, folder.path))
            if newer is not None and newer.mtime_ns != folder.mtime_ns:
                self._touched_by_others.add((folder.side, folder.path))
            self._after.setdefault((folder.side, folder.path), folder)
        for folder in before:
            self._before[folder.side, folder.path] = folder
        for deed in deeds:
            if deed.step.role not in Role.TAKING_BACK or deed.step.source.startswith(PARKING):
                self._add(deed)

    def leave_older(self, deeds: Iterable[Deed]) -> None:
        """Files that can't go back to where they were, because what was put away there later does."""
        for deed in deeds:
            self.matched += 1
            self._leave(deed.step, Reason.SOURCE_TAKEN)

    def follow(self, deeds: Sequence[Deed], after: Iterable[Folder], until: int) -> None:
        """The done steps of one batch of a later undo, last first: some files are neither at the one place nor the other.

        It had parked them, was cut off, and found their places taken. The folders that it made again are those of the operation.
        ``until``: when it ended, in nanoseconds.
        """
        self._note_made_again(deeds, {(folder.side, folder.path): folder for folder in after}, until)
        for step in (deed.step for deed in deeds if deed.step.kind == StepKind.MOVE):
            if step.source.startswith(PARKING) and step.role in Role.TAKING_BACK:
                self._put_aside[step.source] = step.target
            elif (aside := self._put_aside.pop(step.target, None)) is not None and aside != step.source:
                self._moved_on[step.source_side, step.source] = aside

    def note_remade(self, deeds: Sequence[Deed], after: Iterable[Folder], until: int) -> None:
        """The done steps of one batch of an undo of something else: a folder that it made again is the one it restores."""
        now = {(folder.side, folder.path): folder for folder in after}
        self._note_made_again(deeds, now, until)
        for step in (deed.step for deed in deeds if deed.step.kind == StepKind.MKDIR):
            made = now.get((step.target_side, step.target))
            if made is not None and step.restores is not None:
                self._remade[step.target_side, step.target, step.restores.ino] = folder_identity(made)

    def _note_made_again(self, deeds: Sequence[Deed], after: dict[tuple[int, bytes], Folder], until: int) -> None:
        """The folders that these steps have made, as their batch left them."""
        for step in (deed.step for deed in deeds if deed.step.kind == StepKind.MKDIR):
            made = after.get((step.target_side, step.target))
            if made is not None:
                self._made_again.setdefault((made.side, made.path), []).append((folder_identity(made), until))

    def _is_made_again(self, side: int, path: bytes, now: Identity) -> bool:
        """Is the folder at a path one that an undo has made, and not one that somebody has made in its place since?"""
        return any(
            _is_same_folder(now, left.ino, left.mtime_ns) and self._born(side, path) <= until
            for left, until in self._made_again.get((side, path), ())
        )

    def note_kept(self, deeds: Sequence[Deed], after: Iterable[Folder], until: int) -> bool:
        """The done steps of one batch of an earlier operation that is taken back; its folders stayed where something was in them.

        False: it made none in this batch, and will make none in a later one.
        """
        now = {(folder.side, folder.path): folder for folder in after}
        made = [deed.step for deed in deeds if deed.step.kind == StepKind.MKDIR]
        for step in made:
            left = now.get((step.target_side, step.target))
            if left is not None:
                self._kept[left.side, left.path] = folder_identity(left), until
        return bool(made)

    def _note_created(self, side: int, path: bytes, made: Folder) -> None:
        """A folder of ours, under the number that it has now."""
        seen = folder_identity(made)
        while (again := self._remade.pop((side, path, seen.ino), None)) is not None:
            seen = again
        self._created.setdefault((side, path), seen)

    def _add(self, deed: Deed) -> None:
        """One done step."""
        step = deed.step
        if step.kind == StepKind.MKDIR:
            made = self._after.get((step.target_side, step.target))
            if made is not None:
                self._note_created(step.target_side, step.target, made)
        elif step.kind == StepKind.RMDIR:
            gone = self._before.get((step.source_side, step.source))
            if gone is not None:
                self._removed[step.source_side, step.source] = gone, step.seen
        elif step.kind in (StepKind.SET_TIMES, StepKind.PURGE):
            return
        elif step.kind == StepKind.SHARE:
            self._add_shared(step)
        elif step.kind == StepKind.MOVE and step.source.startswith(PARKING):
            self._parked[step.source] = deed
        elif step.kind == StepKind.MOVE and step.target.startswith(PARKING):
            self._unpark(deed)
        elif self._wanted(step.target if step.temporary == REPLACEMENT else step.source):
            self.matched += 1
            self._reverse(deed)

    def _add_shared(self, step: Step) -> None:
        """Shared blocks are no change that one could see: there is nothing to take back."""
        if self._wanted(step.source):
            self.matched += 1
            self.already_back += step.role == Role.ITEM

    def _unpark(self, deed: Deed) -> None:
        """Put the two halves of a move through a parking place together."""
        second = self._parked.pop(deed.step.target, None)
        if not self._wanted(deed.step.source):
            return
        self.matched += 1
        if second is None:  # it is there still: it could go neither on nor back
            self._reverse(deed)
            return
        step = msgspec.structs.replace(second.step, source=deed.step.source, source_side=deed.step.source_side)
        if (step.source_side, step.source) != (step.target_side, second.place):
            self._reverse(Deed(step, second.place, None))

    def _reverse(self, deed: Deed) -> None:
        """The step that takes one file back, or why there is none."""
        step = deed.step
        now = self._look(step.target_side, deed.place)
        aside = self._moved_on.get((step.target_side, deed.place))
        if aside is not None and not self._is_it(step, step.target_side, deed.place, now):
            deed = Deed(step, aside, deed.made)
            now = self._look(step.target_side, aside)
        if step.kind == StepKind.COPY:
            self._reverse_copy(deed, now)
        elif step.kind == StepKind.LINK:
            self._reverse_link(deed, now)
        elif step.kind == StepKind.DROP_TWIN:
            self._reverse_drop(step, now)
        else:
            self._reverse_move(deed, now)

    def _reverse_drop(self, step: Step, now: Sight | None) -> None:
        """The name is a link again; the file that an undo had put there instead goes into the trash right before."""
        seen = now.seen if now else step.seen
        link = Step(
            StepKind.LINK,
            step.target,
            step.source,
            msgspec.structs.replace(seen, ctime_ns=0) if seen else None,  # each further name changes it
            step.target_side,
            step.source_side,
            step.role,
        )
        away = self._redundant.pop((step.source_side, step.source), None)
        if away is not None:
            self._plan(away)
            link = msgspec.structs.replace(link, group=away.group, temporary=REPLACEMENT)
        elif step.role != Role.ITEM and self._is_taken(step.source_side, step.source):
            return
        self._plan(link)

    def _reverse_move(self, deed: Deed, now: Sight | None) -> None:
        """The file goes back to its name, if it is still ours."""
        step = deed.step
        link = self._links.pop((step.source_side, step.source), None)
        if now is None or not self._is_it(step, step.target_side, deed.place, now):
            self._note_absent(deed, now)
            return
        seen = now.seen if now.links == 1 else msgspec.structs.replace(now.seen, ctime_ns=0)
        back = Step(
            StepKind.MOVE,
            deed.place,
            step.source,
            seen,
            step.target_side,
            step.source_side,
            step.role,
            0 if _is_junk(step) else step.group,
            temporary=EDITED if _is_edited(now.seen, step.seen) else b"",
        )
        if step.source.startswith(TRASHED):
            self._put_away_again(step, back)
            return
        if link is not None:  # both or none, as when the file was put away for the link
            self._count(back)
            self._store(link, msgspec.structs.replace(back, temporary=REPLACEMENT))
            return
        contested = self._is_taken(step.source_side, step.source)
        if contested and step.group and step.kind == StepKind.TRASH:
            self._undecided.setdefault(step.group, [])
        self._plan(back, contested=contested)

    def _put_away_again(self, step: Step, back: Step) -> None:
        """What an undo brought out of the trash goes there again: a redundant file only as long as it is one."""
        redundant, keeper = self._keeper_of(step.source)
        if not redundant:
            self._put_away(step.group, back)
        elif back.temporary == EDITED:
            self._leave(msgspec.structs.replace(step, source=back.source), Reason.NOT_OURS)
        elif keeper is None:
            self._leave(msgspec.structs.replace(step, source=back.source), Reason.CHANGED, NO_KEEPER)
        else:
            back = msgspec.structs.replace(back, keeper=keeper)
            if step.group:
                self._redundant[back.source_side, back.source] = back
            else:
                self._plan(back)

    def _put_away(self, group: int, step: Step) -> None:
        """Plan to put a file away for the other one of its group, which comes out of the trash instead; else it stays."""
        if group in self._staying:
            self._leave(step, Reason.WITH_COMPANION, STAYS)
        elif group in self._undecided:
            self._undecided[group].append(step)
        else:
            self._plan(step)

    def _is_it(self, step: Step, side: int, place: bytes, now: Sight | None) -> bool:
        """Is it the file of the step, edited perhaps? Inode numbers are given out again: an edited one must be old enough."""
        if now is None or step.seen is None or not _is_ours(now.seen, step.seen):
            return False
        return _is_unchanged(now.seen, step.seen) or not self._born_later(side, place)

    def _born_later(self, side: int, place: bytes) -> bool:
        """Was what is at a place made after the operation began? Where that can't be told, no."""
        return self._born(side, place) > self._since

    def _note_absent(self, deed: Deed, now: Sight | None) -> None:
        """The file isn't where it was put: back already, changed, or gone."""
        step = deed.step
        there = self._look(step.source_side, step.source)
        if self._is_it(step, step.source_side, step.source, there):
            self.already_back += step.role == Role.ITEM
        elif now is None and step.kind != StepKind.TRASH:
            self.missing.append(Missing(deed, Reason.MISSING))
        else:
            self._leave(step, Reason.PURGED if now is None else Reason.NOT_OURS)
            if step.kind == StepKind.TRASH:
                self._staying.update({step.group} - {0})

    def _reverse_copy(self, deed: Deed, now: Sight | None) -> None:
        """A copy that nobody changed goes to the trash of its side; of another one it is said where it stays.

        Also where its original comes back out of the trash: then there are two files. Where that doesn't come back, the copy
        is all there is, and stays.
        """
        step = deed.step
        if now is None:
            self.absent_copies.append(deed)
        elif deed.made is None or not _is_unchanged(now.seen, deed.made):
            there = deed.place.decode("utf-8", "backslashreplace")
            self._leave(msgspec.structs.replace(step, role=Role.ITEM), Reason.NOT_OURS, f"the copy stays at {there}")
        else:
            side = step.target_side
            self._put_away(
                step.group,
                Step(StepKind.TRASH, deed.place, b"", now.seen, side, side, step.role, step.group, owner=self._owner),
            )

    def _reverse_link(self, deed: Deed, now: Sight | None) -> None:
        """A link of ours is removed while the file still has its first name."""
        step = deed.step
        twin = self._look(step.source_side, step.source)
        if now is None:
            self.already_back += step.role == Role.ITEM
        elif twin is None or now.seen.ino != twin.seen.ino or now.seen.dev != twin.seen.dev:
            self._leave(step, Reason.NOT_OURS)
        else:
            side, group = step.target_side, step.group if step.temporary == REPLACEMENT else 0
            drop = Step(StepKind.DROP_TWIN, deed.place, step.source, now.seen, side, step.source_side, step.role, group)
            if step.temporary == REPLACEMENT:
                self._links[step.target_side, deed.place] = drop
            else:
                self._plan(drop)

    def _leave(self, step: Step, reason: Reason, detail: str = "") -> None:
        """The file stays as it is, with the reason."""
        if step.role == Role.ITEM:
            self.skips.append(
                Skip(step.source, reason, step.seen.size if step.seen else 0, detail=detail, facts=step.facts)
            )

    def _plan(self, step: Step, *, contested: bool = False) -> None:
        """Add a step; one whose place is taken now is put off."""
        self._restored_in.add((step.target_side, step.target.rpartition(b"/")[0]))
        if contested:
            self._contested.append(step)
            return
        self._count(step)
        self._store(step)

    def _store(self, *steps: Step) -> None:
        """Add steps to the batch, several together."""
        self._idle = False
        self._batch += steps
        if len(self._batch) >= BATCH_STEPS:
            self._emit_batch()

    def _count(self, step: Step) -> None:
        """A planned step in the totals."""
        if step.role == Role.ITEM:
            self.planned += 1
            self.edited += step.temporary == EDITED
            self.bytes += step.seen.size if step.seen else 0

    def _emit_batch(self) -> None:
        """Store the batch; a family isn't torn for it, which only matters for its look ahead."""
        if self._batch:
            self._emit(self._batch)
        self._batch = []

    # finishing

    def needed_sources(self) -> set[tuple[int, bytes]]:
        """The places that are taken now and wanted; all other steps are emitted by then, and what they leave will be free."""
        for step in self._redundant.values():
            self._plan(step)
        self._emit_batch()
        return {(step.target_side, step.target) for step in self._contested}

    def finish(self, left: set[tuple[int, bytes]], elsewhere: dict[Mark, bytes], copies: dict[Mark, bytes]) -> None:
        """Emit the rest. ``left`` are the needed places that steps of this undo leave; ``elsewhere`` says where missing files are,
        ``copies`` where absent copies are."""
        possible = self._possible(left)
        self._idle &= not possible
        for step in possible:
            self._count(step)
        for steps in order([[step] for step in possible], self._temporary, GROUPS_FROM):
            self._emit(steps)
        for step in (step for steps in self._undecided.values() for step in steps):
            self._plan(step)
        self._emit_batch()
        for missing in self.missing:
            step = missing.deed.step
            found = elsewhere.get(step.seen.mark) if step.seen else None
            reason = Reason.MISSING if found is None else Reason.MOVED_BY_YOU
            self._leave(step, reason, "" if found is None else found.decode("utf-8", "backslashreplace"))
        for copy in self.absent_copies:
            there = copies.get(copy.made.mark) if copy.made is not None else None
            if there is None:  # somebody has put it away already
                self.already_back += copy.step.role == Role.ITEM
            else:
                words = f"the copy stays at {there.decode('utf-8', 'backslashreplace')}"
                self._leave(msgspec.structs.replace(copy.step, role=Role.ITEM), Reason.MOVED_BY_YOU, words)

    def _possible(self, left: set[tuple[int, bytes]]) -> list[Step]:
        """The contested steps whose places will be free; one that has to stay keeps the place that another one wants."""
        wanted = {(step.target_side, step.target): step for step in self._contested}
        own = {(step.source_side, step.source) for step in self._contested}
        taken = [place for place in wanted if place not in left and place not in own]
        while taken:
            step = wanted.pop(taken.pop())
            self._leave(msgspec.structs.replace(step, source=step.target), Reason.SOURCE_TAKEN)
            for other in self._undecided.pop(step.group, ()):
                self._leave(other, Reason.WITH_COMPANION, STAYS)
            if (step.source_side, step.source) in wanted:
                taken.append((step.source_side, step.source))
        return list(wanted.values())

    def folders_first(self) -> list[list[Step]]:
        """The folders that have to be there again before anything moves."""
        needed = _with_parents(self._restored_in)
        again: dict[tuple[int, bytes], Folder | None] = {
            place: folder for place, (folder, _) in self._removed.items() if self._whole or place in needed
        }
        for place in needed - again.keys():
            again[place] = self._before.get(place)
        steps = [
            Step(
                StepKind.MKDIR,
                b"",
                path,
                None,
                side,
                side,
                Role.AUXILIARY,
                mode=folder.mode & 0o7777 if folder else 0o777,
                restores=folder,
            )
            for (side, path), folder in sorted(again.items(), key=lambda item: item[0])
            if self._look(side, path) is None
        ]
        self._idle &= not steps
        return in_batches([[step] for step in steps])

    def folders_last(self) -> Iterator[list[Step]]:
        """Created folders that are empty then go, deepest first; after that the folders get their times back.

        So do those that stayed at the undo of an earlier operation for what this one had put there. Of a part that is back
        already no folder goes.
        """
        if self._idle and not self._whole:
            return
        left = _with_parents(self._before)
        created = {
            place: seen
            for place, (seen, until) in self._kept.items()
            if place in left and self._look(*place) is not None and self._born(*place) <= until
        } | self._created
        removals = [
            Step(StepKind.RMDIR, path, b"", now.seen, side, side, Role.AUXILIARY)
            for (side, path), seen in sorted(created.items(), reverse=True)
            if (now := self._look(side, path)) is not None and _is_same_folder(now.seen, seen.ino, seen.mtime_ns)
        ]
        self._idle &= not removals
        yield from in_batches([[step] for step in removals])
        if self._whole:
            yield from in_batches([[step] for step in self._times()])

    def _times(self) -> Iterator[Step]:
        """The times of the folders that nobody else has touched since."""
        for (side, path), before in sorted(self._before.items(), reverse=True):
            if (side, path) in self._created:
                continue
            now, after = self._look(side, path), self._after.get((side, path))
            if self._idle and now and now.seen.mtime_ns == before.mtime_ns:
                continue  # it has its time, and nothing will take it away
            if (side, path) in self._removed:
                if now is None or self._is_made_again(side, path, now.seen):
                    yield _timed(before, None, restores=before)  # another one is the user's own
                continue
            if (side, path) in self._touched_by_others:
                continue
            if now and after and now.seen.mtime_ns == after.mtime_ns:
                yield _timed(before, now.seen)


def _with_parents(places: Iterable[tuple[int, bytes]]) -> set[tuple[int, bytes]]:
    """These folders and all above them, without the roots."""
    found: set[tuple[int, bytes]] = set()
    for side, path in places:
        while path and (side, path) not in found:
            found.add((side, path))
            path = path.rpartition(b"/")[0]
    return found


def _is_junk(step: Step) -> bool:
    """Was it put away only because its folder went? Then it comes back by itself. Copies are put away elsewhere."""
    auxiliary = step.kind == StepKind.TRASH and step.role == Role.AUXILIARY
    return auxiliary and step.source_side == SOURCE and step.keeper is None


def _is_same_folder(now: Identity, ino: int, mtime_ns: int) -> bool:
    """Is it the folder that was left? Removed and made again by a later operation and its undo, it has its time only."""
    return now.ino == ino or now.mtime_ns == mtime_ns


def _timed(before: Folder, seen: Identity | None, restores: Folder | None = None) -> Step:
    """The step that gives a folder its time back, and to one that was made again everything else."""
    return Step(
        StepKind.SET_TIMES,
        before.path,
        b"",
        seen,
        before.side,
        before.side,
        Role.AUXILIARY,
        times=before.mtime_ns,
        restores=restores,
    )


def _is_ours(now: Identity, then: Identity | None) -> bool:
    """Is it the file that was moved, edited perhaps; or, rewritten by another program, the same in size and time?

    The number of the device isn't asked for: it is another one when the disk was connected anew.
    """
    if then is None:
        return False
    if now.ino == then.ino and (now.mode ^ then.mode) & 0o170000 == 0:
        return True
    return _is_unchanged(now, then)


def _is_unchanged(now: Identity, then: Identity) -> bool:
    """The same type, size and mtime."""
    return (now.size, now.mtime_ns, now.mode & 0o170000) == (then.size, then.mtime_ns, then.mode & 0o170000)


def _is_edited(now: Identity, then: Identity | None) -> bool:
    """Is it a file with another size or time than it was moved with? The time of a folder says nothing of what is in it."""
    return then is not None and now.mode & 0o170000 == 0o100000 and not _is_unchanged(now, then)


def folder_identity(folder: Folder) -> Identity:
    """The identity of a folder from its recorded facts."""
    return Identity(folder.dev, folder.ino, 0, folder.mtime_ns, 0, folder.mode)
