"""What became of single files: pages, cursors, search, details, explanations, the tree of a plan."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.database import Database
from backend.models import FINAL_STATES, ROLLBACK, SEQUENCE_BITS, FileRecord, Operation, Root
from backend.repositories.files import Files, Filters
from backend.repositories.operations import OwnOperations
from backend.repositories.roots import GrantedRoots
from backend.repositories.search import FileSearch
from backend.services import plan_files
from backend.services.callers import Caller
from backend.services.errors import InvalidInput, NotFound, RootNotGranted, WrongState
from backend.services.long_reads import LongReads
from backend.services.operations import moved_on, own_operation
from backend.services.plan_files import PlanFile, PlanPage
from backend.services.roots import check_path, in_a_root
from fileorganizer import organizer
from fileorganizer.errors import OperationDependency
from fileorganizer.execution.reading import Explained
from fileorganizer.execution.verify import Verification
from fileorganizer.journal.plans import AFTER, BEFORE
from fileorganizer.model import Review

TREE_FOLDERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class FileView:
    """One record with its operation, which says where its paths lie."""

    record: FileRecord
    operation: Operation

    @property
    def id(self) -> UUID:
        """The public id: a UUIDv8 of the operation's number and the record's place in it."""
        value = self.record.operation_number << SEQUENCE_BITS | self.record.sequence
        low, high = value & ((1 << 62) - 1), value >> 62
        return UUID(int=(high >> 12) << 80 | 8 << 76 | (high & 0xFFF) << 64 | 0b10 << 62 | low)

    @property
    def original_path(self) -> bytes:
        """Where it was, absolute."""
        return os.path.join(self._side(source=True), self.record.original_path)

    @property
    def new_path(self) -> bytes | None:
        """Where it went, absolute; None for one that stayed or is in the trash."""
        path = self.record.new_path
        return None if path is None else os.path.join(self._side(source=False), path)

    @property
    def places(self) -> list[tuple[bytes, bytes]]:
        """Where it may be now, as root and path in it: where it went, and where it was (when it is taken back)."""
        went = [(self._side(source=False), self.record.new_path)] if self.record.new_path is not None else []
        return [*went, (self._side(source=True), self.record.original_path)]

    def _side(self, *, source: bool) -> bytes:
        """The root in which paths lie: a destination outside is where files come to, and where a rollback takes them from."""
        outside = self.operation.destination
        if outside is None or source != (self.operation.operation_type == ROLLBACK):
            return self.operation.root_path
        return outside


def key_of(file_id: UUID) -> tuple[int, int] | None:
    """Number and sequence of a public id; None for any other UUID."""
    if file_id.version != 8:
        return None
    high = (file_id.int >> 80) << 12 | (file_id.int >> 64) & 0xFFF
    value = high << 62 | file_id.int & ((1 << 62) - 1)
    number, sequence = value >> SEQUENCE_BITS, value & ((1 << SEQUENCE_BITS) - 1)
    return (number, sequence) if number < 1 << 63 else None


@dataclass(frozen=True, slots=True)
class PageWanted:
    """Which records, and which page of them."""

    status: str | None = None
    category: str | None = None
    min_size_bytes: int | None = None
    page: int = 1
    page_size: int = 100
    sort_by: str = "created_at"
    descending: bool = False
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class FilePage:
    """Some records, and how many there are."""

    files: list[FileView]
    total: int
    is_exact: bool
    by_status: dict[str, int]
    next_cursor: str | None
    is_current: bool
    """Are all records there? Those of a running operation come batch by batch."""


@dataclass(slots=True)
class TreeFolder:
    """A folder of a plan's tree: what lies in it, and in all below it."""

    path: bytes
    files: int = 0
    size: int = 0
    files_below: int = 0
    size_below: int = 0
    folders: dict[bytes, TreeFolder] = field(default_factory=dict)

    def count(self, files: int, size: int) -> None:
        """Something lies here or below."""
        self.files_below += files
        self.size_below += size


