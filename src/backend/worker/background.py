"""What makes a process one that works in the background."""

from __future__ import annotations

import os
from typing import Final

from fileorganizer.settings import collect_rarely

NICER: Final = 5
"""On a busy machine a process of this niceness gets a third of what another one gets (sched(7): 1.25 a step)."""


def to_the_background() -> None:
    """For a worker, and so for the operations that it forks: whoever waits for an answer of the API comes first."""
    os.nice(NICER)
    collect_rarely()
