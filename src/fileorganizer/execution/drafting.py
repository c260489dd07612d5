"""Scan, classify and plan in one stream, into a stored plan. Nothing is written into the user's folders."""

from __future__ import annotations

import errno
import os
import stat
import time
from array import array
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from fileorganizer.classify.playlists import CATALOGUE_KINDS
from fileorganizer.errors import InvalidOption, show
from fileorganizer.execution import observing, surveying
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.probe import Capabilities
from fileorganizer.journal.codec import PackedSteps
from fileorganizer.journal.plans import AFTER, BEFORE, PlanWriter
from fileorganizer.model import (
    BATCH_STEPS,
    CONTROL_DIRECTORY,
    DESTINATION,
    SOURCE,
    Options,
    Reason,
    Review,
    Skip,
    Step,
    StepKind,
    joined,
)
from fileorganizer.planning import conflicts, naming, review
from fileorganizer.planning.ordering import in_batches, order
from fileorganizer.planning.planner import Frame, Visited, across_devices, emptied, folder_steps
from fileorganizer.progress import Listener
from fileorganizer.rules.syntax import RuleSet

_WAITING: Final = 1 << 40
_REMOVALS: Final = 1 << 50
"""Batches are stored by number: folders to make (negative), moves, moves that wait for others, removals."""
_REMOVED_WITH: Final = 1 << 45
"""From here on the groups of folders and what is removed with them: above those of files, below those of an undo's detours."""
_SKIPS_AT_ONCE: Final = 10_000
_visited = msgspec.msgpack.Decoder(Visited)


