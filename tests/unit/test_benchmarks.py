"""The benchmarks still run: their tree is the same each time, the rename loops move it all, the phases are measured."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import engine
from benchmarks.__main__ import copies_for, goals_of, growth_of, race
from benchmarks.tree import Parameters, clone_tree, make_tree, read_stamp, remove_tree, spoil
from tests.support.manifest import difference, manifest

STAND_IN = '''#!{python}
"""Organizes into one folder, with the output that the benchmarks rely on."""
import json, os, sys
verb, root = sys.argv[1:3]
moved = os.path.join(os.environ["XDG_STATE_HOME"], "moved")
before = os.stat(root).st_mtime_ns
answer = dict(planned=0, done=0, phases=dict(scan_seconds=0.1, plan_seconds=0.1, move_seconds=0.1))
if verb == "undo":
    for old, new, folder, mtime in reversed(json.load(open(moved))):
        os.rename(new, old)
        os.utime(folder, ns=(mtime, mtime))
        answer["done"] += 1
    os.rmdir(os.path.join(root, "Sorted"))
elif not os.path.exists(os.path.join(root, "Sorted")):
    found = [(os.path.join(f, n), f, os.stat(f).st_mtime_ns) for f, _, names in os.walk(root) for n in names]
    answer["planned"] = len(found)
    if verb == "organize":
        os.mkdir(os.path.join(root, "Sorted"))
        done = [(old, os.path.join(root, "Sorted", str(i)), f, m) for i, (old, f, m) in enumerate(found)]
        for old, new, *_ in done:
            os.rename(old, new)
        answer["done"] = len(done)
        json.dump(done, open(moved, "w"))
print(json.dumps(answer))
'''


def test_the_tree_is_the_same_for_any_number_of_processes(tmp_path: Path) -> None:
    """The parameters decide every name, byte and time of a file."""
    for processes in (1, 2):
        make_tree(tmp_path / str(processes), Parameters(1_030), processes=processes)
    one, two = (manifest(tmp_path / str(processes)) for processes in (1, 2))
    assert difference(one, two) == []
    kinds = Counter(item.kind for item in one.values())
    assert kinds == {"file": 1_030, "folder": 20}
    contents = Counter(item.content for item in one.values() if item.size)
    assert 0.05 < sum(count for count in contents.values() if count > 1) / 1_030 < 0.15


def test_a_tree_is_used_again_only_while_its_stamp_says_so(tmp_path: Path) -> None:
    """Other parameters or a spoilt tree mean a new one; a folder that isn't ours is never removed."""
    tree, small = tmp_path / "tree", Parameters(100)
    assert make_tree(tree, small) > 0 and make_tree(tree, small) == 0.0
    assert make_tree(tree, Parameters(150)) > 0
    spoil(tree)
    assert read_stamp(tree) is None and make_tree(tree, Parameters(150)) > 0
    clone_tree(tree, tmp_path / "clone")
    remove_tree(tmp_path / "clone")
    (tmp_path / "mine").mkdir()
    with pytest.raises(FileExistsError):
        make_tree(tmp_path / "mine", small)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_whole_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raw loops and a stand-in for the product run, and give each goal a figure."""
    program = tmp_path / "fileorganizer"
    program.write_text(STAND_IN.replace("{python}", sys.executable))
    program.chmod(0o755)
    monkeypatch.setattr(engine, "PROGRAM", program)
    sizes = [race(tmp_path / "trees", Parameters(n), engine=True, clone=n > 500) for n in (300, 600)]
    assert sizes[1]["renames"]["c"]["done"] == sizes[1]["renames"]["python"]["done"] == 600
    assert sizes[1]["engine"]["organize"]["done"] == 600
    names = {goal.name.split()[0] for goal in [*goals_of(sizes[1]), *growth_of(*sizes)]}
    assert {"G1", "G3", "G4", "G6", "G7"} <= names
    for parameters in (Parameters(300), Parameters(600)):
        for copy in copies_for(tmp_path / "trees", parameters, engine=True):
            remove_tree(copy)
    assert list((tmp_path / "trees").iterdir()) == []
