"""From what the walk saw to steps: where each file belongs, folder by folder, in flat memory.

``Draft`` takes entries with their facts and gives provisional batches to a
sink; per file it keeps eight bytes, the hash of the claimed target name.
``conflicts`` looks at the hashes that occur twice, and changes only those.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from fileorganizer.classify.dates import wall_clock
from fileorganizer.model import (
    BATCH_STEPS,
    SOURCE,
    DateSource,
    Entry,
    Facts,
    Identity,
    Reason,
    Role,
    Skip,
    Step,
    StepKind,
)
from fileorganizer.planning import naming
from fileorganizer.planning.layout import Layout

COPY_BATCH_BYTES: Final = 1 << 30
Seen = tuple[bytes, Any, int]
"""A file of which the name alone decides: name, what its stat says (an ``os.stat_result``), index of the category."""
KINDS: Final = {"move": StepKind.MOVE, "copy": StepKind.COPY, "hardlink": StepKind.LINK}


class Frame(msgspec.Struct, frozen=True):
    """What is the same for all files of a plan."""

    mode: str
    across: bool
    """Moves go to another file system: a copy first, then the source to its trash."""
    target_side: int
    prefix: bytes
    """The destination relative to its root, with a trailing slash, or empty."""
    names: naming.NameRules
    categories: tuple[str, ...]
    chosen: frozenset[int]
    """Indexes of the categories to organize; empty: all."""
    remove_empty: bool
    tag: bytes
    """Unique to the plan; part of temporary names."""


class _Branch(msgspec.Struct):
    """What is known of an open folder: whether this plan will have emptied it when the walk leaves it."""

    path: bytes
    kept: int
    """Names that stay, as far as known."""
    touched: bool
    """Does the plan take something out of it or from below it?"""
    junk: list[Step]
    files: int = 0
    bytes: int = 0
    moved_files: int = 0
    moved_bytes: int = 0


class _Place(msgspec.Struct):
    """Where the files of one category and one unit of time belong, and what the plan brings there."""

    folder: bytes
    prefix: bytes
    """The folder with a trailing slash, or empty."""
    folder_id: int
    files: int = 0
    bytes: int = 0


class Draft:
    """Steps in the making. Sinks: ``emit(steps, claims)`` and ``emit_removals(steps)`` store provisional batches."""

    def __init__(
        self,
        frame: Frame,
        layout: Layout,
        emit: Callable[[list[Step], array[int]], None],
        emit_removals: Callable[[list[Step]], None],
        emit_tree: Callable[[bytes, tuple[int, int], tuple[int, int]], None],
    ) -> None:
        """Begin with nothing planned. ``emit_tree`` gets (folder, (files, bytes) before, (files, bytes) that stay)."""
        self._frame, self._layout = frame, layout
        self._emit, self._emit_removals, self._emit_tree = emit, emit_removals, emit_tree
        self._kind = StepKind.COPY if frame.across else KINDS[frame.mode]
        self._steps: list[Step] = []
        self._claims: array[int] = array("q")
        self._copy_bytes = 0
        self._removals: list[Step] = []
        self._groups = 0
        self._branches: list[_Branch] = []
        self._places: dict[tuple[int, int], _Place] = {}
        self._name_and_date_decide = (
            frame.mode == "move"
            and frame.target_side == SOURCE
            and not (frame.chosen or frame.names.windows or layout.by_extension)
        )
        """Moves within a root: what bears a name there may bear it anywhere there."""
        self.folder_ids: dict[bytes, int] = {}
        self.arriving: list[list[int]] = []
        """By folder id: files and bytes that will come."""
        self.by_category: dict[int, list[int]] = {}
        self.in_place = 0
        self.scanned = 0
        self.skips: list[Skip] = []

    # folders

    def enter(self, path: bytes, names: int, skips: Sequence[Skip], junk: Sequence[Entry]) -> None:
        """The walk is in a folder with so many names; ``skips`` are left alone, ``junk`` doesn't keep it alive."""
        self.skips.extend(skips)
        prefix = path + b"/" if path else b""
        trash = [Step(StepKind.TRASH, prefix + e.name, b"", e.seen, role=Role.AUXILIARY) for e in junk]
        self._branches.append(_Branch(path, names, False, trash))

    def skip_folder(self, skip: Skip) -> None:
        """A folder that isn't entered."""
        self.skips.append(skip)

    def leave(self, path: bytes, seen: Identity) -> None:
        """The walk is through with the folder: if this plan empties it, it will be removed."""
        branch = self._branches.pop()
        self._emit_tree(
            path, (branch.files, branch.bytes), (branch.files - branch.moved_files, branch.bytes - branch.moved_bytes)
        )
        if not (path and self._frame.remove_empty and branch.touched and branch.kept == len(branch.junk)):
            if branch.touched and self._branches:
                self._branches[-1].touched = True
            return
        self._removals += branch.junk
        self._removals.append(Step(StepKind.RMDIR, path, b"", seen, role=Role.AUXILIARY))
        if len(self._removals) >= BATCH_STEPS:
            self._flush_removals()
        self._branches[-1].touched = True
        self._branches[-1].kept -= 1

    # files

    def count(self, files: int, size: int) -> None:
        """Files seen in the open folder, whatever becomes of them."""
        self.scanned += files
        branch = self._branches[-1]
        branch.files += files
        branch.bytes += size

    def add(self, entry: Entry, facts: Facts) -> None:
        """One file that has no companions."""
        folder, folder_id = self._target(facts, entry.name)
        branch = self._branches[-1]
        if self._stays(branch.path, folder, facts, (entry,)):
            return
        source = branch.path + b"/" + entry.name if branch.path else entry.name
        target = folder + b"/" + entry.name if folder else entry.name
        self._append(branch, source, target, folder_id, entry, facts, 0)
        if len(self._steps) >= BATCH_STEPS or self._copy_bytes >= COPY_BATCH_BYTES:
            self._flush()

    def add_files(self, files: Sequence[Seen]) -> None:
        """Files without companions that are dated by their file times. Runs once a file: written for speed."""
        if not self._name_and_date_decide:
            for name, status, category in files:
                facts = Facts(category, wall_clock(status.st_mtime_ns, None), DateSource.FILE_TIME)
                self.add(Entry(name, _identity(status), status.st_nlink), facts)
            return
        branch = self._branches[-1]
        here, prefix = branch.path, branch.path + b"/" if branch.path else b""
        places, unit_of, names, file_time = self._places, self._layout.unit, self._frame.names, DateSource.FILE_TIME
        key = naming.key if naming.folds(names) else None
        move, moved, moved_bytes = StepKind.MOVE, 0, 0
        for name, status, category in files:
            taken = wall_clock(status.st_mtime_ns, None)
            place = places.get((category, unit_of(taken)))
            if place is None:
                place = self._place(category, taken, name)
            if place.folder == here:
                continue
            size = status.st_size
            self._claims.append(hash((place.folder_id, name if key is None else key(name, names))))
            facts = Facts(category, taken, file_time)
            self._steps.append(
                Step(move, prefix + name, place.prefix + name, _identity(status), SOURCE, SOURCE, Role.ITEM, 0, facts)
            )
            place.files += 1
            place.bytes += size
            moved += 1
            moved_bytes += size
            if len(self._steps) >= BATCH_STEPS:
                self._flush()
        self.in_place += len(files) - moved
        if moved:
            branch.kept -= moved
            branch.touched = True
            branch.moved_files += moved
            branch.moved_bytes += moved_bytes

    def _place(self, category: int, taken: int, name: bytes) -> _Place:
        """The place for a category and a date that were not met together before."""
        facts = Facts(category, taken, DateSource.FILE_TIME)
        folder, folder_id = self._target(facts, name)
        place = _Place(folder, folder + b"/" if folder else b"", folder_id)
        self._places[category, self._layout.unit(taken)] = place
        return place

    def add_family(self, members: Sequence[Entry], facts: Facts) -> None:
        """Companions, the leader first: they go where it goes, all or none."""
        folder, folder_id = self._target(facts, members[0].name)
        branch = self._branches[-1]
        if self._stays(branch.path, folder, facts, members):
            return
        self._groups += 1
        if len(self._steps) + len(members) > BATCH_STEPS:
            self._flush()
        for entry in members:
            source = branch.path + b"/" + entry.name if branch.path else entry.name
            target = folder + b"/" + entry.name if folder else entry.name
            self._append(branch, source, target, folder_id, entry, facts, self._groups)

    def _target(self, facts: Facts, name: bytes) -> tuple[bytes, int]:
        """The folder that a file belongs in, relative to the target root, and its number."""
        folder = self._frame.prefix + self._layout.folder(self._frame.categories[facts.category], facts.taken, name)
        folder = folder.rstrip(b"/")
        folder_id = self.folder_ids.get(folder)
        if folder_id is None:
            folder_id = self.folder_ids[folder] = len(self.arriving)
            self.arriving.append([0, 0])
        return folder, folder_id

    def _stays(self, path: bytes, folder: bytes, facts: Facts, members: Sequence[Entry]) -> bool:
        """Is there nothing to do: in place already, of a category that isn't wanted, or of a name that can't be there?"""
        frame = self._frame
        if folder == path and frame.target_side == SOURCE:
            self.in_place += len(members)
            return True
        if frame.chosen and facts.category not in frame.chosen:
            reason = Reason.FILTERED_OUT
        elif all(naming.allowed(entry.name, frame.names) for entry in members):
            return False
        else:
            reason = Reason.NAME_NOT_ALLOWED
        prefix = path + b"/" if path else b""
        self.skips += [Skip(prefix + e.name, reason, e.seen.size, facts=facts) for e in members]
        return True

    def _append(
        self, branch: _Branch, source: bytes, target: bytes, folder_id: int, entry: Entry, facts: Facts, group: int
    ) -> None:
        """Claim a name and add the step."""
        frame, size = self._frame, entry.seen.size
        self._claims.append(hash((folder_id, naming.key(entry.name, frame.names))))
        temporary = b""
        if self._kind == StepKind.COPY:
            self._groups += group == 0 and frame.across
            group = group or (self._groups if frame.across else 0)
            temporary = b"%s/.%s-%d.partial" % (target.rpartition(b"/")[0], frame.tag, self.scanned + len(self._steps))
            self._copy_bytes += size
        seen = entry.seen if entry.links == 1 else msgspec.structs.replace(entry.seen, ctime_ns=0)
        self._steps.append(
            Step(
                self._kind,
                source,
                target,
                seen,
                SOURCE,
                frame.target_side,
                Role.ITEM,
                group,
                facts,
                temporary.lstrip(b"/"),
            )
        )
        self._count_arrivals(folder_id, facts.category, 1, size)
        if frame.mode == "move":
            branch.kept -= 1
            branch.touched = True
            branch.moved_files += 1
            branch.moved_bytes += size

    # ends

    def finish(self) -> None:
        """Give the last batches to the sinks, and add up what goes where."""
        self._flush()
        self._flush_removals()
        for (category, _), place in self._places.items():
            self._count_arrivals(place.folder_id, category, place.files, place.bytes)
        self._places.clear()

    def _count_arrivals(self, folder_id: int, category: int, files: int, size: int) -> None:
        """So many files of a category will come into a folder."""
        for counts in (self.arriving[folder_id], self.by_category.setdefault(category, [0, 0])):
            counts[0] += files
            counts[1] += size

    def _flush(self) -> None:
        """Store a batch of moves."""
        if self._steps:
            self._emit(self._steps, self._claims)
        self._steps, self._claims, self._copy_bytes = [], array("q"), 0

    def _flush_removals(self) -> None:
        """Store a batch of removals."""
        if self._removals:
            self._emit_removals(self._removals)
        self._removals = []


