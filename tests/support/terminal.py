"""The real command line on a terminal of its own: what it shows, and what a person types or presses."""

from __future__ import annotations

import os
import pty
import re
import select
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

PROGRAM = [sys.executable, "-m", "fileorganizer.cli.app"]
CTRL_C = b"\x03"


def on_a_terminal(
    arguments: Sequence[str],
    keys: Sequence[tuple[bytes, bytes]],
    *,
    wait: float = 120,
    columns: int = 120,
    output: Path | None = None,
) -> tuple[str, int]:
    """Run a command line; for each of ``keys`` (seen, pressed) in order press when ``seen`` is shown. Gives screen and exit code.

    The screen is what was written, without colours and movements of the cursor; the terminal has ``columns``.
    ``output`` is a file to which standard output goes instead.
    Raises TimeoutError, after ending the program, when it doesn't end within ``wait`` seconds.
    """
    pid, fd = pty.fork()
    if pid == 0:
        modes = termios.tcgetattr(0)
        modes[3] |= termios.NOFLSH  # else Ctrl-C throws away what was written and not yet read
        termios.tcsetattr(0, termios.TCSANOW, modes)
        os.environ.update(TERM="xterm", COLUMNS=str(columns))
        if output is not None:
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), 1)
        os.execv(PROGRAM[0], [*PROGRAM, *arguments])
    shown, at, left, last = b"", 0, list(keys), b""
    deadline = time.monotonic() + wait
    try:
        while (chunk := _read(fd, deadline)) is not None:
            shown += chunk
            if not chunk and CTRL_C in last:
                # between a question and its read Python notes a signal and sleeps on: a person presses once more
                os.write(fd, CTRL_C)
            while left and (found := shown.find(left[0][0], at)) >= 0:
                at = found + len(left[0][0])
                last = left.pop(0)[1]
                os.write(fd, last)
    except TimeoutError:
        os.kill(pid, 9)
        raise
    finally:
        os.close(fd)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode("utf-8", "replace")), code


def _read(fd: int, deadline: float) -> bytes | None:
    """What is written next, nothing when that takes ten seconds; None when the program has ended."""
    left = deadline - time.monotonic()
    if not select.select([fd], [], [], max(0.0, min(10.0, left)))[0]:
        if left <= 0:
            raise TimeoutError("the program didn't end")
        return b""
    try:
        return os.read(fd, 1 << 16) or None
    except OSError:  # Linux says so when the other end is gone
        return None
