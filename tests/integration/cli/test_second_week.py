"""The folder's second week: moved, copied, looked at by others, organized again. What the commands say then is true."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from fileorganizer.cli import app
from fileorganizer.fs import faults
from fileorganizer.settings import plan_dir
from tests.integration.test_crash import kill_at
from tests.support.crash import in_child
from tests.support.disks import mount, nobody, tmpfs
from tests.support.manifest import difference, manifest
from tests.support.trees import File, HardLink, read_tree, write_tree

OLD = 1_400_000_000
TREE = {"a.jpg": File(b"jpeg", mtime=OLD), "b.txt": File(b"text", mtime=OLD), "c.txt": File(b"words", mtime=OLD)}
NOWHERE = "which isn't there now: connect its disk, or name the place that it was moved to"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder."""
    write_tree(tmp_path / "root", TREE)
    return tmp_path / "root"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """An empty folder beside it, as a destination."""
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


# a stored plan


@pytest.mark.parametrize(
    "given",
    [
        ["--mode", "move"],
        ["-r"],
        ["--exclude", "*.txt"],
        ["--layout", "year"],
        ["--destination", "elsewhere"],
        ["--duplicates", "off"],
        ["--quiet-seconds", "2", "--no-keep-together"],
    ],
)
def test_a_stored_plan_takes_no_other_options(say: Any, root: Path, given: list[str]) -> None:
    """It would be carried out as if they hadn't been said."""
    plan = say("preview", root, "--json").document["plan_id"]
    before = manifest(root)
    said = say("organize", root, "--plan", plan, *given, "--yes")
    assert (said.code, "with --plan" in said.err, difference(before, manifest(root))) == (2, True, [])
    for option in (word for word in given if word.startswith("--")):
        assert option in said.err
    assert say("organize", root, "--plan", plan, "-y", "--no-color", "--quiet").code == 0


@pytest.mark.parametrize("given", [["--keep", "newest"], ["--action", "hardlink"], ["--min-size", "9"], ["--preview"]])
def test_a_stored_clean_up_takes_no_other_options(say: Any, root: Path, given: list[str]) -> None:
    """Nor does the plan of a clean-up."""
    write_tree(root, {"same.txt": File(b"text", mtime=OLD + 1)})
    plan = say("duplicates", "clean", root, "--keep", "oldest", "--preview", "--json").document["plan_id"]
    said = say("duplicates", "clean", root, "--plan", plan, *given, "--yes")
    assert (said.code, f"{given[0]} doesn't go with --plan" in said.err) == (2, True)
    assert say("duplicates", "clean", root, "--plan", plan, "--yes").code == 0


# what is said of a run


@pytest.mark.parametrize(
    ("command", "rest"),
    [(("organize",), ()), (("duplicates", "clean"), ("--keep", "oldest"))],
    ids=["organize", "clean"],
)
def test_how_to_go_on_after_ctrl_c(
    say: Any, root: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], rest: tuple[str, ...]
) -> None:
    """By the same command; where it was for a stored plan, by a new one: that one isn't carried out twice."""
    write_tree(root, {"same.txt": File(b"text", mtime=OLD)})
    shown = say(*(command if rest else ("preview",)), root, *rest, *(["--preview"] if rest else []), "--json").document

    def press(name: str) -> None:
        if name == "operation.begun":
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(faults, "action", press)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        stopped = say(*command, root, *rest, "--yes")
        planned = say(*command, root, "--plan", shown["plan_id"], "--yes")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (stopped.code, "To go on, run it again." in stopped.out) == (130, True)
    assert (planned.code, "To go on, make a new plan" in planned.out) == (130, True)
    assert say(*command, root, "--plan", shown["plan_id"], "--yes").code == 42


def test_a_further_name_that_comes_back_is_a_file(say: Any, root: Path) -> None:
    """It said that 0 of 0 files were brought back."""
    write_tree(root, {"one.txt": File(b"text", mtime=OLD + 1), "two.txt": HardLink("one.txt")})
    say("duplicates", "clean", root, "--keep", "oldest", "--yes")
    said = say("trash", "restore", root, "two.txt", "--yes")
    assert (said.code, "Done: 1 of 1 file (4 B)" in said.out) == (0, True)


def test_an_undo_of_folders_only_says_so(say: Any, root: Path) -> None:
    """All files were deleted since; the folders that were made go, which isn't 0 of 0 files."""
    say("organize", root, "--yes")
    for path in root.glob("*/*/*"):
        path.unlink()
    said = say("undo", root, "--yes")
    assert "Done: only folders, 0 skipped, 0 failed" in said.out
    assert read_tree(root) == {}


