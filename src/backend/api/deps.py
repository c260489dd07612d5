"""What endpoints ask for: who is calling, the services, pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Header, Query, Request

from backend.core.config import Settings
from backend.core.rate_limit import RateLimiter, address_key
from backend.services.accounts import AccountService
from backend.services.callers import Caller, Client
from backend.services.categories import CategoryService
from backend.services.contents import ContentService
from backend.services.duplicates import DuplicateService
from backend.services.errors import NotAllowed, NotSignedIn, TooFast
from backend.services.files import FileService
from backend.services.health import HealthService
from backend.services.operations import OperationService
from backend.services.profiles import ProfileService
from backend.services.reports import ReportService
from backend.services.roots import RootService
from backend.services.trash import TrashService

API_PREFIX = "/api/v1"
READING = ("GET", "HEAD")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Services:
    """All services of a process."""

    settings: Settings
    limits: RateLimiter
    accounts: AccountService
    profiles: ProfileService
    roots: RootService
    operations: OperationService
    duplicates: DuplicateService
    trash: TrashService
    files: FileService
    contents: ContentService
    reports: ReportService
    categories: CategoryService
    health: HealthService


def services_of(request: Request) -> Services:
    """The services."""
    return cast(Services, request.app.state.services)


def _service(name: str) -> Callable[[Request], Awaitable[Any]]:
    """A dependency that gives one service: a coroutine, because others go to a thread and back."""

    async def give(request: Request) -> Any:
        return getattr(services_of(request), name)

    return give


async def client_of(request: Request) -> Client:
    """Where the request comes from."""
    return Client(request.state.address, request.headers.get("user-agent", ""))


def _token(request: Request) -> str:
    """The access token or API key of a request; never one from the address. Raises NotSignedIn."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    key = request.headers.get("x-api-key", "")
    if key and not scheme:
        return key
    raise NotSignedIn


def limited(bucket: str) -> Callable[..., Any]:
    """A dependency that counts the request in a bucket: of the caller, or of the address before anybody is known."""

    async def limit(request: Request) -> None:
        """Count one request."""
        who = request.scope["state"].get("user_id") or f"address:{address_key(request.state.address)}"
        allowance = await services_of(request).limits.hit(bucket, str(who))
        request.state.rate_headers.update(allowance.headers())
        if not allowance.allowed:
            raise TooFast(allowance)

    return limit


async def signed_in(request: Request) -> Caller:
    """Who is calling. What only reads needs the scope read, all else organize. Raises NotSignedIn, NotAllowed, TooFast."""
    try:
        caller = await services_of(request).accounts.recognise(_token(request))
    except NotSignedIn:
        await limited("api")(request)
        raise
    request.state.user_id = caller.user_id
    scope = "read" if request.method in READING else "organize"
    if scope not in caller.scopes:
        raise NotAllowed(f"This key lacks the scope {scope}.")
    return caller


async def in_person(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
    """Somebody who signed in with a password: keys can't make keys or change accounts."""
    if caller.session_id is None:
        raise NotAllowed("An API key can't do this. Sign in with your password.")
    return caller


async def administrator(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
    """An administrator."""
    if not caller.is_admin:
        raise NotAllowed("Only an administrator may do this.")
    return caller


CurrentCaller = Annotated[Caller, Depends(signed_in)]
From = Annotated[Client, Depends(client_of)]
Accounts = Annotated[AccountService, Depends(_service("accounts"))]
Profiles = Annotated[ProfileService, Depends(_service("profiles"))]
Roots = Annotated[RootService, Depends(_service("roots"))]
Operations = Annotated[OperationService, Depends(_service("operations"))]
Duplicates = Annotated[DuplicateService, Depends(_service("duplicates"))]
Trash = Annotated[TrashService, Depends(_service("trash"))]
FileRecords = Annotated[FileService, Depends(_service("files"))]
Contents = Annotated[ContentService, Depends(_service("contents"))]
Reports = Annotated[ReportService, Depends(_service("reports"))]
Categories = Annotated[CategoryService, Depends(_service("categories"))]
Health = Annotated[HealthService, Depends(_service("health"))]
Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, le=10**9)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
