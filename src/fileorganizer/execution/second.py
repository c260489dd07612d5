"""What every second process of ours keeps to: it hears nothing but its pipe, and has no descriptor but the few that it needs."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from fileorganizer.fs import faults

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def may_fork() -> bool:
    """Is there a second core, and a system that can fork?"""
    return hasattr(os, "fork") and len(os.sched_getaffinity(0)) > 1


def become_second(connection: Connection, *needed: int) -> None:
    """To be called first in the forked process; what the first one has open and hears isn't for this one.

    ``needed`` are the descriptors that it keeps beside its pipe's. A lock among them is held as long as this process lives.
    """
    faults.action = None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the first process hears them, and closes the pipe
    start = 3
    for kept in sorted({connection.fileno(), *needed}):
        os.closerange(start, kept)
        start = kept + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))
