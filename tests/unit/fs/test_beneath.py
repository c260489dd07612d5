"""A root is opened once; what lies beneath it is reached without links, dots and other mounts, or not at all."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from fileorganizer.errors import RootRefused, RootVanished
from fileorganizer.fs import beneath
from fileorganizer.fs.beneath import Root
from tests.support.disks import mounted, need_root, nobody, tmpfs
from tests.support.trees import Link, write_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that becomes the root."""
    made = tmp_path / "root"
    write_tree(made, {"a": {"b": {"c.txt": "c"}}, "link": Link("a"), "file": "f", "other": {}})
    return made


@pytest.fixture(params=["openat2", "component by component"])
def root(request: pytest.FixtureRequest, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Root]:
    """The root, opened on a kernel with openat2 and on one without."""

    def absent(*_: object) -> int:
        raise OSError(errno.ENOSYS, "no such call")

    if request.param != "openat2":
        monkeypatch.setattr(beneath._linux, "open_beneath", absent)
    with Root(os.fsencode(folder)) as opened:
        yield opened


def refusal(root: Root, path: bytes) -> int:
    """The number of the error with which a folder isn't opened."""
    with pytest.raises(OSError) as refused:  # noqa: PT011  # the number is what is returned
        os.close(root.open_folder(path))
    assert refused.value.errno is not None
    return refused.value.errno


def test_only_plain_ways_are_gone(root: Root) -> None:
    """Links, files, dots and absolute paths lead nowhere."""
    assert root.look(b"a/b/c.txt") is not None
    assert refusal(root, b"link/b") in (errno.ELOOP, errno.ENOTDIR)
    assert refusal(root, b"file/b") == errno.ENOTDIR
    assert refusal(root, b"none/b") == errno.ENOENT
    for path in (b"../root", b"a/../../etc", b"/etc"):
        assert refusal(root, path) == errno.EXDEV
    for path in (b"link/b", b"file/b", b"none/b", b"../root/file", b"x" * 300):
        assert root.look(path) is None


def test_another_file_system_is_not_entered(root: Root, folder: Path) -> None:
    """F63: a mount inside the root is no part of it."""
    with tmpfs(folder / "other"):
        (folder / "other/in").mkdir()
        assert refusal(root, b"other/in") == errno.EXDEV
        assert root.look(b"other/in/x") is None


def test_a_kernel_that_fails_is_not_one_without_the_call(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO is raised, not gone around."""

    def broken(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(beneath._linux, "open_beneath", broken)
    with Root(os.fsencode(folder)) as root, pytest.raises(OSError, match="Input/output"):
        root.look(b"a/b")


def test_an_error_that_leaves_the_answer_open_is_raised(root: Root, folder: Path) -> None:
    """Nobody knows what is in a folder that mustn't be entered: that isn't "nothing"."""
    need_root("being another user")
    (folder / "a/b").chmod(0)
    with nobody(), pytest.raises(PermissionError):
        root.look(b"a/b/c.txt")


def test_no_root(folder: Path) -> None:
    """A file, nothing, a folder without permission."""
    for name in ("file", "none"):
        with pytest.raises(RootRefused):
            Root(os.fsencode(folder / name))
    with nobody(), pytest.raises(RootRefused, match="Permission denied"):
        Root(os.fsencode(folder))


def test_a_folder_that_takes_the_place_of_the_root(folder: Path) -> None:
    """The root is the very folder that was opened, not whatever has its path."""
    with Root(os.fsencode(folder)) as root:
        root.check_alive()
        away = folder.rename(folder.parent / "away")
        with pytest.raises(RootVanished):
            root.check_alive()
        folder.mkdir()
        with pytest.raises(RootVanished):
            root.check_alive()
        folder.rmdir()
        away.rename(folder)
        root.check_alive()


def test_a_mount_that_takes_the_place_of_the_root(folder: Path) -> None:
    """The same folder by way of another mount is another root: what it allows may differ. F39."""
    with Root(os.fsencode(folder)) as root:
        with mounted(folder, "--bind", str(folder)), pytest.raises(RootVanished):
            root.check_alive()
        root.check_alive()


def test_mounts_can_t_be_told_apart_on_an_old_kernel(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without mount ids the folder's own identity decides."""
    monkeypatch.setattr(beneath._linux, "mount_id", lambda _fd: 0)
    with Root(os.fsencode(folder)) as root, mounted(folder, "--bind", str(folder)):
        root.check_alive()
        with tmpfs(folder), pytest.raises(RootVanished):
            root.check_alive()


def test_f19_paths_longer_than_one_call_takes(root: Root, folder: Path) -> None:
    """Eight thousand bytes deep, opened in pieces; one that isn't there is an answer, too."""
    fd = os.open(folder, os.O_RDONLY)
    for _ in range(40):
        os.mkdir(b"d" * 200, dir_fd=fd)
        deeper = os.open(b"d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    deep = b"/".join([b"d" * 200] * 40)
    for _ in range(2):
        assert root.look(deep) is not None
        assert root.look(deep + b"/none") is None
    assert refusal(root, deep.replace(b"d" * 200 + b"/", b"e" * 200 + b"/", 1)) == errno.ENOENT


def test_the_root_itself(root: Root, folder: Path) -> None:
    """Its path is empty."""
    assert root.look(b"") == folder.stat()
    assert root.folder(b"") == root.fd
    fd = root.open_folder(b"")
    assert os.fstat(fd).st_ino == root.ino
    os.close(fd)


def test_f20_few_descriptors(folder: Path) -> None:
    """However many folders are used, few descriptors are open, and closing twice is harmless."""
    for number in range(beneath.MAX_OPEN_FOLDERS + 20):
        (folder / str(number)).mkdir()
    root = Root(os.fsencode(folder))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + beneath.MAX_OPEN_FOLDERS + 5, limits[1]))
    try:
        for number in range(beneath.MAX_OPEN_FOLDERS + 20):
            assert os.fstat(root.folder(b"%d" % number)).st_ino == (folder / str(number)).stat().st_ino
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        root.close()
    root.close()
    assert root.fd == -1
