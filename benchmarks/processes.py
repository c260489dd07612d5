"""Runs a command and says what it cost: seconds, peak memory, processor time."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    peak_bytes: int
    """Largest resident set of the process, or of one of its children if that is larger; not their sum."""
    processor_seconds: float
    exit_code: int
    first_output_seconds: float | None
    """When the first byte came, on stdout or stderr (on a terminal: the first digit); None: never."""
    stdout: bytes
    stderr: bytes


def run(command: Sequence[str | bytes | Path], environment: Mapping[str, str] | None = None) -> Run:
    """Run to the end and measure. The output is kept in memory, so let it be small.

    A child starts with its parent's peak as its own (Linux sets it at exec from
    the memory it shared until then): the process that calls this must stay small.
    """
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        output, first = _read_all(process, start)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    return Run(
        seconds=seconds,
        peak_bytes=usage.ru_maxrss * 1024,
        processor_seconds=usage.ru_utime + usage.ru_stime,
        exit_code=process.returncode,
        first_output_seconds=first,
        stdout=output[0],
        stderr=output[1],
    )


def run_on_terminal(command: Sequence[str | bytes | Path], environment: Mapping[str, str] | None = None) -> Run:
    """The same on a terminal of its own, as a person sees it; of the output only the end is kept."""
    terminal, theirs = os.openpty()
    start = time.monotonic()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        shown, first = b"", None
        while chunk := _read_terminal(terminal):
            first = time.monotonic() - start if first is None and any(48 <= byte < 58 for byte in chunk) else first
            shown = (shown + chunk)[-65_536:]
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    os.close(terminal)
    peak, processor = usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime
    return Run(seconds, peak, processor, process.returncode, first, shown, b"")


def _read_terminal(terminal: int) -> bytes:
    """What was shown next; nothing once the program has ended (Linux says EIO then)."""
    try:
        return os.read(terminal, 1 << 16)
    except OSError:
        return b""


def find_seconds(root: Path) -> float:
    """Time `find -type f -printf '%s %T@\\n'` after a sync, its output thrown away: the limit of reading a tree."""
    os.sync()
    start = time.monotonic()
    command = ["find", str(root), "-type", "f", "-printf", r"%s %T@\n"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - start


def warm_up(root: Path) -> None:
    """Bring disk and caches to the same state before a measurement: all written, every inode in memory."""
    find_seconds(root)


def _read_all(process: subprocess.Popen[bytes], start: float) -> tuple[tuple[bytes, bytes], float | None]:
    assert process.stdout and process.stderr
    chunks: dict[int, list[bytes]] = {process.stdout.fileno(): [], process.stderr.fileno(): []}
    first = None
    with selectors.DefaultSelector() as ready:
        for fd in chunks:
            ready.register(fd, selectors.EVENT_READ)
        while ready.get_map():
            for key, _ in ready.select():
                chunk = os.read(key.fd, 1 << 16)
                if chunk:
                    first = time.monotonic() - start if first is None else first
                    chunks[key.fd].append(chunk)
                else:
                    ready.unregister(key.fd)
    stdout, stderr = (b"".join(chunk) for chunk in chunks.values())
    return (stdout, stderr), first
