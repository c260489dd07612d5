"""What every second process of ours keeps to: it only reads the user's files, and has no descriptor but its pipe's."""

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


def become_second(connection: Connection) -> None:
    """To be called first in the forked process; what the first one has open and hears isn't for this one."""
    faults.action = None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the first process hears them, and closes the pipe
    kept = connection.fileno()  # all others go: a lock must not outlive the process that took it
    os.closerange(3, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
