"""The script that looks after indexes: it makes what is missing, makes nothing twice, and says how queries are carried out."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from backend import database
from backend.models import Base
from backend.optimization import INDEXES, optimized, queries_of
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.postgres import new_database
from tests.support.server import ROOT, migrated, prepared, running_server
from tests.support.trees import put_tree


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a database with one operation."""
    if request.param == "sqlite":
        yield from _filled(tmp_path)
        return
    yield from _filled(tmp_path, DATABASE_URL=new_database(request.getfixturevalue("postgres")))


def _filled(tmp_path: Path, **more: str) -> Iterator[dict[str, str]]:
    """A database with one operation of thirty files."""
    with running_server(tmp_path / "data", measured=False, **more) as server:
        ann = server.sign_up("ann")
        put_tree(ann.home / "inbox", {f"{number}.jpg": "x" for number in range(30)})
        ann.done("inbox")
    yield server.environment


def run(environment: dict[str, str], *arguments: str) -> list[str]:
    """The script's lines."""
    command = [sys.executable, "scripts/database_optimization.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=unmeasured(environment), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def url_of(environment: dict[str, str]) -> str:
    """The database."""
    return environment.get("DATABASE_URL") or f"sqlite:///{environment['DATA_DIR']}/fileorganizer.db"


def test_indexes_are_made_once(environment: dict[str, str]) -> None:
    """Thirteen, those that the schema doesn't have are made; a second run makes none; the schema still counts as unchanged."""
    first, second = run(environment, "--optimize"), run(environment, "--optimize")
    made = [line.split()[1] for line in first if line.startswith("made")]
    possible = [index for index in INDEXES if "DATABASE_URL" in environment or not index.only_postgresql]
    assert made == [index.name for index in possible if index.name.startswith("ix_strategic_")]
    assert sum(line.startswith("is there") for line in second) == len(possible) and len(INDEXES) == 13
    checked = migrated(environment, "check")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_queries_are_explained(environment: dict[str, str]) -> None:
    """Every hot query, and how its rows are found; sizes of all tables."""
    run(environment, "--optimize")
    lines = run(environment, "--analyze", "--stats")
    engine = create_engine(url_of(environment))
    for name in queries_of(engine):
        assert any(line.startswith(f"{name}: ") for line in lines), name
    if engine.dialect.name == "postgresql":
        assert any(line.startswith("search for exactly a name: ") for line in lines)
    engine.dispose()
    for table in Base.metadata.tables:
        assert any(line.startswith(f"{table} ") for line in lines), table
    records = next(line for line in lines if line.startswith("file_records "))
    assert "30 rows" in " ".join(records.split())


def test_an_index_that_was_broken_off(tmp_path: Path, postgres: str) -> None:
    """One that PostgreSQL calls invalid is made anew."""
    server = prepared(tmp_path / "data", DATABASE_URL=new_database(postgres))
    run(server.environment, "--optimize")
    engine = create_engine(url_of(server.environment))
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_strategic_category'::regclass")
        )
    engine.dispose()
    again = run(server.environment, "--optimize")
    assert [line.split()[1] for line in again if line.startswith("made")] == ["ix_strategic_category"]
    assert run(server.environment, "--analyze") == ["There are no operations yet: nothing to explain."]


def test_two_at_once(tmp_path: Path, postgres: str) -> None:
    """The second waits, and makes nothing twice."""
    server = prepared(tmp_path / "data", DATABASE_URL=new_database(postgres))
    with ThreadPoolExecutor(2) as threads:
        both = list(threads.map(lambda _: run(server.environment, "--optimize"), range(2)))
    made = [line.split()[1] for lines in both for line in lines if line.startswith("made")]
    assert len(made) == len(set(made)) == 4


def test_it_says_what_it_can_do() -> None:
    """Without a wish it does nothing."""
    command = [sys.executable, "scripts/database_optimization.py"]
    done = subprocess.run(command, cwd=ROOT, env=unmeasured(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "--optimize" in done.stderr


def test_it_writes_when_it_is_its_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has one writer at a time, and this is one of them while the server runs."""
    server = prepared(tmp_path / "data")
    engine = create_engine(url_of(server.environment), isolation_level="AUTOCOMMIT")
    monkeypatch.setattr(database, "LOCK_WAIT_SECONDS", 0.05)
    turn = database.write_turn(engine.url)
    assert turn is not None
    with turn.taken(), pytest.raises(database.DatabaseBusy):
        list(optimized(engine))
    assert any(line.startswith("made") for line in optimized(engine))
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "There is no database at"),
        ("postgresql+psycopg://ann@127.0.0.1:1/files", "The database can't be reached"),
        ("mysql://ann@127.0.0.1/files", "DATABASE_URL must begin with"),
    ],
)
def test_a_database_that_isnt_there(tmp_path: Path, url: str, words: str) -> None:
    """Told in words; nothing is made in its place."""
    command = [sys.executable, "scripts/database_optimization.py", "--stats"]
    environment = {**unmeasured(os.environ), "DATA_DIR": str(tmp_path), "DATABASE_URL": url}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
