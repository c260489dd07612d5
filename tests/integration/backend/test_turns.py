"""S59: a long operation of one user doesn't keep another's waiting; it gives way and goes on, as one operation."""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text, update

from backend.core.config import Settings, prepare_folders
from backend.core.events import event_sender
from backend.database import WorkerDatabase
from backend.models import Operation
from backend.worker.background import NICER
from backend.worker.queue import Queue
from backend.worker.watch import HEARTBEAT_SECONDS, Watch
from tests.support.manifest import manifest
from tests.support.rows import operation_row, put_users
from tests.support.server import PASSWORD, Server, prepared, running_server, wait_until_it_moves
from tests.support.trees import put_tree, write_tree

FILES = 14_000


def columns(server: Server, operation_id: str) -> tuple[int, int]:
    """How often it was claimed, and how many of those count as tries."""
    with sqlite3.connect(f"file:{server.data_dir}/fileorganizer.db?mode=ro", uri=True) as database:
        query = "SELECT epoch, attempts FROM operations WHERE id = ?"
        found: tuple[int, int] = database.execute(query, (operation_id.replace("-", ""),)).fetchone()
    database.close()
    return found


def test_taking_turns(tmp_path: Path) -> None:
    """With one place: somebody else's operation is done while the long one isn't; both end whole, and the long one can be taken back.

    The long one is held by a signal, so that it is long on any machine.
    """
    with running_server(tmp_path / "data", WORKER_SLOTS="1", SLICE_SECONDS="0.1") as server:
        ann, bob = server.sign_up("ann"), server.sign_up("bob")
        root = ann.home / "big"
        put_tree(root, {f"{number}.{('jpg', 'txt', 'mp3')[number % 3]}": "x" for number in range(FILES)})
        before = manifest(root)
        write_tree(bob.home / "inbox", {"a.jpg": "a"})
        long = ann.start("big")
        wait_until_it_moves(root)
        assert server.process is not None
        api, worker = (os.getpriority(os.PRIO_PROCESS, pid) for pid in (server.process.pid, server.worker_pid()))
        assert worker == min(19, api + NICER)  # answers come first
        waiting = bob.start("inbox")
        with server.stopped(server.children()):
            time.sleep(HEARTBEAT_SECONDS + 1)  # so it has waited long enough when the long one looks next
        short = bob.finished(waiting)
        assert short["files_processed"] == 1
        ended = ann.finished(long, 120)
        assert (ended["status"], ended["files_processed"]) == ("completed", FILES), ended
        assert short["completed_at"] < ended["completed_at"]
        claimed, tries = columns(server, long["id"])
        assert claimed >= 2 and tries == 1
        assert ann.get(f"/files?operation_id={long['id']}&page_size=1")["total_files"] == FILES
        back = ann.finished(ann.post(f"/operations/{long['id']}/rollback"), 120)
        assert back["files_processed"] == FILES and manifest(root) == before


def test_a_root_that_is_taken_away_while_files_are_moved(tmp_path: Path) -> None:
    """S14: it stops, and is told as far as it came; granted again, that can be taken back. Held by a signal as above."""
    with running_server(tmp_path / "data") as server:
        admin, ann = server.administrator(), server.sign_up("ann")
        share = tmp_path / "share"
        put_tree(share, {f"{number}.jpg": "x" for number in range(FILES)})
        before = manifest(share)
        grant = {"user_id": ann.get("/auth/me")["id"], "path": str(share)}
        root = admin.post("/admin/roots", grant, status=201)["id"]
        operation = ann.start(str(share))
        wait_until_it_moves(share)
        assert admin.ask("DELETE", f"/admin/roots/{root}/users/{grant['user_id']}").status_code == 204
        with server.stopped(server.children()):
            time.sleep(HEARTBEAT_SECONDS + 1)
        ended = ann.finished(operation)
        assert (ended["status"], ended["reason_code"], ended["outcome"]) == ("failed", "root-not-granted", "partial")
        assert 0 < ended["files_processed"] < FILES and any(share.glob("*.jpg"))
        admin.post("/admin/roots", grant, status=201)
        back = ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
        assert back["files_processed"] == ended["files_processed"] and manifest(share) == before


def test_a_user_who_is_deactivated(tmp_path: Path) -> None:
    """S14: what the account had asked for isn't begun any more; nothing is moved."""
    with running_server(tmp_path / "data", EMBEDDED_WORKER="off") as server:
        admin, ann = server.administrator(), server.sign_up("ann")
        root, path = ann.home / "inbox", f"/admin/users/{ann.get('/auth/me')['id']}"
        before = write_tree(root, {"a.jpg": "a", "b.mp3": "b"})
        waits = ann.start("inbox")
        assert admin.ask("PATCH", path, json={"is_active": False}).status_code == 200
        with server.worker():
            deadline = time.monotonic() + 60
            while not server.events(event="operation ends"):
                assert time.monotonic() < deadline, server.log
                time.sleep(0.1)
        assert admin.ask("PATCH", path, json={"is_active": True}).status_code == 200
        signed_in = ann.client.post("/api/v1/auth/login", json={"email": ann.email, "password": PASSWORD})
        ann.tokens = signed_in.json()
        ended = ann.get(f"/operations/{waits['id']}")
        assert (ended["status"], ended["reason_code"], ended["outcome"]) == ("failed", "root-not-granted", "nothing")
        assert manifest(root) == before