class Drafting:
    """One plan in the making: a root, a target, what the user wants, and where it is stored."""

    def __init__(
        self,
        source: Root,
        target: Root,
        prefix: bytes,
        target_capabilities: Capabilities,
        options: Options,
        rules: RuleSet,
        writer: PlanWriter,
        tag: str,
        listener: Listener,
    ) -> None:
        """``target`` is ``source`` or the opened destination root, ``prefix`` the destination below it with a trailing slash."""
        self._source, self._target, self._options, self._rules = source, target, options, rules
        self._writer, self._listener = writer, listener
        self._side = SOURCE if target is source else DESTINATION
        self._across = options.mode == "move" and (source.dev, source.mount) != (target.dev, target.mount)
        if self._across and not options.across_devices:
            raise InvalidOption(
                f"{show(target.path)} is on another file system than {show(source.path)}: files would be copied and the"
                " originals put into the trash. Say --across-devices if that is wanted."
            )
        names = naming.NameRules(
            case_sensitive=target_capabilities.case_sensitive,
            normalizing=target_capabilities.normalizing,
            max_bytes=target_capabilities.max_name_bytes,
            windows=target_capabilities.windows_names,
        )
        self._frame = Frame(
            mode=options.mode,
            across=self._across,
            target_side=self._side,
            prefix=prefix,
            names=names,
            categories=tuple(category.name for category in rules.categories),
            chosen=_chosen(options, rules),
            remove_empty=options.remove_empty_dirs and options.mode == "move" and not self._across,
            tag=b"fileorganizer-" + tag.encode()[-8:],
        )
        self._layout = options.layout or rules.layout
        self._found = surveying.Findings()
        self._claims: dict[int, array[int]] = {}
        self._seq = 0
        self._moves: list[int] = []
        self._temporaries = 0
        self._tag = tag
        self._tree_after: list[tuple[bytes, int, int]] = []
        self._dropped_from: set[bytes] = set()
        self._blockers: set[bytes] = set()
        """Files of the root whose names target folders need: they stay, so that a second run finds what this one left."""
        self._skips: list[Skip] = []
        self._catalogues = 0
        """Folders left whole that are catalogues of pictures or songs."""
        self.review = Review()
        self.nested_roots: list[bytes] = []
        self.scan_seconds = self.plan_seconds = 0.0

    # provisional storage: what the survey brings

    def batch(self, count: int, packed: bytes, claims: array[int]) -> None:
        """A batch of moves, as if no name were contested. Copies across devices leave a gap for their second half."""
        self._seq += 2
        self._writer.put_packed(self._seq, count, packed)
        self._claims[self._seq] = claims
        self._moves.append(self._seq)
        faultpoint("plan.batch")

    def folders(self, skips: list[Skip], visited: list[Visited]) -> None:
        """What is left alone in some folders, and their numbers for the two trees."""
        self._skips += skips
        if len(self._skips) >= _SKIPS_AT_ONCE:
            self._store_skips()
        self._writer.add_notes((folder.path, msgspec.msgpack.encode(folder)) for folder in visited)
        self._writer.add_folders(BEFORE, ((folder.path, folder.files, folder.size) for folder in visited))
        if self._side == SOURCE:
            self._writer.add_folders(AFTER, ((f.path, f.files - f.moved_files, f.size - f.moved_size) for f in visited))

    def _store_skips(self) -> None:
        """What was left alone so far."""
        skips, self._skips = self._skips, []
        for skip in skips:
            self.review.leave(skip.reason)
            if skip.reason == Reason.KEPT_TOGETHER:
                self.review.kept_together += 1
                self.review.contained_files += skip.files
                self._catalogues += skip.detail.startswith(CATALOGUE_KINDS)
        for start in range(0, len(skips), _SKIPS_AT_ONCE):
            self._writer.add_skips(skips[start : start + _SKIPS_AT_ONCE])

    # the work

    def run(self) -> None:
        """Scan, then decide. Raises KeyboardInterrupt when the listener wants to stop."""
        started = time.monotonic()
        source = self._source
        self._listener.enter("scanning")
        task = surveying.Task(
            source.path, (source.dev, source.ino), self._options, self._rules, self._frame, self._layout
        )
        self._found = surveying.scan(source, task, self, self._listener)
        self._store_skips()
        self.nested_roots = self._found.nested_roots
        self.scan_seconds = time.monotonic() - started
        self._listener.enter("planning")
        self.review.mismatched = self._found.mismatched
        if self._found.dates_given_up:
            review.note_unread_dates(self.review)
        self._decide()
        self.plan_seconds = time.monotonic() - started - self.scan_seconds

    def _decide(self) -> None:
        """Settle contested names, make folders, order what waits, drop removals that no longer hold."""
        claims = conflicts.Claims(self._claims.values())
        missing, blocked, occupied = self._look_at_targets(claims)
        waiting = self._settle_names(claims, blocked, occupied)
        self._put_waiting(waiting)
        self._make_folders(missing, blocked)
        self._remove_emptied()
        self._finish_across()
        self._count(blocked)

    def _look_at_targets(self, claims: conflicts.Claims) -> tuple[set[bytes], dict[bytes, str], dict[int, bytes]]:
        """The target folders that don't exist, those that can't be used and why, and the claimed names that are taken."""
        missing: set[bytes] = set()
        blocked: dict[bytes, str] = {}
        occupied: dict[int, bytes] = {}
        names = self._frame.names
        for folder in self._found.arriving:
            try:
                status = self._target.look(folder)
                if status is None:
                    self._check_way(folder)
                    missing.add(folder)
                elif not stat.S_ISDIR(status.st_mode):
                    self._block(folder)
                for name in observing.folder_names(self._target, folder):
                    claim = conflicts.claim_of(folder, name, names)
                    if claim in claims:
                        occupied[claim] = joined(folder, name)
            except OSError as error:
                blocked[folder] = error.strerror or "can't be used"
        return missing, blocked, occupied

    def _check_way(self, folder: bytes) -> None:
        """Raise OSError when something that is no folder stands on the way to a folder, and remember what does."""
        parent, status = folder, None
        while status is None:  # the root is there, so it ends
            parent = parent.rpartition(b"/")[0]
            status = self._target.look(parent)
        if not stat.S_ISDIR(status.st_mode):
            self._block(parent)

    def _block(self, path: bytes) -> None:
        """Note what stands where a folder is needed."""
        if self._side == SOURCE:
            self._blockers.add(path)
        raise NotADirectoryError(errno.ENOTDIR, f"something else is called {os.fsdecode(path)!r}", path)

    def _settle_names(
        self, claims: conflicts.Claims, blocked: dict[bytes, str], occupied: dict[int, bytes]
    ) -> list[list[Step]]:
        """Decide every contested name; returns the units that have to wait for others to leave."""
        contested = claims.contested | occupied.keys()
        links, listed = self._found.link_targets, self._found.listed
        look_everywhere = bool(occupied or blocked or links or listed)
        places = {path: claim for claim, path in occupied.items()} if self._side == SOURCE else {}
        vacating: set[bytes] = set()
        units: list[conflicts.Unit] = []
        broken = unlisted = 0
        for seq, hashes in self._claims.items():
            if look_everywhere:
                steps = self._writer.batch(seq)
                vacating.update(step.source for step in steps if step.source in places)
                broken += sum(step.source in links for step in steps) if links else 0
                unlisted += sum(step.source in listed for step in steps) if listed else 0
            units += self._take_out(seq, hashes, contested, blocked)
        if self._options.mode == "move":
            review.note_broken_links(self.review, broken)
            review.note_playlists(self.review, unlisted)
        fixed = self._fixed(set(occupied.values()))
        occupants = {
            claim: seen
            for claim, path in occupied.items()
            if (seen := observing.occupant(self._target, path, vacates=path in vacating, movable=path not in fixed))
        }
        world = conflicts.World(self._frame.names, claims, occupants, self._exists, self._same_bytes)
        added = conflicts.resolve(units, world, self._options.conflict)
        return self._put_decided(units, added)

    def _fixed(self, paths: set[bytes]) -> set[bytes]:
        """Which of these files may not get another name for a newer one: ours, those that are left alone, members of families."""
        fixed = {path for path in paths if path.startswith(CONTROL_DIRECTORY)}
        if self._options.conflict == "keep_newer":
            fixed |= observing.in_families(self._target, paths)
            if self._side == SOURCE:
                self._store_skips()
                fixed |= self._writer.left_alone(paths)
        return fixed

    def _exists(self, path: bytes) -> bool:
        """Is anything at this target path?"""
        return self._target.look(path) is not None

    def _same_bytes(self, step: Step, other: conflicts.Occupant) -> bool:
        """Is the file that has the name already the same?"""
        return observing.same_bytes(self._source, step, self._target, other)

    def _take_out(
        self, seq: int, hashes: array[int], contested: set[int], blocked: dict[bytes, str]
    ) -> list[conflicts.Unit]:
        """Take the units of a batch that need a decision out of it."""
        indexes = range(len(hashes)) if blocked else [i for i, claim in enumerate(hashes) if claim in contested]
        if not indexes:
            return []
        steps = self._writer.packed_batch(seq)
        units: list[conflicts.Unit] = []
        kept: list[msgspec.Raw] = []
        end = 0
        for first, last in _unit_bounds(steps, indexes):
            unit = [steps[index] for index in range(first, last)]
            folder, sources = unit[0].target.rpartition(b"/")[0], tuple(step.source for step in unit)
            if folder in blocked or not self._blockers.isdisjoint(sources):
                why = blocked.get(folder, "a folder with this name is needed")
                skips = [
                    Skip(s.source, Reason.NAME_TAKEN, s.seen.size if s.seen else 0, detail=why, facts=s.facts)
                    for s in unit
                ]
                units.append(conflicts.Unit([], folder, sources, skips))
            elif any(hashes[index] in contested for index in range(first, last)):
                units.append(conflicts.Unit(unit, folder, sources))
            else:
                continue
            kept += steps.raw[end:first]
            end = last
        if units:
            self._writer.put_batch(seq, kept + steps.raw[end:])
        return units

    def _put_decided(self, units: list[conflicts.Unit], added: list[conflicts.Unit]) -> list[list[Step]]:
        """Store the decided units behind the other moves; returns those that wait."""
        ready: list[list[Step]] = []
        waiting = [unit.steps for unit in added]
        for unit in units:
            self._drop(unit)
            if unit.steps:
                (waiting if unit.waits else ready).append(unit.steps)
        for steps in in_batches(ready):
            self._seq += 2
            self._moves.append(self._seq)
            self._writer.put_batch(self._seq, steps)
        self.review.renamed += sum(
            s.facts is not None and s.facts.conflict > 0 for u in [*units, *added] for s in u.steps
        )
        for step in (step for unit in added for step in unit.steps):  # an older file in place gets another name
            self.review.planned += 1
            if self._side == SOURCE and self._writer.has_folder(BEFORE, step.source.rpartition(b"/")[0]):
                self._found.in_place -= 1
            else:
                self._found.scanned += 1
        self._store_skips()
        return waiting

    def _drop(self, unit: conflicts.Unit) -> None:
        """Note a unit that stays after all: its folder isn't emptied, its target gets less."""
        for skip in unit.skips:
            self._skips.append(skip)
            folder = skip.path.rpartition(b"/")[0]
            while folder and folder not in self._dropped_from:
                self._dropped_from.add(folder)
                folder = folder.rpartition(b"/")[0]
            assert skip.facts is not None  # nosec B101  # every step of a unit has facts, and its skip has them, too
            category = self._found.by_category[skip.facts.category]
            category[0] -= 1
            category[1] -= skip.size
            if self._side == SOURCE:
                self._tree_after.append((skip.path.rpartition(b"/")[0], 1, skip.size))
        self._left_out(unit)

    def _left_out(self, unit: conflicts.Unit) -> None:
        """Take a dropped unit's files out of its target folder's numbers."""
        arriving = self._found.arriving.get(unit.folder)
        if unit.skips and arriving is not None:
            arriving[0] -= len(unit.skips)
            arriving[1] -= sum(skip.size for skip in unit.skips)

    def _put_waiting(self, waiting: list[list[Step]]) -> None:
        """Store what waits, ordered, behind the other moves."""
        for offset, steps in enumerate(order(waiting, self._temporary, self._seq * BATCH_STEPS + 1)):
            self._writer.put_batch(_WAITING + 2 * offset, steps)

    def _temporary(self) -> bytes:
        """A parking place in the control directory of the source root."""
        self._temporaries += 1
        return b"%s/temporary/%s-%d" % (CONTROL_DIRECTORY, self._tag.encode(), self._temporaries)

    def _make_folders(self, missing: set[bytes], blocked: dict[bytes, str]) -> None:
        """Plan the folders that are needed and don't exist."""
        arriving = self._found.arriving
        needed = [f for f, (files, _) in arriving.items() if files > 0 and f in missing and f not in blocked]
        steps = folder_steps(needed, lambda path: self._target.look(path) is None, self._side, _folder_mode())
        self.review.new_folders = len(steps)
        batches = in_batches([[step] for step in steps])
        for offset, batch in enumerate(batches):
            self._writer.put_batch(offset - len(batches), batch)
        if self._side == SOURCE:
            self._writer.add_folders(AFTER, self._tree_after)
        self._writer.add_folders(AFTER, ((f, files, size) for f, (files, size) in arriving.items() if files))

    def _remove_emptied(self) -> None:
        """Plan the removal of the folders that will be empty and that nothing moves into."""
        if not self._frame.remove_empty:
            return
        used = set(self._dropped_from)
        for folder in self._found.arriving:
            while folder and folder not in used:
                used.add(folder)
                folder = folder.rpartition(b"/")[0]
        visited = map(_visited.decode, self._writer.notes_backwards())
        for offset, steps in enumerate(_batched(emptied(visited, used, _REMOVED_WITH))):
            self._writer.put_batch(_REMOVALS + offset, steps)
            self.review.removed_folders += sum(step.kind == StepKind.RMDIR for step in steps)

    def _finish_across(self) -> None:
        """Give each batch of copies across devices its second half: the sources go to the trash."""
        if self._across:
            for seq in self._batches_of_moves():
                copies, trashes = across_devices(self._writer.batch(seq))
                self._writer.put_batch(seq, copies)
                self._writer.put_batch(seq + 1, trashes)

    def _batches_of_moves(self) -> Iterator[int]:
        """The numbers of the stored batches of moves and copies."""
        yield from self._moves
        seq = _WAITING
        while self._writer.batch(seq):
            yield seq
            seq += 2

    def _count(self, blocked: dict[bytes, str]) -> None:
        """Fill in the review's totals."""
        total = self.review
        for index, (files, size) in sorted(self._found.by_category.items()):
            if files:
                total.by_category[self._frame.categories[index]] = (files, size)
            total.planned += files
            total.bytes += size
        total.scanned, total.in_place = self._found.scanned, self._found.in_place
        total.copied_bytes = total.bytes if self._across or self._options.mode == "copy" else 0
        if self._across:
            review.note_trash_keeps_space(total)
        review.note_catalogues(total, self._found.catalogues + self._catalogues)
        if self._options.mode == "move":
            review.note_nested_records(total, len(self.nested_roots))
        review.add_risks(total, self._source.path, blocked, observing.sync_client(self._source.path))


