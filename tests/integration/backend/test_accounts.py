"""Accounts over HTTP: signing up and in, tokens and their ends, keys, administrators. Ids are those of the security table."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from backend.core.config import Settings, prepare_folders, signing_key
from backend.core.security import AccessTokens, Passwords, digest_of
from backend.database import Database
from backend.manage import Services
from backend.repositories.accounts import Accounts as AccountRows
from backend.services.accounts import NewAccount
from backend.services.callers import Client
from backend.services.errors import WrongLogin
from tests.support.server import PASSWORD, Person, Server, managed, prepared, running_server

PROFILE = {
    "id", "email", "username", "full_name", "avatar_url", "subscription_tier", "storage_quota_gb", "storage_used_bytes",
    "is_active", "is_verified", "is_admin", "created_at", "last_login_at",
}  # fmt: skip


def log_in(server: Server, name: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    """One try."""
    with server.client() as client:
        return client.post("/api/v1/auth/login", json={"email": name, "password": password}, headers=headers)


def test_signing_up_and_in(server: Server, ann: Person) -> None:
    """The promised fields; by address or by name; the profile has nothing else."""
    assert set(ann.tokens) == {
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
        "user_id",
        "subscription_tier",
    }
    assert (ann.tokens["token_type"], ann.tokens["expires_in"]) == ("bearer", 1_800)
    me = ann.get("/auth/me")
    assert set(me) == PROFILE and me["is_admin"] is False and me["username"] == ann.username
    for name in (ann.email, ann.username, ann.email.upper()):
        assert log_in(server, name).json()["user_id"] == me["id"]


def test_a_name_is_taken_once(server: Server, ann: Person) -> None:
    """The same words for the address and the name, whatever the case; also when two come at once."""
    taken = [{"email": ann.email.upper()}, {"username": ann.username.upper()}, {"email": f"{ann.username}@example.org"}]
    bodies = []
    for part in taken:
        body = {"email": f"{uuid4()}@example.org", "username": f"x{uuid4()}", "password": PASSWORD, **part}
        answer = ann.client.post("/api/v1/auth/signup", json=body)
        assert answer.status_code == 409
        bodies.append(answer.json()["detail"])
    assert len(set(bodies)) == 1
    body = {"email": f"{uuid4()}@example.org", "username": f"x{uuid4()}", "password": PASSWORD}
    with ThreadPoolExecutor(4) as pool:
        codes = sorted(
            pool.map(lambda _: httpx.post(f"{server.url}/api/v1/auth/signup", json=body).status_code, range(4))
        )
    assert codes == [201, 409, 409, 409]


def test_names_that_are_longer_in_small_letters(ann: Person) -> None:
    """By these they are unique; no database may be the one that finds them too long."""
    body = {"email": f"{uuid4()}@example.org", "username": "İ" * 100, "password": PASSWORD}
    assert ann.client.post("/api/v1/auth/signup", json=body).status_code == 422
    category = {"name": "İ" * 50, "rules": {"extensions": ["x"]}}
    assert ann.ask("POST", "/categories", json=category).status_code == 422
    assert ann.ask("POST", "/categories", json={**category, "name": "İ" * 25}).status_code == 201


def test_whoever_is_turned_away_leaves_nothing_behind(tmp_path: Path) -> None:
    """Not even an empty folder: anybody may try, as often as they like."""
    with running_server(tmp_path / "data", EMBEDDED_WORKER="off", SIGNUP="first") as server:
        ann = server.sign_up("ann")
        for body in ({"email": ann.email, "username": ann.username}, {"email": "b@example.org", "username": "bob"}):
            assert server.client().post("/api/v1/auth/signup", json={**body, "password": PASSWORD}).status_code == 403
        assert [path.name for path in (server.data_dir / "storage").iterdir()] == [ann.home.name]


@pytest.mark.parametrize("extra", ["role", "is_admin", "id", "owner_id", "quota", "status", "created_at", "is_active"])
def test_nobody_gives_themselves_rights(ann: Person, extra: str) -> None:
    """S51: unknown fields are refused, and nothing changes."""
    body = {"email": f"{uuid4()}@example.org", "username": f"x{uuid4()}", "password": PASSWORD, extra: True}
    assert ann.client.post("/api/v1/auth/signup", json=body).status_code == 422
    before = ann.get("/auth/me")
    assert ann.ask("PATCH", "/auth/me", json={extra: True}).status_code == 422
    assert ann.get("/auth/me") == before


@pytest.mark.parametrize(
    "password", ["short", "password1", "iloveyou", "12345678", "x" * 1_100, "a\0b4567890", "USERNAME"]
)
def test_passwords_that_are_refused(ann: Person, password: str) -> None:
    """S23, S24: short, long, common, one's own name; and the answer doesn't repeat it (S53)."""
    username = f"name{uuid4().hex[:10]}"
    body = {
        "email": f"{username}@example.org",
        "username": username,
        "password": password.replace("USERNAME", username),
    }
    answer = ann.client.post("/api/v1/auth/signup", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["password"]
    assert body["password"] not in answer.text


def test_long_passwords_count_to_their_end(server: Server) -> None:
    """S23: another tail behind 72 bytes isn't the password."""
    name, password = f"long{uuid4().hex[:10]}", "é" * 100
    body = {"email": f"{name}@example.org", "username": name, "password": password}
    assert httpx.post(f"{server.url}/api/v1/auth/signup", json=body).status_code == 201
    assert log_in(server, name, password).status_code == 200
    assert log_in(server, name, password[:-1] + "e").status_code == 401


