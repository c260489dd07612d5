"""Duplicates on the worker's side: searching, keeping what was found in the database, cleaning up.

Groups come from a search, which the journal knows nothing of; what became of their files comes from the file records,
which are the journal's copy. So groups stay when records are made anew, and only what became of them is worked out again.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import delete, select

from backend.database import WorkerDatabase
from backend.models import DuplicateFile, DuplicateGroup, Operation
from backend.worker.bulk import Row, insert_rows
from backend.worker.queue import fenced_update
from fileorganizer import cleaner
from fileorganizer.cleaner import Cleaning, KnownGroups
from fileorganizer.duplicates.finder import Search
from fileorganizer.duplicates.groups import Copy, Group
from fileorganizer.duplicates.table import REGULAR, signed, unsigned
from fileorganizer.journal.plans import Plan
from fileorganizer.model import SOURCE, Identity, Review
from fileorganizer.organizer import Confirm, Report
from fileorganizer.progress import Listener
from fileorganizer.searcher import Found, find_duplicates

ALGORITHM: Final = "sha256"
_GROUPS_AT_ONCE: Final = 2_000
"""Groups of one transaction: other writers get their turn in between."""
_GROUP_COLUMNS: Final = ("operation_number", "sequence", "digest", "size_bytes", "copies", "present")
_FILE_COLUMNS: Final = (
    "operation_number",
    "sequence",
    "position",
    "path",
    "links",
    "device",
    "inode",
    "mtime_ns",
    "ctime_ns",
)


class DuplicateWork:
    """What one operation does about duplicates."""

    def __init__(self, database: WorkerDatabase, operation: Operation, home: Operation) -> None:
        """What is found is kept with ``home``: the operation itself, or the one that it is a part of."""
        self._database, self._operation, self._home = database, operation, home

    @property
    def only_reports(self) -> bool:
        """Is nothing to be cleaned up?"""
        return self._operation.options["duplicate_action"] == "report" and "known" not in self._operation.request

    def search(self, listener: Listener) -> Review:
        """Search and keep what is found; changes nothing. Raises as ``find_duplicates`` does, and Overtaken."""
        search = _search_of(self._operation.options)
        found = find_duplicates(self._operation.root_path, search, listener=listener)
        self._keep(found)
        return _review_of(found)

    def draft(self, listener: Listener) -> Plan:
        """The stored plan of a clean-up; the caller closes it."""
        root, cleaning = self._operation.root_path, self._cleaning()
        return cleaner.preview_clean_up(root, cleaning, known=self._known(), on_found=self._keep, listener=listener)

    def clean_up(self, plan_id: str | None, confirm: Confirm, listener: Listener) -> Report:
        """Clean up: by a stored plan, what is known, or what is found."""
        return cleaner.clean_up(
            self._operation.root_path,
            None if plan_id else self._cleaning(),
            plan_id=plan_id,
            known=self._known(),
            on_found=self._keep,
            confirm=confirm,
            listener=listener,
        )

    def _cleaning(self) -> Cleaning:
        """What to do, in the words of the engine."""
        known = self._operation.request.get("known")
        if known is None:
            options = self._operation.options
            return Cleaning(_rule_of(options["keep"]), options["duplicate_action"], _search_of(options))
        keep = known["keep"]
        if known.get("keep_path"):
            path = os.path.join(self._operation.root_path, base64.b64decode(known["keep_path"]))
            keep = "in:" + os.fsdecode(path)
        return Cleaning(_rule_of(keep), known["action"], _search_of(known["search"]))

    def _known(self) -> KnownGroups | None:
        """The groups that were named, if any were."""
        known = self._operation.request.get("known")
        if known is None:
            return None
        digest = bytes.fromhex(known["digest"]) if known.get("digest") else None
        only = frozenset(base64.b64decode(path) for path in known.get("only", ()))
        return StoredGroups(self._database, known["number"], digest, known.get("min_size_bytes", 0), only)

    def _keep(self, found: Found) -> None:
        """Put what was found into the database, in place of what an earlier try put there."""
        number, epoch = self._home.number, self._home.epoch
        with self._database.writing() as session:
            fenced_update(session, number, epoch, duplicates_found=0)
            session.execute(delete(DuplicateFile).where(DuplicateFile.operation_number == number))
            session.execute(delete(DuplicateGroup).where(DuplicateGroup.operation_number == number))
        ranked = iter(enumerate(found.groups))
        while chunk := list(islice(ranked, _GROUPS_AT_ONCE)):
            groups = [_group_row(number, sequence, group) for sequence, group in chunk]
            files = [row for sequence, group in chunk for row in _file_rows(number, sequence, group)]
            with self._database.writing() as session:
                fenced_update(session, number, epoch)
                insert_rows(session, "duplicate_groups", _GROUP_COLUMNS, groups)
                insert_rows(session, "duplicate_files", _FILE_COLUMNS, files)
        with self._database.writing() as session:
            fenced_update(session, number, epoch, duplicates_found=found.groups.redundant)
        self._home.duplicates_found = found.groups.redundant


class StoredGroups:
    """Groups out of the database, some at a time, with the files that weren't put away since."""

    algorithm = ALGORITHM

    def __init__(
        self, database: WorkerDatabase, number: int, digest: bytes | None, min_size: int, only: frozenset[bytes]
    ) -> None:
        """Those of operation ``number``: the one with this ``digest``, or all of this size and more; of their files ``only``
        these, or all when there are none.
        """
        self._database, self._number, self._digest, self._min_size = database, number, digest, min_size
        self._only = only

    def __iter__(self) -> Iterator[Group]:
        """All of them, by rank."""
        after = -1
        while True:
            groups = self._some(after)
            yield from (Group(digest, size, copies) for _, digest, size, copies in groups if len(copies) > 1)
            if len(groups) < _GROUPS_AT_ONCE:
                return
            after = groups[-1][0]

    def _some(self, after: int) -> list[tuple[int, bytes, int, tuple[Copy, ...]]]:
        """The next ones behind a rank: rank, digest, size, files."""
        group = DuplicateGroup
        wanted = select(group.sequence, group.digest, group.size_bytes).where(
            group.operation_number == self._number, group.sequence > after, group.size_bytes >= self._min_size
        )
        if self._digest is not None:
            wanted = wanted.where(group.digest == self._digest)
        with self._database.reading() as session:
            groups = session.execute(wanted.order_by(group.sequence).limit(_GROUPS_AT_ONCE)).all()
            if not groups:
                return []
            query = select(*_MEMBER).where(
                DuplicateFile.operation_number == self._number,
                DuplicateFile.sequence.between(groups[0][0], groups[-1][0]),
                DuplicateFile.settled_by.is_(None),
            )
            files = session.execute(query.order_by(DuplicateFile.sequence, DuplicateFile.position)).all()
        members: dict[int, list[Any]] = {}
        for rank, *file in files:
            if self._only and file[0] not in self._only:
                continue
            members.setdefault(rank, []).append(file)
        return [
            (rank, digest, size, tuple(_copy(file, size) for file in members.get(rank, ())))
            for rank, digest, size in groups
        ]


