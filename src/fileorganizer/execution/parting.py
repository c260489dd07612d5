"""Taking the batches of an operation apart for its undo, in this process and, for a big one, in a forked second one.

Each batch by itself, so two can be worked on at a time; what comes of them is
handed on in their order. The second process is told a batch and answers with
what ``take_apart`` says of it. When it dies, the first does all by itself.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

import msgspec

from fileorganizer.errors import RootVanished
from fileorganizer.execution.second import become_second, end_second, may_fork, start_second
from fileorganizer.fs import trash
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import identity_of
from fileorganizer.journal import codec
from fileorganizer.journal.records import Batch, Operation
from fileorganizer.journal.store import Journal
from fileorganizer.model import CONTROL_DIRECTORY, REPLACEMENT, Outcome, Role, Step
from fileorganizer.planning.plainly import Deed, Plain, Sight, done_deeds, take_apart
from fileorganizer.planning.settling import PARKING

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

WORTH_A_SECOND: Final = 3
"""Batches from which on a second process is started."""


class Eyes:
    """What is on disk now, as facts for planning."""

    def __init__(self, sides: Sequence[Root]) -> None:
        """Looks beneath these roots only."""
        self._sides = sides
        self._absent: tuple[int, bytes] | None = None
        """The last folder that was asked about and isn't there."""

    def look(self, side: int, path: bytes) -> Sight | None:
        """What is at a path now."""
        status = self._sides[side].look(path)
        return None if status is None else Sight(identity_of(status), status.st_nlink)

    def is_taken(self, side: int, path: bytes) -> bool:
        """Is a path no free place now? Quick where one folder is asked about again and again, also one that isn't there.

        Nothing can be put where something else than a folder is on the way, or another file system.
        """
        folder, _, name = path.rpartition(b"/")
        if self._absent == (side, folder):
            return False
        try:
            fd = self._sides[side].folder(folder)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EXDEV):
                return True
            if error.errno != errno.ENOENT:
                raise
            self._absent = side, folder
            return False
        return os.access(name, os.F_OK, dir_fd=fd, follow_symlinks=False)

    def born(self, side: int, path: bytes) -> int:
        """When what is at a path was made, in nanoseconds; 0 where that can't be told."""
        return self._sides[side].born(path)


class Part(msgspec.Struct, array_like=True):
    """One batch, taken apart. The steps of ``plain`` are packed, ready to be stored."""

    plain: Plain
    count: int
    packed: bytes


class _Told(msgspec.Struct, frozen=True, array_like=True):
    """A batch for the second process."""

    seq: int
    steps: bytes
    outcomes: list[Outcome]


_encoder = msgspec.msgpack.Encoder()
_told = msgspec.msgpack.Decoder(_Told)
_part = msgspec.msgpack.Decoder(Part)


def deeds_of(batch: Batch | _Told, operation: int) -> list[Deed]:
    """The done steps of a batch, last first, with the places that their files have since."""
    return done_deeds(
        codec.unpack_steps(batch.steps),
        batch.outcomes,
        lambda step, index: trash.place(operation, batch.seq, index, step.owner),
    )


class Trashed:
    """What put the files into the trash that are there."""

    def __init__(self, journal: Journal) -> None:
        """Of the root that put them there."""
        self._journal = journal
        self._last: tuple[int, int, list[Step]] = (0, 0, [])

    def by(self, place: bytes) -> Step:
        """The step that put a file at this place; the last batch is remembered, because those of one are asked for together."""
        operation = trash.operation_of(place)
        batch, index = map(int, place.rpartition(b"/")[2].split(b"-"))
        if self._last[:2] != (operation, batch):
            self._last = operation, batch, codec.unpack_steps(self._journal.batch(operation, batch).steps)
        return self._last[2][index]


class Parting:
    """How the batches of one operation are taken apart."""

    def __init__(self, operation: int, eyes: Eyes, chosen: Sequence[bytes], *, plainly: bool) -> None:
        """Files whose original path is at or below a ``chosen`` one count, all where there is none. Without ``plainly``
        every deed needs a look at what is known of others."""
        self._operation, self._eyes, self._wanted, self._plainly = operation, eyes, wanted_below(chosen), plainly

    def part(self, batch: Batch | _Told) -> Part:
        """Take one apart."""
        deeds = deeds_of(batch, self._operation)
        if not self._plainly:
            return Part(Plain(rest=deeds), 0, b"")
        plain = take_apart(deeds, self._eyes.look, self._eyes.is_taken, self._wanted)
        count, packed = len(plain.steps), codec.pack(plain.steps)
        plain.steps = []
        return Part(plain, count, packed)