def test_wrong_logins_look_alike(server: Server, ann: Person) -> None:
    """S25: the same answer whether or not there is such an account."""
    known, unknown = log_in(server, ann.email, "wrong password"), log_in(
        server, f"{uuid4()}@example.org", "wrong password"
    )
    assert known.status_code == unknown.status_code == 401
    assert known.json()["detail"] == unknown.json()["detail"] and known.json()["code"] == "wrong-login"


def test_refreshing(ann: Person) -> None:
    """S19: a refresh token is used up; used again later, it ends the session, the newest tokens too."""
    first = ann.tokens["refresh_token"]
    second = ann.post("/auth/refresh", {"refresh_token": first}, status=200)
    assert second["refresh_token"] != first
    again = ann.ask("POST", "/auth/refresh", json={"refresh_token": first})
    assert again.status_code == 401  # S20: within the grace the session lives
    third = ann.post("/auth/refresh", {"refresh_token": second["refresh_token"]}, status=200)
    ann.tokens = third
    ann.get("/auth/me")


def test_a_stolen_refresh_token(server: Server, ann: Person) -> None:
    """S19: after the grace, the second use of a token ends the session: the thief's tokens die with the owner's."""
    if "DATABASE_URL" in server.environment:
        pytest.skip("the clock of the token is turned back in SQLite's file only")
    first = ann.tokens["refresh_token"]
    ann.tokens = ann.post("/auth/refresh", {"refresh_token": first}, status=200)
    with sqlite3.connect(server.data_dir / "fileorganizer.db", timeout=10) as database:
        database.execute(
            "UPDATE refresh_tokens SET used_at = datetime(used_at, '-1 minute') WHERE digest = ?", (digest_of(first),)
        )
    database.close()
    assert ann.client.post("/api/v1/auth/refresh", json={"refresh_token": first}).status_code == 401
    assert ann.ask("GET", "/auth/me").status_code == 401
    newest = {"refresh_token": ann.tokens["refresh_token"]}
    assert ann.client.post("/api/v1/auth/refresh", json=newest).status_code == 401
    assert server.events(event="refresh token used twice", user_id=ann.tokens["user_id"])


def test_two_tabs_refresh_at_once(ann: Person) -> None:
    """S20: one wins; the session lives on."""
    body = {"refresh_token": ann.tokens["refresh_token"]}
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda _: httpx.post(f"{ann.client.base_url}/api/v1/auth/refresh", json=body), range(2))
        )
    assert sorted(answer.status_code for answer in answers) == [200, 401]
    ann.tokens = next(answer for answer in answers if answer.status_code == 200).json()
    ann.get("/auth/me")


def test_logging_out(ann: Person) -> None:
    """S21: both tokens die at once."""
    assert ann.ask("POST", "/auth/logout").status_code == 204
    assert ann.ask("GET", "/auth/me").status_code == 401
    assert ann.ask("POST", "/auth/refresh", json={"refresh_token": ann.tokens["refresh_token"]}).status_code == 401
    assert ann.client.post("/api/v1/auth/logout", json={"refresh_token": "nonsense"}).status_code == 204


