"""Answers that several groups of endpoints give."""

from __future__ import annotations

from fastapi import Response

from backend.api.deps import API_PREFIX
from backend.api.schemas.operations import OperationRead
from backend.models import Operation


def accepted(operation: Operation, response: Response) -> OperationRead:
    """An operation that was queued, and where to look for it."""
    response.headers["Location"] = f"{API_PREFIX}/operations/{operation.id}"
    return OperationRead.of(operation)
