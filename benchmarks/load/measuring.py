"""One part of a load test, from what was heard and seen to its figures."""

from __future__ import annotations

import asyncio
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from benchmarks.load.people import Answer, Crowd, Person
from benchmarks.load.watching import Groups, Watch, metrics

LIVE_SECONDS: Final = 5.0
REFUSED: Final = 429
Figures = dict[str, Any]


@dataclass
class Large:
    """The large tree, organized and taken back again and again."""

    person: Person
    name: str
    operations: list[Figures] = field(default_factory=list)
    progress: list[tuple[float, int]] = field(default_factory=list)
    """When how many files of the operation that runs were done."""
    organized: str = ""

    async def organize(self, **options: Any) -> None:
        """Organize it once. Raises RuntimeError unless all went well."""
        body = {"root_path": self.name, "confirm": True, **options}
        operation = await self._to_its_end(await self.person.patient("POST", "/operations", json=body))
        self.organized = operation["id"]

    async def take_back(self) -> None:
        """Have all files where they were. Raises RuntimeError unless all went well."""
        if self.organized:
            await self._to_its_end(await self.person.patient("POST", f"/operations/{self.organized}/rollback"))
            self.organized = ""

    async def _to_its_end(self, operation: Figures) -> Figures:
        """Wait for an operation and note how long it took, from the request to its last record."""
        ended = await self.person.finished(
            operation, lambda now: self.progress.append((time.monotonic(), now["files_processed"]))
        )
        if ended["status"] != "completed" or ended["files_failed"]:
            raise RuntimeError(f"The large tree wasn't done as it should be: {ended}")
        seconds = (_moment(ended["completed_at"]) - _moment(ended["created_at"])).total_seconds()
        self.operations.append(
            {
                "type": ended["operation_type"],
                "detect_duplicates": bool(ended["options"].get("detect_duplicates")),
                "files": ended["files_processed"],
                "seconds": round(seconds, 2),
                "files_per_second": round(ended["files_processed"] / seconds),
            }
        )
        return ended

    async def again_and_again(self, seconds: float) -> None:
        """Organize and take back for so long, at least once; in the end it is as it was."""
        until = time.monotonic() + seconds
        await self.organize()
        while time.monotonic() < until:
            await (self.take_back() if self.organized else self.organize())


@dataclass(frozen=True)
class Place:
    """Where a part of the test takes place."""

    url: str
    token: str
    groups: Callable[[], Groups] | None
    """The server's processes, when we started it."""


async def measured(name: str, place: Place, large: Large, crowd: Crowd, seconds: float) -> Figures:
    """Let the crowd browse while the large tree is organized, and give the figures of it."""
    large.operations, large.progress = [], []
    crowd.answers.clear()
    for person in crowd.people:
        person.changes = person.stale = 0
    before, began = metrics(place.url, place.token), time.monotonic()
    with ExitStack() as stack:
        watch = stack.enter_context(Watch(place.groups)) if place.groups else None
        live = asyncio.create_task(_tell(name, large, crowd, watch, began))
        try:
            await crowd.browse(large.again_and_again(seconds))
        finally:
            live.cancel()
    took = time.monotonic() - began
    after = metrics(place.url, place.token)
    grown = {key: after[key] - before.get(key, 0.0) for key in after}
    return {
        "name": name,
        "people": len(crowd.people),
        "seconds": round(took, 1),
        **answers_of(crowd.answers, took),
        "operations": large.operations,
        "changes": sum(person.changes for person in crowd.people),
        "stale_answers": sum(person.stale for person in crowd.people),
        "cache": _cache(grown),
        "database": _database(grown),
        "processes": {
            part: {"cpu_seconds": round(cost.cpu_seconds, 1), "peak_bytes": cost.peak_bytes}
            for part, cost in (watch.costs if watch else {}).items()
        },
        "series": {
            "p50": _by_second(crowd.answers, began, 0.50),
            "p95": _by_second(crowd.answers, began, 0.95),
            "files": [(round(at - began, 1), files) for at, files in large.progress],
            "memory": {
                part: [(round(at - began, 1), held) for at, held in cost.memory]
                for part, cost in (watch.costs if watch else {}).items()
            },
        },
    }


