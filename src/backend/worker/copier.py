"""The process beside an operation's that copies settled batches into the database while files are moved.

Moving is the kernel's work and copying is ours: each has a core. What travels
is only which batch is settled; the batch itself is read from the journal. So
nothing is lost when this process ends early: who closes the operation copies
whatever the database lacks.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from typing import Final

import msgspec

from backend.core.config import Settings
from backend.core.logging import logger
from backend.database import WorkerDatabase
from backend.models import ORGANIZE, Operation
from backend.worker.projection import Projection
from backend.worker.queue import Overtaken, Queue
from fileorganizer.rules.syntax import RuleSet

_MESSAGE_BYTES: Final = 4_096
_ALL_COPIED: Final = b"all"


class _Settled(msgspec.Struct, array_like=True):
    """A batch of an operation is settled; with ``seq`` 0 the operation is closed, and an answer is waited for."""

    number: int
    epoch: int
    journal_id: str
    seq: int


class Copier:
    """The handle of that process. It ends with ``end``, and when the process that made it ends."""

    def __init__(self, settings: Settings, rules: RuleSet | None) -> None:
        """Fork; to be made before this process has threads or connections. ``rules`` gave an organize's files their categories."""
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._child = os.fork()
        if self._child == 0:
            self._socket.close()
            _copy_until_closed(settings, rules, theirs)
        theirs.close()

    def settled(self, operation: Operation, journal_id: str, seq: int) -> None:
        """Tell of a settled batch; all before it that weren't told of are copied, too."""
        self._send(_Settled(operation.number, operation.epoch, journal_id, seq))

    def closed(self, operation: Operation, journal_id: str) -> bool:
        """Wait until all that the journal has of an operation is copied; False when it couldn't be."""
        self._send(_Settled(operation.number, operation.epoch, journal_id, 0))
        with suppress(ConnectionResetError):
            return bool(self._socket.recv(_MESSAGE_BYTES))
        return False

    def end(self) -> None:
        """Let it copy what was told of, and end."""
        self._socket.close()
        os.waitpid(self._child, 0)

    def _send(self, message: _Settled) -> None:
        """Say it; a process that has ended needn't hear it."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._socket.send(msgspec.msgpack.encode(message))


def _copy_until_closed(settings: Settings, rules: RuleSet | None, told: socket.socket) -> None:
    """The process from its start to its end; never returns."""
    log = logger("copier")
    try:
        database = WorkerDatabase(settings)
        projections: dict[int, Projection] = {}
        while message := told.recv(_MESSAGE_BYTES):
            batch = msgspec.msgpack.decode(message, type=_Settled)
            if batch.number not in projections:
                projections[batch.number] = _projection(settings, database, rules, batch)
            if batch.seq:
                projections[batch.number].follow(batch.seq)
            else:
                projections.pop(batch.number).catch_up()
                told.send(_ALL_COPIED)
        database.close()
    except (Overtaken, ConnectionError):
        log.warning("copying ends: nobody waits for it any more")
    except BaseException:  # whatever ails the database, the rest is copied when the operation ends
        log.exception("copying is behind")
    finally:
        sys.stderr.flush()
        os._exit(0)


def _projection(settings: Settings, database: WorkerDatabase, rules: RuleSet | None, batch: _Settled) -> Projection:
    """That of the batch's operation. Raises Overtaken."""
    operation = Queue(settings, database).read(batch.number)
    if operation.epoch != batch.epoch:
        raise Overtaken
    return Projection(database, operation, batch.journal_id, rules if operation.operation_type == ORGANIZE else None)
