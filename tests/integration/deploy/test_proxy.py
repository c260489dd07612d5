"""The reverse proxy of deploy/nginx, started as it stands but for ports and certificate: TLS, WebSocket, whose address counts."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import websockets

from backend.manage import KEEP_ALIVE_SECONDS
from tests.support.server import PASSWORD, ROOT, Person, Server, free_port, running_server
from tests.support.trees import write_tree

NAME = "files.example.org"
CONFIGURATION = (ROOT / "deploy/nginx/fileorganizer.conf").read_text()
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx isn't installed: the reverse proxy NOT COVERED")


@dataclass(frozen=True)
class Proxied:
    """A server behind nginx."""

    server: Server
    certificate: Path
    https: int
    http: int

    @property
    def tls(self) -> ssl.SSLContext:
        """Trusts the certificate of the tests and no other."""
        return ssl.create_default_context(cafile=str(self.certificate))

    @property
    def host(self) -> str:
        """What a browser would write into ``Host``."""
        return f"{NAME}:{self.https}"

    def client(self) -> httpx.Client:
        """A client that finds the name at this machine."""
        transport = _ByName(httpx.HTTPTransport(verify=self.tls), self.https)
        return httpx.Client(base_url=f"https://{self.host}", transport=transport, timeout=30)


class _ByName(httpx.BaseTransport):
    """Connects to this machine whatever the name; TLS and ``Host`` keep the name."""

    def __init__(self, inner: httpx.HTTPTransport, port: int) -> None:
        self._inner, self._port = inner, port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""
        request.extensions["sni_hostname"] = NAME
        request.url = request.url.copy_with(host="127.0.0.1", port=self._port)
        return self._inner.handle_request(request)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    """nginx in front of a server with the two settings that the example names."""
    place = tmp_path_factory.mktemp("nginx")
    settings = {"ALLOWED_HOSTS": f"{NAME},127.0.0.1", "TRUSTED_PROXIES": "127.0.0.1"}
    # uvicorn alone believes this host; `fileorganizer serve` switches that off, so that our own setting is what counts
    with running_server(place / "data", measured=False, **settings, FORWARDED_ALLOW_IPS="192.0.2.1") as server:
        found = Proxied(server, place / "fullchain.pem", free_port(), free_port())
        process = subprocess.Popen([str(NGINX), "-p", str(place), "-c", str(_prepared(place, found))])
        try:
            _wait_for(found.http)
            yield found
        finally:
            process.terminate()
            process.wait(30)


def _prepared(place: Path, proxied: Proxied) -> Path:
    """The whole configuration around the example, and the certificate."""
    key = place / "privkey.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}"]
    command += ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(key), "-out", str(proxied.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    text = CONFIGURATION
    for old, new in (
        ("127.0.0.1:8000", f"127.0.0.1:{proxied.server.port}"),
        ("/etc/ssl/fileorganizer/", f"{place}/"),
        ("listen 80;", f"listen 127.0.0.1:{proxied.http};"),
        ("listen 443 ssl http2;", f"listen 127.0.0.1:{proxied.https} ssl http2;"),
    ):
        assert old in text, old
        text = text.replace(old, new)
    text = re.sub(r" *listen \[::\].*\n", "", text)
    folders = "\n".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = place / "nginx.conf"
    whole.write_text(
        f"daemon off;\npid {place}/pid;\nerror_log {place}/error.log;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{folders}\n{text}}}\n"
    )
    return whole


def _wait_for(port: int) -> None:
    """Until nginx answers."""
    until = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
            return
        except httpx.TransportError:
            assert time.monotonic() < until
            time.sleep(0.05)


@pytest.fixture(scope="module")
def ann(proxied: Proxied) -> Person:
    """Somebody who signed up through the proxy."""
    client = proxied.client()
    body = {"email": "ann@example.org", "username": "ann", "password": PASSWORD}
    answer = client.post("/api/v1/auth/signup", json=body)
    assert answer.status_code == 201, answer.text
    return Person(client, answer.json(), body["email"], body["username"])


def test_the_server_keeps_connections_longer() -> None:
    """Or nginx sends a request just when the server hangs up: one that isn't safe to repeat is answered with 502."""
    kept = re.findall(r"^ *keepalive_timeout (\d+)s;", CONFIGURATION, re.MULTILINE)
    assert [int(seconds) < KEEP_ALIVE_SECONDS for seconds in kept] == [True]