def test_logging_out_when_the_access_token_is_over(server: Server, ann: Person) -> None:
    """It ends long before its session, which ends all the same by the refresh token."""
    over = {"Authorization": "Bearer over"}
    assert server.client().post("/api/v1/auth/logout", headers=over).status_code == 401
    refresh = {"refresh_token": ann.tokens["refresh_token"]}
    assert server.client().post("/api/v1/auth/logout", headers=over, json=refresh).status_code == 204
    assert ann.ask("GET", "/auth/me").status_code == 401
    assert server.client().post("/api/v1/auth/refresh", json=refresh).status_code == 401


def test_sessions(server: Server, ann: Person) -> None:
    """A user sees where the account is signed in, and ends it there."""
    other = Person(server.client(), log_in(server, ann.email).json())
    listed = ann.get("/auth/sessions")["sessions"]
    assert [session["is_current"] for session in listed].count(True) == 1 and len(listed) == 2
    there = next(session["id"] for session in listed if not session["is_current"])
    assert ann.ask("DELETE", f"/auth/sessions/{there}").status_code == 204
    assert other.ask("GET", "/auth/me").status_code == 401
    assert ann.ask("DELETE", f"/auth/sessions/{there}").status_code == 404
    third = Person(server.client(), log_in(server, ann.email).json())
    assert ann.ask("DELETE", "/auth/sessions").status_code == 204
    assert third.ask("GET", "/auth/me").status_code == 401 and ann.ask("GET", "/auth/me").status_code == 200


def test_changing_the_password(server: Server, ann: Person) -> None:
    """S22: needs the current one, ends all other sessions."""
    other = Person(server.client(), log_in(server, ann.email).json())
    change = {"current_password": "wrong", "new_password": "another good one"}
    assert ann.ask("POST", "/auth/password", json=change).status_code == 422
    weak = {"current_password": PASSWORD, "new_password": ann.username}
    assert ann.ask("POST", "/auth/password", json=weak).status_code == 422
    assert ann.ask("POST", "/auth/password", json={**change, "current_password": PASSWORD}).status_code == 204
    assert other.ask("GET", "/auth/me").status_code == 401 and ann.ask("GET", "/auth/me").status_code == 200
    assert (
        log_in(server, ann.email).status_code == 401
        and log_in(server, ann.email, "another good one").status_code == 200
    )


def test_changing_the_profile(ann: Person) -> None:
    """What a user may change, and what isn't an address of a picture."""
    changed = ann.ask(
        "PATCH", "/auth/me", json={"full_name": " Ann <b> ", "avatar_url": "https://example.org/a.png"}
    ).json()
    assert (changed["full_name"], changed["avatar_url"]) == ("Ann <b>", "https://example.org/a.png")
    assert ann.ask("PATCH", "/auth/me", json={"avatar_url": "javascript:alert(1)"}).status_code == 422
    assert ann.ask("PATCH", "/auth/me", json={"avatar_url": None, "full_name": None}).json()["full_name"] == ""


def forged(server: Server, person: Person) -> dict[str, str]:
    """Tokens that must not be taken, by what is wrong with them."""
    key = signing_key(Settings(data_dir=server.data_dir))
    good = jwt.decode(person.tokens["access_token"], key, algorithms=["HS256"], audience="fileorganizer-api")
    now = int(time.time())

    def signed(secret: bytes = key, headers: dict[str, Any] | None = None, **changes: Any) -> str:
        claims = {name: value for name, value in {**good, **changes}.items() if value is not ...}
        return jwt.encode(claims, secret, algorithm="HS256", headers={"typ": "at+jwt", **(headers or {})})

    parts = signed().split(".")
    none = jwt.encode(good, None, algorithm="none", headers={"typ": "at+jwt"})
    assert httpx.get(f"{server.url}/api/v1/auth/me", headers={"Authorization": f"Bearer {signed()}"}).status_code == 200
    missing = {
        f"without {name}": signed(**{name: ...}) for name in ("exp", "iat", "iss", "aud", "sub", "jti", "sid", "ver")
    }
    return missing | {
        "alg none": none,
        "alg None": none.replace(none.split(".")[0], "eyJhbGciOiJOb25lIiwidHlwIjoiYXQrand0In0"),
        "no signature": f"{parts[0]}.{parts[1]}.",
        "other key": signed(b"x" * 48),
        "kid path": signed(b"y" * 48, headers={"kid": "../../dev/null"}),
        "kid sql": signed(b"y" * 48, headers={"kid": "' OR 1=1--"}),
        "jku": signed(b"y" * 48, headers={"jku": "http://127.0.0.1/keys"}),
        "other type": signed(headers={"typ": "JWT"}),
        "expired": signed(exp=now - 120),
        "not yet": signed(nbf=now + 600),
        "from tomorrow": signed(iat=now + 86_400),
        "issuer": signed(iss="evil"),
        "audience": signed(aud="evil"),
        "audience list": signed(aud=["fileorganizer-api", "evil"]),
        "subject of another": signed(sub=str(uuid4())),
        "subject number": signed(sub="1"),
        "version": signed(ver=99),
        "session": signed(sid=str(uuid4())),
        "refresh token": person.tokens["refresh_token"],
        "junk": "a.b.c",
    }


