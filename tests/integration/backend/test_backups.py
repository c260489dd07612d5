"""Backups: made while the server runs, taken back into an empty place, completed from the journals."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.support.postgres import new_database
from tests.support.server import PASSWORD, Person, Server, managed, prepared, running_server
from tests.support.trees import put_tree

DATABASES = ("sqlite",)  # servers of their own


def records(person: Person, operation_id: str) -> list[dict[str, object]]:
    """The files of an operation."""
    found: list[dict[str, object]] = person.get(f"/files?operation_id={operation_id}&page_size=100")["files"]
    return found


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_lost_and_restored(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> None:
    """A copy made in the running server; the database is lost; accounts, operations and every record are back, and undo works."""
    if database == "sqlite":
        story(tmp_path, {}, {})
        return
    url = request.getfixturevalue("postgres")
    story(tmp_path, {"DATABASE_URL": new_database(url)}, {"DATABASE_URL": new_database(url)})


def story(tmp_path: Path, before: dict[str, str], after: dict[str, str]) -> None:
    """With the settings of a database that is lost, and of an empty one."""
    copy = tmp_path / "copy"
    with running_server(tmp_path / "data", measured=False, **before) as server:
        ann = server.sign_up("ann")
        put_tree(ann.home / "inbox", {f"{number}.jpg": str(number) for number in range(40)})
        operation = ann.done("inbox")
        known = records(ann, operation["id"])
        done = managed(server.environment, "backup", str(copy))
        assert done.returncode == 0, done.stderr
        assert os.stat(copy).st_mode & 0o077 == 0
        assert managed(server.environment, "backup", str(copy)).returncode == 1, "nothing is overwritten"
        assert "restore" not in managed(server.environment, "restore", str(copy)).stdout
    lost = {**server.environment, **after}
    for name in tmp_path.glob("data/fileorganizer.db*"):
        name.unlink()
    done = managed(lost, "restore", str(copy))
    assert done.returncode == 0, done.stderr
    engine = create_engine(after.get("DATABASE_URL") or f"sqlite:///{tmp_path}/data/fileorganizer.db")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM file_records"))  # as if the copy had been made before
    engine.dispose()
    assert managed(lost, "rebuild").returncode == 0
    again = Server(server.data_dir, lost, measured=False)
    again.start()
    try:
        client = again.client()
        tokens = client.post("/api/v1/auth/login", json={"email": ann.email, "password": PASSWORD}).json()
        back = Person(client, tokens)
        assert [row["new_path"] for row in records(back, operation["id"])] == [row["new_path"] for row in known]
        undone = back.finished(back.post(f"/operations/{operation['id']}/rollback"))
        assert (undone["status"], undone["files_processed"]) == ("completed", 40)
    finally:
        again.stop()


def test_a_place_with_other_roles(tmp_path: Path, postgres: str) -> None:
    """A role that could read isn't there any more, and the extension was made by somebody else: the copy is taken back."""
    reader, owner = (f"test_{uuid4().hex}" for _ in range(2))
    server = prepared(tmp_path / "data", measured=False, DATABASE_URL=new_database(postgres))
    managed(server.environment, "database", "--optimize").check_returncode()
    empty, copy = make_url(new_database(postgres)), str(tmp_path / "copy")
    old, new = (create_engine(url, isolation_level="AUTOCOMMIT") for url in (server.environment["DATABASE_URL"], empty))
    with old.connect() as before, new.connect() as after:
        before.execute(text(f"CREATE ROLE {reader}"))
        before.execute(text(f"GRANT SELECT ON operations TO {reader}"))
        managed(server.environment, "backup", copy).check_returncode()
        before.execute(text(f"DROP OWNED BY {reader}"))
        before.execute(text(f"DROP ROLE {reader}"))
        after.execute(text("CREATE EXTENSION pg_trgm"))
        after.execute(text(f"CREATE ROLE {owner} LOGIN PASSWORD 'secret'"))
        after.execute(text(f'ALTER DATABASE "{empty.database}" OWNER TO {owner}'))
    mine = empty.set(username=owner, password="secret").render_as_string(hide_password=False)
    done = managed({**server.environment, "DATABASE_URL": mine}, "restore", copy)
    assert done.returncode == 0, done.stderr
    with old.connect() as elsewhere:
        elsewhere.execute(text(f'DROP DATABASE "{empty.database}" WITH (FORCE)'))
        elsewhere.execute(text(f"DROP ROLE {owner}"))
    old.dispose()
    new.dispose()


