"""What a stream tells in a silence, when the database is behind what the worker has said."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from backend.api import streams
from backend.api.streams import Hub
from backend.models import Operation
from backend.services.callers import Caller
from backend.services.progress import message_of


def row(operation_id: UUID, processed: int) -> Operation:
    """A running operation of a hundred files."""
    counts = dict.fromkeys(
        ("files_scanned", "files_skipped", "files_failed", "duplicates_found", "space_saved_bytes"), 0
    )
    return Operation(
        id=operation_id, status="running", phase="moving", files_total=100, files_processed=processed,
        bytes_processed=processed, epoch=1, **counts,
    )  # fmt: skip


def test_progress_never_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row was written before the worker said 66: that is told again. A newer row is told."""
    monkeypatch.setattr(streams, "SILENCE_SECONDS", 0.02)
    monkeypatch.setattr(streams, "PROGRESS_SECONDS", 0.0)
    operation_id, rows = uuid4(), [0, 65, 70]

    class Operations:
        """A database that was written to some time ago."""

        async def get(self, _caller: Caller, _operation: UUID) -> Operation:
            """The next of the rows, the last one again and again."""
            return row(operation_id, rows.pop(0) if len(rows) > 1 else rows[0])

    async def told() -> list[tuple[int, int]]:
        hub = Hub(cast("Any", None), cast("Any", Operations()))
        messages = hub.messages(cast("Any", None), operation_id)
        found = [await anext(messages)]
        hub._heard(message_of(row(operation_id, 66), "progress", sequence=(1 << 32) + 1))
        found += [await anext(messages)]
        found += [await anext(messages), await anext(messages)]
        await messages.aclose()
        return [(message["progress"], message["sequence"] - (1 << 32)) for message in found]

    assert asyncio.run(told()) == [(0, 0), (66, 1), (66, 2), (70, 3)]
