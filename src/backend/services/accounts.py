"""Signing up and in, sessions, and what becomes of a token that comes back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from backend.core import monitoring
from backend.core.config import Settings
from backend.core.logging import logger
from backend.core.rate_limit import RateLimiter, address_key
from backend.core.security import (
    AccessTokens,
    Passwords,
    digest_of,
    looks_like_api_key,
    random_token,
    weakness,
)
from backend.database import Database
from backend.models import ApiKey, RefreshToken, Session, Ticket, User
from backend.repositories.accounts import Accounts
from backend.repositories.owners import RootLimit
from backend.services.auditing import audit, new_uuid, now
from backend.services.callers import SCOPES, Caller, Client
from backend.services.errors import AlreadyThere, InvalidInput, NotAllowed, NotFound, NotSignedIn, TooFast, WrongLogin
from backend.services.roots import RootService

_Found = TypeVar("_Found")
GRACE_SECONDS: Final = 10
"""Two tabs may refresh at once: within this time the second is refused without ending the session."""
TICKET_SECONDS: Final = 30
SETUP_HOURS: Final = 24
TOUCH: Final = timedelta(seconds=60)
"""How exactly the last use of a session or key is kept: a write a request would be too much."""
DEFAULT_TIER: Final = "free"
DEFAULT_QUOTA_GB: Final = 100.0
STREAM, SETUP = "stream", "setup"


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What somebody tells about themselves."""

    email: str
    username: str
    password: str
    full_name: str = ""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a client gets at signing in."""

    access_token: str
    refresh_token: str
    expires_in: int
    user_id: UUID
    subscription_tier: str


class AccountService:
    """Signing in and being recognised."""

    def __init__(
        self, settings: Settings, database: Database, key: bytes, limits: RateLimiter, roots: RootService
    ) -> None:
        """``key`` signs access tokens."""
        self._settings, self._database, self._limits, self._roots = settings, database, limits, roots
        self._passwords = Passwords(settings.password_hasher, settings.bcrypt_rounds)
        self._access = AccessTokens(key, settings.jwt_algorithm, settings.access_token_expire_minutes)
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="passwords")
        self._log = logger("accounts")

    async def _slowly(self, what: Callable[..., _Found], *given: Any) -> _Found:
        """Hash or check a password: as many at once as there are processors, in threads that nobody else waits for."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, what, *given)

    # signing up

    async def sign_up(self, new: NewAccount, client: Client) -> Tokens:
        """Make an account and sign in. Never an administrator. Raises NotAllowed, AlreadyThere, InvalidInput."""
        return await self._make_account(new, client, setup_token=None)

    async def set_up(self, token: str, new: NewAccount, client: Client) -> Tokens:
        """Make the first administrator. Raises NotFound when the link is wrong, used, expired, or not needed any more."""
        return await self._make_account(new, client, setup_token=token)

    async def offer_setup(self) -> str | None:
        """The secret of a one-time link that makes the first administrator; None when there is one. Older links die."""
        token = random_token()
        async with self._database.writing() as session:
            accounts = Accounts(session)
            await accounts.forget_tickets(SETUP)
            if await accounts.has_admin():
                return None
            expires = now() + timedelta(hours=SETUP_HOURS)
            accounts.add(Ticket(digest=digest_of(token), purpose=SETUP, expires_at=expires))
        return token

    async def _make_account(self, new: NewAccount, client: Client, *, setup_token: str | None) -> Tokens:
        """Make an account with its home root, and sign in."""
        if setup_token is None and self._settings.signup == "closed":
            raise _closed()
        refuse_weak("password", new.password, new.email, new.username)
        if "@" in new.username:
            raise InvalidInput("username", "A user name has no @: it could be taken for an address.")
        hashed = await self._slowly(self._passwords.hash, new.password)
        user = _user(new, hashed, is_admin=setup_token is not None)
        home = await self._roots.make_home(user.id)
        try:
            async with self._database.writing() as session:
                accounts = Accounts(session)
                await self._check_door(accounts, setup_token)
                if await accounts.taken(new.email, new.username):
                    raise _taken()
                accounts.add(user)
                await accounts.flush()
                await self._roots.register_home(session, user.id, home, user.created_at)
                if user.is_admin:
                    await self._roots.take_offered(session, user.id)
                return await self._begin_session(accounts, user, client, "signed up")
        except IntegrityError as error:
            await self._roots.unmake_home(home)
            if "users" not in str(error.orig):
                raise
            raise _taken() from error  # somebody else was quicker (PostgreSQL)
        except BaseException:  # whoever is turned away leaves no folder behind
            await self._roots.unmake_home(home)
            raise

    async def _check_door(self, accounts: Accounts, setup_token: str | None) -> None:
        """Is this way to an account open? Uses a set-up link up."""
        if setup_token is not None:
            ticket = await accounts.take_ticket(digest_of(setup_token), SETUP)
            if ticket is None or ticket.expires_at < now() or await accounts.has_admin():
                raise NotFound("set-up link")
            return
        if self._settings.signup == "first":
            await accounts.take_turn()
            if await accounts.count_users():
                raise _closed()

    # signing in and out

    async def log_in(self, name: str, password: str, client: Client) -> Tokens:
        """Sign in by address or user name. Raises WrongLogin, or TooFast after too many wrong tries."""
        account_key, address = name.lower()[:254], address_key(client.address)
        await self._refuse_fast("login-address", address)
        async with self._database.reading() as session:
            accounts = Accounts(session)
            user = await accounts.by_name(name)
            known = user is not None and await accounts.known_address(user.id, client.address, now())
        if not known:
            await self._refuse_fast("login-account", account_key)
        kept = user.password_hash if user is not None and user.is_active else None
        right, better = await self._slowly(self._passwords.verify, password, kept)
        if user is None or not right:
            counted = await self._limits.count_failure("login-address", address)
            counted &= await self._limits.count_failure("login-account", account_key) or known
            if not counted:  # others that were sent at once were wrong, too, and used the window up meanwhile
                await self._refuse_fast("login-address", address)
                await self._refuse_fast("login-account", account_key)
            monitoring.login_failures.inc()
            async with self._database.writing() as session:
                session.add(audit(user.id if user else None, "login failed", client))
            raise WrongLogin
        await self._refuse_fast("login-address", address)
        if not known:
            await self._refuse_fast("login-account", account_key)
        async with self._database.writing() as session:
            accounts = Accounts(session)
            fresh = await accounts.user(user.id)
            if fresh is None or not fresh.is_active:
                raise WrongLogin
            if fresh.password_hash == kept:
                fresh.password_hash = better or kept
                fresh.last_login_at = now()
                return await self._begin_session(accounts, fresh, client, "logged in")
        return await self.log_in(name, password, client)  # the password was changed while this one was looked at

    async def _refuse_fast(self, bucket: str, who: str) -> None:
        """Raise TooFast when there were too many wrong tries."""
        left = await self._limits.failures_left(bucket, who)
        if not left.allowed:
            raise TooFast(left)

    async def _begin_session(self, accounts: Accounts, user: User, client: Client, action: str) -> Tokens:
        """A new login with its first tokens."""
        moment = now()
        login = Session(
            id=new_uuid(),
            user_id=user.id,
            created_at=moment,
            last_used_at=moment,
            expires_at=moment,
            address=client.address[:64],
            user_agent=client.user_agent[:200],
        )
        accounts.add(login, audit(user.id, action, client))
        await accounts.flush()  # the session's row has to be there before its token's
        return self._issue(accounts, user, login, moment)

    def _issue(self, accounts: Accounts, user: User, login: Session, moment: datetime) -> Tokens:
        """A pair of tokens; the session lives as long as its newest refresh token."""
        refresh = random_token()
        login.expires_at = moment + timedelta(days=self._settings.refresh_token_expire_days)
        login.last_used_at = moment
        digest = digest_of(refresh)
        accounts.add(RefreshToken(digest=digest, session_id=login.id, created_at=moment, expires_at=login.expires_at))
        access = self._access.issue(user.id, login.id, user.token_version)
        return Tokens(access, refresh, self._access.seconds, user.id, user.subscription_tier)

    async def refresh(self, token: str, client: Client) -> Tokens:
        """New tokens for a refresh token, which is used up. A used one ends its session, unless it was used just now.

        Raises NotSignedIn.
        """
        moment = now()
        async with self._database.writing() as session:
            accounts = Accounts(session)
            row = await accounts.refresh_token(digest_of(token))
            found = await accounts.session_and_user(row.session_id) if row is not None else None
            if row is not None and found is not None:
                login, user = found
                alive = login.revoked_at is None and user.is_active and row.expires_at > moment
                if alive and row.used_at is None:
                    row.used_at = moment
                    return self._issue(accounts, user, login, moment)
                if alive and row.used_at is not None and moment - row.used_at > timedelta(seconds=GRACE_SECONDS):
                    login.revoked_at = moment
                    accounts.add(audit(user.id, "refresh token used twice", client))
                    self._log.warning("refresh token used twice", user_id=str(user.id))
        raise NotSignedIn

    async def log_out(self, caller: Caller | None, refresh_token: str | None, client: Client) -> None:
        """End the session of the caller, or that of a refresh token; a token that isn't one is no error."""
        async with self._database.writing() as session:
            accounts = Accounts(session)
            session_id = caller.session_id if caller else None
            if session_id is None and refresh_token is not None:
                row = await accounts.refresh_token(digest_of(refresh_token))
                session_id = row.session_id if row else None
            found = await accounts.session_and_user(session_id) if session_id else None
            if found is not None and found[0].revoked_at is None:
                found[0].revoked_at = now()
                accounts.add(audit(found[1].id, "logged out", client))

    # recognising

    async def recognise(self, token: str) -> Caller:
        """Whose access token or API key it is. Raises NotSignedIn."""
        if looks_like_api_key(token):
            return await self._recognise_key(token)
        claims = self._access.read(token)
        if claims is None:
            raise NotSignedIn
        caller = await self._caller_of_session(claims.session_id, claims.expires_at, claims.version)
        if caller.user_id != claims.user_id:
            raise NotSignedIn
        return caller

    async def still_valid(self, caller: Caller) -> bool:
        """Would the caller be recognised now? Asked again and again while a stream is open."""
        if caller.expires_at < now().timestamp():
            return False
        try:
            if caller.key_id is not None:
                async with self._database.looking_up() as session:
                    found = await Accounts(session).api_key_by_id(caller.key_id)
                await self._caller_of_key(found)
            elif caller.session_id is not None:
                await self._caller_of_session(caller.session_id, caller.expires_at)
        except NotSignedIn:
            return False
        return True

    async def _caller_of_session(self, session_id: UUID, expires_at: float, version: int | None = None) -> Caller:
        """Who is in a session that is alive. Raises NotSignedIn."""
        async with self._database.looking_up() as session:
            login = await Accounts(session).login(session_id)
        if login is None or login.revoked_at is not None or not login.is_active:
            raise NotSignedIn
        if version not in (None, login.token_version):
            raise NotSignedIn
        if now() - login.last_used_at > TOUCH:
            async with self._database.writing() as session:
                await Accounts(session).touch_session(session_id, now())
        return Caller(login.user_id, session_id, frozenset(SCOPES if login.is_admin else SCOPES[:2]), expires_at)

    async def _recognise_key(self, secret: str) -> Caller:
        """Whose API key it is. Raises NotSignedIn."""
        async with self._database.looking_up() as session:
            found = await Accounts(session).api_key(digest_of(secret))
        return await self._caller_of_key(found)

    async def _caller_of_key(self, found: tuple[ApiKey, User, RootLimit | None] | None) -> Caller:
        """Who uses a key, if it is alive. Raises NotSignedIn."""
        if found is None:
            raise NotSignedIn
        key, user, limit = found
        moment = now()
        if (
            key.revoked_at is not None
            or not user.is_active
            or (key.expires_at is not None and key.expires_at <= moment)
        ):
            raise NotSignedIn
        if key.last_used_at is None or moment - key.last_used_at > TOUCH:
            async with self._database.writing() as session:
                await Accounts(session).touch_api_key(key.id, moment)
        highest = max(SCOPES.index(scope) for scope in key.scopes)
        scopes = frozenset(SCOPES[: highest + 1]) - (frozenset() if user.is_admin and limit is None else {"admin"})
        expires_at = key.expires_at.timestamp() if key.expires_at else float("inf")
        return Caller(user.id, None, scopes, expires_at, key.id, limit)

    # tickets for streams

    async def make_stream_ticket(self, caller: Caller) -> str:
        """A ticket that opens one progress stream within half a minute."""
        ticket, moment = random_token(), now()
        row = Ticket(
            digest=digest_of(ticket),
            purpose=STREAM,
            user_id=caller.user_id,
            session_id=caller.session_id,
            expires_at=moment + timedelta(seconds=TICKET_SECONDS),
        )
        async with self._database.writing() as session:
            accounts = Accounts(session)
            await accounts.forget_tickets(STREAM, moment)
            accounts.add(row)
        return ticket

    async def redeem_stream_ticket(self, ticket: str) -> Caller:
        """Who made this ticket; it is used up. Raises NotSignedIn."""
        async with self._database.writing() as session:
            row = await Accounts(session).take_ticket(digest_of(ticket), STREAM)
        if row is None or row.session_id is None or row.expires_at < now():
            raise NotSignedIn
        return await self._caller_of_session(row.session_id, now().timestamp() + self._access.seconds)

    # passwords

    async def change_password(self, caller: Caller, current: str, new: str, client: Client) -> None:
        """Change the password and end all other sessions. Raises InvalidInput when the current one is wrong."""
        throttle = f"password:{caller.user_id}"
        await self._refuse_fast("login-account", throttle)
        async with self._database.reading() as session:
            user = await Accounts(session).user(caller.user_id)
        assert user is not None  # nosec B101  # the caller was recognised
        right, _ = await self._slowly(self._passwords.verify, current, user.password_hash)
        if not right:
            await self._limits.count_failure("login-account", throttle)
            raise InvalidInput("current_password", "The current password is wrong.")
        refuse_weak("new_password", new, user.email, user.username)
        hashed = await self._slowly(self._passwords.hash, new)
        async with self._database.writing() as session:
            accounts = Accounts(session)
            await accounts.set_password(user.id, hashed)
            await accounts.revoke_sessions(user.id, now(), but=caller.session_id)
            session.add(audit(user.id, "password changed", client))


def refuse_weak(field: str, password: str, *personal: str) -> None:
    """Raise InvalidInput for a password that is easy to guess."""
    why = weakness(password, *personal)
    if why:
        raise InvalidInput(field, why)


def _user(new: NewAccount, hashed: str, *, is_admin: bool) -> User:
    """The row of a new account."""
    moment = now()
    return User(
        id=new_uuid(),
        email=new.email,
        email_key=new.email.lower(),
        username=new.username,
        username_key=new.username.lower(),
        full_name=new.full_name,
        password_hash=hashed,
        subscription_tier=DEFAULT_TIER,
        storage_quota_gb=DEFAULT_QUOTA_GB,
        storage_used_bytes=0,
        is_active=True,
        is_verified=False,
        is_admin=is_admin,
        token_version=0,
        created_at=moment,
        last_login_at=moment,
    )


def _closed() -> NotAllowed:
    """Nobody makes an account alone here."""
    return NotAllowed("Signing up is closed here. Ask an administrator for an account.")


def _taken() -> AlreadyThere:
    """The same words for an address and for a name."""
    return AlreadyThere("This e-mail address or user name can't be used. Choose others, or sign in.")
