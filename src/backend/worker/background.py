"""What makes a process one that works in the background."""

from __future__ import annotations

import gc
import os
import signal
from contextlib import suppress
from typing import Final

from fileorganizer.settings import collect_rarely

NICER: Final = 5
"""On a busy machine a process of this niceness gets a third of what another one gets (sched(7): 1.25 a step)."""


def to_the_background() -> None:
    """For a worker, and so for the operations that it forks: whoever waits for an answer of the API comes first."""
    os.nice(NICER)
    with suppress(OSError):  # where a container forbids it, requests wait a little longer
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))  # waking up it interrupts nobody
    collect_rarely()
    signal.signal(
        signal.SIGCHLD, signal.SIG_DFL
    )  # ignored, as some who start programs hand it on, no child could be waited for


def share_with_forks() -> None:
    """To be called once what all operations need is loaded: their processes share it with the one that forks them.

    The garbage collector writes to all that it looks at, and each process would get a copy of its own.
    """
    gc.collect()
    gc.freeze()
