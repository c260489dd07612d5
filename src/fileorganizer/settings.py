"""Where the program keeps its own things, read once from the environment."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Final

from fileorganizer.errors import InvalidOption

_PASSED_TO_CHILDREN: Final = (
    *("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR"),
    # where a one-file executable was unpacked: without these each child would unpack it once more, and leave that behind
    *("_PYI_ARCHIVE_FILE", "_PYI_APPLICATION_HOME_DIR", "_PYI_PARENT_PROCESS_LEVEL"),
)

_COLLECT_AFTER: Final = 50_000


def collect_rarely() -> None:
    """For a process that carries out operations: look for cycles of garbage every 50,000 new objects instead of every 700.

    The engine makes millions of objects and next to no cycles: looking took an eighth of the time of a run that finds nothing to do.
    """
    gc.set_threshold(_COLLECT_AFTER)


def give_memory_back() -> None:
    """Let go of what was needed for a while: objects that only know each other, and what the C library keeps for the next time.

    After a search for duplicates, or a scan, that is tens of megabytes, and a forked process would have them, too.
    """
    import ctypes  # not at every start of the command line

    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # of glibc; others keep less
    if trim is not None:
        trim(0)


def child_environment() -> dict[str, str]:
    """All that a process which opens strangers' files sees of our environment: no secret of the server is in it."""
    return {name: os.environ[name] for name in _PASSED_TO_CHILDREN if name in os.environ}


def plan_dir() -> Path:
    """Where plans are kept until they are applied: ``PLAN_DIR``, or in the user's state directory (XDG)."""
    chosen = os.environ.get("PLAN_DIR")
    return Path(chosen) if chosen else state_dir() / "plans"


def state_dir() -> Path:
    """The program's folder in the user's state directory."""
    return Path(os.environ.get("XDG_STATE_HOME") or _home() / ".local" / "state") / "fileorganizer"


def cache_dir() -> Path:
    """Where digests are remembered: ``CACHE_DIR``, or in the user's cache directory. What is in it can be made again."""
    chosen = os.environ.get("CACHE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or _home() / ".cache") / "fileorganizer"


def _home() -> Path:
    """The user's home folder. Raises InvalidOption where none is known: without HOME, and with a user that the system doesn't list."""
    try:
        return Path.home()
    except RuntimeError as error:
        raise InvalidOption(
            "This user has no home folder to keep plans and digests in. Set HOME, or PLAN_DIR and CACHE_DIR."
        ) from error
