"""A clean-up of duplicates that dies goes on: in the search, between any two steps, as a part of another operation (R15)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fileorganizer import cleaner, organizer
from tests.support.manifest import manifest
from tests.support.server import Server, managed, running_server
from tests.support.trees import File, Tree, put_tree, write_tree

DATABASES = ("sqlite",)  # servers of their own
MEASURED = False  # twenty starts of the server, whose code other tests run


def pairs(count: int, size: int = 40) -> Tree:
    """So many groups of two equal files."""
    return {
        f"{number}{copy}.txt": File(f"{number:08}" * (size // 8), mtime=1_400_000_000 + order)
        for number in range(count)
        for order, copy in enumerate("ab")
    }


def assert_clean(root: Path, count: int) -> None:
    """Of each pair the older is there, the other in the trash; the records are true."""
    left = sorted(name for name in os.listdir(root) if name.endswith(".txt"))
    assert left == sorted(f"{number}a.txt" for number in range(count))
    assert not organizer.verify(root).problems


def deaths(server: Server, operation: dict[str, Any]) -> int:
    """How often the process of an operation has died."""
    return len(server.events(event="operation's process died", operation_id=operation["id"]))


def kill_its_process(server: Server) -> None:
    """SIGKILL whatever operation is carried out."""
    for child in server.children():
        os.kill(child, signal.SIGKILL)


def test_killed_while_files_go(own: Server) -> None:
    """After the kill it ends as asked: every count, every file, every group; and all comes back."""
    ann = own.sign_up("ann")
    root = ann.home / "inbox"
    put_tree(root, pairs(4_000))
    before = manifest(root)
    operation = ann.start("inbox", operation_type="duplicate_cleanup", duplicate_action="trash")
    while (root / "3999b.txt").exists() and (root / "0b.txt").exists() and (root / "7b.txt").exists():
        time.sleep(0.002)
    kill_its_process(own)
    ended = ann.finished(operation, 120)
    assert deaths(own, operation)
    assert (ended["status"], ended["files_processed"], ended["duplicates_found"]) == ("completed", 4_000, 4_000)
    assert_clean(root, 4_000)
    assert ann.get(f"/duplicates/{operation['id']}")["total_groups"] == 0
    ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    assert manifest(root) == before
    assert ann.get(f"/duplicates/{operation['id']}")["total_groups"] == 4_000


def huge_pair(root: Path) -> None:
    """Two equal files that take some seconds to read and no room."""
    write_tree(root, {"a.bin": File("", mtime=1_400_000_000), "b.bin": File("", mtime=1_400_000_000)})
    for name in ("a.bin", "b.bin"):
        os.truncate(root / name, 2 << 30)
        os.utime(root / name, (1_400_000_000, 1_400_000_000))


def test_killed_while_it_hashes(own: Server) -> None:
    """Nothing was changed yet; it searches again, and ends as asked."""
    ann = own.sign_up("ann")
    huge_pair(ann.home / "inbox")
    operation = ann.start("inbox", operation_type="duplicate_cleanup")
    while ann.get(f"/operations/{operation['id']}")["phase"] != "hashing":
        time.sleep(0.01)
    kill_its_process(own)
    ended = ann.finished(operation, 120)
    assert deaths(own, operation)
    assert (ended["status"], ended["duplicates_found"]) == ("completed", 1)


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose workers the tests start and kill."""
    with running_server(tmp_path_factory.mktemp("idle") / "data", measured=False, EMBEDDED_WORKER="off") as server:
        yield server


@pytest.mark.parametrize("action", ["trash", "hardlink"])
@pytest.mark.parametrize(
    ("options", "hits"),
    [({"operation_type": "duplicate_cleanup"}, (2, 12)), ({}, (7, 25))],
    ids=["alone", "before organizing"],
)
def test_a_kill_at_some_fault_points(idle: Server, action: str, options: dict[str, Any], hits: tuple[int, int]) -> None:
    """Killed at its Nth fault point, it ends by itself as asked; never is a content lost; both operations come back."""
    ann = idle.sign_up("ann")
    root = ann.home / "inbox"
    before = write_tree(root, pairs(6))
    for hit in hits:
        operation = ann.start("inbox", duplicate_action=action, **options)
        with idle.worker(FILEORGANIZER_FAULTS=f"kill@{hit}"):
            deadline = time.monotonic() + 60
            while not deaths(idle, operation):
                assert time.monotonic() < deadline, hit
                time.sleep(0.05)
        with idle.worker():
            ended = ann.finished(operation, 60)
            assert (ended["status"], ended["duplicates_found"]) == ("completed", 6), (hit, ended)
            assert ended["space_saved_bytes"] == 240, (hit, ended)
            parts = [one for one in ann.get("/operations?limit=2")["operations"] if one["parent_id"] == operation["id"]]
            for one in [ended, *parts]:
                back = ann.finished(ann.post(f"/operations/{one['id']}/rollback"))
                assert back["status"] == "completed", (hit, back)
        assert manifest(root) == before, hit


