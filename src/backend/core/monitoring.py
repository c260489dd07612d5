"""Metrics for Prometheus. Names are promised to dashboards that exist already; labels are route templates, never paths."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

_SIZES = (100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)

api_requests = Counter("api_requests", "Requests answered", ("method", "route", "status"))
api_request_duration = Histogram("api_request_duration_seconds", "Time to answer", ("method", "route"))
api_request_size = Histogram("api_request_size_bytes", "Size of request bodies", ("method", "route"), buckets=_SIZES)
api_response_size = Histogram("api_response_size_bytes", "Size of answers", ("method", "route"), buckets=_SIZES)
api_requests_in_progress = Gauge("api_requests_in_progress", "Requests being answered")
api_errors = Counter("api_errors", "Problem documents sent, by their code", ("code",))
db_queries = Counter("db_queries", "SQL statements", ("operation",))
db_query_duration = Histogram("db_query_duration_seconds", "Time of SQL statements", ("operation",))
db_write_wait = Histogram("db_write_wait_seconds", "Time spent waiting for the turn to write (SQLite)")
active_operations = Gauge("active_operations", "Operations waiting or running")
active_users = Gauge("active_users", "Users with a session used within the last day")
storage_bytes = Gauge("storage_bytes_total", "Bytes used on the storage directory's file system")
storage_free_bytes = Gauge("storage_free_bytes", "Bytes left on the storage directory's file system")
cache_hits = Counter("cache_hits", "Answers that were kept", ("kind",))
cache_misses = Counter("cache_misses", "Answers that had to be worked out", ("kind",))
thumbnails = Counter("thumbnails", "Thumbnails asked for: made, kept, or failed", ("result",))
for _result in ("made", "kept", "failed"):
    thumbnails.labels(_result)
login_failures = Counter("login_failures", "Wrong passwords")
rate_limited = Counter("rate_limited", "Requests refused for coming too fast", ("bucket",))
websocket_clients = Gauge("websocket_clients", "Open progress streams")
events_received = Counter("events_received", "Progress events from workers")
worker_starts = Counter("worker_starts", "Starts of the embedded worker")

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


def exposition() -> bytes:
    """All metrics in the text format."""
    return generate_latest(REGISTRY)
