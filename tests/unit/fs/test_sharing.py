"""Sharing blocks changes nothing that one can see, and only happens to equal bytes."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from fileorganizer import cleaner, organizer
from fileorganizer.cleaner import Cleaning
from fileorganizer.errors import InvalidOption, NothingToUndo
from fileorganizer.fs import sharing
from fileorganizer.fs.sharing import can_share, share_blocks
from tests.support.disks import image, tmpfs
from tests.support.manifest import difference, manifest
from tests.support.trees import File, write_tree

BLOCK = bytes(range(256)) * 256


def shared(one: Path, other: Path, size: int) -> bool:
    """Share two files by path."""
    fds = [os.open(path, os.O_RDONLY) for path in (one, other)]
    try:
        return share_blocks(fds[0], fds[1], size)
    finally:
        for fd in fds:
            os.close(fd)


def test_a_clean_up_by_sharing_on_xfs(tmp_path: Path) -> None:
    """The kernel shares equal files; names, times and inodes stay, and undo has nothing to do."""
    with image(tmp_path / "xfs", "xfs", "-m", "reflink=1") as disk:
        root = disk / "root"
        write_tree(
            root, {"a": File(BLOCK, mtime=1_000_000_000), "b": BLOCK + b"", "c": BLOCK + b"tail", "d": BLOCK + b"tail"}
        )
        before, used = manifest(root), _used(disk)
        report = cleaner.clean_up(root, Cleaning(keep="oldest", action="reflink"))
        assert report.operation is not None and report.operation.totals.done == 2
        assert difference(before, manifest(root)) == [] and _used(disk) < used
        assert organizer.verify(root).problems == []
        undone = organizer.undo(root)
        assert undone.operation is None and undone.review.already_back == 2
        with pytest.raises(NothingToUndo):
            organizer.undo(root)
        assert organizer.history(root)[0].rolled_back
        (root / "e").write_bytes(BLOCK[:-1] + b"!")
        assert not shared(root / "a", root / "e", len(BLOCK)), "the kernel has looked"


def _used(disk: Path) -> int:
    os.sync()
    status = os.statvfs(disk)
    return status.f_blocks - status.f_bfree


def test_where_it_cannot_be_done_it_is_refused(tmp_path: Path) -> None:
    """Before anything is planned."""
    with tmpfs(tmp_path / "disk") as disk:
        write_tree(disk, {"a": "same", "b": "same"})
        with pytest.raises(InvalidOption, match="tmpfs can't share"):
            cleaner.clean_up(disk, Cleaning(keep="oldest", action="reflink"))
        assert organizer.history(disk) == []


@pytest.mark.parametrize(
    ("status", "count", "error"), [(-errno.EXDEV, 0, errno.EXDEV), (0, 0, errno.EINVAL)], ids=["refused", "nothing"]
)
def test_an_answer_without_progress_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, count: int, error: int
) -> None:
    """A refusal of the kernel is one; so is sharing nothing at all, which would go on for ever."""

    def answer(_fd: int, _request: int, about: bytearray) -> None:
        sharing._RANGE.pack_into(about, sharing._REQUEST.size, 0, 0, count, status, 0)

    monkeypatch.setattr(fcntl, "ioctl", answer)
    write_tree(tmp_path, {"a": "same", "b": "same"})
    with pytest.raises(OSError, match=r"\[Errno") as raised:
        shared(tmp_path / "a", tmp_path / "b", 4)
    assert raised.value.errno == error


def test_what_differs_now_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's word counts, even after our own comparison; so does a keeper that was edited before."""
    write_tree(
        tmp_path, {"a": File("same", mtime=1_000_000_000), "b": "same", "c": File("alike", mtime=1), "d": "alike"}
    )
    monkeypatch.setattr(sharing, "can_share", lambda _folder: True)
    monkeypatch.setattr(sharing, "share_blocks", lambda _k, _f, size: size == 5)
    with cleaner.preview_clean_up(tmp_path, Cleaning(keep="oldest", action="reflink")) as plan:
        plan_id = plan.head.plan_id
    done = cleaner.clean_up(tmp_path, Cleaning(keep="oldest", action="reflink")).operation
    assert done is not None and (done.totals.done, done.totals.by_reason) == (1, {"changed": 1})
    for name in "ac":
        (tmp_path / name).write_text("new")
    done = cleaner.clean_up(tmp_path, None, plan_id=plan_id).operation
    assert done is not None and (done.totals.done, done.totals.by_reason) == (0, {"changed": 2})


def test_the_trial_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the answer is."""
    fd = os.open(tmp_path, os.O_RDONLY)
    answers = iter([True, OSError(errno.EOPNOTSUPP, "no"), OSError(errno.EIO, "broken")])

    def answer(*_: object) -> bool:
        said = next(answers)
        if isinstance(said, OSError):
            raise said
        return said

    monkeypatch.setattr(sharing, "share_blocks", answer)
    assert can_share(fd) and not can_share(fd)
    with pytest.raises(OSError, match="broken"):
        can_share(fd)
    assert os.listdir(tmp_path) == []
    os.close(fd)
