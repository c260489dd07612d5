"""System calls that Python doesn't wrap: what they answer, and that an answer is never guessed."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from fileorganizer.fs import _linux
from tests.support.disks import mounted, tmpfs
from tests.support.trees import Link, read_tree, write_tree

FOLDER = os.O_RDONLY | os.O_DIRECTORY


class Answers:
    """The C library, of which one call answers first what the test says."""

    def __init__(self, call: str, *numbers: int) -> None:
        """``call`` fails once with each of ``numbers`` before it is done for real."""
        self._call, self._numbers = call, list(numbers)

    def __getattr__(self, name: str) -> Any:
        """A call of the library, or the one that fails."""
        real = getattr(_linux_library, name)

        def failing(*arguments: Any) -> int:
            if self._numbers:
                ctypes.set_errno(self._numbers.pop(0))
                return -1
            return int(real(*arguments))

        return failing if name == self._call else real


_linux_library = _linux._libc


@pytest.fixture
def fd(tmp_path: Path) -> Any:
    """The open folder of the test."""
    opened = os.open(tmp_path, FOLDER)
    yield opened
    os.close(opened)


@pytest.mark.parametrize("there", ["file", "dangling link", "folder", "another name of the source"])
def test_an_exclusive_rename_replaces_nothing(tmp_path: Path, fd: int, there: str) -> None:
    """Whatever has the name keeps it."""
    write_tree(tmp_path, {"a": "a"})
    if there == "another name of the source":
        os.link(tmp_path / "a", tmp_path / "b")
    else:
        write_tree(tmp_path, {"b": {"file": "b", "dangling link": Link("none"), "folder": {}}[there]})
    before = read_tree(tmp_path)
    with pytest.raises(FileExistsError):
        _linux.rename_noreplace(fd, b"a", fd, b"b")
    assert read_tree(tmp_path) == before


def test_an_interrupted_call_is_repeated(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """EINTR and EAGAIN (somebody renames folders just then) are no answers."""
    write_tree(tmp_path, {"a": {"b": {}}})
    monkeypatch.setattr(_linux, "_libc", Answers("syscall", errno.EINTR, errno.EAGAIN))
    opened = _linux.open_beneath(fd, b"a/b", FOLDER)
    assert os.fstat(opened).st_ino == (tmp_path / "a/b").stat().st_ino
    os.close(opened)


@pytest.mark.parametrize(
    ("path", "number"), [(b"link/b", errno.ELOOP), (b"../x", errno.EXDEV), (b"/etc", errno.EXDEV), (b"n", errno.ENOENT)]
)
def test_nothing_outside_is_opened(tmp_path: Path, fd: int, path: bytes, number: int) -> None:
    """Links, dots and absolute paths have their errors."""
    write_tree(tmp_path, {"a": {"b": {}}, "link": Link("a")})
    with pytest.raises(OSError) as refused:  # noqa: PT011  # the number is what counts
        _linux.open_beneath(fd, path, FOLDER)
    assert refused.value.errno == number


def test_mounts_are_told_apart(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a bind mount of the same file system; 0 where the kernel doesn't tell."""
    write_tree(tmp_path, {"a": {}, "b": {}})
    with mounted(tmp_path / "b", "--bind", str(tmp_path / "a")):
        bound = os.open(tmp_path / "b", FOLDER)
        assert os.fstat(bound).st_dev == os.fstat(fd).st_dev
        assert _linux.mount_id(bound) != _linux.mount_id(fd) > 0
        os.close(bound)
    monkeypatch.setattr(_linux, "_libc", Answers("statx", errno.ENOSYS))
    assert _linux.mount_id(fd) == 0


def test_when_a_file_was_made(tmp_path: Path, fd: int) -> None:
    """Not what its times say, which anybody can set; what isn't there has an error, not a time."""
    write_tree(tmp_path, {"a": "a"})
    os.utime(tmp_path / "a", (0, 0))
    assert _linux.birth_time(fd, b"a") > 0
    with pytest.raises(FileNotFoundError):
        _linux.birth_time(fd, b"none")


def test_a_failed_sync_is_told(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system is synced, or there is an error with its number."""
    with tmpfs(tmp_path / "disk"):
        own = os.open(tmp_path / "disk", FOLDER)
        _linux.sync_file_system(own)
        os.close(own)
    monkeypatch.setattr(_linux, "_libc", Answers("syncfs", errno.EIO))
    with pytest.raises(OSError) as failed:  # noqa: PT011  # the number is what counts
        _linux.sync_file_system(fd)
    assert failed.value.errno == errno.EIO
