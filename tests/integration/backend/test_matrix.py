"""S08: every endpoint against everybody who may knock; a new endpoint without a row fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any
from uuid import uuid4

import jwt
import pytest
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from backend.api.app import create_app
from backend.api.deps import administrator, in_person, signed_in
from backend.core.config import Settings, signing_key
from tests.support.manifest import difference, manifest
from tests.support.server import Person, Server
from tests.support.trees import write_tree

DATABASES = ("sqlite",)  # the other makes no difference here

ANY = "any"
P = "/api/v1"


@dataclass(frozen=True)
class Row:
    """What an endpoint answers to whom. ``other`` is a user whom the thing doesn't belong to."""

    owner: int
    other: int
    key: int
    """A key of the owner that may only read."""
    admin: int
    anonymous: int = 401
    body: object = None


LIST = Row(200, 200, 200, 200)
PERSON = Row(200, 200, 403, 200)
ADMIN = Row(403, 403, 403, 200)
OWN = Row(200, 404, 200, 404)
PUBLIC_422 = Row(422, 422, 422, 422, 422, {})

TABLE: dict[tuple[str, str], Row] = {
    ("POST", f"{P}/auth/signup"): PUBLIC_422,
    ("POST", f"{P}/auth/setup"): PUBLIC_422,
    ("POST", f"{P}/auth/login"): PUBLIC_422,
    ("POST", f"{P}/auth/refresh"): Row(401, 401, 401, 401, 401),
    ("POST", f"{P}/auth/logout"): Row(422, 422, 422, 422, 422, {"x": 1}),
    ("GET", f"{P}/auth/me"): PERSON,
    ("PATCH", f"{P}/auth/me"): Row(200, 200, 403, 200, body={}),
    ("POST", f"{P}/auth/password"): Row(422, 422, 403, 422, body={}),
    ("GET", f"{P}/auth/sessions"): PERSON,
    ("DELETE", f"{P}/auth/sessions"): Row(204, 204, 403, 204),
    ("DELETE", f"{P}/auth/sessions/{{session_id}}"): Row(404, 404, 403, 404),
    ("POST", f"{P}/auth/ws-ticket"): Row(201, 201, 403, 201),
    ("GET", f"{P}/api-keys"): PERSON,
    ("POST", f"{P}/api-keys"): Row(422, 422, 403, 422, body={}),
    ("DELETE", f"{P}/api-keys/{{key_id}}"): Row(404, 404, 403, 404),
    ("GET", f"{P}/roots"): LIST,
    ("GET", f"{P}/folders"): LIST,
    ("POST", f"{P}/operations"): Row(422, 422, 403, 422, body={}),
    ("GET", f"{P}/operations"): LIST,
    ("GET", f"{P}/operations/{{operation_id}}"): OWN,
    ("POST", f"{P}/operations/{{operation_id}}/apply"): Row(409, 404, 403, 404),
    ("POST", f"{P}/operations/{{operation_id}}/cancel"): Row(409, 404, 403, 404),
    ("POST", f"{P}/operations/{{operation_id}}/rollback"): Row(422, 404, 403, 404, body={"paths": ["../x"]}),
    ("POST", f"{P}/operations/{{operation_id}}/retry"): Row(409, 404, 403, 404),
    ("GET", f"{P}/operations/{{operation_id}}/events"): OWN,
    ("GET", f"{P}/operations/{{operation_id}}/preview"): Row(409, 404, 409, 404),
    ("GET", f"{P}/operations/{{operation_id}}/explain"): Row(422, 404, 422, 404),
    ("GET", f"{P}/operations/{{operation_id}}/plan"): Row(409, 404, 409, 404),
    ("GET", f"{P}/operations/{{operation_id}}/rollback-preview"): OWN,
    ("GET", f"{P}/operations/{{operation_id}}/verify"): OWN,
    ("GET", f"{P}/duplicates/{{operation_id}}"): OWN,
    ("DELETE", f"{P}/duplicates/{{operation_id}}/{{hash_value}}"): Row(404, 404, 403, 404),
    ("GET", f"{P}/duplicates/{{operation_id}}/{{hash_value}}/thumbnail"): Row(422, 404, 422, 404),  # without a path
    ("POST", f"{P}/duplicates/{{operation_id}}/cleanup"): Row(409, 404, 403, 404, body={}),
    ("GET", f"{P}/trash"): LIST,
    ("POST", f"{P}/trash/restore"): Row(422, 422, 403, 422, body={}),
    ("POST", f"{P}/trash/purge"): Row(422, 422, 403, 422, body={}),
    ("GET", f"{P}/stats/overview"): LIST,
    ("GET", f"{P}/files"): Row(422, 422, 422, 422),
    ("GET", f"{P}/files/search"): Row(422, 422, 422, 422),
    ("GET", f"{P}/files/{{file_id}}"): OWN,
    ("GET", f"{P}/files/{{file_id}}/download"): OWN,
    ("GET", f"{P}/files/{{file_id}}/thumbnail"): Row(415, 404, 415, 404),
    ("GET", f"{P}/reports/{{operation_id}}"): OWN,
    ("GET", f"{P}/reports/{{operation_id}}/export"): OWN,
    ("GET", f"{P}/reports/{{operation_id}}/ages"): OWN,
    ("GET", f"{P}/categories"): LIST,
    ("POST", f"{P}/categories"): Row(422, 422, 403, 422, body={}),
    ("GET", f"{P}/categories/{{category_id}}"): OWN,
    ("PUT", f"{P}/categories/{{category_id}}"): Row(422, 422, 403, 422, body={}),
    ("DELETE", f"{P}/categories/{{category_id}}"): Row(204, 404, 403, 404),
    ("GET", f"{P}/admin/users"): ADMIN,
    ("PATCH", f"{P}/admin/users/{{user_id}}"): Row(403, 403, 403, 422, body={}),
    ("GET", f"{P}/admin/roots"): ADMIN,
    ("POST", f"{P}/admin/roots"): Row(403, 403, 403, 422, body={}),
    ("DELETE", f"{P}/admin/roots/{{root_id}}/users/{{user_id}}"): Row(403, 403, 403, 404),
    ("GET", f"{P}/admin/figures"): ADMIN,
    ("GET", f"{P}/admin/audit-log"): ADMIN,
    ("DELETE", f"{P}/admin/rate-limits/{{user_id}}"): Row(403, 403, 403, 204),
    ("GET", f"{P}/status"): LIST,
    ("GET", "/health"): Row(200, 200, 200, 200, 200),
    ("GET", "/health/live"): Row(204, 204, 204, 204, 204),
    ("GET", "/health/ready"): Row(200, 200, 200, 200, 200),
    ("GET", "/metrics"): ADMIN,
}
OPEN = {path for (_, path), row in TABLE.items() if row.anonymous != 401} | {f"{P}/auth/refresh", "/metrics"}
"""Reachable without a token; refresh and metrics look by themselves."""