@dataclass(frozen=True, slots=True)
class PlanTrees:
    """Before and after, from one folder on."""

    before: TreeFolder | None
    after: TreeFolder | None
    cut: bool
    """There are more folders than are shown."""


@dataclass(frozen=True, slots=True)
class PlanFilesWanted:
    """Which files of a plan are asked for; without the cursor it is what a cursor is tied to."""

    tree: int
    folder: bytes
    below: bool
    change: str | None
    category: str | None
    decided_by: str | None
    reason: str | None
    limit: int
    cursor: str | None = field(default=None, repr=False)


class FileService:
    """The records."""

    def __init__(self, database: Database, key: bytes, long_reads: LongReads) -> None:
        """``key`` ties cursors to the user and the question that they were given for (S03)."""
        self._database, self._key, self._long_reads = database, key, long_reads

    async def page(self, caller: Caller, operation_id: UUID, wanted: PageWanted) -> FilePage:
        """Some records of an operation. Raises NotFound, also for a cursor that was given for something else."""
        filters = Filters(wanted.status, wanted.category, wanted.min_size_bytes)
        async with self._database.reading() as session:
            own = OwnOperations(session, caller.owner)
            operation = await own_operation(own, operation_id)
            files = Files(session, operation.number)
            by_status, counted = await self._counted(own, files, operation, filters)
            tied = f"{caller.user_id}{operation_id}{filters}{wanted.sort_by}{wanted.descending}"
            after = self._opened(wanted.cursor, tied) if wanted.cursor else []
            offset = 0 if wanted.cursor else (wanted.page - 1) * wanted.page_size
            found = await files.page(
                filters,
                wanted.sort_by,
                descending=wanted.descending,
                limit=wanted.page_size + 1,
                offset=offset,
                after=after,
            )
        more, shown = len(found) > wanted.page_size, found[: wanted.page_size]
        cursor = self._sealed(_sort_values(shown[-1], wanted.sort_by), tied) if more else None
        views = [FileView(record, operation) for record in shown]
        return FilePage(views, counted[0], counted[1], by_status, cursor, operation.status in FINAL_STATES)

    async def _counted(
        self, own: OwnOperations, files: Files, operation: Operation, filters: Filters
    ) -> tuple[dict[str, int], tuple[int, bool]]:
        """How many there are in each state, and how many pass the filters."""
        stats = await own.stats(operation.number)
        by_status: dict[str, int] = {}
        for row in stats:
            by_status[row.status] = by_status.get(row.status, 0) + row.files
        if not filters.counters_know:
            return by_status, await files.count(filters)
        total = sum(
            row.files
            for row in stats
            if filters.status in (None, row.status) and filters.category in (None, row.category)
        )
        return by_status, (total, True)

    async def search(self, caller: Caller, words: str, operation_id: UUID | None, wanted: PageWanted) -> FilePage:
        """Records by words in path or category; ``wanted`` is sorted by best, newest, largest or name. Raises NotFound for an operation that isn't the caller's."""
        async with self._database.reading() as session:
            if operation_id is not None:
                await own_operation(OwnOperations(session, caller.owner), operation_id)
            filters = Filters(wanted.status, wanted.category, wanted.min_size_bytes)
            size, offset = wanted.page_size, (wanted.page - 1) * wanted.page_size
            hits = await FileSearch(session, caller.owner).find(
                words, operation_id, filters, wanted.sort_by, limit=size, offset=offset
            )
        views = [FileView(record, operation) for record, operation in hits.records]
        return FilePage(views, hits.total, hits.total_is_exact, {}, None, hits.is_current)

    async def file(self, caller: Caller, file_id: UUID) -> FileView:
        """One record. Raises NotFound."""
        key = key_of(file_id)
        async with self._database.reading() as session:
            operation = await FileSearch(session, caller.owner).operation(key[0]) if key else None
            record = await Files(session, operation.number).record(key[1]) if key and operation else None
        if operation is None or record is None:
            raise NotFound("file")
        return FileView(record, operation)

    # plans and journals

    async def trees(self, caller: Caller, operation_id: UUID, path: bytes, depth: int) -> PlanTrees:
        """The folders of a preview's plan, before and after, from ``path`` on. Raises NotFound, WrongState, PlanNotFound."""
        operation = await self._operation(caller, operation_id)
        plan_id = _plan_of(operation)
        return await asyncio.to_thread(_trees, plan_id, _folder_of(operation, path), depth)

    async def plan_page(
        self, caller: Caller, operation_id: UUID, asked: PlanFilesWanted
    ) -> tuple[PlanPage, str | None]:
        """Some files of a preview's plan and the cursor of the next page. Raises NotFound, WrongState, PlanNotFound."""
        operation = await self._operation(caller, operation_id)
        plan_id = _plan_of(operation)
        tied = f"plan{caller.user_id}{operation_id}{asked}"
        after = self._opened(asked.cursor, tied) if asked.cursor else [0, -1]
        wanted = plan_files.Wanted(
            tree=asked.tree,
            folder=_folder_of(operation, asked.folder),
            below=asked.below,
            change=asked.change,
            category=asked.category,
            decided_by=asked.decided_by,
            reason=asked.reason,
            after=(after[0], after[1]),
            limit=asked.limit,
        )
        found = await asyncio.to_thread(plan_files.page, plan_id, wanted)
        return found, self._sealed(list(found.next), tied) if found.next else None

    async def preview_undo(self, caller: Caller, operation_id: UUID, path: bytes) -> Review:
        """What taking back would do, whole or for one path, in numbers.

        Raises NotFound, RootNotGranted, WrongState and what planning it raises.
        """
        operation = await self._operation(caller, operation_id)
        journal_id = operation.journal_id
        if journal_id is None:
            raise WrongState("This operation changed nothing that could be taken back.")
        await self._granted(caller, operation)
        below = [one] if (one := _folder_of(operation, path)) else []
        try:
            return await self._long_reads.read(caller, _undo_review, operation.root_path, journal_id, below)
        except OperationDependency as error:
            async with self._database.reading() as session:
                own = await OwnOperations(session, caller.owner).by_journal([error.later])
            raise OperationDependency(moved_on(own.get(error.later)), error.later) from error

    async def explain_plan(self, caller: Caller, operation_id: UUID, path: bytes) -> PlanFile | None:
        """What a preview's plan means for a file; None for an operation that isn't a preview. Raises NotFound, PlanNotFound."""
        operation = await self._operation(caller, operation_id)
        check_path(path, "path")
        if operation.operation_type != "preview":
            return None
        below = _below_root(operation, path)
        return await self._long_reads.read(caller, plan_files.explained, _plan_of(operation), below)

    async def explain(self, caller: Caller, operation_id: UUID, path: bytes) -> list[Explained]:
        """What an operation did with a file, and which rule decided. Raises NotFound, InvalidInput."""
        operation = await self._operation(caller, operation_id)
        check_path(path, "path")
        path = _below_root(operation, path)
        found = await self._long_reads.read(caller, organizer.explain, operation.root_path, path)
        return [explained for explained in found if explained.operation.operation_id == operation.journal_id]

    async def verify(self, caller: Caller, operation_id: UUID) -> Verification:
        """Compare every record of the operation's root with the disk. Raises NotFound, RootNotGranted.

        Others may have copied files of a shared folder to places of their own: nothing is told of what is there.
        """
        operation = await self._operation(caller, operation_id)
        roots = await self._granted(caller, operation)
        found = await self._long_reads.read(caller, organizer.verify, operation.root_path)
        found.problems = [problem for problem in found.problems if in_a_root(roots, problem.root)]
        return found

    async def _operation(self, caller: Caller, operation_id: UUID) -> Operation:
        """One of the caller's operations. Raises NotFound."""
        async with self._database.reading() as session:
            return await own_operation(OwnOperations(session, caller.owner), operation_id)

    async def _granted(self, caller: Caller, operation: Operation) -> Sequence[Root]:
        """The caller's roots. Raises RootNotGranted when the operation's isn't among them any more: its disk isn't looked at."""
        async with self._database.reading() as session:
            roots = await GrantedRoots(session, caller.owner).all()
        if not in_a_root(roots, operation.root_path):
            raise RootNotGranted
        return roots

    # cursors

    def _sealed(self, values: list[Any], tied: str) -> str:
        """A cursor: where the next page begins, with a seal."""
        body = msgspec.msgpack.encode(values)
        return base64.urlsafe_b64encode(self._seal(body, tied) + body).decode()

    def _opened(self, cursor: str, tied: str) -> list[Any]:
        """What a cursor says. Raises NotFound for one that wasn't given to this user for this question."""
        try:
            blob = base64.urlsafe_b64decode(cursor.encode())
        except ValueError:
            raise NotFound("page") from None
        if not hmac.compare_digest(blob[:16], self._seal(blob[16:], tied)):
            raise NotFound("page")
        values: list[Any] = msgspec.msgpack.decode(blob[16:])
        return values

    def _seal(self, body: bytes, tied: str) -> bytes:
        """What only this service can make."""
        return hmac.new(self._key, b"cursor" + tied.encode() + b"\0" + body, hashlib.sha256).digest()[:16]


