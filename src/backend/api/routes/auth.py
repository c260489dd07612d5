"""Accounts and sessions."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request, Response

from backend.api.deps import API_PREFIX, Accounts, From, Profiles, in_person, limited, services_of, signed_in
from backend.api.schemas.accounts import (
    LogIn,
    PasswordChange,
    ProfileRead,
    ProfileUpdate,
    Refresh,
    SessionList,
    SessionRead,
    SetUp,
    SignUp,
    TicketRead,
    TokensRead,
)
from backend.api.strict import StrictRouter
from backend.services.accounts import TICKET_SECONDS, NewAccount, Tokens
from backend.services.callers import Caller
from backend.services.errors import NotAllowed, NotSignedIn

COOKIE = "fileorganizer_refresh"
COOKIE_PATH = f"{API_PREFIX}/auth"

public = StrictRouter(prefix="/auth", tags=["accounts"], dependencies=[Depends(limited("api"))])
private = StrictRouter(prefix="/auth", tags=["accounts"], dependencies=[Depends(in_person)])
Person = Annotated[Caller, Depends(in_person)]


def _answer(request: Request, response: Response, tokens: Tokens) -> TokensRead:
    """The tokens; browsers get the refresh token in a cookie that scripts can't read, too."""
    days = services_of(request).settings.refresh_token_expire_days
    response.set_cookie(
        COOKIE,
        tokens.refresh_token,
        max_age=days * 86_400,
        path=COOKIE_PATH,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return TokensRead.model_validate(tokens)


def _cookie(request: Request) -> str | None:
    """The refresh token of a browser. Raises NotAllowed when another site's page sends it."""
    token = request.cookies.get(COOKIE)
    if token is None:
        return None
    origin = request.headers.get("origin")
    own = {request.headers.get("host", "").lower()}
    foreign = origin is not None and urlsplit(origin).netloc.lower() not in own
    if (foreign and origin not in services_of(request).settings.cors_origins) or request.headers.get(
        "sec-fetch-site", "same-origin"
    ) not in ("same-origin", "none"):
        raise NotAllowed("This can't be asked for from another site.")
    return token


@public.post("/signup", status_code=201)
async def sign_up(body: SignUp, accounts: Accounts, client: From, request: Request, response: Response) -> TokensRead:
    """Make an account and sign in."""
    return _answer(request, response, await accounts.sign_up(NewAccount(**body.model_dump()), client))


@public.post("/setup", status_code=201)
async def set_up(body: SetUp, accounts: Accounts, client: From, request: Request, response: Response) -> TokensRead:
    """Make the first administrator, with the one-time link that the server printed when it started."""
    new = NewAccount(**body.model_dump(exclude={"token"}))
    return _answer(request, response, await accounts.set_up(body.token, new, client))


@public.post("/login")
async def log_in(body: LogIn, accounts: Accounts, client: From, request: Request, response: Response) -> TokensRead:
    """Sign in by e-mail address or user name."""
    return _answer(request, response, await accounts.log_in(body.email, body.password, client))


@public.post("/refresh")
async def refresh(
    accounts: Accounts, client: From, request: Request, response: Response, body: Refresh | None = None
) -> TokensRead:
    """New tokens for a refresh token, which is used up: in the body, or in a browser's cookie."""
    token = (body.refresh_token if body else None) or _cookie(request)
    if token is None:
        raise NotSignedIn
    return _answer(request, response, await accounts.refresh(token, client))


@public.post("/logout", status_code=204)
async def log_out(
    accounts: Accounts, client: From, request: Request, response: Response, body: Refresh | None = None
) -> None:
    """End the session of the access token, of the refresh token, or of a browser's cookie."""
    token = (body.refresh_token if body else None) or _cookie(request)
    caller = None
    if "authorization" in request.headers:
        try:
            caller = await signed_in(request)
        except NotSignedIn:  # an access token ends sooner than its session, which still has to be ended
            if token is None:
                raise
    await accounts.log_out(caller, token, client)
    response.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")


@private.get("/me")
async def me(caller: Person, profiles: Profiles) -> ProfileRead:
    """The own account."""
    return ProfileRead.model_validate(await profiles.profile(caller))


@private.patch("/me")
async def change_me(body: ProfileUpdate, caller: Person, profiles: Profiles) -> ProfileRead:
    """Change the full name or the picture."""
    return ProfileRead.model_validate(await profiles.change_profile(caller, body.changes()))


@private.post("/password", status_code=204)
async def change_password(body: PasswordChange, caller: Person, accounts: Accounts, client: From) -> None:
    """Change the password; all other sessions end."""
    await accounts.change_password(caller, body.current_password, body.new_password, client)


@private.get("/sessions")
async def sessions(caller: Person, profiles: Profiles) -> SessionList:
    """Where this account is signed in."""
    found = [SessionRead.model_validate(login) for login in await profiles.sessions(caller)]
    for login in found:
        login.is_current = login.id == caller.session_id
    return SessionList(sessions=found)


@private.delete("/sessions", status_code=204)
async def end_other_sessions(caller: Person, profiles: Profiles, client: From) -> None:
    """Sign out everywhere else."""
    await profiles.end_other_sessions(caller, client)


@private.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: UUID, caller: Person, profiles: Profiles, client: From) -> None:
    """Sign out somewhere."""
    await profiles.end_session(caller, session_id, client)


@private.post("/ws-ticket", status_code=201)
async def stream_ticket(caller: Person, accounts: Accounts) -> TicketRead:
    """A ticket that opens one progress stream, where no header can be sent."""
    return TicketRead(ticket=await accounts.make_stream_ticket(caller), expires_in=TICKET_SECONDS)
