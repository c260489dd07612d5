"""The list of origins is there, whole and durable, before anything comes into the trash."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fileorganizer.fs import trash


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """The open control directory."""
    opened = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield opened
    os.close(opened)


def test_lists_are_written_and_written_again(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that was cut off writes its list anew; a few bytes at a time make the same list."""
    write = os.write
    for batch, listing in ((1, b"first"), (1, b"first again"), (2, b"second")):
        monkeypatch.setattr(trash.os, "write", lambda file, block: write(file, block[:3]))
        trash.prepare(fd, 7, batch, listing)
    there = tmp_path / "trash/7"
    assert {path.name: path.read_bytes() for path in there.iterdir()} == {
        "1.origins": b"first again",
        "2.origins": b"second",
    }
    assert stat.S_IMODE(there.stat().st_mode) == 0o700
    assert trash.place(7, 2, 5) == b".fileorganizer/trash/7/2-5"


def test_a_list_that_has_no_room_leaves_nothing(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The full disk gets its few bytes back."""

    def full(_file: int, _block: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(trash.os, "write", full)
        with pytest.raises(OSError, match="No space"):
            trash.prepare(fd, 7, 1, b"listing")
    assert list((tmp_path / "trash/7").iterdir()) == []


def test_a_link_in_its_place_is_not_followed(tmp_path: Path, fd: int) -> None:
    """Somebody put a link where the trash is to be: nothing is written behind it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "trash").symlink_to("outside")
    with pytest.raises(OSError, match="Not a directory"):
        trash.prepare(fd, 1, 1, b"list")
    assert list((tmp_path / "outside").iterdir()) == []
