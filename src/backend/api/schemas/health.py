"""The state of the service."""

from __future__ import annotations

from typing import Literal

from backend.api.schemas.base import Output

State = Literal["ok", "degraded", "down", "unused"]


class HealthRead(Output):
    """For anybody: no secrets, no paths."""

    status: Literal["ok", "degraded", "down"]
    version: str
    checks: dict[str, State]


class CheckRead(Output):
    """One part."""

    state: State
    latency_ms: float


class FiguresRead(Output):
    """For administrators: the queue of all users, and the disk that their files lie on."""

    operations_running: int
    operations_waiting: int
    storage_free_bytes: int
    storage_total_bytes: int


class StatusRead(Output):
    """For users."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_seconds: float
    checks: dict[str, CheckRead]
