"""P01 from outside: the real command line, killed at random instants on a tree of 20,000 files."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from tests.proofs.slices import in_slices
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.crash import take_all_back
from tests.support.manifest import contents, difference, manifest
from tests.support.messy import make_messy_tree

PROGRAM = (sys.executable, "-m", "fileorganizer.cli.app")
FILES, ROUNDS, KILLS_A_ROUND = 20_000, 10, 20


def run(place: Path) -> dict[str, Any]:
    """Rounds of kills, each on a tree and with a journal of its own: one of hundreds of runs takes longer to verify than to kill."""
    killed: Counter[str] = Counter()
    for seed, counts in in_slices("random_kills", partial(_run_round, place), [str(seed) for seed in range(ROUNDS)]):
        killed.update(counts)
        print(f"round {seed}: {counts}", flush=True)
    return {"files": FILES, "kills": killed.total(), **killed, "rounds": ROUNDS, "lost": 0, "undo_differences": 0}


def _run_round(place: Path, seed: str) -> dict[str, int]:
    """A round in a folder of its own."""
    return run_round(place / seed, int(seed))


def run_round(place: Path, seed: int, files: int = FILES, kills: int = KILLS_A_ROUND) -> dict[str, int]:
    """Kills of organize and undo at random instants on one tree; gives how many of each landed.

    After each kill no record may be false; in the end nothing may be lost, and all must be as before.
    """
    root = place / "root"
    root.mkdir(parents=True)
    make_messy_tree(root, files)
    before, held = manifest(root), contents(root)
    chance = random.Random(seed)  # repeatable, as far as the machine's speed is
    longest = {verb: _timed(root, verb) for verb in ("organize", "undo")}
    killed = _kill_often(root, chance, longest, kills)
    take_all_back(root)
    assert contents(root) == held, f"round {seed}: contents lost or doubled"
    found = difference(before, manifest(root))
    assert found == [], f"round {seed}: undo isn't identical: {found[:20]}"
    shutil.rmtree(place)
    return dict(killed)


def _kill_often(root: Path, chance: random.Random, longest: dict[str, float], kills: int) -> Counter[str]:
    """Kill until so many have landed."""
    killed: Counter[str] = Counter()
    tries = 0
    while killed.total() < kills:
        tries += 1
        assert tries < 500, "the kills don't land"
        verb = "undo" if any(map(_open, organizer.history(root))) and chance.random() < 0.5 else "organize"
        with subprocess.Popen(_words(verb, root), env=unmeasured(os.environ), stderr=subprocess.DEVNULL) as child:
            time.sleep(chance.uniform(0.1, longest[verb]))
            child.kill()
            killed[verb] += child.wait() < 0
        organizer.recover(root)
        if organizer.history(root):
            found = organizer.verify(root).problems
            assert found == [], f"try {tries}, {verb}: a record is false: {found[:5]}"
    return killed


def _open(operation: organizer.Operation) -> bool:
    """Can a plain undo take it back?"""
    return operation.operation_type == "organize" and not operation.rolled_back and not operation.undo_finished


def _words(verb: str, root: Path) -> list[str]:
    """The command line of a verb."""
    return [*PROGRAM, verb, str(root), "--yes", "--quiet", *(["--recursive"] if verb == "organize" else [])]


def _timed(root: Path, verb: str) -> float:
    """Seconds that the verb takes when nobody kills it."""
    started = time.monotonic()
    code = subprocess.run(_words(verb, root), env=unmeasured(os.environ), check=False).returncode
    assert code in (0, 10), code
    return time.monotonic() - started
