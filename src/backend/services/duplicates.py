"""Duplicates that operations have found: listed, and put away, one group or all. The worker does it; this only queues."""

from __future__ import annotations

import base64
import os
import stat
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from backend.database import Database
from backend.models import CLEANUP, FINAL_STATES, PREVIEW, DuplicateFile, DuplicateGroup, Operation
from backend.repositories.duplicates import DuplicateGroups, DuplicateTotals
from backend.repositories.operations import OwnOperations
from backend.services.callers import Caller
from backend.services.errors import InvalidInput, NotFound, WrongState
from backend.services.operations import Draft, OperationService, own_operation
from backend.services.roots import RootService, check_path
from fileorganizer.duplicates.table import unsigned
from fileorganizer.errors import show
from fileorganizer.model import Identity

NOTHING_STAYS: Final = "nothing"
"""In place of a rule to keep by."""
_SEARCH_OPTIONS: Final = ("min_size_bytes", "exclude", "include_hidden", "keep_together", "recursive")


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group with the files that are left of it, and the folder that their paths are relative to."""

    root: bytes
    group: DuplicateGroup
    files: list[DuplicateFile]


@dataclass(frozen=True, slots=True)
class CopyView:
    """One file of a group, and the folder that its path is relative to."""

    root: bytes
    group: DuplicateGroup
    file: DuplicateFile

    @property
    def seen(self) -> Identity:
        """The file as the search saw it."""
        file, size = self.file, self.group.size_bytes
        return Identity(unsigned(file.device), unsigned(file.inode), size, file.mtime_ns, file.ctime_ns, stat.S_IFREG)


@dataclass(frozen=True, slots=True)
class GroupPage:
    """Some groups, and all of them in numbers."""

    operation: Operation
    totals: DuplicateTotals
    groups: list[GroupView]


@dataclass(frozen=True, slots=True)
class Removal:
    """What is to become of one group."""

    keep_original: bool
    keep: str | None
    """The name of a rule; None: the oldest stays, or ``keep_path``."""
    keep_path: bytes | None
    drop: list[bytes]
    """Only these go, and all others stay; empty: all go but the one that is kept."""
    confirm: bool


@dataclass(frozen=True, slots=True)
class CleanUpWanted:
    """What is to become of all groups."""

    keep: str
    action: str
    is_dry_run: bool
    min_size_bytes: int
    confirm: bool


class DuplicateService:
    """The duplicates."""

    def __init__(self, database: Database, roots: RootService, operations: OperationService) -> None:
        """Clean-ups are queued with ``operations``."""
        self._database, self._roots, self._operations = database, roots, operations

    async def page(self, caller: Caller, operation_id: UUID, limit: int, offset: int, min_size: int) -> GroupPage:
        """Groups that an operation has found and that still have copies. Raises NotFound."""
        async with self._database.reading() as session:
            operation = await own_operation(OwnOperations(session, caller.owner), operation_id)
            known = DuplicateGroups(session, operation.number)
            totals = await known.totals(min_size)
            groups = await known.page(min_size, limit, offset)
            files = await known.files(groups)
        views = [GroupView(operation.root_path, group, files.get(group.sequence, [])) for group in groups]
        return GroupPage(operation, totals, views)

    async def copy(self, caller: Caller, operation_id: UUID, digest: bytes, path: bytes) -> CopyView:
        """One file of a group by its path. Raises NotFound, InvalidInput."""
        async with self._database.reading() as session:
            operation = await own_operation(OwnOperations(session, caller.owner), operation_id)
            known = DuplicateGroups(session, operation.number)
            group = await known.group(digest)
            files = (await known.files([group])).get(group.sequence, []) if group else []
        below = _below(path, operation.root_path, "path")
        for file in files:
            if group and below == file.path:
                return CopyView(operation.root_path, group, file)
        raise NotFound("copy")

    async def remove(self, caller: Caller, operation_id: UUID, digest: bytes, wanted: Removal) -> Operation:
        """Queue the clean-up of one group: all but one go into the trash, or all.

        Raises NotFound, InvalidInput, WrongState, OperationOverlap.
        """
        async with self._database.reading() as session:
            parent = await own_operation(OwnOperations(session, caller.owner), operation_id)
            known = DuplicateGroups(session, parent.number)
            group = await known.group(digest)
            if group is None:
                raise NotFound("group of duplicates")
            files = (await known.files([group])).get(group.sequence, [])
        named: dict[str, Any] = {"digest": digest.hex(), "action": "trash"}
        if not wanted.keep_original and (wanted.keep or wanted.keep_path):
            raise InvalidInput("keep", "Nothing is kept with keep_original=false.")
        if wanted.drop:
            named |= _dropped(wanted, parent, files)
        elif wanted.keep_original:
            named |= _kept(wanted, parent, files)
        elif wanted.confirm:
            named["keep"] = NOTHING_STAYS
        else:
            words = f"All {len(files)} copies would go into the trash. Ask again with confirm=true to go ahead."
            raise WrongState(words, count=len(files))
        return await self._queue(caller, parent, CLEANUP, named, confirm=True)

    async def clean_up(self, caller: Caller, operation_id: UUID, wanted: CleanUpWanted) -> Operation:
        """Queue the clean-up of all groups that an operation has found, or a preview of it.

        Raises NotFound, WrongState, OperationOverlap.
        """
        async with self._database.reading() as session:
            parent = await own_operation(OwnOperations(session, caller.owner), operation_id)
            totals = await DuplicateGroups(session, parent.number).totals(wanted.min_size_bytes)
        if not totals.groups:
            raise WrongState("No duplicates are left of those that this operation found.")
        named = {"keep": wanted.keep, "action": wanted.action, "min_size_bytes": wanted.min_size_bytes}
        kind = PREVIEW if wanted.is_dry_run else CLEANUP
        return await self._queue(caller, parent, kind, named, confirm=wanted.confirm)

    async def _queue(
        self, caller: Caller, parent: Operation, kind: str, named: dict[str, Any], *, confirm: bool
    ) -> Operation:
        """Queue a clean-up of groups that are known by their operation."""
        if parent.status not in FINAL_STATES:
            raise WrongState("The operation isn't finished.")
        place = await self._roots.find(caller, parent.root_path, "root_path")
        search = {name: parent.options.get(name) for name in _SEARCH_OPTIONS}
        request = {"verb": CLEANUP, "confirm": confirm, "known": {**named, "number": parent.number, "search": search}}
        kept = named.get("keep_path")
        keep = show(base64.b64decode(kept)) if kept else named["keep"]
        options = {**parent.options, "duplicate_action": named["action"], "keep": keep}
        return await self._operations.queue(caller, Draft(place, kind, options, request, parent=parent))


def _kept(wanted: Removal, parent: Operation, files: list[DuplicateFile]) -> dict[str, Any]:
    """Which copy stays. Raises InvalidInput when the one that is named isn't among them."""
    if wanted.keep_path is None:
        return {"keep": wanted.keep or "oldest"}
    path = _below(wanted.keep_path, parent.root_path, "keep")
    for file in files:
        if path in (file.path, *map(base64.b64decode, file.links)):
            return {"keep": "in", "keep_path": base64.b64encode(path).decode()}
    raise InvalidInput("keep", "Name a rule (oldest, newest, shortest_path) or one of the group's files.")


def _dropped(wanted: Removal, parent: Operation, files: list[DuplicateFile]) -> dict[str, Any]:
    """Which copies go, and one of the others, for whose sake they may. Raises InvalidInput."""
    if wanted.keep or wanted.keep_path or not wanted.keep_original:
        raise InvalidInput("drop", "With drop all others are kept: leave out keep, keep_b64 and keep_original.")
    going = {_below(path, parent.root_path, "drop") for path in wanted.drop}
    if not going <= {file.path for file in files}:
        raise InvalidInput("drop", "Name files of the group.")
    staying = [file.path for file in files if file.path not in going]
    if not staying:
        raise InvalidInput("drop", "One copy has to stay.")
    only = [base64.b64encode(path).decode() for path in (staying[0], *sorted(going))]
    return {"keep": "in", "keep_path": only[0], "only": only}


def _below(path: bytes, root: bytes, member: str) -> bytes:
    """A path relative to a folder; empty for one that lies elsewhere. Raises InvalidInput for one that can't be."""
    check_path(path, member)
    if path.startswith(b"/"):
        path = path[len(root) + 1 :] if path.startswith(root + b"/") else b""
    return os.path.normpath(path) if path else b""
