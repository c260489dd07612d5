"""What is done at the machine itself, and what the documentation says can be done."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import PASSWORD, ROOT, Person, Server, free_port, managed, prepared
from tests.support.trees import write_tree

DATABASES = ("sqlite",)  # the other makes no difference here
REFERENCE = (ROOT / "docs" / "api_reference.md").read_text(encoding="utf-8")
needs_curl = pytest.mark.skipif(
    not shutil.which("curl"), reason="curl isn't installed: the examples of the shell NOT COVERED"
)


def manage(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """One command."""
    return managed(server.environment, *words)


def test_running_it(tmp_path: Path) -> None:
    """`run` makes the database, offers the folder, prints the way to the first account, serves, and ends when told to.

    A terminal isn't filled with lines of requests.
    """
    offered, port = tmp_path / "offered", free_port()
    write_tree(offered, {"a.jpg": "a"})
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "API_PORT": str(port), "BCRYPT_ROUNDS": "4"}
    command = [sys.executable, "-m", "backend.manage", "run", "--offer", str(offered)]
    screen, terminal = os.openpty()
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=terminal)
    os.close(terminal)
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/health", timeout=5).json()["checks"]["workers"] == "ok":
                break
        except httpx.TransportError:
            time.sleep(0.1)
    said = (tmp_path / "log").read_text()
    assert f"serves at {url}" in said and str(offered) in said
    token = re.search(r'"token": "([^"]+)"', said)
    assert token is not None, said
    body = {"token": token[1], "email": "you@example.org", "username": "admin", "password": PASSWORD}
    client = httpx.Client(base_url=url, timeout=30)
    admin = Person(client, client.post("/api/v1/auth/setup", json=body).json())
    assert admin.done(str(offered))["files_processed"] == 1
    shown = os.read(screen, 1 << 16)
    assert b"running on" in shown and b'"request"' not in shown and "LOG_LEVEL=INFO" in said
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)
    os.close(screen)


def test_clients_that_wait_and_clients_that_stall(tmp_path: Path) -> None:
    """A connection outlasts what a proxy in front keeps it for; an answer that nobody reads doesn't hold up the end."""
    port, data = free_port(), tmp_path / "data"
    environment = {**os.environ, "DATA_DIR": str(data), "API_PORT": str(port), "BCRYPT_ROUNDS": "4"}
    command = [sys.executable, "-m", "backend.manage", "run"]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    server = Server(data, environment, port, process)
    server.wait_until_well()
    ann = server.sign_up("ann")
    write_tree(ann.home / "inbox", {"big.bin": "x" * 50_000_000})
    file = ann.get(f"/files?operation_id={ann.done('inbox')['id']}")["files"][0]
    with (
        socket.create_connection(("127.0.0.1", port)) as kept,
        socket.create_connection(("127.0.0.1", port)) as stalled,
    ):
        for _ in range(2):
            kept.sendall(f"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            assert kept.recv(4_096).startswith(b"HTTP/1.1 204")
            time.sleep(6)  # uvicorn itself hangs up after five seconds
        asked = f"GET /api/v1/files/{file['id']}/download HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        stalled.sendall(f"{asked}Authorization: {ann.headers['Authorization']}\r\n\r\n".encode())
        assert stalled.recv(4_096).startswith(b"HTTP/1.1 200")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)


def test_names_and_operations_that_arent_there(server: Server, ann: Person, tmp_path: Path) -> None:
    """Told in words, with the exit code of a failure; a journal that is gone doesn't stop the others from being rebuilt."""
    nobody = manage(server, "make-admin", "nobody")
    assert nobody.returncode == 1 and "There is no such user." in nobody.stderr and "Traceback" not in nobody.stderr
    write_tree(ann.home / "lost", {"a.jpg": "a"})
    write_tree(ann.home / "kept", {"a.jpg": "a"})
    lost, kept = ann.done("lost"), ann.done("kept")
    (ann.home / "lost/.fileorganizer").rename(tmp_path / "journal")
    done = manage(server, "rebuild", lost["id"], kept["id"])
    assert done.returncode == 0 and f"{kept['id']}: done" in done.stdout
    assert f"{lost['id']}: " in done.stdout and f"{lost['id']}: done" not in done.stdout
    assert ann.get(f"/files?operation_id={kept['id']}")["files_completed"] == 1


def test_a_new_link_where_there_is_no_administrator(tmp_path: Path) -> None:
    """And an account that is made one."""
    server = prepared(tmp_path / "data")
    assert "/api/v1/auth/setup" in manage(server, "setup-link").stdout
    server.start(workers=False)
    try:
        ann = server.sign_up("ann")
        assert "administrator now" in manage(server, "make-admin", ann.email).stdout
        assert ann.ask("GET", "/auth/me").status_code == 401  # all tokens ended
    finally:
        server.stop()


def blocks(kind: str) -> list[str]:
    """The examples of a kind in the reference."""
    return re.findall(rf"```{kind}\n(.*?)```", REFERENCE, re.DOTALL)


