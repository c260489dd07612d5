"""A second process hears what it is told by its pipe and nothing else, and never goes on with what the first one does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from fileorganizer.execution.second import start_second


@pytest.fixture
def handlers() -> Iterator[None]:
    """A program that hears some signals, one of them by way of its event loop, and holds back another."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGUSR1, signal.SIGCHLD)}
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writer)
    yield
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, held)
    for number, handler in before.items():
        signal.signal(number, handler)
    for fd in (reader, writer):
        os.close(fd)


def told_by_second(what: Callable[[], object]) -> str:
    """What a second process says; it has ended then, without an error."""
    reader, writer = os.pipe()
    process = start_second(lambda: os.write(writer, repr(what()).encode()))
    os.close(writer)
    with os.fdopen(reader) as answer:
        said = answer.read()
    assert os.waitpid(process, 0) == (process, 0)
    return said


def heard() -> list[object]:
    """What this process hears."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    return [*map(signal.getsignal, numbers), mask, signal.set_wakeup_fd(-1)]


@pytest.mark.usefixtures("handlers")
def test_it_hears_nothing_of_what_the_first_hears() -> None:
    """Its mask is that of the first, whose handlers and event loop are its own."""
    before = [signal.getsignal(number) for number in signal.valid_signals()]
    ignored, theirs = signal.SIG_IGN, signal.SIG_DFL
    assert told_by_second(heard) == repr([ignored, ignored, ignored, theirs, {signal.SIGUSR2}, -1])
    assert [signal.getsignal(number) for number in signal.valid_signals()] == before
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == {signal.SIGUSR2}


def test_ctrl_c_right_after_the_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """The group is sent it, and the second has Python's own handler still: it is kept from raising in the code of the first."""
    fork = os.fork

    def interrupted() -> int:
        process = fork()
        if process == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return process

    monkeypatch.setattr(os, "fork", interrupted)
    assert told_by_second(lambda: "serves") == "'serves'"


def test_whatever_it_raises_it_ends() -> None:
    """And doesn't return."""
    here = os.getpid()
    process = start_second(lambda: 1 // 0)
    assert os.getpid() == here
    assert os.waitpid(process, 0) == (process, 0)


def test_a_thread_of_a_program_has_one() -> None:
    """It is the main thread of its own process, and may say what it hears."""
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(told_by_second(lambda: signal.getsignal(signal.SIGINT))))
    thread.start()
    thread.join()
    assert said == [repr(signal.SIG_IGN)]
