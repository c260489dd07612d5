"""The WebSocket: who may listen, what is said, and how it ends. Ids are those of the security table."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.support.server import Person, Server, running_server, wait_until_it_moves
from tests.support.trees import put_tree, write_tree

DATABASES = ("sqlite",)  # where Redis makes a difference, tests are marked

MEMBERS = {
    "type", "operation_id", "status", "progress", "phase", "files_total", "files_scanned", "files_processed", "files_failed",
    "duplicates_found", "space_saved_bytes", "bytes_processed", "rate_files_per_second",
    "rate_bytes_per_second", "eta_seconds", "current_path", "sequence",
}  # fmt: skip


def url(server: Server, operation_id: str, query: str = "") -> str:
    """The stream of an operation."""
    return f"{server.url.replace('http', 'ws')}/ws/operations/{operation_id}{query}"


def listen(server: Server, person: Person, operation_id: str) -> ClientConnection:
    """A stream, signed in by the subprotocol."""
    protocols = [Subprotocol("bearer"), Subprotocol(person.tokens["access_token"])]
    return connect(url(server, operation_id), subprotocols=protocols, proxy=None)


def messages_of(stream: ClientConnection) -> list[dict[str, Any]]:
    """All messages until it is closed."""
    found = []
    try:
        while True:
            found.append(json.loads(stream.recv(30)))
    except ConnectionClosed:
        return found


def close_code(stream: ClientConnection) -> int | None:
    """The code with which the server closes."""
    messages_of(stream)
    return stream.close_code


def some_operation(person: Person) -> dict[str, Any]:
    """A finished one."""
    write_tree(person.home / "inbox", {"a.jpg": "a"})
    return person.done("inbox")


@pytest.mark.production
def test_progress_rises_to_the_end(server: Server, ann: Person) -> None:
    """The state at once, progress that never falls, numbers that grow, the end; then the server closes with 1000."""
    put_tree(ann.home / "big", {f"{number}.jpg": "x" for number in range(15_000)})
    operation = ann.start("big")
    with listen(server, ann, operation["id"]) as stream:
        assert stream.subprotocol == "bearer"
        messages = messages_of(stream)
        assert stream.close_code == 1000
    assert messages[0]["type"] == "status" and messages[-1]["type"] == "completed"
    assert all(set(message) == MEMBERS for message in messages)
    assert "progress" in {message["type"] for message in messages}
    shares = [message["progress"] for message in messages]
    assert shares == sorted(shares) and shares[-1] == 100
    numbers = [message["sequence"] for message in messages[1:]]
    assert numbers == sorted(set(numbers))
    assert messages[-1]["files_processed"] == 15_000
    sizes = [message["bytes_processed"] for message in messages]
    assert sizes == sorted(sizes) and sizes[-1] == 15_000


def test_numbers_grow_after_a_silence(tmp_path: Path) -> None:
    """While a worker says nothing, the state is told from the database; its own next message has another number all the same."""
    with running_server(
        tmp_path / "data", measured=False
    ) as server:  # 20,000 files: with coverage a busy machine needs a minute
        ann = server.sign_up("ann")
        put_tree(ann.home / "big", {f"{number}.jpg": "x" for number in range(20_000)})
        operation = ann.start("big")
        with listen(server, ann, operation["id"]) as stream:
            wait_until_it_moves(ann.home / "big")
            with server.stopped(server.children()):
                said = []
                with suppress(TimeoutError):
                    while True:
                        said.append(json.loads(stream.recv(2)))
                told = json.loads(stream.recv(30))
            messages = [*said[1:], told, *messages_of(stream)]
        assert messages[-1]["type"] == "completed" and len(messages) > 1
        numbers = [message["sequence"] for message in messages]
        assert numbers == sorted(set(numbers))
        shares = [message["progress"] for message in messages]
        assert shares == sorted(shares)  # the row may be older than what the worker has said


def test_a_finished_operation(server: Server, ann: Person) -> None:
    """Its state and its end, at once."""
    operation = some_operation(ann)
    with listen(server, ann, operation["id"]) as stream:
        assert [message["type"] for message in messages_of(stream)] == ["status", "completed"]


def test_a_failed_operation(server: Server, ann: Person) -> None:
    """The end says what went wrong."""
    write_tree(ann.home / "project", {".git": {"HEAD": "x"}, "a.py": "x"})
    operation = ann.done("project")
    assert (operation["status"], operation["reason_code"]) == ("failed", "root-refused")
    with listen(server, ann, operation["id"]) as stream:
        last = messages_of(stream)[-1]
    assert last["type"] == "error" and last["error"] == operation["error_message"]


def test_signing_in_by_the_first_message(server: Server, ann: Person) -> None:
    """For clients that can't name a subprotocol."""
    operation = some_operation(ann)
    with connect(url(server, operation["id"]), proxy=None) as stream:
        stream.send(json.dumps({"type": "auth", "token": ann.tokens["access_token"]}))
        assert messages_of(stream)[-1]["type"] == "completed"


