"""Reports."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import Response

from backend.api import exports
from backend.api.deps import CurrentCaller, From, Reports
from backend.api.schemas.reports import AgesRead, ReportRead
from backend.api.strict import StrictRouter

router = StrictRouter(prefix="/reports", tags=["reports"])
exported = StrictRouter(prefix="/reports", tags=["reports"])
"""With a rate limit of its own."""


@router.get("/{operation_id}")
async def report(operation_id: UUID, caller: CurrentCaller, service: Reports) -> ReportRead:
    """What an operation did, in numbers."""
    return ReportRead.of(await service.report(caller, operation_id))


@router.get("/{operation_id}/ages")
async def ages(operation_id: UUID, caller: CurrentCaller, service: Reports) -> AgesRead:
    """How old the files of a finished operation are: files and bytes by the year of their last change."""
    return AgesRead.of(operation_id, await service.ages(caller, operation_id))


@exported.get("/{operation_id}/export", response_class=Response)
async def export(
    operation_id: UUID,
    caller: CurrentCaller,
    service: Reports,
    client: From,
    format: Literal["json", "csv", "html", "xlsx"] = "json",  # noqa: A002  # the promised name
) -> Response:
    """The report and its files to take away."""
    found = await service.export(caller, operation_id, format, client)
    told, files = ReportRead.of(found), service.files(found)
    match format:
        case "json":
            return exports.as_json(told, files)
        case "csv":
            return exports.as_csv(told, files)
        case "html":
            return exports.as_html(told, await service.left(found, exports.SHOWN_FILES + 1))
        case "xlsx":
            return await exports.as_xlsx(told, files)
