"""Named instants at which the tests kill, fail or disturb the engine.

In production ``action`` is None and a fault point is one comparison. The kill
harness sets ``action`` in a forked child; for the real command line the
variable ``FILEORGANIZER_FAULTS=kill@N`` ends the process at the Nth hit.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

action: Callable[[str], None] | None = None


def faultpoint(name: str) -> None:
    """Mark the instant ``name``: nothing happens unless a test has set ``action``."""
    if action is not None:
        action(name)


def kill_at(hit: int) -> Callable[[str], None]:
    """An action that ends this process with SIGKILL at the ``hit``-th fault point (the first is 1)."""
    left = hit

    def kill(_name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def _from_environment(value: str) -> Callable[[str], None] | None:
    """The action that ``FILEORGANIZER_FAULTS`` asks for; None when it is unset or has another form."""
    kind, _, number = value.partition("@")
    return kill_at(int(number)) if kind == "kill" and number.isdigit() else None


action = _from_environment(os.environ.get("FILEORGANIZER_FAULTS", ""))