def test_what_an_undo_leaves_can_be_looked_up(say: Any, root: Path) -> None:
    """Before, after, and where there is nothing to take back at all: which files, and why in a sentence."""
    say("organize", root, "--yes")
    (root / "Documents/2014/b.txt").rename(root / "mine.txt")
    shown = say("undo", root, "--preview").out
    assert "moved-by-you: b.txt (mine.txt)" in shown
    said = say("undo", root, "--yes")
    line = next(line for line in said.out.splitlines() if line.startswith("See which, and why:"))
    told = say(*line.split("fileorganizer ")[1].split()).out
    assert "left moved-by-you: b.txt (mine.txt)" in told
    assert "moved-by-you: It was moved since, and stays where it is now." in told
    again = say("undo", root, "1")
    assert again.code == 11
    assert "Nothing to do: of operation 1 nothing more can be taken back.\n" in again.out
    assert "  moved-by-you: b.txt (mine.txt)" in again.out
    assert "b.txt" in say("undo", root, "1", "--preview").out


def test_what_a_plain_undo_finds_out_of_reach_is_named_at_once(say: Any, root: Path) -> None:
    """The next one doesn't look at it any more, and says how to try it again."""
    (root / "Documents/2014").mkdir(parents=True)
    (root / "Documents/2014/mine").write_text("stays")
    then = root.stat().st_mtime_ns
    say("organize", root, "--yes", "--ext", "txt", "--max-size", 4)
    (root / "Documents/2014/b.txt").unlink()
    os.utime(root, ns=(then, then))  # else an undo would set it
    said = say("undo", root, "--yes")
    assert (said.code, "  missing: b.txt" in said.out) == (11, True)
    again = say("undo", root, "--yes")
    assert (again.code, "To try one again, name it" in again.err, str(root) in again.err) == (11, True, True)


def test_an_undo_says_which_operation_it_takes_back(say: Any, root: Path) -> None:
    """Before the question: who names none may mean another one."""
    say("organize", root, "--yes", "--ext", "jpg")
    say("organize", root, "--yes")
    words = "Operation 2 (organize, 20"
    assert say("undo", root, "--preview").out.startswith(words)
    asked = say("undo", root)
    assert (asked.code, asked.out.startswith(words)) == (35, True)
    assert say("undo", root, "--yes").out.startswith(words)
    assert say("undo", root, "3", "--preview").out.startswith("Operation 3 (undo of 2, 20")


def test_a_preview_of_an_undo_leaves_nothing(say: Any, root: Path) -> None:
    """No plan is kept that no command would carry out."""
    say("organize", root, "--yes")
    before = list(plan_dir().iterdir())
    assert [say("undo", root, "--preview", *words).code for words in ((), ("--json",), ("--path", "a.jpg"))] == [0] * 3
    assert list(plan_dir().iterdir()) == before


@pytest.mark.parametrize("how", ["--preview", "--yes"])
def test_each_path_of_an_undo_has_to_name_something(say: Any, root: Path, how: str) -> None:
    """A word that was mistyped isn't left out in silence."""
    say("organize", root, "--yes")
    said = say("undo", root, how, "--path", "b.txt", "--path", "a.jpeg")
    assert (said.code, "moved nothing from a.jpeg" in said.err, "explain" in said.err) == (2, True, True)
    alone = say("undo", root, how, "--path", "a.jpeg")
    assert (alone.code, alone.err) == (said.code, said.err)
    assert not (root / "b.txt").exists()
    assert say("undo", root, how, "--path", "b.txt", "--path", root / "a.jpg").code == 0


def test_a_part_that_is_back_already(say: Any, root: Path) -> None:
    """Taking it back again does nothing and is no operation; its folder isn't empty."""
    write_tree(root, {"d.txt": File(b"another", mtime=OLD)})
    say("organize", root, "--yes")
    say("undo", root, "--path", "d.txt", "--yes")
    operations, tree = say("history", root).out, read_tree(root)
    assert say("undo", root, "1", "--path", "d.txt", "--yes").code == 11
    assert (say("history", root).out, read_tree(root)) == (operations, tree)


