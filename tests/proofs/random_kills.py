"""P01 from outside: the real command line, killed at random instants on a tree of 20,000 files."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from tests.support.crash import take_all_back
from tests.support.manifest import contents, difference, manifest
from tests.support.messy import make_messy_tree

PROGRAM = (sys.executable, "-m", "fileorganizer.cli.app")


def run(place: Path, files: int = 20_000, kills: int = 200) -> dict[str, Any]:
    """Kill organize or undo again and again on one tree; after each kill no record may be false, and nothing may be lost."""
    root = place / "root"
    root.mkdir()
    make_messy_tree(root, files)
    before, held = manifest(root), contents(root)
    chance = random.Random(11)  # a seed makes it repeatable, as far as the machine's speed does
    longest = _timed(root, "organize"), _timed(root, "undo")
    landed = tries = 0
    by_verb = {"organize": 0, "undo": 0}
    while landed < kills and tries < kills * 4:
        tries += 1
        going = [operation for operation in organizer.history(root) if _open(operation)]
        verb = "undo" if going and chance.random() < 0.5 else "organize"
        with subprocess.Popen(_words(verb, root), stderr=subprocess.DEVNULL) as child:
            time.sleep(chance.uniform(0.1, longest[verb == "undo"]))
            child.kill()
            killed = child.wait() < 0
        landed += killed
        by_verb[verb] += killed
        organizer.recover(root)
        found = organizer.verify(root).problems
        assert found == [], f"try {tries}, {verb}: {found[:5]}"
        if tries % 10 == 0:
            assert contents(root) == held, f"try {tries}, {verb}: contents lost or doubled"
            print(tries, "tries,", landed, "kills", flush=True)
    take_all_back(root)
    found_back = difference(before, manifest(root))
    assert contents(root) == held
    assert found_back == [], found_back[:20]
    return {"files": files, "kills": landed, **by_verb, "lost": 0, "false_records": 0, "undo_differences": 0}


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
