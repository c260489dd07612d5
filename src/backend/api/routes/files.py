"""What became of files."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query, Request, Response

from backend.api.deps import Contents, CurrentCaller, FileRecords
from backend.api.downloads import BINARY, PICTURE, ThumbnailSize, as_download, as_thumbnail
from backend.api.schemas.base import Base64, PlainText, path_of
from backend.api.schemas.files import (
    Decider,
    ExplanationList,
    ExplanationRead,
    FileList,
    FileRead,
    FileStatus,
    PlanChange,
    PlanFileList,
    PlanFileRead,
    PreviewRead,
    UndoReviewRead,
    VerificationRead,
)
from backend.api.strict import StrictRouter
from backend.services.files import PageWanted, PlanFilesWanted
from fileorganizer.journal.plans import AFTER, BEFORE

router = StrictRouter(tags=["files"])
trees = StrictRouter(tags=["files"])
"""What a page asks for in numbers, with a rate limit of its own: trees of plans and thumbnails."""
BYTES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/octet-stream": BINARY}},
    206: {"description": "A range", "content": {"application/octet-stream": BINARY}},
    304: {"description": "Known already, by If-None-Match"},
    416: {"description": "The range lies behind the end"},
}
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
    status_filter: FileStatus | None = None,
    category_filter: Annotated[PlainText | None, Query(max_length=100)] = None,
    min_size_bytes: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    sort_by: Literal["best", "newest", "largest", "name"] = "best",
) -> FileList:
    """Files by their path, category or hash, over all of the caller's operations or in one; ``best``: exact names first."""
    wanted = PageWanted(status_filter, category_filter, min_size_bytes, page, page_size, sort_by)
    found = await service.search(caller, query, operation_id, wanted)
    return FileList.of(operation_id, found, page, page_size)


@router.get("/files/{file_id}")
async def file(file_id: UUID, caller: CurrentCaller, service: FileRecords) -> FileRead:
    """One file."""
    return FileRead.of(await service.file(caller, file_id))


@router.get("/files/{file_id}/download", response_class=Response, responses=BYTES)
async def download(
    file_id: UUID, caller: CurrentCaller, service: FileRecords, contents: Contents, request: Request
) -> Response:
    """The file itself, if it is still the one of the record and unchanged. One ``Range`` is heeded."""
    content = await contents.open(caller, await service.file(caller, file_id))
    return as_download(content, request)


@trees.get("/files/{file_id}/thumbnail", response_class=Response, responses=PICTURE)
async def thumbnail(
    file_id: UUID,
    caller: CurrentCaller,
    service: FileRecords,
    contents: Contents,
    request: Request,
    size: ThumbnailSize = "256",
) -> Response:
    """A JPEG, PNG, GIF, WebP or BMP small, upright and without metadata, as WebP in a box of ``size`` pixels."""
    content = await contents.open(caller, await service.file(caller, file_id))
    return await as_thumbnail(contents, caller, content, request, int(size))


@trees.get("/operations/{operation_id}/preview")
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


@trees.get("/operations/{operation_id}/plan")
async def plan(
    operation_id: UUID,
    caller: CurrentCaller,
    service: FileRecords,
    path: PathText = None,
    path_b64: PathBase64 = None,
    tree: Literal["before", "after"] = "before",
    below: bool = False,
    change: PlanChange | None = None,
    category: Annotated[PlainText | None, Query(max_length=100)] = None,
    decided_by: Decider | None = None,
    reason: Annotated[PlainText | None, Query(max_length=50)] = None,
    limit: PageSize = 100,
    cursor: Annotated[PlainText | None, Query(min_length=1, max_length=8_192)] = None,
) -> PlanFileList:
    """The files of a preview's plan in a folder (``below``: and in those below it), by where they are or will be."""
    side = BEFORE if tree == "before" else AFTER
    asked = PlanFilesWanted(
        side, path_of(path, path_b64) or b"", below, change, category, decided_by, reason, limit, cursor
    )
    found, following = await service.plan_page(caller, operation_id, asked)
    files = [PlanFileRead.of(file) for file in found.files]
    return PlanFileList(operation_id=operation_id, files=files, next_cursor=following)


@router.get("/operations/{operation_id}/rollback-preview")
async def rollback_preview(
    operation_id: UUID,
    caller: CurrentCaller,
    service: FileRecords,
    path: PathText = None,
    path_b64: PathBase64 = None,
) -> UndoReviewRead:
    """What taking an operation back would do, whole or for one original path, in numbers; changes nothing."""
    review = await service.preview_undo(caller, operation_id, path_of(path, path_b64) or b"")
    named = {name: getattr(review, name) for name in review.__struct_fields__}
    return UndoReviewRead.model_validate({"operation_id": operation_id, **named})


@router.get("/operations/{operation_id}/explain")
async def explain(
    operation_id: UUID,
    caller: CurrentCaller,
    service: FileRecords,
    path: PathText = None,
    path_b64: PathBase64 = None,
) -> ExplanationList:
    """Which rule sends a file where it goes, what it saw, and why others lost. ``path`` is the file's old or new one."""
    name = path_of(path, path_b64) or b""
    planned = await service.explain_plan(caller, operation_id, name)
    if planned is not None:
        return ExplanationList(operation_id=operation_id, explanations=[ExplanationRead.of_plan(planned)])
    found = await service.explain(caller, operation_id, name)
    return ExplanationList(operation_id=operation_id, explanations=[ExplanationRead.of(item) for item in found])


@router.get("/operations/{operation_id}/verify")
async def verify(operation_id: UUID, caller: CurrentCaller, service: FileRecords) -> VerificationRead:
    """Compare all records of the operation's root with the disk; changes nothing."""
    return VerificationRead.of(operation_id, await service.verify(caller, operation_id))
