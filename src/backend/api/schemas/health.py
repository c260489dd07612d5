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


class StatusRead(Output):
    """For users."""

    status: Literal["ok", "degraded"]
    version: str
    uptime_seconds: float
    checks: dict[str, CheckRead]
