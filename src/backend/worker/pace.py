"""How fast an operation is, and how long it may take."""

from __future__ import annotations

import time

from fileorganizer.progress import Progress


class Pace:
    """How fast the files of a phase go by."""

    def __init__(self) -> None:
        """No phase has begun."""
        self._phase, self._since, self._first = "", 0.0, 0

    def of(self, progress: Progress) -> tuple[float, float | None]:
        """Files a second in this phase, and seconds that are left if that can be told."""
        now = time.monotonic()
        files = progress.files_processed if progress.phase == "moving" else progress.files_scanned
        if progress.phase != self._phase:
            self._phase, self._since, self._first = progress.phase, now, files
        seconds = now - self._since
        rate = (files - self._first) / seconds if seconds > 0.0 else 0.0
        if not rate or progress.files_total is None:
            return rate, None
        return rate, max(0.0, (progress.files_total - files) / rate)
