"""Configuration, rate limits, passwords, events, logs: parts that need no server."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from backend.core.config import Settings, prepare_folders, signing_key
from backend.core.events import API, Receiver, Sender, listeners, wake_receiver, wake_sender
from backend.core.logging import shorten
from backend.core.rate_limit import RateLimiter, address_key, client_address, peer_of
from backend.core.security import Passwords, weakness


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory with a path longer than a socket's name may be."""
    data_dir = tmp_path / ("x" * 100)
    prepare_folders(Settings(data_dir=data_dir))
    return data_dir


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", ["1.1.1.1"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", ["1.1.1.1, 2.2.2.2"], "2.2.2.2"),
        ("10.0.0.1", ["1.1.1.1", "2.2.2.2, 10.0.0.2"], "2.2.2.2"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1, 2.2.2.2:4711"], "2.2.2.2"),
        ("10.0.0.1", ["[2001:db8::1]:443, 10.0.0.2:80"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("10.0.0.1", ["1.1.1.1, :80"], "10.0.0.1"),
        ("10.0.0.1", ["1.1.1.1, [2001:db8::1"], "2001:db8::1"),
        ("testclient", ["1.1.1.1"], "testclient"),
    ],
)
def test_whose_address_it_is(peer: str, forwarded: list[str], address: str) -> None:
    """S27: a header counts only from a proxy that is trusted, and is read from the right."""
    assert client_address(peer, forwarded, ("10.0.0.0/8",)) == address


@pytest.mark.parametrize(
    ("client", "here", "forwarded", "peer"),
    [
        (("203.0.113.5", 0), "127.0.0.1", ["203.0.113.5"], "127.0.0.1"),
        (("203.0.113.5", 4711), "127.0.0.1", ["198.51.100.1, 203.0.113.5:4711", "127.0.0.1"], "127.0.0.1"),
        (("2001:db8::1", 80), "127.0.0.1", ["[2001:db8::1]:80"], "127.0.0.1"),
        (("203.0.113.5", 0), "10.0.0.1", ["203.0.113.5"], "127.0.0.1"),
        (("203.0.113.5", 4711), "127.0.0.1", ["203.0.113.5, 198.51.100.1"], "203.0.113.5"),
        (("203.0.113.5", 4711), "127.0.0.1", ["203.0.113.55"], "203.0.113.5"),
        (("203.0.113.5", 4711), "10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
        (("203.0.113.5", 4711), "10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        (("local", 0), "", [], "local"),
    ],
)
def test_who_is_at_the_other_end(client: tuple[str, int], here: str, forwarded: list[str], peer: str) -> None:
    """S27: uvicorn believes whoever asks from the loopback; we don't. Nobody else passes for the loopback by naming himself."""
    assert peer_of(client, here, forwarded) == peer


def test_what_addresses_count_as() -> None:
    """A whole /64 is one customer; a mapped IPv4 address is itself."""
    assert address_key("2001:db8:1:2:3::9") == address_key("2001:db8:1:2:ffff::1") != address_key("2001:db8:1:3::1")
    assert address_key("::ffff:192.0.2.1") == "192.0.2.1" == address_key("192.0.2.1")
    assert address_key("local") == "local"


def test_windows_of_everybody() -> None:
    """When all together are too fast, nobody's own window helps; forgetting helps one."""

    async def story() -> None:
        """Five requests, then one too many."""
        limits = RateLimiter(Settings(rate_limit_user=3, rate_limit_global=5))
        assert all([(await limits.hit("api", who)).allowed for who in ("a", "a", "a", "b", "b")])
        own = await limits.hit("api", "a")
        assert not own.allowed and own.limit == 3 and "Retry-After" in own.headers()
        everybody = await limits.hit("api", "c")
        assert not everybody.allowed and everybody.limit == 5
        await limits.forget("a")
        assert not (await limits.hit("api", "a")).allowed

    asyncio.run(story())


def test_hashes_are_renewed() -> None:
    """A hash of the other kind is recognised and a better one is given; nobody's password is never right."""
    old, new = Passwords("bcrypt", 4), Passwords("argon2id", 4)
    kept = old.hash("a good password")
    right, better = new.verify("a good password", kept)
    assert right and better is not None and better.startswith("$argon2id$")
    assert new.verify("another", kept) == (False, None)
    assert new.verify("a good password", None) == (False, None)
    assert weakness("a good password", "ann") is None


def test_secrets_are_kept(folder: Path) -> None:
    """One key for all processes, for its owner only; a configured one is taken."""
    settings = Settings(data_dir=folder)
    assert signing_key(settings) == signing_key(settings) and len(signing_key(settings)) >= 32
    assert (folder / "secrets" / "jwt_key").stat().st_mode & 0o077 == 0
    assert signing_key(Settings(data_dir=folder, jwt_secret_key="k" * 40)) == b"k" * 40  # type: ignore[arg-type]
    production = Settings(environment="production", jwt_secret_key="k" * 40)  # type: ignore[arg-type]
    assert not production.docs_shown and Settings(docs="on", environment="production", jwt_secret_key="k" * 40).docs_shown  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        Settings(nonsense=1)  # type: ignore[call-arg]


def test_messages_between_processes(folder: Path) -> None:
    """What is sent arrives; a full queue loses messages instead of holding up the sender; the dead are forgotten."""
    receiver, sender = Receiver(folder, API), Sender(folder, API)
    heard: list[dict[str, object]] = []

    async def story() -> None:
        """Send more than a queue holds before anybody listens."""
        for number in range(2_000):
            sender.send({"number": number})
        sender.send({"number": "last"}, insist=True)
        await receiver.listen(heard.append)
        await asyncio.sleep(0.1)
        sender.send({"number": "now"}, insist=True)
        await asyncio.sleep(0.1)
        assert receiver._transport is not None
        receiver._transport.close()  # as the end of a killed process does: the name stays

    asyncio.run(story())
    assert heard[0] == {"number": 0} and heard[-1] == {"number": "now"} and len(heard) < 2_000
    assert listeners(folder, API) == 0
    sender.send({"to": "nobody"})
    assert not list((folder / "run").glob("*.sock"))
    receiver.close()
    sender.close()


def test_waking(folder: Path) -> None:
    """Several wake-ups are one."""
    receiver, sender = wake_receiver(folder), wake_sender(folder)
    assert receiver.drain(0.0) is False
    for _ in range(3):
        sender.send({})
    assert receiver.drain(1.0) is True and receiver.drain(0.01) is False
    receiver.close()
    sender.close()


def test_a_socket_that_nobody_holds(folder: Path) -> None:
    """What a killed process left behind doesn't count."""
    left = folder / "run" / "worker-1.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        here = os.getcwd()
        os.chdir(folder / "run")
        try:
            dead.bind("worker-1.sock")
        finally:
            os.chdir(here)
    assert left.exists() and listeners(folder, "worker") == 0


def test_a_folder_of_sockets_that_is_gone(folder: Path) -> None:
    """Whoever tells of progress goes on with the work."""
    sender = Sender(folder, API)
    shutil.rmtree(folder / "run")
    sender.send({"operation_id": "1"}, insist=True)
    sender.close()


def test_fields_of_logs() -> None:
    """S67: long ones are cut, what isn't text is escaped, a traceback keeps its end."""
    event = shorten(None, "", {"a": "x" * 5_000, "b": "caf\udce9", "n": 7, "t": "Traceback" + "x" * 9_000 + "the end"})
    assert len(event["a"]) < 1_100 and event["b"] == "caf\\udce9" and event["n"] == 7
    assert event["t"].endswith("the end") and len(event["t"]) < 9_000
