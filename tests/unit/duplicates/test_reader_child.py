"""The reading process: what it answers, also where the system refuses, and when it ends."""

from __future__ import annotations

import os
import socket
import sys
import threading
from array import array
from pathlib import Path

import pytest

from fileorganizer.duplicates import reader_child, readers
from fileorganizer.duplicates.reader_child import CHANGED, PROGRESS, READ, SHA256, UNREADABLE, answer, request
from fileorganizer.errors import StorageFailed
from tests.support.trees import write_tree


def test_it_serves_until_the_other_end_hangs_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers, progress within a large file, the end; the folders it was given are closed."""
    monkeypatch.setattr(reader_child, "PROGRESS_BYTES", 1 << 18)
    write_tree(tmp_path, {"large": bytes(1 << 19)})
    status = (tmp_path / "large").stat()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = threading.Thread(target=reader_child.serve, args=(theirs,))
    server.start()
    columns = [array("q", [status.st_size]), array("Q", [status.st_ino]), array("q", [status.st_mtime_ns])]
    columns.append(array("q", [status.st_ctime_ns]))
    folder = os.open(tmp_path, os.O_RDONLY)
    socket.send_fds(ours, [request(SHA256, columns, b"large")], [folder])
    said = [ours.recv(1_000) for _ in range(3)]
    assert [message[0] for message in said] == [PROGRESS, PROGRESS, 0xFF] and said[2][1] == READ
    assert int.from_bytes(said[0][1:], sys.byteorder) == 1 << 18
    ours.close()
    server.join(5)
    assert not server.is_alive()
    os.close(folder)
    theirs.close()


def test_its_main_serves_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ignores Ctrl-C, finds the packages where it is told, and ends quietly when the parent is gone."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = os.dup(0)
    os.dup2(theirs.fileno(), 0)
    monkeypatch.setattr(sys, "argv", ["child", "/packages"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("signal.signal", lambda _number, _handler: None)
    ours.send(b"\0")
    ours.close()
    try:
        monkeypatch.setattr(reader_child, "answer", _hang_up)
        reader_child.main()
        assert sys.path[-1] == "/packages"
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        theirs.close()


def _hang_up(*_: object) -> bytes:
    raise BrokenPipeError


def test_files_of_others_are_read_with_their_access_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the owner may read without a new access time: then it is tried the ordinary way, warm, cold and whole."""
    write_tree(tmp_path, {"a": "1234", "b": bytes(20_000)})
    folder = os.open(tmp_path, os.O_RDONLY)
    open_file = os.open

    def refusing(path: object, flags: int, *args: object, **options: object) -> int:
        if flags & getattr(os, "O_NOATIME", 0):
            raise PermissionError(1, "Operation not permitted")
        return open_file(path, flags, *args, **options)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(os, "open", refusing)
    sizes = array("q", [4, 20_000, 5])
    for cold in (False, True):
        monkeypatch.setattr(reader_child, "_cold", cold)
        found = answer(request(reader_child.SAMPLE, [sizes], b"a\0b\0a"), [folder])
        assert list(found[:3]) == [READ, READ, CHANGED], "the third is said to be longer than it is"
    os.close(folder)


def test_what_is_gone_or_refused_has_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed for a name that has gone, unreadable for anything else; warm, cold and whole."""
    write_tree(tmp_path, {"a": "1234", "large": bytes(20_000)})
    folder = os.open(tmp_path, os.O_RDONLY)
    monkeypatch.setattr(os, "read", _failing)
    monkeypatch.setattr(os, "pread", _failing)
    for cold in (False, True):
        monkeypatch.setattr(reader_child, "_cold", cold)
        sizes = array("q", [4, 4, 20_000])
        found = answer(request(reader_child.SAMPLE, [sizes], b"gone\0a\0large"), [folder])
        assert list(found[:3]) == [CHANGED, UNREADABLE, UNREADABLE]
    columns = [array("q", [4]), array("Q", [1]), array("q", [1]), array("q", [1])]
    assert answer(request(SHA256, columns, b"gone"), [folder])[0] == CHANGED
    assert answer(request(SHA256, columns, b"a"), [folder])[0] == UNREADABLE
    os.close(folder)


def _failing(*_: object) -> bytes:
    raise OSError(5, "Input/output error")


def test_a_process_that_ends_is_noticed_when_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what is sent to it as by what is waited for."""
    monkeypatch.setattr(readers, "FEW_MESSAGES", 0)
    folder = os.open(tmp_path, os.O_RDONLY)
    with readers.Readers(lambda _count: None, lambda: False, 1) as some:
        some.ask(bytes((9,)), [folder], lambda _found: None)
        with pytest.raises(StorageFailed, match="ended unexpectedly"):
            _ask_often(some, folder)
    os.close(folder)


def _ask_often(some: readers.Readers, folder: int) -> None:
    for _ in range(100):
        some.ask(bytes((9,)), [folder], lambda _found: None)


def test_progress_within_a_large_file_is_told_and_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process; how others tell it is seen above."""
    monkeypatch.setattr(reader_child, "PROGRESS_BYTES", 1 << 18)
    write_tree(tmp_path, {"large": bytes(1 << 19)})
    status = (tmp_path / "large").stat()
    columns = [array("q", [status.st_size]), array("Q", [status.st_ino]), array("q", [status.st_mtime_ns])]
    message = request(SHA256, [*columns, array("q", [status.st_ctime_ns])], b"large")
    folder = os.open(tmp_path, os.O_RDONLY)
    told: list[int] = []
    with readers.Readers(told.append, lambda: False, 1) as some:
        some.ask(message, [folder], lambda found: told.append(found[0]))
    assert told == [1 << 18, 1 << 18, READ]
    with readers.Readers(told.append, lambda: len(told) > 3, 1) as some, pytest.raises(KeyboardInterrupt):
        some.ask(message, [folder], lambda _found: None)
    os.close(folder)
