"""A big undo is planned by two processes; what they make of it is what one makes."""

from __future__ import annotations

import errno
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Pipe
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.execution import parting
from fileorganizer.fs.beneath import Root
from fileorganizer.journal.store import Journal
from fileorganizer.model import Options, Step
from tests.support.manifest import Manifest, manifest
from tests.support.trees import put_tree

FILES = 16_000
"""More than three batches."""


@pytest.fixture(scope="module")
def organized(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """A big folder that was organized, and what was in it before."""
    root = tmp_path_factory.mktemp("big")
    put_tree(root, {f"{number}.{('jpg', 'txt', 'mp3')[number % 3]}": "x" for number in range(FILES)})
    before = manifest(root, root_itself=False)
    organizer.organize(root, Options(layout="category", dates="file", quiet_seconds=0.0))
    (root / "Images" / "0.jpg").write_text("edited since")
    (root / "Documents" / "1.txt").rename(root / "moved by me.txt")
    (root / "2.mp3").write_text("in the way")
    (root / "Images" / "3.jpg").unlink()
    return root, before


def planned(root: Path, paths: tuple[bytes, ...] = ()) -> tuple[set[Step], object]:
    """What the undo would do."""
    with organizer.preview_undo(root, paths=paths) as plan:
        return {step for steps in plan.batches() for step in steps}, plan.head.review


@pytest.mark.parametrize("paths", [(), (b"7.txt", b"4.txt", b"3.jpg")])
def test_two_make_what_one_makes(
    organized: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch, paths: tuple[bytes, ...]
) -> None:
    """The same steps and the same numbers, in whatever order."""
    root, _ = organized
    monkeypatch.setattr(parting, "may_fork", lambda: True)
    two = planned(root, paths)
    monkeypatch.setattr(parting, "may_fork", lambda: False)
    assert planned(root, paths) == two


def test_the_second_process_dies(organized: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the middle: the first one does its work, too."""
    root, _ = organized
    monkeypatch.setattr(parting, "may_fork", lambda: False)
    alone = planned(root)
    monkeypatch.setattr(parting, "may_fork", lambda: True)
    tell, told = parting._Partner.tell, [0]

    def killed(partner: parting._Partner, batch: parting.Batch) -> None:
        told[0] += 1
        if told[0] == 2:
            os.kill(partner._process, signal.SIGKILL)
        tell(partner, batch)

    monkeypatch.setattr(parting._Partner, "tell", killed)
    assert planned(root) == alone
    assert told[0] >= 2


def test_no_process_to_be_had(organized: tuple[Path, Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one goes on alone."""
    root, _ = organized
    monkeypatch.setattr(parting, "may_fork", lambda: True)
    two = planned(root)

    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refused)
    assert planned(root) == two


def test_what_the_second_process_answers(organized: tuple[Path, Manifest]) -> None:
    """Batch by batch what the first would say, until its pipe is closed."""
    root, _ = organized
    ours, theirs = Pipe()
    with (
        Root(os.fsencode(root)) as known,
        Journal(os.fsencode(root), write=False) as journal,
        ThreadPoolExecutor() as threads,
    ):
        identity = (known.dev, known.ino)
        serving = threads.submit(parting._serve, theirs, known.path, identity, 1, ())
        alone = parting.Parting(1, parting.Eyes([known]), (), plainly=True)
        for batch in journal.batches(1):
            ours.send_bytes(parting._encoder.encode(parting._Told(batch.seq, batch.steps, batch.outcomes)))
            assert parting._part.decode(ours.recv_bytes()) == alone.part(batch)
        ours.close()
        assert isinstance(serving.exception(), EOFError)


def test_the_second_process_finds_another_folder(organized: tuple[Path, Manifest], tmp_path: Path) -> None:
    """The root's name leads elsewhere when it begins: it answers nothing about that folder."""
    root, _ = organized
    (tmp_path / "root").mkdir()
    with Root(os.fsencode(tmp_path / "root")) as known, Journal(os.fsencode(root), write=False) as journal:
        (tmp_path / "root").rename(tmp_path / "away")
        (tmp_path / "root").mkdir()
        with closing(parting._Partner(known, 1, ())) as partner:
            partner.tell(journal.batch(1, 1))
            assert partner.answer() is None


def test_all_goes_back(organized: tuple[Path, Manifest]) -> None:
    """But for what the user changed since; last, because it takes the folder apart."""
    root, before = organized
    organizer.undo(root)
    after = manifest(root, root_itself=False)
    changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    mine = {b"0.jpg", b"1.txt", b"moved by me.txt", b"2.mp3", b"3.jpg"}
    assert changed == mine | {b"Audio", b"Audio/2.mp3"}  # where something was in the way