def wanted_below(chosen: Sequence[bytes]) -> Callable[[bytes], bool]:
    """Is an original path at or below one of these; all are when there are none."""
    plain = {path.strip(b"/") for path in chosen}

    def wanted(path: bytes) -> bool:
        while path and path not in plain:
            path = path.rpartition(b"/")[0]
        return bool(path)

    return wanted if plain else lambda _path: True


def original_path(step: Step) -> bytes:
    """Where the file of a step was: a link may have taken the name of one that was put away for it."""
    return step.target if step.temporary == REPLACEMENT else step.source


def torn_families(journal: Journal, operation: Operation, paths: Sequence[bytes]) -> set[bytes]:
    """The original paths of files that aren't at or below these, though one of their family is: they go back as one (F65)."""
    wanted = wanted_below(paths)
    families = {group for group, path in _members(journal, operation) if wanted(path)}
    return {path for group, path in _members(journal, operation) if group in families and not wanted(path)}


def _members(journal: Journal, operation: Operation) -> Iterator[tuple[int, bytes]]:
    """The files that were moved or copied as families: group, and original path.

    Groups hold other things together, too: the names of one file, a folder and what was swept away with it. And what came
    out of the trash has its group from the operation that put it there.
    """
    for batch in journal.batches(operation.number):
        for deed in deeds_of(batch, operation.number):
            step = deed.step
            counted = step.role == Role.ITEM or step.target.startswith(PARKING)
            if step.group and counted and not step.source.startswith(CONTROL_DIRECTORY + b"/"):
                yield step.group, original_path(step)


def parts(
    journal: Journal, operation: Operation, sides: Sequence[Root], chosen: Sequence[bytes], *, plainly: bool
) -> Iterator[tuple[Batch, Part]]:
    """The batches of an operation, the newest first, each with what it comes apart into."""
    parting = Parting(operation.number, Eyes(sides), chosen, plainly=plainly)
    batches = journal.batches(operation.number, newest_first=True)
    worth_it = len(sides) == 1 and plainly and journal.batch_count(operation.number) >= WORTH_A_SECOND
    partner = _partner(sides[0], operation.number, chosen) if worth_it and may_fork() else None
    if partner is None:
        yield from ((batch, parting.part(batch)) for batch in batches)
        return
    with closing(partner):
        for theirs in batches:
            partner.tell(theirs)
            ours = next(batches, None)
            part = parting.part(ours) if ours is not None else None
            yield theirs, partner.answer() or parting.part(theirs)
            if ours is not None and part is not None:
                yield ours, part


def _partner(root: Root, operation: int, chosen: Sequence[bytes]) -> _Partner | None:
    """A second process; None when there is no process or no descriptor to be had: it goes without."""
    try:
        return _Partner(root, operation, chosen)
    except OSError:
        return None


class _Partner:
    """The second process, as the first sees it."""

    def __init__(self, root: Root, operation: int, chosen: Sequence[bytes]) -> None:
        """Start it."""
        from multiprocessing.connection import Pipe  # takes 10 ms that a small undo needn't wait

        self._connection, theirs = Pipe()
        about = root.path, (root.dev, root.ino)
        self._process = start_second(lambda: _serve_alone(theirs, *about, operation, chosen))
        theirs.close()

    def close(self) -> None:
        """End it, whatever it does."""
        end_second(self._connection, self._process)

    def tell(self, batch: Batch) -> None:
        """Hand a batch over; the answer has to be fetched before the next one."""
        try:
            self._connection.send_bytes(_encoder.encode(_Told(batch.seq, batch.steps, batch.outcomes)))
        except OSError:
            return  # it has died: there will be no answer either

    def answer(self) -> Part | None:
        """What the batch comes apart into; None when the process has died."""
        try:
            return _part.decode(self._connection.recv_bytes())
        except (EOFError, OSError):
            return None


def _serve_alone(
    connection: Connection, path: bytes, identity: tuple[int, int], operation: int, chosen: Sequence[bytes]
) -> None:
    """The second process from its start to its end. Whatever goes wrong here, the first process meets it, too, and tells of it."""
    become_second(connection)
    _serve(connection, path, identity, operation, chosen)


def _serve(
    connection: Connection, path: bytes, identity: tuple[int, int], operation: int, chosen: Sequence[bytes]
) -> None:
    """Batches, until the pipe ends."""
    with Root(path) as root:
        if (root.dev, root.ino) != identity:
            raise RootVanished(path)
        parting = Parting(operation, Eyes([root]), chosen, plainly=True)
        while True:
            connection.send_bytes(_encoder.encode(parting.part(_told.decode(connection.recv_bytes()))))
