"""What users see and change of their own account, and administrators of all accounts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from backend.core.rate_limit import RateLimiter
from backend.core.security import NewKey, new_api_key
from backend.database import Database
from backend.models import ApiKey, AuditEvent, Session, User
from backend.repositories.accounts import Accounts, OwnAccount
from backend.repositories.roots import GrantedRoots
from backend.services.auditing import audit, new_uuid, now
from backend.services.callers import Caller, Client
from backend.services.errors import InvalidInput, NotAllowed, NotFound

ACTIVE_WITHIN = timedelta(days=1)
"""A user with a session that was used since is active."""


@dataclass(frozen=True, slots=True)
class KeyWanted:
    """What a new API key is to be for."""

    name: str
    scopes: list[str]
    expires_at: datetime | None = None
    root_id: UUID | None = None


class ProfileService:
    """Profiles, sessions and API keys."""

    def __init__(self, database: Database, limits: RateLimiter) -> None:
        """``limits`` can be forgotten by an administrator."""
        self._database, self._limits = database, limits

    async def profile(self, caller: Caller) -> User:
        """The caller's account."""
        async with self._database.reading() as session:
            return await OwnAccount(session, caller.user_id).user()

    async def change_profile(self, caller: Caller, changes: dict[str, Any]) -> User:
        """Change the full name or the picture."""
        async with self._database.writing() as session:
            user = await OwnAccount(session, caller.user_id).user()
            for field, value in changes.items():
                setattr(user, field, value)
            return user

    async def sessions(self, caller: Caller) -> list[Session]:
        """The caller's live sessions."""
        async with self._database.reading() as session:
            return list(await OwnAccount(session, caller.user_id).sessions(now()))

    async def end_session(self, caller: Caller, session_id: UUID, client: Client) -> None:
        """End one of the caller's sessions. Raises NotFound."""
        async with self._database.writing() as session:
            login = await OwnAccount(session, caller.user_id).login(session_id)
            if login is None or login.revoked_at is not None:
                raise NotFound("session")
            login.revoked_at = now()
            session.add(audit(caller.user_id, "session ended", client))

    async def end_other_sessions(self, caller: Caller, client: Client) -> None:
        """End all of the caller's sessions but this one."""
        async with self._database.writing() as session:
            await Accounts(session).revoke_sessions(caller.user_id, now(), but=caller.session_id)
            session.add(audit(caller.user_id, "other sessions ended", client))

    # API keys

    async def api_keys(self, caller: Caller) -> list[ApiKey]:
        """The caller's keys."""
        async with self._database.reading() as session:
            return list(await OwnAccount(session, caller.user_id).api_keys())

    async def make_api_key(self, caller: Caller, wanted: KeyWanted, client: Client) -> tuple[ApiKey, NewKey]:
        """Make a key; its secret is in the answer and nowhere else. Raises NotAllowed, InvalidInput."""
        if "admin" in wanted.scopes and not caller.is_admin:
            raise NotAllowed("Only an administrator's key can have the scope admin.")
        if wanted.expires_at is not None and wanted.expires_at <= now():
            raise InvalidInput("expires_at", "This moment is over.")
        if wanted.root_id is not None:
            await self._check_root(caller, wanted)
        new = new_api_key()
        row = ApiKey(
            id=new_uuid(),
            user_id=caller.user_id,
            name=wanted.name,
            prefix=new.prefix,
            digest=new.digest,
            scopes=sorted(set(wanted.scopes)),
            root_id=wanted.root_id,
            created_at=now(),
            expires_at=wanted.expires_at,
        )
        async with self._database.writing() as session:
            session.add_all((row, audit(caller.user_id, "API key made", client, new.prefix)))
        return row, new

    async def _check_root(self, caller: Caller, wanted: KeyWanted) -> None:
        """Raise InvalidInput for a root that isn't the caller's, and for a key that administers but one root."""
        if "admin" in wanted.scopes:
            raise InvalidInput(
                "root_id", "Administration isn't limited to a root: leave out root_id or the scope admin."
            )
        async with self._database.reading() as session:
            roots = await GrantedRoots(session, caller.owner).all()
        if wanted.root_id not in {root.id for root in roots}:
            raise InvalidInput("root_id", "This isn't one of your roots. GET /api/v1/roots lists them.")

    async def revoke_api_key(self, caller: Caller, key_id: UUID, client: Client) -> None:
        """End a key. Raises NotFound."""
        async with self._database.writing() as session:
            key = await OwnAccount(session, caller.user_id).api_key(key_id)
            if key is None or key.revoked_at is not None:
                raise NotFound("API key")
            key.revoked_at = now()
            session.add(audit(caller.user_id, "API key revoked", client, key.prefix))

    # administration

    async def users(self, limit: int, offset: int) -> tuple[list[User], int]:
        """All accounts."""
        async with self._database.reading() as session:
            found, total = await Accounts(session).users(limit, offset)
        return list(found), total

    async def change_user(self, caller: Caller, user_id: UUID, changes: dict[str, Any], client: Client) -> User:
        """Change what only an administrator may; a changed role or activity ends all tokens. Raises NotFound, NotAllowed."""
        async with self._database.writing() as session:
            accounts = Accounts(session)
            user = await accounts.user(user_id)
            if user is None:
                raise NotFound("user")
            ends = {"is_active", "is_admin"} & set(changes)
            if user.id == caller.user_id and ends:
                raise NotAllowed("You can't change your own rights. Another administrator can.")
            for field, value in changes.items():
                setattr(user, field, value)
            if ends:
                user.token_version += 1
                await accounts.revoke_sessions(user.id, now())
            words = ", ".join(f"{field}={value}" for field, value in sorted(changes.items()))
            accounts.add(audit(caller.user_id, "user changed", client, f"{user.id} {words}"))
            return user

    async def user_named(self, name: str) -> UUID:
        """The id of the user with this name or address. Raises NotFound."""
        async with self._database.reading() as session:
            user = await Accounts(session).by_name(name)
        if user is None:
            raise NotFound("user")
        return user.id

    async def make_admin(self, name: str) -> None:
        """Make somebody an administrator, at the machine itself; all tokens of the user end. Raises NotFound."""
        async with self._database.writing() as session:
            accounts = Accounts(session)
            user = await accounts.by_name(name)
            if user is None:
                raise NotFound("user")
            user.is_admin = True
            user.token_version += 1
            await accounts.revoke_sessions(user.id, now())
            accounts.add(audit(user.id, "made administrator", Client("local", "")))

    async def audit_log(self, limit: int, offset: int) -> tuple[list[AuditEvent], int]:
        """What was written down, the newest first."""
        async with self._database.reading() as session:
            found, total = await Accounts(session).audit_log(limit, offset)
        return list(found), total

    async def forget_limits(self, user_id: UUID) -> None:
        """Give a user whole rate limits again."""
        await self._limits.forget(str(user_id))
