"""The schema and its migrations, on both databases; writers of SQLite take turns."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import insert, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from backend import database as module
from backend.core.config import Settings, prepare_folders
from backend.database import (
    POLL_SECONDS,
    SCHEMA_REVISION,
    Database,
    DatabaseBusy,
    SchemaMismatch,
    WorkerDatabase,
    WriteTurn,
    is_busy,
    reason_of,
    will_pass,
)
from backend.models import FileRecord, IdempotencyKey, Operation, RefreshToken
from backend.models import Session as Login
from backend.models import Ticket, User
from backend.services.files import FileView, key_of
from backend.worker.bulk import insert_rows
from backend.worker.retention import KEYS_KEPT, SESSIONS_KEPT, forget_plans, retain
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.postgres import new_database
from tests.support.rows import operation_row, put_users
from tests.support.server import ROOT, migrated, prepared


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """A server's settings with an empty database."""
    if request.param == "sqlite":
        yield Settings(data_dir=tmp_path)
        return
    yield Settings(data_dir=tmp_path, database_url=new_database(request.getfixturevalue("postgres")))


def alembic(settings: Settings, *words: str) -> None:
    """Run the command, which has to end well."""
    environment = {**os.environ, "DATA_DIR": str(settings.data_dir), "DATABASE_URL": settings.database_url}
    done = migrated(environment, *words)
    assert done.returncode == 0, done.stdout + done.stderr


def test_up_check_and_down(settings: Settings) -> None:
    """The migrations make exactly the tables of the models, and take them away again."""
    alembic(settings, "upgrade", "head")
    alembic(settings, "check")
    database = WorkerDatabase(settings)
    with database.reading() as session:
        assert "operations" in inspect(session.connection()).get_table_names()
    alembic(settings, "downgrade", "base")
    with database.reading() as session:
        assert inspect(session.connection()).get_table_names() == ["alembic_version"]
    database.close()


def test_the_revision_is_the_newest() -> None:
    """What the server asks for at its start is what the migrations end with."""
    assert ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).get_current_head() == SCHEMA_REVISION


def test_another_schema_is_refused(tmp_path: Path, greenlets: None) -> None:
    """R20: an empty database, and one of a newer program."""
    settings = Settings(data_dir=tmp_path)
    prepare_folders(settings)

    async def check() -> None:
        """Look at the schema."""
        database = Database(settings)
        try:
            await database.check_schema()
        finally:
            await database.close()

    with pytest.raises(SchemaMismatch, match="none"):
        asyncio.run(check())
    alembic(settings, "upgrade", "head")
    asyncio.run(check())
    worker = WorkerDatabase(settings)
    with worker.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    worker.close()
    with pytest.raises(SchemaMismatch, match="9999"):
        asyncio.run(check())


def test_a_writer_that_holds_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, greenlets: None) -> None:
    """Who can't have the turn within the time is told so, on either side; nothing is written."""
    monkeypatch.setattr(module, "LOCK_WAIT_SECONDS", 0.05)
    settings = Settings(data_dir=tmp_path)
    alembic(settings, "upgrade", "head")
    one, other, third = WorkerDatabase(settings), WorkerDatabase(settings), Database(settings)

    async def write() -> None:
        """Try on the async side."""
        async with third.writing():
            raise AssertionError("the turn was taken")

    with one.writing():
        with pytest.raises(DatabaseBusy), other.writing():
            raise AssertionError("the turn was taken")
        with pytest.raises(DatabaseBusy):
            asyncio.run(write())
    with other.writing() as session:
        session.execute(text("SELECT 1"))
    one.close()
    other.close()


@contextlib.contextmanager
def greedy(turn: WriteTurn) -> Iterator[list[int]]:
    """A writer in a thread who wants the next turn the moment its own ends; gives how many it had, in a list of one."""
    had, done = [0], threading.Event()

    def write() -> None:
        """Until the block ends."""
        while not done.is_set():
            with turn.taken():
                had[0] += 1
                time.sleep(2 * POLL_SECONDS)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield had
    finally:
        done.set()
        thread.join()


def test_who_waits_is_next(tmp_path: Path) -> None:
    """A process that writes without a pause gets at most the turn it is in and the one it already waits for."""
    one, other = WriteTurn(tmp_path / "lock"), WriteTurn(tmp_path / "lock")

    async def waited(had: list[int]) -> int:
        """How many turns of the greedy one passed, on the async side."""
        before = had[0]
        async with other.taken_async():
            return had[0] - before

    with greedy(one) as had:
        for _ in range(20):
            before = had[0]
            with other.taken():
                assert had[0] - before <= 2
            assert asyncio.run(waited(had)) <= 2


