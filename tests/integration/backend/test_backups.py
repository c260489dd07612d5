"""Backups: made while the server runs, taken back into an empty place, completed from the journals."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.support.postgres import new_database
from tests.support.server import PASSWORD, Person, Server, managed, running_server
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


def test_what_cant_be_taken_back(tmp_path: Path) -> None:
    """Missing, not a database, damaged: said so, and nothing is left behind."""
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "data")}
    assert "isn't there" in managed(environment, "restore", str(tmp_path / "nothing")).stderr
    junk = tmp_path / "junk"
    junk.write_bytes(b"no database" * 1_000)
    assert "is no copy" in managed(environment, "restore", str(junk)).stderr
    assert "There is no database" in managed(environment, "backup", str(tmp_path / "copy")).stderr
    assert not (tmp_path / "copy").exists() and not list((tmp_path / "data").glob("*.db*"))
