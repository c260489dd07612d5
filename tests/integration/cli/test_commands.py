"""Every command as a user calls it: words, JSON, exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from fileorganizer import errors
from fileorganizer.cli import words
from fileorganizer.model import Reason
from tests.support.disks import mount, nobody, tmpfs
from tests.support.manifest import contents, difference, manifest
from tests.support.terminal import on_a_terminal
from tests.support.trees import File, write_tree

OLD = 1_400_000_000
TREE = {
    "a.jpg": File(b"jpeg", mtime=OLD),
    "b.txt": File(b"text", mtime=OLD),
    "half.part": "half",
    b"odd \xff\n.pdf": File(b"pdf", mtime=OLD),
    "sub": {"c.mp3": File(b"sound", mtime=OLD)},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder."""
    folder = tmp_path / "root"
    folder.mkdir()
    write_tree(folder, TREE)
    return folder


def test_there_and_back(say: Any, root: Path) -> None:
    """Preview changes nothing, organize does what it said, undo takes it back, undo of the undo does it again."""
    before = manifest(root)
    shown = say("preview", root, "--recursive")
    assert shown.code == 0
    assert "Images" in shown.out
    assert "organize" in shown.out
    assert difference(before, manifest(root)) == []
    assert say("organize", root, "--recursive", "--yes").code == 0
    assert (root / "Images/2014/a.jpg").exists()
    assert say("organize", root, "--recursive", "--yes").code == 11
    assert say("verify", root).code == 0
    assert "organize" in say("history", root).out
    assert say("undo", root, "--preview").code == 0
    assert say("undo", root, "--yes").code == 0
    assert difference(before, manifest(root)) == []
    assert say("undo", root, "--yes").code == 11
    assert say("undo", root, "2", "--yes").code == 0
    assert (root / "Images/2014/a.jpg").exists()


def test_an_undo_tells_of_edits(say: Any, root: Path) -> None:
    """R13: before and after, how many files go back with an edit, and which ones."""
    say("organize", root, "--yes")
    (root / "Images/2014/a.jpg").write_bytes(b"with an edit")
    words = "Edited since, back with the edits: 1 file."
    assert words in say("undo", root, "--preview").out
    assert say("undo", root, "--preview", "--json").document["edited"] == 1
    assert words in say("undo", root, "--yes").out
    files = say("show", root, "2", "--json").document["files"]
    assert [(row["target"], row["state"]) for row in files if row["reason"] == "restored-edited"] == [("a.jpg", "done")]
    assert "restored-edited" in say("show", root, "2").out
    assert say("undo", root, "2", "--yes", "--json").document["edited"] == 0


def test_a_preview_names_what_it_leaves_alone(say: Any, root: Path) -> None:
    """Before anything is done, with the reason; only in JSON what hidden names and options have left out."""
    write_tree(root, {".secret": "", "shop": {".git": {"HEAD": "ref", "objects": {}, "refs": {}}, "a.py": "code"}})
    shown = say("preview", root, "-r", "--exclude", "*.mp3").out
    assert "  unfinished: half.part\n" in shown
    assert "  kept-together: shop (git checkout)\n" in shown
    assert ".secret" not in shown and "c.mp3" not in shown
    say("organize", root, "-r", "--exclude", "*.mp3", "--yes")
    assert "A preview names them." in say("organize", root, "-r", "--exclude", "*.mp3").out
    (root / "half.part").unlink()
    assert "A preview names them." not in say("organize", root, "--exclude", "*.mp3").out
    plan = say("preview", root, "-r", "--exclude", "*.mp3", "--json").document
    assert {row["path"]: row["reason"] for row in plan["left"]} == {
        ".secret": "hidden",
        "shop": "kept-together",
        "sub/c.mp3": "excluded",
    }


