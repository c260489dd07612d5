"""A copy is whole, compared, durable and complete, or it isn't there."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fileorganizer.fs import copying, faults
from fileorganizer.fs.identity import identity_of
from fileorganizer.model import Identity
from tests.support.disks import image, need_root, nobody
from tests.support.trees import Fifo, File, Link, write_tree


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """The open folder of the test."""
    opened = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield opened
    os.close(opened)


def copy(fd: int, seen: Identity | None = None, progress: Callable[[int], object] = lambda _n: None) -> list[str]:
    """Copy ``source`` to ``copy``, as it is now unless the plan saw it otherwise."""
    seen = seen or identity_of(os.stat("source", dir_fd=fd, follow_symlinks=False))
    return copying.copy_to_temporary(fd, b"source", fd, b"copy", seen, progress)  # type: ignore[arg-type]  # result unused


def facts(path: Path) -> tuple[object, ...]:
    """What a copy must keep."""
    status = path.stat()
    xattrs = {name: os.getxattr(path, name) for name in os.listxattr(path)}
    return status.st_mode, status.st_uid, status.st_gid, status.st_size, status.st_mtime_ns, xattrs, path.read_bytes()


def test_f60_everything_is_kept(tmp_path: Path, fd: int) -> None:
    """Bytes, holes, mode, owner, times, attributes, an ACL."""
    need_root("owners")
    write_tree(tmp_path, {"source": File(b"begin", mode=0o4751, xattrs={"user.k": b"v"}, size=9 << 20)})
    os.chown(tmp_path / "source", 1234, 4321)
    os.chmod(tmp_path / "source", 0o4751)
    acl = bytes.fromhex("02000000 01000700ffffffff 02000400d2040000 04000500ffffffff 10000700ffffffff 20000100ffffffff")
    os.setxattr(tmp_path / "source", "system.posix_acl_access", acl)
    os.utime(tmp_path / "source", ns=(1, 1_400_000_000_123_456_789))
    assert copy(fd) == []
    assert facts(tmp_path / "copy") == facts(tmp_path / "source")
    assert (tmp_path / "copy").stat().st_blocks <= (tmp_path / "source").stat().st_blocks + 8


def test_blocks_are_shared_where_that_is_possible(tmp_path: Path) -> None:
    """xfs shares them; the copy is as good, and not a byte passes through this process."""
    with image(tmp_path / "xfs", "xfs", "-q") as disk:
        write_tree(disk, {"source": File(os.urandom(3 << 20))})
        opened = os.open(disk, os.O_RDONLY | os.O_DIRECTORY)
        told: list[int] = []
        assert copy(opened, progress=told.append) == []
        os.close(opened)
        assert told == []
        assert facts(disk / "copy") == facts(disk / "source")


def test_what_is_refused_is_said(tmp_path: Path, fd: int) -> None:
    """Another's file: the copy stands, the loss of its owner is named."""
    need_root("owners")
    write_tree(tmp_path, {"source": File(b"x", xattrs={"user.k": b"v"})})
    (tmp_path / "source").chmod(0o644)
    tmp_path.chmod(0o777)
    with nobody():
        refused = copy(fd)
    assert refused == ["owner: Operation not permitted"]
    assert os.listxattr(tmp_path / "copy") == ["user.k"]


@pytest.mark.parametrize("node", [Link("elsewhere"), Fifo(), {}])
def test_f61_only_files_are_copied(tmp_path: Path, fd: int, node: object) -> None:
    """A link, a pipe, a folder: refused at once, without waiting and without reading."""
    write_tree(tmp_path, {"source": node, "elsewhere": "x"})
    with pytest.raises((copying.SourceChanged, OSError)):
        copy(fd)
    assert not (tmp_path / "copy").exists()


def _truncate(path: Path) -> None:
    """Cut it to nothing."""
    os.truncate(path, 0)


