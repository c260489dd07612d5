"""Random faults of all parts of the production arrangement while operations run: PostgreSQL, Redis, workers of Celery, clocks.

The clocks are those of three hosts: of the service with one worker, of another
worker, of the database. After each operation its counters, its records and its journal are compared with
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
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from fileorganizer import organizer
from tests.support import clocks
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.clocks import Clock, own_clock
from tests.support.manifest import difference, manifest
from tests.support.postgres import PostgresServer, new_database, own_postgres
from tests.support.redis import RedisServer, running_redis
from tests.support.server import FINAL, PASSWORD, ROOT, Person, Server, running_server
from tests.support.trees import put_tree

FAULTS: Final = int(os.environ.get("CHAOS_FAULTS", "50"))
OPERATIONS: Final = int(os.environ.get("CHAOS_OPERATIONS", "20"))
FAULTS_EACH: Final = 2
"""An operation that was cut short more often than three times and got no further is closed, as what may be killing its workers."""
FILES: Final = 10_000
SERVICE, WORKER, DATABASE = "service", "worker", "database"
HOSTS: Final = (SERVICE, WORKER, DATABASE)
SAMPLE: Final = ("worker frozen", "two workers for one operation", *(f"clock of the {host} set" for host in HOSTS))
"""What `make test` tries."""
AHEAD_SECONDS: Final = (120.0, 6 * 3_600.0)
"""So far a clock is set ahead or behind."""
RESUMED_SECONDS: Final = 60.0
_RINGS: Final = "from backend.worker.celery_app import app, ring\nfor _ in range(10): ring(app)"


@dataclass
class Chaos:
    """The arrangement with all that can happen to it."""

    server: Server
    redis: RedisServer
    postgres: PostgresServer
    clocks: dict[str, Clock]
    chance: random.Random
    among: tuple[str, ...] = ()
    """Only these faults; all when it is empty."""
    counts: dict[str, int] = field(default_factory=dict)
    _workers: list[tuple[subprocess.Popen[bytes], dict[str, str]]] = field(default_factory=list)
    """Each with what its host adds to the environment."""
    _next: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start a second worker, on a host of its own; the first process of Celery is beat."""
        home = self.clocks[WORKER].environment if self.clocks else {}
        self._workers = [(self.server.celery[1], {}), (self.server.start_celery(**home), home)]

    def strike(self) -> None:
        """Let one of the faults happen; when it is over all parts are there again, by themselves or started as by an orchestrator.

        They take turns, each time in another order.
        """
        faults: dict[str, Callable[[], object]] = {
            "worker killed": self._kill_a_worker,
            "operation killed": self._kill_an_operation,
            "worker frozen": self._freeze_a_worker,
            "PostgreSQL restarted": self._restart_postgres,
            "Redis killed": self._kill_redis,
            "Redis flushed": lambda: self.redis.client().flushall(),
            "messages doubled": lambda: self._doubled_messages().wait(),
            "two workers for one operation": self._end_leases,
            **{f"clock of the {host} set": partial(self._set_a_clock, host) for host in self.clocks},
        }
        if not self._next:
            self._next = [name for name in faults if name in (self.among or faults)]
            self.chance.shuffle(self._next)
        name = self._next.pop()
        faults[name]()
        self.counts[name] = self.counts.get(name, 0) + 1

    def _worker(self) -> subprocess.Popen[bytes]:
        """One of the two workers."""
        return self.chance.choice(self._workers)[0]

    def _processes(self, worker: subprocess.Popen[bytes]) -> list[int]:
        """A worker and its pool."""
        listed = subprocess.run(["pgrep", "-g", str(worker.pid)], capture_output=True, check=False).stdout
        return [int(pid) for pid in listed.split()]

    def _kill_a_worker(self) -> None:
        place = self.chance.randrange(len(self._workers))
        worker, home = self._workers[place]
        self.server.kill_celery(worker)
        self._workers[place] = (self.server.start_celery(**home), home)

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

    def _doubled_messages(self) -> subprocess.Popen[bytes]:
        """Ten more, for whichever operation waits; they are sent when the process has ended."""
        command = [sys.executable, "-c", _RINGS]
        return subprocess.Popen(command, env=unmeasured(self.server.environment), cwd=ROOT)

    def _end_leases(self) -> None:
        """While a worker carries an operation out, its lease is over: messages make another one claim the same operation."""
        query = "UPDATE operations SET lease_until = NULL WHERE status = 'running' AND number = %s AND epoch = %s"
        sending, until = self._doubled_messages(), time.monotonic() + 5
        with self._connected() as connection:
            connection.autocommit = True
            running = connection.execute("SELECT number, epoch FROM operations WHERE status = 'running'").fetchone()
            while running and connection.execute(query, running).rowcount and time.monotonic() < until:
                time.sleep(0.02)
        sending.wait()

    def _set_a_clock(self, host: str) -> None:
        """By minutes or hours, ahead or behind; it stays so until it is set again."""
        self.clocks[host].set(self.chance.choice((-1, 1)) * self.chance.uniform(*AHEAD_SECONDS))

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        """To the database, past the service."""
        return psycopg.connect(self.server.environment["DATABASE_URL"].replace("+psycopg", ""))

    def epoch(self, operation_id: str) -> tuple[int, str, int]:
        """Claims so far, the state, and the batches that were recorded: what grows when an operation goes on."""
        query = "SELECT epoch, status, projected_batch FROM operations WHERE id = %s"
        with self._connected() as connection:
            found = connection.execute(query, (operation_id,)).fetchone()
        assert found is not None, f"operation {operation_id} is gone"
        return found[0], found[1], found[2]

    def moved_to(self, operation_id: str) -> list[bytes]:
        """Where the records of an operation say that its files are."""
        query = (
            "SELECT new_path FROM file_records JOIN operations ON number = operation_number"
            " WHERE operations.id = %s AND file_records.status = 'completed'"
        )
        with self._connected() as connection:
            return [path for (path,) in connection.execute(query, (operation_id,)).fetchall()]

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


