"""Whatever the terminal and the pipes are like: no traceback, JSON that is JSON, and a code that says what happened."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.model import Options
from tests.support.terminal import PROGRAM
from tests.support.trees import File, write_tree

OLD = 1_400_000_000
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A terminal that takes nothing but ASCII: without these two Python would switch to UTF-8 by itself."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that was organized, with names that no ASCII terminal can show."""
    folder = tmp_path / "root"
    tree = {"résumé.txt": File("same", mtime=OLD), "🎉.jpg": File("same", mtime=OLD), b"odd \xff\n.pdf": "pdf"}
    write_tree(folder, tree)
    organizer.organize(folder, Options())
    return folder


def run(*arguments: object, **given: object) -> subprocess.CompletedProcess[bytes]:
    """The real command line."""
    given = {"stdin": subprocess.DEVNULL, "capture_output": True} | given
    return subprocess.run([*PROGRAM, *map(str, arguments)], check=False, **given)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("command", ["show", "explain", "duplicates", "preview", "history", "verify", "trash", "undo"])
def test_a_terminal_without_utf8(root: Path, command: str) -> None:
    """What it can't show is escaped; JSON and CSV are UTF-8 all the same."""
    words = {
        "show": ["show", root, "1"],
        "explain": ["explain", root / "résumé.txt"],
        "duplicates": ["duplicates", root],
        "preview": ["preview", root, "-r", "--layout", "year"],
        "trash": ["trash", "list", root],
        "undo": ["undo", root, "--preview"],
    }.get(command, [command, root])
    env = {**os.environ, **ASCII}
    said = run(*words, env=env)
    assert (said.returncode, said.stderr) == (0, b"")
    assert said.stdout.isascii()
    document = run(*words, "--json", env=env)
    assert (document.returncode, document.stderr) == (0, b"")
    assert json.loads(document.stdout.decode("utf-8"))
    if command == "duplicates":
        assert "résumé.txt" in document.stdout.decode("utf-8")
        table = run(*words, "--csv", env=env)
        assert (table.returncode, table.stdout.count(b"\r\n")) == (0, 3)


@pytest.mark.parametrize("output", [[], ["--json"]])
def test_a_full_disk_behind_the_output(root: Path, output: list[str]) -> None:
    """The answer can't be written: the code says that a disk is full, and nothing falls apart."""
    with open("/dev/full", "wb") as full:
        said = run(
            "preview",
            root,
            "-r",
            "--layout",
            "year",
            *output,
            stdout=full,
            stderr=subprocess.PIPE,
            capture_output=False,
        )
    assert said.returncode == 51
    assert b"Traceback" not in said.stderr


def test_closed_streams(root: Path) -> None:
    """As some schedulers start programs: it does its work and says nothing."""
    command = '"$@" <&- >&- 2>&-'
    arguments = [*PROGRAM, "undo", str(root), "--yes"]
    done = subprocess.run(["bash", "-c", command, "bash", *arguments], check=False)
    assert done.returncode == 0
    assert (root / "résumé.txt").exists()
    assert (
        subprocess.run(["bash", "-c", command, "bash", *PROGRAM, "organize", str(root)], check=False).returncode == 35
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["preview"],
        ["preview", ".", "--mode", "fly"],
        ["nonsense"],
        ["trash", "burn"],
        ["preview", ".", os.fsdecode(b"\xff")],
    ],
)
def test_a_program_reads_of_wrong_options_in_json(arguments: list[str]) -> None:
    """As of every other error."""
    said = run(*arguments, "--json")
    assert (said.returncode, said.stderr) == (2, b"")
    assert json.loads(said.stdout)["error"]["code"] == "invalid-option"
    assert b"Usage" in run(*arguments).stderr
