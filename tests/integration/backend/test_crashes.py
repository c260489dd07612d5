"""What dies goes on: the API, the worker, both, an operation's process; and what ends well ends in time (F03, F12, F43, F52)."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from fileorganizer import organizer
from tests.support.manifest import manifest
from tests.support.server import FINAL, Person, Server, managed, wait_until_it_moves
from tests.support.trees import put_tree

FILES = 3_000


def tree(count: int = FILES) -> dict[str, str]:
    """Many files."""
    return {f"{number}.{('jpg', 'txt', 'mp3')[number % 3]}": str(number) for number in range(count)}


def records(person: Person, operation_id: str) -> list[tuple[int, str, str | None]]:
    """The rows of the projection, straight from the database."""
    server_dir = person.home.parents[1]
    with sqlite3.connect(f"file:{server_dir}/fileorganizer.db?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT sequence, file_records.status, new_path FROM file_records JOIN operations ON number = operation_number"
            " WHERE operations.id = ? ORDER BY sequence",
            (operation_id.replace("-", ""),),
        ).fetchall()
    database.close()
    return rows


def assert_true_and_complete(person: Person, operation: dict[str, Any], root: Path) -> None:
    """Every record is on disk, every count is right, the journal is true."""
    assert (
        operation["files_total"]
        == operation["files_processed"] + operation["files_skipped"] + operation["files_failed"]
    )
    rows = records(person, operation["id"])
    assert len(rows) == operation["files_total"]
    for _, status, new_path in rows:
        assert status != "completed" or (root / os.fsdecode(new_path or b"")).is_file()
    assert sum(status == "completed" for _, status, _ in rows) == operation["files_processed"]
    assert not organizer.verify(root).problems


def wait_for(person: Person, operation: dict[str, Any], phase: str) -> None:
    """Until an operation is in a phase or has ended."""
    while True:
        now = person.get(f"/operations/{operation['id']}")
        if now["phase"] == phase or now["status"] in FINAL:
            return
        time.sleep(0.01)


def deaths(server: Server, operation: dict[str, Any]) -> int:
    """How often the process of an operation has died."""
    return len(server.events(event="operation's process died", operation_id=operation["id"]))


@pytest.mark.parametrize("victim", ["worker", "api", "both", "operation"])
def test_killed_in_the_middle(own: Server, victim: str) -> None:
    """SIGKILL at some instant of the moving: after the restart the operation ends as asked, and its records are true."""
    ann = own.sign_up("ann")
    root = ann.home / "big"
    put_tree(root, tree())
    before = manifest(root)
    operation = ann.start("big")
    wait_until_it_moves(root)
    time.sleep(random.uniform(0, 0.1))
    worker = own.worker_pid()
    if victim == "operation":
        for child in own.children():
            os.kill(child, signal.SIGKILL)
    if victim in ("api", "both"):
        own.kill()
    if victim in ("worker", "both"):
        os.kill(worker, signal.SIGKILL)
    if victim in ("api", "both"):
        own.start()
    ended = ann.finished(operation, 60)
    assert (ended["status"], ended["files_processed"]) == ("completed", FILES), ended
    assert_true_and_complete(ann, ended, root)
    back = ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    assert back["status"] == "completed" and manifest(root) == before


def test_ends_in_time_and_goes_on(own: Server) -> None:
    """F12: SIGTERM ends it within ten seconds, without anything left running; the operation goes on at the next start."""
    ann = own.sign_up("ann")
    root = ann.home / "big"
    put_tree(root, tree(12_000))
    operation = ann.start("big")
    wait_until_it_moves(root)
    worker = own.worker_pid()
    assert own.stop() < 10
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    own.start()
    ended = ann.finished(operation, 60)
    assert (ended["status"], ended["files_processed"]) == ("completed", 12_000)
    assert_true_and_complete(ann, ended, root)


def test_watchers_dont_hold_up_the_end(own: Server) -> None:
    """F12: open streams end with the server, and say that they may come again."""
    ann = own.sign_up("ann")
    put_tree(ann.home / "big", tree(12_000))
    operation = ann.start("big")
    protocols = [Subprotocol("bearer"), Subprotocol(ann.tokens["access_token"])]
    address = f"{own.url.replace('http', 'ws')}/ws/operations/{operation['id']}"
    with (
        connect(address, subprotocols=protocols, proxy=None) as stream,
        ann.client.stream("GET", f"/api/v1/operations/{operation['id']}/events", headers=ann.headers) as events,
    ):
        stream.recv(10)
        next(events.iter_lines())
        assert own.stop() < 10
        with suppress(ConnectionClosed):
            while True:
                stream.recv(10)
        assert stream.close_code in (1012, 1000)
    own.start()
    assert ann.finished(operation, 60)["status"] == "completed"


def test_an_interrupted_preview_is_made_again(own: Server) -> None:
    """Nothing was changed, so it simply begins anew."""
    ann = own.sign_up("ann")
    put_tree(ann.home / "big", tree(12_000))
    operation = ann.start("big", is_dry_run=True)
    wait_for(ann, operation, "scanning")
    own.kill()
    own.start()
    assert ann.finished(operation, 60)["status"] == "completed"


def test_settled_by_hand_meanwhile(own: Server) -> None:
    """A person closed the cut-off run with the command line while the server was down: the server says what is true."""
    ann = own.sign_up("ann")
    root = ann.home / "big"
    put_tree(root, tree(12_000))
    operation = ann.start("big")
    wait_until_it_moves(root)
    own.stop()
    organizer.recover(root)
    own.start()
    ended = ann.finished(operation, 60)
    assert ended["status"] in ("failed", "completed")
    if ended["status"] == "failed":
        assert ended["reason_code"] == "interrupted" and ended["outcome"] == "partial"


def test_a_kill_at_every_few_fault_points(own: Server) -> None:
    """The operation's process is killed at its Nth fault point, over and over, until the operation ends by itself."""
    ann = own.sign_up("ann")
    put_tree(ann.home / "inbox", tree(30))
    before = manifest(ann.home / "inbox")
    for hit in (9, 21):
        own.stop()
        own.environment["FILEORGANIZER_FAULTS"] = f"kill@{hit}"
        own.start()
        operation = ann.start("inbox")
        deadline = time.monotonic() + 10
        while not deaths(own, operation) and time.monotonic() < deadline:
            time.sleep(0.05)
        own.kill()
        del own.environment["FILEORGANIZER_FAULTS"]
        own.start()
        ended = ann.finished(operation, 30)
        assert (ended["status"], ended["files_processed"]) == ("completed", 30), (hit, ended)
        assert_true_and_complete(ann, ended, ann.home / "inbox")
        ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
        assert manifest(ann.home / "inbox") == before


