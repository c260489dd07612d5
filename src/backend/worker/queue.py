"""The operations table as the queue: claims with a lease and a growing epoch. Who was overtaken can't write any more.

Leases are moments of the database's clock, whatever the clocks of the workers say.
"""

from __future__ import annotations

import base64
import socket
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from backend.core.config import Settings
from backend.database import WorkerDatabase
from backend.models import ACTIVE_STATES, CLEANUP, FINAL_STATES, Operation, Root, RootGrant, User
from backend.services.operations import new_operation

ATTEMPTS: Final = 3
"""An operation whose worker died so often, and it got no further, is closed: it may be what kills them."""
FOUND_WITHIN: Final = timedelta(seconds=1)
"""A worker with a free place looks twice as often."""


class Overtaken(Exception):
    """Another worker has claimed this operation since; this one must not write any more."""


class Queue:
    """The queue as workers see it."""

    def __init__(self, settings: Settings, database: WorkerDatabase) -> None:
        """``host`` names this machine in leases."""
        self._settings, self._database = settings, database
        self._lease = timedelta(seconds=settings.lease_seconds)
        self.host = socket.gethostname()[:60]

    def release_host(self) -> int:
        """Free what dead workers of this host held; only for the one that holds the host's worker lock."""
        with self._database.writing() as session:
            query = update(Operation).where(Operation.status == "running", Operation.worker == self.host)
            return int(session.execute(query.values(lease_until=None)).rowcount)  # type: ignore[attr-defined]

    def release(self, number: int, epoch: int) -> None:
        """Free one operation whose worker has ended without closing it."""
        with self._database.writing() as session:
            query = update(Operation).where(
                Operation.number == number, Operation.epoch == epoch, Operation.status == "running"
            )
            session.execute(query.values(lease_until=None))

    def suspend(self, number: int, epoch: int) -> None:
        """Put an operation back that stopped in good order: it waits from now on, and wasn't tried in vain."""
        with self._database.writing() as session:
            query = update(Operation).where(
                Operation.number == number, Operation.epoch == epoch, Operation.status == "running"
            )
            moment = self._database.moment(session)
            session.execute(query.values(lease_until=moment, attempts=Operation.attempts - 1))

    def others_wait(self, operation: Operation) -> bool:
        """Does another user wait who has nothing running, longer than it takes to find a free place?"""
        with self._database.reading() as session:
            now = self._database.moment(session)
            others = _waiting(now, 1).where(Operation.user_id != operation.user_id)
            return session.execute(others.where(_waits_since() < now - FOUND_WITHIN)).first() is not None

    def count_waiting(self) -> int:
        """How many operations could be claimed now."""
        self._shorten_leases()
        with self._database.reading() as session:
            query = self._claimable(session).with_only_columns(Operation.number).limit(None)
            return session.execute(select(func.count()).select_from(query.subquery())).scalar_one()

    def claim(self) -> Operation | None:
        """Take the operation whose turn it is: one to be cancelled, else of the user with the fewest running the one that waits longest."""
        self._shorten_leases()
        with self._database.reading() as session:
            if session.execute(self._claimable(session)).first() is None:
                return None
        with self._database.writing() as session:
            now = self._database.moment(session)
            query = self._claimable(session).with_for_update(skip_locked=True, of=Operation)
            operation: Operation | None = session.execute(query).scalars().first()
            if operation is None:
                return None
            operation.status, operation.worker = "running", self.host
            operation.epoch += 1
            operation.attempts += 1
            operation.revision += 1
            operation.lease_until = now + self._lease
            operation.started_at = operation.started_at or now
            return operation

    def _claimable(self, session: Session) -> Any:
        """What may be claimed now, in order; the first of it."""
        return _waiting(self._database.moment(session), self._settings.running_per_user)

    def _shorten_leases(self) -> None:
        """Let leases count from now that are longer than any that is given: the clock was set back.

        Else what a dead worker held would wait for as long as that; one that lives lengthens its lease as always.
        """
        with self._database.reading() as session:
            if session.execute(select(Operation.number).where(self._is_too_long(session)).limit(1)).first() is None:
                return
        with self._database.writing() as session:
            until = self._database.moment(session) + self._lease
            session.execute(update(Operation).where(self._is_too_long(session)).values(lease_until=until))

    def _is_too_long(self, session: Session) -> ColumnElement[bool]:
        """Does a lease end later than one that is given now?"""
        until = self._database.moment(session) + self._lease
        return and_(Operation.status == "running", Operation.lease_until > until)

    def part_of(self, whole: Operation) -> Operation:
        """The clean-up that is a part of a running operation: made with the first call, taken up again after a crash.

        Nobody else claims it as long as the whole isn't finished. Raises Overtaken.
        """
        with self._database.writing() as session:
            fenced_update(session, whole.number, whole.epoch)
            query = select(Operation).where(Operation.parent_id == whole.id, Operation.operation_type == CLEANUP)
            part: Operation | None = session.execute(query).scalars().first()
            if part is None:
                part = new_operation(
                    user_id=whole.user_id,
                    root_id=whole.root_id,
                    root_path=whole.root_path,
                    lineage=whole.lineage,
                    operation_type=CLEANUP,
                    options=whole.options,
                    request={"confirm": whole.request.get("confirm", False)},
                    parent_id=whole.id,
                )
                session.add(part)
            if part.status not in FINAL_STATES:
                part.status, part.worker = "running", self.host
                part.epoch += 1
                part.attempts += 1
                part.revision += 1
                part.started_at = part.started_at or self._database.moment(session)
            return part

    def heartbeat(self, number: int, epoch: int, counts: dict[str, Any]) -> bool:
        """Lengthen the lease and note how far it is; returns whether the operation is to be cancelled. Raises Overtaken."""
        with self._database.writing() as session:
            lease_until = self._database.moment(session) + self._lease
            fenced_update(session, number, epoch, lease_until=lease_until, **counts)
        return self.cancel_wanted(number)

    def cancel_wanted(self, number: int) -> bool:
        """Is the operation to be cancelled, or the part of it that runs?"""
        part = aliased(Operation)
        parts = select(part.number).where(part.parent_id == Operation.id, part.status == "running")
        with self._database.reading() as session:
            query = select(or_(Operation.cancel_requested, parts.where(part.cancel_requested).exists()))
            return bool(session.execute(query.where(Operation.number == number)).scalar())

    def read(self, number: int) -> Operation:
        """The row as it is now."""
        with self._database.reading() as session:
            return session.execute(select(Operation).where(Operation.number == number)).scalar_one()

    def is_granted(self, operation: Operation) -> bool:
        """May the user still work on the root, and on the root that the destination is in (S14)? Nobody may who was deactivated."""
        destination = destination_of(operation)
        query = select(Root.id, Root.path).join(RootGrant, RootGrant.root_id == Root.id)
        active = query.join(User, User.id == RootGrant.user_id).where(User.is_active)
        with self._database.reading() as session:
            roots = session.execute(active.where(User.id == operation.user_id)).all()
        inside = destination is None or any((destination + b"/").startswith(path + b"/") for _, path in roots)
        return inside and any(number == operation.root_id for number, _ in roots)

    def own_of_journal(self, operation: Operation, journal_id: str) -> UUID | None:
        """The operation of the same user that a journal knows by this id."""
        query = select(Operation.id).where(Operation.journal_id == journal_id, Operation.user_id == operation.user_id)
        with self._database.reading() as session:
            return session.execute(query).scalar()

    def update(self, operation: Operation, **values: Any) -> None:
        """Write columns of an operation that is ours. Raises Overtaken."""
        with self._database.writing() as session:
            fenced_update(session, operation.number, operation.epoch, **values)


