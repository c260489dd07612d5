"""Operations: asked for, looked at, cancelled, taken back. The worker carries them out; this only queues."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from backend.core.cache import Cache
from backend.core.config import Settings
from backend.database import Database
from backend.models import (
    ACTIVE_STATES,
    CLEANUP,
    FINAL_STATES,
    ORGANIZE,
    PREVIEW,
    RESTORE,
    ROLLBACK,
    IdempotencyKey,
    Operation,
)
from backend.repositories.categories import OwnCategories
from backend.repositories.operations import OwnOperations, Queue
from backend.services.auditing import new_uuid, now
from backend.services.callers import Caller
from backend.services.errors import InvalidInput, KeyReused, NotFound, OperationOverlap, TooMany, WrongState
from backend.services.options import check_options, engine_options, rules_with
from backend.services.roots import Place, RootService, check_path
from backend.services.usage import usage_of

UNDOABLE: Final = (ORGANIZE, CLEANUP, ROLLBACK, RESTORE)
NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request for a new operation. ``options`` are those of the API, complete."""

    root_path: bytes
    operation_type: str
    is_dry_run: bool
    options: dict[str, Any]
    destination: bytes | None = None
    confirm: bool = False

    def fingerprint(self) -> bytes:
        """Equal for equal requests."""
        told = (self.root_path.hex(), self.operation_type, self.is_dry_run, self.options, str(self.destination))
        return hashlib.sha256(json.dumps([*told, self.confirm], sort_keys=True, default=str).encode()).digest()


@dataclass(frozen=True, slots=True)
class Draft:
    """What distinguishes one new operation from another."""

    place: Place
    operation_type: str
    options: dict[str, Any]
    request: dict[str, Any] = field(default_factory=dict)
    rules: bytes | None = None
    parent: Operation | None = None
    plan_id: str | None = None
    also: Place | None = None
    """The destination, when it is another folder."""
    duplicates_found: int = 0
    """By the search that the plan was made from."""


