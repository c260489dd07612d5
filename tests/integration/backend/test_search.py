"""Search answers the same on both databases, and with SQLite's index of names as without it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from backend.core.config import Settings
from backend.database import Database, WorkerDatabase
from backend.models import NAMES_DONE
from backend.repositories import search
from backend.repositories.files import Filters
from backend.repositories.owners import Owner
from backend.repositories.search import FileSearch
from backend.worker.names import ROWS_AT_ONCE, NameIndex
from backend.worker.projection import TAIL
from benchmarks.records import fill
from tests.support.postgres import new_database
from tests.support.rows import operation_row, put_users, record_row
from tests.support.server import Person, Server, managed, prepared
from tests.support.trees import write_tree

NAMES = (
    "Übung 1.txt",
    'a "quoted" name.txt',
    "IMG_0001.jpg",
    "my img_0001.jpg",
    "no.mp3",
    "übrig/Привет мир.pdf",
    "x%y_z.txt",
)


WORDS = (
    "übung",
    "ÜBUNG",
    '"quoted',
    "img_0001.JPG",
    "IMG_0001.j",
    "img_0001.png",
    "IMG",
    "no",
    "ПРИВЕТ",
    "вет м",
    "%y_",
    "x_y",
    "übrig/п",
    "nothing",
)
"""In capital and small letters, of Latin and other alphabets, short and long, with signs."""


def answers(person: Person) -> list[list[str]]:
    """What is found by words."""
    found = []
    for words in WORDS:
        answer = person.get("/files/search", params={"query": words})
        assert answer["index_is_current"] and answer["total_files"] == len(answer["files"])
        found.append([row["original_path"].partition("/inbox/")[2] for row in answer["files"]])
    return found


EXPECTED = [
    ["Übung 1.txt"],
    ["Übung 1.txt"],
    ['a "quoted" name.txt'],
    ["IMG_0001.jpg", "my img_0001.jpg"],
    ["IMG_0001.jpg", "my img_0001.jpg"],
    [],
    ["IMG_0001.jpg", "my img_0001.jpg"],
    ["no.mp3"],
    ["übrig/Привет мир.pdf"],
    ["übrig/Привет мир.pdf"],
    ["x%y_z.txt"],
    [],
    ["übrig/Привет мир.pdf"],
    [],
]


def indexed_answers(person: Person, server: Server, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The same by the index, which for so few records isn't asked otherwise."""
    monkeypatch.setattr(search, "FEW", -1)
    url = server.environment.get("DATABASE_URL")
    settings = Settings(database_url=url) if url else Settings(data_dir=server.data_dir)
    database, user = Database(settings), UUID(person.get("/auth/me")["id"])
    found = []
    for words in WORDS:
        records = asked(
            database, user, lambda s, words=words: s.find(words, None, Filters(), "best", limit=20, offset=0)
        ).records
        found.append([record.name.partition("/inbox/")[2] or record.name for record, _ in records])
    asyncio.run(database.close())
    return found


def test_words_are_found(ann: Person, server: Server, monkeypatch: pytest.MonkeyPatch, greenlets: None) -> None:
    """Before names are in an index and after, and after the records were made anew."""
    write_tree(
        ann.home / "inbox", {"übrig": {"Привет мир.pdf": "x"}, **{name: name for name in NAMES if "/" not in name}}
    )
    operation = ann.done("inbox", keep_together=False)
    assert answers(ann) == EXPECTED
    if "DATABASE_URL" in server.environment:
        assert indexed_answers(ann, server, monkeypatch) == EXPECTED
        return
    wait_for_index(server, operation["id"])
    assert answers(ann) == indexed_answers(ann, server, monkeypatch) == EXPECTED
    managed(server.environment, "rebuild", operation["id"]).check_returncode()
    assert answers(ann) == EXPECTED


def wait_for_index(server: Server, operation_id: str) -> None:
    """Until the worker had time for an operation's names."""
    query = "SELECT sequence FROM search_progress JOIN operations ON number = operation_number WHERE id = ?"
    until = time.monotonic() + 60
    database = sqlite3.connect(f"file:{server.data_dir}/fileorganizer.db?mode=ro", uri=True)
    done = None
    while done != (NAMES_DONE,):
        assert time.monotonic() < until
        time.sleep(0.1)
        with suppress(sqlite3.OperationalError):  # the worker makes the table with the first names
            done = database.execute(query, (operation_id.replace("-", ""),)).fetchone()
    database.close()


