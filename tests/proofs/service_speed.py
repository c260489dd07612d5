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


def _command_line(root: Path, duplicates: bool) -> float:
    """Seconds of `fileorganizer organize`."""
    began = time.monotonic()
    command = [sys.executable, "-m", "fileorganizer.cli.app", "organize", str(root), "-r", "-yy", "--quiet"]
    command += ["--duplicates", "report"] if duplicates else []
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode in (0, 10), done.stderr
    return time.monotonic() - began


def _memory(pid: int) -> int:
    """The most that a process, or one that it started, had resident, in MiB."""
    try:
        most = _memory_of_one(pid)
    except (FileNotFoundError, ValueError):  # it has ended
        return 0
    children = [child for path in Path(f"/proc/{pid}/task").glob("*/children") for child in _words_of(path)]
    return max([most, *(_memory(int(child)) for child in children)])


def _words_of(path: Path) -> list[str]:
    """The words of a file of /proc, which may be gone by now."""
    try:
        return path.read_text().split()
    except OSError:
        return []


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


def _through_the_api(server: Server, one: Person, other: Person, name: str, duplicates: bool) -> dict[str, Any]:
    """One operation with a watcher, and somebody else who asks meanwhile."""
    _tree(one.home / name)
    heard: list[dict[str, Any]] = []
    worker, memory = server.worker_pid(), 0
    began = time.monotonic()
    operation = one.start(name, confirm=True, detect_duplicates=duplicates)
    watcher = threading.Thread(target=_watch, args=(server, one, operation["id"], heard))
    watcher.start()
    answers: list[float] = []
    while watcher.is_alive():
        asked = time.monotonic()
        other.get("/operations")
        answers.append(time.monotonic() - asked)
        memory = max(memory, _memory(worker))
        time.sleep(0.05)
    seconds = time.monotonic() - began
    ended = one.finished(operation)
    assert ended["files_processed"] == FILES and heard[-1]["type"] == "completed"
    return {
        "api_files_per_second": round(FILES / seconds),
        "second_user_p50_ms": round(1_000 * statistics.median(answers), 1),
        "second_user_p95_ms": round(1_000 * statistics.quantiles(answers, n=20)[-1], 1),
        "messages": len(heard),
        "worker_mib": memory,
    }


def run(place: Path) -> dict[str, Any]:
    """Files a second of both, three times each in turn, the best of them; answers to a second user meanwhile; memory.

    Once without a search for duplicates, which the command line leaves out unless asked, and once with it, which the
    API does unless told not to.
    """
    figures: dict[str, Any] = {"files": FILES}
    with running_server(place / "data", BCRYPT_ROUNDS="4") as server:
        one, other = server.sign_up("one"), server.sign_up("other")
        for duplicates in (False, True):
            alone: list[float] = []
            tried: list[dict[str, Any]] = []
            for turn in range(3):
                by_hand = place / f"by-hand-{duplicates}-{turn}"
                _tree(by_hand)
                alone.append(_command_line(by_hand, duplicates))
                tried.append(_through_the_api(server, one, other, f"tree-{duplicates}-{turn}", duplicates))
            best = max(tried, key=lambda found: found["api_files_per_second"])
            by_command = round(FILES / min(alone))
            ratio = round(best["api_files_per_second"] / by_command, 2)
            kind = "with_duplicates" if duplicates else "without_duplicates"
            figures[kind] = {"command_line_files_per_second": by_command, "ratio": ratio, **best}
        assert server.process is not None
        figures["api_mib"] = _memory_of_one(server.process.pid)
    return figures


def _memory_of_one(pid: int) -> int:
    """The most that a process had resident, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return max(int(line.split()[1]) // 1_024 for line in lines if line.startswith("VmHWM"))
