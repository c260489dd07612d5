"""Random faults of all parts of the production arrangement while operations run: PostgreSQL, Redis, workers of Celery, messages.

After each operation its counters, its records and its journal are compared with
the disk, and it is taken back; nobody lends a hand.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from fileorganizer import organizer
from tests.support.manifest import manifest
from tests.support.postgres import PostgresServer, new_database, own_postgres
from tests.support.redis import RedisServer, running_redis
from tests.support.server import FINAL, ROOT, Person, Server, running_server
from tests.support.trees import put_tree

FAULTS: Final = int(os.environ.get("CHAOS_FAULTS", "50"))
OPERATIONS: Final = int(os.environ.get("CHAOS_OPERATIONS", "20"))
FAULTS_EACH: Final = 2
"""An operation that was cut short more often than three times in a row is closed, as what may be killing its workers."""
FILES: Final = 10_000
RESUMED_SECONDS: Final = 60.0
_RINGS: Final = "from backend.worker.celery_app import app, ring\nfor _ in range(10): ring(app)"


@dataclass
class Chaos:
    """The arrangement with all that can happen to it."""

    server: Server
    redis: RedisServer
    postgres: PostgresServer
    chance: random.Random
    counts: dict[str, int] = field(default_factory=dict)

    def strike(self) -> str:
        """Let one of the faults happen; when it is over all parts are there again, by themselves or started as by an orchestrator."""
        faults: dict[str, Callable[[], None]] = {
            "worker killed": self._kill_a_worker,
            "operation killed": self._kill_an_operation,
            "worker frozen": self._freeze_a_worker,
            "PostgreSQL restarted": self._restart_postgres,
            "Redis killed": self._kill_redis,
            "Redis flushed": lambda: self.redis.client().flushall(),
            "messages doubled": self._double_messages,
        }
        name = self.chance.choice([*faults])
        faults[name]()
        self.counts[name] = self.counts.get(name, 0) + 1
        return name

    def _worker(self) -> subprocess.Popen[bytes]:
        """One of the two workers; the first process of Celery is beat."""
        return self.chance.choice(self.server.celery[1:])

    def _processes(self, worker: subprocess.Popen[bytes]) -> list[int]:
        """A worker and its pool."""
        listed = subprocess.run(["pgrep", "-g", str(worker.pid)], capture_output=True, check=False).stdout
        return [int(pid) for pid in listed.split()]

    def _kill_a_worker(self) -> None:
        self.server.kill_celery(self._worker())
        self.server.start_celery()

    def _kill_an_operation(self) -> None:
        worker = self._worker()
        for pid in self._processes(worker):
            if pid != worker.pid:
                _signal(pid, signal.SIGKILL)

    def _freeze_a_worker(self) -> None:
        """Longer than the lease."""
        frozen = self._processes(self._worker())
        for pid in frozen:
            _signal(pid, signal.SIGSTOP)
        time.sleep(self.chance.uniform(2.5, 5))
        for pid in frozen:
            _signal(pid, signal.SIGCONT)

    def _restart_postgres(self) -> None:
        self.postgres.stop()
        time.sleep(self.chance.uniform(0, 2))
        self.postgres.start()

    def _kill_redis(self) -> None:
        self.redis.stop()
        time.sleep(self.chance.uniform(0, 2))
        self.redis.start()

    def _double_messages(self) -> None:
        command = [sys.executable, "-c", _RINGS]
        subprocess.run(command, env=self.server.environment, cwd=ROOT, check=True, capture_output=True)

    def epoch(self, operation_id: str) -> tuple[int, str, int]:
        """Claims so far, the state, and the batches that were recorded: what grows when an operation goes on."""
        query = "SELECT epoch, status, projected_batch FROM operations WHERE id = %s"
        with psycopg.connect(self.server.environment["DATABASE_URL"].replace("+psycopg", "")) as connection:
            found = connection.execute(query, (operation_id,)).fetchone()
        assert found is not None, f"operation {operation_id} is gone"
        return found

    def resumed_after(self, operation_id: str) -> float:
        """Seconds until an operation that runs, or waits, has gone on or ended."""
        before, began = self.epoch(operation_id), time.monotonic()
        while before[1] not in FINAL and self.epoch(operation_id) == before:
            waited = time.monotonic() - began
            assert waited < RESUMED_SECONDS, f"operation {operation_id} stands still since a fault: {before}"
            time.sleep(0.1)
        return time.monotonic() - began


def _signal(pid: int, number: signal.Signals) -> None:
    """To a process that may have ended meanwhile."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _asked(question: Callable[[], dict[str, Any]], seconds: float = 120.0) -> dict[str, Any]:
    """An answer, as a client gets it that tries again while the database is away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return question()
        except (AssertionError, httpx.TransportError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _ended(person: Person, operation: dict[str, Any], seconds: float = 300.0) -> dict[str, Any]:
    """The operation at its end, without a hand lent."""
    deadline = time.monotonic() + seconds
    while (now := _asked(lambda: person.get(f"/operations/{operation['id']}")))["status"] not in FINAL:
        assert time.monotonic() < deadline, now
        time.sleep(0.1)
    return now


def _look(chaos: Chaos, operation: dict[str, Any], root: Path) -> None:
    """It did what was asked; each file has one record, and each record, the journal too, says what is on disk."""
    assert operation["status"] == "completed" and operation["files_processed"] == FILES, operation
    query = (
        "SELECT new_path FROM file_records JOIN operations ON number = operation_number"
        " WHERE operations.id = %s AND file_records.status = 'completed'"
    )
    with psycopg.connect(chaos.server.environment["DATABASE_URL"].replace("+psycopg", "")) as connection:
        rows = connection.execute(query, (operation["id"],)).fetchall()
    assert len(rows) == FILES == len({path for (path,) in rows})
    assert all((root / os.fsdecode(path)).is_file() for (path,) in rows)
    assert not organizer.verify(root).problems


def _through_faults(chaos: Chaos, operation: dict[str, Any]) -> list[float]:
    """Let faults happen while an operation runs; how long it then took each time until it went on."""
    seconds = []
    for _ in range(FAULTS_EACH):
        time.sleep(chaos.chance.uniform(0, 0.5))
        if chaos.epoch(operation["id"])[1] in FINAL:
            break
        chaos.strike()
        seconds.append(chaos.resumed_after(operation["id"]))
    return seconds


def _there_and_back(chaos: Chaos, person: Person, root: Path) -> list[float]:
    """Organize a tree and take it back under faults; seconds until it went on after each."""
    put_tree(root, {f"{number}.{('jpg', 'txt', 'mp3')[number % 3]}": str(number) for number in range(FILES)})
    before = manifest(root)
    operation = _asked(lambda: person.start(root.name, confirm=True))
    seconds = _through_faults(chaos, operation)
    _look(chaos, _ended(person, operation), root)
    back = _asked(lambda: person.post(f"/operations/{operation['id']}/rollback"))
    seconds += _through_faults(chaos, back)
    assert _ended(person, back)["status"] == "completed" and manifest(root) == before
    return seconds


def run(place: Path) -> dict[str, Any]:
    """Counts and times; an assertion fails at the first loss, false record, or operation that stands still."""
    seconds: list[float] = []
    operations = 0
    with ExitStack() as stack:
        redis, postgres = stack.enter_context(running_redis()), stack.enter_context(own_postgres())
        environment = {
            "DATABASE_URL": new_database(postgres.url),
            "REDIS_URL": redis.url,
            "LEASE_SECONDS": "2",
            "MESSAGE_SECONDS": "0.5",
        }
        server = stack.enter_context(running_server(place / "data", **environment))
        server.start_celery()
        chaos = Chaos(server, redis, postgres, random.Random(11))
        person = server.sign_up("prover")
        while len(seconds) < FAULTS or operations < OPERATIONS:
            seconds += _there_and_back(chaos, person, person.home / f"tree-{operations}")
            operations += 2
            print(f"{len(seconds)} of {FAULTS} faults, {operations} operations, {chaos.counts}", flush=True)
    return {
        "faults": chaos.counts,
        "operations": operations,
        "lost": 0,
        "false_records": 0,
        "manual_steps": 0,
        "worst_resume_seconds": round(max(seconds), 2),
        "median_resume_seconds": round(statistics.median(seconds), 2),
    }