@pytest.mark.parametrize(
    "change", [_truncate, lambda path: path.write_bytes(b"other"), lambda path: os.utime(path, (1, 1))]
)
def test_the_source_changes_meanwhile(tmp_path: Path, fd: int, change: Callable[[Path], object]) -> None:
    """Cut, written to, touched: no copy is left."""
    write_tree(tmp_path, {"source": File(os.urandom(3 * copying.CHUNK))})
    told: list[int] = []

    def first_chunk(count: int) -> None:
        if not told:
            change(tmp_path / "source")
        told.append(count)

    with pytest.raises(copying.SourceChanged):
        copy(fd, progress=first_chunk)
    assert told
    assert not (tmp_path / "copy").exists()


def test_the_source_was_changed_before(tmp_path: Path, fd: int) -> None:
    """Then nothing is begun."""
    write_tree(tmp_path, {"source": "x"})
    seen = identity_of(os.stat(tmp_path / "source"))
    os.utime(tmp_path / "source")
    with pytest.raises(copying.SourceChanged):
        copy(fd, seen)
    assert not (tmp_path / "copy").exists()


def test_what_is_read_back_differs(tmp_path: Path, fd: int) -> None:
    """A disk that keeps other bytes than it was given is noticed."""
    write_tree(tmp_path, {"source": File(b"right" * 1000)})

    def spoil(_count: int) -> None:
        with (tmp_path / "copy").open("r+b") as file:
            file.write(b"wrong")

    with pytest.raises(copying.CopyDiffers):
        copy(fd, progress=spoil)
    assert not (tmp_path / "copy").exists()


def test_a_copy_never_replaces(tmp_path: Path, fd: int) -> None:
    """Not even its own temporary name."""
    write_tree(tmp_path, {"source": "x", "copy": "somebody's"})
    with pytest.raises(FileExistsError):
        copy(fd)
    assert (tmp_path / "copy").read_text() == "somebody's"


def test_f27_short_reads_and_writes_are_gone_on_with(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes at a time come to the same content."""
    write_tree(tmp_path, {"source": File(os.urandom(5_000))})
    read, write = os.pread, os.pwrite
    monkeypatch.setattr(copying.os, "pread", lambda fd, count, at: read(fd, min(count, 701), at))
    monkeypatch.setattr(copying.os, "pwrite", lambda fd, block, at: write(fd, block[:97], at))
    assert copy(fd) == []
    assert facts(tmp_path / "copy") == facts(tmp_path / "source")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_that_can_t_tell_its_holes(
    tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Everything is copied then."""
    write_tree(tmp_path, {"source": File(b"begin", size=3 << 20)})

    def can_t(*_: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(copying.os, "lseek", can_t)
    told: list[int] = []
    assert copy(fd, progress=told.append) == []
    assert sum(told) == 3 << 20
    assert facts(tmp_path / "copy") == facts(tmp_path / "source")


def test_f21_a_read_error_is_no_end(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO while looking for holes, or while reading, is raised; no copy is left."""
    write_tree(tmp_path, {"source": File(b"begin", size=3 << 20)})

    def broken(*_: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    for call in ("lseek", "pread"):
        with monkeypatch.context() as patch:
            patch.setattr(copying.os, call, broken)
            with pytest.raises(OSError, match="Input/output"):
                copy(fd)
        assert not (tmp_path / "copy").exists()


def test_own_temporary_names_are_removed(tmp_path: Path, fd: int) -> None:
    """Also one that isn't there any more."""
    write_tree(tmp_path, {"copy": "half"})
    for _ in range(2):
        copying.remove_own_temporary(fd, b"copy")
    assert list(tmp_path.iterdir()) == []


def test_a_stop_between_two_chunks(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised there, the half copy goes."""
    write_tree(tmp_path, {"source": File(os.urandom(3 * copying.CHUNK))})

    def stop(name: str) -> None:
        if name == "copy.chunk":
            raise KeyboardInterrupt

    monkeypatch.setattr(faults, "action", stop)
    with pytest.raises(KeyboardInterrupt):
        copy(fd)
    assert not (tmp_path / "copy").exists()