_MEMBER: Final = (
    DuplicateFile.sequence,
    DuplicateFile.path,
    DuplicateFile.links,
    DuplicateFile.device,
    DuplicateFile.inode,
    DuplicateFile.mtime_ns,
    DuplicateFile.ctime_ns,
)
"""What the engine has to know of a file."""


def _search_of(options: dict[str, Any]) -> Search:
    """The API's options as a search; those that it has no words for were refused, or don't narrow a report."""
    return Search(
        min_size=options["min_size_bytes"] or 1,
        algorithm=ALGORITHM,
        exclude=tuple(options["exclude"]),
        include_hidden=options["include_hidden"],
        keep_together=options["keep_together"],
        recursive=options["recursive"],
    )


def _rule_of(keep: str) -> str:
    """The API's name of a rule as the engine's."""
    return keep if keep.startswith("in:") else keep.replace("_", "-")


def _review_of(found: Found) -> Review:
    """A search that nothing follows, in numbers: what it looked at stays in place."""
    review = Review(scanned=found.scanned)
    for skip in found.skips:
        review.leave(skip.reason)
    review.in_place = review.scanned - review.left_alone
    return review


def _group_row(number: int, sequence: int, group: Group) -> Row:
    """A group as a row."""
    return number, sequence, group.digest, group.size, len(group.copies), len(group.copies)


def _file_rows(number: int, sequence: int, group: Group) -> Iterator[Row]:
    """Its files as rows."""
    for position, copy in enumerate(group.copies):
        seen = copy.seen
        links = json.dumps([base64.b64encode(path).decode() for path in copy.links])
        yield (
            number,
            sequence,
            position,
            copy.path,
            links,
            signed(seen.dev),
            signed(seen.ino),
            seen.mtime_ns,
            seen.ctime_ns,
        )


def _copy(file: Sequence[Any], size: int) -> Copy:
    """A row as the engine takes it, ``_MEMBER`` without the rank."""
    path, links, device, inode, mtime_ns, ctime_ns = file
    seen = Identity(unsigned(device), unsigned(inode), size, mtime_ns, ctime_ns, REGULAR)
    return Copy(SOURCE, path, False, seen, tuple(base64.b64decode(link) for link in links))