@pytest.mark.parametrize(
    "first",
    [
        "junk",
        "{}",
        '{"type":"auth"}',
        '{"type":"auth","token":7}',
        "[" * 9_000,
        '{"type":"auth","token":"x"}',
        b"\0\xff",
    ],
)
def test_first_messages_that_dont_sign_in(server: Server, ann: Person, first: str | bytes) -> None:
    """S34: 4401, and nothing is told."""
    operation = some_operation(ann)
    with connect(url(server, operation["id"]), proxy=None) as stream:
        stream.send(first)
        assert close_code(stream) == 4401


def test_saying_nothing(server: Server, ann: Person) -> None:
    """S37: whoever doesn't sign in within five seconds is let go."""
    began = time.monotonic()
    with connect(url(server, str(uuid4())), proxy=None) as stream:
        assert close_code(stream) == 4401
    assert time.monotonic() - began > 4


@pytest.mark.production
def test_tokens_in_the_address(server: Server, ann: Person) -> None:
    """S34: a token in the address is no way in; a ticket is, once (S35)."""
    operation = some_operation(ann)
    token = ann.tokens["access_token"]
    with connect(url(server, operation["id"], f"?token={token}&access_token={token}"), proxy=None) as stream:
        stream.send("{}")
        assert close_code(stream) == 4401
    ticket = ann.post("/auth/ws-ticket", status=201)
    assert ticket["expires_in"] == 30
    query = f"?ticket={ticket['ticket']}"
    with connect(url(server, operation["id"], query), proxy=None) as stream:
        assert messages_of(stream)[-1]["type"] == "completed"
    with connect(url(server, operation["id"], query), proxy=None) as stream:
        assert close_code(stream) == 4401


@pytest.mark.production
def test_operations_of_others(server: Server, ann: Person, bob: Person) -> None:
    """S35, S36: 4404 for another's, for none, and for what is no id."""
    operation = some_operation(ann)
    for operation_id in (operation["id"], str(uuid4()), "nonsense"):
        with listen(server, bob, operation_id) as stream:
            assert close_code(stream) == 4404
    ticket = bob.post("/auth/ws-ticket", status=201)["ticket"]
    with connect(url(server, operation["id"], f"?ticket={ticket}"), proxy=None) as stream:
        assert close_code(stream) == 4404


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://evil127.0.0.1", "https://127.0.0.1"],
)
def test_pages_of_other_sites(server: Server, ann: Person, origin: str) -> None:
    """S33: refused before the handshake is done."""
    with pytest.raises(InvalidStatus) as refused:
        connect(url(server, str(uuid4())), origin=Origin(origin), proxy=None)
    assert refused.value.response.status_code == 403


