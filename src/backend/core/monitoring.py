"""Metrics for Prometheus. Names are promised to dashboards that exist already; labels are route templates, never paths.

Several API processes of one ``serve`` add up their figures in a folder (``shared_among``); whichever is asked, tells all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

SHARED: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder; prometheus_client reads it when it is imported."""

_NEWEST: Final = "livemostrecent"
"""Of a figure that is read from outside, whoever read it last is right."""
_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)

api_requests = Counter("api_requests", "Requests answered", ("method", "route", "status"))
api_request_duration = Histogram("api_request_duration_seconds", "Time to answer", ("method", "route"))
api_request_size = Histogram("api_request_size_bytes", "Size of request bodies", ("method", "route"), buckets=_SIZES)
api_response_size = Histogram("api_response_size_bytes", "Size of answers", ("method", "route"), buckets=_SIZES)
api_requests_in_progress = Gauge("api_requests_in_progress", "Requests being answered", multiprocess_mode="livesum")
api_errors = Counter("api_errors", "Problem documents sent, by their code", ("code",))
db_queries = Counter("db_queries", "SQL statements", ("operation",))
db_query_duration = Histogram("db_query_duration_seconds", "Time of SQL statements", ("operation",))
db_write_wait = Histogram("db_write_wait_seconds", "Time spent waiting for the turn to write (SQLite)")
active_operations = Gauge("active_operations", "Operations waiting or running", multiprocess_mode=_NEWEST)
active_users = Gauge("active_users", "Users with a session used within the last day", multiprocess_mode=_NEWEST)
storage_bytes = Gauge(
    "storage_bytes_total", "Bytes used on the storage directory's file system", multiprocess_mode=_NEWEST
)
storage_free_bytes = Gauge(
    "storage_free_bytes", "Bytes left on the storage directory's file system", multiprocess_mode=_NEWEST
)
cache_hits = Counter("cache_hits", "Answers that were kept", ("kind",))
cache_misses = Counter("cache_misses", "Answers that had to be worked out", ("kind",))
thumbnails = Counter("thumbnails", "Thumbnails asked for: made, kept, or failed", ("result",))
for _result in ("made", "kept", "failed"):
    thumbnails.labels(_result)
login_failures = Counter("login_failures", "Wrong passwords")
rate_limited = Counter("rate_limited", "Requests refused for coming too fast", ("bucket",))
websocket_clients = Gauge("websocket_clients", "Open progress streams", multiprocess_mode="livesum")
events_received = Counter("events_received", "Progress events from workers")
worker_starts = Counter("worker_starts", "Starts of the embedded worker")


@cache
def request_figures(method: str, route: str) -> tuple[Histogram, Histogram, Histogram]:
    """Time to answer, size of the body, size of the answer: looked up once, which costs more than counting in them."""
    duration, asked, answered = api_request_duration, api_request_size, api_response_size
    return duration.labels(method, route), asked.labels(method, route), answered.labels(method, route)


@cache
def statement_figures(operation: str) -> tuple[Counter, Histogram]:
    """Number and time of SQL statements of a kind, looked up once."""
    return db_queries.labels(operation), db_query_duration.labels(operation)


Totals = list[tuple[str, str, int, int, int, int]]


class _Totals(Collector):
    """Figures that add up what stands in the database: true for all processes, and after a restart."""

    def __init__(self) -> None:
        self.rows: Totals = []

    def collect(self) -> Iterator[Metric]:
        """The figures as they were when they were set."""
        operations = CounterMetricFamily("operations", "Operations, by type and status", labels=("type", "status"))
        for kind, status, count, *_ in self.rows:
            operations.add_metric((kind, status), count)
        yield operations
        yield CounterMetricFamily("files_organized", "Files moved, copied or linked", sum(row[3] for row in self.rows))
        yield CounterMetricFamily("files_failed", "Files that could not be moved", sum(row[4] for row in self.rows))
        yield CounterMetricFamily("duplicates_found", "Redundant copies found", sum(row[5] for row in self.rows))


_totals = _Totals()
REGISTRY.register(_totals)


def set_totals(rows: Totals) -> None:
    """By type and status: operations, files done, files failed, duplicates found."""
    _totals.rows = rows


@contextmanager
def shared_among(processes: int) -> Iterator[None]:
    """A folder for the figures of so many API processes, which have to be started within the context."""
    if processes == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="fileorganizer-figures-") as folder:
        os.environ[SHARED] = folder
        try:
            yield
        finally:
            del os.environ[SHARED]


def exposition() -> bytes:
    """All metrics in the text format; of all processes that share a folder."""
    folder = os.environ.get(SHARED)
    if not folder:
        return generate_latest(REGISTRY)
    for file in Path(folder).glob("gauge_live*_*.db"):
        pid = int(file.stem.rpartition("_")[2])
        if not Path(f"/proc/{pid}").exists():
            # what it counted stays; what it had open doesn't
            mark_process_dead(pid)  # type: ignore[no-untyped-call]  # prometheus_client has no types there
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]  # nor there
    registry.register(_totals)
    return generate_latest(registry)
