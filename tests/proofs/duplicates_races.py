"""Must show 5: clean-ups with opposite rules at the same time, a user who deletes keepers meanwhile: no content is lost.

The keeper lost in the very window is tried at the fault points by
``tests/integration/duplicates/test_cleaning.py``; here processes race by chance.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from tests.proofs.duplicates_kills import live_contents
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.manifest import contents
from tests.support.trees import File, put_tree

_CLEAN = """
import sys
from fileorganizer.cleaner import Cleaning, clean_up
from fileorganizer.errors import FileOrganizerError
root, keep, action, against = sys.argv[1:5]
try:
    report = clean_up(root, Cleaning(keep=keep, action=action, against=against or None))
    print("done" if report.operation else "nothing")
except FileOrganizerError as error:
    print(error.code)
"""
_DELETE = """
import os, random, sys, time
root, keep = sys.argv[1], set(sys.argv[2].split(","))
chance = random.Random(int(sys.argv[3]))
files = [os.path.join(folder, name) for folder, _, names in os.walk(root) for name in names if ".fileorganizer" not in folder]
chance.shuffle(files)
for path in files[: len(files) // 3]:
    time.sleep(0.001)
    try:
        os.unlink(path)
        print(os.path.basename(path)[1:])
    except OSError:
        pass
"""


def run(place: Path, rounds: int = 40) -> dict[str, Any]:
    """Each race so often; counts of endings, and of contents that were lost by us: always none."""
    figures: dict[str, Any] = {"rounds": rounds, "lost": 0, "false_records": 0}
    for name, race in (("opposite rules", _opposite_rules), ("references of each other", _opposite_references)):
        endings: Counter[str] = Counter()
        for number in range(rounds):
            folder = place / f"{name}-{number}"
            endings.update(race(folder, number))
        figures[name] = dict(endings)
    figures["files deleted by the user meanwhile"] = sum(
        _deleting_user(place / f"user-{number}", number) for number in range(rounds)
    )
    return figures


def _tree(number: int, copies: int = 3) -> dict[str, object]:
    """Forty contents, each under some names of different age."""
    chance = random.Random(number)
    return {
        f"d{copy}": {f"f{content}": File(b"%d" % content, mtime=chance.randrange(10**9)) for content in range(40)}
        for copy in range(copies)
    }


def _start(*arguments: str | Path, program: str = _CLEAN) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", program, *map(os.fspath, arguments)]
    return subprocess.Popen(command, env=unmeasured(os.environ), stdout=subprocess.PIPE)


def _answers(*running: subprocess.Popen[bytes]) -> list[str]:
    said = [process.communicate()[0].decode().strip() for process in running]
    assert all(process.returncode == 0 for process in running)
    return said


def _opposite_rules(root: Path, number: int) -> list[str]:
    """Oldest and newest on one folder: one of them works, the other is refused or finds nothing left to do."""
    put_tree(root, _tree(number))
    before = live_contents(root)
    actions = ("trash", "hardlink") if number % 2 else ("trash", "trash")
    said = _answers(_start(root, "oldest", actions[0], ""), _start(root, "newest", actions[1], ""))
    assert live_contents(root) == before, f"round {number}: lost"
    assert organizer.verify(root).problems == []
    return said


def _opposite_references(place: Path, number: int) -> list[str]:
    """Two folders, each cleaned up against the other: were both done, every content would be gone from both."""
    one, other = place / "one", place / "other"
    for root in (one, other):
        put_tree(root, _tree(number, 1))
    before = live_contents(one)
    said = _answers(_start(one, "oldest", "trash", other), _start(other, "oldest", "trash", one))
    assert live_contents(one) | live_contents(other) == before, f"round {number}: lost"
    assert all(organizer.verify(root).problems == [] for root in (one, other) if organizer.history(root))
    return said


def _deleting_user(root: Path, number: int) -> int:
    """A third of the files is deleted by the user meanwhile; everything else is live or whole in the trash."""
    put_tree(root, _tree(number))
    user = _start(root, "", str(number), program=_DELETE)
    said, deleted = _answers(_start(root, "oldest", "hardlink" if number % 2 else "trash", ""), user)
    assert said in ("done", "nothing")
    assert not organizer.history(root) or organizer.verify(root).problems == []
    left, gone = contents(root), Counter(deleted.split())
    for content in map(str, range(40)):
        copies = left[hashlib.sha256(content.encode()).digest()]
        assert copies >= 3 - gone[content], f"round {number}: {content} had 3 copies, the user deleted {gone[content]}"
    return gone.total()
