"""Users, sessions, refresh tokens, tickets, API keys, and what is written down about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from backend.models import ApiKey, AuditEvent, RefreshToken, Root, Session, Ticket, User
from backend.repositories.owners import RootLimit
from backend.repositories.turns import ACCOUNTS, take_turn


class Login(NamedTuple):
    """What a request is let in by: a login that may have ended, and whose it is."""

    last_used_at: datetime
    revoked_at: datetime | None
    user_id: UUID
    is_active: bool
    is_admin: bool
    token_version: int


_LOGIN: Final = (
    select(Session.last_used_at, Session.revoked_at, User.id, User.is_active, User.is_admin, User.token_version)
    .join(User, User.id == Session.user_id)
    .where(Session.id == bindparam("session_id"))
)
"""Asked with each request: made once, and without the columns that nobody needs then."""


class Accounts:
    """Accounts as a whole: used before it is known who is asking, and by administrators."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the transaction of ``session``."""
        self._session = session

    def add(self, *rows: Any) -> None:
        """New rows."""
        self._session.add_all(rows)

    async def flush(self) -> None:
        """Send what was added, so that a taken name shows now."""
        await self._session.flush()

    async def take_turn(self) -> None:
        """Let nobody else make the first account until this transaction ends."""
        await take_turn(self._session, ACCOUNTS)

    async def count_users(self) -> int:
        """How many accounts there are."""
        return (await self._session.execute(select(func.count()).select_from(User))).scalar_one()

    async def has_admin(self) -> bool:
        """Is there an administrator?"""
        return (await self._session.execute(select(User.id).where(User.is_admin).limit(1))).first() is not None

    async def by_name(self, name: str) -> User | None:
        """The account with this address or user name."""
        query = select(User).where(or_(User.email_key == name.lower(), User.username_key == name.lower()))
        return (await self._session.execute(query)).scalars().first()

    async def taken(self, email: str, username: str) -> bool:
        """Does somebody have the address or the name, as either?"""
        names = (email.lower(), username.lower())
        query = select(User.id).where(or_(User.email_key.in_(names), User.username_key.in_(names))).limit(1)
        return (await self._session.execute(query)).first() is not None

    async def user(self, user_id: UUID) -> User | None:
        """One account."""
        return await self._session.get(User, user_id)

    async def users(self, limit: int, offset: int) -> tuple[Sequence[User], int]:
        """All accounts, the newest first, and how many there are."""
        query = select(User).order_by(User.created_at.desc(), User.id).limit(limit).offset(offset)
        return (await self._session.execute(query)).scalars().all(), await self.count_users()

    async def session_and_user(self, session_id: UUID) -> tuple[Session, User] | None:
        """A login and whose it is."""
        query = select(Session, User).join(User, User.id == Session.user_id).where(Session.id == session_id)
        row = (await self._session.execute(query)).first()
        return None if row is None else (row[0], row[1])

    async def login(self, session_id: UUID) -> Login | None:
        """A login as requests need it."""
        row = (await self._session.execute(_LOGIN, {"session_id": session_id})).first()
        return None if row is None else Login(*row)

    async def known_address(self, user_id: UUID, address: str, now: datetime) -> bool:
        """Does a live login of the user come from this address?"""
        query = select(Session.id).where(
            Session.user_id == user_id,
            Session.address == address,
            Session.revoked_at.is_(None),
            Session.expires_at > now,
        )
        return (await self._session.execute(query.limit(1))).first() is not None

    async def active_users(self, since: datetime) -> int:
        """How many users have a login that was used since."""
        query = select(func.count(func.distinct(Session.user_id))).where(Session.last_used_at > since)
        return (await self._session.execute(query)).scalar_one()

    async def refresh_token(self, digest: bytes) -> RefreshToken | None:
        """A refresh token by its digest, held until the transaction ends."""
        return await self._session.get(RefreshToken, digest, with_for_update=True)

    async def revoke_sessions(self, user_id: UUID, now: datetime, *, but: UUID | None = None) -> None:
        """End the logins of a user."""
        query = update(Session).where(Session.user_id == user_id, Session.revoked_at.is_(None)).values(revoked_at=now)
        await self._session.execute(query if but is None else query.where(Session.id != but))

    async def touch_session(self, session_id: UUID, moment: datetime) -> None:
        """Note that a login was used."""
        await self._session.execute(update(Session).where(Session.id == session_id).values(last_used_at=moment))

    async def touch_api_key(self, key_id: UUID, moment: datetime) -> None:
        """Note that a key was used."""
        await self._session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=moment))

    async def set_password(self, user_id: UUID, password_hash: str) -> None:
        """Change a password."""
        await self._session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))

    async def api_key(self, digest: bytes) -> tuple[ApiKey, User, RootLimit | None] | None:
        """A key, whose it is, and the root that it is limited to."""
        return await self._key_where(ApiKey.digest == digest)

    async def api_key_by_id(self, key_id: UUID) -> tuple[ApiKey, User, RootLimit | None] | None:
        """The same, for one that was recognised before."""
        return await self._key_where(ApiKey.id == key_id)

    async def _key_where(self, wanted: ColumnElement[bool]) -> tuple[ApiKey, User, RootLimit | None] | None:
        """A key with what belongs to it."""
        query = select(ApiKey, User, Root.path).join(User, User.id == ApiKey.user_id)
        row = (await self._session.execute(query.outerjoin(Root, Root.id == ApiKey.root_id).where(wanted))).first()
        if row is None:
            return None
        key, user, path = row
        return key, user, RootLimit(key.root_id, path) if key.root_id else None

    async def take_ticket(self, digest: bytes, purpose: str) -> Ticket | None:
        """Use a ticket up; None when there is none."""
        ticket = await self._session.get(Ticket, digest, with_for_update=True)
        if ticket is None or ticket.purpose != purpose:
            return None
        await self._session.delete(ticket)
        return ticket

    async def forget_tickets(self, purpose: str, now: datetime | None = None) -> None:
        """Remove the tickets of a kind; with ``now`` only those that have expired."""
        query = delete(Ticket).where(Ticket.purpose == purpose)
        await self._session.execute(query if now is None else query.where(Ticket.expires_at < now))

    async def audit_log(self, limit: int, offset: int) -> tuple[Sequence[AuditEvent], int]:
        """What happened, the newest first."""
        query = select(AuditEvent).order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(limit).offset(offset)
        total = (await self._session.execute(select(func.count()).select_from(AuditEvent))).scalar_one()
        return (await self._session.execute(query)).scalars().all(), total


