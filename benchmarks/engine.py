"""The product on a tree, through its command line: preview, organize, a second run, undo.

Each is a process of its own, as a user starts it, so start-up and imports count.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
from compileall import compile_dir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fileorganizer
from benchmarks.processes import Run, find_seconds, run, run_on_terminal, warm_up
from benchmarks.tree import spoil

PROGRAM = Path(sys.executable).with_name("fileorganizer")
CHOICES = ("--recursive", "--dates", "file")


class EngineFailed(RuntimeError):
    """A command of the product ended otherwise than it should."""


@dataclass(frozen=True)
class Command:
    """Where the product runs, and on what."""

    root: Path
    environment: dict[str, str]

    def __call__(self, verb: str, *arguments: str) -> tuple[Run, dict[str, Any]]:
        """Run one command with `--json` after a warm-up; give what it cost and what it said."""
        warm_up(self.root)
        finished = run([str(PROGRAM), verb, str(self.root), *arguments, "--json"], self.environment)
        try:
            said = json.loads(finished.stdout)
        except json.JSONDecodeError:
            tail = finished.stderr.decode(errors="replace")[-2000:]
            raise EngineFailed(f"{verb} ended with {finished.exit_code} and no JSON: {tail}") from None
        return finished, said

    def show(self, verb: str, *arguments: str) -> Run:
        """Run one command as a person would, after a warm-up; give what it cost."""
        warm_up(self.root)
        finished = run_on_terminal([str(PROGRAM), verb, str(self.root), *arguments], self.environment)
        if finished.exit_code:
            raise EngineFailed(f"{verb} ended with {finished.exit_code}: {finished.stdout[-1500:]!r}")
        return finished


def is_there() -> bool:
    """Whether the product's command is installed beside this Python."""
    return PROGRAM.exists()


def measure_engine(root: Path) -> dict[str, Any]:
    """Preview, organize, organize again and undo the tree; check that it is back as it was.

    Gives a dict of the four phases, each with seconds, peak memory and the JSON's
    own counts. The tree is spoilt. Raises EngineFailed if a phase didn't do its
    whole work: such a time would flatter.
    """
    before = fingerprint(root)
    spoil(root)
    with tempfile.TemporaryDirectory(prefix="benchmark-state-") as state:
        homes = dict.fromkeys(("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), state)
        compile_dir(
            Path(fileorganizer.__file__).parent, quiet=1
        )  # as an installer does; this checkout may never have run
        command = Command(root, {**os.environ, **homes})
        found = _measured_phases(command)
    if fingerprint(root) != before:
        raise EngineFailed("undo didn't give the tree back: names, sizes, times or inodes differ")
    return found


def fingerprint(root: Path) -> str:
    """Hash path, kind and mtime of everything below `root` but the control directory; of files size and inode too."""
    folder, file = r"-type d -printf 'd\t%P\t%T@\0'", r"-printf '%y\t%P\t%T@\t%s\t%i\t%n\0'"
    control = shlex.quote(str(root / ".fileorganizer"))
    listed = (
        f"find {shlex.quote(str(root))} -mindepth 1 -path {control} -prune -o {folder} -o {file} | LC_ALL=C sort -z"
    )
    digest = hashlib.sha256()
    with subprocess.Popen(["sh", "-c", listed], stdout=subprocess.PIPE) as process:
        assert process.stdout
        while block := process.stdout.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _measured_phases(command: Command) -> dict[str, Any]:
    preview = command.show("preview", *CHOICES)
    organize, organized = command("organize", *CHOICES, "--yes", "--yes")
    _require(organized, "organize", done=organized["planned"])
    find_again = find_seconds(command.root)
    second, idle = command("organize", *CHOICES, "--yes")
    _require(idle, "the second run", planned=0)
    undo, undone = command("undo", "--yes")
    _require(undone, "undo", done=organized["done"])
    return {
        "preview": _shown(preview, {}),
        "organize": _shown(organize, organized),
        "second": {**_shown(second, idle), "find_seconds": find_again},
        "undo": _shown(undo, undone),
    }


def _require(said: dict[str, Any], what: str, **wanted: int) -> None:
    for field, value in wanted.items():
        if said.get(field) != value:
            raise EngineFailed(f"{what}: {field} is {said.get(field)}, not {value}: {json.dumps(said)[:1500]}")


def _shown(finished: Run, said: dict[str, Any]) -> dict[str, Any]:
    kept = ("planned", "done", "skipped", "failed", "phases", "outcomes_by_reason")
    return {
        "seconds": finished.seconds,
        "peak_bytes": finished.peak_bytes,
        "processor_seconds": finished.processor_seconds,
        "first_output_seconds": finished.first_output_seconds,
        "exit_code": finished.exit_code,
        **{field: said[field] for field in kept if field in said},
    }
