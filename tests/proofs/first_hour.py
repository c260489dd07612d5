"""What somebody does in the first hour: a fresh clone, ``make run``, and all the rest by curl and a plain WebSocket client.

Each step is printed when it is done. At the end the sample folder is as it was.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

from tests.support.manifest import manifest
from tests.support.server import PASSWORD, free_port

HOME = Path(__file__).resolve().parents[2]
OURS = ("PLAN_DIR", "PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START", "MAKEFLAGS")
"""What the environment of a proof holds and a newcomer's doesn't."""
SETTING_UP = 900.0
"""Seconds that packages may take to come."""


def run(place: Path) -> dict[str, Any]:
    """Clone, `make run`, and the walk."""
    clone, began = place / "clone", time.monotonic()
    subprocess.run(["git", "clone", "--quiet", str(HOME), str(clone)], check=True)
    print("clone:", clone, flush=True)
    newcomer = {name: value for name, value in os.environ.items() if name not in OURS}
    environment = {**newcomer, "XDG_DATA_HOME": str(place / "share"), "API_PORT": str(free_port())}
    with served(["make", "run"], clone, environment, place / "log") as walk:
        ready = time.monotonic() - began
        print(f"make run: answers after {ready:.0f} s", flush=True)
        return {"seconds until make run answers": round(ready), **walk.whole()}


@contextmanager
def served(
    command: Sequence[str], folder: Path, environment: dict[str, str], log: Path, *, below: Path = Path("/")
) -> Iterator[Walk]:
    """What serves as long as the context lasts, once it is well; it is ended as Ctrl-C does.

    Its files lie below ``below``.
    """
    with open(log, "ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    walk = Walk(f"http://127.0.0.1:{environment['API_PORT']}", log, below)
    try:
        until = time.monotonic() + SETTING_UP
        while not walk.is_well():
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.5)
        yield walk
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise


@dataclass
class Walk:
    """Somebody with curl before a server that was just started."""

    url: str
    log: Path
    """What the server has printed."""
    below: Path = Path("/")
    """Where the server's file system begins."""
    token: str = ""
    _began: float = 0.0

    def is_well(self) -> bool:
        """Does it answer, and its worker?"""
        done = subprocess.run(["curl", "--silent", f"{self.url}/health"], check=False, capture_output=True, text=True)
        return done.returncode == 0 and json.loads(done.stdout)["status"] == "ok"

    def curl(self, method: str, path: str, body: Any = None, *, status: int = 200) -> str:
        """One request by curl; its answer, after looking at the status."""
        command = ["curl", "--silent", "--show-error", "--max-time", "60", "--request", method]
        command += ["--write-out", "\n%{http_code}", f"{self.url}{path}"]
        if self.token:
            command += ["--header", f"Authorization: Bearer {self.token}"]
        if body is not None:
            command += ["--header", "Content-Type: application/json", "--data", json.dumps(body)]
        said = subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8", "surrogateescape")
        text, _, code = said.rpartition("\n")
        assert code == str(status), (method, path, code, text)
        return text

    def api(self, method: str, path: str, body: Any = None, *, status: int = 200) -> Any:
        """The same below the prefix, and read."""
        return json.loads(self.curl(method, f"/api/v1{path}", body, status=status))

    def step(self, words: str) -> None:
        """Say what has been done."""
        print(f"{time.monotonic() - self._began:6.1f} s  {words}", flush=True)

    def watch(self, operation: dict[str, Any]) -> list[int]:
        """An operation by WebSocket until it ends well; the progress that was told."""
        seen, last = [], {}
        with connect(f"{self.url.replace('http', 'ws')}/ws/operations/{operation['id']}") as socket:
            socket.send(json.dumps({"type": "auth", "token": self.token}))
            for message in socket:
                last = json.loads(message)
                seen.append(int(last["progress"]))
        assert last["type"] == "completed" and seen == sorted(seen) and seen[-1] == 100, (seen, last)
        return seen

    def whole(self) -> dict[str, Any]:
        """Sign up; preview, apply, watch, look at everything, take it back."""
        self._began = time.monotonic()
        offered = self.sign_up()
        folder = self.below / offered.lstrip("/")
        before = manifest(folder)
        self.step(f"signed up; {offered} holds {len(before)} files and folders")
        preview = self.preview(offered)
        assert manifest(folder) == before, "a preview changed something"
        done, progress = self.apply(preview)
        assert manifest(folder) != before
        self.look(done)
        exports = self.exports(done)
        undo = self.api("POST", f"/operations/{done['id']}/rollback", status=202)
        self.watch(undo)
        undone = self.api("GET", f"/operations/{undo['id']}")["files_processed"]
        assert undone == done["files_processed"] and manifest(folder) == before
        self.step(f"rolled back: {undone} files, and the tree is identical")
        return {
            "files": done["files_processed"],
            "progress": progress,
            "exported bytes": exports,
            "differences after the rollback": 0,
            "seconds by curl": round(time.monotonic() - self._began, 1),
        }

    def sign_up(self) -> str:
        """The administrator by the link that was printed, and a second person by sign-up; the folder that is offered."""
        found = re.search(r'"token": "([^"]+)"', self.log.read_text())
        assert found is not None, self.log.read_text()
        account = {"email": "you@example.org", "username": "you", "password": PASSWORD}
        self.token = self.api("POST", "/auth/setup", {"token": found[1], **account}, status=201)["access_token"]
        other = {"email": "ann@example.org", "username": "ann", "password": PASSWORD}
        assert self.api("POST", "/auth/signup", other, status=201)["access_token"]
        offered = re.search(r"The administrator may work in (.+)", self.log.read_text())
        assert offered is not None and offered[1] in [root["path"] for root in self.api("GET", "/roots")["roots"]]
        return offered[1]

    def preview(self, folder: str) -> dict[str, Any]:
        """A dry run, and both of its trees."""
        operation = self.api("POST", "/operations", {"root_path": folder, "is_dry_run": True}, status=202)
        self.watch(operation)
        trees = self.api("GET", f"/operations/{operation['id']}/preview")
        before, after = ([child["name"] for child in trees[side]["folders"]] for side in ("before", "after"))
        assert trees["before"]["files_below"] == trees["after"]["files_below"] and set(after) - set(before), trees
        self.step(f"dry run: from {len(before)} folders to {len(after)}, new are {sorted(set(after) - set(before))}")
        found: dict[str, Any] = operation
        return found

    def apply(self, preview: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        """Exactly that plan, watched from its beginning; what it did, and the progress."""
        operation = self.api("POST", f"/operations/{preview['id']}/apply", status=202)
        progress = self.watch(operation)
        assert progress[0] < 100, progress
        done: dict[str, Any] = self.api("GET", f"/operations/{operation['id']}")
        assert done["files_processed"] > 200 and done["files_failed"] == 0, done
        self.step(f"applied: {done['files_processed']} files moved, {done['files_skipped']} left; progress {progress}")
        return done, progress

    def look(self, done: dict[str, Any]) -> None:
        """List, search and report."""
        assert done["id"] in [operation["id"] for operation in self.api("GET", "/operations")["operations"]]
        files = self.api("GET", f"/files?operation_id={done['id']}")
        assert files["files_completed"] == done["files_processed"]
        found = self.api("GET", f"/files/search?query=jpg&operation_id={done['id']}")
        assert 0 < found["total_files"] < files["total_files"]
        report = self.api("GET", f"/reports/{done['id']}")
        shares = {share["category"]: share["file_count"] for share in report["category_breakdown"]}
        assert sum(shares.values()) >= done["files_processed"], report
        self.step(f"listed {files['total_files']}, found {found['total_files']} with jpg, report: {shares}")

    def exports(self, done: dict[str, Any]) -> dict[str, int]:
        """The report in each of its forms; how long each is."""
        lengths = {}
        for kind, begin in (("json", "{"), ("csv", "id,"), ("html", "<!doctype html"), ("xlsx", "PK")):
            text = self.curl("GET", f"/api/v1/reports/{done['id']}/export?format={kind}")
            assert text.lower().startswith(begin.lower()), (kind, text[:100])
            lengths[kind] = len(text.encode("utf-8", "surrogateescape"))
        self.step(f"exported, in bytes: {lengths}")
        return lengths
