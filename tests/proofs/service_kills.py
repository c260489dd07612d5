"""The server under kill -9: API, worker, both, or an operation's process, at random instants of operations driven over HTTP."""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from tests.support.manifest import manifest
from tests.support.server import FINAL, Person, Server, prepared
from tests.support.trees import put_tree

KILLS = int(os.environ.get("SERVICE_KILLS", "100"))
FILES = 4_000
VICTIMS = ("api", "worker", "both", "operation")


def _kill(server: Server, victim: str) -> None:
    """SIGKILL, and a new start where nobody else sees to it."""
    worker = server.worker_pid()
    if victim == "operation":
        children = subprocess.run(["pgrep", "-P", str(worker)], capture_output=True, text=True, check=False).stdout
        for child in children.split():
            os.kill(int(child), signal.SIGKILL)
    if victim in ("api", "both"):
        server.kill()
    if victim in ("worker", "both"):
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it noticed the API's end sooner
    if victim in ("api", "both"):
        server.start()


def _is_running(person: Person, operation: dict[str, Any]) -> bool:
    """Has it begun and not ended?"""
    return bool(person.get(f"/operations/{operation['id']}")["status"] == "running")


def _look(person: Person, operation: dict[str, Any], root: Path) -> None:
    """The operation ended as it was asked; its counters, records and the journal say what is on disk."""
    assert operation["status"] == "completed", operation
    assert operation["files_total"] == operation["files_processed"] == FILES
    page, seen = f"/files?operation_id={operation['id']}&page_size=1000", 0
    cursor: str | None = ""
    while cursor is not None:
        found = person.get(page + (f"&cursor={cursor}" if cursor else ""))
        assert all(Path(row["new_path"]).is_file() for row in found["files"])
        seen += len(found["files"])
        cursor = found["next_cursor"]
    assert seen == FILES == found["total_files"]
    assert not organizer.verify(root).problems


def run(place: Path) -> dict[str, Any]:
    """Counts and times; an assertion fails at the first loss, false record or operation that needs a hand."""
    server = prepared(place / "data")
    server.start()
    chance = random.Random(7)
    kills = dict.fromkeys(VICTIMS, 0)
    seconds: list[float] = []
    try:
        person = server.sign_up("prover")
        root = person.home / "tree"
        put_tree(root, {f"{number}.{('jpg', 'txt', 'mp3')[number % 3]}": str(number) for number in range(FILES)})
        before = manifest(root)
        while sum(kills.values()) < KILLS:
            operation = person.start("tree")
            for _ in range(2):
                time.sleep(chance.uniform(0.0, 0.8))
                if _is_running(person, operation):
                    victim = chance.choice(VICTIMS)
                    _kill(server, victim)
                    kills[victim] += 1
                    killed = time.monotonic()
                    while person.get(f"/operations/{operation['id']}")["status"] not in (*FINAL, "running"):
                        time.sleep(0.05)
                    seconds.append(time.monotonic() - killed)
            _look(person, person.finished(operation, 120), root)
            back = person.finished(person.post(f"/operations/{operation['id']}/rollback"), 120)
            assert back["status"] == "completed" and manifest(root) == before
            print(f"{sum(kills.values())} of {KILLS} kills", flush=True)
    finally:
        server.stop()
    return {"kills": kills, "lost": 0, "false_records": 0, "manual_steps": 0, "worst_wait_seconds": round(max(seconds), 2),
            "median_wait_seconds": round(statistics.median(seconds), 2)}  # fmt: skip
