"""From what the walk saw to steps: where each file belongs, folder by folder, in flat memory.

``Draft`` takes entries with their facts and gives provisional batches to a
sink; per file it keeps eight bytes, the hash of the claimed target name.
``conflicts`` looks at the hashes that occur twice, and changes only those.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
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
    joined,
)
from fileorganizer.planning import naming
from fileorganizer.planning.conflicts import claim_of
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


class Visited(msgspec.Struct, array_like=True, gc=False):
    """A folder that was looked at, and what the plan takes out of it."""

    path: bytes
    seen: Identity
    names: int
    """How many names were in it."""
    junk: list[Step]
    """What doesn't keep it alive: how each of these would go to the trash."""
    files: int = 0
    size: int = 0
    """Bytes in the files."""
    moved_files: int = 0
    moved_size: int = 0


class _Destination(msgspec.Struct):
    """Where the files of one category and one unit of time belong, and what the plan brings there."""

    folder: bytes
    prefix: bytes
    """The folder with a trailing slash, or empty."""
    files: int = 0
    size: int = 0


class Draft:
    """Steps in the making. The sink ``emit(steps, claims)`` stores provisional batches."""

    def __init__(
        self, frame: Frame, layout: Layout, emit: Callable[[list[Step], array[int]], None], *, share: int = 0
    ) -> None:
        """Begin with nothing planned. Two drafts of one plan have different ``share`` numbers."""
        self._frame, self._layout, self._emit = frame, layout, emit
        self._kind = StepKind.COPY if frame.across else KINDS[frame.mode]
        self._steps: list[Step] = []
        self._claims: array[int] = array("q")
        self._copy_bytes = 0
        self._groups = share << 40
        self._copies = share << 40
        self._here = Visited(b"", Identity(0, 0, 0, 0, 0, 0), 0, [])
        self._destinations: dict[tuple[int, int], _Destination] = {}
        self._name_and_date_decide = (
            frame.mode == "move"
            and frame.target_side == SOURCE
            and not (frame.chosen or frame.names.windows or layout.by_extension)
        )
        """Moves within a root: what bears a name there may bear it anywhere there."""
        self.arriving: dict[bytes, list[int]] = {}
        """Target folder → files and bytes that will come; whole after ``finish``."""
        self.by_category: dict[int, list[int]] = {}
        """Index of a category → files and bytes of it in the plan; whole after ``finish``."""
        self.in_place = 0
        self.scanned = 0
        self.skips: list[Skip] = []
        self.visited: list[Visited] = []

    # folders

    def enter(self, path: bytes, seen: Identity, names: int, skips: Sequence[Skip], junk: Sequence[Entry]) -> None:
        """What follows is in this folder of so many names; ``skips`` are left alone, ``junk`` doesn't keep it alive."""
        self.skips.extend(skips)
        prefix = path + b"/" if path else b""
        trash = [Step(StepKind.TRASH, prefix + e.name, b"", e.seen, role=Role.AUXILIARY) for e in junk]
        self._here = Visited(path, seen, names, trash)
        self.visited.append(self._here)

    # files

    def count(self, files: int, size: int) -> None:
        """Files seen in the open folder, whatever becomes of them."""
        self.scanned += files
        self._here.files += files
        self._here.size += size

    def add(self, entry: Entry, facts: Facts) -> None:
        """One file that has no companions."""
        folder = self._target(facts, entry.name)
        if not self._stays(folder, facts, (entry,)):
            self._append(folder, entry, facts, 0)
            if len(self._steps) >= BATCH_STEPS or self._copy_bytes >= COPY_BATCH_BYTES:
                self._flush()

    def add_files(self, files: Sequence[Seen]) -> None:
        """Files without companions that are dated by their file times. Runs once a file: written for speed."""
        if not self._name_and_date_decide:
            for name, status, category in files:
                facts = Facts(category, wall_clock(status.st_mtime_ns, None), DateSource.FILE_TIME)
                self.add(Entry(name, _identity(status), status.st_nlink), facts)
            return
        here = self._here
        path, prefix = here.path, here.path + b"/" if here.path else b""
        known, unit_of, names, file_time = (
            self._destinations,
            self._layout.unit,
            self._frame.names,
            DateSource.FILE_TIME,
        )
        key = naming.key if naming.folds(names) else None
        move, moved, moved_bytes = StepKind.MOVE, 0, 0
        for name, status, category in files:
            taken = wall_clock(status.st_mtime_ns, None)
            to = known.get((category, unit_of(taken)))
            if to is None:
                to = self._destination(category, taken, name)
            if to.folder == path:
                continue
            size = status.st_size
            self._claims.append(hash((to.folder, name if key is None else key(name, names))))  # as ``claim_of``
            facts = Facts(category, taken, file_time)
            self._steps.append(
                Step(move, prefix + name, to.prefix + name, _identity(status), SOURCE, SOURCE, Role.ITEM, 0, facts)
            )
            to.files += 1
            to.size += size
            moved += 1
            moved_bytes += size
            if len(self._steps) >= BATCH_STEPS:
                self._flush()
        self.in_place += len(files) - moved
        here.moved_files += moved
        here.moved_size += moved_bytes

    def _destination(self, category: int, taken: int, name: bytes) -> _Destination:
        """The destination of a category and a date that were not met together before."""
        folder = self._target(Facts(category, taken, DateSource.FILE_TIME), name)
        found = _Destination(folder, folder + b"/" if folder else b"")
        self._destinations[category, self._layout.unit(taken)] = found
        return found

    def add_family(self, members: Sequence[Entry], facts: Facts) -> None:
        """Companions, the leader first: they go where it goes, all or none."""
        folder = self._target(facts, members[0].name)
        if self._stays(folder, facts, members):
            return
        self._groups += 1
        group = self._groups
        if len(self._steps) + len(members) > BATCH_STEPS:
            self._flush()
        for entry in members:
            self._append(folder, entry, facts, group)

    def _target(self, facts: Facts, name: bytes) -> bytes:
        """The folder that a file belongs in, relative to the target root."""
        below = self._layout.folder(self._frame.categories[facts.category], facts.taken, name)
        return (self._frame.prefix + below).rstrip(b"/")

    def _stays(self, folder: bytes, facts: Facts, members: Sequence[Entry]) -> bool:
        """Is there nothing to do: in place already, of a category that isn't wanted, or of a name that can't be there?"""
        frame, path = self._frame, self._here.path
        if folder == path and frame.target_side == SOURCE:
            self.in_place += len(members)
            return True
        reasons = [Reason.FILTERED_OUT] * len(members)
        if not frame.chosen or facts.category in frame.chosen:
            if self._kind != StepKind.MOVE and any(map(_is_folder, members)):  # only files are copied and linked
                reasons = [Reason.NOT_SUPPORTED if _is_folder(e) else Reason.WITH_COMPANION for e in members]
            elif all(naming.allowed(entry.name, frame.names) for entry in members):
                return False
            else:
                reasons = [Reason.NAME_NOT_ALLOWED] * len(members)
        prefix = path + b"/" if path else b""
        self.skips += [
            Skip(prefix + e.name, why, e.seen.size, facts=facts) for e, why in zip(members, reasons, strict=True)
        ]
        return True

    def _append(self, folder: bytes, entry: Entry, facts: Facts, group: int) -> None:
        """Claim a name and add the step."""
        frame, here, size = self._frame, self._here, entry.seen.size
        source = joined(here.path, entry.name)
        target = joined(folder, entry.name)
        self._claims.append(claim_of(folder, entry.name, frame.names))
        temporary = b""
        if self._kind == StepKind.COPY:
            self._groups += group == 0 and frame.across
            group = group or (self._groups if frame.across else 0)
            self._copies += 1
            name = b".%s-%x.partial" % (frame.tag, self._copies)
            temporary = joined(folder, name)
            self._copy_bytes += size
        seen = entry.seen if entry.links == 1 else msgspec.structs.replace(entry.seen, ctime_ns=0)
        self._steps.append(
            Step(self._kind, source, target, seen, SOURCE, frame.target_side, Role.ITEM, group, facts, temporary)
        )
        self._count_arrivals(folder, facts.category, 1, size)
        if frame.mode == "move":
            here.moved_files += 1
            here.moved_size += size

    # ends

    def finish(self) -> None:
        """Give the last batch to the sink, and add up what goes where."""
        self._flush()
        for (category, _), to in self._destinations.items():
            if to.files:
                self._count_arrivals(to.folder, category, to.files, to.size)
        self._destinations.clear()

    def _count_arrivals(self, folder: bytes, category: int, files: int, size: int) -> None:
        """So many files of a category will come into a folder."""
        for counts in (self.arriving.setdefault(folder, [0, 0]), self.by_category.setdefault(category, [0, 0])):
            counts[0] += files
            counts[1] += size

    def _flush(self) -> None:
        """Store a batch of moves."""
        if self._steps:
            self._emit(self._steps, self._claims)
        self._steps, self._claims, self._copy_bytes = [], array("q"), 0


