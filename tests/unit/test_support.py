"""What the other tests stand on: trees written are trees read, and a manifest misses nothing."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.support.manifest import contents, difference, manifest
from tests.support.messy import make_messy_tree
from tests.support.trees import Fifo, File, Folder, HardLink, Link, Socket, plain, read_tree, write_tree

ODD = {
    b"bad-\xff\xfe.txt": b"\xff\x00",
    "new\nline\t\x1b": "x",
    "n" * 255: "long",
    "-rf ": {"e\u0301": "nfd", "\u00e9": "nfc", "empty": {}},
    "link": Link("nowhere"),
    "pipe": Fifo(),
    "socket": Socket(),
    "old": File("x", mtime="2019-05-06", mode=0o600, xattrs={"user.note": b"n"}),
    "holes": File("head", size=10_000),
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """Every kind of name and node comes back."""
    write_tree(tmp_path, ODD)
    assert read_tree(tmp_path) == plain(ODD)


def test_everything_is_backdated(tmp_path: Path) -> None:
    """Nothing in the tree, the root included, looks recently changed."""
    assert all(item.mtime_ns < 1_700_000_000 * 10**9 for item in write_tree(tmp_path, ODD).values())


def test_a_manifest_is_stable_and_leaves_the_control_directory_out(tmp_path: Path) -> None:
    """Writing below the control directory changes nothing of what is compared."""
    before = write_tree(tmp_path, {**ODD, "a": "1", "b": HardLink("a"), ".fileorganizer": {"lock": ""}})
    (tmp_path / ".fileorganizer" / "journal.db").write_text("x")
    assert difference(before, manifest(tmp_path)) == []
    assert before[b"a"].group == before[b"b"].group == b"a" and before[b"holes"].group == b""
    assert not any(path.startswith(b".fileorganizer") for path in before)


def _append(path: Path) -> None:
    path.write_text("other")
    os.utime(path, ns=(0, manifest(path.parent)[b"b"].mtime_ns))


CHANGES = {
    "content": lambda root: _append(root / "a"),
    "mode": lambda root: os.chmod(root / "a", 0o600),
    "mtime": lambda root: os.utime(root / "a", ns=(0, 1)),
    "owner": lambda root: os.chown(root / "a", 12, -1),
    "folder mode": lambda root: os.chmod(root / "d", 0o700),
    "folder mtime": lambda root: os.utime(root / "d", ns=(0, 1)),
    "root mtime": lambda root: os.utime(root, ns=(0, 1)),
    "xattr": lambda root: os.setxattr(root / "a", "user.x", b"1"),
    "new": lambda root: os.mkdir(root / "d" / "e"),
    "hard link broken": lambda root: (root / "b").unlink(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_a_manifest_sees(tmp_path: Path, change: object) -> None:
    """Each property of R14 shows up when it changes."""
    before = write_tree(tmp_path, {"a": "1", "b": HardLink("a"), "c": "1", "d": {}})
    try:
        change(tmp_path)  # type: ignore[operator]  # a callable
    except (PermissionError, OSError) as error:
        pytest.skip(f"this file system or user can't: {error}")
    assert difference(before, manifest(tmp_path))


def test_a_moved_file_is_named_with_its_new_place(tmp_path: Path) -> None:
    """The difference helps to find what became of a file."""
    before = write_tree(tmp_path, {"a": "1", "d": {}})
    (tmp_path / "a").rename(tmp_path / "d" / "x")
    lines = difference(before, manifest(tmp_path))
    assert any(line.startswith("gone: b'a'") and "b'd/x'" in line for line in lines)


def test_contents_count_inodes_once_and_the_trash_too(tmp_path: Path) -> None:
    """Contents survive a move to the trash; the trash's records and the journal are no contents."""
    write_tree(tmp_path, {"a": "1", "b": HardLink("a"), "c": "1", "d": {"e": "2"}, "l": Link("a")})
    before = contents(tmp_path)
    assert sorted(before.values()) == [1, 2]
    trash = tmp_path / ".fileorganizer" / "trash" / "op"
    trash.mkdir(parents=True)
    (tmp_path / "c").rename(trash / "1-0")
    (tmp_path / "d").rename(trash / "1-1")
    (trash / "1.names").write_text("record")
    (tmp_path / ".fileorganizer" / "journal.db").write_text("journal")
    assert contents(tmp_path) == before


def test_any_depth(tmp_path: Path) -> None:
    """Two thousand folders deep, far beyond PATH_MAX and the limit of open files."""
    tree: dict[str, object] = {"bottom": "x"}
    for _ in range(2_000):
        tree = {"deeper": tree}
    before = write_tree(tmp_path, tree)
    assert len(before) == 2_002 and difference(before, manifest(tmp_path)) == []
    assert sum(contents(tmp_path).values()) == 1
    _remove_deep(tmp_path, 2_000)


def _remove_deep(root: Path, depth: int) -> None:
    """Take the deep tree away level by level: pytest's own clean-up recurses."""
    aside = root / "aside"
    for _ in range(depth):
        (root / "deeper").rename(aside)
        if (aside / "deeper").exists():
            (aside / "deeper").rename(root / "deeper")
            aside.rmdir()


def test_a_folder_keeps_its_own_mode_and_time(tmp_path: Path) -> None:
    """Hard links made late don't disturb the dates of their folder."""
    before = write_tree(tmp_path, {"f": Folder({"x": "1", "y": HardLink("f/x")}, mtime=1.5, mode=0o555)})
    assert (before[b"f"].mtime_ns, before[b"f"].mode) == (1_500_000_000, 0o555)


def test_a_messy_tree_is_what_it_says_and_the_same_each_time(tmp_path: Path) -> None:
    """The seed decides everything, and the notes are true."""
    expected = make_messy_tree(tmp_path / "one", files=4_000)
    made = manifest(tmp_path / "one")
    make_messy_tree(tmp_path / "two", files=4_000)
    assert difference(made, manifest(tmp_path / "two")) == []
    kinds = Counter(item.kind for item in made.values())
    assert expected.files == kinds["file"] == 4_000
    assert (expected.folders + 1, expected.symlinks) == (kinds["folder"], kinds["symlink"])
    assert (expected.fifos, expected.sockets) == (kinds["fifo"], kinds["socket"])
    noted = expected.whole | expected.unfinished | expected.kept_empty | {path for f in expected.families for path in f}
    assert noted <= made.keys()
    assert sum(bool(item.group) for item in made.values()) > expected.hard_links > 100
