"""What an operation did, in numbers and as files to take away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec

from backend.core.cache import AGES, REPORT, Cache, remembered
from backend.database import Database
from backend.models import FINAL_STATES, FileRecord, Operation
from backend.repositories.duplicates import DuplicateGroups
from backend.repositories.files import Files, Filters
from backend.repositories.operations import OwnOperations
from backend.services.auditing import audit
from backend.services.callers import Caller, Client
from backend.services.errors import WrongState
from backend.services.files import FileView
from backend.services.long_reads import LongReads
from backend.services.operations import own_operation
from fileorganizer.journal import codec
from fileorganizer.journal.store import Journal
from fileorganizer.model import Role, State

LARGEST: Final = 10
TOP: Final = 5
AT_ONCE: Final = 1_000
"""Records: so many are read in the event loop at a time."""
_EPOCH: Final = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date.min - _EPOCH).days, (date.max - _EPOCH).days
_DAY_NS: Final = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Share:
    """What went into a category."""

    category: str
    file_count: int
    total_size_bytes: int
    percentage: float


class YearOfFiles(msgspec.Struct, frozen=True):
    """Files that were last changed in one year (UTC)."""

    year: int
    file_count: int
    total_size_bytes: int


class _Numbers(msgspec.Struct):
    """What a report has to look up: the same for ever, once an operation is finished."""

    shares: list[Share]
    largest: list[dict[str, Any]]
    """Records, as columns."""
    duplicate_files: int


@dataclass(frozen=True, slots=True)
class Report:
    """An operation in numbers."""

    operation: Operation
    duration_seconds: float | None
    shares: list[Share]
    largest: list[FileView]
    duplicate_files: int
    """Files that had a copy when the operation searched for duplicates."""

    @property
    def end_time(self) -> datetime | None:
        """When it ended."""
        return self.operation.completed_at


class ReportService:
    """The reports."""

    def __init__(self, database: Database, cache: Cache, long_reads: LongReads) -> None:
        """Numbers come from counters, never from counting rows; those of finished operations are kept in ``cache``."""
        self._database, self._cache, self._long_reads = database, cache, long_reads

    async def report(self, caller: Caller, operation_id: UUID) -> Report:
        """What an operation did. Raises NotFound."""
        async with self._database.reading() as session:
            operation = await own_operation(OwnOperations(session, caller.owner), operation_id)
        if operation.status in FINAL_STATES:
            version = (operation.id, operation.revision)
            numbers = await remembered(
                self._cache, REPORT, caller.cache_owner, version, _Numbers, lambda: self._numbers(caller, operation)
            )
        else:
            numbers = await self._numbers(caller, operation)
        seconds = None
        if operation.started_at and operation.completed_at:
            seconds = (operation.completed_at - operation.started_at).total_seconds()
        largest = [FileView(FileRecord(**columns), operation) for columns in numbers.largest]
        return Report(operation, seconds, numbers.shares, largest, numbers.duplicate_files)

    async def ages(self, caller: Caller, operation_id: UUID) -> list[YearOfFiles]:
        """The files that a finished operation did something with, by the year in which they were last changed.

        From the journal: records in the database have no times. Raises NotFound, WrongState.
        """
        async with self._database.reading() as session:
            operation = await own_operation(OwnOperations(session, caller.owner), operation_id)
        if operation.status not in FINAL_STATES:
            raise WrongState("The operation isn't finished.")
        root, journal_id = operation.root_path, operation.journal_id
        if journal_id is None:
            return []
        version = (operation.id, operation.revision)

        def read() -> Awaitable[list[YearOfFiles]]:
            """From the journal."""
            return self._long_reads.read(caller, _years, root, journal_id)

        try:
            return await remembered(self._cache, AGES, caller.cache_owner, version, list[YearOfFiles], read)
        except FileNotFoundError:
            raise WrongState("The records of this folder can't be reached; its disk may be away.") from None

    async def _numbers(self, caller: Caller, operation: Operation) -> _Numbers:
        """What has to be looked up."""
        async with self._database.reading() as session:
            stats = await OwnOperations(session, caller.owner).stats(operation.number)
            largest = await Files(session, operation.number).largest(LARGEST)
            duplicate_files = await DuplicateGroups(session, operation.number).files_found()
        done = [
            (row.category or "Other", row.files, row.bytes) for row in stats if row.status == "completed" and row.files
        ]
        total = sum(files for _, files, _ in done)
        shares = [Share(name, files, size, round(100 * files / total, 2)) for name, files, size in done]
        shares.sort(key=lambda share: (-share.file_count, share.category))
        names = FileRecord.__table__.columns.keys()
        rows = [{name: getattr(record, name) for name in names} for record in largest]
        return _Numbers(shares, rows, duplicate_files)

    async def export(self, caller: Caller, operation_id: UUID, kind: str, client: Client) -> Report:
        """The report for an export, which is written down (S80). Raises NotFound."""
        report = await self.report(caller, operation_id)
        async with self._database.writing() as session:
            session.add(audit(caller.user_id, "report exported", client, f"{operation_id} {kind}"))
        return report

    async def files(self, report: Report) -> AsyncIterator[list[FileView]]:
        """All records of the report's operation, some at a time; nothing is held while the client reads."""
        after: list[int] = []
        while True:
            async with self._database.reading() as session:
                files = Files(session, report.operation.number)
                found = await files.page(Filters(), "created_at", descending=False, limit=AT_ONCE, after=after)
            if found:
                yield [FileView(record, report.operation) for record in found]
            if len(found) < AT_ONCE:
                return
            after = [found[-1].sequence]

    async def left(self, report: Report, most: int) -> list[FileView]:
        """Files with which nothing was done, those that failed first: so many at most."""
        found: list[FileRecord] = []
        async with self._database.reading() as session:
            files = Files(session, report.operation.number)
            for status in ("failed", "skipped"):
                wanted = Filters(status=status)
                found += await files.page(wanted, "created_at", descending=False, limit=most - len(found))
        return [FileView(record, report.operation) for record in found]


def _years(root: bytes, journal_id: str) -> list[YearOfFiles]:
    """Files and bytes that were done, by the year of their last change, the oldest first."""
    years: dict[int, list[int]] = {}
    with Journal(root, write=False) as journal:
        for batch in journal.batches(journal.operation(journal_id).number):
            undone = {outcome.index for outcome in batch.outcomes if outcome.state != State.DONE}
            for index, step in enumerate(codec.unpack_steps(batch.steps)):
                if step.role == Role.ITEM and step.seen is not None and index not in undone:
                    entry = years.setdefault(_year(step.seen.mtime_ns), [0, 0])
                    entry[0] += 1
                    entry[1] += step.seen.size
    return [YearOfFiles(year, files, size) for year, (files, size) in sorted(years.items())]


@lru_cache(maxsize=4_096)
def _year_of_day(day: int) -> int:
    """The year of a day since 1970; the first or last that the calendar knows for one outside it."""
    return (_EPOCH + timedelta(days=min(max(day, _FIRST_DAY), _LAST_DAY))).year


def _year(mtime_ns: int) -> int:
    """The year of a time."""
    return _year_of_day(mtime_ns // _DAY_NS)
