"""Clocks that are set while processes run, as by NTP or a person: the time of day jumps, what counts seconds doesn't.

with own_clock() as clock, running_server(..., **clock.environment):
    clock.set(-3600)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("clock.c")


def reason_without() -> str | None:
    """Why no clock can be set here; None when it can."""
    return None if shutil.which("cc") else "clocks can't be set without a C compiler (package gcc)"


class Clock:
    """The time of day of all processes that are started with its environment."""

    def __init__(self, folder: Path) -> None:
        """``folder`` can be read by all of them."""
        self._file, library = folder / "ahead", folder / "clock.so"
        self.set(0)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_FILE": str(self._file)}

    def set(self, ahead_seconds: float) -> None:
        """So far ahead of the true time, or behind it, from now on."""
        fd = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, round(ahead_seconds).to_bytes(8, "little", signed=True), 0)
        os.close(fd)


@contextmanager
def own_clock() -> Iterator[Clock]:
    """A clock for processes of whatever user."""
    folder = Path(tempfile.mkdtemp(prefix="fileorganizer-clock-"))
    folder.chmod(0o755)
    try:
        yield Clock(folder)
    finally:
        shutil.rmtree(folder)
