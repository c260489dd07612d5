"""What became of files."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query

from backend.api.deps import CurrentCaller, FileRecords, limited
from backend.api.schemas.base import Base64, PlainText, path_of
from backend.api.schemas.files import (
    ExplanationList,
    ExplanationRead,
    FileList,
    FileRead,
    FileStatus,
    PreviewRead,
    VerificationRead,
)
from backend.api.strict import StrictRouter
from backend.services.files import PageWanted

router = StrictRouter(tags=["files"])
Page = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=1_000)]
PathText = Annotated[PlainText | None, Query(min_length=1, max_length=4_096)]
PathBase64 = Annotated[Base64 | None, Query(min_length=1, max_length=8_192)]


@router.get("/files")
async def page(
    caller: CurrentCaller,
    service: FileRecords,
    operation_id: UUID,
    page: Page = 1,
    page_size: PageSize = 100,
    status_filter: FileStatus | None = None,
    category_filter: Annotated[PlainText | None, Query(max_length=100)] = None,
    min_size_bytes: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    sort_by: Literal["created_at", "size_bytes", "path"] = "created_at",
    sort_order: Literal["asc", "desc"] = "asc",
    cursor: Annotated[PlainText | None, Query(min_length=1, max_length=8_192)] = None,
) -> FileList:
    """The files of an operation. ``next_cursor`` leads to deep pages quickly."""
    wanted = PageWanted(
        status_filter, category_filter, min_size_bytes, page, page_size, sort_by, sort_order == "desc", cursor
    )
    return FileList.of(operation_id, await service.page(caller, operation_id, wanted), page, page_size)


@router.get("/files/search")
async def search(
    caller: CurrentCaller,
    service: FileRecords,
    query: Annotated[PlainText, Query(min_length=1, max_length=200)],
    operation_id: UUID | None = None,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    page_size: PageSize = 100,
) -> FileList:
    """Files by their path or category, over all of the caller's operations or in one; exact names first."""
    found = await service.search(caller, query, operation_id, page=page, page_size=page_size)
    return FileList.of(operation_id, found, page, page_size)


@router.get("/files/{file_id}")
async def file(file_id: UUID, caller: CurrentCaller, service: FileRecords) -> FileRead:
    """One file."""
    return FileRead.of(await service.file(caller, file_id))


@router.get("/operations/{operation_id}/preview", dependencies=[Depends(limited("trees"))])
async def preview(
    operation_id: UUID,
    caller: CurrentCaller,
    service: FileRecords,
    path: PathText = None,
    path_b64: PathBase64 = None,
    depth: Annotated[int, Query(ge=1, le=10)] = 1,
) -> PreviewRead:
    """The folders before and after, from ``path`` on (relative to the root), with counts and sizes."""
    trees = await service.trees(caller, operation_id, path_of(path, path_b64) or b"", depth)
    return PreviewRead.of(operation_id, path or "", trees)


@router.get("/operations/{operation_id}/explain")
async def explain(
    operation_id: UUID,
    caller: CurrentCaller,
    service: FileRecords,
    path: PathText = None,
    path_b64: PathBase64 = None,
) -> ExplanationList:
    """Which rule sent a file where it is, what it saw, and why others lost. ``path`` is the file's old or new one."""
    found = await service.explain(caller, operation_id, path_of(path, path_b64) or b"")
    return ExplanationList(operation_id=operation_id, explanations=[ExplanationRead.of(item) for item in found])


@router.get("/operations/{operation_id}/verify")
async def verify(operation_id: UUID, caller: CurrentCaller, service: FileRecords) -> VerificationRead:
    """Compare all records of the operation's root with the disk; changes nothing."""
    return VerificationRead.of(operation_id, await service.verify(caller, operation_id))
