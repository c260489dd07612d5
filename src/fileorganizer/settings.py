"""Where the program keeps its own things, read once from the environment."""

from __future__ import annotations

import os
from pathlib import Path


def plan_dir() -> Path:
    """Where plans are kept until they are applied: ``PLAN_DIR``, or in the user's state directory (XDG)."""
    chosen = os.environ.get("PLAN_DIR")
    return Path(chosen) if chosen else state_dir() / "plans"


def state_dir() -> Path:
    """The program's folder in the user's state directory."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "fileorganizer"


def cache_dir() -> Path:
    """Where digests are remembered: ``CACHE_DIR``, or in the user's cache directory. What is in it can be made again."""
    chosen = os.environ.get("CACHE_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fileorganizer"