def destination_of(operation: Operation) -> bytes | None:
    """The destination that was asked for."""
    named = operation.request.get("destination")
    return base64.b64decode(named) if named else None


def fenced_update(session: Session, number: int, epoch: int, *, also_closed: bool = False, **values: Any) -> None:
    """Write columns of an operation that wasn't claimed by another since, nor closed. Raises Overtaken."""
    query = update(Operation).where(Operation.number == number, Operation.epoch == epoch)
    if not also_closed:
        query = query.where(Operation.status.not_in(FINAL_STATES))
    done = session.execute(query.values(revision=Operation.revision + 1, **values))
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise Overtaken


def _waits_since() -> Any:
    """Of an operation that can be claimed: since it gave way, or its worker should have been heard of, or it was asked for."""
    return func.coalesce(Operation.lease_until, Operation.created_at)


def _waiting(now: datetime, at_once: int) -> Any:
    """What may be claimed, in order: pending, or running with a lease that is over."""
    other = aliased(Operation)
    running = (
        select(func.count())
        .select_from(other)
        .where(other.user_id == Operation.user_id, other.status == "running", other.lease_until > now)
        .scalar_subquery()
    )
    whole = aliased(Operation)
    part = select(whole.number).where(whole.id == Operation.parent_id, whole.status.in_(ACTIVE_STATES)).exists()
    free = or_(Operation.lease_until.is_(None), Operation.lease_until <= now)
    return (
        select(Operation)
        .where(
            Operation.status.in_(("pending", "running")),
            free,
            ~part,
            or_(running < at_once, Operation.cancel_requested),
        )
        .order_by(Operation.cancel_requested.desc(), running, _waits_since(), Operation.number)
        .limit(1)
    )