def test_own_pages(server: Server, ann: Person) -> None:
    """A page of this server may listen."""
    operation = some_operation(ann)
    protocols = [Subprotocol("bearer"), Subprotocol(ann.tokens["access_token"])]
    with connect(url(server, operation["id"]), origin=Origin(server.url), subprotocols=protocols, proxy=None) as stream:
        assert messages_of(stream)[-1]["type"] == "completed"


@contextmanager
def waiting(server: Server, person: Person) -> Iterator[dict[str, Any]]:
    """An operation that no worker takes meanwhile: who listens hears of what the test does, and of nothing else."""
    write_tree(person.home / "inbox", {"a.jpg": "a"})
    with server.stopped(server.workers()):
        yield person.start("inbox")


def test_cancelled_while_it_waits(server: Server, ann: Person) -> None:
    """An operation that never began ends without a word of a worker; its watchers hear of it all the same."""
    with waiting(server, ann) as operation, listen(server, ann, operation["id"]) as stream:
        assert json.loads(stream.recv(10))["type"] == "status"
        ann.post(f"/operations/{operation['id']}/cancel")
        assert messages_of(stream)[-1]["status"] == "cancelled"


def test_rude_clients_and_many_of_them(server: Server, ann: Person) -> None:
    """S37: a huge frame, a flood, and an eleventh stream end with their codes; the operation goes on."""
    with waiting(server, ann) as operation:
        with listen(server, ann, operation["id"]) as stream:
            stream.send("x" * 1_048_576)
            assert close_code(stream) == 1009
        with listen(server, ann, operation["id"]) as stream:
            with suppress(ConnectionClosed):
                for _ in range(2_000):
                    stream.send(b"\0")
            assert close_code(stream) == 1008
        with ExitStack() as streams:
            for _ in range(10):
                stream = streams.enter_context(listen(server, ann, operation["id"]))
                assert json.loads(stream.recv(10))["type"] == "status"
            with listen(server, ann, operation["id"]) as one_more:
                assert close_code(one_more) == 1013
            assert ann.ask("GET", f"/operations/{operation['id']}/events").status_code == 429
    assert ann.finished(operation)["status"] == "completed"


def test_logging_out_ends_streams(server: Server, ann: Person) -> None:
    """S38, S13: a stream ends with the session that opened it, within a minute."""
    with waiting(server, ann) as operation, listen(server, ann, operation["id"]) as stream:
        assert json.loads(stream.recv(10))["type"] == "status"
        assert ann.ask("POST", "/auth/logout").status_code == 204
        assert close_code(stream) == 4401


def test_ending_a_key_ends_its_streams(tmp_path: Path) -> None:
    """S38: the same for an API key, and for a session where nothing else ends the stream: no worker works here."""
    with running_server(tmp_path / "data", EMBEDDED_WORKER="off") as idle:
        ann = idle.sign_up("ann")
        write_tree(ann.home / "inbox", {"a.jpg": "a"})
        operation = ann.start("inbox")
        key = ann.post("/api-keys", {"name": "watcher"}, status=201)
        watcher = Person(idle.client(), {"access_token": key["key"]})
        events = f"/api/v1/operations/{operation['id']}/events"
        with (
            listen(idle, watcher, operation["id"]) as by_key,
            listen(idle, ann, operation["id"]) as by_session,
            watcher.client.stream("GET", events, headers=watcher.headers) as events_by_key,
            ann.client.stream("GET", events, headers=ann.headers) as events_by_session,
        ):
            for stream in (by_key, by_session):
                assert json.loads(stream.recv(10))["status"] == "pending"
            with idle.client() as client:
                assert client.delete(f"/api/v1/api-keys/{key['id']}", headers=ann.headers).status_code == 204
                assert close_code(by_key) == 4401
                assert '"status": "pending"' in events_by_key.read().decode()
                assert client.post("/api/v1/auth/logout", headers=ann.headers).status_code == 204
            assert close_code(by_session) == 4401
            events_by_session.read()
