"""What every second process of ours keeps to: it hears nothing but its pipe, and has no descriptor but the few that it needs."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from fileorganizer.fs import faults
from fileorganizer.settings import give_memory_back

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def may_fork() -> bool:
    """Is there a second core, and a system that can fork?"""
    return hasattr(os, "fork") and len(os.sched_getaffinity(0)) > 1


def fork_second() -> int:
    """As ``os.fork``, after giving back what is free: the two would both have it. Raises OSError."""
    give_memory_back()
    return os.fork()


def become_second(connection: Connection, *needed: int) -> None:
    """To be called first in the forked process; what the first one has open and hears isn't for this one.

    ``needed`` are the descriptors that it keeps beside its pipe's. A lock among them is held as long as this process lives.
    """
    gc.freeze()  # the collector writes to all that it looks at, and what both share there would have to be copied
    faults.action = None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the first process hears them, and closes the pipe
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
