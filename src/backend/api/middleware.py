"""What every request passes, as pure ASGI so that WebSockets pass it too: name, host, size, headers, and a last resort."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from structlog.contextvars import bound_contextvars

from backend.api.errors import Problem, document, unforeseen
from backend.core import monitoring
from backend.core.config import Settings
from backend.core.logging import logger
from backend.core.rate_limit import client_address, is_proxy, peer_of
from backend.database import is_away, is_busy

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER_BYTES: Final = 32_768
BODY_SECONDS: Final = 30.0
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
        " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Permitted-Cross-Domain-Policies": "none",
    "Cache-Control": "no-store",
}
"""On every answer that doesn't say otherwise itself."""
_HSTS: Final = "max-age=31536000"


class Outermost:
    """Gives a request its id and its log line, every answer its headers, and turns what nobody caught into a plain 500."""

    def __init__(self, app: App, settings: Settings) -> None:
        """Wrap ``app``."""
        self._app, self._settings = app, settings
        self._log = logger("api")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        wanted = headers.get("x-request-id", "")
        request_id = wanted if _REQUEST_ID.fullmatch(wanted) else str(uuid4())
        forwarded = headers.getlist("x-forwarded-for")
        here = (scope.get("server") or ("", None))[0]
        peer = peer_of(scope.get("client") or ("local", 0), here, forwarded)
        state = scope.setdefault("state", {})
        state["address"] = client_address(peer, forwarded, self._settings.trusted_proxies)
        state["rate_headers"] = {}
        if headers.get("x-forwarded-proto") == "https" and is_proxy(peer, self._settings.trusted_proxies):
            scope["scheme"] = "https" if scope["type"] == "http" else "wss"  # for cookies, HSTS and origins
        with bound_contextvars(request_id=request_id):
            await _Exchange(self._app, scope, request_id, self._log).run(receive, send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, app: App, scope: Scope, request_id: str, log: Any) -> None:
        self._app, self._scope, self._request_id, self._log = app, scope, request_id, log
        self._status, self._sent, self._received = 0, 0, 0

    async def run(self, receive: Receive, send: Send) -> None:
        """Answer it."""
        began = time.monotonic()

        async def counted() -> Message:
            message = await receive()
            self._received += len(message.get("body", b""))
            return message

        async def decorated(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                self._decorate(message)
            self._sent += len(message.get("body", b""))
            await send(message)

        with monitoring.api_requests_in_progress.track_inprogress():
            try:
                await self._app(self._scope, counted, decorated)
            except Exception as error:
                if self._scope["type"] != "http" or self._status:
                    raise
                await self._answer_to(error)(self._scope, _no_more, decorated)
        if self._scope["type"] == "http":
            self._note(time.monotonic() - began)

    def _answer_to(self, error: Exception) -> Response:
        """What nobody caught: a database that passes nothing on just now, or a mistake of ours."""
        if is_busy(error):
            code, detail = "busy", "The database is busy. Try again in a moment."
        elif is_away(error):
            code, detail = "database-away", "The database is away. Try again in a moment."
        else:
            return unforeseen(self._scope, error)
        self._log.error("the database doesn't answer", code=code, reason=type(error).__name__)
        monitoring.api_errors.labels(code).inc()
        return Problem(document(self._scope, 503, code, detail), 503, {"Retry-After": "1"})

    def _decorate(self, message: Message) -> None:
        """Headers of every answer."""
        self._status = message["status"]
        headers = MutableHeaders(scope=message)
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        if self._scope.get("scheme") in ("https", "wss"):
            headers.setdefault("Strict-Transport-Security", _HSTS)
        for name, value in self._scope["state"]["rate_headers"].items():
            headers.setdefault(name, value)
        headers["X-Request-ID"] = self._request_id

    def _note(self, seconds: float) -> None:
        """Log and measure; the template of the route, never the path, is a label."""
        route = _template(self._scope)
        method = self._scope["method"] if self._scope["method"] in _METHODS else "other"
        monitoring.api_requests.labels(method, route, self._status).inc()
        figures = monitoring.request_figures(method, route)
        for figure, value in zip(figures, (seconds, self._received, self._sent), strict=True):
            figure.observe(value)
        user = self._scope["state"].get("user_id")
        self._log.info(
            "request",
            method=method,
            route=route,
            status=self._status,
            milliseconds=round(seconds * 1_000, 1),
            user_id=str(user) if user else None,
            address=self._scope["state"]["address"],
        )


def _template(scope: Scope) -> str:
    """The path with the names of its parameters in place of their values; ``none`` where no endpoint was found."""
    if "route" not in scope:
        return "none"
    names = {str(value): f"{{{name}}}" for name, value in scope.get("path_params", {}).items()}
    return "/".join(names.get(part, part) for part in scope["path"].split("/"))


_METHODS: Final = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}


async def _no_more() -> Message:
    """What is left of a request that nobody reads."""
    return {"type": "http.disconnect"}


class Gate:
    """Refuses foreign hosts (DNS rebinding), too many headers, and bodies that are too big or too slow."""

    def __init__(self, app: App, settings: Settings) -> None:
        """Wrap ``app``."""
        self._app, self._limit = app, settings.max_body_bytes
        self._hosts = {host.lower() for host in settings.allowed_hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._guarded(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await Problem(document(scope, *refusal), refusal[0])(scope, receive, send)

    def _refusal(self, scope: Scope) -> tuple[int, str, str] | None:
        """Why this isn't let in."""
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            return 431, "headers-too-large", "The headers are too large."
        host = Headers(scope=scope).get("host", "").lower()
        if "*" not in self._hosts and _without_port(host) not in self._hosts:
            return 400, "unknown-host", "This server doesn't go by that name. ALLOWED_HOSTS lists its names."
        length = Headers(scope=scope).get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length) > self._limit:
            return 413, "body-too-large", f"At most {self._limit} bytes are taken."
        return None

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body as it comes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received, began, whole = 0, time.monotonic(), False
        refused: list[Problem] = []

        async def limited() -> Message:
            nonlocal received, whole
            if whole:
                return await receive()
            try:
                async with asyncio.timeout(max(0.0, began + BODY_SECONDS - time.monotonic())):
                    message = await receive()
            except TimeoutError:
                refused.append(Problem(document(scope, 408, "body-too-slow", "The body didn't come in time."), 408))
                raise _Refused from None
            received += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if received > self._limit:
                words = f"At most {self._limit} bytes are taken."
                refused.append(Problem(document(scope, 413, "body-too-large", words), 413))
                raise _Refused
            return message

        async def unless_refused(message: Message) -> None:
            if not refused:
                await send(message)

        try:
            await self._app(scope, limited, unless_refused)
        except _Refused:
            pass
        if refused:
            await refused[0](scope, receive, send)


class _Refused(BaseException):
    """Ends the reading of a body, past everybody who catches exceptions."""


def _without_port(host: str) -> str:
    """The name in a Host header; an IPv6 address keeps its brackets."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
