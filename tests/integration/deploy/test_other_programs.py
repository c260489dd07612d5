"""What the pages tell people to do with programs of others, done with those programs."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.postgres import BINARIES, own_postgres
from tests.support.server import ROOT

DOCS = ROOT / "docs"
IMAGE_USER = 10001


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder of root's own that others can get to; the tests' own folders can't be entered by others."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def the_line(page: str, begin: str) -> str:
    """The command of a page, between backticks, that begins so."""
    found = re.search(rf"`({re.escape(begin)}[^`]*)`", (DOCS / page).read_text())
    assert found is not None, (page, begin)
    return found[1]


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: folders of others opened by an ACL NOT COVERED")
@pytest.mark.skipif(not shutil.which("setfacl"), reason="acl isn't installed: folders opened by it NOT COVERED")
def test_an_acl_opens_a_folder_for_the_images_user(open_folder: Path) -> None:
    """What lies in it can be moved, also what is added later; without it nothing can."""
    photos = open_folder / "photos"
    (photos / "old").mkdir(parents=True)
    (photos / "old/a.jpg").write_text("a")
    photos.chmod(0o700)
    (photos / "old").chmod(0o700)
    move = ["mv", str(photos / "old/a.jpg"), str(photos / "a.jpg")]
    assert subprocess.run(move, user=IMAGE_USER, check=False, capture_output=True).returncode == 1
    subprocess.run(the_line("deployment.md", "setfacl").replace("/volume1/photos", str(photos)).split(), check=True)
    (photos / "old/new").mkdir()
    (photos / "old/new/b.jpg").write_text("b")
    subprocess.run(move, user=IMAGE_USER, check=True)
    subprocess.run(["mv", str(photos / "old/new/b.jpg"), str(photos / "b.jpg")], user=IMAGE_USER, check=True)
    assert {path.name for path in photos.iterdir()} == {"a.jpg", "b.jpg", "old"}


@pytest.mark.skipif(not BINARIES, reason="PostgreSQL isn't installed: a new password for it NOT COVERED")
def test_a_new_password_for_the_database() -> None:
    """psql asks for it twice, and it is the new one."""
    line = the_line("troubleshooting.md", "docker compose exec postgres psql")
    words = line.removeprefix("docker compose exec postgres ").replace("'", "").split()
    with own_postgres() as server:
        url = server.url.replace("+psycopg", "")
        with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
            connection.execute("CREATE ROLE fileorganizer LOGIN")
            connection.execute("CREATE DATABASE fileorganizer OWNER fileorganizer")
            host, _, port = url.rpartition("@")[2].partition(":")
            _typed(words, {**os.environ, "PGHOST": host, "PGPORT": port}, ["a new one", "a new one"])
            query = "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'fileorganizer'"
            assert connection.execute(query).fetchone() == (True,)


def _typed(words: list[str], environment: dict[str, str], answers: list[str]) -> None:
    """Run a command at a terminal of its own and answer each of its questions."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(words[0], words, environment)
    said = b""
    for answer in answers:
        while not said.endswith(b": "):
            said += os.read(terminal, 1_000)
        os.write(terminal, answer.encode() + b"\n")
        said = b""
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)


@pytest.mark.skipif(not shutil.which("journalctl"), reason="systemd isn't installed: reading its journal NOT COVERED")
def test_the_journal_of_the_unit_can_be_asked_for() -> None:
    """It knows the words; whether there is a journal is another question."""
    line = the_line("operations_runbook.md", "journalctl").split()
    done = subprocess.run([*line, "--no-pager"], check=False, capture_output=True, text=True)
    assert done.returncode == 0 or "No journal files were found" in done.stderr, done.stderr
