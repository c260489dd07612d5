"""F15 to F28: system calls that answer with errors, at the nth call and from the nth on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from tests.support.crash import Trial, small_tree, take_all_back

CALLS = ("renameat2", "fsync", "mkdirat")
ERRORS = ("EIO", "ENOSPC", "EACCES", "EXDEV", "EINVAL")
_WORK = """
import os, sys
from fileorganizer import organizer
from fileorganizer.errors import FileOrganizerError
from fileorganizer.model import Options
try:
    done = organizer.organize(sys.argv[1], Options(recursive=True, dates="file")).operation
    print(done.status, done.totals.done, done.totals.skipped, done.totals.failed)
except (FileOrganizerError, OSError) as error:
    print("stopped", getattr(error, "code", type(error).__name__))
"""


def run(place: Path, whens: tuple[str, ...] = ("1", "2", "3", "5", "8", "1+", "3+", "6+")) -> dict[str, Any]:
    """Each error at each call: afterwards nothing is lost, every record is true, and undo gives the tree back."""
    figures: dict[str, Any] = {"runs": 0, "lost": 0, "false_records": 0, "undo_differences": 0, "endings": {}}
    for call in CALLS:
        for error in ERRORS:
            for when in whens:
                said = inject(place / f"{call}-{error}-{when}", call, error, when)
                figures["runs"] += 1
                figures["endings"][said] = figures["endings"].get(said, 0) + 1
    return figures


def inject(place: Path, call: str, error: str, when: str) -> str:
    """One run with one injected error; gives how it ended."""
    trial = Trial(place, small_tree())
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    injected = subprocess.run(
        [
            "strace",
            "-f",
            "-qq",
            "-o",
            os.devnull,
            "-e",
            f"trace={call}",
            "-e",
            f"inject={call}:error={error}:when={when}",
            sys.executable,
            "-c",
            _WORK,
            str(trial.root),
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert injected.returncode == 0, injected.stderr
    organizer.recover(trial.root)
    if organizer.history(trial.root):
        trial.check(f"{call} {error} {when}")
        take_all_back(trial.root)
    trial.check_back(f"{call} {error} {when}")
    return " ".join(
        injected.stdout.split()[:2] if injected.stdout.startswith("stopped") else injected.stdout.split()[:1]
    )
