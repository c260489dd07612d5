"""A PostgreSQL of the tests' own, from the system's binaries, made quick and thrown away.

``TEST_DATABASE_URL`` names a server to use instead.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from tests.support.server import free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
QUICK = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=100"


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


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server, without a database."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url.rpartition("/")[0]
        return
    user = _other_user()
    place = Path(tempfile.mkdtemp(prefix="fileorganizer-postgres-"))
    if user:
        shutil.chown(place, user)
    port = free_port()

    def run(*command: str) -> None:
        subprocess.run(
            [str(BINARIES[0] / command[0]), *command[1:]], user=user, check=True, capture_output=True, cwd=place
        )

    try:
        run(
            "initdb",
            "-D",
            str(place / "data"),
            "-U",
            "test",
            "-A",
            "trust",
            "--no-sync",
            "-E",
            "UTF8",
            "--locale",
            "C.UTF-8",
        )
        options = f"{QUICK} -p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={place}"
        run("pg_ctl", "-D", str(place / "data"), "-w", "-l", str(place / "log"), "-o", options, "start")
        yield f"postgresql+psycopg://test@127.0.0.1:{port}"
    finally:
        subprocess.run(
            [str(BINARIES[0] / "pg_ctl"), "-D", str(place / "data"), "-m", "immediate", "stop"],
            check=False,
            user=user,
            capture_output=True,
            cwd="/",
        )
        shutil.rmtree(place)


def new_database(server: str) -> str:
    """The URL of a new, empty database."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server.replace("+psycopg", "") + "/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{server}/{name}"
