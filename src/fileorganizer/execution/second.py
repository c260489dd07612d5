"""What every second process of ours keeps to: it hears nothing but its pipe, and has no descriptor but the few that it needs."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from fileorganizer.fs import faults
from fileorganizer.settings import give_memory_back

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def may_fork() -> bool:
    """Is there a second core, and a system that can fork?"""
    return hasattr(os, "fork") and len(os.sched_getaffinity(0)) > 1


def start_second(serve: Callable[[], object]) -> int:
    """Fork a process that does this and no more; returns its number. Raises OSError where none is to be had.

    Signals are held back until it hears none that the first process hears: a handler that raises, as Python's own for Ctrl-C, would
    let it go on with what the first one does, and write into its records. What is free is given back first: both would have it.
    """
    give_memory_back()
    held = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        process = os.fork()
        if process == 0:
            try:
                _hear_nothing()
                signal.pthread_sigmask(signal.SIG_SETMASK, held)
                serve()
            finally:
                os._exit(0)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
    return process


def _hear_nothing() -> None:
    """The first process hears them, and closes the pipe. Nor is its event loop woken by what only this one is sent."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if number in (signal.SIGINT, signal.SIGTERM) or callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_IGN if number != signal.SIGCHLD else signal.SIG_DFL)


def become_second(connection: Connection, *needed: int) -> None:
    """To be called first in the forked process: what the first one has open isn't for this one.

    ``needed`` are the descriptors that it keeps beside its pipe's. A lock among them is held as long as this process lives.
    """
    gc.freeze()  # the collector writes to all that it looks at, and what both share there would have to be copied
    faults.action = None
    start = 3
    for kept in sorted({connection.fileno(), *needed}):
        os.closerange(start, kept)
        start = kept + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def end_second(connection: Connection, process: int) -> None:
    """End the forked process, whatever it does; it does nothing any more when this returns.

    Where the system clears away ended children by itself (SIGCHLD is ignored, which a program inherits from whoever started it),
    one that has ended isn't found, and its number may be another's: only a child of ours is killed.
    """
    connection.close()
    with suppress(ChildProcessError, ProcessLookupError):
        if os.waitpid(process, os.WNOHANG) == (0, 0):
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
