"""The values that everything else passes on: entries, steps, outcomes, totals.

Paths are ``bytes`` relative to a root, ``b""`` is the root itself, the
separator is ``/``. Times are nanoseconds since the epoch unless a name says
otherwise. Structs are frozen, but for ``Totals`` and ``Review``, which are
added up; those with ``array_like`` are stored as msgpack arrays, so fields are
only ever appended, with a default.
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec

CONTROL_DIRECTORY: Final = b".fileorganizer"
BATCH_STEPS: Final = 5_000
SOURCE, DESTINATION, REFERENCE = 0, 1, 2
"""Sides of an operation: paths on side 0 are relative to the source root, on side 1 to the destination root.

Side 2 is a reference root: its files are only ever read, as keepers of a clean-up."""


def joined(folder: bytes, name: bytes) -> bytes:
    """The path of a name in a folder, both relative to a root, whose own path is empty."""
    return folder + b"/" + name if folder else name


class StepKind:
    """What a step does to the disk. Plain integers: a million of them are compared."""

    MKDIR: Final = 0
    MOVE: Final = 1
    RMDIR: Final = 2
    COPY: Final = 3
    LINK: Final = 4
    SET_TIMES: Final = 5
    TRASH: Final = 6
    PURGE: Final = 7
    DROP_TWIN: Final = 8
    """Remove one name of an inode whose other name (``target``) was verified: ends a half-done link+unlink, takes a hard link back."""

    SHARE: Final = 9
    """Let two files with the same bytes share their blocks; the kernel compares them. Names, times and inodes stay."""


STEP_NAMES: Final = ("mkdir", "move", "rmdir", "copy", "link", "set_times", "trash", "purge", "drop_twin", "share")


TWIN: Final = b"twin"
"""Marks a move whose file has both names already (link made, unlink not): only the old name is left to be dropped."""


REPLACEMENT: Final = b"replacement"
"""Marks a link, or a move, to a name that an earlier step of its family leaves."""


EDITED: Final = b"edited"
"""Marks the move of an undo that takes a file back with what was edited in it since (R13)."""


class Role:
    """How a step counts in the totals."""

    ITEM: Final = 0
    """One file (or one folder moved whole) of the user's: counted."""
    AUXILIARY: Final = 1
    """A folder, a temporary name, the first half of a copy across devices: not counted."""
    TAKE_BACK: Final = 2
    """Reverses an item that was done earlier in the same operation: turns one done into one skipped."""
    TAKE_BACK_AUXILIARY: Final = 3
    """Reverses something auxiliary that was done earlier in the same operation: not counted."""
    TAKING_BACK: Final = (TAKE_BACK, TAKE_BACK_AUXILIARY)


class State(enum.IntEnum):
    """What became of a step."""

    DONE = 0
    SKIPPED = 1
    FAILED = 2
    PENDING = 3
    """Not done, and nothing speaks against doing it: a later batch does, or the operation ends and it counts as skipped."""


class Reason(enum.IntEnum):
    """Why a file was not moved. The name in kebab case is the public code (``label``).

    Journals hold the numbers: none gets another meaning, nor is one of those between that no journal has used given anew.
    """

    NONE = 0
    # seen by the scan: the file is left alone
    HIDDEN = 1
    SYSTEM_FILE = 2
    EXCLUDED = 3
    SYMLINK = 4
    SPECIAL_FILE = 5
    UNFINISHED = 6
    RECENTLY_CHANGED = 7
    OPEN_FOR_WRITING = 8
    KEPT_TOGETHER = 9
    OTHER_FILE_SYSTEM = 10
    UNREADABLE = 11
    FILTERED_OUT = 12
    TOO_DEEP = 13
    # decided by the plan
    NAME_TAKEN = 20
    DUPLICATE_IN_PLACE = 21
    NAME_NOT_ALLOWED = 22
    WITH_COMPANION = 23
    # seen while executing
    CHANGED = 30
    GONE = 31
    CONFLICT = 32
    UNSAFE_PATH = 33
    DENIED = 34
    BUSY = 35
    ACROSS_DEVICES = 36
    NOT_EMPTY = 37
    NAME_TOO_LONG = 38
    STOPPED = 39
    INTERRUPTED = 40
    EARLIER_STEP = 41
    NEEDS_ATTENTION = 42
    IO_ERROR = 43
    NOT_SUPPORTED = 45
    LAST_COPY = 46
    # seen while taking back (R13)
    NOT_OURS = 60
    MISSING = 61
    MOVED_BY_YOU = 62
    SOURCE_TAKEN = 63
    PURGED = 65
    # remarks on something that was done
    RESTORED_EDITED = 80
    TIMES_REFUSED = 81
    METADATA_LOST = 82

    @property
    def label(self) -> str:
        """The public code, such as ``recently-changed``."""
        return self.name.lower().replace("_", "-")


