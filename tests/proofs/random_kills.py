"""P01 from outside: the real command line, killed at random instants on a tree of 20,000 files."""

from __future__ import annotations

import os
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
    """Kill organize or undo again and again on one tree; after each kill nothing may be lost or false."""
    root = place / "root"
    root.mkdir()
    make_messy_tree(root, files)
    before, held = manifest(root), contents(root)
    chance = random.Random(11)  # a seed makes it repeatable
    landed = tries = 0
    while landed < kills and tries < kills * 4:
        tries += 1
        verb = "undo" if organizer.history(root) and chance.random() < 0.5 else "organize"
        arguments = ["--yes", "--quiet"] + (["--recursive"] if verb == "organize" else [])
        with subprocess.Popen([*PROGRAM, verb, str(root), *arguments], env={**os.environ}) as child:
            time.sleep(chance.uniform(0.15, 1.6))
            child.kill()
            landed += child.wait() < 0
        organizer.recover(root)
        if tries % 10 == 0:
            assert contents(root) == held
            assert organizer.verify(root).problems == []
    take_all_back(root)
    found = difference(before, manifest(root))
    assert contents(root) == held
    assert found == [], found[:20]
    return {"files": files, "kills": landed, "lost": 0, "false_records": 0, "undo_differences": len(found)}
