"""A database of every older schema, with operations in every state, is brought up and goes on working (R20)."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, create_engine

from backend.core.security import Passwords
from backend.models import STATES
from tests.support.server import PASSWORD, QUICK, ROOT, Person, Server, migrated
from tests.support.trees import write_tree

REVISIONS = [script.revision for script in ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).walk_revisions()]


def filled(table: Table, **known: Any) -> dict[str, Any]:
    """A row with what is known, and something plain in every other column that needs a value."""
    row = dict(known)
    for column in table.columns:
        if column.name not in row and not column.nullable and not column.primary_key:
            name = str(column.type).upper()
            kinds = {
                "BIGINT": 0,
                "INTEGER": 0,
                "BOOL": False,
                "DATETIME": datetime.now(UTC),
                "JSON": {},
                "BLOB": b"",
                "DOUBLE": 0.0,
                "FLOAT": 0.0,
            }
            row[column.name] = next((value for kind, value in kinds.items() if name.startswith(kind)), "")
    return row


def old_database(server: Server, home: Path) -> dict[str, UUID]:
    """Ann with her home and an operation in each state; those that aren't finished have a folder to work on."""
    engine, metadata = create_engine(f"sqlite:///{server.data_dir}/fileorganizer.db"), MetaData()
    metadata.reflect(engine)
    users, roots, grants, operations = (
        metadata.tables[name] for name in ("users", "roots", "root_grants", "operations")
    )
    user, root, ids = uuid4(), uuid4(), {state: uuid4() for state in STATES}
    status = home.stat()
    hashed = Passwords("bcrypt", 4).hash(PASSWORD)
    moment = datetime.now(UTC).replace(tzinfo=None)
    names = {"email": "ann@example.org", "email_key": "ann@example.org", "username": "ann", "username_key": "ann"}
    with engine.begin() as connection:
        connection.execute(users.insert(), filled(users, id=user.hex, password_hash=hashed, is_active=True, **names))
        place = {"path": os.fsencode(home), "device": status.st_dev, "inode": status.st_ino, "is_home": True}
        connection.execute(roots.insert(), filled(roots, id=root.hex, **place))
        connection.execute(grants.insert(), {"root_id": root.hex, "user_id": user.hex, "created_at": moment})
        for number, state in enumerate(STATES, 1):
            folder = home / state
            write_tree(folder, {"a.jpg": "a"})
            lineage = [f"{f.stat().st_dev}:{f.stat().st_ino}" for f in (folder, *folder.parents)]
            row = filled(
                operations,
                id=ids[state].hex,
                user_id=user.hex,
                root_id=root.hex,
                root_path=os.fsencode(folder),
                lineage=lineage,
                operation_type="organize",
                status=state,
                options=OPTIONS,
                request={"confirm": False},
                epoch=0 if state == "pending" else 1,
                attempts=0 if state == "pending" else 1,
                created_at=moment,
            )
            connection.execute(operations.insert(), {"number": number, **row})
    engine.dispose()
    return ids


OPTIONS = {
    "mode": "move", "layout": None, "conflict": "rename", "recursive": True, "include_hidden": False, "max_depth": None,
    "modified_after": None, "modified_before": None, "profile": "personal", "remove_empty_dirs": True, "keep_together": True,
    "min_size_bytes": None, "max_size_bytes": None, "content_detection": "auto", "exclude": [], "extensions": [], "categories": [],
    "destination": None, "detect_duplicates": True, "duplicate_action": "report",
}  # fmt: skip


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_revision_comes_up(tmp_path: Path, revision: str) -> None:
    """What waited is done, what was running goes on, what was finished is still told of; accounts sign in."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    server = Server(data_dir, {**os.environ, "DATA_DIR": str(data_dir), **QUICK}, measured=False)

    migrated(server.environment, "upgrade", revision).check_returncode()
    home = data_dir / "storage" / "ann"
    home.mkdir(parents=True)
    ids = old_database(server, home)
    migrated(server.environment, "upgrade", "head").check_returncode()
    server.start()
    try:
        client = server.client()
        tokens = client.post("/api/v1/auth/login", json={"email": "ann", "password": PASSWORD}).json()
        ann = Person(client, tokens)
        assert ann.get("/operations")["total"] == len(STATES)
        ended = {state: ann.finished({"id": str(operation_id)}) for state, operation_id in ids.items()}
        assert {state: operation["status"] for state, operation in ended.items()} == {
            **{state: state for state in STATES}, "pending": "completed", "running": "completed"
        }  # fmt: skip
        for state in ("pending", "running"):
            assert ended[state]["files_processed"] == 1 and (home / state / "Images").is_dir()
        assert (home / "failed/a.jpg").is_file()
        assert ann.done("failed")["files_processed"] == 1
    finally:
        server.stop()