def _plan_of(operation: Operation) -> str:
    """The plan of a finished preview. Raises WrongState."""
    if operation.plan_id is None or operation.operation_type != "preview":
        raise WrongState("Only a finished preview has a plan to look at.")
    return operation.plan_id


def _below_root(operation: Operation, path: bytes) -> bytes:
    """A path relative to the operation's root. Raises InvalidInput for one that lies elsewhere."""
    if not path.startswith(b"/"):
        return path
    if not path.startswith(operation.root_path + b"/"):
        raise InvalidInput("path", "Name a path below the operation's root.")
    return path[len(operation.root_path) + 1 :]


def _folder_of(operation: Operation, path: bytes) -> bytes:
    """The same for the folder whose contents are asked for; empty: the root itself. Raises InvalidInput."""
    if path in (b"", b".", operation.root_path):
        return b""
    check_path(path, "path")
    return os.path.normpath(_below_root(operation, path))


def _undo_review(root: bytes, journal_id: str, paths: list[bytes]) -> Review:
    """The numbers of an undo that is only planned."""
    plan = organizer.preview_undo(root, journal_id, paths=paths)
    review = plan.head.review
    plan.discard()
    return review


def _sort_values(record: FileRecord, sort_by: str) -> list[Any]:
    """Where a record stands in an order."""
    first = {"size_bytes": record.size_bytes, "path": record.original_path}
    return [first[sort_by], record.sequence] if sort_by in first else [record.sequence]