def test_tasks_write_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    """Many requests at once: the first comes first, though another process writes between them."""
    one, other = WriteTurn(tmp_path / "lock"), WriteTurn(tmp_path / "lock")
    order: list[int] = []

    async def write(number: int) -> None:
        """One request."""
        async with other.taken_async():
            order.append(number)

    async def all_at_once() -> None:
        """Twenty requests."""
        await asyncio.gather(*(write(number) for number in range(20)))

    with greedy(one):
        asyncio.run(all_at_once())
    assert order == list(range(20))


def test_ids_of_files() -> None:
    """A public id holds the number and the place; any other id is nobody's."""
    for number, sequence in ((1, 1 << 20), (2**62, (1 << 41) - 1), (7, (1 << 40) | 5)):
        record = FileRecord(operation_number=number, sequence=sequence, original_path=b"a", new_path=None)
        file_id = FileView(record, Operation(operation_type="organize")).id
        assert (
            file_id.version == 8
            and file_id.variant == "specified in RFC 4122"
            and key_of(file_id) == (number, sequence)
        )
    assert key_of(UUID(int=0)) is None and key_of(UUID("ffffffff-ffff-8fff-bfff-ffffffffffff")) is None


def test_what_is_over_is_removed(settings: Settings) -> None:
    """Tickets at their end, logins thirty days after it with their tokens, keys of requests after a week; nothing sooner."""
    alembic(settings, "upgrade", "head")
    database, user, now = WorkerDatabase(settings), UUID(int=1), datetime.now(UTC)
    minute = timedelta(minutes=1)
    with database.writing() as session:
        session.execute(insert(User).values(**_row_of_a_user(user, now)))
        for number, sign in enumerate((-1, +1)):  # over since a minute, and for a minute not yet
            login = UUID(int=10 + number)
            until = now - SESSIONS_KEPT + sign * minute
            session.execute(
                insert(Login).values(
                    id=login,
                    user_id=user,
                    created_at=now,
                    last_used_at=now,
                    expires_at=until,
                    address="",
                    user_agent="",
                )
            )
            session.execute(
                insert(RefreshToken).values(digest=bytes([number]), session_id=login, created_at=now, expires_at=until)
            )
            session.execute(insert(Ticket).values(digest=bytes([number]), purpose="ws", expires_at=now + sign * minute))
            session.execute(
                insert(IdempotencyKey).values(
                    user_id=user,
                    key=f"key {number}",
                    fingerprint=b"",
                    operation_id=user,
                    created_at=now - KEYS_KEPT + sign * minute,
                )
            )
    for _ in range(2):
        retain(database)
        with database.reading() as session:
            assert session.scalars(select(Login.id)).all() == [UUID(int=11)]
            assert session.scalars(select(RefreshToken.digest)).all() == [b"\1"]
            assert session.scalars(select(Ticket.digest)).all() == [b"\1"]
            assert session.scalars(select(IdempotencyKey.key)).all() == ["key 1"]
    database.close()


def test_a_users_oldest_plans_make_room(tmp_path: Path) -> None:
    """The newest stay as far as they fit, the newest of all in any case, and what an operation waits for; others' aren't touched."""
    settings = Settings(_env_file=None, data_dir=prepared(tmp_path / "data").data_dir, plan_bytes_per_user=25)
    prepare_folders(settings)
    database, ann, bob, now = WorkerDatabase(settings), UUID(int=1), UUID(int=2), datetime.now(UTC)
    with database.writing() as session:
        put_users(session, ann, bob)
        for name in ("waited-for", "oldest", "gone", "old", "new"):
            session.add(operation_row(ann, now, plan_id=name, status="completed"))
            session.flush()
        session.add(operation_row(ann, now, plan_id="waited-for"))
        session.add(operation_row(bob, now, plan_id="bobs", status="completed"))
    for name in ("waited-for", "oldest", "old", "new", "bobs"):
        (settings.plans / f"{name}.plan").write_bytes(bytes(10))
    forget_plans(settings, database, ann)
    assert {path.stem for path in settings.plans.iterdir()} == {"waited-for", "old", "new", "bobs"}
    forget_plans(settings.model_copy(update={"plan_bytes_per_user": 0}), database, ann)
    assert {path.stem for path in settings.plans.iterdir()} == {"waited-for", "new", "bobs"}
    database.close()


def _row_of_a_user(user: UUID, now: datetime) -> dict[str, Any]:
    """The columns of an account."""
    words = dict.fromkeys(("full_name", "password_hash", "subscription_tier"), "")
    names = dict.fromkeys(("email", "email_key", "username", "username_key"), "ann")
    numbers = dict.fromkeys(("storage_quota_gb", "storage_used_bytes", "token_version"), 0)
    states = {"is_active": True, "is_verified": True, "is_admin": False}
    return {"id": user, "created_at": now, **words, **names, **numbers, **states}


