"""Coverage as the tests arrange it: nothing is lost of what a forked child runs, and nothing is written down twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from coverage import CoverageData

from tests.support.at_start.sitecustomize import unmeasured
from tests.support.server import AT_START

PROGRAM = """\
import os

def of_the_parent():
    return 1

def of_the_child():
    return 2

of_the_parent()
child = os.fork()
if not child:
    of_the_child()
    os._exit(0)
os.waitpid(child, 0)
"""

AWAY = """\
from sitecustomize import follow_greenlets, looking_away

def before():
    return 1

def meanwhile():
    return 2

def after():
    return 3

before()
with looking_away():
    follow_greenlets()
    meanwhile()
follow_greenlets(False)
after()
"""


def lines(source: str, program: str = PROGRAM) -> set[int]:
    """The numbers of the program's lines with this text."""
    return {number for number, line in enumerate(program.splitlines(), 1) if source in line}


def records(tmp_path: Path, program: str) -> list[set[int]]:
    """The lines that each process of a program ran, as coverage has noted them."""
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "rc").write_text("[run]\nbranch = true\nparallel = true\nsource = .\npatch = _exit\n")
    command = [sys.executable, "-m", "coverage", "run", "--rcfile=rc", "program.py"]
    environment = {**unmeasured(os.environ), "PYTHONPATH": str(AT_START)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    seen: list[set[int]] = []
    for place in tmp_path.glob(".coverage.*"):
        record = CoverageData(str(place))
        record.read()
        seen.append(set(record.lines(str(tmp_path / "program.py")) or ()))
    return seen


def test_a_forked_child_is_measured_anew(tmp_path: Path) -> None:
    """What it ran is in its record, what its parent had run before isn't."""
    child, parent = sorted(records(tmp_path, PROGRAM), key=len)
    assert lines("return 2") | lines("os._exit") <= child and not child & lines("return 1")
    assert lines("return 1") <= parent and not parent & lines("return 2")


def test_looking_away(tmp_path: Path) -> None:
    """What runs meanwhile isn't noted, what runs before and after is; nothing that is switched meanwhile ends it."""
    (seen,) = records(tmp_path, AWAY)
    assert lines("return 1", AWAY) | lines("return 3", AWAY) <= seen and not lines("return 2", AWAY) & seen