def test_the_count_of_a_purge_is_looked_at_again(own: Server) -> None:
    """S62: what came into the trash between the yes and the purge isn't destroyed with it."""
    ann = own.sign_up("ann")
    root = ann.home / "inbox"
    write_tree(root, pairs(2))
    ann.done("inbox", operation_type="duplicate_cleanup", duplicate_action="trash")
    own.stop()
    own.environment["EMBEDDED_WORKER"] = "off"
    own.start(workers=False)
    operation = ann.post("/trash/purge", {"root_path": "inbox", "count": 2})
    own.stop()
    write_tree(root, {"3a.txt": File("new", mtime=1_400_000_000), "3b.txt": File("new", mtime=1_400_000_001)})
    cleaner.clean_up(root, cleaner.Cleaning("oldest"))
    own.environment["EMBEDDED_WORKER"] = "auto"
    own.start()
    ended = ann.finished(operation)
    assert (ended["status"], ended["reason_code"]) == ("failed", "confirmation-required")
    assert ann.get("/trash")["total_items"] == 3


def test_rebuilding_leaves_what_is_known(own: Server) -> None:
    """Records are made anew from the journals; groups, marks and counts are as before."""
    ann = own.sign_up("ann")
    write_tree(ann.home / "inbox", pairs(3))
    operation = ann.done("inbox", operation_type="duplicate_cleanup")
    digest = ann.get(f"/duplicates/{operation['id']}")["duplicates"][0]["hash_value"]
    cleaned = ann.ask("DELETE", f"/duplicates/{operation['id']}/{digest}").json()["cleanup_operation_id"]
    ann.finished(ann.post("/trash/restore", {"root_path": "inbox"}))
    ann.finished(ann.post(f"/duplicates/{operation['id']}/cleanup", {"min_size_bytes": 1}))
    ann.finished(ann.post("/trash/purge", {"root_path": "inbox", "count": 3}))
    listed = [one["id"] for one in ann.get("/operations?limit=100")["operations"]]
    addresses = [f"/duplicates/{operation['id']}", *(f"/reports/{one}" for one in listed)]
    addresses += [f"/files?operation_id={one}" for one in (cleaned, *listed)]
    before = [without_times(ann.get(address)) for address in addresses]
    done = managed(own.environment, "rebuild")
    journaled = [one for one in listed if one != operation["id"]]
    assert len(journaled) == 4 and {f"{one}: done" for one in journaled} <= set(done.stdout.splitlines()), done.stdout
    assert [without_times(ann.get(address)) for address in addresses] == before


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without the moments at which records were written."""
    return {**answer, "files": [{**row, "created_at": ""} for row in answer.get("files", [])]}


def test_cancelled_while_it_hashes(own: Server) -> None:
    """Nothing was changed; a part ends with the whole."""
    ann = own.sign_up("ann")
    huge_pair(ann.home / "inbox")
    for options in (
        {"operation_type": "duplicate_cleanup", "duplicate_action": "trash"},
        {"duplicate_action": "trash"},
    ):
        operation = ann.start("inbox", **options)
        while ann.get(f"/operations/{operation['id']}")["phase"] != "hashing":
            time.sleep(0.01)
        ann.post(f"/operations/{operation['id']}/cancel")
        ended = ann.finished(operation, 60)
        assert (ended["status"], ended["outcome"], ended["files_processed"]) == ("cancelled", "nothing", 0)
        assert len(list((ann.home / "inbox").glob("*.bin"))) == 2
    listed = ann.get("/operations?operation_type=duplicate_cleanup")["operations"]
    assert [one["status"] for one in listed] == ["cancelled", "cancelled"]


def test_cancelled_by_the_part(own: Server) -> None:
    """Who cancels the clean-up of an organize run cancels both."""
    ann = own.sign_up("ann")
    huge_pair(ann.home / "inbox")
    operation = ann.start("inbox", duplicate_action="trash")
    while not (listed := ann.get("/operations?operation_type=duplicate_cleanup")["operations"]):
        time.sleep(0.01)
    ann.post(f"/operations/{listed[0]['id']}/cancel")
    assert ann.finished(operation)["status"] == "cancelled"
    assert ann.get(f"/operations/{listed[0]['id']}")["status"] == "cancelled"