def _batched(units: Iterable[list[Step]]) -> Iterator[list[Step]]:
    """The steps in batches, as they come; what belongs together isn't torn."""
    batch: list[Step] = []
    for unit in units:
        if batch and len(batch) + len(unit) > BATCH_STEPS:
            yield batch
            batch = []
        batch += unit
    if batch:
        yield batch


def _unit_bounds(steps: PackedSteps, indexes: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Where the units begin and end that hold the steps at these indexes, given in order: a family, else one step."""
    last = 0
    for index in indexes:
        if index >= last:
            first, last, group = index, index + 1, steps[index].group
            while group and first and steps[first - 1].group == group:
                first -= 1
            while group and last < len(steps) and steps[last].group == group:
                last += 1
            yield first, last


def _chosen(options: Options, rules: RuleSet) -> frozenset[int]:
    """The indexes of the categories that the user wants. Raises InvalidOption for a name that isn't one."""
    known = {category.name.lower(): index for index, category in enumerate(rules.categories)}
    unknown = [name for name in options.categories if name.lower() not in known]
    if unknown:
        raise InvalidOption(
            f"There is no category {unknown[0]!r}. There are: {', '.join(c.name for c in rules.categories)}."
        )
    return frozenset(known[name.lower()] for name in options.categories)


def _folder_mode() -> int:
    """Permission bits for new folders: what the user's umask allows."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o777 & ~mask
