"""Duplicates."""

from __future__ import annotations

import base64
import os
from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request, Response
from pydantic import StringConstraints
from starlette.responses import JSONResponse

from backend.api.answers import accepted
from backend.api.deps import API_PREFIX, Contents, CurrentCaller, Duplicates, Limit, Offset
from backend.api.downloads import PICTURE, ThumbnailSize, as_thumbnail
from backend.api.schemas.base import Base64, PlainText, path_of
from backend.api.schemas.duplicates import CleanUpCreate, GroupList, RemovedRead
from backend.api.schemas.operations import OperationRead
from backend.api.strict import StrictRouter
from backend.services.duplicates import Removal
from backend.services.errors import WrongState

WAIT_SECONDS = 5.0
"""A group that isn't put away by then is told of as an operation."""
AT_ONCE = 200
"""Paths that one request may name: addresses have a limit."""
RULES = ("oldest", "newest", "shortest_path")
router = StrictRouter(prefix="/duplicates", tags=["duplicates"])
trees = StrictRouter(prefix="/duplicates", tags=["duplicates"])
"""With the rate limit of what a page asks for in numbers."""
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]

PathText = Annotated[PlainText, StringConstraints(min_length=1, max_length=4_096)]
PathBase64 = Annotated[Base64, StringConstraints(min_length=1, max_length=8_192)]


@router.get("/{operation_id}")
async def page(
    operation_id: UUID,
    caller: CurrentCaller,
    service: Duplicates,
    limit: Limit = 10,
    offset: Offset = 0,
    min_size_bytes: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> GroupList:
    """Files with the same content that an operation found, those that waste most first."""
    return GroupList.of(await service.page(caller, operation_id, limit, offset, min_size_bytes), limit, offset)


@trees.get("/{operation_id}/{hash_value}/thumbnail", response_class=Response, responses=PICTURE)
async def thumbnail(
    operation_id: UUID,
    hash_value: Digest,
    caller: CurrentCaller,
    service: Duplicates,
    contents: Contents,
    request: Request,
    path: Annotated[PathText | None, Query()] = None,
    path_b64: Annotated[PathBase64 | None, Query()] = None,
    size: ThumbnailSize = "256",
) -> Response:
    """One of the copies small, as WebP in a box of ``size`` pixels, if it is still the file that was found."""
    copy = await service.copy(caller, operation_id, bytes.fromhex(hash_value), path_of(path, path_b64) or b"")
    return await as_thumbnail(contents, caller, await contents.open_copy(caller, copy), request, int(size))


@router.delete("/{operation_id}/{hash_value}", response_model=RemovedRead, responses={202: {"model": OperationRead}})
async def remove(
    operation_id: UUID,
    hash_value: Digest,
    caller: CurrentCaller,
    service: Duplicates,
    request: Request,
    keep_original: bool = True,
    keep: Annotated[PlainText | None, Query(min_length=1, max_length=4_096)] = None,
    keep_b64: Annotated[Base64 | None, Query(min_length=1, max_length=8_192)] = None,
    drop: Annotated[list[PathText] | None, Query(max_length=AT_ONCE)] = None,
    drop_b64: Annotated[list[PathBase64] | None, Query(max_length=AT_ONCE)] = None,
    confirm: bool = False,
) -> Response | RemovedRead:
    """Put all copies of a group but one into the trash; ``keep`` is oldest, newest, shortest_path, or the file that stays.

    With ``drop`` only these copies go and all others stay. Without ``keep_original`` all of them go; that needs ``confirm``. Takes it longer than five seconds: 202.
    """
    is_rule = keep in RULES and keep_b64 is None
    path = None if is_rule else path_of(keep, keep_b64)
    going = [*map(os.fsencode, drop or ()), *map(base64.b64decode, drop_b64 or ())]
    wanted = Removal(keep_original, keep if is_rule else None, path, going, confirm)
    queued = await service.remove(caller, operation_id, bytes.fromhex(hash_value), wanted)
    ended = await request.app.state.hub.wait_for_end(caller, queued.id, WAIT_SECONDS)
    if ended.status == "completed":
        return RemovedRead.of(operation_id, ended)
    if ended.status in ("failed", "cancelled"):
        words = ended.error_message or "The clean-up was cancelled."
        raise WrongState(words, operation_id=str(ended.id), reason_code=ended.reason_code)
    headers = {"Location": f"{API_PREFIX}/operations/{ended.id}"}
    return JSONResponse(OperationRead.of(ended).model_dump(mode="json"), 202, headers)


@router.post("/{operation_id}/cleanup", status_code=202)
async def clean_up(
    operation_id: UUID, caller: CurrentCaller, service: Duplicates, response: Response, body: CleanUpCreate
) -> OperationRead:
    """Put all redundant copies that an operation found into the trash, or make them names of the one that stays.

    With ``is_dry_run`` it is a preview, which can be applied like any other.
    """
    return accepted(await service.clean_up(caller, operation_id, body.wanted()), response)
