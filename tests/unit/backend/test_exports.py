"""Reports to take away: while one is made, others are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from starlette.responses import Response, StreamingResponse

from backend.api import exports
from backend.api.schemas.reports import ReportRead, ReportStats
from backend.models import FileRecord, Operation
from backend.services.files import FileView

FILES = 10_000


def views() -> list[FileView]:
    """Many files of one operation."""
    operation = Operation(number=1, id=uuid4(), root_path=b"/srv", operation_type="organize", destination=None)
    moment = datetime.now(UTC)
    return [
        FileView(
            FileRecord(
                operation_number=1,
                sequence=number,
                original_path=b"a/%d.jpg" % number,
                new_path=b"Images/%d.jpg" % number,
                name="a",
                category="Images",
                status="completed",
                reason=None,
                size_bytes=number,
                created_at=moment,
            ),
            operation,
        )
        for number in range(FILES)
    ]


def report() -> ReportRead:
    """One without numbers."""
    stats = ReportStats.model_validate(dict.fromkeys(ReportStats.model_fields, 0))
    told: dict[str, Any] = {
        "operation_id": uuid4(),
        "operation_type": "organize",
        "status": "completed",
        "stats": stats,
    }
    nothing = dict.fromkeys(("start_time", "end_time", "duration_seconds"))
    lists: dict[str, Any] = {"category_breakdown": [], "top_categories": [], "largest_files": [], "reasons": {}}
    return ReportRead.model_validate({**told, **nothing, **lists})


@pytest.mark.parametrize("kind", ["json", "csv", "xlsx"])
def test_others_are_answered_meanwhile(kind: str) -> None:
    """The event loop goes round while thousands of files are written, and not once for each part of them."""

    async def batches() -> AsyncIterator[list[FileView]]:
        yield views()

    async def export() -> int:
        """How often it went round."""
        made = asyncio.create_task(_made(kind, batches()))
        rounds = 0
        while not made.done():
            await asyncio.sleep(0.001)
            rounds += 1
        if (book := made.result().background) is not None:
            await book()  # removes the file
        return rounds

    assert asyncio.run(export()) > 3


async def _made(kind: str, batches: AsyncIterator[list[FileView]]) -> Response:
    """An export, as far as it is made before its last part is sent."""
    if kind == "xlsx":
        return await exports.as_xlsx(report(), batches)
    answer = (exports.as_json if kind == "json" else exports.as_csv)(report(), batches)
    assert isinstance(answer, StreamingResponse)
    async for _ in answer.body_iterator:
        pass
    return answer
