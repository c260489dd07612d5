"""A root opened, locked and journaled, for tests of single steps."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fileorganizer.execution.workplace import Workplace, open_workplace
from fileorganizer.fs import control
from fileorganizer.fs.identity import identity_of
from fileorganizer.model import Identity


@contextmanager
def workplace(root: Path, destination: Path | None = None) -> Iterator[Workplace]:
    """What a run works with."""
    outside = None if destination is None else os.fsencode(destination)
    with control.Locks() as locks, open_workplace(os.fsencode(root), outside, "a test", locks=locks) as work:
        yield work


def identity(path: Path) -> Identity:
    """The file at ``path`` (a link isn't followed) as a scan would see it now."""
    return identity_of(path.lstat())