Mark = tuple[int, int, int]
"""Inode, size and mtime."""


class Identity(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which file it is, and in which state: is it still the same, unchanged file?

    ``ctime_ns`` is compared before a move only, because a rename changes it; 0
    means that it can't be compared (other names of the inode move too).
    """

    dev: int
    ino: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int

    @property
    def mark(self) -> Mark:
        """By what the file is found again wherever it lies now; not by its device, which gets other numbers."""
        return self.ino, self.size, self.mtime_ns


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One name in a folder as the walk saw it."""

    name: bytes
    seen: Identity
    links: int


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What the rules saw of a file beyond its name; ``explain`` reruns them on this.

    ``category`` is an index into the rules snapshot of the operation, ``taken``
    local wall-clock time in seconds, ``date_source`` a ``DateSource``, ``content`` the
    type found by magic bytes (``""``: not looked at), ``conflict`` a ``Conflict``.
    """

    category: int
    taken: int
    date_source: int
    content: str = ""
    conflict: int = 0


class DateSource:
    """Where the date that chose the folder came from, best first."""

    EXIF: Final = 0
    CONTAINER: Final = 1
    NAME: Final = 2
    FILE_TIME: Final = 3


DATE_SOURCE_NAMES: Final = ("photo header", "container header", "name", "file time")


class Conflict:
    """What the plan did about a taken name."""

    NONE: Final = 0
    SUFFIXED: Final = 1
    NEWER_KEPT_NAME: Final = 2
    SHORTENED: Final = 3


class Folder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A folder as it was right before, or right after, a batch touched it."""

    side: int
    path: bytes
    dev: int
    ino: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    xattrs: tuple[tuple[str, bytes], ...] = ()
    """Only recorded for a folder that is about to be removed."""


class Keeper(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The file that has the same bytes and stays; without it a redundant file isn't touched."""

    side: int
    """SOURCE or REFERENCE."""
    path: bytes
    seen: Identity
    """As it was when it was hashed; ctime_ns 0: compare its bytes in any case."""
    digest: bytes = b""
    algorithm: str = ""


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One change to the disk, decided and final.

    ``group`` (0: none) ties steps that share their fate: companions, a cycle
    through a temporary name, a copy and the trashing of its source.
    """

    kind: int
    source: bytes
    target: bytes
    seen: Identity | None
    source_side: int = SOURCE
    target_side: int = SOURCE
    role: int = Role.ITEM
    group: int = 0
    facts: Facts | None = None
    temporary: bytes = b""
    """Copy: the path beside the target under which the file is made first. Move: ``TWIN``, ``EDITED``, move, link: ``REPLACEMENT``, or empty."""
    mode: int = 0
    """mkdir: permission bits of the new folder."""
    times: int = 0
    """set_times: the mtime to set."""
    restores: Folder | None = None
    """mkdir: the removed folder that is made again, with its metadata."""
    keeper: Keeper | None = None
    """trash, purge, share, and a move into the trash: the copy that has to be there, with the same bytes, at the moment of the step."""
    owner: bytes = b""
    """trash, in a destination: the root whose journal knows of it. Several roots may have one destination; part of the place there."""


class Skip(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file that the scan or the plan left alone, and why. Recorded, never executed."""

    path: bytes
    reason: int
    size: int = 0
    files: int = 1
    """How many files it stands for: a folder that is kept whole holds many."""
    detail: str = ""
    facts: Facts | None = None


class Outcome(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of the step ``index`` of a batch. A step without an outcome is done, without remark."""

    index: int
    state: int
    reason: int
    detail: str = ""
    made: Identity | None = None
    """Copy: the identity of the copy, by which undo knows it again."""


class Category(msgspec.Struct, frozen=True):
    """A kind of file: what its files are recognised by, and how it is shown."""

    name: str
    description: str
    extensions: tuple[str, ...]
    """Lower case, without the leading dot; may be compound: ``tar.gz``."""
    keywords: tuple[str, ...]
    """Lower case words; one of them in the name decides, before the extension does."""
    color: str
    icon: str
    content: tuple[str, ...] = ()
    """Types of ``classify.by_content`` (``image/jpeg``, ``image/``) that belong here."""


class Totals(msgspec.Struct):
    """Counts of an operation, in files. planned = done + skipped + failed, always."""

    planned: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    bytes: int = 0
    """Bytes of the files that are done."""
    by_reason: dict[str, int] = {}
    """Label of a reason → how many of the skipped and failed."""


class Risk(msgspec.Struct, frozen=True):
    """Something to know before saying yes: a stable ``code``, words, and how much it concerns."""

    code: str
    text: str
    count: int = 0
    needs_consent: bool = False
    """A second yes is needed for this one."""


class Review(msgspec.Struct):
    """A plan in numbers: scanned = planned + in_place + left_alone."""

    scanned: int = 0
    planned: int = 0
    in_place: int = 0
    left_alone: int = 0
    left_by_reason: dict[str, int] = {}
    bytes: int = 0
    by_category: dict[str, tuple[int, int]] = {}
    """Category → planned files, bytes."""
    renamed: int = 0
    """Planned files that get another name because theirs is taken."""
    new_folders: int = 0
    removed_folders: int = 0
    kept_together: int = 0
    """Folders left whole; ``contained_files`` lie in them."""
    contained_files: int = 0
    mismatched: int = 0
    """Files whose content isn't what their extension says."""
    already_back: int = 0
    """Undo: files that are where they were before, without our doing."""
    edited: int = 0
    """Undo: planned files that were edited since; they go back with the edit."""
    along: int = 0
    """Undo of named paths: files that lay elsewhere, and go back with others of their families."""
    copied_bytes: int = 0
    """Bytes that have to be written: copies, and moves to another file system."""
    risks: list[Risk] = []

    def leave(self, reason: int) -> None:
        """Count one more that is left alone for this ``Reason``."""
        label = Reason(reason).label
        self.left_alone += 1
        self.left_by_reason[label] = self.left_by_reason.get(label, 0) + 1


class Options(msgspec.Struct, frozen=True):
    """What the user asked for; stored with the plan and with the operation."""

    mode: str = "move"
    """move, copy or hardlink."""
    destination: str | None = None
    """Another folder, absolute (file system encoding, surrogateescape); None: the root itself."""
    layout: str = ""
    """category, year, category_year or a template; empty: the profile's own."""
    conflict: str = "rename"
    recursive: bool = False
    exclude: tuple[str, ...] = ()
    include_hidden: bool = False
    min_size: int | None = None
    max_size: int | None = None
    modified_after: float | None = None
    """Seconds since the epoch, inclusive."""
    modified_before: float | None = None
    extensions: tuple[str, ...] = ()
    max_depth: int | None = None
    categories: tuple[str, ...] = ()
    """Names of the categories to organize; empty: all."""
    dates: str = "auto"
    content: str = "auto"
    quiet_seconds: float = 2.0
    profile: str = "personal"
    remove_empty_dirs: bool = True
    keep_together: bool = True
    across_devices: bool = False