def test_forged_tokens(server: Server, ann: Person) -> None:
    """S15–S18: none of them gets in, all get the same answer."""
    for what, token in forged(server, ann).items():
        answer = ann.client.get("/api/v1/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in"), what
        assert ann.client.get(f"/api/v1/auth/me?token={token}&access_token={token}").status_code == 401, what
    access = {"refresh_token": ann.tokens["access_token"]}
    assert ann.client.post("/api/v1/auth/refresh", json=access).status_code in (401, 422)


def test_api_keys(server: Server, ann: Person) -> None:
    """S12, S28: shown once, kept as a digest, limited to their scopes; keys can't make keys nor touch the account."""
    made = ann.post("/api-keys", {"name": "script", "scopes": ["read"]}, status=201)
    assert made["key"].startswith(made["prefix"]) and "key" not in ann.get("/api-keys")["api_keys"][0]
    reader = {"Authorization": f"Bearer {made['key']}"}
    client = ann.client
    assert client.get("/api/v1/operations", headers=reader).status_code == 200
    assert client.get("/api/v1/operations", headers={"X-API-Key": made["key"]}).status_code == 200
    assert client.post("/api/v1/operations", headers=reader, json={"root_path": "x"}).status_code == 403
    for method, path in (("GET", "/auth/me"), ("GET", "/api-keys"), ("POST", "/api-keys"), ("GET", "/admin/users")):
        assert client.request(method, f"/api/v1{path}", headers=reader, json={}).status_code == 403, path
    for wrong in (made["key"][:-1] + "x", "fo_00000000_x", made["key"].replace("fo_", "fx_")):
        assert client.get("/api/v1/operations", headers={"Authorization": f"Bearer {wrong}"}).status_code == 401
    assert client.get(f"/api/v1/operations?api_key={made['key']}").status_code == 401
    worker = ann.post("/api-keys", {"name": "worker", "scopes": ["organize"]}, status=201)
    answer = client.post("/api/v1/operations", headers={"X-API-Key": worker["key"]}, json={"root_path": "missing"})
    assert answer.status_code == 404
    assert ann.ask("DELETE", f"/api-keys/{made['id']}").status_code == 204
    assert client.get("/api/v1/operations", headers=reader).status_code == 401
    assert ann.ask("DELETE", f"/api-keys/{made['id']}").status_code == 404
    assert ann.get("/api-keys")["api_keys"][0]["last_used_at"] is not None
    assert ann.ask("POST", "/api-keys", json={"name": "x", "scopes": ["admin"]}).status_code == 403
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert ann.ask("POST", "/api-keys", json={"name": "x", "expires_at": past}).status_code == 422
    never = "9999-12-31T23:59:59-01:00"
    assert ann.ask("POST", "/api-keys", json={"name": "x", "expires_at": never}).status_code == 422
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    brief = ann.post("/api-keys", {"name": "brief", "expires_at": soon}, status=201)
    time.sleep(1.1)
    assert client.get("/api/v1/operations", headers={"X-API-Key": brief["key"]}).status_code == 401


def test_administrators_key(admin: Person) -> None:
    """An administrator's key administers only with that scope."""
    plain = admin.post("/api-keys", {"name": "plain", "scopes": ["organize"]}, status=201)["key"]
    full = admin.post("/api-keys", {"name": "full", "scopes": ["admin"]}, status=201)["key"]
    assert admin.client.get("/api/v1/admin/users", headers={"X-API-Key": plain}).status_code == 403
    assert admin.client.get("/api/v1/admin/users", headers={"X-API-Key": full}).status_code == 200


