"""Facts for planning: what is gone or can't be read is said, never guessed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fileorganizer import organizer
from fileorganizer.execution import observing
from fileorganizer.fs.beneath import Root
from fileorganizer.model import Options
from fileorganizer.scan import walker
from tests.support.trees import Fifo, File, Link, write_tree
from tests.support.working import identity

OLD = 1_400_000_000
DEEP = Options(recursive=True, dates="file")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The root's folder."""
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def root(folder: Path) -> Iterator[Root]:
    """The root, opened."""
    with Root(os.fsencode(folder)) as opened:
        yield opened


def broken(*_: object, **__: object) -> Any:
    """A call that a disk doesn't answer."""
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a", "equal", True),
        ("a", "differs", False),
        ("a", "longer", False),
        ("longer", "a", False),
        ("a", "none", False),
        ("a", "link", False),
        ("a", "pipe", False),
        ("a", "folder", False),
    ],
)
def test_the_same_bytes(root: Root, folder: Path, one: str, other: str, same: bool) -> None:
    """Only two regular files, byte for byte; nothing is opened that would wait, nothing is followed."""
    tree = {"a": "content", "equal": "content", "differs": "Content", "longer": "content and more"}
    write_tree(folder, {**tree, "link": Link("equal"), "pipe": Fifo(), "folder": {}})
    assert observing.same_content(root, one.encode(), root, other.encode()) is same


def test_the_same_bytes_of_what_was_seen(root: Root, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changed since equals nothing, and so does one that can't be read."""
    write_tree(folder, {"a": "content", "b": "content"})
    seen, other = identity(folder / "a"), identity(folder / "b")
    assert observing.same_content(root, b"a", root, b"b", seen, other)
    os.utime(folder / "b")
    assert not observing.same_content(root, b"a", root, b"b", seen, other)
    assert observing.same_content(root, b"a", root, b"b", seen)
    monkeypatch.setattr(observing.os, "read", broken)
    assert not observing.same_content(root, b"a", root, b"b", seen)


def test_what_has_a_name(root: Root, folder: Path) -> None:
    """Nothing any more, a file, a folder that nobody renames for a file's sake."""
    write_tree(folder, {"a": "content", "folder": {"x": "x"}})
    assert observing.occupant(root, b"none", vacates=False, movable=True) is None
    found = observing.occupant(root, b"a", vacates=True, movable=True)
    assert found is not None
    assert (found.seen, found.vacates, found.movable) == (identity(folder / "a"), True, True)
    found = observing.occupant(root, b"folder", vacates=False, movable=True)
    assert found is not None
    assert not found.movable
    assert list(observing.folder_names(root, b"folder")) == [b"x"]
    assert list(observing.folder_names(root, b"none")) == []
    with pytest.raises(NotADirectoryError):
        list(observing.folder_names(root, b"a"))


def test_a_family_that_goes_away_while_it_is_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't planned, and not counted."""
    write_tree(folder, {"p.jpg": "p", "p.xmp": "x", "a.txt": "a"})
    entries = walker.entries

    def gone(seen: walker.Folder, names: list[bytes]) -> Any:
        for name in names:
            (folder / os.fsdecode(name)).unlink(missing_ok=True)
        return entries(seen, names)

    monkeypatch.setattr(observing.walker, "entries", gone)
    with organizer.preview(folder, DEEP) as plan:
        assert (plan.head.review.scanned, plan.head.review.planned) == (1, 1)


def test_links_that_can_t_be_read_warn_of_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And only so many are remembered."""
    write_tree(folder, {"a.txt": "a", "b.txt": "b", "to a": Link("a.txt"), "to b": Link("b.txt"), "up": Link("../x")})

    def broken_links() -> list[int]:
        with organizer.preview(folder, DEEP) as plan:
            return [risk.count for risk in plan.head.review.risks if risk.code == "links-break"]

    assert broken_links() == [2]
    with monkeypatch.context() as patch:
        patch.setattr(observing, "MAX_LINKS", 1)
        assert broken_links() == [1]
    monkeypatch.setattr(observing.os, "readlink", broken)
    assert broken_links() == []


def test_headers_that_can_t_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name's date counts then, else the file's; content is unknown then."""
    write_tree(folder, {"IMG_20190304_101112.jpg": File(b"", mtime=OLD), "b.jpg": File(b"", mtime=OLD), "odd": "x"})
    monkeypatch.setattr(observing, "open_regular", broken)
    monkeypatch.setattr(observing, "read_head", broken)
    with organizer.preview(folder, Options()) as plan:
        targets = {step.source: step.target for steps in plan.batches() for step in steps if step.seen}
    assert targets[b"IMG_20190304_101112.jpg"] == b"Images/2019/IMG_20190304_101112.jpg"
    assert targets[b"b.jpg"] == b"Images/2014/b.jpg"
    assert targets[b"odd"].startswith(b"Other/")


def test_when_reading_dates_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The preview says so."""
    write_tree(folder, {"b.jpg": File(b"", mtime=OLD)})
    monkeypatch.setattr(observing.Observer, "dates_given_up", property(lambda _self: True))
    with organizer.preview(folder, Options()) as plan:
        assert [risk.code for risk in plan.head.review.risks] == ["dates-not-read"]
