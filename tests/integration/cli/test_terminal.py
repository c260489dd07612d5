"""On a terminal: the question, the bar, Ctrl-C at every moment, and a reader who goes away."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.model import Options
from tests.support.manifest import difference, manifest
from tests.support.terminal import CTRL_C, PROGRAM, on_a_terminal
from tests.support.trees import File, write_tree

OLD = 1_400_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder."""
    folder = tmp_path / "root"
    write_tree(folder, {"a.jpg": File(b"a", mtime=OLD), "b.txt": File(b"b", mtime=OLD)})
    return folder


@pytest.mark.parametrize(
    ("answer", "code", "words"), [(b"y\n", 0, "Take it back"), (b"n\n", 12, "Nothing was changed")]
)
def test_it_asks_once(root: Path, answer: bytes, code: int, words: str) -> None:
    """After the totals, with no bar across the question."""
    before = manifest(root)
    screen, ended = on_a_terminal(["organize", str(root)], [(b"Go ahead? [y/N]: ", answer)])
    assert ended == code
    assert words in screen
    question = screen[screen.index("2 files seen") : screen.index("Go ahead?") + 18]
    assert "\r\x1b" not in question
    assert "━" not in question
    assert (difference(before, manifest(root)) == []) is (code == 12)


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_who_is_asked_is_told_of_what(root: Path, tmp_path: Path, quiet: list[str]) -> None:
    """On the screen, where the question is, though the output goes to a file or nothing but errors is to be said."""
    arguments, log = ["organize", str(root), *quiet], tmp_path / "log"
    screen, ended = on_a_terminal(arguments, [(b"Go ahead? [y/N]: ", b"n\n")], output=log)
    assert (ended, "2 files seen: 2 to go" in screen) == (12, True)
    assert ("2 files seen: 2 to go" in log.read_text()) is (quiet == [])
    once, _ = on_a_terminal(arguments, [(b"Go ahead? [y/N]: ", b"n\n")])
    assert once.count("2 files seen") == 1


def test_ctrl_c_at_the_question(root: Path) -> None:
    """Ends at once; nothing was changed."""
    before = manifest(root)
    screen, ended = on_a_terminal(["organize", str(root)], [(b"Go ahead? [y/N]: ", CTRL_C)])
    assert ended == 130
    assert "nothing more was changed" in screen
    assert "Traceback" not in screen
    assert difference(before, manifest(root)) == []


def test_ctrl_c_and_again(tmp_path: Path) -> None:
    """It settles what it has in hand, says what was done and how to go on or back; pressing it more often changes nothing."""
    root = tmp_path / "many"
    before = write_tree(root, {f"{n}.txt": File(b"%d" % n, mtime=OLD) for n in range(12_000)})
    arguments = ["organize", str(root), "--yes", "--dates", "file"]
    screen, ended = on_a_terminal(arguments, [(b"moving", CTRL_C * 3), (b"moving", CTRL_C * 3)])
    assert "Traceback" not in screen
    assert ended in (0, 130)
    assert "Take it back:  fileorganizer undo" in screen
    if ended == 130:
        assert "Stopped: " in screen
        assert "To go on, run it again." in screen
        assert organizer.history(root)[0].status == "cancelled"
    assert organizer.verify(root).problems == []
    organizer.undo(root)  # stopped before the first file it may have made folders
    assert difference(before, manifest(root)) == []


def test_a_second_yes_for_what_is_unusual(tmp_path: Path) -> None:
    """Very many new folders: asked on its own, after the first yes."""
    root = tmp_path / "root"
    write_tree(root, {f"{n}.txt": File(b"%d" % n, mtime=OLD + n * 86_400) for n in range(51)})
    arguments = ["organize", str(root), "--dates", "file", "--layout", "{taken:%Y-%m-%d}"]
    keys = [(b"Go ahead? [y/N]: ", b"y\n"), (b"Really? [y/N]: ", b"n\n")]
    screen, ended = on_a_terminal(arguments, keys)
    assert ended == 12
    assert "51 new folders would be made for 51 files. Really?" in screen
    assert organizer.history(root) == []


@pytest.mark.parametrize("output", [["--json"], ["--json-lines"], []])
def test_a_reader_who_goes_away(root: Path, output: list[str]) -> None:
    """``| head -c 1``: no traceback, nothing on stderr."""
    write_tree(root, {f"sub {n}": {f"{n}.txt": "x" * 100} for n in range(1_200)})
    command = '"$@" | head -c 1'
    done = subprocess.run(
        ["bash", "-c", command, "bash", *PROGRAM, "preview", str(root), "-r", *output], capture_output=True, check=False
    )
    assert (len(done.stdout), done.stderr) == (1, b"")


def test_without_a_terminal_nobody_is_asked(root: Path) -> None:
    """It says which option is missing."""
    before = manifest(root)
    done = subprocess.run(
        [*PROGRAM, "organize", str(root)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 35
    assert "say --yes" in done.stderr
    assert difference(before, manifest(root)) == []


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["organize", "--help"]])
def test_colours_and_quiet(root: Path, arguments: list[str]) -> None:
    """Nothing steers a terminal that isn't one; --quiet says nothing at all."""
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout
    quiet = subprocess.run([*PROGRAM, "organize", str(root), "--yes", "--quiet"], capture_output=True, check=True)
    assert (quiet.stdout, quiet.stderr) == (b"", b"")


def test_no_color_on_a_terminal(root: Path) -> None:
    """The tree's title is bold without it, plain with it or with NO_COLOR; the words are the same."""
    colored, _ = on_a_terminal(["preview", str(root)], [])
    plain, _ = on_a_terminal(["preview", str(root), "--no-color"], [])
    os.environ["NO_COLOR"] = "1"
    try:
        asked, _ = on_a_terminal(["preview", str(root)], [])
    finally:
        del os.environ["NO_COLOR"]
    assert colored.split("Before")[1].split("Do exactly")[0] == plain.split("Before")[1].split("Do exactly")[0]
    assert "After" in asked


@pytest.mark.parametrize("columns", [40, 80])
def test_the_history_on_a_narrow_terminal(root: Path, columns: int) -> None:
    """80 columns are what most terminals have: an operation is a line, and none of its words is broken or left out."""
    organizer.organize(root, Options())
    organizer.undo(root)
    shown, _ = on_a_terminal(["history", str(root)], [], columns=columns)
    lines = [line.split() for line in shown.splitlines() if line]
    assert [line[0] for line in lines] == ["No", "2", "1"]
    assert lines[0][3:] == ["State", "Done", "Skipped", "Failed", "Back"]
    assert (lines[1][3:], lines[2][3:]) == (
        ["undo", "of", "1", "completed", "2", "0", "0", "0"],
        ["organize", "completed", "2", "0", "0", "all"],
    )
    assert max(map(len, shown.splitlines())) <= 80
