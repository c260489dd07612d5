"""A name may be anything by the time it is opened."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fileorganizer.classify.by_content import HEAD_BYTES
from fileorganizer.classify.classifier import open_regular, read_head


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """A descriptor of ``tmp_path``."""
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def open_descriptors() -> int:
    """How many descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("content", [b"", b"short", os.urandom(HEAD_BYTES * 2)])
def test_the_head_of_a_file(tmp_path: Path, folder: int, content: bytes) -> None:
    """Whole if the file is short; any name will do."""
    name = b"\xff\n photo.jpg"
    (tmp_path / os.fsdecode(name)).write_bytes(content)
    assert read_head(folder, name) == content[:HEAD_BYTES]


@pytest.mark.timeout(5)
def test_a_fifo_is_refused_without_waiting(tmp_path: Path, folder: int) -> None:
    """S49: nobody writes to it, ever."""
    os.mkfifo(tmp_path / "photo.jpg")
    before = open_descriptors()
    with pytest.raises(OSError, match="not a regular file") as refused:
        read_head(folder, b"photo.jpg")
    assert refused.value.errno == errno.EINVAL and open_descriptors() == before


def test_what_is_no_file_is_refused(tmp_path: Path, folder: int) -> None:
    """Folder, symbolic link, socket, nothing: each with its own errno, no descriptor left open."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    before = open_descriptors()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
    refusals = {}
    for name in (b"folder", b"link", b"socket", b"gone"):
        with pytest.raises(OSError) as refused:  # noqa: PT011 - the number is the point
            read_head(folder, name)
        refusals[name] = refused.value.errno
    assert refusals == {b"folder": errno.EINVAL, b"link": errno.ELOOP, b"socket": errno.ENXIO, b"gone": errno.ENOENT}
    assert open_descriptors() == before


def test_reading_leaves_the_access_time(tmp_path: Path, folder: int) -> None:
    """For files of our own."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    os.utime(path, ns=(1, 2))
    assert read_head(folder, b"file") and path.stat().st_atime_ns == 1


def test_a_file_of_someone_else_is_read_all_the_same(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O_NOATIME is refused with EPERM there."""
    (tmp_path / "file").write_bytes(b"x")
    really_open = os.open

    def strict(name: bytes, flags: int, *, dir_fd: int) -> int:
        if flags & os.O_NOATIME:
            raise PermissionError(errno.EPERM, "not the owner")
        return really_open(name, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", strict)
    assert read_head(folder, b"file") == b"x"


def test_the_descriptor_is_for_reading_and_not_inherited(tmp_path: Path, folder: int) -> None:
    """What the caller gets from ``open_regular``."""
    (tmp_path / "file").write_bytes(b"x")
    fd = open_regular(folder, b"file")
    assert not os.get_inheritable(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(fd, b"y")
    os.close(fd)