def test_json_documents(say: Any, root: Path) -> None:
    """The promised members are there and add up."""
    plan = say("preview", root, "--recursive", "--json").document
    assert plan["planned"] == 4
    assert [s["counted"] for s in plan["steps"]].count(True) == 4
    assert any("source_b64" in step for step in plan["steps"])
    lines = say("preview", root, "--json-lines").out.splitlines()
    assert sum(json.loads(line)["counted"] for line in lines) == 3
    done = say("organize", root, "--plan", plan["plan_id"], "--yes", "--json").document
    assert (done["planned"], done["done"], done["skipped"], done["failed"]) == (4, 4, 0, 0)
    assert done["scanned"] == done["planned"] + done["in_place"] + done["left_alone"]
    assert done["left_by_reason"] == {"unfinished": 1}
    assert {"scan_seconds", "plan_seconds", "move_seconds"} == set(done["phases"])
    assert say("history", root, "--json").document["operations"][0]["operation_id"] == done["operation_id"]
    files = say("show", root, "1", "--json").document["files"]
    assert sorted({row["state"] for row in files}) == ["done", "left"]
    why = say("explain", root / "Images/2014/a.jpg", "--json").document["explanations"][0]
    assert why["explanation"]["category"] == "Images"
    assert say("verify", root, "--json").document["problems"] == []
    assert say("doctor", root, "--json").document["capabilities"]["file_system"]
    assert len(say("categories", "--json").document["categories"]) >= 14
    assert (
        say("organize", root, "--plan", plan["plan_id"], "--yes", "--json").document["error"]["code"]
        == "plan-already-applied"
    )


def test_words_for_people(say: Any, root: Path) -> None:
    """The other commands speak, and say nothing with --quiet."""
    say("organize", root, "--yes")
    assert "left unfinished" in say("show", root, 1).out
    assert "Images" in say("explain", root / "a.jpg").out
    assert say("explain", root / "never.was").code == 11
    assert say("explain", "/never.was").code == 43
    assert "Documents" in say("categories").out
    assert "Journal" in say("doctor", root).out
    assert "Nothing was cut off" in say("recover", root).out
    nothing = say("recover", root, "--json").document
    assert nothing["status"] == "nothing-to-do"
    assert nothing == say("trash", "purge", root, "--yes", "--json").document
    assert say("history", root, "--quiet").out == ""
    assert "problems" in say("verify", root).out
    assert "The trash is empty" in say("trash", "list", root).out


def test_copies_go_to_the_trash_and_back(say: Any, root: Path, tmp_path: Path) -> None:
    """Undo of a copy fills the trash of the destination; across the same root, junk fills its own."""
    target = tmp_path / "target"
    target.mkdir()
    assert say("organize", root, "--mode", "copy", "--destination", target, "--yes").code == 0
    assert (target / "Images/2014/a.jpg").read_bytes() == b"jpeg"
    assert say("undo", root, "--yes").code == 0
    assert not (target / "Images").exists()
    items = say("trash", "list", root, "--json").document["items"]
    assert {(item["side"], item["root"]) for item in items} == {("destination", str(target))}
    assert str(target / "Images/2014/a.jpg") in say("trash", "list", root).out
    assert say("organize", root, "--mode", "hardlink", "--destination", target, "--yes").code == 0
    assert (target / "Images/2014/a.jpg").stat().st_ino == (root / "a.jpg").stat().st_ino
    assert say("verify", root).code == 0
    assert say("undo", root, "--yes").code == 0
    assert not (target / "Images").exists()


