"""What is told and heard while the engine carries an operation out: progress, heartbeats, the wish to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from backend.core.events import EventSender
from backend.core.logging import logger
from backend.database import reason_of, will_pass
from backend.models import Operation
from backend.services.progress import message_of
from backend.worker.copier import Copier
from backend.worker.pace import Pace
from backend.worker.queue import Overtaken, Queue
from fileorganizer.progress import Listener, Progress

EVENT_SECONDS: Final = 0.25
"""Progress goes out this often at most; the API sends on half as much."""
HEARTBEAT_SECONDS: Final = 1.0
CANCEL_SECONDS: Final = 0.4


class Suspended(BaseException):
    """The worker has to end now, or somebody else's turn has come: the operation stays as after a crash, and goes on later.

    No error that the engine may handle.
    """


class Watch:
    """Watches over one operation, beside the engine. ``listener`` is what the engine is given."""

    def __init__(
        self,
        queue: Queue,
        operation: Operation,
        sender: EventSender,
        must_end: Callable[[], bool],
        slice_seconds: float,
        lasts: float,
        whole: Watch | None,
    ) -> None:
        """``must_end`` says that this process is to end soon; ``whole`` watches over the operation that this one is a part of.

        After ``lasts`` seconds it gives way, whoever waits.
        """
        self._queue, self._operation, self._sender, self._must_end = queue, operation, sender, must_end
        self._whole = whole
        self._copier: Copier | None = whole._copier if whole else None
        self.listener = Listener(self._report, self._should_stop, self._settled)
        self._log = logger("worker").bind(operation_id=str(operation.id))
        self._cancel_heard = operation.cancel_requested
        self._overtaken = self._gives_way = self._not_granted = False
        self.journal_id: str | None = None
        """The journal's name for it, once a batch of it was settled since it was claimed: it gets on."""
        self._turn_ends = time.monotonic() + slice_seconds
        self._at_the_latest = time.monotonic() + lasts
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)
        self._progress = Progress()
        self._next_event = 0.0
        self._sequence = operation.epoch << 32
        self._pace = Pace()

    def begin(self, copier: Copier | None) -> None:
        """Lengthen the lease, look at the grants and for the wish to cancel from now on; ``copier`` is told of settled batches."""
        self._copier = copier
        self._thread.start()

    def end(self) -> None:
        """Nothing is written and heard after this."""
        self._ended.set()
        self._thread.join()
        if self._copier is not None:
            self._copier.end()

    @property
    def cancelled(self) -> bool:
        """Is it, or what it is a part of, to be cancelled?"""
        return self._cancel_heard or (self._whole is not None and self._whole.cancelled)

    def cancel(self) -> None:
        """Stop: a part of it was cancelled."""
        self._cancel_heard = True

    def copied(self) -> bool:
        """Wait until all that the journal has of the operation is in the database; False when that couldn't be done."""
        return self._copier is not None and self._copier.closed(self._operation, self._operation.journal_id or "")

    def wait(self, seconds: float) -> None:
        """Let a while pass. Raises Suspended when the process is to end."""
        if self._ended.wait(seconds) or self._must_end():
            raise Suspended

    def tell_end(self) -> None:
        """Tell those who watch how it ended; the row is written."""
        operation = self._operation
        self._progress = Progress(
            "finishing",
            files_processed=operation.files_processed,
            files_failed=operation.files_failed,
            bytes_processed=operation.bytes_processed,
        )
        self._send("error" if operation.status == "failed" else "completed", insist=True)

    def _settled(self, journal_id: str, seq: int) -> None:
        """A batch is durable in the journal: have it copied."""
        self.journal_id = journal_id
        if self._copier is not None:
            self._copier.settled(self._operation, journal_id, seq)

    def _should_stop(self) -> bool:
        """Asked by the engine every few steps."""
        if self._whole is not None:
            return self._whole._should_stop()
        if self._overtaken:
            raise Overtaken
        if self._not_granted:  # whoever claims it next sees that, too, and closes it (S14)
            raise Suspended
        if self._must_end() or (self._gives_way and self.journal_id):
            raise Suspended  # to give way, only after a batch was settled: each turn gets on, and no scan is done twice
        return self.cancelled

    def _report(self, progress: Progress) -> None:
        """Told by the engine every tenth of a second."""
        self._progress = progress
        if self._whole is not None:
            self._whole._report(Progress(progress.phase, progress.stage, current_path=progress.current_path))
        if time.monotonic() >= self._next_event:
            self._next_event = time.monotonic() + EVENT_SECONDS
            self._send("progress", insist=False)

    def _counts(self) -> dict[str, Any]:
        """How far it is, as columns."""
        progress = self._progress
        counts: dict[str, Any] = {"phase": progress.phase}
        if progress.phase in ("scanning", "hashing", "planning"):
            counts["files_scanned"] = max(progress.files_scanned, self._operation.files_scanned)
        else:
            for name in ("files_processed", "files_failed", "bytes_processed"):
                counts[name] = getattr(progress, name)
        return counts

    def _send(self, kind: str, *, insist: bool) -> None:
        """Tell those who watch."""
        for name, value in self._counts().items():
            setattr(self._operation, name, value)
        self._sequence += 1
        speed, path = self._pace.of(self._progress), self._progress.current_path
        message = message_of(self._operation, kind, path=path, sequence=self._sequence, speed=speed)
        self._sender.send(message, insist=insist)

    def _beat(self) -> None:
        """In a thread: lengthen the lease, look at the grants and for the wish to cancel."""
        next_beat = time.monotonic() + HEARTBEAT_SECONDS
        while not self._ended.wait(CANCEL_SECONDS):
            try:
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + HEARTBEAT_SECONDS
                    if time.monotonic() >= self._at_the_latest:
                        self._gives_way = True
                    elif time.monotonic() >= self._turn_ends:
                        self._gives_way = self._queue.others_wait(self._operation)
                    counts = self._counts()
                    if self.journal_id:
                        counts["attempts"] = 1  # those before weren't in vain, so this is the first of its kind
                    self._cancel_heard |= self._queue.heartbeat(self._operation.number, self._operation.epoch, counts)
                    self._not_granted = not self._queue.is_granted(self._operation)
                else:
                    self._cancel_heard |= self._queue.cancel_wanted(self._operation.number)
            except Overtaken:
                self._overtaken = not self._ended.is_set()
                return
            except Exception as error:  # noqa: BLE001  # the next beat may succeed
                if will_pass(error):
                    self._log.warning("heartbeat failed", reason=reason_of(error))
                else:
                    self._log.exception("heartbeat failed")
