"""What is opened is the file that was seen, or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import identity_of
from fileorganizer.fs.opening import open_unchanged
from fileorganizer.model import Identity
from tests.support.trees import Link, write_tree


def seen(path: Path) -> Identity:
    """Which file it is now."""
    return identity_of(path.lstat())


def test_the_file_that_was_seen(tmp_path: Path) -> None:
    """It can be read."""
    write_tree(tmp_path, {"in": {"a.txt": "abc"}})
    with Root(os.fsencode(tmp_path)) as root:
        fd = open_unchanged(root, b"in/a.txt", seen(tmp_path / "in/a.txt"))
        assert fd is not None and os.read(fd, 10) == b"abc"
        os.close(fd)


def test_on_a_device_that_has_another_number_now(tmp_path: Path) -> None:
    """Devices are numbered when the system starts; beneath the same root it is the same file."""
    write_tree(tmp_path, {"a": "abc"})
    file = msgspec.structs.replace(seen(tmp_path / "a"), dev=1)
    with Root(os.fsencode(tmp_path)) as root:
        fd = open_unchanged(root, b"a", file)
        assert fd is not None
        os.close(fd)
        assert open_unchanged(root, b"a", msgspec.structs.replace(file, ino=file.ino + 1)) is None


def test_anything_else_isnt_opened(tmp_path: Path) -> None:
    """S42, S49: nothing, another file, a changed one, a link on the way or at the end, a folder, a FIFO: none of them, and no hang."""
    tree = {"a": "a", "b": "b", "in": {"a": "a"}, "way": Link("in"), "link": Link("a"), "folder": {}}
    write_tree(tmp_path, tree)
    os.mkfifo(tmp_path / "pipe.jpg")
    file = seen(tmp_path / "a")
    with Root(os.fsencode(tmp_path)) as root:
        assert open_unchanged(root, b"none", file) is None
        assert open_unchanged(root, b"b", file) is None
        assert open_unchanged(root, b"link", file) is None
        assert open_unchanged(root, b"way/a", seen(tmp_path / "in/a")) is None
        assert open_unchanged(root, b"../x", file) is None
        for name in ("folder", "pipe.jpg", "link"):
            assert open_unchanged(root, os.fsencode(name), seen(tmp_path / name)) is None
        (tmp_path / "a").write_text("changed")
        assert open_unchanged(root, b"a", file) is None


def test_swapped_right_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes the place of the file between the look and the opening is closed again."""
    write_tree(tmp_path, {"a": "a", "b": "b"})
    file = seen(tmp_path / "a")
    real_open, opened = os.open, []

    def swapping(name: bytes, flags: int, *, dir_fd: int | None = None) -> int:
        os.replace(tmp_path / "b", tmp_path / "a")
        opened.append(real_open(name, flags, dir_fd=dir_fd))
        return opened[-1]

    with Root(os.fsencode(tmp_path)) as root:
        monkeypatch.setattr(os, "open", swapping)
        assert open_unchanged(root, b"a", file) is None
    monkeypatch.undo()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