def test_deactivated_and_lowered(server: Server, ann: Person, admin: Person) -> None:
    """S13: the very next request is refused; an administrator can't do it to the own account."""
    ticket = ann.post("/auth/ws-ticket", status=201)["ticket"]
    user_id = ann.get("/auth/me")["id"]
    path = f"/admin/users/{user_id}"
    assert admin.ask("PATCH", path, json={"is_active": False}).json()["is_active"] is False
    assert ann.ask("GET", "/auth/me").status_code == 401
    assert log_in(server, ann.email).status_code == 401
    assert (
        ann.client.post("/api/v1/auth/refresh", json={"refresh_token": ann.tokens["refresh_token"]}).status_code == 401
    )
    admin.ask(
        "PATCH",
        path,
        json={"is_active": True, "is_verified": True, "subscription_tier": "pro", "storage_quota_gb": 1.5},
    )
    again = Person(ann.client, log_in(server, ann.email).json())
    assert again.get("/auth/me")["subscription_tier"] == "pro" and ticket
    own = admin.get("/auth/me")["id"]
    assert admin.ask("PATCH", f"/admin/users/{own}", json={"is_admin": False}).status_code == 403
    assert admin.ask("PATCH", f"/admin/users/{uuid4()}", json={"is_admin": True}).status_code == 404
    for nothing in ({}, {"is_admin": None}, {"password_hash": "x"}):
        assert admin.ask("PATCH", path, json=nothing).status_code == 422
    log = admin.get("/admin/audit-log?limit=100")
    assert {"user changed", "login failed", "signed up"} <= {event["action"] for event in log["events"]}
    assert admin.get("/admin/users?limit=1")["total"] >= 2
    assert admin.ask("DELETE", f"/admin/rate-limits/{user_id}").status_code == 204


def test_browsers_have_a_cookie(ann: Person, server: Server) -> None:
    """S31, S30: HttpOnly, strict, only for the auth prefix; refused from another site; it signs in nowhere else."""
    answer = log_in(server, ann.email)
    cookie = answer.headers["set-cookie"]
    assert (
        all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/api/v1/auth")) and "Secure" not in cookie
    )
    name, _, value = cookie.partition(";")[0].partition("=")
    with server.client() as client:
        for foreign in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            refused = client.post("/api/v1/auth/refresh", headers={"Cookie": f"{name}={value}", **foreign})
            assert refused.status_code == 403, foreign
        assert client.get("/api/v1/auth/me", headers={"Cookie": f"{name}={value}"}).status_code == 401
        own = {"Cookie": f"{name}={value}", "Origin": server.url, "Sec-Fetch-Site": "same-origin"}
        renewed = client.post("/api/v1/auth/refresh", headers=own)
        assert renewed.status_code == 200 and renewed.json()["user_id"] == ann.tokens["user_id"]
        assert server.client().post("/api/v1/auth/refresh").status_code == 401
        newest = renewed.headers["set-cookie"].partition(";")[0]
        gone = client.post("/api/v1/auth/logout", headers={"Cookie": newest})
        assert gone.status_code == 204 and 'fileorganizer_refresh=""' in gone.headers["set-cookie"]
        assert server.client().post("/api/v1/auth/refresh", headers={"Cookie": newest}).status_code == 401


def test_tokens_are_made_as_promised(ann: Person) -> None:
    """A key of this service reads what it made, and nothing else reads as one."""
    tokens = AccessTokens(b"k" * 32, "HS256", 1)
    token = tokens.issue(UUID(int=1), UUID(int=2), 3)
    read = tokens.read(token)
    assert read is not None and (read.user_id, read.session_id, read.version) == (UUID(int=1), UUID(int=2), 3)
    assert tokens.read(token + "x") is None and tokens.read("") is None


