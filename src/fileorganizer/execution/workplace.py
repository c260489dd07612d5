"""Everything an operation works with, opened and locked: roots, control directories, journal, capabilities."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fileorganizer.errors import DestinationMissing, PlatformRefused, RootRefused, show
from fileorganizer.fs import control, probe, trash
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import TOPMOST_INODES
from fileorganizer.fs.private import publish_text
from fileorganizer.fs.probe import Capabilities
from fileorganizer.journal.records import Operation
from fileorganizer.journal.store import Journal
from fileorganizer.model import CONTROL_DIRECTORY, Step, StepKind

_SYSTEM_FOLDERS = frozenset(
    b"/ /bin /boot /dev /etc /lib /lib32 /lib64 /libx32 /opt /proc /root/.ssh /run /sbin /sys /usr /var /snap".split()
)


def resolve_root(path: str | bytes | os.PathLike[str]) -> bytes:
    """The canonical absolute path of a folder to work on. Raises RootRefused with the reason."""
    given = os.fsencode(path)
    try:
        real = os.path.realpath(os.path.expanduser(given), strict=True)
    except OSError as error:
        raise RootRefused(f"{show(given)}: {error.strerror}. Check the path.") from error
    if not os.path.isdir(real):
        raise RootRefused(f"{show(given)} is not a folder. Name the folder that holds the files.")
    if not may(real, os.R_OK | os.X_OK):
        raise RootRefused(f"{show(given)} can't be opened: Permission denied. Check its permissions.")
    top = b"/" + real.split(b"/")[1]
    if real in _SYSTEM_FOLDERS or (top in _SYSTEM_FOLDERS and top not in (b"/root", b"/opt", b"/run", b"/var")):
        raise RootRefused(f"{show(real)} belongs to the operating system. Name a folder of your own.")
    if CONTROL_DIRECTORY in real.split(b"/"):
        raise RootRefused(f"{show(real)} is inside a control directory of this program. Name the folder above it.")
    return real


def may(path: bytes, what: int) -> bool:
    """May this user do ``what`` (``os.R_OK`` and so on) with a path?"""
    return os.access(path, what, effective_ids=os.access in os.supports_effective_ids)


class Workplace:
    """The opened sides of an operation. Side 0 is the root, side 1 the destination root if there is one."""

    def __init__(
        self,
        sides: list[Root],
        controls: list[int],
        journal: Journal,
        capabilities: list[Capabilities],
        locks: control.Locks,
    ) -> None:
        """Made by ``open_workplace``."""
        self.locks = locks
        self.sides, self.controls, self.journal, self.capabilities = sides, controls, journal, capabilities

    def check_alive(self) -> None:
        """Raise RootVanished when a root isn't the folder it was."""
        for side in self.sides:
            side.check_alive()

    def place(self, step: Step, operation: int, batch: int, index: int) -> bytes:
        """The target of a step; for the trash it follows from the step's place in the journal."""
        return trash.place(operation, batch, index, step.owner) if step.kind == StepKind.TRASH else step.target


@contextmanager
def open_workplace(root: bytes, destination: bytes | None, holder: str, *, locks: control.Locks) -> Iterator[Workplace]:
    """Open, lock and probe everything, making the control directories and the journal when they aren't there.

    Raises RootRefused, RootBusy, PlatformRefused, JournalDamaged, DiskFull.
    """
    if not probe.supported():
        raise PlatformRefused("Moving files is only proven on Linux so far. 'fileorganizer preview' works everywhere.")
    with ExitStack() as stack:
        sides = [stack.enter_context(Root(path)) for path in ([root] if destination is None else [root, destination])]
        controls: list[int] = []
        for side in sides:
            _refuse_read_only(side)
            fd = control.open_control(side, create=True)
            assert fd is not None  # nosec B101  # create=True never answers None
            stack.callback(os.close, fd)
            controls.append(fd)
        for side, fd in sorted(zip(sides, controls, strict=True), key=lambda pair: (pair[0].dev, pair[0].ino)):
            locks.take_root(side, fd, holder)
        for side in sides:
            locks.share_above(side.path)
        journal = stack.enter_context(Journal(root, write=True))
        capabilities = [probe.try_out(side, fd) for side, fd in zip(sides, controls, strict=True)]
        for side, known in zip(sides, capabilities, strict=True):
            if known.exclusive_rename == "none":
                raise PlatformRefused(
                    f"{show(side.path)} is on {known.file_system}, which can't move files without the risk of replacing others."
                )
        if destination is not None:
            publish_text(os.path.join(destination, CONTROL_DIRECTORY, b"journal_at"), root.hex() + "\n")
        yield Workplace(sides, controls, journal, capabilities, locks)


@contextmanager
def open_sides(root: bytes, outside: bytes | None) -> Iterator[list[Root]]:
    """A root, and another one if there is one, opened for looking only."""
    with ExitStack() as stack:
        yield [stack.enter_context(Root(path)) for path in (root, outside) if path is not None]


def _refuse_read_only(root: Root) -> None:
    """Raise RootRefused for a file system that is mounted read-only."""
    if probe.look_up(root).read_only:
        raise RootRefused(
            f"{show(root.path)} is on a read-only file system. A preview is possible, moving files isn't."
        )


def destination_of(operation: Operation) -> bytes | None:
    """The destination root that an operation used; None for its own root. Raises DestinationMissing when it isn't there."""
    path = operation.destination
    if path is None:
        return None
    try:
        status = os.stat(path)
    except OSError as error:
        raise DestinationMissing(
            f"Operation {operation.number} used {show(path)}, which isn't there now ({error.strerror}). Connect that disk, or bring"
            " the folder back to that place, and try again."
        ) from error
    inode = 0 if operation.destination_identity is None else operation.destination_identity[1]
    if inode and status.st_ino != inode:
        raise DestinationMissing(
            f"{show(path)} is another folder than the one operation {operation.number} used. Mount the right disk there."
        )
    # The topmost folders of all disks of one kind have one inode, and devices get each other's numbers: there the mark counts.
    # Elsewhere it may be missing: what an undo needs is in the root's journal, and each file is looked at by itself.
    if inode <= TOPMOST_INODES and not os.path.isdir(os.path.join(path, CONTROL_DIRECTORY)):
        raise DestinationMissing(
            f"{show(path)} may be another disk than the one operation {operation.number} used: there is no .fileorganizer in it."
            " Mount the right disk there. If it is the right one, make an empty folder of that name in it and try again."
        )
    return path