def routes() -> dict[tuple[str, str], RouteContext]:
    """All endpoints of the application but the pages of /docs."""
    app = create_app(Settings(data_dir="/nonexistent"))  # type: ignore[arg-type]  # pydantic makes a Path of it
    return {
        (method, route.path or ""): route
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute) and not (route.path or "").startswith("/docs")
        for method in route.methods or ()
    }


def test_every_endpoint_has_a_row() -> None:
    """And every row an endpoint."""
    assert set(routes()) == set(TABLE)


def calls_of(route: RouteContext) -> set[Callable[..., Any] | None]:
    """The endpoint, and all that is asked before it."""
    calls, todo = set(), [route.dependant]
    while todo:
        dependant = todo.pop()
        calls.add(dependant.call)
        todo += dependant.dependencies
    return calls


def test_no_request_waits_for_a_thread() -> None:
    """What isn't a coroutine is called in a thread: on a busy machine the way there costs more than the whole answer."""
    for (_, path), route in routes().items():
        for call in calls_of(route):
            assert iscoroutinefunction(call) or iscoroutinefunction(type(call).__call__), (path, call)


def test_everything_is_closed_by_default() -> None:
    """All but the open ones depend on somebody being signed in; administration on an administrator; the account on a person."""
    for (_, path), route in routes().items():
        calls = calls_of(route)
        assert (signed_in in calls) == (path not in OPEN), path
        assert (administrator in calls) == path.startswith(f"{P}/admin"), path
        if path.startswith((f"{P}/auth", f"{P}/api-keys")) and path not in OPEN:
            assert in_person in calls, path


@pytest.fixture(scope="module")
def things(server: Server) -> tuple[Person, dict[str, str]]:
    """An owner and the ids of something of each kind."""
    owner = server.sign_up("owner")
    write_tree(owner.home / "inbox", {"a.jpg": "a"})
    operation = owner.done("inbox")
    files = owner.get(f"/files?operation_id={operation['id']}")["files"]
    category = owner.post("/categories", {"name": "Mine", "rules": {"extensions": ["x"]}}, status=201)
    nothing = {name: str(uuid4()) for name in ("session_id", "key_id", "root_id", "user_id")}
    return owner, {
        "operation_id": operation["id"],
        "file_id": files[0]["id"],
        "category_id": category["id"],
        "hash_value": "0" * 64,
        **nothing,
    }


def expired(server: Server, person: Person) -> str:
    """A token of this person that was good once."""
    key = signing_key(Settings(data_dir=server.data_dir))
    claims = jwt.decode(person.tokens["access_token"], key, algorithms=["HS256"], audience="fileorganizer-api")
    return jwt.encode({**claims, "exp": claims["iat"] - 600}, key, algorithm="HS256", headers={"typ": "at+jwt"})