class OperationService:
    """The operations."""

    def __init__(
        self, settings: Settings, database: Database, cache: Cache, roots: RootService, wake: Callable[[], None]
    ) -> None:
        """``wake`` tells the worker that there is something to do; it may be lost, the worker looks by itself too."""
        self._settings, self._database, self._cache = settings, database, cache
        self._roots, self._wake = roots, wake

    # asking for

    async def request(self, caller: Caller, wanted: Wanted, key: str | None) -> Operation:
        """Queue an operation; with an idempotency key the same request gives the same operation again.

        Raises InvalidInput, RootNotGranted, RootMissing, OperationOverlap, TooMany, KeyReused.
        """
        fingerprint = wanted.fingerprint()
        if (known := await self._asked_before(caller, key, fingerprint)) is not None:
            return known
        place = await self._roots.find(caller, wanted.root_path, "root_path")
        also = None
        if wanted.destination is not None:
            also = await self._roots.find(caller, wanted.destination, "destination")
        rules = await self._check(caller, wanted, place, also)
        request: dict[str, Any] = {"confirm": wanted.confirm, "verb": wanted.operation_type}
        if also is not None:
            request["destination"] = _b64(also.path)
        kind = PREVIEW if wanted.is_dry_run else wanted.operation_type
        draft = Draft(place, kind, wanted.options, request, rules, also=also)
        return await self.queue(caller, draft, key, fingerprint)

    async def _check(self, caller: Caller, wanted: Wanted, place: Place, also: Place | None) -> bytes | None:
        """Raise InvalidInput for options that can't be used; returns the rules if the user has categories of the own."""
        async with self._database.reading() as session:
            own = await OwnCategories(session, caller.user_id).all()
        options = engine_options(wanted.options, destination=os.fsdecode(also.path) if also else None)
        rules = rules_with(own, options.profile)
        await asyncio.to_thread(check_options, options, rules)
        inside = also is None or also.path == place.path or also.path.startswith(place.path + b"/")
        if inside and options.mode != "move":
            raise InvalidInput("destination", f"Mode {options.mode} needs a destination outside the root.")
        if also is not None and place.path.startswith(also.path + b"/"):
            raise InvalidInput("destination", "The destination can't be a folder above the root.")
        return rules.encode() if own else None

    async def apply(self, caller: Caller, operation_id: UUID, *, confirm: bool) -> Operation:
        """Carry out exactly the plan of a preview, as its child. Raises NotFound, WrongState, OperationOverlap."""
        async with self._database.reading() as session:
            parent = await own_operation(OwnOperations(session, caller.owner), operation_id)
        if parent.operation_type != PREVIEW or parent.status != "completed" or parent.outcome == NOTHING:
            raise WrongState("Only a finished preview that found something to do can be applied.")
        place = await self._roots.find(caller, parent.root_path, "root_path")
        also = await self._destination(caller, parent)
        request = {**parent.request, "confirm": confirm, "apply": True}
        kind = CLEANUP if parent.request.get("verb") == CLEANUP else ORGANIZE
        found = parent.duplicates_found if kind == CLEANUP else 0
        draft = Draft(place, kind, parent.options, request, parent.rules, parent, parent.plan_id, also, found)
        return await self.queue(caller, draft)

    async def roll_back(
        self, caller: Caller, operation_id: UUID, paths: list[bytes], key: str | None = None
    ) -> Operation:
        """Take an operation back, whole or for some original paths. Raises NotFound, InvalidInput, WrongState, OperationOverlap."""
        async with self._database.reading() as session:
            parent = await own_operation(OwnOperations(session, caller.owner), operation_id)
        relative = [_relative(path, parent.root_path) for path in paths]
        told = [str(operation_id), [_b64(path) for path in relative]]
        fingerprint = hashlib.sha256(json.dumps(told).encode()).digest()
        if (known := await self._asked_before(caller, key, fingerprint)) is not None:
            return known
        if parent.status in ACTIVE_STATES:
            raise WrongState("The operation isn't finished. Cancel it first.")
        if parent.operation_type not in UNDOABLE or parent.journal_id is None:
            raise WrongState("This operation changed nothing that could be taken back.")
        if parent.rolled_back:
            raise WrongState("All of this operation is taken back already.")
        place = await self._roots.find(caller, parent.root_path, "root_path")
        also = await self._destination(caller, parent)
        copied = parent.options.get("mode") == "copy"
        request = {"undo": parent.journal_id, "paths": [_b64(path) for path in relative], "copied": copied}
        if also is not None:
            request["destination"] = _b64(also.path)
        draft = Draft(place, ROLLBACK, {}, request, parent=parent, also=also)
        return await self.queue(caller, draft, key, fingerprint)

    async def retry(self, caller: Caller, operation_id: UUID) -> Operation:
        """Plan anew, with the same options, what an operation left undone. Raises NotFound, WrongState, OperationOverlap."""
        async with self._database.reading() as session:
            parent = await own_operation(OwnOperations(session, caller.owner), operation_id)
        if parent.status in ACTIVE_STATES:
            raise WrongState("The operation isn't finished.")
        if parent.operation_type not in (ORGANIZE, CLEANUP) or (
            parent.status == "completed" and parent.outcome != "partial"
        ):
            raise WrongState("This operation left nothing undone.")
        place = await self._roots.find(caller, parent.root_path, "root_path")
        also = await self._destination(caller, parent)
        request = {**parent.request, "apply": False}
        return await self.queue(
            caller, Draft(place, parent.operation_type, parent.options, request, parent.rules, parent, also=also)
        )

    async def _destination(self, caller: Caller, parent: Operation) -> Place | None:
        """The destination that an operation used; it has to be granted still."""
        named = parent.request.get("destination")
        return await self._roots.find(caller, base64.b64decode(named), "destination") if named else None

    async def queue(self, caller: Caller, draft: Draft, key: str | None = None, fingerprint: bytes = b"") -> Operation:
        """Write the row, unless the key was used, another operation is in the way, or there are too many."""
        async with self._database.writing() as session:
            queue, own = Queue(session), OwnOperations(session, caller.owner)
            await queue.take_turn()
            if key and (known := await _asked_before(own, key, fingerprint)) is not None:
                return known
            await self._refuse_second_apply(own, draft)
            _refuse_overlap(await queue.active(), draft, caller)
            if await own.count_active() >= self._settings.queued_per_user:
                raise TooMany(f"At most {self._settings.queued_per_user} operations can wait. Let some finish first.")
            operation = _row(draft, caller)
            operation.duplicates_found = draft.duplicates_found
            session.add(operation)
            if key:
                session.add(
                    IdempotencyKey(
                        user_id=caller.user_id,
                        key=key,
                        fingerprint=fingerprint,
                        operation_id=operation.id,
                        created_at=operation.created_at,
                    )
                )
        self._wake()
        return operation

    async def _asked_before(self, caller: Caller, key: str | None, fingerprint: bytes) -> Operation | None:
        """What the same request gave before, in whatever state things are now: it may have changed them. Raises KeyReused."""
        if key is None:
            return None
        async with self._database.reading() as session:
            with suppress(
                NotFound
            ):  # of an API key that may not see it: it is refused like any other request for that root
                return await _asked_before(OwnOperations(session, caller.owner), key, fingerprint)
        return None

    async def _refuse_second_apply(self, own: OwnOperations, draft: Draft) -> None:
        """A plan is carried out once; one that didn't come to move anything may be tried again."""
        if draft.plan_id is None or draft.parent is None:
            return
        for child in await own.children(draft.parent.id, draft.operation_type):
            if child.status not in ("failed", "cancelled") or child.journal_id is not None:
                raise WrongState("This preview was applied already.", operation_id=str(child.id))

    # looking

    async def get(self, caller: Caller, operation_id: UUID) -> Operation:
        """One of the caller's operations. Raises NotFound."""
        async with self._database.looking_up() as session:
            return await own_operation(OwnOperations(session, caller.owner), operation_id)

    async def page(
        self,
        caller: Caller,
        limit: int,
        offset: int,
        *,
        status: str | None = None,
        operation_type: str | None = None,
        root_path: str | None = None,
    ) -> tuple[list[Operation], int]:
        """The caller's operations, the newest first, and how many there are."""
        folder = os.fsencode(root_path).rstrip(b"/") if root_path else None
        async with self._database.reading() as session:
            found, total = await OwnOperations(session, caller.owner).page(
                limit, offset, status=status, operation_type=operation_type, root_path=folder
            )
        return list(found), total

    async def overview(self, caller: Caller) -> dict[str, Any]:
        """Everything of the caller's in numbers."""
        async with self._database.reading() as session:
            recent, version = await OwnOperations(session, caller.owner).recent(5)
        usage = await usage_of(self._database, self._cache, caller, version)
        return {**usage.totals, "by_status": usage.by_status, "by_category": usage.by_category, "recent": list(recent)}

    # cancelling

    async def cancel(self, caller: Caller, operation_id: UUID) -> Operation:
        """Stop an operation: one that waits never begins, one that runs stops within a second. What was done stays done.

        Raises NotFound, WrongState.
        """
        async with self._database.writing() as session:
            operation = await own_operation(OwnOperations(session, caller.owner), operation_id, for_change=True)
            if operation.status in FINAL_STATES:
                raise WrongState("The operation is finished already.")
            operation.cancel_requested = True
            operation.revision += 1
            if operation.status == "pending" and operation.epoch == 0:
                operation.status, operation.outcome, operation.completed_at = "cancelled", NOTHING, now()
        self._wake()
        return operation