def test_trash_restore_and_purge(say: Any, root: Path) -> None:
    """Junk of an emptied folder comes back by itself, and can be destroyed."""
    write_tree(root, {"only": {"d.pdf": File(b"pdf", mtime=OLD), "Thumbs.db": "junk"}})
    assert say("organize", root, "--recursive", "--yes").code == 0
    item = say("trash", "list", root, "--json").document["items"][0]
    assert item["path"] == "only/Thumbs.db"
    assert say("trash", "restore", root, "nothing", "--yes").code == 2
    assert say("trash", "purge", root, "--older-than", "1", "--yes").code == 11
    say("trash", "restore", root, item["item_id"], "--yes")
    assert (root / "only/Thumbs.db").read_text() == "junk"
    assert say("trash", "list", root, "--json").document["count"] == 0
    assert say("undo", root, "2", "--yes").code == 0
    assert say("trash", "purge", root, "--yes").code == 0
    assert say("verify", root).code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["organize", "{}", "--min-size", "huge", "--yes"], 2),
        (["organize", "{}", "--min-size", "-5", "--yes"], 2),
        (["organize", "{}", "--quiet-seconds", "nan", "--yes"], 2),
        (["organize", "{}", "--quiet-seconds", "inf", "--yes"], 2),
        (["organize", "{}", "--quiet-seconds", "1e300", "--yes"], 2),
        (["undo", "{}", "--path", ".", "--yes"], 2),
        (["undo", "{}", "--path", "{}/", "--yes"], 2),
        (["duplicates", "clean", "{}", "--keep", "in:", "--yes"], 2),
        (["organize", "{}", "--modified-after", "soon", "--yes"], 2),
        (["organize", "{}", "--category", "Nonsense", "--yes"], 2),
        (["organize", "{}", "--layout", "{nonsense}", "--yes"], 2),
        (["organize", "{}", "--mode", "copy", "--yes"], 2),
        (["organize", "{}", "--plan", "../../etc", "--yes"], 40),
        (["organize", "{}", "--destination", "{}/../none", "--yes"], 33),
        (["organize", "{}"], 35),
        (["organize", "{}/none", "--yes"], 30),
        (["organize", "/usr", "--yes"], 30),
        (["organize", "{}/a.jpg", "--yes"], 30),
        (["undo", "{}"], 43),
        (["show", "{}", "9"], 43),
        (["verify", "{}"], 43),
        (["nonsense"], 2),
        (["recover", "{}"], 11),
        (["trash", "list", "{}"], 0),
        (["history", "{}"], 0),
        (["preview", "{}", "--ext", "zzz"], 11),
        (["--help"], 0),
        (["--version"], 0),
    ],
)
def test_exit_codes(say: Any, root: Path, arguments: list[str], code: int) -> None:
    """One cause, one code; the folder stays as it is."""
    before = manifest(root)
    said = say(*(argument.replace("{}", str(root)) for argument in arguments))
    assert said.code == code
    assert "Traceback" not in said.err
    assert difference(before, manifest(root)) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["preview", ""], 2),
        (["organize", "", "--yes"], 2),
        (["organize", ".", "--destination", "", "--yes"], 2),
        (["organize", ".", "--ext", "", "--yes"], 2),
        (["organize", ".", "--plan", "", "--yes"], 40),
        (["duplicates", ""], 2),
        (["duplicates", "clean", ".", "--plan", "", "--yes"], 40),
        (["undo", ".", "", "--yes"], 2),
        (["undo", ".", "--path", "", "--yes"], 2),
        (["show", ".", ""], 2),
        (["organize", ".", "--layout", "", "--yes"], 2),
        (["organize", ".", "--exclude", "", "--yes"], 2),
        (["duplicates", "clean", ".", "--keep", "oldest", "--exclude", "", "--yes"], 2),
        (["trash", "restore", ".", "", "--yes"], 2),
        (["trash", "purge", ".", "", "--yes"], 2),
        (["explain", ""], 2),
    ],
)
def test_an_unset_variable_means_nothing(
    say: Any, root: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    """Of a shell: it names neither the folder where one stands, nor all files, nor a new plan."""
    monkeypatch.chdir(root)
    before = manifest(root)
    assert say(*arguments).code == code
    assert difference(before, manifest(root)) == []


def test_names_that_are_not_utf8_in_options(say: Any, root: Path, tmp_path: Path) -> None:
    """A destination of such a name is organized into, also by a stored plan and from elsewhere; patterns and extensions work."""
    there = tmp_path / os.fsdecode(b"d\xff")
    there.mkdir()
    before = contents(root)
    options = ["--destination", there, "--exclude", os.fsdecode(b"odd \xff*"), "--ext", os.fsdecode(b"jpg,pdf,x\xff")]
    plan = say("preview", root, *options, "--json").document
    assert (plan["planned"], plan["left_by_reason"]["excluded"]) == (1, 1)
    assert say("organize", root, "--plan", plan["plan_id"], "--yes").code == 0
    assert (there / "Images/2014/a.jpg").read_bytes() == b"jpeg"
    assert say("explain", there / "Images/2014/a.jpg").code == 0
    assert say("undo", root, "--yes").code == 0
    assert contents(root) == before
    said = say("duplicates", "clean", root, "--keep", "oldest", "--against", there, "--preview")
    assert (said.code, "isn't UTF-8" in said.err) == (2, True)


def test_a_plan_goes_where_it_was_shown_to_go(
    say: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its destination was named from another folder than the one where it is carried out."""
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    plan = say("preview", root, "--destination", "there", "--json").document
    monkeypatch.chdir(root)
    assert say("organize", root, "--plan", plan["plan_id"], "--yes").code == 0
    assert (tmp_path / "there/Images/2014/a.jpg").exists()


def test_filters(say: Any, root: Path) -> None:
    """Size, time, extension and category choose; the rest is filtered out."""
    chosen = [
        "--min-size",
        "1",
        "--max-size",
        "1kB",
        "--modified-after",
        "2010-01-01",
        "--modified-before",
        "2020-01-01",
    ]
    done = say("organize", root, *chosen, "--ext", "jpg,txt", "--category", "Images", "--yes", "--json").document
    assert done["done"] == 1
    assert done["left_by_reason"]["filtered-out"] == 2


def test_extensions_as_people_write_them(say: Any, root: Path) -> None:
    """With a dot, in capitals, or as a pattern of a shell."""
    for given in ("jpg,txt", ".JPG,.txt", "*.jpg,*.TXT"):
        assert say("preview", root, "--ext", given, "--json").document["planned"] == 2


def test_busy_root(say: Any, root: Path) -> None:
    """A second run is refused while the first one waits for its answer, and says who has the folder."""
    say("organize", root, "--yes")
    first = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl,sys; f=open(sys.argv[1],'r+'); fcntl.flock(f,fcntl.LOCK_EX); f.seek(0); f.truncate(); f.write('somebody'); f.flush(); print('x',flush=True); input()",
            str(root / ".fileorganizer/lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert first.stdout is not None
    first.stdout.readline()
    said = say("organize", root, "--yes")
    first.communicate(b"\n")
    assert said.code == 31
    assert "somebody" in said.err


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C stops after the step in hand; what was done is recorded and can be taken back."""
    root = tmp_path / "many"
    root.mkdir()
    before = write_tree(root, {f"{n}.txt": File(b"%d" % n, mtime=OLD) for n in range(12_000)})
    program = [sys.executable, "-m", "fileorganizer.cli.app"]
    with subprocess.Popen([*program, "organize", str(root), "--yes", "--json"], stdout=subprocess.PIPE) as child:
        while not (root / "Documents").exists():
            time.sleep(0.001)
        child.send_signal(signal.SIGINT)
        document = json.loads(child.communicate()[0])
    if child.returncode == 130:
        assert document["status"] == "cancelled"
        assert document["outcomes_by_reason"]["stopped"] == document["skipped"]
    assert document["planned"] == document["done"] + document["skipped"]
    assert subprocess.run([*program, "undo", str(root), "--yes", "--quiet"], check=False).returncode == 0
    assert difference(before, manifest(root)) == []


def test_a_cut_off_run_is_closed(say: Any, root: Path) -> None:
    """Killed in the middle: recover says so, and undo gives everything back."""
    before = manifest(root)
    killed = subprocess.run(
        [sys.executable, "-m", "fileorganizer.cli.app", "organize", str(root), "--recursive", "--yes"],
        env={**os.environ, "FILEORGANIZER_FAULTS": "kill@40"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert say("doctor", root).code == 0
    assert say("verify", root).code == 10
    looked = [("history", root), ("show", root, "1"), ("explain", root / "a.jpg")]
    words = f"its record says what was planned. What was done is known after:  fileorganizer recover {root}\n"
    assert [words in say(*command).out for command in looked] == [True] * 3
    assert "cut off" in say("recover", root).out
    assert [words in say(*command).out for command in looked] == [False] * 3
    assert say("verify", root).code == 0
    assert say("undo", root, "--yes").code == 0
    assert difference(before, manifest(root)) == []


def test_an_undo_of_what_is_back_is_nothing_to_do(say: Any, root: Path) -> None:
    """No question, no operation in the history, and the code for nothing."""
    say("organize", root, "--recursive", "--yes")
    say("undo", root, "--yes")
    assert say("undo", root, "1", "--preview").code == 11
    said = say("undo", root, "1")
    assert (said.code, "Nothing to do" in said.out) == (11, True)
    assert len(say("history", root, "--json").document["operations"]) == 2


@pytest.mark.parametrize(
    "name", ["two words", "it's $HOME `x`", "new\nline", "-rf", "plain", b"odd \xff\n'\\.x", "é🎉"]
)
def test_commands_can_be_pasted(say: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str | bytes) -> None:
    """What a preview and a report show to be typed next works in a shell, whatever the folder is called."""
    monkeypatch.chdir(tmp_path)
    write_tree(tmp_path, {name: {"a.txt": File(b"a", mtime=OLD)}})
    for arguments in (["preview"], ["organize", "--yes"]):
        shown = say(*arguments, "--", name).out.splitlines()[-1].partition("  fileorganizer ")[2]
        given = subprocess.run(["bash", "-c", f"printf '%s\\0' {shown}"], capture_output=True, check=True).stdout.split(
            b"\0"
        )
        assert (tmp_path / os.fsdecode(given[1])).samefile(tmp_path / os.fsdecode(name))
        assert not given[1].startswith(b"-")


def test_nothing_there_is_said_in_words(say: Any, tmp_path: Path) -> None:
    """An empty table says nothing to a person."""
    (tmp_path / "empty").mkdir()
    assert "Nothing to do." in say("preview", tmp_path / "empty").out
    assert "Category" not in say("preview", tmp_path / "empty").out
    assert say("history", tmp_path / "empty").out.startswith("Nothing was organized here yet.")
    assert say("trash", "list", tmp_path / "empty").out == "The trash is empty.\n"


def test_explain_has_a_sentence_for_what_stayed_and_for_what_came_back(say: Any, root: Path) -> None:
    """A code alone explains nothing."""
    say("organize", root, "--yes")
    said = say("explain", root / "half.part").out
    assert "half a download" in said
    assert "→" not in said
    say("undo", root, "--yes")
    assert "Operation 1 was taken back." in say("explain", root / "a.jpg").out


def test_a_destination_tells_where_its_records_are(say: Any, root: Path, tmp_path: Path) -> None:
    """What was put there is explained; other commands name the folder that knows of it."""
    there = tmp_path / "there"
    there.mkdir()
    say("organize", root, "--mode", "copy", "--destination", there, "--yes")
    said = say("explain", there / "Images/2014/a.jpg")
    assert (said.code, "its extension is .jpg" in said.out) == (0, True)
    assert say("explain", there / "a.jpg").code == 11
    (other := tmp_path / "other").mkdir()
    say("organize", root, "--mode", "copy", "--destination", other, "--yes")
    assert say("explain", there / "Images/2014/a.jpg").out == said.out
    for command in (["history", there], ["verify", there], ["undo", there], ["show", there, "1"]):
        said = say(*command)
        assert f"What was put here from {root}" in said.out + said.err
    assert say("history", there, "--json").document == {"operations": []}


@pytest.mark.parametrize("mode", ["move", "copy", "hardlink"])
def test_what_goes_to_a_destination_is_shown_there(say: Any, root: Path, tmp_path: Path, mode: str) -> None:
    """Before the question, and afterwards from the top: there may be a folder of that name in the root, too."""
    there = tmp_path / "there"
    there.mkdir()
    plan = say("preview", root, "--destination", there, "--mode", mode, "--json").document
    assert plan["destination"] == str(there)
    asked = say("organize", root, "--plan", plan["plan_id"])
    assert (asked.code, f" to go (11 B) into {there}, 0 in place" in asked.out) == (35, True)
    say("organize", root, "--plan", plan["plan_id"], "--yes")
    words = f"a.jpg → {there}/Images/2014/a.jpg\n"
    assert [words in said.out for said in (say("show", root, 1), say("explain", root / "a.jpg"))] == [True, True]
    assert say("show", root, 1, "--json").document["destination"] == str(there)
    say("organize", root, "-r", "--yes")
    assert say("show", root, 2, "--json").document["destination"] is None


def test_explain_asks_the_folders_above_too(say: Any, root: Path) -> None:
    """A folder that was filled by a run above it, and organized by itself later."""
    say("organize", root, "--yes")
    write_tree(root / "Images", {"new.mp3": File(b"sound", mtime=OLD)})
    say("organize", root / "Images", "--yes")
    said = say("explain", root / "Images/2014/a.jpg")
    assert (said.code, "Filed under Images" in said.out) == (0, True)


def test_a_purge_says_what_it_destroys(say: Any, root: Path) -> None:
    """By name, before the question."""
    write_tree(root, {"same.jpg": File(b"jpeg", mtime=OLD + 1)})
    say("duplicates", "clean", root, "--keep", "oldest", "--yes")
    said = say("trash", "purge", root)
    assert said.code == 35
    assert "same.jpg" in said.out
    assert "destroyed for ever: 1 file (4 B). There is no way back." in said.out
    screen, code = on_a_terminal(["trash", "purge", str(root), "--quiet"], [(b"Go ahead? [y/N]: ", b"n\n")])
    assert (code, "same.jpg" in screen) == (12, True)


def test_a_plan_of_another_kind_is_told_so(say: Any, root: Path) -> None:
    """Not that it was made for another folder."""
    write_tree(root, {"same.jpg": File(b"jpeg", mtime=OLD + 1)})
    plan = say("duplicates", "clean", root, "--keep", "oldest", "--preview", "--json").document["plan_id"]
    assert "was made by another command" in say("organize", root, "--plan", plan, "--yes").err


def test_every_exit_code_is_in_the_help(say: Any) -> None:
    """Each on a line of its own, which fits on a terminal of 80 columns."""
    told = say("--help").out.split("Exit codes:\n")[1].splitlines()
    known = {cause.exit_code for cause in vars(errors).values() if hasattr(cause, "exit_code")}
    known |= {number for name, number in vars(errors).items() if name.startswith("EXIT_")}
    assert {int(line.split()[0]) for line in told} == known
    assert max(map(len, told)) < 60


def test_every_reason_has_a_sentence() -> None:
    """For ``explain``."""
    assert set(words.WHY) == set(Reason) - {Reason.NONE}


def test_paths_may_be_given_from_the_top(say: Any, root: Path, tmp_path: Path) -> None:
    """As a person copies them from elsewhere, or as the trash's list shows them."""
    say("organize", root, "-r", "--yes")
    assert say("undo", root, "--path", root / "a.jpg", "--yes").code == 0
    assert say("undo", root, "--path", "./b.txt", "--yes").code == 0
    assert say("undo", root, "--path", f"{root}/sub/", "--yes").code == 0
    assert all((root / name).exists() for name in ("a.jpg", "b.txt", "sub/c.mp3"))
    assert say("undo", root, "--path", tmp_path / "a.jpg", "--yes").code == 2
    there = tmp_path / "there"
    there.mkdir()
    say("organize", root, "--mode", "copy", "--destination", there, "--yes")
    say("undo", root, "--yes")
    shown = str(there / "Images/2014/a.jpg")
    assert shown in say("trash", "list", root).out
    assert say("trash", "restore", root, shown, "--yes").code == 0
    assert (there / "Images/2014/a.jpg").exists()
    assert say("trash", "restore", root, "./Documents/2014/b.txt", "--yes").code == 0


def test_doctor_says_where_nothing_can_be_moved(say: Any, root: Path, tmp_path: Path) -> None:
    """A folder of somebody else, and a disk that is mounted read-only, with and without records; and what is promised elsewhere."""
    assert "tried by the first run" in say("doctor", root).out
    say("organize", root, "--yes")
    said = say("doctor", root).out
    assert "Journal: 1 operation\n" in said
    assert "every run can be taken back" in said
    with tempfile.TemporaryDirectory() as theirs:
        os.chmod(theirs, 0o755)
        with nobody():
            assert "You may not write into this folder" in say("doctor", theirs).out
    with tmpfs(tmp_path / "disk") as disk:
        write_tree(disk, {"a.txt": "a"})
        say("organize", disk, "--yes")
        mount(disk, "-o", "remount,ro")
        said = say("doctor", disk)
        assert (said.code, "read-only" in said.out, "Journal: 1 operation\n" in said.out) == (0, True, True)


def test_a_folder_that_cannot_be_opened_is_refused(say: Any, root: Path) -> None:
    """With the code for folders, not as a wrong option."""
    for command in ("preview", "organize", "duplicates"):
        say(command, root)  # loads what is loaded late: Python may lie where nobody can read it
    with tempfile.TemporaryDirectory() as folder, nobody():
        for command in ("preview", "organize", "duplicates"):
            said = say(command, folder)
            assert (said.code, "permissions" in said.err) == (30, True)


def test_a_full_disk_has_its_code(say: Any, tmp_path: Path) -> None:
    """Also where the journal can't even be begun."""
    with tmpfs(tmp_path / "disk", "size=200k") as disk:
        write_tree(disk, {"a.txt": "a", "big.bin": File(b"", mtime=OLD)})
        with pytest.raises(OSError, match="No space"):
            (disk / "big.bin").write_bytes(b"x" * 300_000)
        said = say("organize", disk, "--yes")
        assert (said.code, "make room" in said.err) == (51, True)
        assert (disk / "a.txt").exists()


@pytest.mark.parametrize(
    "command", [["preview"], ["organize", "--yes"], ["duplicates", "clean", "--keep", "oldest", "--yes"]]
)
def test_a_plan_folder_that_takes_no_plan(
    say: Any, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """It is on a full disk, or isn't a folder: said with its place, and nothing is moved."""
    write_tree(root, {"same.txt": File(b"text", mtime=OLD)})
    before = contents(root)
    with tmpfs(tmp_path / "disk", "size=16k") as disk:
        (disk / "filler").write_bytes(b"x" * 8_000)
        monkeypatch.setenv("PLAN_DIR", str(disk))
        said = say(*command, root)
        assert (said.code, f"can't be written into {disk}" in said.err) == (51, True)
    monkeypatch.setenv("PLAN_DIR", str(root / "a.jpg"))
    said = say(*command, root, "--json")
    assert (said.code, said.document["error"]["code"]) == (52, "storage-failed")
    assert str(root / "a.jpg") in said.document["error"]["message"]
    assert contents(root) == before


def test_a_user_without_a_home(say: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the users of some containers are: it is said what to set."""
    for name in ("HOME", "PLAN_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)  # the system lists no such user
    for command in ("preview", "duplicates"):
        said = say(command, root)
        assert (said.code, "Set HOME" in said.err) == (2, True)


def members_of(document: Any) -> set[str]:
    """The names of a document's members and of those of its rows; what stands beside a path that isn't UTF-8 is told once for all."""
    named = {name for name in document if not name.endswith("_b64")}
    for name, value in document.items():
        rows = value if isinstance(value, list) else [value] if name in ("explanation", "duplicates") else []
        named.update(*(members_of(row) for row in rows if isinstance(row, dict)))
    return named


def test_the_guide_names_the_members_of_every_document(say: Any, root: Path, tmp_path: Path) -> None:
    """Each that is printed, and no more, by the words of its line in the guide's table."""
    table = (Path(__file__).parents[3] / "docs/user_guide.md").read_text(encoding="utf-8").split("## JSON")[1]
    lines = {line.split("|")[1].strip(): line.split("|")[2] for line in table.splitlines() if line.startswith("| ")}
    same = {"one.jpg": "1", "two.jpg": "22", "three.jpg": "333"}
    write_tree(
        root, {"same.jpg": File(b"jpeg", mtime=OLD + 1), "copy": same, "again": same, "more": same | {"4.jpg": ""}}
    )
    os.link(root / "same.jpg", root / "link.jpg")
    write_tree(tmp_path / "reference", {"same.jpg": "jpeg"})
    documents = {
        "`preview`": [
            say("preview", root, "-r", "--json").document,
            say("duplicates", "clean", root, "--keep", "oldest", "--preview", "--json").document,
        ],
        "`categories`": [say("categories", "--json").document],
        "`duplicates`": [say("duplicates", root, "--against", tmp_path / "reference", "--json").document],
        "`duplicates folders`": [say("duplicates", "folders", root, "--json").document],
        "a run": [say("organize", root, "-r", "--yes", "--json", "--duplicates", "trash").document],
        "`history`": [say("history", root, "--json").document],
        "`show`": [say("show", root, "1", "--json").document],
        "`explain`": [
            say("explain", root / "b.txt", "--json").document,
            say("explain", root / "same.jpg", "--json").document,
        ],
        "`trash list`": [say("trash", "list", root, "--json").document],
        "`doctor`": [say("doctor", root, "--json").document],
    }
    (root / "Documents/2014/b.txt").unlink()
    documents["`verify`"] = [say("verify", root, "--json").document]
    words = {
        line: set(re.findall("[a-z_0-9]+", " ".join(re.findall("`([^`]*)`", cell)))) for line, cell in lines.items()
    }
    run = next(line for line in lines if line.startswith("a run"))
    words[run] -= {"nothing", "to", "do", "organize"}
    states = {"done", "skipped", "failed", "left", "pending"}
    of_a_run = set(re.findall("[a-z_0-9]+", lines[run].split(", plan_id")[0]))
    told = {
        "`history`": words["`history`"] | of_a_run,
        "`show`": (words["`show`"] - states) | of_a_run,
        "`explain`": (words["`explain`"] - {"show"}) | (words["`show`"] - states - {"files"}),
        "`trash list`": words["`trash list`"] - {"destination"},
        "a run": words[run],
    }
    for command, printed in documents.items():
        line = next(line for line in lines if line.startswith(command))
        assert set().union(*map(members_of, printed)) == told.get(command, words[line]), command


def test_explain_knows_what_came_to_another_disk(say: Any, root: Path, tmp_path: Path) -> None:
    """Its original is in the trash; it is asked about where it is now."""
    with tmpfs(tmp_path / "disk") as disk:
        assert say("organize", root, "--destination", disk, "--across-devices", "--yes").code == 0
        said = say("explain", disk / "Images/2014/a.jpg")
        assert (said.code, "Filed under Images because its extension is .jpg" in said.out) == (0, True)
        words = f"a.jpg → a copy in {disk}, the original to the trash\n"
        assert [words in said.out for said in (say("explain", root / "a.jpg"), say("show", root, 1))] == [True, True]