def test_plain_http_is_sent_to_https(proxied: Proxied) -> None:
    """With the path."""
    answer = httpx.get(f"http://127.0.0.1:{proxied.http}/docs", headers={"Host": NAME})
    assert (answer.status_code, answer.headers["location"]) == (301, f"https://{NAME}/docs")


def test_the_server_knows_that_it_is_under_tls(proxied: Proxied, ann: Person) -> None:
    """The cookie is for TLS only and browsers are told to come back by TLS; without the proxy neither is said."""
    body = {"email": "ann", "password": PASSWORD}
    answer = ann.client.post("/api/v1/auth/login", json=body)
    assert answer.status_code == 200
    assert "; secure" in answer.headers["set-cookie"].lower() and "strict-transport-security" in answer.headers
    direct = httpx.post(f"{proxied.server.url}/api/v1/auth/login", json=body)
    assert "; secure" not in direct.headers["set-cookie"].lower() and "strict-transport-security" not in direct.headers


def test_addresses_that_clients_write_are_thrown_away(proxied: Proxied, ann: Person) -> None:
    """The log has the address that the proxy saw."""
    for number in range(3):
        answer = ann.ask("GET", "/roots", headers={"X-Forwarded-For": f"203.0.113.{number}"})
        assert _address_in_log(proxied.server, answer.headers["x-request-id"]) == "127.0.0.1"


def _address_in_log(server: Server, request_id: str) -> str:
    """The line is written a moment after the answer."""
    until = time.monotonic() + 30
    while not (lines := server.events(request_id=request_id, event="request")):
        assert time.monotonic() < until
        time.sleep(0.02)
    return str(lines[0]["address"])


def test_organizing_and_watching_it_by_websocket(proxied: Proxied, ann: Person) -> None:
    """The whole way through TLS; a page of another origin gets nothing."""
    write_tree(ann.home / "inbox", {f"{number}.jpg": str(number) for number in range(50)})
    operation = ann.start("inbox")
    assert asyncio.run(_watch(proxied, ann, operation["id"], f"https://{proxied.host}")) == "completed"
    for origin in (f"http://{proxied.host}", "https://evil.example"):
        with pytest.raises(websockets.InvalidStatus):
            asyncio.run(_watch(proxied, ann, operation["id"], origin))
    assert ann.finished(operation)["files_processed"] == 50


async def _watch(proxied: Proxied, person: Person, operation: str, origin: str) -> str:
    """The type of the last message, as a page from ``origin`` would get it."""
    async with websockets.connect(
        f"wss://{proxied.host}/ws/operations/{operation}",
        host="127.0.0.1",
        port=proxied.https,
        ssl=proxied.tls,
        server_hostname=NAME,
        origin=websockets.Origin(origin),
        subprotocols=[websockets.Subprotocol("bearer"), websockets.Subprotocol(person.tokens["access_token"])],
    ) as socket:
        kind = ""
        async for message in socket:
            kind = json.loads(message)["type"]
        return kind


def test_server_sent_events_come_as_they_happen(ann: Person) -> None:
    """The first event is here while the operation waits for its turn: nothing collects them on the way."""
    write_tree(ann.home / "events", {"a.jpg": "a"})
    operation = ann.start("events")
    with ann.client.stream("GET", f"/api/v1/operations/{operation['id']}/events", headers=ann.headers) as stream:
        lines = [line for line in stream.iter_lines() if line.startswith("event:")]
    assert lines[0] == "event: status" and lines[-1] == "event: completed"
