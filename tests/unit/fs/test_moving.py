"""Names change exclusively, or not at all; no last name is ever removed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fileorganizer.fs import faults, moving
from tests.support.disks import nobody
from tests.support.trees import HardLink, Link, read_tree, write_tree

MOVES = [moving.move_exclusive, moving.move_by_link]


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    """The open folder of the test."""
    opened = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield opened
    os.close(opened)


@pytest.mark.parametrize("move", [*MOVES, moving.link_exclusive])
def test_what_is_there_stays(tmp_path: Path, fd: int, move: Callable[..., None]) -> None:
    """A file, a dangling link, another name of the same file."""
    write_tree(tmp_path, {"a": "a", "file": "b", "link": Link("none"), "twin": HardLink("a")})
    before = read_tree(tmp_path)
    for target in (b"file", b"link", b"twin"):
        with pytest.raises(FileExistsError):
            move(fd, b"a", fd, target)
    assert read_tree(tmp_path) == before


@pytest.mark.parametrize("move", MOVES)
def test_a_link_is_moved_as_a_link(tmp_path: Path, fd: int, move: Callable[..., None]) -> None:
    """F62: it isn't followed."""
    write_tree(tmp_path, {"a": Link("target"), "target": "t"})
    move(fd, b"a", fd, b"b")
    assert read_tree(tmp_path) == {"b": Link("target"), "target": "t"}


def test_whose_old_name_it_is_after_the_link(tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an exclusive rename there is a moment between the two calls: what somebody puts under the old name stays."""

    def meanwhile(act: Callable[[], object]) -> None:
        monkeypatch.setattr(faults, "action", lambda name: act() if name == "link.after" else None)

    write_tree(tmp_path, {"a": "ours", "theirs": "saved anew", "b": "ours too", "d": "and this"})
    meanwhile(lambda: (tmp_path / "theirs").rename(tmp_path / "a"))
    moving.move_by_link(fd, b"a", fd, b"moved")
    assert read_tree(tmp_path) == {"a": "saved anew", "moved": "ours", "b": "ours too", "d": "and this"}
    meanwhile((tmp_path / "b").unlink)
    moving.move_by_link(fd, b"b", fd, b"c")
    assert read_tree(tmp_path) == {"a": "saved anew", "moved": "ours", "c": "ours too", "d": "and this"}
    meanwhile((tmp_path / "e").unlink)
    with pytest.raises(OSError, match="taken away") as refused:
        moving.move_by_link(fd, b"d", fd, b"e")
    assert refused.value.errno == errno.EBUSY
    assert read_tree(tmp_path) == {"a": "saved anew", "moved": "ours", "c": "ours too", "d": "and this"}


def test_two_names_become_one(tmp_path: Path, fd: int) -> None:
    """A name goes only while the other is the same file."""
    write_tree(tmp_path, {"a": "x", "b": HardLink("a"), "c": "x", "d": HardLink("c")})
    with pytest.raises(OSError, match="two names"):
        moving.drop_verified_twin(fd, b"a", fd, b"c")
    moving.drop_verified_twin(fd, b"a", fd, b"b")
    with pytest.raises(OSError, match="two names"):
        moving.drop_verified_twin(fd, b"b", fd, b"b")
    assert read_tree(tmp_path) == {"b": "x", "c": "x", "d": "x"}


def test_purge_destroys_one_thing(tmp_path: Path, fd: int) -> None:
    """A file, an empty folder, never a full one; a refusal is a refusal."""
    write_tree(tmp_path, {"file": "f", "empty": {}, "full": {"a": "a"}})
    moving.purge_forever(fd, b"file")
    moving.purge_forever(fd, b"empty")
    with pytest.raises(OSError, match="not empty"):
        moving.purge_forever(fd, b"full")
    write_tree(tmp_path, {"file": "f"})
    with nobody(), pytest.raises(PermissionError):
        moving.purge_forever(fd, b"file")
    assert read_tree(tmp_path) == {"full": {"a": "a"}, "file": "f"}


@pytest.mark.parametrize(("failures", "left"), [(1, ["a"]), (2, ["a", "b"])])
def test_an_old_name_that_can_t_be_removed(
    tmp_path: Path, fd: int, monkeypatch: pytest.MonkeyPatch, failures: int, left: list[str]
) -> None:
    """The new one goes again; where not even that can be, the error is one that stops everything."""
    write_tree(tmp_path, {"a": "x"})
    unlink, errors = os.unlink, [errno.EACCES] * failures

    def failing(name: bytes, *, dir_fd: int) -> None:
        if errors:
            raise OSError(errors.pop(), "refused", name)
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", failing)
    with pytest.raises(OSError, match="refused" if failures == 1 else "neither") as raised:
        moving.move_by_link(fd, b"a", fd, b"b")
    monkeypatch.undo()
    assert raised.value.errno == (errno.EACCES if failures == 1 else errno.EIO)
    assert sorted(os.listdir(tmp_path)) == left and (tmp_path / left[-1]).samefile(tmp_path / "a")
