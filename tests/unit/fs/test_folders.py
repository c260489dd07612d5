"""Folders come back as they were, and what was refused is said."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fileorganizer.fs import folders
from tests.support.disks import need_root, nobody
from tests.support.trees import Folder, write_tree

OLD = 1_400_000_000


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """The open folder of the test."""
    opened = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield opened
    os.close(opened)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[int]:
    """An open folder with more to it than what it holds."""
    write_tree(tmp_path, {"a": Folder({}, mode=0o2751, mtime=OLD, xattrs={"user.k": b"v"})})
    opened = os.open(tmp_path / "a", os.O_RDONLY | os.O_DIRECTORY)
    yield opened
    os.close(opened)


def test_a_folder_goes_and_comes_back(tmp_path: Path, fd: int, there: int) -> None:
    """Mode, owner, attributes and time are what they were."""
    need_root("owners")
    os.fchown(there, 1234, 4321)
    os.fchmod(there, 0o2751)
    before = folders.folder_facts(there, 0, b"a", with_xattrs=True)
    assert dict(before.xattrs) == {"user.k": b"v"}
    folders.remove_empty_folder(fd, b"a")
    folders.make_folder(fd, b"a", before.mode & 0o7777)
    made = os.open(tmp_path / "a", os.O_RDONLY)
    assert folders.give_back_metadata(made, before) == []
    folders.set_folder_times(made, before.mtime_ns)
    now = folders.folder_facts(made, 0, b"a", with_xattrs=True)
    os.close(made)
    assert (now.mode, now.uid, now.gid, now.mtime_ns, now.xattrs) == (
        before.mode,
        before.uid,
        before.gid,
        before.mtime_ns,
        before.xattrs,
    )


def test_what_is_refused_is_said(tmp_path: Path, fd: int, there: int) -> None:
    """Another's folder: owner, attributes and mode, each by name."""
    before = folders.folder_facts(there, 0, b"a", with_xattrs=True)
    tmp_path.chmod(0o777)
    with nobody():
        folders.make_folder(fd, b"b", 0o700)
        made = os.open(b"b", os.O_RDONLY, dir_fd=fd)
        assert folders.give_back_metadata(made, before) == ["owner: Operation not permitted"]
        os.close(made)
        assert folders.give_back_metadata(there, before) == [
            "user.k: Permission denied",
            "mode: Operation not permitted",
        ]


def test_nothing_is_replaced_and_nothing_full_is_removed(tmp_path: Path, fd: int) -> None:
    """A taken name, a folder with something in it."""
    write_tree(tmp_path, {"a": {"b": "b"}})
    with pytest.raises(FileExistsError):
        folders.make_folder(fd, b"a", 0o700)
    with pytest.raises(OSError) as refused:  # noqa: PT011  # the number is what counts
        folders.remove_empty_folder(fd, b"a")
    assert refused.value.errno == errno.ENOTEMPTY
    assert (tmp_path / "a/b").read_text() == "b"


@pytest.mark.parametrize(("number", "raised"), [(errno.ENOTSUP, False), (errno.EPERM, False), (errno.EIO, True)])
def test_file_systems_without_attributes(fd: int, monkeypatch: pytest.MonkeyPatch, number: int, raised: bool) -> None:
    """They have none; a disk that doesn't answer is another matter."""

    def answers(_fd: int) -> list[str]:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(folders.os, "listxattr", answers)
    if raised:
        with pytest.raises(OSError, match="Input/output"):
            folders.folder_facts(fd, 0, b"", with_xattrs=True)
    else:
        assert folders.folder_facts(fd, 0, b"", with_xattrs=True).xattrs == ()


@pytest.mark.parametrize(
    ("count", "unwritten_kib", "singly"),
    [
        (folders.FEW_FOLDERS, 0, True),
        (folders.FEW_FOLDERS + 1, 0, False),
        (folders.FEW_FOLDERS + 1, folders.MUCH_UNWRITTEN_KIB + 1, True),
        (folders.MANY_FOLDERS, folders.MUCH_UNWRITTEN_KIB + 1, True),
        (folders.MANY_FOLDERS + 1, folders.MUCH_UNWRITTEN_KIB + 1, False),
    ],
)
def test_when_the_whole_file_system_is_synced(
    monkeypatch: pytest.MonkeyPatch, count: int, unwritten_kib: int, singly: bool
) -> None:
    """Never for few, always for very many, in between when others haven't written much."""
    monkeypatch.setattr(folders, "_unwritten_kib", lambda: unwritten_kib)
    assert folders.sync_one_by_one(count) is singly


def test_how_much_is_unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system says; where it doesn't, singly is the careful way."""
    assert folders._unwritten_kib() >= 0

    def absent(*_: object, **__: object) -> Any:
        raise FileNotFoundError(errno.ENOENT, "no /proc")

    monkeypatch.setattr("builtins.open", absent)
    assert folders.sync_one_by_one(folders.FEW_FOLDERS + 1)


def test_f23_a_failed_sync_is_raised(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One folder or the whole file system: an error is never swallowed."""
    with folders.syncing_everything(fd):
        folders.sync(fd)

    def broken(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(folders.os, "fsync", broken)
    monkeypatch.setattr(folders._linux, "sync_file_system", broken)
    with pytest.raises(OSError, match="Input/output"):
        folders.sync(fd)
    beside = []
    with pytest.raises(OSError, match="Input/output"), folders.syncing_everything(fd):
        beside.append("what is done beside it is done")
    assert beside
