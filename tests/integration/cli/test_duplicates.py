"""The commands for duplicates as a user calls them: words, JSON, CSV, exit codes."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from fileorganizer.cli import render
from fileorganizer.duplicates import reader_child
from tests.support.manifest import difference, manifest
from tests.support.terminal import on_a_terminal
from tests.support.trees import File, HardLink, read_tree, write_tree

OLD = 1_400_000_000
TREE = {
    "a.txt": File("same content", mtime=OLD),
    "b.txt": "same content",
    "c.txt": HardLink("b.txt"),
    "d.pdf": "alike",
    "sub": {b"odd \xff\n": "alike"},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small folder with two groups."""
    write_tree(tmp_path / "root", TREE)
    return tmp_path / "root"


def test_groups_in_words_json_lines_and_csv(say: Any, root: Path) -> None:
    """The same groups in every form, those that waste most first; nothing is changed."""
    before = manifest(root)
    code, words, _ = say("duplicates", root)
    assert code == 0 and words.index("b.txt") < words.index("odd \\xff\\n"), "twelve bytes are more than five"
    assert f"fileorganizer duplicates clean {root} --keep oldest --preview" in words
    assert "also called c.txt" in words and "5 files: 2 groups of equal files, 2 too many, 17 B wasted." in words
    code, text, _ = say("duplicates", "--json", root)
    document = json.loads(text)
    assert code == 0 and (document["total_groups"], document["redundant_files"], document["wasted_bytes"]) == (2, 2, 17)
    assert document["groups"][0]["files"][1] | {"modified_at": 0} == {
        "path": "b.txt",
        "modified_at": 0,
        "links": [{"path": "c.txt"}],
    }
    assert document["groups"][1]["files"][1]["path_b64"]
    lines = [json.loads(line) for line in say("duplicates", root, "--json-lines")[1].splitlines()]
    assert lines == document["groups"]
    rows = list(csv.reader(io.StringIO(say("duplicates", root, "--csv")[1])))
    assert [row[0] for row in rows] == ["group", "1", "1", "1", "2", "2"] and rows[1][4] == "a.txt"
    assert say("duplicates", root, "--quiet") == (0, "", "")
    assert difference(before, manifest(root)) == []


