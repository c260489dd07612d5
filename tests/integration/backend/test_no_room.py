"""A system that has no process to spare, as in a container with a limit: operations wait, or get along with fewer."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from backend.core.config import Settings, prepare_folders
from backend.core.events import event_sender
from backend.database import WorkerDatabase
from backend.worker.__main__ import Worker, take_lock
from backend.worker.queue import Queue
from backend.worker.runner import Runner
from tests.support.rows import operation_row, put_users
from tests.support.server import prepared, running_server
from tests.support.trees import write_tree


def refusing(then: Callable[[], object] = lambda: None) -> Callable[[], int]:
    """What stands for ``os.fork`` where there is no room; does something more each time."""

    def fork() -> int:
        then()
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    return fork


def test_an_operation_waits_for_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing was tried, so that isn't counted, however often there is no room; the log says so once."""
    settings = Settings(data_dir=prepared(tmp_path / "data").data_dir)
    prepare_folders(settings)
    database, ann, tries = WorkerDatabase(settings), uuid4(), list[int]()
    with database.writing() as session:
        put_users(session, ann)
        session.add(operation_row(ann, datetime.now(UTC)))

    def ended_at_last() -> None:
        tries.append(1)
        if len(tries) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(os, "fork", refusing(ended_at_last))
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    lock = take_lock(settings.folder, watch_stdin=False)
    assert lock is not None
    try:
        with lock:
            Worker(settings, lock).run(watch_stdin=False)
    finally:
        for number, heard in before.items():
            signal.signal(number, heard)
    waits = Queue(settings, database).claim()
    assert waits is not None and (waits.epoch, waits.attempts) == (4, 1)
    assert capfd.readouterr().out.count("operations wait") == 1
    database.close()


def test_nobody_copies_beside_the_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operation's process copies its records itself, in the end."""
    with running_server(tmp_path / "data", EMBEDDED_WORKER="off") as server:
        ann = server.sign_up("ann")
        write_tree(ann.home / "inbox", {"a.jpg": "a", "b.mp3": "b"})
        asked = ann.start("inbox")
        settings = Settings(data_dir=server.data_dir)
        monkeypatch.setenv("PLAN_DIR", str(settings.plans))
        monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setattr(os, "fork", refusing())
        database, sender = WorkerDatabase(settings), event_sender(settings)
        operation = Queue(settings, database).claim()
        assert operation is not None
        Runner(settings, database, operation, sender, lambda: False).run()
        sender.close()
        database.close()
        ended = ann.get(f"/operations/{asked['id']}")
        assert (ended["status"], ended["files_processed"]) == ("completed", 2)
        assert ann.get(f"/files?operation_id={asked['id']}")["total_files"] == 2


def test_a_worker_that_was_started_without_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who starts a server that ignores SIGCHLD hands that on; operations come to their end all the same."""
    with running_server(tmp_path / "data", EMBEDDED_WORKER="off") as server:
        ann = server.sign_up("ann")
        write_tree(ann.home / "inbox", {"a.jpg": "a"})
        asked = ann.start("inbox")
        heard = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            with server.worker():
                signal.signal(signal.SIGCHLD, heard)
                first = ann.finished(asked)
                write_tree(ann.home / "inbox", {"b.jpg": "b"})
                second = ann.done("inbox")
        finally:
            signal.signal(signal.SIGCHLD, heard)
        assert (first["status"], second["status"]) == ("completed", "completed")
        assert "the queue can't be read" not in server.log and "process failed" not in server.log
