"""How fast an operation is, and how long it may take."""

from __future__ import annotations

import time

from backend.services.progress import RESTING, Speed
from fileorganizer.progress import Progress


class Pace:
    """How fast the files of a phase, or of a part of it, go by."""

    def __init__(self) -> None:
        """No phase has begun."""
        self._part = ("", "")
        self._since, self._files, self._bytes = 0.0, 0, 0

    def of(self, progress: Progress) -> Speed:
        """The speed since the phase began; the time left only of moving, where what is to do is known from the beginning."""
        now = time.monotonic()
        files = progress.files_scanned if progress.files_total is None else progress.files_processed
        if (progress.phase, progress.stage) != self._part:
            self._part = (progress.phase, progress.stage)
            self._since, self._files, self._bytes = now, files, progress.bytes_processed
        seconds = now - self._since
        if seconds <= 0.0:
            return RESTING
        rate = (files - self._files) / seconds
        size = (progress.bytes_processed - self._bytes) / seconds
        if progress.phase != "moving" or progress.files_total is None or rate <= 0.0:
            return Speed(rate, size)
        return Speed(rate, size, max(0.0, (progress.files_total - files) / rate))