def _identity(status: Any) -> Identity:
    """What a stat shows, for comparing right before the move; other names of an inode move too and change its ctime."""
    return Identity(
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns if status.st_nlink == 1 else 0,
        status.st_mode,
    )


def folder_steps(folders: Sequence[bytes], missing: Callable[[bytes], bool], side: int, mode: int) -> list[Step]:
    """The mkdir steps for these folders and the folders above them, parents first, where ``missing`` says so."""
    wanted: set[bytes] = set()
    for folder in folders:
        while folder and folder not in wanted:
            wanted.add(folder)
            folder = folder.rpartition(b"/")[0]
    return [
        Step(StepKind.MKDIR, b"", folder, None, side, side, Role.AUXILIARY, mode=mode)
        for folder in sorted(wanted)
        if missing(folder)
    ]


def across_devices(steps: list[Step]) -> tuple[list[Step], list[Step]]:
    """A batch of planned moves to another file system, as a batch of copies and one of sources to trash (R16).

    The copy counts for nothing by itself: a file is done when its source is in the trash.
    """
    copies = [msgspec.structs.replace(step, role=Role.AUXILIARY) for step in steps]
    trashes = [
        Step(StepKind.TRASH, step.source, b"", step.seen, role=Role.ITEM, group=step.group, facts=step.facts)
        for step in steps
    ]
    return copies, trashes
