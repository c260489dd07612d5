"""Every error as a problem document (RFC 9457): no stack trace, no SQL, nothing of what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from structlog.contextvars import get_contextvars

from backend.core import monitoring
from backend.core.logging import logger
from backend.services import errors
from fileorganizer.errors import FileOrganizerError, InvalidOption, OperationNotFound, show

STATUS: Final[dict[type[errors.ServiceError], int]] = {
    errors.NotFound: 404,
    errors.NotSignedIn: 401,
    errors.WrongLogin: 401,
    errors.NotAllowed: 403,
    errors.RootNotGranted: 403,
    errors.RootMissing: 404,
    errors.InvalidInput: 422,
    errors.AlreadyThere: 409,
    errors.OperationOverlap: 409,
    errors.WrongState: 409,
    errors.NoThumbnail: 415,
    errors.KeyReused: 422,
    errors.TooMany: 429,
    errors.TooFast: 429,
}
"""What each cause means in HTTP."""
_FIELD_CHARACTERS: Final = 100


class Problem(JSONResponse):
    """A problem document."""

    media_type = "application/problem+json"


def problem(
    request: Request, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any
) -> Problem:
    """Say what went wrong: ``code`` is for programs, ``detail`` for people."""
    monitoring.api_errors.labels(code).inc()
    return Problem(document(request.scope, status, code, detail, **extra), status, headers)


def document(scope: Mapping[str, Any], status: int, code: str, detail: str, **extra: Any) -> dict[str, Any]:
    """The members of a problem document."""
    return {
        "type": f"urn:fileorganizer:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": show(scope.get("path", "")),
        "code": code,
        "request_id": get_contextvars().get("request_id", ""),
        **extra,
    }


def install(app: FastAPI) -> None:
    """Give ``app`` these answers."""
    app.add_exception_handler(errors.ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(FileOrganizerError, _engine_error)


def _service_error(request: Request, error: Exception) -> Response:
    """A cause that the services know."""
    assert isinstance(error, errors.ServiceError)  # nosec B101  # registered for it
    headers: dict[str, str] = {}
    if isinstance(error, errors.TooFast):
        headers = error.allowance.headers()
    elif isinstance(error, errors.TooMany):
        headers = {"Retry-After": "10"}
    elif isinstance(error, errors.NotSignedIn):
        headers = {"WWW-Authenticate": "Bearer"}
    return problem(request, STATUS[type(error)], error.code, str(error), headers=headers, **error.extra)


def _engine_error(request: Request, error: Exception) -> Response:
    """The engine refuses to read: a journal that isn't there, or is damaged."""
    assert isinstance(error, FileOrganizerError)  # nosec B101  # registered for it
    status = 404 if isinstance(error, OperationNotFound) else 422 if isinstance(error, InvalidOption) else 409
    return problem(request, status, error.code, str(error))


def _validation_error(request: Request, error: Exception) -> Response:
    """A request that isn't of the right form. What was sent isn't repeated: it may hold a password."""
    assert isinstance(error, RequestValidationError)  # nosec B101  # registered for it
    found = [
        {"field": _field(item["loc"]), "message": str(item["msg"]).removeprefix("Value error, ")}
        for item in error.errors()
    ]
    return problem(request, 422, "invalid-request", "The request isn't of the right form.", errors=found)


def _field(location: tuple[Any, ...]) -> str:
    """The name of a field; one that the client made up is cut and made printable."""
    return ".".join(show(str(part))[:_FIELD_CHARACTERS] for part in location[1:] or location)


def _http_error(request: Request, error: Exception) -> Response:
    """No such route, no such method, a body that isn't JSON."""
    assert isinstance(error, HTTPException)  # nosec B101  # registered for it
    code = {400: "bad-request", 404: "no-such-page", 405: "method-not-allowed", 415: "unsupported-media-type"}
    words = {404: "There is nothing at this address.", 405: "This address doesn't take that method."}
    detail = words.get(error.status_code, error.detail)
    name = code.get(error.status_code, "http-error")
    return problem(request, error.status_code, name, detail, headers=error.headers)


def unforeseen(scope: Mapping[str, Any], error: Exception) -> Response:
    """A mistake of ours: the log has it, the client gets the number to ask for."""
    logger("api").error("unforeseen error", exc_info=error)
    monitoring.api_errors.labels("internal-error").inc()
    words = "Something went wrong here. The log has the details under this request_id."
    return Problem(document(scope, 500, "internal-error", words), 500)