def test_what_cant_be_taken_back(tmp_path: Path) -> None:
    """Missing, not a database, damaged: said so, and nothing is left behind."""
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "data")}
    assert "isn't there" in managed(environment, "restore", str(tmp_path / "nothing")).stderr
    junk = tmp_path / "junk"
    junk.write_bytes(b"no database" * 1_000)
    assert "is no copy" in managed(environment, "restore", str(junk)).stderr
    assert "There is no database" in managed(environment, "backup", str(tmp_path / "copy")).stderr
    assert not (tmp_path / "copy").exists() and not list((tmp_path / "data").glob("*.db*"))


def test_what_another_database_left(tmp_path: Path) -> None:
    """A log that a killed server left would be played back into the restored database, whatever that is: refused."""
    server, copy = prepared(tmp_path / "data"), tmp_path / "copy"
    assert managed(server.environment, "backup", str(copy)).returncode == 0
    database = tmp_path / "data/fileorganizer.db"
    database.unlink()
    log = tmp_path / "data/fileorganizer.db-wal"
    log.write_bytes(b"of another database")
    refused = managed(server.environment, "restore", str(copy))
    assert refused.returncode == 1 and f"{log} is left of another database" in refused.stderr
    assert not database.exists()
    log.unlink()
    assert managed(server.environment, "restore", str(copy)).returncode == 0


@pytest.mark.parametrize("by", ["us", "others"])
def test_roots_that_have_gone_on(tmp_path: Path, by: str) -> None:
    """What waited when the copy was made isn't done a second time; what was taken back since counts as taken back.

    So it is where another program has taken the copy back.
    """
    copy = tmp_path / "copy"
    with running_server(tmp_path / "data", measured=False) as server:
        ann = server.sign_up("ann")
        kept, waited = ann.home / "kept", ann.home / "waited"
        operations = []
        for folder in (kept, waited):
            put_tree(folder, {"a.jpg": "a"})
            operations.append(ann.done(folder.name))
        assert managed(server.environment, "backup", str(copy)).returncode == 0
        for operation in operations:
            ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    for words in ((), (str(copy), "--done")):
        assert "Name the FILE" in managed(server.environment, "restore", *words).stderr
    with closing(sqlite3.connect(copy)) as connection, connection:  # as if the copy had been made a moment earlier
        connection.execute(
            "UPDATE operations SET status = 'pending', epoch = 0, plan_id = NULL, journal_id = NULL WHERE id = ?",
            (UUID(operations[1]["id"]).hex,),
        )
    for name in tmp_path.glob("data/fileorganizer.db*"):
        name.unlink()
    if by == "others":
        shutil.copy(copy, tmp_path / "data/fileorganizer.db")
    done = managed(server.environment, "restore", str(copy) if by == "us" else "--done")
    assert done.returncode == 0 and "1 operations that waited" in done.stdout, done.stderr
    assert managed(server.environment, "rebuild").returncode == 0
    again = Server(server.data_dir, server.environment, measured=False)
    again.start()
    try:
        client = again.client()
        back = Person(client, client.post("/api/v1/auth/login", json={"email": ann.email, "password": PASSWORD}).json())
        told = back.finished(operations[1])
        assert told["status"] == "cancelled" and "restored" in told["error_message"]
        assert (waited / "a.jpg").is_file()
        assert back.get(f"/operations/{operations[0]['id']}")["rolled_back"] is True
    finally:
        again.stop()


def test_a_copy_goes_the_way_that_the_server_goes(tmp_path: Path) -> None:
    """Sockets, TLS and whatever else the URL says hold for pg_dump, too; nothing of it stands in the command line."""
    program = tmp_path / "bin/pg_dump"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nenv > {tmp_path}/told\necho $@ >> {tmp_path}/told\n")
    program.chmod(0o700)
    url = "postgresql+psycopg://ann:s%40crt@/files?host=/run/postgresql&sslmode=verify-full&sslrootcert=/etc/ca.pem"
    environment = {
        **os.environ,
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": url,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
    }
    assert managed(environment, "backup", str(tmp_path / "copy")).returncode == 0
    told = (tmp_path / "told").read_text().splitlines()
    ways = {"PGHOST=/run/postgresql", "PGUSER=ann", "PGPASSWORD=s@crt", "PGDATABASE=files", "PGSSLMODE=verify-full"}
    assert ways | {"PGSSLROOTCERT=/etc/ca.pem"} <= set(told)
    assert "s@crt" not in told[-1]