def test_nothing_found_and_unreadable_files_have_their_exit_codes(
    say: Any, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """11 and 10."""
    assert say("duplicates", root, "--min-size", "1MB")[0] == 11
    monkeypatch.setattr(reader_child.os, "read", _failing)
    code, words, _ = say("duplicates", root)
    assert code == 10 and "can't be read: d.pdf" in words
    assert say("duplicates", root, "--json")[0] == 10
    code, words, _ = say("duplicates", "folders", root)
    assert code == 10 and "  unreadable: d.pdf" in words
    assert say("duplicates", "folders", root, "--json")[0] == 10
    monkeypatch.setattr(render, "MOST_ROWS", 0)
    assert "… and 4 more; --json" in say("duplicates", root)[1]


def _failing(_fd: int, _count: int) -> bytes:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize("forms", [("--json", "--csv"), ("--json", "--json-lines"), ("--json-lines", "--csv")])
def test_an_answer_has_one_form(say: Any, root: Path, forms: tuple[str, str]) -> None:
    """Whoever asks for two would get one of them, and not know which."""
    said = say("duplicates", root, *forms)
    assert (said.code, said.document["error"]["code"]) == (2, "invalid-option")


def test_references_are_marked(say: Any, root: Path, tmp_path: Path) -> None:
    """In every form."""
    write_tree(tmp_path / "ref", {"x": "alike"})
    assert "reference x" in say("duplicates", root, "--against", tmp_path / "ref")[1]
    document = json.loads(say("duplicates", root, "--against", tmp_path / "ref", "--json")[1])
    assert document["reference"] == str(tmp_path / "ref")
    assert [[copy.get("reference") for copy in group["files"]] for group in document["groups"]] == [
        [None, None],
        [True, None, None],
    ]


def test_clean_asks_does_and_can_be_taken_back(say: Any, root: Path) -> None:
    """Preview, the stored plan, undo; without an answer nothing happens."""
    before = manifest(root)
    code, words, _ = say("duplicates", "clean", root, "--keep", "oldest", "--preview")
    assert code == 0 and "b.txt" in words and "a.txt" in words and "--plan" in words
    code, text, _ = say("duplicates", "clean", root, "--keep", "oldest", "--preview", "--json")
    plan = json.loads(text)
    assert {step.get("keeper") for step in plan["steps"]} == {"a.txt", "d.pdf"}
    assert say("duplicates", "clean", root, "--keep", "oldest")[0] == 35, "no terminal to ask on, no --yes"
    code, _, words = say("duplicates", "clean", root, "--plan", plan["plan_id"], "--preview", "--yes")
    assert code == 2 and "--preview doesn't go with --plan" in words, "a preview carries nothing out"
    assert difference(before, manifest(root)) == []
    code, text, _ = say("duplicates", "clean", root, "--plan", plan["plan_id"], "--yes", "--json")
    done = json.loads(text)
    assert code == 0 and (done["done"], done["operation_type"], done["bytes"]) == (2, "duplicate_cleanup", 17)
    assert read_tree(root) == {"a.txt": "same content", "d.pdf": "alike", "sub": {}}
    assert say("undo", root, "--yes", "--quiet")[0] == 0
    assert difference(before, manifest(root)) == []
    assert say("duplicates", "clean", root, "--keep", "in:sub", "--exclude", "*.txt", "--yes")[0] == 0
    assert say("duplicates", "clean", root, "--keep", "in:sub", "--exclude", "*.txt", "--preview")[0] == 11


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("clean", "ROOT"), 2, "--keep"),
        (("clean", "ROOT", "--keep", "best"), 2, "no rule best"),
        (("ROOT", "--digest", "md5"), 2, "md5"),
        (("ROOT", "--against", "ROOT"), 2, "nothing in it could go"),
        (("/nowhere",), 30, "Check the path"),
    ],
)
def test_what_cannot_be_done_says_so(say: Any, root: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    """One line and an exit code."""
    said = say("duplicates", *(root if word == "ROOT" else word for word in arguments))
    assert said[0] == code and message in said[2]


def test_help_and_a_folder_called_like_a_subcommand(say: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group has help of its own; ./clean is a folder."""
    assert all(word in say("duplicates", "--help")[1] for word in ("  search ", "  clean ", "  folders "))
    assert "--paranoid" in say("duplicates", root, "--help")[1]
    write_tree(root / "clean", {"x": "one", "y": "one"})
    monkeypatch.chdir(root)
    assert "1 group " in say("duplicates", "./clean")[1]


def test_folders_in_words_and_json(say: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal ones, contained ones with what differs, what wasn't compared."""
    many = {f"{number}": f"{number}" for number in range(9)}
    write_tree(
        tmp_path,
        {"a": {"x": "1", "y": "2"}, "b": {"x": "1", "y": "2"}, "c": many, "d": many | {"3": "III", "new": "n"}},
    )
    (tmp_path / "link").symlink_to("a")
    code, words, _ = say("duplicates", "folders", tmp_path)
    assert code == 0
    for expected in (
        "The same: 2 files",
        "c is nearly in d: 8 files",
        "differs: 3",
        "only there: new",
        "symlink 1",
        "symlink: link",
    ):
        assert expected in words
    document = json.loads(say("duplicates", "folders", tmp_path, "--json")[1])
    assert [folder["path"] for folder in document["same"][0]["folders"]] == ["a", "b"]
    assert (
        document["contained"][0]["differing"] == [{"path": "3"}] and document["not_compared"][0]["reason"] == "symlink"
    )
    monkeypatch.setattr(render, "MOST_ROWS", 0)
    assert "… and 2 more" in say("duplicates", "folders", tmp_path)[1]
    code, words, _ = say("duplicates", "folders", tmp_path / "a")
    assert code == 11 and "No folder" in words


def test_long_lists_are_cut_for_people(say: Any, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And say how many more there are."""
    monkeypatch.setattr(render, "MOST_ROWS", 1)
    assert "… and 1 more group;" in say("duplicates", root)[1]
    assert "… and 2 more; --json" in say("duplicates", "clean", root, "--keep", "oldest", "--preview")[1]


def test_organize_meets_duplicates_on_its_way(say: Any, root: Path) -> None:
    """Counted, or cleaned up first as an operation of their own."""
    code, text, _ = say("organize", root, "--dates", "file", "--duplicates", "report", "--yes", "--json")
    assert code == 0 and json.loads(text)["duplicates"] == {"redundant_files": 1, "wasted_bytes": 12}
    say("undo", root, "--yes", "--quiet")
    code, words, _ = say("organize", root, "--dates", "file", "--duplicates", "trash", "--recursive", "--yes")
    assert code == 0 and "2 files too many, 17 B wasted by equal contents. Cleaned up as operation 3." in words
    document = json.loads(say("history", root, "--json")[1])
    assert [one["operation_type"] for one in document["operations"]][:2] == ["organize", "duplicate_cleanup"]
    assert f"Take that back:  fileorganizer undo {root} {document['operations'][1]['operation_id']}" in words
    assert say("organize", root, "--plan", "x", "--duplicates", "report")[0] == 2
    write_tree(root / "Documents/2014", {"again.txt": File("same content", mtime=OLD + 1)})
    code, words, _ = say("organize", root, "--dates", "file", "--duplicates", "trash", "--recursive", "--yes")
    assert code == 0 and "Cleaned up as operation 5" in words, "there was something to do, if nothing to move"
    assert stat.S_ISREG(os.stat(root / "Documents" / "2014" / "a.txt").st_mode)


@pytest.mark.parametrize("action", ["trash", "hardlink"])
def test_each_name_that_went_is_shown_and_explained(say: Any, root: Path, action: str) -> None:
    """Further names of a file, too; and which copy it was that stayed."""
    shown = say("duplicates", "clean", root, "--keep", "oldest", "--action", action, "--preview")[1]
    assert [line.split()[0] for line in shown.splitlines()].count(action) == 3
    assert say("duplicates", "clean", root, "--keep", "oldest", "--action", action, "--yes")[0] == 0
    words = say("show", root, "1")[1]
    where = "the trash" if action == "trash" else "a hard link to a.txt"
    assert all(f"done: {name} → {where}" in words for name in ("b.txt", "c.txt"))
    for name in ("b.txt", "c.txt"):
        code, words, _ = say("explain", root / name)
        assert code == 0 and "the same bytes as a.txt, which stayed" in words
    rows = json.loads(say("show", root, "1", "--json")[1])["files"]
    assert {row["keeper"] for row in rows} == {"a.txt", "d.pdf"}


def test_a_no_after_the_clean_up_tells_of_it(root: Path) -> None:
    """The duplicates are away by then; it says so, and how to get them back."""
    keys = [(b"Go ahead? [y/N]: ", b"y\n"), (b"Go ahead? [y/N]: ", b"n\n")]
    screen, code = on_a_terminal(["organize", str(root), "--dates", "file", "--duplicates", "trash"], keys)
    assert code == 12 and "The duplicates are cleaned up" in screen and "fileorganizer undo" in screen


def test_a_table_starts_no_formula(say: Any, root: Path) -> None:
    """A spreadsheet would count with such names."""
    write_tree(root, {"=1+1": "alike"})
    assert "'=1+1" in say("duplicates", root, "--csv")[1]
