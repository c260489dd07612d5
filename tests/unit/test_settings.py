"""What processes do about memory."""

from __future__ import annotations

import os
import platform
import weakref
from pathlib import Path

import pytest

from fileorganizer.settings import give_memory_back


class Knot:
    """An object that knows itself."""

    def __init__(self) -> None:
        """So that nothing but a look for cycles finds it unused."""
        self.itself = self


def test_what_isnt_needed_any_more_is_given_back() -> None:
    """Also objects that keep each other."""
    found = weakref.ref(Knot())
    give_memory_back()
    assert found() is None


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep less")
def test_memory_that_was_freed_goes_back_to_the_system() -> None:
    """Also from between what is still used."""
    blocks = [b"x" * 100_000 for _ in range(400)]
    full, kept = resident(), blocks[::50]
    blocks.clear()
    give_memory_back()
    assert full - resident() > 20_000_000 and len(kept) == 8


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
