"""P01 from outside: the real command line, killed at random instants on a tree of 20,000 files."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from tests.support.crash import take_all_back
from tests.support.manifest import contents, difference, manifest
from tests.support.messy import make_messy_tree

PROGRAM = (sys.executable, "-m", "fileorganizer.cli.app")


def run(place: Path, files: int = 20_000, kills: int = 200, a_round: int = 20) -> dict[str, Any]:
    """Rounds of kills of organize and undo on one tree, each with a new journal and an undo of all at its end.

    After each kill no record may be false; after each round nothing may be lost, and all must be as before.
    """
    root = place / "root"
    root.mkdir()
    make_messy_tree(root, files)
    before, held = manifest(root), contents(root)
    chance = random.Random(11)  # a seed makes it repeatable, as far as the machine's speed does
    longest = {verb: _timed(root, verb) for verb in ("organize", "undo")}
    killed: Counter[str] = Counter()
    rounds = 0
    while killed.total() < kills:
        _round(root, chance, longest, killed, min(kills, killed.total() + a_round))
        rounds += 1
        take_all_back(root)
        assert contents(root) == held, f"round {rounds}: contents lost or doubled"
        found = difference(before, manifest(root))
        assert found == [], f"round {rounds}: undo isn't identical: {found[:20]}"
        shutil.rmtree(root / ".fileorganizer")  # a journal of hundreds of runs takes longer to verify than to kill
        os.utime(root, ns=(before[b""].mtime_ns,) * 2)
        print(f"round {rounds}: {dict(killed)}", flush=True)
    return {"files": files, "kills": killed.total(), **killed, "rounds": rounds, "lost": 0, "undo_differences": 0}


def _round(root: Path, chance: random.Random, longest: dict[str, float], killed: Counter[str], until: int) -> None:
    """Kill until so many have landed in all."""
    tries = 0
    while killed.total() < until:
        tries += 1
        assert tries < 500, "the kills don't land"
        verb = "undo" if any(map(_open, organizer.history(root))) and chance.random() < 0.5 else "organize"
        with subprocess.Popen(_words(verb, root), stderr=subprocess.DEVNULL) as child:
            time.sleep(chance.uniform(0.1, longest[verb]))
            child.kill()
            killed[verb] += child.wait() < 0
        organizer.recover(root)
        if organizer.history(root):
            found = organizer.verify(root).problems
            assert found == [], f"try {tries}, {verb}: a record is false: {found[:5]}"


def _open(operation: organizer.Operation) -> bool:
    """Can a plain undo take it back?"""
    return operation.operation_type == "organize" and not operation.rolled_back and not operation.undo_finished


def _words(verb: str, root: Path) -> list[str]:
    """The command line of a verb."""
    return [*PROGRAM, verb, str(root), "--yes", "--quiet", *(["--recursive"] if verb == "organize" else [])]


def _timed(root: Path, verb: str) -> float:
    """Seconds that the verb takes when nobody kills it."""
    started = time.monotonic()
    code = subprocess.run(_words(verb, root), check=False).returncode
    assert code in (0, 10), code
    return time.monotonic() - started