def answers_of(answers: Sequence[Answer], seconds: float) -> Figures:
    """How many, how quick, how many refused, how many wrong; of all and by endpoint. What was refused has no part in the times."""
    by_endpoint: dict[str, list[Answer]] = {}
    for answer in answers:
        by_endpoint.setdefault(answer.endpoint, []).append(answer)
    wrong = Counter(str(answer.status) for answer in answers if _is_wrong(answer))
    return {
        "requests": len(answers),
        "requests_per_second": round(len(answers) / seconds, 1),
        **_times(answers),
        "errors": dict(wrong),
        "endpoints": {
            endpoint: {"requests": len(of_it), **_times(of_it)} for endpoint, of_it in sorted(by_endpoint.items())
        },
    }


def percentile(values: Iterable[float], share: float) -> float | None:
    """The least value that so large a share of all doesn't exceed; None without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _times(answers: Sequence[Answer]) -> Figures:
    """Milliseconds, and how many were told to come again."""
    times = [answer.seconds * 1_000 for answer in answers if answer.status != REFUSED]
    found = {f"p{share}_ms": percentile(times, share / 100) for share in (50, 95, 99)}
    shown = {name: None if value is None else round(value, 1) for name, value in found.items()}
    return {**shown, "refused": sum(answer.status == REFUSED for answer in answers)}


def _is_wrong(answer: Answer) -> bool:
    """Neither done nor told to come again."""
    return answer.status != REFUSED and not 200 <= answer.status < 300


def _by_second(answers: Sequence[Answer], began: float, share: float) -> list[tuple[float, float]]:
    """A percentile of each second, in milliseconds."""
    seconds: dict[int, list[float]] = {}
    for answer in answers:
        if answer.status != REFUSED:
            seconds.setdefault(int(answer.at - began), []).append(answer.seconds * 1_000)
    return [(float(second), round(percentile(seconds[second], share) or 0.0, 1)) for second in sorted(seconds)]


def _cache(grown: dict[str, float]) -> Figures | None:
    """How often an answer had been worked out before; None where the server doesn't say."""
    hits, misses = grown.get("cache_hits_total", 0.0), grown.get("cache_misses_total", 0.0)
    if not hits + misses:
        return None
    return {"hits": round(hits), "misses": round(misses), "hit_rate": round(hits / (hits + misses), 4)}


def _database(grown: dict[str, float]) -> Figures | None:
    """What the API asked of the database; None where the server doesn't say."""
    statements = grown.get("db_query_duration_seconds_count", 0.0)
    if not statements:
        return None
    seconds = grown["db_query_duration_seconds_sum"]
    return {
        "statements": round(statements),
        "seconds": round(seconds, 2),
        "mean_ms": round(1_000 * seconds / statements, 2),
    }


async def _tell(name: str, large: Large, crowd: Crowd, watch: Watch | None, began: float) -> None:
    """Say every few seconds how it goes."""
    heard = 0
    while True:
        await asyncio.sleep(LIVE_SECONDS)
        new, heard = crowd.answers[heard:], len(crowd.answers)
        figures = answers_of(new, LIVE_SECONDS)
        files = large.progress[-1][1] if large.progress else 0
        costs = watch.costs if watch else {}
        memory = ", ".join(f"{part} {cost.memory[-1][1] / 1e6:.0f} MB" for part, cost in costs.items())
        print(
            f"{name} {time.monotonic() - began:4.0f} s: {figures['requests_per_second']} requests/s,"
            f" p95 {figures['p95_ms']} ms, {figures['refused']} refused, errors {figures['errors'] or 'none'};"
            f" {files} files done; {memory}",
            file=sys.stderr,
            flush=True,
        )


def _moment(text: str) -> datetime:
    """A moment as the API writes it."""
    return datetime.fromisoformat(text)
