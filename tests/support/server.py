"""The real server in a process of its own, on a free port, with a data directory of its own.

with running_server(tmp_path, BCRYPT_ROUNDS="4") as server:
    ann = server.sign_up("ann")
    operation = ann.organize("inbox")
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

import httpx

from tests.support.at_start import sitecustomize as measuring

ROOT = Path(__file__).parents[2]
AT_START = Path(__file__).with_name("at_start")
PASSWORD = "Tr0ub4dor & three"
QUICK = {
    "BCRYPT_ROUNDS": "4",
    "RATE_LIMIT_USER": "100000",
    "RATE_LIMIT_GLOBAL": "1000000",
    "RATE_LIMIT_EXPORT": "100000",
    "RATE_LIMIT_TREES": "100000",
    "REAPER_SECONDS": "1",
}
FINAL = ("completed", "failed", "cancelled")
_numbers = itertools.count(1)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_moves(root: Path, seconds: float = 60.0) -> None:
    """Until the first file has arrived in a folder of a root that had no folders; the server learns of it a second later."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        folders = [entry for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith(".")]
        if any(next(os.scandir(folder), None) for folder in folders):
            return
        time.sleep(0.002)
    raise AssertionError(f"nothing was moved within {seconds} s")


@dataclass
class Person:
    """Somebody who signed in."""

    client: httpx.Client
    tokens: dict[str, Any]
    email: str = ""
    username: str = ""
    server: Server | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What a request of this person carries."""
        return {"Authorization": f"Bearer {self.tokens['access_token']}"}

    def ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        """One request below the prefix."""
        headers = {**self.headers, **given.pop("headers", {})}
        return self.client.request(method, f"/api/v1{path}", headers=headers, **given)

    def get(self, path: str, **given: Any) -> Any:
        """A body, after looking that the answer was well."""
        answer = self.ask("GET", path, **given)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, *, status: int = 202) -> Any:
        """Send something, look at the status, give the body."""
        answer = self.ask("POST", path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    @property
    def home(self) -> Path:
        """The folder of the person."""
        return Path(self.get("/roots")["roots"][0]["path"])

    def start(self, root_path: str, **options: Any) -> dict[str, Any]:
        """Ask for an operation."""
        found: dict[str, Any] = self.post("/operations", {"root_path": root_path, **options})
        return found

    def finished(self, operation: dict[str, Any], seconds: float = 180.0) -> dict[str, Any]:
        """The operation once it has ended."""
        deadline, pause = time.monotonic() + seconds, 0.05
        while time.monotonic() < deadline:
            now: dict[str, Any] = self.get(f"/operations/{operation['id']}")
            if now["status"] in FINAL:
                return now
            time.sleep(pause)
            pause = min(pause * 1.4, 0.5)  # each question costs both sides, and the operation has to share with them
        stand = self.server.where_all_stand() if self.server else ""
        raise AssertionError(f"not finished after {seconds} s: {now}\n{stand}")

    def done(self, root_path: str, **options: Any) -> dict[str, Any]:
        """Ask for an operation and wait for its end."""
        return self.finished(self.start(root_path, **options))


@dataclass
class Server:
    """A server that is up."""

    data_dir: Path
    environment: dict[str, str]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    celery: list[subprocess.Popen[bytes]] = field(default_factory=list)
    measured: bool = True
    """Whether coverage looks on, which makes starting take twice as long."""

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.data_dir / "server.log").read_text(errors="replace")

    @property
    def is_up(self) -> bool:
        """Whether its process runs."""
        return self.process is not None and self.process.poll() is None

    def _for_processes(self) -> dict[str, str]:
        """The environment of its processes."""
        return self.environment if self.measured else measuring.unmeasured(self.environment)

    def start_celery(self, part: str = "worker", **environment: str) -> subprocess.Popen[bytes]:
        """A worker of Celery, or beat; as if on a host with another ``environment``."""
        with open(self.data_dir / "celery.log", "ab") as log:
            command = [sys.executable, "-m", "celery", "-A", "backend.worker.celery_app", part]
            # each in a group of its own, so that all of its processes can be killed at once
            environment = {**self._for_processes(), **environment}
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        self.celery.append(process)
        return process

    def stop_celery(self) -> float:
        """End all workers of Celery as an orchestrator does; returns the seconds that it took."""
        began = time.monotonic()
        for process in self.celery:
            process.send_signal(signal.SIGTERM)
        for process in self.celery:
            process.wait(60)
        self.celery.clear()
        return time.monotonic() - began

    def kill_celery(self, process: subprocess.Popen[bytes]) -> None:
        """End a worker with all of its processes as a crash does."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.celery.remove(process)

    def start(self, *, workers: bool = True) -> None:
        """Start it and wait until it is well."""
        with open(self.data_dir / "server.log", "ab") as log:
            command = [sys.executable, "-m", "uvicorn", "src.backend.api.main:app", "--port", str(self.port)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self._for_processes(), stdout=log, stderr=log)
        self.wait_until_well(workers=workers)

    def wait_until_well(self, *, workers: bool = True) -> None:
        """Until it answers, and its worker too."""
        deadline = time.monotonic() + 120
        with self.client() as client:
            while time.monotonic() < deadline:
                assert self.is_up, self.log
                try:
                    health = client.get("/health", timeout=5).json()
                    if health["checks"]["workers"] == "ok" or not workers:
                        return
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
        raise AssertionError(f"no answer:\n{self.where_all_stand()}")

    def where_all_stand(self) -> str:
        """The processes of this server, what they wait for, and the stacks that workers write into the log when asked."""
        mine = f"DATA_DIR={self.data_dir}\0".encode()
        pids = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mine in (place / "environ").read_bytes():
                    pids.append(place.name)
                    if b"backend.worker" in (place / "cmdline").read_bytes():
                        os.kill(int(place.name), signal.SIGUSR1)
        time.sleep(1)
        command = ["ps", "-o", "pid,ppid,stat,etimes,wchan:24,args", "-p", ",".join(pids)]
        listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        said = [(self.data_dir / "celery.log").read_text(errors="replace")] if self.celery else []
        lines = [line for line in "".join([*said, self.log]).splitlines() if '"event": "request"' not in line]
        return "\n".join([listed, *lines[-100:]])

    @contextmanager
    def worker(self, **environment: str) -> Iterator[None]:
        """A worker of its own beside a server without one, with more in its environment, killed when the context ends."""
        with open(self.data_dir / "server.log", "ab") as log:
            command = [sys.executable, "-m", "backend.worker"]
            environment = {**self._for_processes(), **environment}
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def stop(self) -> float:
        """End it as an orchestrator does; returns the seconds that it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return time.monotonic() - began

    def kill(self) -> None:
        """End it as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def worker_pid(self) -> int:
        """The embedded worker's process, as the log names it."""
        return int(re.findall(r'"pid": (\d+), "event": "worker started"', self.log)[-1])

    def workers(self) -> list[int]:
        """What takes operations, for ``stopped``: Celery's processes, each with all that belongs to it, or the embedded worker."""
        return [-process.pid for process in self.celery] or [self.worker_pid()]

    def children(self) -> list[int]:
        """The processes of running operations."""
        command = ["pgrep", "-P", str(self.worker_pid())]
        return [int(pid) for pid in subprocess.run(command, capture_output=True, check=False).stdout.split()]

    @contextmanager
    def stopped(self, pids: list[int]) -> Iterator[None]:
        """Processes that stand still meanwhile, none of them within a write that all others of SQLite would wait for."""
        assert pids
        try:
            _signal(pids, signal.SIGSTOP)
            while self._is_being_written():
                _signal(pids, signal.SIGCONT)
                time.sleep(0.01)
                _signal(pids, signal.SIGSTOP)
            yield
        finally:
            _signal(pids, signal.SIGCONT)

    def _is_being_written(self) -> bool:
        """Whether somebody has SQLite's write lock just now."""
        database = self.data_dir / "fileorganizer.db"
        if not database.exists():
            return False
        with closing(sqlite3.connect(database, timeout=0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                    raise
                return True
        return False

    def client(self) -> httpx.Client:
        """A client without an account. There is no TLS here, whose certificates it would take 20 ms to load."""
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, verify=False)

    def sign_up(self, name: str = "someone", *, exactly: bool = False) -> Person:
        """A new account; names are made unique, unless it has to be ``exactly`` this one."""
        username = name if exactly else f"{name}-{os.getpid()}-{next(_numbers)}"
        client = self.client()
        body = {"email": f"{username}@example.org", "username": username, "password": PASSWORD}
        answer = client.post("/api/v1/auth/signup", json=body)
        assert answer.status_code == 201, answer.text
        return Person(client, answer.json(), body["email"], username, self)

    def administrator(self, name: str = "admin", *, exactly: bool = False) -> Person:
        """A new administrator, made at the machine itself."""
        person = self.sign_up(name, exactly=exactly)
        managed(self.environment, "make-admin", person.username).check_returncode()
        again = {"email": person.username, "password": PASSWORD}
        person.tokens = person.client.post("/api/v1/auth/login", json=again).json()
        return person

    def events(self, **wanted: Any) -> list[dict[str, Any]]:
        """The log's lines with these members."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line for line in lines if all(line.get(name) == value for name, value in wanted.items())]


def prepared(data_dir: Path, *, measured: bool = True, **environment: str) -> Server:
    """A server that isn't started, with its database made."""
    data_dir.mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in ("PLAN_DIR",)}
    inherited["PYTHONPATH"] = os.pathsep.join(filter(None, (str(AT_START), os.environ.get("PYTHONPATH"))))
    server = Server(data_dir, {**inherited, "DATA_DIR": str(data_dir), **QUICK, **environment}, measured=measured)
    database = data_dir / "fileorganizer.db"
    if environment.get("DATABASE_URL") or database.exists():
        _upgrade(server.environment)
    else:
        database.touch(0o600)
        database.write_bytes(_empty_database())
    return server