@pytest.fixture
def databases(tmp_path: Path, greenlets: None) -> Iterator[tuple[Database, WorkerDatabase, UUID]]:
    """Both ways to a database of SQLite, and a user in it."""
    settings = Settings(data_dir=prepared(tmp_path / "data").data_dir)
    database, workers, ann = Database(settings), WorkerDatabase(settings), uuid4()
    with workers.writing() as session:
        put_users(session, ann)
    yield database, workers, ann
    workers.close()
    asyncio.run(database.close())


def asked(database: Database, user: UUID, question: Any) -> Any:
    """What a search of the user's answers."""

    async def ask() -> Any:
        async with database.reading() as session:
            return await question(FileSearch(session, Owner(user, None)))

    return asyncio.run(ask())


@pytest.mark.parametrize("few", [-1, search.FEW])
def test_names_are_indexed_a_little_at_a_time(
    databases: tuple[Database, WorkerDatabase, UUID], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However far the index is, and whether it is asked or not, all is found; names of a running operation aren't in it."""
    monkeypatch.setattr(search, "FEW", few)
    database, workers, ann = databases
    now, index = datetime.now(UTC), NameIndex(workers)
    with workers.writing() as session:
        session.add(operation_row(ann, now, number=1, status="completed", projected_batch=TAIL))
        session.add(operation_row(ann, now, number=2, status="running", projected_batch=1))
        session.flush()
        session.add_all(record_row(1, place, f"photo {place}.jpg", now) for place in range(2 * ROWS_AT_ONCE))
        session.add(record_row(2, 1, "photo of today.jpg", now))

    def found(words: str) -> int:
        total: int = asked(database, ann, lambda s: s.find(words, None, Filters(), "best", limit=1, offset=0)).total
        return total

    steps = 0
    while True:
        assert (found("photo"), found("photo of"), found(f"{2 * ROWS_AT_ONCE - 1}.jp")) == (2 * ROWS_AT_ONCE + 1, 1, 1)
        if not index.advance():
            break
        steps += 1
    with workers.reading() as session:
        assert session.execute(text("SELECT operation_number FROM search_progress")).scalars().all() == [1]
    assert steps == 3 and not index.advance()


def test_records_that_are_still_to_come(databases: tuple[Database, WorkerDatabase, UUID]) -> None:
    """A search says that an operation runs whose files it can't know yet; a preview has none, and an operation that ended all."""
    database, workers, ann = databases
    now = datetime.now(UTC)
    with workers.writing() as session:
        session.add(operation_row(ann, now, number=1, status="completed"))
        session.add(operation_row(ann, now, number=2, status="running", operation_type="preview"))

    def is_current(operation_id: UUID | None) -> bool:
        found = asked(database, ann, lambda s: s.find("photo", operation_id, Filters(), "best", limit=1, offset=0))
        return bool(found.is_current)

    assert is_current(None)
    with workers.writing() as session:
        session.add(running := operation_row(ann, now, number=3, status="running"))
    assert not is_current(None)
    assert not is_current(running.id)
    assert is_current(uuid4())


FEW_BESIDE_MANY = (
    "INSERT INTO users SELECT (jsonb_populate_record(users, :other)).* FROM users",
    "UPDATE operations SET user_id = :bob, files_total = 40 WHERE number = 2",
    "DELETE FROM file_records WHERE operation_number = 2 AND sequence > 40",
)
"""Of three operations of somebody one becomes another user's, and a small one."""


def test_few_records_are_searched_alone(tmp_path: Path, postgres: str, greenlets: None) -> None:
    """Of a user with forty records among ninety thousand PostgreSQL looks at no others, whatever the words are."""
    url, bob = new_database(postgres), uuid4()
    settings = Settings(data_dir=prepared(tmp_path / "data", DATABASE_URL=url).data_dir, database_url=url)
    fill(url, 90_000, 3)
    names = {name: str(bob) for name in ("id", "email_key", "username_key")}
    workers = WorkerDatabase(settings)
    with workers.writing() as session:
        for statement in FEW_BESIDE_MANY:
            session.execute(text(statement), {"other": json.dumps(names), "bob": bob})
    workers.close()
    database = Database(settings)

    async def look() -> tuple[list[int], int]:
        async with database.reading() as session:
            mine, asked_for = FileSearch(session, Owner(bob, None)), ("folder", ".jpg", "a", "nothing")
            hits = [await mine.find(words, None, Filters(), "best", limit=20, offset=0) for words in asked_for]
            read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'file_records'"
            return [found.total for found in hits], (await session.execute(text(read))).scalar_one()

    found, rows = asyncio.run(look())
    asyncio.run(database.close())
    assert found == [40, 40, 23, 0]
    assert rows <= 4 * (40 + 40 + 20)  # each looks at all twice, for words and for a name, and fetches a page
