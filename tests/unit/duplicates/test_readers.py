"""Messages to the processes that read: each is answered, however many descriptors are on their way."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from fileorganizer.duplicates import reader_child, readers
from fileorganizer.duplicates.readers import Readers
from tests.support.disks import nobody

FOLDERS = 100


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    """A folder with one file, open."""
    (tmp_path / "a").write_text("a")
    fd = os.open(tmp_path, os.O_RDONLY)
    yield fd
    os.close(fd)


def look() -> bytes:
    """The question for that file in so many folders."""
    times = bytes(8) + (1).to_bytes(8, sys.byteorder)
    return bytes((reader_child.LOOK,)) + times + b"/".join([b"a"] * FOLDERS)


def set_descriptors(soft: int) -> int:
    """How many descriptors this process may have; gives how many it might before."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return before


@pytest.mark.root
def test_more_descriptors_than_may_be_on_their_way(folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel counts what a user without rights has sent and nobody has received yet: then that is waited for."""
    monkeypatch.setattr(readers, "FEW_MESSAGES", 0)
    answers: list[bytes] = []
    asked: list[None] = []

    def signalled(number: int) -> None:
        for process in met._processes:
            os.kill(process._process.pid, number)

    def should_stop() -> bool:
        """Asked at the beginning of each message, and when answers are waited for: then they come."""
        asked.append(None)
        if len(asked) == 4:
            signalled(signal.SIGCONT)
        return False

    with Readers(lambda _count: None, should_stop, 2) as met:
        met.ask(look(), [folder] * FOLDERS, answers.append)
        met.drain()
        asked[:] = [None]
        signalled(signal.SIGSTOP)
        with nobody():
            before = set_descriptors(FOLDERS // 2)
            try:
                met.ask(look(), [folder] * FOLDERS, answers.append)
                met.ask(look(), [folder] * FOLDERS, answers.append)
            finally:
                set_descriptors(before)
        assert len(asked) >= 4, "the second message was refused until the first was received"
        met.drain()
    assert len(answers) == 3
    assert len({len(answer) for answer in answers}) == 1


@pytest.mark.root
def test_descriptors_of_other_programs_are_not_waited_for(folder: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may be on their way for ever: the message is answered here."""
    monkeypatch.setattr(readers, "FEW_MESSAGES", 0)
    answers: list[bytes] = []
    ours, theirs = socket.socketpair()
    with ours, theirs, Readers(lambda _count: None, lambda: False, 1) as met:
        met.ask(look(), [folder] * FOLDERS, answers.append)
        met.drain()
        socket.send_fds(ours, [b"x"], [folder] * FOLDERS)
        with nobody():
            before = set_descriptors(FOLDERS // 2)
            try:
                met.ask(look(), [folder] * FOLDERS, answers.append)
            finally:
                set_descriptors(before)
        assert (len(answers), met._processes[0].waiting) == (2, deque())
