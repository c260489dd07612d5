"""A bar that shows on stderr how far the work is. rich is imported when it is first shown."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fileorganizer import progress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class ProgressBar:
    """A bar on stderr: it comes with a report, and goes before something else is printed."""

    def __init__(self) -> None:
        """Not to be seen yet."""
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._phase, self._since = "", 0.0

    def show(self, now: progress.Progress) -> None:
        """How far it is: the phase, a bar where the end is known, files, files a second, and the time left."""
        phase = f"{now.phase} {now.stage}".strip()
        if self._bar is None:
            self._bar, self._phase = _new_bar(), ""
            self._task = self._bar.add_task("", total=None, rate="")
            self._bar.start()
        if self._task is not None and phase != self._phase:
            self._phase, self._since = phase, time.monotonic()
            self._bar.reset(self._task, description=phase, total=now.files_total, rate="")
        count = now.files_processed if now.files_total is not None else now.files_scanned
        if self._task is not None and count and (now.files_total is not None or now.phase == "scanning"):
            rate = count / max(time.monotonic() - self._since, 0.001)
            self._bar.update(self._task, completed=count, rate=f"{count} files, {rate:.0f}/s")

    def hide(self) -> None:
        """Take it away; the next report shows it again."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _new_bar() -> Progress:
    """An empty bar that leaves nothing behind on the terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"))
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