class OwnAccount:
    """What a user may see and change of the own account."""

    def __init__(self, session: AsyncSession, user_id: UUID) -> None:
        """Everything is limited to ``user_id``."""
        self._session, self._user_id = session, user_id

    async def user(self) -> User:
        """The account itself."""
        return (await self._session.execute(select(User).where(User.id == self._user_id))).scalar_one()

    async def sessions(self, now: datetime) -> Sequence[Session]:
        """The live logins, the last used one first."""
        query = select(Session).where(
            Session.user_id == self._user_id, Session.revoked_at.is_(None), Session.expires_at > now
        )
        return (await self._session.execute(query.order_by(Session.last_used_at.desc()))).scalars().all()

    async def login(self, session_id: UUID) -> Session | None:
        """One of the logins."""
        query = select(Session).where(Session.user_id == self._user_id, Session.id == session_id)
        return (await self._session.execute(query)).scalars().first()

    async def api_keys(self) -> Sequence[ApiKey]:
        """The keys, the newest first."""
        query = select(ApiKey).where(ApiKey.user_id == self._user_id).order_by(ApiKey.created_at.desc())
        return (await self._session.execute(query)).scalars().all()

    async def api_key(self, key_id: UUID) -> ApiKey | None:
        """One of the keys."""
        query = select(ApiKey).where(ApiKey.user_id == self._user_id, ApiKey.id == key_id)
        return (await self._session.execute(query)).scalars().first()
