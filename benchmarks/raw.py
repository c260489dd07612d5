"""The raw limits on this machine: reading the tree with `find`, renaming its files with a C and a Python loop."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.processes import find_seconds, run, warm_up
from benchmarks.tree import spoil

SOURCE = Path(__file__).with_name("renames.c")
FIND_ROUNDS = 3


@dataclass(frozen=True)
class Renames:
    """One rename loop over a fresh tree, in seconds."""

    mkdir_seconds: float
    rename_seconds: float
    sync_seconds: float
    """`syncfs` afterwards; not part of the limit."""
    done: int
    failed: int


def measure_find(root: Path) -> float:
    """Give the median of three warm `find` runs, in seconds."""
    warm_up(root)
    return statistics.median(find_seconds(root) for _ in range(FIND_ROUNDS))


def measure_renames(root: Path, *, python_too: Path | None = None) -> dict[str, object]:
    """Rename every file of `root` by the C loop, those of `python_too` by a Python loop; both trees are spoilt.

    The trees must be the same. Raises RuntimeError if a rename failed: then the
    loop did less than the engine has to.
    """
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="renames-") as place:
        folders, pairs, program = Path(place, "folders"), Path(place, "pairs"), Path(place, "renames")
        subprocess.run(
            [sys.executable, "-m", "benchmarks.moves", root, folders, pairs], check=True, capture_output=True
        )
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", program, SOURCE], check=True)
        found["c"] = asdict(_rename(root, [program, root, folders, pairs]))
        if python_too is not None:
            loop: list[str | Path] = [sys.executable, "-m", "benchmarks.raw", python_too, folders, pairs]
            found["python"] = asdict(_rename(python_too, loop))
    return found


def rename_in_python(root: Path, folders: Path, pairs: Path) -> Renames:
    """Do what `renames.c` does with `os.mkdir` and `os.rename`, which replaces: the plain loop of other organizers."""
    os.chdir(root)
    names = pairs.read_bytes().split(b"\0")
    start = time.monotonic()
    for folder in folders.read_bytes().split(b"\0")[:-1]:
        os.mkdir(folder)
    made, done = time.monotonic(), 0
    for source, target in zip(names[0:-1:2], names[1::2], strict=True):
        os.rename(source, target)
        done += 1
    moved = time.monotonic()
    os.sync()
    return Renames(made - start, moved - made, time.monotonic() - moved, done, 0)


def _rename(root: Path, command: Sequence[str | Path]) -> Renames:
    warm_up(root)
    spoil(root)
    finished = run([str(word) for word in command])
    if finished.exit_code:
        raise RuntimeError(f"the rename loop failed: {finished.stderr.decode(errors='replace')}")
    renames = Renames(**json.loads(finished.stdout))
    if renames.failed:
        raise RuntimeError(f"{renames.failed} raw renames failed: the tree and the moves don't fit each other")
    return renames


if __name__ == "__main__":
    print(json.dumps(asdict(rename_in_python(*map(Path, sys.argv[1:4])))))
