"""A PostgreSQL of the tests' own, from the system's binaries, made quick and thrown away.

``TEST_DATABASE_URL`` names a server to use instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.support.server import free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
QUICK = "-c fsync=off -c full_page_writes=off -c max_connections=100"
"""What a power cut would need is left out; what was committed outlives the server's sudden end, as tests ask of it."""


def reason_without() -> str | None:
    """Why there is no PostgreSQL to test with; None when there is."""
    if os.environ.get("TEST_DATABASE_URL") or BINARIES:
        return None
    return "PostgreSQL isn't installed (package postgresql-15)"


def _other_user() -> str | None:
    """Whom to run as: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class PostgresServer:
    """One server on a port that stays the same; it may be ended as a crash ends it, and started again."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Make its files; ``environment`` is given to its processes."""
        self._environment = {**os.environ, **environment}
        self._user = _other_user()
        self._place = Path(tempfile.mkdtemp(prefix="fileorganizer-postgres-"))
        if self._user:
            shutil.chown(self._place, self._user)
        self._port = free_port()
        self.url = f"postgresql+psycopg://test@127.0.0.1:{self._port}"
        locale = ("-E", "UTF8", "--locale", "C.UTF-8")
        self._run("initdb", "-U", "test", "-A", "trust", "--no-sync", *locale)

    def _run(self, program: str, *arguments: str, check: bool = True) -> None:
        """One of PostgreSQL's programs, on our files."""
        command = [str(BINARIES[0] / program), "-D", str(self._place / "data"), *arguments]
        subprocess.run(command, user=self._user, env=self._environment, check=check, capture_output=True, cwd="/")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"{QUICK} -p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._place}"
        self._run("pg_ctl", "-w", "-l", str(self._place / "log"), "-o", options, "start")

    def stop(self) -> None:
        """As a crash does."""
        self._run("pg_ctl", "-m", "immediate", "stop", check=False)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It is there and doesn't answer."""
        first = (self._place / "data" / "postmaster.pid").read_text().split()[0]
        others = subprocess.run(["pgrep", "-P", first], capture_output=True, text=True, check=False).stdout.split()
        try:
            for pid in (first, *others):
                os.kill(int(pid), signal.SIGSTOP)
            yield
        finally:
            for pid in (first, *others):
                os.kill(int(pid), signal.SIGCONT)

    def remove(self) -> None:
        """Take its files away."""
        shutil.rmtree(self._place)


@contextmanager
def own_postgres(**environment: str) -> Iterator[PostgresServer]:
    """A server that may be stopped; ``environment`` is given to its processes."""
    server = PostgresServer(environment)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        server.remove()


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server that nobody stops, without a database."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url.rpartition("/")[0]
        return
    with own_postgres() as server:
        yield server.url


def new_database(server: str) -> str:
    """The URL of a new, empty database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{server}/{name}"