def test_the_examples_in_python(server: Server, ann: Person) -> None:
    """What the reference shows can be run as it stands, but for the address and the password."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    (code,) = blocks("python")
    code = (
        code.replace("http://localhost:8000", server.url).replace('"admin"', f'"{ann.username}"').replace("…", PASSWORD)
    )
    names: dict[str, Any] = {}
    exec(code, names)
    assert ann.finished(names["operation"])["files_processed"] == 1


@needs_curl
def test_the_examples_of_the_shell(server: Server, ann: Person, tmp_path: Path) -> None:
    """Each curl of the five minutes gets a good answer, in that order."""
    write_tree(ann.home / "data/sample", {"a.jpg": "a"})
    minutes, _ = blocks("sh")
    assert run_curls(server, ann, minutes, tmp_path) >= 7
    assert (ann.home / "data/sample/a.jpg").is_file()  # the last one takes it back


@needs_curl
def test_the_examples_about_duplicates(server: Server, ann: Person, tmp_path: Path) -> None:
    """One group, and all of them, as the reference shows it."""
    write_tree(ann.home / "inbox", {"a.jpg": "a", "b.jpg": "a", "c.txt": "long", "d.txt": "long"})
    found = ann.done("inbox", operation_type="duplicate_cleanup")
    group, _ = ann.get(f"/duplicates/{found['id']}")["duplicates"]
    _, duplicates = blocks("sh")
    assert run_curls(server, ann, duplicates, tmp_path, ID=found["id"], HASH=group["hash_value"]) == 3
    assert len(list((ann.home / "inbox").glob("?.*"))) == 3  # the last one is a preview


def run_curls(server: Server, person: Person, block: str, tmp_path: Path, **known: str) -> int:
    """Run the commands of a block, of which each has to be answered well; returns how many there are."""
    variables = {"TOKEN": person.tokens["access_token"], "ID": "", "PATH": os.environ["PATH"], **known}
    text = re.sub(r" +#.*", "", block).replace("\\\n", " ")
    text = text.replace("localhost:8000", server.url.removeprefix("http://")).replace("…/data", f"{person.home}/data")
    text = text.replace('"admin"', f'"{person.username}"').replace('"password": "…"', f'"password": "{PASSWORD}"')
    commands = [line for line in text.splitlines() if line.startswith("curl")]
    for command in commands:
        line = f"{command} --silent --output {tmp_path}/answer --write-out '%{{http_code}}'"
        done = subprocess.run(["bash", "-c", line], env=variables, capture_output=True, text=True, check=True)
        answer = (tmp_path / "answer").read_text()
        assert done.stdout in ("200", "202"), (command, done.stdout, answer)
        if '"status":"pending"' in answer:
            variables["ID"] = httpx.Response(200, text=answer).json()["id"]
            person.finished({"id": variables["ID"]})
    return len(commands)


@pytest.mark.parametrize("words", ["migrate", "rebuild", "setup-link", "database --optimize", "restore FILE", "run"])
def test_a_database_that_is_away(tmp_path: Path, words: str) -> None:
    """Every command says so in a line."""
    (tmp_path / "FILE").write_bytes(b"a copy")
    away = "postgresql+psycopg://ann:secret@127.0.0.1:1/files"
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": away}
    done = managed(environment, *words.replace("FILE", str(tmp_path / "FILE")).split())
    assert done.returncode == 1 and "The database can't be reached" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and "secret" not in done.stderr


def test_databases_of_other_programs(tmp_path: Path) -> None:
    """One without our tables, and one of a newer program."""
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": ""}
    (tmp_path / "data").mkdir()
    empty = managed(environment, "rebuild")
    assert empty.returncode == 1 and "fileorganizer server migrate" in empty.stderr
    assert managed(environment, "migrate").returncode == 0
    with closing(sqlite3.connect(tmp_path / "data/fileorganizer.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = managed(environment, "migrate")
    assert newer.returncode == 1 and "9999" in newer.stderr and "use the newer program" in newer.stderr
    assert "Traceback" not in empty.stderr + newer.stderr


def test_a_folder_that_cant_be_made(tmp_path: Path) -> None:
    """And settings that can't be used: a line each."""
    (tmp_path / "file").touch()
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "file/data"), "DATABASE_URL": ""}
    refused = managed(environment, "migrate")
    assert refused.returncode == 1 and "The system refuses" in refused.stderr and "Traceback" not in refused.stderr
    command = [sys.executable, "-m", "backend.manage", "migrate"]
    wrong = {**os.environ, "DATA_DIR": str(tmp_path), "API_PORT": "a port"}
    refused = subprocess.run(command, cwd=ROOT, env=wrong, capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "api_port" in refused.stderr and "Traceback" not in refused.stderr


def test_a_worker_waits_for_its_database(tmp_path: Path) -> None:
    """It says once that it is away, and ends as always."""
    away = "postgresql+psycopg://ann@127.0.0.1:1/files"
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": away}
    command = [sys.executable, "-m", "backend.worker"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stderr is not None
        line = next(line for line in worker.stderr if "the database is away" in line)
        worker.send_signal(signal.SIGTERM)
        rest = worker.stderr.read()
    assert worker.returncode == 0 and "Connection refused" in line
    assert "the database is away" not in rest and "Traceback" not in line + rest