def test_a_token_that_is_known_ends_when_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its signature is looked at once, its time whenever it comes."""
    tokens = AccessTokens(b"k" * 32, "HS256", 1)
    token = tokens.issue(UUID(int=1), UUID(int=2), 3)
    began = time.time()
    for seconds, is_good in (
        (0, True),
        (85, True),
        (95, False),
        (0, True),
    ):  # a minute, and half a one for clocks that differ
        monkeypatch.setattr("backend.core.security.time", SimpleNamespace(time=lambda now=began + seconds: now))
        assert (tokens.read(token) is not None) == is_good
        assert tokens.read(token + "x") is None


def test_the_first_administrator(tmp_path: Path) -> None:
    """S29: no default password; a one-time link makes the administrator, works once, and waits with the offered folders."""
    server = prepared(tmp_path / "data", SIGNUP="closed")
    (tmp_path / "offered").mkdir()

    def manage(*words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        done = managed(server.environment, *words)
        assert (done.returncode != 0) == fails, done.stderr
        return done

    first = manage("setup-link").stdout.partition('"token": "')[2].partition('"')[0]
    token = manage("setup-link").stdout.partition('"token": "')[2].partition('"')[0]
    server.start()
    try:
        body = {"email": "root@example.org", "username": "root", "password": PASSWORD}
        with server.client() as client:
            assert client.post("/api/v1/auth/signup", json=body).status_code == 403
            assert client.post("/api/v1/auth/setup", json={**body, "token": first}).status_code == 404
            made = client.post("/api/v1/auth/setup", json={**body, "token": token})
            assert made.status_code == 201
            admin = Person(client, made.json())
            assert admin.get("/auth/me")["is_admin"] is True
            again = {**body, "email": "b@example.org", "username": "other", "token": token}
            assert client.post("/api/v1/auth/setup", json=again).status_code == 404
            assert "administrator already" in manage("setup-link", fails=True).stderr
            manage("grant", "root", str(tmp_path / "offered"))
            assert str(tmp_path / "offered") in {root["path"] for root in admin.get("/roots")["roots"]}
            assert "no such user" in manage("grant", "nobody", str(tmp_path / "offered"), fails=True).stderr
            assert "can't be granted" in manage("grant", "root", str(server.data_dir), fails=True).stderr
            deep = tmp_path.joinpath(*["x" * 200] * 13)
            deep.mkdir(parents=True)
            assert "at most 2600 bytes" in manage("grant", "root", str(deep), fails=True).stderr
    finally:
        server.stop()
    secrets_of_the_test = [token, PASSWORD, admin.tokens["access_token"], admin.tokens["refresh_token"]]
    assert not [secret for secret in secrets_of_the_test if secret in server.log]  # S68


def test_many_guesses_at_once(tmp_path: Path) -> None:
    """S26: the limit holds for those that are looked at at the same time, too, and the right one isn't told among them."""
    limits = {"LOGIN_FAILURES_PER_ACCOUNT": "3", "BCRYPT_ROUNDS": "10", "TRUSTED_PROXIES": "127.0.0.1"}
    with running_server(tmp_path / "data", EMBEDDED_WORKER="off", **limits) as server:
        ann = server.sign_up("ann")

        def guess(number: int) -> int:
            words = PASSWORD if number == 19 else f"wrong password {number}"
            return log_in(server, ann.username, words, **{"X-Forwarded-For": f"203.0.113.{number}"}).status_code

        with ThreadPoolExecutor(20) as pool:
            codes = list(pool.map(guess, range(20)))
        assert codes.count(401) == 3 and codes.count(429) in (16, 17)


def test_a_password_that_changes_while_somebody_signs_in(tmp_path: Path) -> None:
    """Who knew the old one doesn't get in any more, and it doesn't come back with the better hash that was made of it."""
    data_dir = prepared(tmp_path / "data").data_dir
    here, email = Client("127.0.0.1", ""), "ann@example.org"

    async def change_meanwhile() -> None:
        """The login is looked at, and can't write yet."""
        settings = Settings(data_dir=data_dir, bcrypt_rounds=4)
        prepare_folders(settings)
        database = Database(settings)
        before = Services(settings, database).accounts
        tokens = await before.sign_up(NewAccount(email, "ann", PASSWORD), here)
        accounts = Services(settings.model_copy(update={"bcrypt_rounds": 5}), database).accounts
        async with database.writing() as session:
            login = asyncio.create_task(accounts.log_in(email, PASSWORD, here))
            waiting = database._turn._tasks if database._turn else asyncio.Lock()
            while not waiting._waiters:
                await asyncio.sleep(0.01)
            hashed = Passwords("bcrypt", 4).hash("another good one")
            await AccountRows(session).set_password(tokens.user_id, hashed)
        with pytest.raises(WrongLogin):
            await login
        await accounts.log_in(email, "another good one", here)
        await database.close()

    asyncio.run(change_meanwhile())
