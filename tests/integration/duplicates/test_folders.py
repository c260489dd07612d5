"""Must show 6: copied, partly copied and nested folders are found with what differs; nothing is claimed that isn't so."""

from __future__ import annotations

from pathlib import Path

import pytest

from fileorganizer import cleaner
from fileorganizer.cleaner import Cleaning
from fileorganizer.duplicates.folders import Contained
from fileorganizer.searcher import FoldersFound, compare_folders
from tests.support.trees import Fifo, HardLink, Link, Tree, write_tree

PHOTOS: Tree = {"one.jpg": "1", "two.jpg": "2", "best": {"three.jpg": "3", "four.jpg": "4"}, "empty": ""}


def compared(root: Path, tree: Tree) -> FoldersFound:
    """The folders of a tree, compared."""
    write_tree(root, tree)
    return compare_folders(root)


def pairs(found: FoldersFound) -> list[tuple[bytes, bytes]]:
    """Who is in whom."""
    return [(pair.inner, pair.outer) for pair in found.contained]


def test_copied_folders_are_the_same_as_a_whole(tmp_path: Path) -> None:
    """Told once, at the top; parts of them aren't told again, but the same part elsewhere is."""
    tree = {"a": PHOTOS, "deep": {"b": PHOTOS}, "elsewhere": {"best": PHOTOS["best"]}, "odd": "x"}
    found = compared(tmp_path, tree)
    assert [(one.paths, one.files, one.size) for one in found.same] == [
        ((b"a", b"deep/b"), 5, 4),
        ((b"a/best", b"deep/b/best", b"elsewhere/best"), 2, 2),
    ]
    assert (b"elsewhere", b"a") not in pairs(found), "its best is told already"


def test_a_part_is_contained(tmp_path: Path) -> None:
    """All files of one are in the other, under the same relative names."""
    found = compared(tmp_path, {"all": {**PHOTOS, "five.jpg": "5"}, "part": {"one.jpg": "1", "best": PHOTOS["best"]}})
    assert found.contained == [Contained(b"part", b"all", 3, 3, (), (), 3, (b"empty", b"five.jpg", b"two.jpg"))]
    assert found.contained[0].is_whole


def test_the_few_that_differ_are_named(tmp_path: Path) -> None:
    """Changed, missing, added."""
    many = {f"{number}.txt": f"text {number}" for number in range(20)}
    other = {**many, "3.txt": "changed", "sub": {"new": "n"}}
    del other["7.txt"]
    found = compared(tmp_path, {"a": many, "b": other})
    assert found.same == []
    assert found.contained == [
        Contained(
            b"a",
            b"b",
            18,
            sum(len(f"text {n}") for n in range(20) if n not in (3, 7)),
            (b"7.txt",),
            (b"3.txt",),
            1,
            (b"sub/new",),
        )
    ]
    assert not found.contained[0].is_whole


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"one.jpg": "I"}, "other content"),
        ({"one.jpeg": "1"}, "one more name"),
        ({"link": Link("one.jpg")}, "a link, which isn't compared"),
        ({"pipe": Fifo()}, "something that can't be read"),
        ({".secret": "s"}, "a hidden file counts"),
        ({"best": {"three.jpg": "3", "four.jpg": "5"}}, "deep inside"),
        ({".git": {"HEAD": "ref"}}, "a project is looked into"),
    ],
)
def test_what_differs_is_not_the_same(tmp_path: Path, change: Tree, why: str) -> None:
    """Not one claim of sameness for the whole."""
    found = compared(tmp_path, {"a": PHOTOS, "b": {**PHOTOS, **change}})
    assert all(set(one.paths) != {b"a", b"b"} for one in found.same), why
    named = {path for pair in found.contained for path in (*pair.missing, *pair.differing, *pair.extra_named)}
    assert named, why


def test_what_the_system_drops_is_passed_over(tmp_path: Path) -> None:
    """A thumbnail cache makes no other folder; nor do hard links, or folders without files."""
    tree = {"a": {**PHOTOS, "Thumbs.db": "x"}, "b": {"one.jpg": HardLink("a/one.jpg"), "nothing": {}}}
    tree["b"] |= {name: node for name, node in PHOTOS.items() if name != "one.jpg"}
    assert compared(tmp_path, tree).same[0].paths == (b"a", b"b")


def test_a_folder_with_a_trash_of_its_own_is_no_mere_copy(tmp_path: Path) -> None:
    """Who deletes one of two equal folders would delete what lies there, and what an undo needs."""
    write_tree(tmp_path, {"a": {**PHOTOS, "again.jpg": PHOTOS["one.jpg"]}, "b": PHOTOS})
    cleaner.clean_up(tmp_path / "a", Cleaning(keep="in:one.jpg"))
    found = compare_folders(tmp_path)
    assert [one.paths for one in found.same] == [(b"a/best", b"b/best")]
    (pair,) = found.contained
    assert (pair.inner, pair.outer, pair.extra_named) == (b"b", b"a", (b".fileorganizer",))
    assert [skip.path for skip in found.not_compared] == [b"a/.fileorganizer"]


def test_little_in_common_is_not_told(tmp_path: Path) -> None:
    """One file of five, or the same contents under other names."""
    assert (
        compared(tmp_path / "1", {"a": PHOTOS, "b": {"one.jpg": "1", "x": "x", "y": "y", "z": "z", "w": "w"}}).contained
        == []
    )
    found = compared(tmp_path / "2", {"a": {"x": "1", "y": "2", "z": "3"}, "b": {"y": "1", "z": "2", "x": "3"}})
    assert found.same == [] and found.contained == []


def test_a_folder_in_itself_is_no_copy(tmp_path: Path) -> None:
    """A copy inside the folder that it was made of."""
    found = compared(tmp_path, {"a": {"one.jpg": "1", "two.jpg": "2", "copy": {"one.jpg": "1", "two.jpg": "2"}}})
    assert found.same == [] and found.contained == []


def test_files_with_many_namesakes_count_when_pairs_are_compared(tmp_path: Path) -> None:
    """Thirty folders with the same licence suggest nothing by it, but it isn't a difference either."""
    folders = {
        f"p{n}": {"LICENSE": "free", "code.c": f"{n // 2}", "more.c": f"{n // 2}+", f"own{n}": f"{n}"}
        for n in range(30)
    }
    found = compared(tmp_path, folders)
    assert found.contained == [] and found.same == [], "three of four isn't nearly"
    write_tree(tmp_path, {"p1": {"third.c": "3"}, "p0": {"third.c": "3"}})
    assert pairs(compare_folders(tmp_path)) == [(b"p0", b"p1")]
