"""What the processes of a server cost, and what the server says of itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

import httpx
import psutil
import psycopg
from prometheus_client.parser import text_string_to_metric_families

from tests.support.server import Server

SAMPLE_SECONDS: Final = 0.5
Groups = dict[str, list[psutil.Process]]
"""The processes of each part of a server."""


@dataclass
class Cost:
    """What a part has cost since the watch began: seconds of CPU, bytes at the most, and how many bytes when."""

    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    memory: list[tuple[float, int]] = field(default_factory=list)


class Watch:
    """Looks at the processes twice a second, in a thread of its own. A process's CPU after the last look at it isn't seen."""

    def __init__(self, groups: Callable[[], Groups]) -> None:
        """``groups`` is asked anew at each look: operations are processes that come and go."""
        self._groups = groups
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._used: dict[str, dict[tuple[int, float], tuple[float, float]]] = {}
        self.costs: dict[str, Cost] = {}

    def __enter__(self) -> Self:
        """Begin."""
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look a last time."""
        self._over.set()
        self._thread.join()
        self._look()

    def _look_on(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        """Memory is counted once where processes share it (proportional set size)."""
        now = time.monotonic()
        first = not self.costs
        for name, processes in self._groups().items():
            cost, used = self.costs.setdefault(name, Cost()), self._used.setdefault(name, {})
            held = 0
            for process in processes:
                with suppress(psutil.Error):
                    held += process.memory_full_info().pss
                    times = process.cpu_times()
                    key, spent = (process.pid, process.create_time()), times.user + times.system
                    begun = used[key][0] if key in used else spent if first else 0.0
                    used[key] = (begun, spent)
            cost.cpu_seconds = sum(spent - begun for begun, spent in used.values())
            cost.peak_bytes = max(cost.peak_bytes, held)
            cost.memory.append((now, held))


def groups_of(server: Server) -> Callable[[], Groups]:
    """The parts of a server that we started: API, worker (the embedded one, or Celery's), and PostgreSQL if it is on this machine."""
    database = _postmaster(server.environment.get("DATABASE_URL", ""))

    def groups() -> Groups:
        assert server.process is not None
        own = _tree([server.process.pid])
        workers = _tree(
            [process.pid for process in own if _is_worker(process)] + [celery.pid for celery in server.celery]
        )
        api = [process for process in own if process not in workers]
        return {"api": api, "worker": workers, **({"database": _tree([database])} if database else {})}

    return groups


def _tree(pids: Iterable[int]) -> list[psutil.Process]:
    """Processes and all that they started, each once."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            found.update({each.pid: each for each in (process, *process.children(recursive=True))})
    return list(found.values())


def _is_worker(process: psutil.Process) -> bool:
    """Is it the embedded worker, or a process of its operations?"""
    with suppress(psutil.Error):
        return "backend.worker" in process.cmdline()
    return False


def _postmaster(url: str) -> int | None:
    """The first process of a PostgreSQL on this machine."""
    if not url.startswith("postgresql"):
        return None
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        backend = connection.info.backend_pid
        with suppress(psutil.Error):
            process = psutil.Process(backend)
            return process.ppid() if process.name().startswith("postgres") else None
    return None


def metrics(url: str, token: str) -> dict[str, float]:
    """The server's counters, added up over their labels; empty where they aren't shown to us, as without a token."""
    if not token:
        return {}
    answer = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    if answer.status_code != httpx.codes.OK:
        return {}
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found
