"""What a file system can do is looked up or tried, never assumed; trying leaves nothing behind."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from fileorganizer.fs import probe
from fileorganizer.fs.beneath import Root
from tests.support.disks import image, mounted, tmpfs
from tests.support.trees import write_tree


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    """A root with a folder for trying."""
    write_tree(tmp_path / "root", {"control": {}})
    with Root(os.fsencode(tmp_path / "root")) as opened:
        yield opened


def tried(root: Root) -> probe.Capabilities:
    """The capabilities; nothing may be left of the trial."""
    fd = root.open_folder(b"control")
    try:
        return probe.try_out(root, fd)
    finally:
        assert os.listdir(fd) == []
        os.close(fd)


@pytest.mark.parametrize("kind", ["tmpfs", "ext4", "xfs"])
def test_real_file_systems(tmp_path: Path, kind: str) -> None:
    """The three that the engine is proven on can do everything."""
    disk = tmpfs(tmp_path / "disk") if kind == "tmpfs" else image(tmp_path / "disk", kind, "-q")
    with disk as place:
        (place / "control").mkdir()
        with Root(os.fsencode(place)) as root:
            known = tried(root)
    assert (known.file_system, known.exclusive_rename, known.hard_links) == (kind, "renameat2", "yes")
    assert known.case_sensitive
    assert known.strong_identity
    assert not known.normalizing
    assert known.max_name_bytes == 255
    assert known.time_granularity_ns == 1
    assert known.free_bytes > 0
    assert known.free_inodes > 0


def test_a_file_system_that_answers_less(tmp_path: Path) -> None:
    """ramfs knows no flags of a folder and no limit of names or room: nothing is claimed for it."""
    with mounted(tmp_path / "disk", "-t", "ramfs", "none") as place, Root(os.fsencode(place)) as root:
        known = probe.look_up(root)
    assert (known.file_system, known.case_sensitive, known.max_name_bytes) == ("ramfs", True, 255)
    assert known.exclusive_rename == "untried"


def test_overlays_have_weak_identities(tmp_path: Path) -> None:
    """A rename may change the number of a file there."""
    write_tree(tmp_path, {"lower": {"a": "a"}, "upper": {}, "work": {}})
    options = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    with mounted(tmp_path / "disk", "-t", "overlay", "-o", options, "none") as place, Root(os.fsencode(place)) as root:
        known = probe.look_up(root)
    assert (known.file_system, known.strong_identity) == ("overlay", False)


def test_f64_read_only(tmp_path: Path) -> None:
    """It is seen without trying."""
    with tmpfs(tmp_path / "disk", "size=1m,ro") as place, Root(os.fsencode(place)) as root:
        assert probe.look_up(root).read_only


def test_f58_folders_that_fold_case(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag of ext4 and f2fs."""
    monkeypatch.setattr(probe.fcntl, "ioctl", lambda *_: struct.pack("L", 0x40000000))
    known = probe.look_up(root)
    assert (known.case_sensitive, known.normalizing) == (False, True)


def refusing(number: int, *, at: int = 1) -> object:
    """A call that fails with this error from the ``at``-th time on."""
    calls = []

    def call(*_: object) -> None:
        calls.append(1)
        if len(calls) >= at:
            raise OSError(number, os.strerror(number))

    return call


@pytest.mark.parametrize(
    ("rename", "link", "found"),
    [
        (errno.EINVAL, None, ("link", "yes")),
        (errno.ENOSYS, None, ("link", "yes")),
        (errno.EINVAL, errno.EPERM, ("none", "no")),
        (None, errno.ENOTSUP, ("renameat2", "no")),
    ],
)
def test_f28_what_isn_t_there_is_found_out(
    root: Root, monkeypatch: pytest.MonkeyPatch, rename: int | None, link: int | None, found: tuple[str, str]
) -> None:
    """Without an exclusive rename hard links do; without both there is no way."""
    if rename:
        monkeypatch.setattr(probe.moving, "move_exclusive", refusing(rename))
    if link:
        monkeypatch.setattr(probe.moving, "link_exclusive", refusing(link))
    known = tried(root)
    assert (known.exclusive_rename, known.hard_links) == found


@pytest.mark.parametrize(("links", "way"), [(True, "link"), (False, "none")])
def test_an_exclusive_rename_that_replaces_isn_t_one(
    root: Root, monkeypatch: pytest.MonkeyPatch, links: bool, way: str
) -> None:
    """A file system that takes the flag and ignores it is found out on files of our own."""

    def replaces(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        os.replace(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)

    monkeypatch.setattr(probe.moving, "move_exclusive", replaces)
    if not links:
        monkeypatch.setattr(probe.moving, "link_exclusive", refusing(errno.EPERM))
    assert tried(root).exclusive_rename == way


@pytest.mark.parametrize("call", ["move_exclusive", "link_exclusive"])
def test_an_error_is_no_answer(root: Root, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """A disk that fails is not a disk that can't."""
    monkeypatch.setattr(probe.moving, call, refusing(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        tried(root)


@pytest.mark.parametrize("unit", [1, 100, 1_000, 1_000_000, 1_000_000_000])
def test_coarse_times(unit: int) -> None:
    """The finest unit that survived in a stored time; failing that, the two seconds of FAT."""
    assert probe._granularity(probe._ODD_TIME // unit * unit) == unit
    assert probe._granularity(1_234_567_890 * 10**9) == 2_000_000_000


def test_a_system_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the type isn't known, and so isn't claimed."""

    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "no /proc")

    assert probe._file_system(-5) == "unknown"
    monkeypatch.setattr("builtins.open", absent)
    assert probe._file_system(1) == "unknown"


def test_executing_is_proven_on_linux_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere it is refused."""
    assert probe.supported()
    monkeypatch.setattr(probe._linux, "SUPPORTED", False)
    assert not probe.supported()