def moved_on(later: UUID | None) -> str:
    """What is in the way of an undo: the user's own ``later`` operation, or one that only the folder knows of."""
    if later is None:
        return (
            "A later operation, of somebody else or of the command line, has moved files of this one on."
            " That one has to be taken back first."
        )
    return f"Operation {later} has moved files of this one on. Take that one back first."


async def own_operation(own: OwnOperations, operation_id: UUID, *, for_change: bool = False) -> Operation:
    """One of the caller's operations. Raises NotFound."""
    operation = await own.get(operation_id, for_change=for_change)
    if operation is None:
        raise NotFound("operation")
    return operation


async def _asked_before(own: OwnOperations, key: str, fingerprint: bytes) -> Operation | None:
    """The operation that a key stands for; None for a new key. Raises KeyReused."""
    known = await own.idempotency_key(key)
    if known is None:
        return None
    if known.fingerprint != fingerprint:
        raise KeyReused("This Idempotency-Key was used for another request. Use a new one.")
    return await own_operation(own, known.operation_id)


def _refuse_overlap(active: Any, draft: Draft, caller: Caller) -> None:
    """Raise OperationOverlap when one that isn't finished works on one of these folders, above or inside them (F38)."""
    places = [place for place in (draft.place, draft.also) if place is not None]
    for other in active:
        lineages = [other.lineage, *other.request.get("lineages", [])]
        for place in places:
            if any(one[0] in place.lineage or place.lineage[0] in one for one in lineages):
                raise OperationOverlap(other.id if other.user_id == caller.user_id else None)


def _row(draft: Draft, caller: Caller) -> Operation:
    """A new operation, waiting."""
    request = {**draft.request, "lineages": [draft.also.lineage]} if draft.also else dict(draft.request)
    return new_operation(
        user_id=caller.user_id,
        root_id=draft.place.root_id,
        root_path=draft.place.path,
        lineage=draft.place.lineage,
        operation_type=draft.operation_type,
        options=draft.options,
        request=request,
        rules=draft.rules,
        parent_id=draft.parent.id if draft.parent else None,
        plan_id=draft.plan_id,
        destination=draft.also.path if draft.also and draft.also.root_id != draft.place.root_id else None,
    )


def new_operation(**values: Any) -> Operation:
    """A row with these values, of which nothing is done yet."""
    return Operation(
        id=new_uuid(),
        status="pending",
        is_dry_run=values["operation_type"] == PREVIEW,
        reasons={},
        created_at=now(),
        **dict.fromkeys(
            (
                "files_total",
                "files_scanned",
                "files_in_place",
                "files_processed",
                "files_skipped",
                "files_failed",
                "bytes_processed",
                "duplicates_found",
                "space_saved_bytes",
                "rolled_back_count",
                "revision",
                "projected_batch",
                "epoch",
                "attempts",
            ),
            0,
        ),
        rolled_back=False,
        cancel_requested=False,
        **values,
    )


def _relative(path: bytes, root: bytes) -> bytes:
    """A path of a request relative to the root. Raises InvalidInput for one outside it."""
    check_path(path, "paths")
    if path.startswith(b"/"):
        if not path.startswith(root + b"/"):
            raise InvalidInput("paths", "Name original paths below the operation's root.")
        path = path[len(root) + 1 :]
    return os.path.normpath(path)


def _b64(path: bytes) -> str:
    """Bytes in JSON."""
    return base64.b64encode(path).decode()
