"""S12: an API key of one root sees and reaches that root and nothing else, at every endpoint that takes a path or an operation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.backend.test_matrix import TABLE
from tests.support.manifest import manifest
from tests.support.server import Person, Server
from tests.support.trees import File, write_tree


@dataclass
class Setting:
    """A user with two roots, an operation in each, one from the first into the second, and a key of the first."""

    person: Person
    key: Person
    first: Path
    second: Path
    mine: dict[str, Any]
    """The operation in the root of the key."""
    other: dict[str, Any]
    across: dict[str, Any]


@pytest.fixture
def setting(server: Server, ann: Person, admin: Person, tmp_path: Path) -> Setting:
    """All of it."""
    first, second = tmp_path / "first", tmp_path / "second"
    write_tree(first, {"inbox": {"one.txt": File("1", mtime=1_400_000_000)}, "out": {"two.txt": "2"}})
    write_tree(second, {"inbox": {"three.txt": "3"}, "to": {}})
    user = ann.tokens["user_id"]
    for root in (first, second):
        admin.post("/admin/roots", {"path": str(root), "user_id": user}, status=201)
    ids = {root["path"]: root["id"] for root in ann.get("/roots")["roots"]}
    body = {"name": "first", "scopes": ["organize"], "root_id": ids[str(first)]}
    made = ann.post("/api-keys", body, status=201)
    assert made["root_id"] == ids[str(first)] == ann.get("/api-keys")["api_keys"][0]["root_id"]
    key = Person(server.client(), {"access_token": made["key"], "user_id": user})
    mine, other = ann.done(str(first / "inbox")), ann.done(str(second / "inbox"))
    across = ann.done(str(first / "out"), mode="copy", destination=str(second / "to"))
    assert {operation["status"] for operation in (mine, other, across)} == {"completed"}
    return Setting(ann, key, first, second, mine, other, across)


def test_it_sees_its_root(setting: Setting) -> None:
    """Lists, numbers and searches tell of one root; relative paths mean it; what is there can be worked with."""
    key = setting.key
    assert [root["path"] for root in key.get("/roots")["roots"]] == [str(setting.first)]
    assert key.get("/folders")["path"] == str(setting.first)
    assert [operation["id"] for operation in key.get("/operations")["operations"]] == [setting.mine["id"]]
    assert key.get("/stats/overview")["operations"] == 1 and setting.person.get("/stats/overview")["operations"] == 3
    assert key.get("/files/search?query=txt")["total_files"] == 1
    assert sum(category["file_count"] for category in key.get("/categories")["categories"]) == 1
    row = key.get(f"/files?operation_id={setting.mine['id']}")["files"][0]
    assert key.ask("GET", f"/files/{row['id']}/download").text == "1"
    assert key.get(f"/reports/{setting.mine['id']}")["stats"]["total_files_moved"] == 1
    back = key.finished(key.post(f"/operations/{setting.mine['id']}/rollback"))
    assert back["files_processed"] == 1
    assert key.done("inbox")["files_processed"] == 1


def test_other_roots_arent_there(setting: Setting) -> None:
    """Not by a path, not as a destination, not under the same idempotency key."""
    key, second = setting.key, str(setting.second)
    before = manifest(setting.second)
    for path in (second, f"{second}/inbox", str(setting.person.home), "../second"):
        assert key.ask("GET", "/folders", params={"path": path}).status_code in (403, 422), path
        assert key.ask("POST", "/operations", json={"root_path": path}).status_code in (403, 422), path
    body = {"root_path": "inbox", "mode": "copy", "destination": f"{second}/to"}
    assert key.ask("POST", "/operations", json=body).status_code == 403
    again = {"root_path": f"{second}/inbox", "is_dry_run": True}
    name = {"Idempotency-Key": "the-same"}
    assert setting.person.ask("POST", "/operations", json=again, headers=name).status_code == 202
    assert key.ask("POST", "/operations", json=again, headers=name).status_code == 403
    assert manifest(setting.second) == before


@pytest.mark.parametrize("which", ["other", "across"])
def test_every_endpoint_of_an_operation(setting: Setting, which: str) -> None:
    """An operation elsewhere, and one that reaches elsewhere, are as if they weren't there, whatever the endpoint."""
    operation = getattr(setting, which)
    before = manifest(setting.second)
    files = setting.person.get(f"/files?operation_id={operation['id']}")["files"]
    ids = {"operation_id": operation["id"], "file_id": files[0]["id"], "hash_value": "0" * 64}
    ids |= {name: str(uuid4()) for name in ("session_id", "key_id", "root_id", "user_id", "category_id")}
    asked = 0
    for (method, path), row in TABLE.items():
        if "{operation_id}" not in path and "{file_id}" not in path:
            continue
        asked += 1
        answer = setting.key.client.request(
            method, path.format(**ids), headers=setting.key.headers, json=row.body if method != "GET" else None
        )
        assert answer.status_code in (404, 422), (method, path, answer.status_code, answer.text)
        assert str(setting.second) not in answer.text
    assert asked >= 14
    for path in (f"/files?operation_id={operation['id']}", f"/files/search?query=x&operation_id={operation['id']}"):
        assert setting.key.ask("GET", path).status_code == 404
    assert manifest(setting.second) == before


def test_what_such_a_key_isnt_for(setting: Setting, admin: Person, bob: Person) -> None:
    """Categories hold in all roots; administration too; another's root can't be named."""
    body = {"name": "Mine", "rules": {"extensions": ["x"]}}
    made = setting.person.post("/categories", body, status=201)
    assert setting.key.ask("POST", "/categories", json=body).status_code == 403
    assert setting.key.ask("PUT", f"/categories/{made['id']}", json=body).status_code == 403
    assert setting.key.ask("DELETE", f"/categories/{made['id']}").status_code == 403
    root = admin.get("/roots")["roots"][0]["id"]
    both = {"name": "x", "scopes": ["admin"], "root_id": root}
    assert admin.ask("POST", "/api-keys", json=both).status_code == 422
    for foreign in (root, str(uuid4())):
        refused = bob.ask("POST", "/api-keys", json={"name": "x", "root_id": foreign})
        assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "root_id"


def test_a_root_that_was_taken_away(setting: Setting, admin: Person) -> None:
    """Then the key reaches nothing."""
    root = setting.key.get("/roots")["roots"][0]["id"]
    user = setting.person.tokens["user_id"]
    assert admin.ask("DELETE", f"/admin/roots/{root}/users/{user}").status_code == 204
    assert setting.key.get("/roots")["roots"] == []
    for path in ("inbox", str(setting.first), str(setting.second)):
        assert setting.key.ask("POST", "/operations", json={"root_path": path}).status_code == 403
