"""The developers' way: Vite serves the dashboard from its sources and passes the rest on to a server that runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import not_covered
from tests.support.browser import Visitor
from tests.support.server import ROOT, Person, Server, free_port
from tests.support.trees import read_tree, write_tree

WEB = ROOT / "web-dashboard"


@pytest.fixture
def developed(server: Server, tmp_path: Path) -> Iterator[Server]:
    """``npm run dev`` beside the server; what is asked goes to Vite."""
    if shutil.which("npm") is None or not (WEB / "node_modules").is_dir():
        not_covered("npm run dev needs npm and the dashboard's packages")
    front = replace(server, port=free_port())
    command = ["npm", "run", "dev", "--", "--host", "127.0.0.1", "--port", str(front.port), "--strictPort"]
    environment = {**os.environ, "FILEORGANIZER_SERVER": server.url}
    with open(tmp_path / "vite.log", "wb") as log:
        # npm starts a shell that starts Node: they end together
        vite = subprocess.Popen(command, cwd=WEB, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(front, vite, tmp_path / "vite.log")
        yield front
    finally:
        with suppress(ProcessLookupError):
            os.killpg(vite.pid, signal.SIGTERM)
        vite.wait(30)


def _wait_for(front: Server, vite: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert vite.poll() is None, log.read_text()
        with suppress(httpx.TransportError):
            if httpx.get(front.url, trust_env=False, timeout=5).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_npm_run_dev(browser: Browser, developed: Server, ann: Person) -> None:
    """Signing in, a plan, and its live progress by WebSocket, all by way of Vite."""
    write_tree(ann.home, {f"{number}.txt": str(number) for number in range(40)})
    before = read_tree(ann.home)
    plan = ann.done(str(ann.home), is_dry_run=True)
    with browser.new_context(locale="en-GB", reduced_motion="reduce") as context:
        visitor = Visitor(context.new_page(), developed)
        sockets: list[str] = []
        visitor.page.on("websocket", lambda socket: sockets.append(socket.url))
        visitor.sign_in(ann, f"/plans/{plan['id']}")
        visitor.run_by("Apply to 40 files")
    assert read_tree(ann.home) != before
    assert any("/ws/operations/" in address for address in sockets), sockets
    # React's strict mode begins every effect twice while one develops, so the first socket is closed at once
    assert [words for words in visitor.complaints if "closed before the connection" not in words] == []
