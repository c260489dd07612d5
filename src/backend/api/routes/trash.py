"""The trash."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Response

from backend.api.answers import accepted
from backend.api.deps import CurrentCaller, From, Limit, Offset, Trash
from backend.api.schemas.base import Base64, PlainText, path_of
from backend.api.schemas.operations import OperationRead
from backend.api.schemas.trash import PurgeCreate, RestoreCreate, TrashList
from backend.api.strict import StrictRouter

router = StrictRouter(prefix="/trash", tags=["trash"])


@router.get("")
async def page(
    caller: CurrentCaller,
    service: Trash,
    limit: Limit = 50,
    offset: Offset = 0,
    root_path: Annotated[PlainText | None, Query(min_length=1, max_length=4_096)] = None,
    root_path_b64: Annotated[Base64 | None, Query(min_length=1, max_length=8_192)] = None,
) -> TrashList:
    """What was put away, the latest first: in one folder, or in all that the caller's operations worked in."""
    found = await service.page(caller, path_of(root_path, root_path_b64), limit, offset)
    return TrashList.of(found, limit, offset)


@router.post("/restore", status_code=202)
async def restore(body: RestoreCreate, caller: CurrentCaller, service: Trash, response: Response) -> OperationRead:
    """Bring files back to where they were. That is an operation and can be rolled back."""
    return accepted(await service.restore(caller, body.folder, body.items), response)


@router.post("/purge", status_code=202)
async def purge(
    body: PurgeCreate, caller: CurrentCaller, service: Trash, client: From, response: Response
) -> OperationRead:
    """Destroy files for ever. ``count`` confirms how many; 409 with the right one when it isn't. There is no way back.

    What turns out to be the last copy of a content stays.
    """
    operation = await service.purge(caller, body.folder, body.items, body.older_than_days, body.count, client)
    return accepted(operation, response)