def test_what_a_run_did_not_come_to_is_in_no_record(say: Any, root: Path) -> None:
    """So nobody is sent to look there; and where nothing was done, nothing is taken back already."""
    killed = subprocess.run(
        [sys.executable, "-m", "fileorganizer.cli.app", "organize", str(root), "--yes"],
        env={**os.environ, "FILEORGANIZER_FAULTS": "kill@25"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    rows = json.loads(say("show", root, "1", "--json").out)["files"]
    assert [row["state"] for row in rows] == ["pending"] * 3
    said = say("recover", root).out
    assert ("Was cut off: 0 of 3 files" in said, "See which" in said) == (True, False)
    shutil.rmtree(root / ".fileorganizer")
    write_tree(root, {"same.txt": File(b"text", mtime=OLD)})
    say("duplicates", "clean", root, "--keep", "oldest", "--exclude", "*", "--yes")
    assert "that could be taken back." in say("undo", root, "--yes").err


def test_the_history_says_what_an_undo_took_back(say: Any, root: Path) -> None:
    """By the names of the commands."""
    say("organize", root, "--yes")
    say("undo", root, "--yes")
    say("undo", root, "2", "--yes")
    said = say("history", root).out
    assert ("undo of 1" in said, "undo of 2" in said, "rollback" in said) == (True, True, False)
    assert "Operation 3 (undo of 2), done" in say("explain", root / "a.jpg").out


def test_what_was_not_put_away_is_not_shown_as_gone(say: Any, root: Path) -> None:
    """A purge that kept the last copy, and clean-ups that found the other file changed: no arrow leads anywhere."""
    write_tree(root, {"same.txt": File(b"text", mtime=OLD)})
    plans = [
        say("duplicates", "clean", root, "--keep", "oldest", "--action", action, "--preview", "--json").document[
            "plan_id"
        ]
        for action in ("trash", "hardlink")
    ]
    say("duplicates", "clean", root, "--keep", "oldest", "--yes")
    (root / "b.txt").write_text("anew")
    assert say("trash", "purge", root, "--yes").code == 10
    assert "skipped last-copy: trash item 1/1-0 (" in say("show", root, 2).out
    (root / "same.txt").write_text("anew, too")
    for number, plan in enumerate(plans, 3):
        assert say("duplicates", "clean", root, "--plan", plan, "--yes").code == 10
        told = say("show", root, number).out
        assert ("skipped changed: same.txt" in told, "→" in told) == (True, False)


def test_a_check_tells_what_is_the_user_s_own_doing(say: Any, root: Path) -> None:
    """A file that was deleted by hand is no fault of the records."""
    say("organize", root, "--yes")
    assert "yourself" not in say("verify", root).out
    (root / "Documents/2014/b.txt").unlink()
    said = say("verify", root)
    assert (said.code, "What you moved, changed or deleted yourself is among these" in said.out) == (10, True)


def test_a_file_that_was_renamed_by_hand_is_looked_for_under_its_old_name(say: Any, root: Path) -> None:
    """It can't be said that no operation has moved it."""
    say("organize", root, "--yes")
    (root / "Documents/2014/b.txt").rename(root / "mine.txt")
    said = say("explain", root / "mine.txt")
    assert (said.code, "moved or renamed by hand since" in said.out, "none has moved it" in said.out) == (
        11,
        True,
        False,
    )


# folders that are elsewhere now


def test_a_root_that_was_moved(say: Any, root: Path, there: Path, tmp_path: Path) -> None:
    """Its records go with it; its destination tells that they do, until the next run names the new place there."""
    say("organize", root, "--mode", "copy", "--destination", there, "--yes")
    moved = root.rename(tmp_path / "moved")
    assert NOWHERE in say("history", there).out
    said = say("explain", there / "Images/2014/a.jpg")
    assert (said.code, f"The records of {root} couldn't be asked" in said.out) == (11, True)
    assert said.out.splitlines()[0] in say("explain", there / "Images/2014/a.jpg", "--json").document["not_asked"]
    assert say("verify", moved).code == 0
    assert say("undo", moved, "--yes").code == 0
    assert f"What was put here from {moved} is in the records of that folder: name it" in say("history", there).out


@pytest.mark.parametrize("how", ["moved to another disk", "copied"])
def test_a_root_with_other_inodes(say: Any, root: Path, tmp_path: Path, how: str) -> None:
    """All that was done there can be taken back there, whoever does what with the first one."""
    before = manifest(root)
    say("organize", root, "--yes")
    say("organize", root, "--layout", "year", "-r", "--yes")
    with tmpfs(tmp_path / "disk") as disk:
        target = disk / "root"
        shutil.copytree(root, target, symlinks=True)
        for folder, _, _ in os.walk(root, topdown=False):
            shutil.copystat(folder, target / os.path.relpath(folder, root))
        if how == "copied":
            say("undo", root, "--yes")
        assert say("verify", target).code == 0
        assert [one["rolled_back"] for one in say("history", target, "--json").document["operations"]] == [False] * 2
        for _ in range(2):
            assert say("undo", target, "--yes").code == 0
        assert difference(before, manifest(target)) == []


def test_a_destination_that_isn_t_there(say: Any, root: Path, there: Path, tmp_path: Path) -> None:
    """What its trash holds is out of sight, not gone; and what went there isn't missed in the root."""
    say("organize", root, "--mode", "copy", "--destination", there, "--yes")
    say("undo", root, "--yes")
    say("organize", root, "--yes")
    say("organize", root, "-r", "--destination", there, "--yes")
    assert say("trash", "list", root, "--json").document["count"] == 3
    gone = there.rename(tmp_path / "gone")
    said = say("trash", "list", root).out
    assert (f"What is in the trash of {there} isn't listed" in said, "The trash is empty" in said) == (True, False)
    problems = say("verify", root, "--json").document["problems"]
    assert {problem["code"] for problem in problems} == {"destination-missing"}
    assert "bring the folder back to that place" in say("undo", root, "--yes").err
    gone.rename(there)
    assert say("verify", root).code == 0
    assert say("undo", root, "--yes").code == 0


def test_the_trash_of_a_destination_is_in_other_records(say: Any, root: Path, there: Path) -> None:
    """It isn't empty; and asking for it makes no records there."""
    say("organize", root, "--mode", "copy", "--destination", there, "--yes")
    say("undo", root, "--yes")
    words = f"What was put here from {root} is in the records of that folder: name it instead."
    for command in (["list"], ["restore", "--yes"], ["purge", "--yes"]):
        assert words in say("trash", command[0], there, *command[1:]).out
    assert not (there / ".fileorganizer/journal.db").exists()
    say("organize", there, "--yes")
    assert words in say("history", there).out


# records that are gone, or another user's


def test_a_folder_without_its_records(say: Any, root: Path) -> None:
    """Brought back from a backup that had left them out: what is missing is named, and where it is to come from."""
    say("organize", root, "--yes")
    shutil.rmtree(root / ".fileorganizer")
    words = "its records went with the folder .fileorganizer: bring that back from a backup"
    said = [say(*command) for command in (["history", root], ["undo", root], ["explain", root / "Images/2014/a.jpg"])]
    assert [(words in one.out + one.err, one.code) for one in said] == [(True, 0), (True, 43), (True, 43)]
    assert say("trash", "purge", root, "--yes").code == 11
    assert not (root / ".fileorganizer").exists()


def test_a_folder_in_one_that_has_records(say: Any, root: Path) -> None:
    """Its own were never there; those above it know."""
    say("organize", root, "--yes")
    for command in ("history", "undo"):
        said = say(command, root / "Documents")
        assert f"The records of {root} may know of it: name that folder." in said.out + said.err


def test_a_journal_that_is_missing(say: Any, root: Path) -> None:
    """Runs were made here, which explain says like the others; and what is lost with the folder of records."""
    say("organize", root, "--yes")
    (root / ".fileorganizer/journal.db").unlink()
    for command in (["history", root], ["explain", root / "a.jpg"], ["undo", root]):
        said = say(*command)
        assert (said.code, "what is in its trash is lost" in said.err) == (50, True)


COMMANDS = (
    ("organize", "--yes"),
    ("undo", "--yes"),
    ("undo", "--preview"),
    ("history",),
    ("verify",),
    ("recover",),
    ("doctor",),
    ("trash", "list"),
    ("trash", "restore", "--yes"),
    ("trash", "purge", "--yes"),
    ("duplicates", "clean", "--keep", "oldest", "--yes"),
    ("explain",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_damaged_journal_is_named(say: Any, root: Path, command: tuple[str, ...]) -> None:
    """By its folder: there may be several on a command line, or none that somebody has typed."""
    say("organize", root, "--yes")
    (root / ".fileorganizer/journal.db").write_bytes(b"SQLite format 3\0 and so on" * 400)
    said = say(*command, root / "a.jpg" if command == ("explain",) else root)
    assert (said.code, said.out) == (50, "")
    assert str(root) in said.err
    assert (
        say(*command, root / "a.jpg" if command == ("explain",) else root, "--json")
        .document["error"]["message"]
        .startswith(f"{root}: ")
    )


@pytest.mark.parametrize("arguments", [("show", 9), ("undo", 9), ("undo", 9, "--preview")])
def test_where_there_is_no_such_operation(say: Any, root: Path, arguments: tuple[str | int, ...]) -> None:
    """It is said in which folder."""
    say("organize", root, "--yes")
    said = say(arguments[0], root, *arguments[1:])
    assert (said.code, f"{root}: This folder has no operation called 9." in said.err) == (43, True)


def test_records_of_another_user(say: Any) -> None:
    """Nobody is told that nothing was done in a folder whose records he may not read."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        write_tree(root, TREE)
        say("organize", root, "--yes")
        with nobody():
            said = say("explain", root / "Images/2014/a.jpg")
            assert (said.code, "are another user's" in said.out) == (11, True)
            for command in ("history", "verify", "undo"):
                said = say(command, root)
                assert (said.code, "Permission denied" in said.err, "Traceback" in said.err) == (52, True, False)


def test_explaining_in_a_folder_that_cannot_be_opened(say: Any) -> None:
    """It is there: nobody has to connect a disk."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_tree(root, TREE)
        say("organize", root, "--yes")
        root.chmod(0o711)
        with nobody():
            said = say("explain", root / "a.jpg")
        assert (said.code, "can't be opened: Permission denied" in said.out, "disk" in said.out) == (11, True, False)


def test_explaining_a_folder_that_was_organized(say: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hasn't lost its records: they are about what is in it."""
    say("organize", root, "--yes")
    monkeypatch.chdir(root)
    for words in (root, f"{root}/", "."):
        said = say("explain", words)
        assert (said.code, "was organized itself" in said.err, "backup" in said.err) == (43, True, False)


def test_the_doctor_looks_where_nothing_may_be_written(say: Any) -> None:
    """A folder that its owner has locked since: what may not be tried is looked up."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / ".fileorganizer").mkdir()
        (root / ".fileorganizer/lock").touch()
        root.chmod(0o755)
        with nobody():
            said = say("doctor", root)
            assert (said.code, "You may not write into this folder" in said.out) == (0, True)


def test_the_doctor_tells_of_a_folder_that_is_synced(say: Any, root: Path) -> None:
    """Two devices that organize it write two histories into one file."""
    assert "syncs this folder" not in say("doctor", root).out
    (root / ".stfolder").mkdir()
    assert "Syncthing syncs this folder, and its records with it" in say("doctor", root).out


def test_a_read_only_disk_can_be_looked_at(say: Any, tmp_path: Path) -> None:
    """All that changes nothing works, and what would change something says why it doesn't."""
    with tmpfs(tmp_path / "disk") as disk:
        write_tree(disk, TREE)
        say("organize", disk, "--yes")
        write_tree(disk, {"new.txt": File(b"new", mtime=OLD)})
        mount(disk, "-o", "remount,ro")
        for command in ("history", "verify", "doctor", "preview"):
            assert say(command, disk).code == 0, command
        for line in (["show", disk, "1"], ["trash", "list", disk], ["undo", disk, "--preview"]):
            assert say(*line).code == 0, line
        for command in ("undo", "organize"):
            said = say(command, disk, "--yes")
            assert (said.code, "read-only file system" in said.err) == (30, True)
        mount(disk, "-o", "remount,rw")


def test_a_destination_that_is_lost_for_good(say: Any, root: Path, there: Path, tmp_path: Path) -> None:
    """What is said with code 33 names the way out; then the folder can be used again."""
    run = ["organize", root, "--destination", there, "--dates", "file", "--yes"]
    assert not in_child(lambda: app.main(list(map(str, run))), kill_at("move.after", 1))
    there.rename(tmp_path / "away")
    for command in ("recover", "organize", "undo"):
        said = say(command, root, *(["--yes"] if command != "recover" else []))
        assert said.code == 33 and f"fileorganizer recover {root} --without-destination" in " ".join(said.err.split())
    closed = say("recover", root, "--without-destination", "--json")
    assert closed.code == 0 and closed.document["outcomes_by_reason"] == {"interrupted": 2, "needs-attention": 1}
    assert say("organize", root, "--dates", "file", "--yes").code == 0
    assert say("undo", root, "--yes").code == 0
    assert len(list(root.glob("*.*"))) == 3
