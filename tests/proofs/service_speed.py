"""An operation of many files through the API with a watcher, next to the command line on the same tree; what others notice of it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from tests.support.server import Person, Server, running_server
from tests.support.trees import put_tree

FILES = int(os.environ.get("SERVICE_FILES", "100000"))
PER_FOLDER = 1_000


def _tree(root: Path) -> None:
    """The same files for both."""
    for folder in range(0, FILES, PER_FOLDER):
        names = range(folder, min(folder + PER_FOLDER, FILES))
        put_tree(root / f"in-{folder}", {f"{n}.{('jpg', 'txt', 'mp3', 'zip')[n % 4]}": b"" for n in names})


def _command_line(root: Path) -> float:
    """Seconds of `fileorganizer organize`."""
    began = time.monotonic()
    command = [sys.executable, "-m", "fileorganizer.cli.app", "organize", str(root), "-r", "-yy", "--quiet"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode in (0, 10), done.stderr
    return time.monotonic() - began


def _memory(pid: int) -> int:
    """The most that a process and its children had resident, in MiB."""
    pids = [
        str(pid),
        *subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split(),
    ]
    most = 0
    for one in pids:
        try:
            lines = Path(f"/proc/{one}/status").read_text().splitlines()
        except FileNotFoundError:
            continue
        most = max(most, *(int(line.split()[1]) // 1_024 for line in lines if line.startswith("VmHWM")), 0)
    return most


def _watch(server: Server, person: Person, operation_id: str, heard: list[dict[str, Any]]) -> None:
    """Follow to the end."""
    protocols = [Subprotocol("bearer"), Subprotocol(person.tokens["access_token"])]
    with connect(
        f"{server.url.replace('http', 'ws')}/ws/operations/{operation_id}", subprotocols=protocols, proxy=None
    ) as ws:
        try:
            while True:
                heard.append(json.loads(ws.recv(60)))
        except ConnectionClosed:
            pass


def run(place: Path) -> dict[str, Any]:
    """Files a second of both, answers to a second user meanwhile, memory."""
    by_hand = place / "by-hand"
    _tree(by_hand)
    alone = _command_line(by_hand)
    with running_server(place / "data", BCRYPT_ROUNDS="4") as server:
        person, other = server.sign_up("one"), server.sign_up("other")
        _tree(person.home / "tree")
        heard: list[dict[str, Any]] = []
        worker, memory = server.worker_pid(), 0
        began = time.monotonic()
        operation = person.start("tree", confirm=True)
        watcher = threading.Thread(target=_watch, args=(server, person, operation["id"], heard))
        watcher.start()
        answers: list[float] = []
        while watcher.is_alive():
            asked = time.monotonic()
            other.get("/operations")
            answers.append(time.monotonic() - asked)
            memory = max(memory, _memory(worker))
            time.sleep(0.05)
        seconds = time.monotonic() - began
        ended = person.finished(operation)
        assert ended["files_processed"] == FILES and heard[-1]["type"] == "completed"
        assert server.process is not None
        api_memory = _memory(server.process.pid)
    return {
        "files": FILES,
        "command_line_files_per_second": round(FILES / alone),
        "api_files_per_second": round(FILES / seconds),
        "ratio": round(alone / seconds, 2),
        "second_user_p50_ms": round(1_000 * statistics.median(answers), 1),
        "second_user_p95_ms": round(1_000 * statistics.quantiles(answers, n=20)[-1], 1),
        "messages": len(heard),
        "worker_mib": memory,
        "api_mib": api_memory,
    }
