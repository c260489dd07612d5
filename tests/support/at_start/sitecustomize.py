"""Python runs this when a process of a server under test starts, and the tests run it in theirs: forked children are measured anew.

A child inherits all that coverage has seen in its parent, and writes it down once more when it ends: a quarter of a second
for every operation, and as many records to combine in the end. The parent writes its own; the child forgets it.
"""

from __future__ import annotations

import os
import sys


def _forget() -> None:
    """In a child: keep nothing of the parent, and leave it to the parent to name the files that nobody has run."""
    measured = sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None
    if measured is not None and measured._collector is not None:
        for seen in measured._collector.data.values():
            seen.clear()  # not replaced: functions that run just now go on writing into it
        measured._post_save_work = lambda: None


os.register_at_fork(after_in_child=_forget)