def _asked(person: Person, question: Callable[[], dict[str, Any]], seconds: float = 120.0) -> dict[str, Any]:
    """An answer, as a client gets it that tries again while the database is away, and signs in again when its token is over."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return question()
        except (AssertionError, httpx.TransportError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
            with suppress(httpx.TransportError):
                _sign_in_again(person)


def _sign_in_again(person: Person) -> None:
    """Where the token is too old, or not yet valid, because the clock of the service was set."""
    if person.ask("GET", "/auth/me").status_code == httpx.codes.UNAUTHORIZED:
        answer = person.client.post("/api/v1/auth/login", json={"email": person.email, "password": PASSWORD})
        if answer.status_code == httpx.codes.OK:
            person.tokens = answer.json()


def _ended(person: Person, operation: dict[str, Any], seconds: float = 300.0) -> dict[str, Any]:
    """The operation at its end, without a hand lent."""
    deadline = time.monotonic() + seconds
    while (now := _asked(person, lambda: person.get(f"/operations/{operation['id']}")))["status"] not in FINAL:
        assert time.monotonic() < deadline, now
        time.sleep(0.1)
    return now


def _look(chaos: Chaos, operation: dict[str, Any], root: Path) -> None:
    """It did what was asked; each file has one record, and each record, the journal too, says what is on disk."""
    assert operation["status"] == "completed" and operation["files_processed"] == FILES, operation
    paths = chaos.moved_to(operation["id"])
    assert len(paths) == FILES == len(set(paths))
    assert all((root / os.fsdecode(path)).is_file() for path in paths)
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
    operation = _asked(person, lambda: person.start(root.name, confirm=True))
    seconds = _through_faults(chaos, operation)
    _look(chaos, _ended(person, operation), root)
    back = _asked(person, lambda: person.post(f"/operations/{operation['id']}/rollback"))
    seconds += _through_faults(chaos, back)
    ended = _ended(person, back)
    changes = difference(before, manifest(root))
    assert ended["status"] == "completed" and not changes, (ended, changes[:20])
    return seconds


def run(
    place: Path, faults: int = FAULTS, least_operations: int = OPERATIONS, among: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Counts and times; an assertion fails at the first loss, false record, or operation that stands still."""
    seconds: list[float] = []
    operations = 0
    with ExitStack() as stack:
        hosts = {} if clocks.reason_without() else {host: stack.enter_context(own_clock()) for host in HOSTS}
        of_host = {host: clock.environment for host, clock in hosts.items()}
        redis = stack.enter_context(running_redis())
        postgres = stack.enter_context(own_postgres(**of_host.get(DATABASE, {})))
        environment = {
            **of_host.get(SERVICE, {}),
            "DATABASE_URL": new_database(postgres.url),
            "REDIS_URL": redis.url,
            "LEASE_SECONDS": "2",
            "MESSAGE_SECONDS": "0.5",
        }
        server = stack.enter_context(running_server(place / "data", measured=False, **environment))
        chaos = Chaos(server, redis, postgres, hosts, random.Random(11), among)
        person = server.sign_up("prover")
        home = person.home
        while len(seconds) < faults or operations < least_operations:
            seconds += _there_and_back(chaos, person, home / f"tree-{operations}")
            operations += 2
            print(f"{len(seconds)} of {faults} faults, {operations} operations, {chaos.counts}", flush=True)
    return {
        "faults": chaos.counts,
        "operations": operations,
        "lost": 0,
        "false_records": 0,
        "manual_steps": 0,
        "worst_resume_seconds": round(max(seconds), 2),
        "median_resume_seconds": round(statistics.median(seconds), 2),
    }