def test_a_database_that_refuses_the_records(tmp_path: Path) -> None:
    """The operation ends all the same, at once, and says what is so: it failed, files were moved, they can be taken back."""
    with running_server(tmp_path / "data") as server:
        ann = server.sign_up("ann")
        root = ann.home / "inbox"
        write_tree(root, {"a.jpg": "a", "b.mp3": "b"})
        before = manifest(root)
        change(server, "CREATE TRIGGER refused BEFORE INSERT ON file_records BEGIN SELECT RAISE(ABORT, 'refused'); END")
        ended = ann.finished(ann.start("inbox"))
        assert (ended["status"], ended["reason_code"], ended["outcome"]) == ("failed", "internal-error", "partial")
        assert manifest(root) != before
        change(server, "DROP TRIGGER refused")
        back = ann.finished(ann.post(f"/operations/{ended['id']}/rollback"))
        assert (back["status"], back["files_processed"]) == ("completed", 2) and manifest(root) == before


def change(server: Server, statement: str) -> None:
    """Change the server's database behind its back."""
    with sqlite3.connect(server.data_dir / "fileorganizer.db", timeout=60) as database:
        database.execute(statement)
    database.close()


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[Queue, WorkerDatabase]]:
    """A queue with one operation."""
    settings = Settings(data_dir=prepared(tmp_path / "data").data_dir)
    prepare_folders(settings)
    database = WorkerDatabase(settings)
    ann = uuid4()
    with database.writing() as session:
        put_users(session, ann)
        session.add(operation_row(ann, datetime.now(UTC)))
    yield Queue(settings, database), database
    database.close()


def test_whose_turn_it_is(tmp_path: Path) -> None:
    """Fewest running of the user, then who waits longest; giving way goes to the end and, however often, is no failed try.

    What is to be cancelled comes before all, so that nobody waits for an operation to stop that has given way.
    """
    server = prepared(tmp_path / "data")
    settings = Settings(data_dir=server.data_dir)
    database = WorkerDatabase(settings)
    queue = Queue(settings, database)
    ann, bob, long_ago = uuid4(), uuid4(), datetime.now(UTC) - timedelta(hours=1)
    with database.writing() as session:
        put_users(session, ann, bob)
        session.add_all(
            [
                operation_row(ann, long_ago),
                operation_row(ann, long_ago),
                operation_row(bob, long_ago + timedelta(minutes=1)),
            ]
        )
    first = queue.claim()
    assert first is not None and (first.number, first.user_id) == (1, ann) and queue.others_wait(first)
    second = queue.claim()  # ann has one running, so it is bob's turn, though he came later
    assert second is not None and second.user_id == bob and not queue.others_wait(first)
    queue.suspend(first.number, first.epoch)
    third = queue.claim()
    assert third is not None and third.number == 2  # waits since an hour, the first one since a moment
    for turn in range(2, 7):
        again = queue.claim()
        assert again is not None and (again.number, again.epoch, again.attempts) == (1, turn, 1)
        queue.suspend(again.number, again.epoch)
    queue.release(second.number, second.epoch)  # its process died: that was a try
    died = queue.claim()
    assert died is not None and (died.user_id, died.attempts) == (bob, 2)
    queue.suspend(died.number, died.epoch)
    queue.suspend(third.number, third.epoch)
    with database.writing() as session:
        session.execute(text("UPDATE operations SET cancel_requested = 1 WHERE number = 2"))
    cancelled = queue.claim()  # though the other two wait longer
    assert cancelled is not None and (cancelled.number, cancelled.cancel_requested) == (2, True)
    database.close()


def test_a_clock_that_was_set_back(waiting: tuple[Queue, WorkerDatabase]) -> None:
    """F13: a lease from before ends no later than one that is given now."""
    queue, database = waiting
    held = queue.claim()
    assert held is not None
    with database.writing() as session:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        session.execute(update(Operation).where(Operation.number == held.number).values(lease_until=tomorrow))
    assert queue.count_waiting() == 0  # it isn't taken away from who may be alive
    lease = queue.read(held.number).lease_until
    assert lease is not None and lease <= datetime.now(UTC) + timedelta(seconds=Settings().lease_seconds)


def test_tries_count_anew_when_an_operation_gets_on(waiting: tuple[Queue, WorkerDatabase], tmp_path: Path) -> None:
    """A worker that has settled a batch makes those before it no failed tries."""
    queue, _ = waiting
    for _ in range(3):
        operation = queue.claim()
        assert operation is not None
        queue.release(operation.number, operation.epoch)
    operation = queue.claim()
    assert operation is not None and operation.attempts == 4
    sender = event_sender(Settings(data_dir=tmp_path / "data"))
    watch = Watch(queue, operation, sender, lambda: False, 4.0, math.inf, None)
    watch.begin(None)
    assert after_a_heartbeat(queue, operation.number).attempts == 4
    watch.listener.settled("journal", 1)
    after_a_heartbeat(queue, operation.number)  # it may have begun before
    assert after_a_heartbeat(queue, operation.number).attempts == 1
    watch.end()
    sender.close()


def after_a_heartbeat(queue: Queue, number: int) -> Operation:
    """The row once its lease was lengthened."""
    before, until = queue.read(number).lease_until, time.monotonic() + 60
    while (now := queue.read(number)).lease_until == before:
        assert time.monotonic() < until
        time.sleep(0.05)
    return now
