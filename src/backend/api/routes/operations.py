"""Operations."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from starlette.responses import StreamingResponse

from backend.api.answers import accepted
from backend.api.deps import API_PREFIX, Accounts, CurrentCaller, IdempotencyKey, Limit, Offset, Operations
from backend.api.schemas.base import PlainText, page_links
from backend.api.schemas.operations import (
    ApplyCreate,
    OperationCreate,
    OperationList,
    OperationRead,
    OperationStatus,
    OperationType,
    OverviewRead,
    RollbackCreate,
)
from backend.api.streams import RECHECK_SECONDS, Hub, still_welcome
from backend.api.strict import StrictRouter
from backend.services.accounts import AccountService
from backend.services.callers import Caller

router = StrictRouter(tags=["operations"])


@router.post("/operations", status_code=202)
async def request(
    body: OperationCreate,
    caller: CurrentCaller,
    operations: Operations,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> OperationRead:
    """Organize a folder, or preview it (``is_dry_run``): then nothing is changed and the plan is kept."""
    return accepted(await operations.request(caller, body.wanted(), idempotency_key), response)


@router.get("/operations")
async def page(
    caller: CurrentCaller,
    operations: Operations,
    response: Response,
    limit: Limit = 10,
    offset: Offset = 0,
    status: OperationStatus | None = None,
    operation_type: OperationType | None = None,
    root_path: Annotated[PlainText | None, Query(max_length=4_096)] = None,
) -> OperationList:
    """The own operations, the newest first."""
    found, total = await operations.page(
        caller, limit, offset, status=status, operation_type=operation_type, root_path=root_path
    )
    filters: dict[str, str | None] = {"status": status, "operation_type": operation_type, "root_path": root_path}
    response.headers["Link"] = page_links(f"{API_PREFIX}/operations", filters, limit, offset, total)
    listed = [OperationRead.of(operation) for operation in found]
    return OperationList(operations=listed, total=total, limit=limit, offset=offset)


@router.get("/operations/{operation_id}")
async def get(operation_id: UUID, caller: CurrentCaller, operations: Operations) -> OperationRead:
    """One operation."""
    return OperationRead.of(await operations.get(caller, operation_id))


@router.post("/operations/{operation_id}/apply", status_code=202)
async def apply(
    operation_id: UUID,
    caller: CurrentCaller,
    operations: Operations,
    response: Response,
    body: ApplyCreate | None = None,
) -> OperationRead:
    """Carry out exactly the plan of a preview. What changed since is skipped and reported."""
    operation = await operations.apply(caller, operation_id, confirm=bool(body and body.confirm))
    return accepted(operation, response)


@router.post("/operations/{operation_id}/cancel", status_code=202)
async def cancel(operation_id: UUID, caller: CurrentCaller, operations: Operations) -> OperationRead:
    """Stop an operation within a second. What was moved stays moved, and can be taken back."""
    return OperationRead.of(await operations.cancel(caller, operation_id))


@router.post("/operations/{operation_id}/rollback", status_code=202)
async def roll_back(
    operation_id: UUID,
    caller: CurrentCaller,
    operations: Operations,
    response: Response,
    body: RollbackCreate | None = None,
    idempotency_key: IdempotencyKey = None,
) -> OperationRead:
    """Take an operation back, whole or for some original paths. Taking back can be taken back too."""
    paths = body.wanted() if body else []
    return accepted(await operations.roll_back(caller, operation_id, paths, idempotency_key), response)


@router.post("/operations/{operation_id}/retry", status_code=202)
async def retry(operation_id: UUID, caller: CurrentCaller, operations: Operations, response: Response) -> OperationRead:
    """Plan anew what an operation left undone, with the same options, and do it."""
    return accepted(await operations.retry(caller, operation_id), response)


@router.get(
    "/operations/{operation_id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(operation_id: UUID, caller: CurrentCaller, accounts: Accounts, request: Request) -> StreamingResponse:
    """Progress as server-sent events: the same messages as the WebSocket's."""
    stream = _event_stream(request.app.state.hub, accounts, caller, operation_id)
    first = await anext(stream)  # what is in the way is told now: an answer that has begun has its status
    return StreamingResponse(
        _with_first(first, stream), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
    )


async def _event_stream(hub: Hub, accounts: AccountService, caller: Caller, operation_id: UUID) -> AsyncGenerator[str]:
    """Messages in the format of server-sent events, as long as the caller may listen (S38). Raises TooMany, NotFound."""
    looked = time.monotonic()
    with hub.place(caller):
        async with aclosing(hub.messages(caller, operation_id)) as messages:
            async for message in messages:
                if time.monotonic() - looked > RECHECK_SECONDS:
                    if not await still_welcome(accounts, caller):
                        return
                    looked = time.monotonic()
                yield f"id: {message['sequence']}\nevent: {message['type']}\ndata: {json.dumps(message)}\n\n"


async def _with_first(first: str, stream: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """A stream of which the first part was taken already."""
    async with aclosing(stream):
        yield first
        async for part in stream:
            yield part


@router.get("/stats/overview")
async def overview(caller: CurrentCaller, operations: Operations) -> OverviewRead:
    """Everything of the caller's in numbers."""
    return OverviewRead.of(await operations.overview(caller))
