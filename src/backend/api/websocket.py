"""``/ws/operations/{id}``: progress as messages. The token never stands in the address."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from backend.api.deps import Services
from backend.api.streams import RECHECK_SECONDS, Hub, still_welcome
from backend.core.events import Event
from backend.database import will_pass
from backend.services.callers import Caller
from backend.services.errors import NotFound, NotSignedIn, TooMany

router = APIRouter()

AUTH_SECONDS: Final = 5.0
SEND_SECONDS: Final = 20.0
"""A client that doesn't take a message for so long is let go."""
MESSAGE_CHARACTERS: Final = 8_192
MESSAGES: Final = 100
"""A client has nothing to say after signing in; one that says more than this is let go."""
DONE, RESTART, TOO_BIG, RUDE, SLOW, NOT_SIGNED_IN, NOT_THERE = 1000, 1012, 1009, 1008, 1013, 4401, 4404
LATER: Final = SLOW
"""The database is away: WebSocket's word for both is to come again later."""
PROTOCOL: Final = "bearer"


@router.websocket("/ws/operations/{operation_id}")
async def watch(websocket: WebSocket, operation_id: str) -> None:
    """Follow an operation."""
    services: Services = websocket.app.state.services
    if not _allowed_origin(websocket, services.settings.cors_origins):
        await websocket.close(RUDE)  # before accepting: the handshake is answered with 403
        return
    offered = [part.strip() for part in websocket.headers.get("sec-websocket-protocol", "").split(",")]
    speaks = PROTOCOL in offered
    await websocket.accept(subprotocol=PROTOCOL if speaks else None)
    try:
        caller = await _caller(websocket, services, offered if speaks else [])
        await _follow(websocket, services, websocket.app.state.hub, caller, UUID(operation_id))
    except (NotSignedIn, TimeoutError):
        await _close(websocket, NOT_SIGNED_IN)
    except (NotFound, ValueError):
        await _close(websocket, NOT_THERE)
    except TooMany:
        await _close(websocket, SLOW)
    except WebSocketDisconnect:
        pass
    except Exception as error:
        if not will_pass(error):
            raise
        await _close(websocket, LATER)


def _allowed_origin(websocket: WebSocket, allowed: tuple[str, ...]) -> bool:
    """Browsers say where a page comes from: it has to be from here or from an allowed origin. Programs don't say."""
    origin = websocket.headers.get("origin")
    if origin is None:
        return True
    parts = urlsplit(origin)
    scheme = "https" if websocket.scope["scheme"] == "wss" else "http"
    here = parts.scheme == scheme and parts.netloc.lower() == websocket.headers.get("host", "").lower()
    return here or origin in allowed


async def _caller(websocket: WebSocket, services: Services, offered: list[str]) -> Caller:
    """Who it is: by the subprotocol, by a ticket, or by the first message. Raises NotSignedIn, TimeoutError."""
    others = [part for part in offered if part != PROTOCOL]
    if offered and others:
        return await services.accounts.recognise(others[0])
    ticket = websocket.query_params.get("ticket")
    if ticket is not None:
        return await services.accounts.redeem_stream_ticket(ticket)
    async with asyncio.timeout(AUTH_SECONDS):
        first = await websocket.receive()
    try:
        message = json.loads((first.get("text") or "")[:MESSAGE_CHARACTERS])
        token = message["token"] if message["type"] == "auth" else None
    except (ValueError, KeyError, TypeError, RecursionError):
        token = None
    if not isinstance(token, str):
        raise NotSignedIn
    return await services.accounts.recognise(token)


async def _follow(websocket: WebSocket, services: Services, hub: Hub, caller: Caller, operation_id: UUID) -> None:
    """Send until it is over, while listening for the client's end and for its right to listen."""
    with hub.place(caller):
        tasks = {
            asyncio.create_task(_send(websocket, hub, hub.messages(caller, operation_id))),
            asyncio.create_task(_listen(websocket)),
            asyncio.create_task(_recheck(services, caller)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            code = next(iter(done)).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await _close(websocket, code)


async def _send(websocket: WebSocket, hub: Hub, messages: AsyncIterator[Event]) -> int:
    """Send messages; gives the code to close with."""
    try:
        async for message in messages:
            async with asyncio.timeout(SEND_SECONDS):
                await websocket.send_text(json.dumps(message))
    except TimeoutError:
        return SLOW
    return RESTART if hub.closing.is_set() else DONE


async def _listen(websocket: WebSocket) -> int:
    """Take what the client says: nothing is expected."""
    for _ in range(MESSAGES):
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", DONE))
        if len(message.get("text") or message.get("bytes") or "") > MESSAGE_CHARACTERS:
            return TOO_BIG
    return RUDE


async def _recheck(services: Services, caller: Caller) -> int:
    """Until the caller may not listen any more (S38)."""
    while True:
        await asyncio.sleep(max(0.1, min(RECHECK_SECONDS, caller.expires_at - time.time())))
        if not await still_welcome(services.accounts, caller):
            return NOT_SIGNED_IN


async def _close(websocket: WebSocket, code: int) -> None:
    """Close if the other side hasn't."""
    if websocket.application_state == WebSocketState.CONNECTED:
        with suppress(RuntimeError, WebSocketDisconnect):
            await websocket.close(code)