def test_an_operation_that_kills_its_worker(own: Server) -> None:
    """After three deaths it is closed, truthfully, and the queue goes on."""
    own.stop()
    own.environment["FILEORGANIZER_FAULTS"] = "kill@5"
    own.start()
    ann = own.sign_up("ann")
    put_tree(ann.home / "inbox", tree(30))
    ended = ann.finished(ann.start("inbox"), 60)
    assert (ended["status"], ended["reason_code"]) == ("failed", "storage-failed")
    assert deaths(own, ended) == 3


def test_the_records_can_be_made_anew(own: Server) -> None:
    """The journal is the truth: rebuilding gives the same rows and counters."""
    ann = own.sign_up("ann")
    put_tree(ann.home / "inbox", {**tree(300), "half.part": "x"})
    operation = ann.done("inbox")
    rows = records(ann, operation["id"])
    assert len(rows) == 301
    figures = "SELECT * FROM operation_stats WHERE operation_number = ? ORDER BY 1, 2, 3"
    with sqlite3.connect(own.data_dir / "fileorganizer.db", timeout=10) as database:
        query = "SELECT number FROM operations WHERE id = ?"
        number: tuple[int] = database.execute(query, (operation["id"].replace("-", ""),)).fetchone()
        stats = database.execute(figures, number).fetchall()
        database.execute("DELETE FROM file_records WHERE operation_number = ? AND sequence % 3 = 0", number)
        database.execute("DELETE FROM operation_stats WHERE operation_number = ?", number)
    database.close()
    assert stats
    done = managed(own.environment, "rebuild", operation["id"])
    assert done.stdout == f"{operation['id']}: done\n"
    assert records(ann, operation["id"]) == rows
    with sqlite3.connect(own.data_dir / "fileorganizer.db", timeout=10) as database:
        assert database.execute(figures, number).fetchall() == stats
    database.close()