@functools.cache
def _empty_database() -> bytes:
    """A file of SQLite with the newest schema, made once by each process of tests: a copy costs nothing."""
    with tempfile.TemporaryDirectory() as place:
        _upgrade({**os.environ, "DATA_DIR": place, "DATABASE_URL": ""})
        return (Path(place) / "fileorganizer.db").read_bytes()


def managed(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """What ``python -m backend.manage`` does with these words in an environment, and says."""
    from backend import manage

    return _forked(environment, lambda: manage.main(list(words)))


def migrated(environment: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """What ``python -m alembic`` does with these words in an environment, and says."""
    from alembic.config import main

    import backend.manage  # noqa: F401  # here, and not again in each fork, which needs most of it

    return _forked(environment, lambda: main(list(words)))


def _forked(environment: Mapping[str, str], program: Callable[[], object]) -> subprocess.CompletedProcess[str]:
    """Run a program in a fork of this process, which has imported what it needs: that alone would take four seconds."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if child == 0:
            _be(environment, program, out, errors)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said = []
        for file in (out, errors):
            file.seek(0)
            said.append(file.read())
    return subprocess.CompletedProcess([], code, *said)


def _be(environment: Mapping[str, str], program: Callable[[], object], out: IO[str], errors: IO[str]) -> NoReturn:
    """The child from its start to its end."""
    from backend.core.config import settings

    code: Any = 1
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(errors.fileno(), 2)
        sys.stdout, sys.stderr = out, errors
        os.chdir(ROOT)
        os.environ.clear()
        os.environ.update(environment)
        settings.cache_clear()
        measuring.follow_greenlets()
        program()
        code = 0
    except SystemExit as ended:  # as Python itself ends then
        code = ended.code or 0
        if not isinstance(code, int):
            print(code, file=errors)
            code = 1
    except BaseException:  # noqa: BLE001  # the child must never return into the test
        traceback.print_exc()
    finally:
        out.flush()
        errors.flush()
        os._exit(code)


def _upgrade(environment: Mapping[str, str]) -> None:
    """Bring the database of these settings to the newest schema."""
    migrated(environment, "upgrade", "head").check_returncode()


@contextmanager
def running_server(data_dir: Path, *, measured: bool = True, **environment: str) -> Iterator[Server]:
    """A server as long as the context lasts, on Redis and PostgreSQL with Celery; at its end nothing is left running."""
    server = prepared(data_dir, measured=measured, **environment)
    if "REDIS_URL" in environment and "DATABASE_URL" in environment:
        server.start_celery("beat")
        server.start_celery()
    try:
        server.start(workers=environment.get("EMBEDDED_WORKER") != "off")
        yield server
    finally:
        if server.is_up:
            server.stop()
        server.stop_celery()


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        os.kill(pid, number)
