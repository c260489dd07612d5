"""The trash of the caller's folders: listed here, brought back and destroyed by the worker, as operations."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from backend.database import Database
from backend.models import PURGE, RESTORE, Operation
from backend.repositories.operations import OwnOperations
from backend.services.auditing import audit
from backend.services.callers import Caller, Client
from backend.services.errors import NotFound, RootMissing, RootNotGranted, WrongState
from backend.services.long_reads import LongReads
from backend.services.operations import Draft, OperationService
from backend.services.roots import Place, RootService, in_a_root
from fileorganizer import organizer
from fileorganizer.execution.reading import TrashItem
from fileorganizer.model import DESTINATION


@dataclass(frozen=True, slots=True)
class TrashView:
    """A file in the trash."""

    root: bytes
    """The folder whose records know of it: restoring and purging name this one."""
    item: TrashItem
    operation_id: UUID | None
    """The operation that put it away, when it is one of the caller's."""

    @property
    def path(self) -> bytes:
        """Where it was, absolute."""
        return os.path.join(self.item.root, self.item.path)


@dataclass(frozen=True, slots=True)
class TrashPage:
    """Some files in the trash, the latest first, and all of them in numbers."""

    items: list[TrashView]
    total: int
    size: int


class TrashService:
    """The trash."""

    def __init__(
        self, database: Database, roots: RootService, operations: OperationService, long_reads: LongReads
    ) -> None:
        """Restores and purges are queued with ``operations``."""
        self._database, self._roots, self._operations = database, roots, operations
        self._long_reads = long_reads

    async def page(self, caller: Caller, folder: bytes | None, limit: int, offset: int) -> TrashPage:
        """What lies in the trash of one folder, or of all that the caller's operations worked in.

        Raises InvalidInput, RootNotGranted, RootMissing.
        """
        places = await self._places(caller, folder)
        found = await self._listed(caller, places)
        shown = found[offset : offset + limit]
        async with self._database.reading() as session:
            names = await OwnOperations(session, caller.owner).by_journal(view.item.operation_id for view in shown)
        views = [replace(view, operation_id=names.get(view.item.operation_id)) for view in shown]
        return TrashPage(views, len(found), sum(view.item.size for view in found))

    async def restore(self, caller: Caller, folder: bytes, items: list[str]) -> Operation:
        """Queue bringing files back to where they were; none named: all. Raises NotFound, OperationOverlap."""
        place, chosen = await self._chosen(caller, folder, items, None)
        if not chosen:
            raise WrongState("There is nothing in the trash of this folder.")
        return await self._queue(caller, place, RESTORE, chosen, {"items": items})

    async def purge(
        self, caller: Caller, folder: bytes, items: list[str], days: float | None, count: int, client: Client
    ) -> Operation:
        """Queue destroying files for ever: those named, or all, or all that lie there longer than some days.

        ``count`` must be how many these are, now and when the worker begins. Raises NotFound, WrongState, OperationOverlap.
        """
        place, chosen = await self._chosen(caller, folder, items, days)
        if count != len(chosen):
            words = f"{len(chosen)} files would be destroyed for ever, not {count}. Ask again with the right count."
            raise WrongState(words, count=len(chosen), size_bytes=sum(item.size for item in chosen))
        request: dict[str, Any] = {"items": items, "older_than_days": days, "count": count}
        operation = await self._queue(caller, place, PURGE, chosen, request)
        async with self._database.writing() as session:
            session.add(audit(caller.user_id, "trash purged", client, f"{operation.id}: {count} files"))
        return operation

    async def _places(self, caller: Caller, folder: bytes | None) -> list[Place]:
        """The folders whose trash is meant."""
        if folder is not None:
            return [await self._roots.find(caller, folder, "root_path")]
        async with self._database.reading() as session:
            paths = await OwnOperations(session, caller.owner).worked_in()
        places: list[Place] = []
        for path in paths:
            try:
                places.append(await self._roots.find(caller, path, "root_path"))
            except (RootNotGranted, RootMissing):
                continue  # taken away from the caller since, or its disk isn't there
        return places

    async def _listed(self, caller: Caller, places: Iterable[Place]) -> list[TrashView]:
        """The trash of some folders, the latest first, as far as it is the caller's.

        Others may have copied files of a shared folder to places of their own: what lies in the trash there isn't told.
        """
        found = await self._long_reads.read(caller, _listed, [place.path for place in places])
        granted = await self._roots.granted(caller)
        return [view for view in found if in_a_root(granted, view.item.root)]

    async def _chosen(
        self, caller: Caller, folder: bytes, items: list[str], days: float | None
    ) -> tuple[Place, list[TrashItem]]:
        """The files that a request means. Raises NotFound when one of those named isn't in the trash."""
        place = await self._roots.find(caller, folder, "root_path")
        there = [view.item for view in await self._listed(caller, [place])]
        if items:
            wanted = set(items)
            there = [item for item in there if item.item_id in wanted]
            if len(there) != len(wanted):
                raise NotFound("file in the trash")
        return place, organizer.trashed_before(there, days)

    async def _queue(
        self, caller: Caller, place: Place, kind: str, items: Iterable[TrashItem], request: dict[str, Any]
    ) -> Operation:
        """Queue it. A destination whose trash is touched has to be granted, too. Raises WrongState when there are several."""
        outside = sorted({item.root for item in items if item.side == DESTINATION})
        if len(outside) > 1:
            raise WrongState("These lie in the trash of several folders. Name those of one folder at a time.")
        also = await self._roots.find(caller, outside[0], "root_path") if outside else None
        if also is not None:
            request = {**request, "destination": base64.b64encode(also.path).decode()}
        return await self._operations.queue(caller, Draft(place, kind, {}, request, also=also))


def _listed(folders: list[bytes]) -> list[TrashView]:
    """The trash of some folders, the latest first."""
    found = [TrashView(folder, item, None) for folder in folders for item in organizer.trash_list(folder)]
    found.sort(key=lambda view: (-view.item.trashed_at, view.root, view.item.place))
    return found