def _trees(plan_id: str, path: bytes, depth: int) -> PlanTrees:
    """Both trees of a stored plan."""
    with plan_files.opened(plan_id) as plan:
        before, cut_before = _tree(plan.folders(BEFORE), path, depth)
        after, cut_after = _tree(plan.folders(AFTER), path, depth)
    return PlanTrees(before, after, cut_before or cut_after)


def _tree(rows: Iterator[tuple[bytes, int, int]], top: bytes, depth: int) -> tuple[TreeFolder | None, bool]:
    """One tree from ``top`` on: ``depth`` levels of folders, all that lies deeper only in numbers."""
    root: TreeFolder | None = None
    shown, cut = 0, False
    for path, files, size in rows:
        if top and path != top and not path.startswith(top + b"/"):
            continue
        if files <= 0:
            continue
        root = root or TreeFolder(top)
        here = root
        here.count(files, size)
        inner = path[len(top) :].strip(b"/").split(b"/") if path != top else []
        for name in inner[:depth]:
            known = here.folders.get(name)
            if known is None:
                if shown >= TREE_FOLDERS:
                    cut = True
                    break
                known = here.folders[name] = TreeFolder(os.path.join(here.path, name))
                shown += 1
            here = known
            here.count(files, size)
        else:
            if len(inner) <= depth:
                here.files += files
                here.size += size
    return root, cut