def emptied(visited: Iterable[Visited], used: Container[bytes], first_group: int) -> Iterator[list[Step]]:
    """The steps that remove the folders that the plan empties, for each one with the junk in it, which goes only with it.

    ``visited`` comes deepest first (by path, backwards), ``used`` are folders that
    won't be empty after all, with all those above them. ``first_group`` and the numbers after it are free for groups.
    """
    below: dict[bytes, int] = {}
    """Folder → how many of its subfolders go; those that the plan takes nothing out of aren't here."""
    for folder in visited:
        removed = below.pop(folder.path, None)
        if not folder.path or (removed is None and not folder.moved_files):
            continue
        left = folder.names - folder.moved_files - (removed or 0)
        goes = left == len(folder.junk) and folder.path not in used
        if goes:
            steps = [*folder.junk, Step(StepKind.RMDIR, folder.path, b"", folder.seen, role=Role.AUXILIARY)]
            if folder.junk:
                steps = [msgspec.structs.replace(step, group=first_group) for step in steps]
                first_group += 1
            yield steps
        above = folder.path.rpartition(b"/")[0]
        below[above] = below.get(above, 0) + goes


def _is_folder(entry: Entry) -> bool:
    """Is it a folder that goes with a file, such as that of a saved page?"""
    return entry.seen.mode & 0o170000 == 0o040000


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
