"""Duplicates."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request, Response
from starlette.responses import JSONResponse

from backend.api.deps import API_PREFIX, CurrentCaller, Duplicates, Limit, Offset
from backend.api.schemas.base import Base64, PlainText, path_of
from backend.api.schemas.duplicates import CleanUpCreate, GroupList, RemovedRead
from backend.api.schemas.operations import OperationRead
from backend.api.strict import StrictRouter
from backend.services.duplicates import Removal
from backend.services.errors import WrongState

WAIT_SECONDS = 5.0
"""A group that isn't put away by then is told of as an operation."""
RULES = ("oldest", "newest", "shortest_path")
router = StrictRouter(prefix="/duplicates", tags=["duplicates"])
Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]


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
    confirm: bool = False,
) -> Response | RemovedRead:
    """Put all copies of a group but one into the trash; ``keep`` is oldest, newest, shortest_path, or the file that stays.

    Without ``keep_original`` all of them go; that needs ``confirm``. Takes it longer than five seconds: 202.
    """
    is_rule = keep in RULES and keep_b64 is None
    path = None if is_rule else path_of(keep, keep_b64)
    wanted = Removal(keep_original, keep if is_rule else None, path, confirm)
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
    operation = await service.clean_up(caller, operation_id, body.wanted())
    response.headers["Location"] = f"{API_PREFIX}/operations/{operation.id}"
    return OperationRead.of(operation)