@pytest.mark.parametrize(
    ("state", "passes", "busy"),
    [
        ("53300", True, False),  # all connections are taken
        ("53100", True, False),  # the disk is full
        ("40P01", True, False),  # a deadlock
        ("40001", True, False),
        ("55P03", True, False),
        ("25006", True, False),  # a standby
        ("57P01", True, False),
        ("58030", True, False),
        ("57014", True, True),  # a statement took too long
        ("23505", False, False),
        ("42501", False, False),
        ("22003", False, False),
    ],
)
def test_what_passes(tmp_path: Path, postgres: str, state: str, passes: bool, busy: bool) -> None:
    """What PostgreSQL can't do just now is another thing than what it refuses."""
    database = WorkerDatabase(Settings(data_dir=tmp_path, database_url=f"{postgres}/postgres"))
    with pytest.raises(DBAPIError) as refused, database.reading() as session:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'said so' USING ERRCODE = '{state}'; END $$"))
    database.close()
    assert (will_pass(refused.value), is_busy(refused.value)) == (passes, busy)
    assert reason_of(refused.value).startswith("said so")


@pytest.mark.parametrize(("state", "passes"), [("53100", True), ("40P01", True), ("57014", True), ("23505", False)])
def test_what_passes_while_rows_are_copied(tmp_path: Path, postgres: str, state: str, passes: bool) -> None:
    """Most is written by COPY, which goes past SQLAlchemy: a disk that is full there is no refusal either."""
    database = WorkerDatabase(Settings(data_dir=tmp_path, database_url=new_database(postgres)))
    with database.writing() as session:
        session.execute(text("CREATE TABLE numbers (number INTEGER)"))
        body = f"BEGIN RAISE EXCEPTION 'said so' USING ERRCODE = '{state}'; END"
        session.execute(text(f"CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ {body} $$"))
        session.execute(text("CREATE TRIGGER refuse BEFORE INSERT ON numbers FOR EACH ROW EXECUTE FUNCTION refuse()"))
    with pytest.raises(DBAPIError) as refused, database.writing() as session:
        insert_rows(session, "numbers", ("number",), [(1,)])
    database.close()
    assert will_pass(refused.value) == passes and reason_of(refused.value).startswith("said so")


def test_a_host_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't waited for without end; no connection to be had within half a minute is no mistake either."""
    monkeypatch.setattr(module, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://ann@127.0.0.1:{silent.getsockname()[1]}/files"
        database = WorkerDatabase(Settings(data_dir=tmp_path, database_url=url))
        with pytest.raises(DBAPIError) as refused, database.reading() as session:
            session.execute(text("SELECT 1"))
    assert will_pass(refused.value) and "timeout" in reason_of(refused.value)
    assert is_busy(NoConnection()) and reason_of(NoConnection()) == "TimeoutError"


def test_what_the_url_says_holds(tmp_path: Path, postgres: str) -> None:
    """Its options for the server are used beside ours, such as the schema in which the tables are, and win over them."""
    options = "-csearch_path%3Dmine%20-cjit%3Don"
    database = WorkerDatabase(Settings(data_dir=tmp_path, database_url=f"{postgres}/postgres?options={options}"))
    with database.reading() as session:
        shown = [
            session.execute(text(f"SHOW {name}")).scalar_one() for name in ("search_path", "jit", "statement_timeout")
        ]
    database.close()
    assert shown == ["mine", "on", "30s"]


def test_a_statement_is_planned_for_whom_it_is_asked(tmp_path: Path, postgres: str) -> None:
    """However often it is asked: the plan that fits everybody goes through everybody's records for a user with forty."""
    database = Database(Settings(data_dir=tmp_path, database_url=f"{postgres}/postgres"))
    query = "SELECT custom_plans > 0, generic_plans FROM pg_prepared_statements WHERE statement LIKE '%relpages%'"

    async def plans() -> list[tuple[bool, int]]:
        async with database.reading() as session:
            for number in range(20):
                await session.execute(text("SELECT oid FROM pg_class WHERE relpages > :number"), {"number": number})
            found = [(row[0], row[1]) for row in (await session.execute(text(query))).all()]
        await database.close()
        return found

    assert asyncio.run(plans()) == [(True, 0)]


def test_several_migrate_at_once(tmp_path: Path, postgres: str) -> None:
    """Replicas that start together: one makes the tables, the others find them made."""
    environment = {**unmeasured(os.environ), "DATA_DIR": str(tmp_path), "DATABASE_URL": new_database(postgres)}
    command = [sys.executable, "-m", "alembic", "upgrade", "head"]
    began = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [one.communicate()[1] for one in began]
    assert [one.returncode for one in began] == [0, 0, 0], said


def test_a_schema_that_nobody_can_know(tmp_path: Path, greenlets: None) -> None:
    """A database that is away isn't told to be an empty one."""

    async def check() -> None:
        """Look at the schema."""
        database = Database(Settings(data_dir=tmp_path, database_url="postgresql+psycopg://ann@127.0.0.1:1/files"))
        try:
            await database.check_schema()
        finally:
            await database.close()

    with pytest.raises(DBAPIError):
        asyncio.run(check())
