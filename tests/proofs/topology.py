"""The services of docker-compose.yml without containers: the same environment and commands, as processes of this machine.

PostgreSQL, Redis, the migration, two API processes, a worker of Celery and beat.
What the file says is what is started: only names of hosts, folders and ports are
put into this machine's own.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from ruamel.yaml import YAML

from tests.support.manifest import manifest
from tests.support.postgres import running_postgres
from tests.support.server import PASSWORD, Person, free_port
from tests.support.trees import write_tree

HOME = Path(__file__).resolve().parents[2]
FILES = 500


def run(place: Path) -> dict[str, Any]:
    """Start all of it, and work with both API processes; everything is done by the worker of Celery."""
    with ExitStack() as stack:
        topology = Topology(place, stack)
        topology.start_databases()
        topology.finish("migrate")
        first, second = topology.start("app"), topology.start("app")
        topology.start("worker")
        topology.start("beat")
        topology.wait_until_well("worker")
        ann = _signed_up(topology.ports[first])
        other = Person(_client(topology.ports[second]), ann.tokens)
        for person in (ann, other):
            _wait_until_well(person.client)
        write_tree(ann.home / "inbox", {f"{number}.jpg": str(number) for number in range(FILES)})
        before = manifest(ann.home / "inbox")
        operation = ann.start("inbox")
        streamed = _last_event(other, operation["id"])
        done = other.finished(operation)
        assert (done["status"], done["files_processed"], streamed) == ("completed", FILES, "completed"), done
        undone = ann.finished(other.post(f"/operations/{operation['id']}/rollback"))
        assert undone["files_processed"] == FILES and manifest(ann.home / "inbox") == before
        assert (place / "logs/fileorganizer.jsonl").stat().st_size > 0
        topology.look_for_the_dead()
        return {"services": sorted(topology.names.values()), "files moved and taken back": FILES}


@dataclass
class Topology:
    """The services that were started, and how the file's words are put into this machine's."""

    place: Path
    stack: ExitStack
    replaced: dict[str, str] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    ports: dict[int, int] = field(default_factory=dict)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the file and .env as compose would: with secrets of our own, and workers of Celery."""
        given = {
            "DB_PASSWORD": secrets.token_hex(16),
            "REDIS_PASSWORD": secrets.token_hex(16),
            "EMBEDDED_WORKER": "off",
        }
        text = (HOME / "docker-compose.yml").read_text()
        text = re.sub(r"\$\{(\w+)(?::[?-]([^}]*))?\}", lambda found: given.get(found[1], found[2] or ""), text)
        self.services = YAML(typ="safe").load(text)["services"]
        for folder in ("data", "logs", "redis"):
            (self.place / folder).mkdir(parents=True)
        self.replaced = {"/var/lib/fileorganizer": f"{self.place}/data", "/var/log/fileorganizer": f"{self.place}/logs"}

    def start_databases(self) -> None:
        """PostgreSQL with the account of the file, Redis with its command."""
        server = self.stack.enter_context(running_postgres())
        address = server.partition("@")[2]
        account = self.services["postgres"]["environment"]
        with psycopg.connect(server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
            connection.execute(
                f"CREATE ROLE {account['POSTGRES_USER']} LOGIN PASSWORD '{account['POSTGRES_PASSWORD']}'"
            )
            connection.execute(f"CREATE DATABASE {account['POSTGRES_DB']} OWNER {account['POSTGRES_USER']}")
        port = free_port()
        self.replaced |= {"postgres:5432": address, "redis:6379": f"127.0.0.1:{port}"}
        command = [*self.services["redis"]["command"], "--port", str(port), "--dir", str(self.place / "redis")]
        self._begin("redis", command, dict(os.environ))
        self.names[-1] = "postgres"

    def start(self, name: str) -> int:
        """One process of a service; gives its number."""
        environment = self._environment(name)
        process = self._begin(name, self._words(self.services[name]["command"]), environment)
        self.ports[process.pid] = int(environment["API_PORT"])
        return process.pid

    def finish(self, name: str) -> None:
        """A service that does one thing and ends well."""
        process = self._begin(name, self._words(self.services[name]["command"]), self._environment(name))
        assert process.wait(120) == 0, self.log(name)
        self.processes.remove(process)

    def wait_until_well(self, name: str) -> None:
        """Until the service's own health check says so."""
        kind, *words = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        until, environment = time.monotonic() + 120, self._environment(name)
        while subprocess.run(words, env=environment, cwd=self.place, capture_output=True, check=False).returncode:
            self.look_for_the_dead()
            assert time.monotonic() < until, self.log(name)

    def look_for_the_dead(self) -> None:
        """Every service runs."""
        for process in self.processes:
            assert process.poll() is None, self.log(self.names[process.pid])

    def log(self, name: str) -> str:
        """What a service has said."""
        return (self.place / f"{name}.log").read_text(errors="replace")[-5_000:]

    def _environment(self, name: str) -> dict[str, str]:
        """As the file has it; each process gets a port of its own."""
        written = self.services[name]["environment"]
        ours = dict(zip(written, self._words([str(value) for value in written.values()]), strict=True))
        ours |= {
            "API_PORT": str(free_port()),
            "API_HOST": "127.0.0.1",
            "JWT_SECRET_KEY": "of-the-proof-" + "0123456789" * 4,
        }
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.place), "HOSTNAME": os.uname().nodename, **ours}

    def _words(self, words: Sequence[str]) -> list[str]:
        """Words of the file with this machine's places in them."""
        found = []
        for word in words:
            for old, new in self.replaced.items():
                word = word.replace(old, new)
            found.append(word)
        return found

    def _begin(self, name: str, command: Sequence[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """A process that ends with the topology."""
        with open(self.place / f"{name}.log", "ab") as log:
            process = subprocess.Popen(command, env=environment, cwd=self.place, stdout=log, stderr=log)
        self.names[process.pid] = name
        self.processes.append(process)
        self.stack.enter_context(_ended(process))
        return process


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens, it is told to stop, and made to after half a minute."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _client(port: int) -> httpx.Client:
    """A client of one API process."""
    return httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)


def _signed_up(port: int) -> Person:
    """A new account, once the server answers."""
    client = _client(port)
    _wait_until_well(client)
    body = {"email": "ann@example.org", "username": "ann", "password": PASSWORD}
    answer = client.post("/api/v1/auth/signup", json=body)
    assert answer.status_code == 201, answer.text
    return Person(client, answer.json(), body["email"], body["username"])


def _wait_until_well(client: httpx.Client) -> None:
    """Until all parts are: database, Redis, storage, workers."""
    until, answer = time.monotonic() + 120, {}
    while time.monotonic() < until:
        try:
            answer = client.get("/health").json()
            if set(answer["checks"].values()) == {"ok"}:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(answer)


def _last_event(person: Person, operation: str) -> str:
    """How an operation ends, as server-sent events tell it through the other API process."""
    with person.client.stream("GET", f"/api/v1/operations/{operation}/events", headers=person.headers) as stream:
        return [line for line in stream.iter_lines() if line.startswith("event:")][-1].partition(": ")[2]