def test_everybody_at_every_door(server: Server, things: tuple[Person, dict[str, str]], admin: Person) -> None:
    """The table is true. The owner comes last, because some doors close behind."""
    owner, ids = things
    other = server.sign_up("other")
    key = owner.post("/api-keys", {"name": "reader", "scopes": ["read"]}, status=201)["key"]
    late = expired(server, owner)
    wrong: list[str] = []
    client = server.client()
    for (method, path), row in TABLE.items():
        address = path.format(**ids)
        callers = {
            "anonymous": ({}, row.anonymous),
            "expired": ({"Authorization": f"Bearer {late}"}, row.anonymous),
            "other": (other.headers, row.other),
            "key": ({"X-API-Key": key}, row.key),
            "admin": (admin.headers, row.admin),
            "owner": (owner.headers, row.owner),
        }
        for who, (headers, expected) in callers.items():
            answer = (
                client.request(method, address, headers=headers, json=row.body)
                if row.body is not None
                else (client.request(method, address, headers=headers))
            )
            if who == "expired" and path == f"{P}/auth/logout":
                expected = 422
            client.cookies.clear()
            if answer.status_code != expected:
                wrong.append(f"{method} {path} by {who}: {answer.status_code}, not {expected}: {answer.text[:120]}")
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json"
                if who == "other" and answer.status_code == 404:
                    assert str(owner.home) not in answer.text
    assert not wrong, "\n".join(wrong)


def test_unknown_and_foreign_ids_look_alike(server: Server, things: tuple[Person, dict[str, str]]) -> None:
    """S01: another's operation and none give the same words."""
    _, ids = things
    other = server.sign_up("other")
    foreign = other.ask("GET", f"/operations/{ids['operation_id']}").json()
    unknown = other.ask("GET", f"/operations/{uuid4()}").json()
    for problem in (foreign, unknown):
        del problem["instance"], problem["request_id"]
    assert foreign == unknown


def test_nothing_of_anothers_is_done(server: Server, things: tuple[Person, dict[str, str]]) -> None:
    """S02: who asks for it gets 404, and the owner's files stay where they are."""
    owner, ids = things
    other = server.sign_up("other")
    before = manifest(owner.home)
    for verb in ("rollback", "cancel", "apply", "retry"):
        assert other.ask("POST", f"/operations/{ids['operation_id']}/{verb}").status_code == 404, verb
    assert difference(before, manifest(owner.home)) == []


def test_lists_are_ones_own(server: Server, things: tuple[Person, dict[str, str]]) -> None:
    """S04: a parameter that names another user or root changes nothing, or is refused."""
    owner, _ = things
    other = server.sign_up("other")
    me, root = owner.get("/auth/me")["id"], owner.get("/roots")["roots"][0]
    for path in ("/operations", "/roots", "/categories", "/trash", "/stats/overview"):
        mine = other.get(path)
        for query in ({"user_id": me}, {"owner": me}, {"root_id": root["id"]}, {"root_path": root["path"]}):
            answer = other.ask("GET", path, params=query)
            assert answer.status_code in (403, 404, 422) or answer.json() == mine, (path, query)


def test_a_plan_is_applied_where_it_was_made(server: Server) -> None:
    """S05: another root in the body is refused, and nobody's files move."""
    victim, thief = server.sign_up("victim"), server.sign_up("thief")
    write_tree(victim.home / "inbox", {"a.jpg": "a"})
    write_tree(thief.home / "inbox", {"b.jpg": "b"})
    plan = thief.done("inbox", operation_type="preview")
    before = manifest(victim.home), manifest(thief.home)
    root = victim.get("/roots")["roots"][0]
    for body in ({"root_id": root["id"]}, {"root_path": root["path"]}):
        assert thief.ask("POST", f"/operations/{plan['id']}/apply", json=body).status_code == 422
    assert difference(before[0], manifest(victim.home)) == difference(before[1], manifest(thief.home)) == []


def test_no_other_methods(server: Server, ann: Person) -> None:
    """S09, S10: 405, and nothing heeds an override."""
    for method in ("PUT", "TRACE", "OPTIONS", "HEAD", "PATCH"):
        assert ann.ask(method, "/operations").status_code == 405, method
    answer = ann.ask("GET", "/operations?_method=DELETE", headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "//api/v1/admin/users",
        "/api/v1/../admin",
        "/api/v1/admin/%2e",
        "/API/V1/ADMIN/USERS",
        "/api/v1/admin/users/",
        "/api/v0/operations",
        "/api/v1beta/operations",
        "/debug",
    ],
)
def test_odd_paths(server: Server, ann: Person, path: str) -> None:
    """S11, S75: nothing is reached by another spelling."""
    assert ann.client.get(f"{server.url}{path}", headers=ann.headers).status_code in (400, 404)
