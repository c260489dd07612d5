"""How long work tells others how far it is, and is told to stop. Never in the way of the work."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

INTERVAL_SECONDS = 0.1
Settled = Callable[[str, int], None]
"""Operation id, and number of the batch."""


class Progress(msgspec.Struct):
    """How far an operation is. ``files_total`` is None until it is known."""

    phase: str = "scanning"
    """scanning, hashing, planning, moving or finishing."""
    stage: str = ""
    """Which part of the phase, in words; empty where a phase has no parts."""
    files_total: int | None = None
    files_scanned: int = 0
    files_processed: int = 0
    files_failed: int = 0
    bytes_processed: int = 0
    """Read while contents are compared; of what is done, batch by batch, while files are moved."""
    current_path: bytes = b""


class Listener:
    """Receives progress at most every ``INTERVAL_SECONDS``, and carries the wish to stop."""

    def __init__(
        self,
        report: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        settled: Settled | None = None,
    ) -> None:
        """``report`` shows a state; ``should_stop`` is asked a few times a second; both must be quick.

        ``settled`` is told of each batch whose outcome is durable in the journal.
        """
        self.progress = Progress()
        self.settled = settled
        self._report = report
        self._should_stop = should_stop
        self._next = 0.0

    def enter(
        self, phase: str, files_total: int | None = None, stage: str = "", *, files_done: int = 0, bytes_done: int = 0
    ) -> None:
        """Begin a phase, or a part of it; shown at once. Something is done already where a run that was cut off goes on."""
        progress = self.progress
        progress.phase, progress.files_total, progress.stage = phase, files_total, stage
        progress.files_processed, progress.bytes_processed = files_done, bytes_done
        self._next = 0.0
        self.tick()

    def tick(self) -> None:
        """Show the present state if it is time to."""
        if self._report is not None and (now := time.monotonic()) >= self._next:
            self._next = now + INTERVAL_SECONDS
            self._report(self.progress)

    @property
    def stop_wanted(self) -> bool:
        """Does somebody want the work to stop?"""
        return self._should_stop is not None and self._should_stop()
