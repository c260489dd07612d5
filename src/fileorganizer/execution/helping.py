"""Plain moves of a large batch: a share of them is made by a forked second process, at the same time.

Looking before and after a rename takes as long as the rename itself; two
processes take two thirds of the time of one. What keeps the rules whole:

- The helper moves only what the first process tells it to, of a batch whose
  intent is durable; it looks at each file right before and after, as the first does.
- It judges nothing. A step that doesn't go as planned ends its share there, with
  everything as it was, and the first process comes to that step itself.
- The first process records nothing before it has heard what became of the share.
  When the helper dies, the disk is asked about the whole batch.
- The helper has the locks of the run: as long as it lives nobody else begins. It
  ends with the first process, however that ends.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import msgspec

from fileorganizer.duplicates.cache import Renamed, changed_times
from fileorganizer.execution.second import become_second, end_second, may_fork, start_second
from fileorganizer.execution.stepping import PLAIN_AT_ONCE, Stepper
from fileorganizer.execution.workplace import Workplace
from fileorganizer.fs import _linux, faults
from fileorganizer.journal import codec
from fileorganizer.model import Outcome, Step

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

WORTH_A_HELPER: Final = 1_000
"""Steps of a batch from which on it is shared."""
SHARE: Final = 4 * PLAIN_AT_ONCE
"""Moves that are shared out at once: a wish to stop is heeded after so many."""


class Share(msgspec.Struct, array_like=True):
    """What became of a share: the steps before ``end`` are done, but for one with an outcome."""

    end: int
    outcomes: list[Outcome]
    """Of the step before ``end``, if it has one."""
    error: int
    """What the file system answered to the step at ``end`` that concerns more than one file; 0 when it was nothing like that."""
    words: str
    renamed: list[Renamed]


class _Range(msgspec.Struct, array_like=True):
    """The steps from ``first`` up to ``end`` of the batch that was told last."""

    first: int
    end: int


_encoder = msgspec.msgpack.Encoder()
_told = msgspec.msgpack.Decoder(bytes | _Range)
_share = msgspec.msgpack.Decoder(Share)


class Helper:
    """The second process, as the first sees it."""

    def __init__(self, work: Workplace) -> None:
        """Start it; ``work`` holds its locks."""
        from multiprocessing.connection import Pipe  # takes 10 ms that a small run needn't wait

        self._connection, theirs = Pipe()
        first = os.getpid()
        with theirs:
            try:
                self._process = start_second(lambda: _help(theirs, work, first))
            except BaseException:  # no process was to be had, or a signal was held back; a helper ends with the pipe
                self._connection.close()
                raise

    def close(self) -> None:
        """End it. It moves nothing any more when this returns."""
        end_second(self._connection, self._process)

    def prepare(self, batch: bytes) -> None:
        """Hand it a stored batch to take apart; nothing of it is moved yet."""
        self._send(batch)

    def begin(self, first: int, end: int) -> None:
        """Have it make the moves from ``first`` up to ``end``; ``finished`` has to be asked before anything else is done."""
        self._send(_Range(first, end))

    def _send(self, message: bytes | _Range) -> None:
        """One message."""
        try:
            self._connection.send_bytes(_encoder.encode(message))
        except OSError:
            return  # it has died: there will be no answer either

    def finished(self) -> Share | None:
        """What became of the share, when it has ended; None when the process has died, who knows where."""
        try:
            return _share.decode(self._connection.recv_bytes())
        except (EOFError, OSError):
            return None


def worth_a_helper(steps: list[Step]) -> bool:
    """Are there enough steps, and a second core?"""
    return len(steps) >= WORTH_A_HELPER and may_fork()


def _help(connection: Connection, work: Workplace, first: int) -> None:
    """The helper from its start to its end."""
    _linux.die_with_parent()
    for side in work.sides:
        side.forget()
    killing = faults.action
    become_second(connection, *work.locks.descriptors, *(side.fd for side in work.sides))
    faults.action = killing  # it may be cut off at the same instants as the first
    if os.getppid() == first:  # else it was gone before we could ask to go with it
        _serve(connection, work)


def _serve(connection: Connection, work: Workplace) -> None:
    """Batches and ranges, until the pipe ends."""
    stepper = Stepper(work, lambda _count: None)
    steps: list[Step] = []
    while True:
        told = _told.decode(connection.recv_bytes())
        if isinstance(told, bytes):
            steps = codec.unpack_steps(told)
            for side in work.sides:
                side.forget()
        else:
            connection.send_bytes(_encoder.encode(_moved(stepper, steps, told)))


def _moved(stepper: Stepper, steps: list[Step], asked: _Range) -> Share:
    """Make the moves of a range, up to the first step that isn't one, or that doesn't go as planned."""
    index, outcomes, error = asked.first, list[Outcome](), None
    while index < asked.end:
        end = min(index + PLAIN_AT_ONCE, asked.end)
        index, error = stepper.move_plain(steps, index, end, outcomes)
        if index < end or outcomes or error is not None:
            break
    renamed = changed_times(stepper.renamed)
    stepper.renamed.clear()
    words = (error.strerror or "") if error is not None else ""
    return Share(index, outcomes, (error.errno or 0) if error is not None else 0, words, renamed)
