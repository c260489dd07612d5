"""F15 to F28: system calls that answer with errors, at the nth call and from the nth on, in every way of moving files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.crash import RECURSIVE, PurgeTrial, Trial, TwoSidedTrial, small_tree, take_all_back, trash_tree

ERRORS = ("EIO", "ENOSPC", "EACCES", "EXDEV", "EINVAL")
_WORK = """
import os, sys
from fileorganizer import organizer
from fileorganizer.errors import FileOrganizerError
from fileorganizer.model import Options
root, verb, there = sys.argv[1:]
try:
    if verb == "purge":
        done = organizer.purge(root).operation
    elif verb == "hardlink":
        options = Options(recursive=True, dates="file", mode="hardlink", destination=there)
        done = organizer.organize(root, options).operation
    else:
        done = organizer.organize(root, Options(recursive=True, dates="file")).operation
    print(done.status, done.totals.done, done.totals.skipped, done.totals.failed)
except (FileOrganizerError, OSError) as error:
    print("stopped", getattr(error, "code", type(error).__name__))
"""


@dataclass(frozen=True)
class Way:
    """What is run, on which tree, with which calls failing."""

    verb: str
    calls: tuple[str, ...]
    tree: Callable[[], dict[str, object]] = small_tree
    kind: type[Trial] = Trial
    besides: tuple[str, ...] = ()
    """What fails all the time: this file system can't do it."""


WAYS = {
    "move": Way("organize", ("renameat2", "fsync", "mkdirat")),
    "link and unlink instead of rename": Way("organize", ("linkat", "unlinkat"), besides=("renameat2:error=EINVAL",)),
    "hard links": Way("hardlink", ("linkat", "mkdirat"), kind=TwoSidedTrial),
    "purge": Way("purge", ("unlinkat",), tree=trash_tree, kind=PurgeTrial),
}


def run(place: Path, whens: tuple[str, ...] = ("1", "2", "3", "5", "8", "1+", "3+", "6+")) -> dict[str, Any]:
    """Each error at each call: afterwards nothing is lost, every record is true, and undo gives the tree back."""
    figures: dict[str, Any] = {"runs": 0, "lost": 0, "false_records": 0, "undo_differences": 0}
    for name, way in WAYS.items():
        endings: dict[str, int] = {}
        for call in way.calls:
            for error in ERRORS:
                for when in whens:
                    said = inject(
                        place / f"{way.verb}-{call}-{error}-{when}-{len(way.besides)}", way, call, error, when
                    )
                    figures["runs"] += 1
                    endings[said] = endings.get(said, 0) + 1
        figures[name] = endings
    return figures


def inject(place: Path, way: Way, call: str, error: str, when: str) -> str:
    """One run with one injected error; gives how it ended."""
    what = f"{way.verb}: {call} {error} {when}"
    trial = way.kind(place, way.tree(), _prepared(way))
    faults = [f"inject={call}:error={error}:when={when}", *(f"inject={fault}" for fault in way.besides)]
    traced = ",".join({call, *(fault.partition(":")[0] for fault in way.besides)})
    words = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={traced}"]
    words += [word for fault in faults for word in ("-e", fault)]
    words += [sys.executable, "-c", _WORK, str(trial.root), way.verb, str(place / "there")]
    environment = unmeasured(os.environ)
    injected = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert injected.returncode == 0, f"{what}: {injected.stderr}"
    organizer.recover(trial.root)
    if organizer.history(trial.root):
        trial.check(what)
        take_all_back(trial.root)
    trial.check_back(what)
    trial.close()
    words = injected.stdout.split()
    return " ".join(words[:2] if words[0] == "stopped" else words[:1])


def _prepared(way: Way) -> Callable[[Path], None]:
    """What the run begins with: a purge needs a full trash."""

    def prepare(root: Path) -> None:
        if way.verb == "purge":
            organizer.organize(root, RECURSIVE)

    return prepare
