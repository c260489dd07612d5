"""What a plan, an undo or a check says or changes that isn't so: found by reading, each failed before."""

from __future__ import annotations

import os
import shutil
import stat
import struct
from contextlib import suppress
from pathlib import Path

import pytest

from fileorganizer import cleaner, organizer
from fileorganizer.cleaner import Cleaning
from fileorganizer.errors import InvalidOption, OperationDependency
from fileorganizer.model import Options
from tests.integration.test_crash import kill_at
from tests.support.crash import in_child
from tests.support.disks import image
from tests.support.manifest import difference, manifest
from tests.support.trees import File, Folder, HardLink, read_tree, write_tree

OLD = 1_400_000_000
LOOSE = Options(dates="file")
RECURSIVE = Options(dates="file", recursive=True)
NEWER = Options(dates="file", recursive=True, conflict="keep_newer")
PAGE = {"page.html": File("page", mtime=OLD), "page_files": {"x.png": File("piece", mtime=OLD)}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder that isn't there yet."""
    return tmp_path / "root"


def told(root: Path, operation: str = "1") -> dict[bytes, str]:
    """Of each file that isn't done, the reason."""
    with organizer.show(root, operation) as shown:
        return {row.path: row.reason for row in shown.files if row.state != "done"}


# folders of the user's own


def test_a_folder_that_the_user_made_again_keeps_its_metadata(root: Path) -> None:
    """The one that was removed could be read by everybody, the new one can't: an undo brings files into it, no more."""
    write_tree(root, {"in": Folder({"a.txt": File("a", mtime=OLD)}, mode=0o777)})
    organizer.organize(root, RECURSIVE)
    (root / "in").mkdir(mode=0o700)
    organizer.undo(root)
    assert (read_tree(root), stat.S_IMODE((root / "in").stat().st_mode)) == ({"in": {"a.txt": "a"}}, 0o700)


@pytest.mark.parametrize("point", ["mkdir.after", "move.after", "rmdir.after"])
def test_a_folder_that_an_undo_made_again_gets_them(root: Path, point: str) -> None:
    """Also when that one was cut off, and another one goes on."""
    before = write_tree(root, {"in": Folder({"a.txt": File("a", mtime=OLD)}, mode=0o750, mtime=1_222_222_222)})
    organizer.organize(root, RECURSIVE)
    assert not in_child(lambda: organizer.undo(root), kill_at(point))
    organizer.recover(root)
    organizer.undo(root, "1")
    assert difference(before, manifest(root)) == []


def test_a_folder_made_in_the_place_of_one_that_an_undo_made(root: Path) -> None:
    """A part was taken back, and the folder made for that removed again: the next one there is the user's own, whatever its inode."""
    both = {name: File(name, mtime=OLD) for name in ("a.txt", "b.txt")}
    write_tree(root, {"in": Folder(both, mode=0o777)})
    organizer.organize(root, RECURSIVE)
    organizer.undo(root, paths=[b"in/a.txt"])
    (root / "in/a.txt").rename(root / "a.txt")
    (root / "in").rmdir()
    (root / "in").mkdir(mode=0o700)
    organizer.undo(root, "1")
    assert (read_tree(root), stat.S_IMODE((root / "in").stat().st_mode)) == (
        {"a.txt": "a.txt", "in": {"b.txt": "b.txt"}},
        0o700,
    )


def test_a_removed_folder_that_had_no_access_list(root: Path) -> None:
    """The one above it was given one since for all that is made in it: what an undo makes again doesn't keep that."""
    everybody = b"".join(
        struct.pack("<HHI", tag, rights, who)
        for tag, rights, who in (
            (1, 7, -1 & 0xFFFFFFFF),
            (2, 7, 65_534),
            (4, 5, -1 & 0xFFFFFFFF),
            (16, 7, -1 & 0xFFFFFFFF),
        )
    )
    write_tree(root, {"in": Folder({"a.txt": File("a", mtime=OLD)}, mode=0o750)})
    try:
        os.setxattr(
            root, "system.posix_acl_default", struct.pack("<I", 2) + everybody + struct.pack("<HHI", 32, 0, 0xFFFFFFFF)
        )
    except OSError:
        pytest.skip("no access lists on this file system: NOT COVERED")
    before = manifest(root)
    organizer.organize(root, RECURSIVE)
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


# places


def test_the_control_directory_is_no_destination(root: Path) -> None:
    """What is in there is shown to nobody, and goes with it when somebody begins anew."""
    write_tree(root, {"a.txt": File("a", mtime=OLD), "sub": {}})
    for below in (".fileorganizer", ".fileorganizer/trash", "sub/.FileOrganizer/x"):
        with pytest.raises(InvalidOption, match="where the journal lives"):
            organizer.organize(root, Options(dates="file", destination=str(root / below)))
    assert read_tree(root) == {"a.txt": "a", "sub": {}}


def test_a_trial_of_shared_blocks_that_was_cut_off(root: Path) -> None:
    """The next one removes what it has left, instead of failing for ever."""
    write_tree(root, {name: File("same", mtime=OLD) for name in ("a.txt", "b.txt")})
    (root / ".fileorganizer").mkdir()
    for name in ("share-a", "share-b"):
        (root / ".fileorganizer" / name).touch()
    with suppress(InvalidOption):  # where blocks can't be shared
        cleaner.clean_up(root, Cleaning("oldest", "reflink"))
    assert list((root / ".fileorganizer").glob("share-*")) == []


def test_a_folder_that_was_made_again_twice_gets_its_time_back(root: Path) -> None:
    """By an undo of a part of the first run, then by the undo of a run in between: it is still the one that the first removed."""
    before = write_tree(root, {"deep": {"a.txt": File("a", mtime=OLD), "b.txt": File("b", mtime=OLD)}})
    options = Options(dates="file", recursive=True)
    first = organizer.organize(root, options).operation
    assert first is not None
    organizer.undo(root, first.operation_id, paths=[b"deep/a.txt"])
    organizer.organize(root, options)
    organizer.undo(root)
    organizer.undo(root, first.operation_id)
    assert difference(before, manifest(root)) == []


# families


def test_a_page_at_the_greatest_depth_keeps_its_pieces(root: Path) -> None:
    """The folder beside it is a piece of it, not a deeper level; others are."""
    before = write_tree(root, {**PAGE, "deep": {"a.txt": "a"}})
    organizer.organize(root, Options(dates="file", recursive=True, max_depth=1))
    assert read_tree(root) == {
        "Code": {"2014": {"page.html": "page", "page_files": {"x.png": "piece"}}},
        "deep": {"a.txt": "a"},
    }
    assert told(root) == {b"deep": "too-deep"}
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


@pytest.mark.parametrize("mode", ["copy", "hardlink"])
def test_a_page_with_pieces_is_only_moved(root: Path, tmp_path: Path, mode: str) -> None:
    """A folder isn't copied as one thing: that is planned and told so, not tried and called changed."""
    (tmp_path / "there").mkdir()
    write_tree(root, {**PAGE, "a.txt": File("a", mtime=OLD)})
    organizer.organize(root, Options(dates="file", mode=mode, destination=str(tmp_path / "there")))
    assert read_tree(tmp_path / "there") == {"Documents": {"2014": {"a.txt": "a"}}}
    assert told(root) == {b"page.html": "with-companion", b"page_files": "not-supported"}


def test_an_older_file_with_another_name_that_moves_too(root: Path) -> None:
    """Each rename of one of its names changes the ctime of all: it is the file that was planned all the same."""
    older = {"Documents": {"2014": {"t.txt": File("older", mtime=OLD)}}, "u.txt": HardLink("Documents/2014/t.txt")}
    write_tree(root, {**older, "t.txt": File("newer", mtime=OLD + 900)})
    organizer.organize(root, Options(dates="file", conflict="keep_newer"))
    assert read_tree(root) == {"Documents": {"2014": {"t (2).txt": "older", "t.txt": "newer", "u.txt": "older"}}}


def test_an_older_picture_keeps_its_name_for_its_sidecar(root: Path) -> None:
    """Otherwise what is said about it would be said about the newer one."""
    write_tree(
        root,
        {
            "a.jpg": File("newer", mtime=OLD + 9),
            "Images": {"2014": {"a.jpg": File("older", mtime=OLD), "a.xmp": File("of the older", mtime=OLD)}},
        },
    )
    organizer.organize(root, NEWER)
    assert read_tree(root) == {
        "Images": {"2014": {"a.jpg": "older", "a.xmp": "of the older", "a (2).jpg": "newer"}},
    }


@pytest.mark.parametrize("options", [{"exclude": ("2014/",)}, {"max_depth": 2}])
def test_an_older_file_in_a_folder_that_is_left_alone(root: Path, options: dict[str, object]) -> None:
    """Nothing in there gets another name."""
    write_tree(
        root,
        {"a.txt": File("newer", mtime=OLD + 9), "Documents": {"2014": {"a.txt": File("older", mtime=OLD)}}},
    )
    organizer.organize(root, Options(dates="file", recursive=True, conflict="keep_newer", **options))  # type: ignore[arg-type]
    assert read_tree(root) == {"Documents": {"2014": {"a.txt": "older", "a (2).txt": "newer"}}}


# operations that hinder


def test_an_undo_that_left_something_hinders_no_other(root: Path, tmp_path: Path) -> None:
    """A file was linked to another folder and deleted here. Its link can't be taken back, so that was asked for for ever."""
    (tmp_path / "there").mkdir()
    write_tree(root, {f"{name}.txt": File(name, mtime=OLD) for name in "ab"})
    organizer.organize(root, LOOSE)
    organizer.organize(
        root, Options(dates="file", recursive=True, mode="hardlink", destination=str(tmp_path / "there"))
    )
    (root / "Documents/2014/a.txt").unlink()
    with pytest.raises(OperationDependency, match="Operation 2"):
        organizer.undo(root, "1")
    organizer.undo(root)
    organizer.undo(root)
    assert (read_tree(root), told(root, "4")) == ({"b.txt": "b"}, {b"a.txt": "missing"})


@pytest.mark.root
def test_a_later_file_with_the_number_of_a_deleted_one(tmp_path: Path) -> None:
    """ext4 gives the inode of a deleted file to the next: who moved that one has moved nothing of the first operation."""
    with image(tmp_path / "disk", "ext4", "-q") as disk:
        root = disk / "root"
        write_tree(root, {f"{name}.txt": File(name, mtime=OLD) for name in "ab"})
        organizer.organize(root, LOOSE)
        deleted = root / "Documents/2014/a.txt"
        inode = deleted.stat().st_ino
        deleted.unlink()
        for number in range(1_000):
            write_tree(root, {f"new {number}.txt": File(f"new {number}", mtime=OLD)})
            if (root / f"new {number}.txt").stat().st_ino == inode:
                break
        organizer.organize(root, LOOSE)
        with organizer.preview_undo(root, "1") as plan:
            assert (plan.head.review.planned, plan.head.review.left_by_reason) == (1, {"missing": 1})


# verify


def test_verify_knows_a_place_by_both_its_names(tmp_path: Path) -> None:
    """A root inside the destination: what one run brought there another moves on, under another path."""
    root = tmp_path / "there/Documents"
    write_tree(root, {"in": {"a.txt": File("a", mtime=OLD)}})
    organizer.organize(root, Options(dates="file", recursive=True, layout="category", destination=str(root.parent)))
    organizer.organize(root, Options(dates="file", recursive=True, layout="year"))
    assert [path.relative_to(root) for path in root.glob("[!.]*/*")] == [Path("2014/a.txt")]
    assert organizer.verify(root).problems == []


def test_verify_where_inodes_are_numbered_anew(root: Path) -> None:
    """As FAT does at each mount, or when a root was brought back from a backup: the same size and time is the same file."""
    write_tree(root, {"a.txt": File("a", mtime=OLD), "b.txt": File("b", mtime=OLD)})
    organizer.organize(root, LOOSE)
    there = root / "Documents/2014"
    shutil.copy2(there / "a.txt", there / "new")
    os.replace(there / "new", there / "a.txt")
    (there / "new").write_text("another")
    os.replace(there / "new", there / "b.txt")
    problems = organizer.verify(root).problems
    assert [(problem.code, problem.path) for problem in problems] == [("another-file", b"Documents/2014/b.txt")]
