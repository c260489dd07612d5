"""What an operation did with files that are known as duplicates: put away, moved, brought back.

Worked out from its file records, in a few statements whatever their number, within the transaction that ends it. So a
list of duplicates shows what is still there, under the names that the files have now.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from backend.models import (
    CLEANUP,
    ORGANIZE,
    RESTORE,
    ROLLBACK,
    DuplicateFile,
    DuplicateGroup,
    FileRecord,
    Operation,
    beginning,
)

_BRING_BACK: Final = (ROLLBACK, RESTORE)
_FOLLOWED: Final = (ORGANIZE, CLEANUP, *_BRING_BACK)
SEARCHES: Final = 3
"""So many searches of a folder are kept up, the newest ones; what older ones found is as it was then.

Each of them costs the transaction that ends an operation: with ten, and 10,000 copies in each, that of 100,000 files held
SQLite's write lock for up to 1.4 s of a busy machine.
"""
MANY_FILES: Final = 10_000
"""From here on known duplicates are looked up among an operation's files, below it the other way round."""


def follow(session: Session, operation: Operation, files: int) -> None:
    """Take over what ``operation`` did with so many ``files`` into the groups that searches of its folder have found."""
    kind, outside = operation.operation_type, operation.destination is not None
    if not files or kind not in _FOLLOWED or (kind == ORGANIZE and operation.options.get("mode") != "move"):
        return
    searches = _searches(session, operation)
    if not searches:
        return
    here, many = DuplicateFile.operation_number.in_(searches), files > MANY_FILES
    if kind == ORGANIZE and outside:
        _put_away(session, operation, here, FileRecord.original_path.is_not(None), many=many)
    elif not outside:
        _put_away(session, operation, here, FileRecord.new_path.is_(None), many=many)
        _move(session, operation, here, many=many)
    if kind in _BRING_BACK:
        _bring_back(session, operation, here)
    _count_present(session, operation, searches, many=many)


def _searches(session: Session, operation: Operation) -> list[int]:
    """The newest operations that have found duplicates in the folder of this one."""
    query = select(Operation.number).where(
        Operation.root_path == operation.root_path,
        select(DuplicateGroup.sequence).where(DuplicateGroup.operation_number == Operation.number).exists(),
    )
    return list(session.execute(query.order_by(Operation.number.desc()).limit(SEARCHES)).scalars())


def _paths(operation: Operation, column: Any, *more: ColumnElement[bool]) -> Select[Any]:
    """Paths of the files with which an operation did what it was to do."""
    return select(column).where(
        FileRecord.operation_number == operation.number, FileRecord.status == "completed", column.is_not(None), *more
    )


def _lay_at(paths: Select[Any]) -> ColumnElement[bool]:
    """Is a known duplicate at one of these paths? Asked so that the index, which has their beginnings, is of use."""
    (path,) = paths.selected_columns
    whole = paths.with_only_columns(beginning(path), path)
    return tuple_(beginning(DuplicateFile.path), DuplicateFile.path).in_(whole)


def _same_place() -> ColumnElement[bool]:
    """Was a file of the operation where a known duplicate is?"""
    record, known = FileRecord.original_path, DuplicateFile.path
    return and_(beginning(record) == beginning(known), record == known)


def _was_there(operation: Operation, did: ColumnElement[bool], *, many: bool) -> ColumnElement[bool]:
    """Lay a known duplicate where the operation found a file with which it ``did`` something?"""
    if not many:
        return _lay_at(_paths(operation, FileRecord.original_path, did))
    found = _paths(operation, FileRecord.original_path, did, _same_place())
    return found.correlate(DuplicateFile).exists()


def _put_away(
    session: Session, operation: Operation, here: ColumnElement[bool], gone: ColumnElement[bool], *, many: bool
) -> None:
    """Files that aren't in the folder any more, or aren't files of their own."""
    concerned = _was_there(operation, gone, many=many)
    query = update(DuplicateFile).where(here, DuplicateFile.settled_by.is_(None), concerned)
    _execute(session, query.values(settled_by=operation.number))


def _move(session: Session, operation: Operation, here: ColumnElement[bool], *, many: bool) -> None:
    """Files that have another name now."""
    concerned = _was_there(operation, FileRecord.new_path.is_not(None), many=many)
    target = _paths(operation, FileRecord.new_path, _same_place())
    query = update(DuplicateFile).where(here, DuplicateFile.settled_by.is_(None), concerned)
    _execute(session, query.values(path=target.limit(1).correlate(DuplicateFile).scalar_subquery()))


def _bring_back(session: Session, operation: Operation, here: ColumnElement[bool]) -> None:
    """Files that lie where they lay before they were put away."""
    away = DuplicateFile.settled_by.is_not(None)
    if session.execute(select(DuplicateFile.position).where(here, away).limit(1)).first() is None:
        return
    paths = _paths(operation, FileRecord.new_path)
    _execute(session, update(DuplicateFile).where(here, away, _lay_at(paths)).values(settled_by=None))


def _count_present(session: Session, operation: Operation, searches: list[int], *, many: bool) -> None:
    """Count anew the files of the groups: of all, or of those that this concerned."""
    present = select(func.count()).where(
        DuplicateFile.operation_number == DuplicateGroup.operation_number,
        DuplicateFile.sequence == DuplicateGroup.sequence,
        DuplicateFile.settled_by.is_(None),
    )
    query = update(DuplicateGroup).where(DuplicateGroup.operation_number.in_(searches))
    if not many:
        touched = or_(
            _lay_at(_paths(operation, FileRecord.original_path)),
            _lay_at(_paths(operation, FileRecord.new_path)),
        )
        groups = select(DuplicateFile.operation_number, DuplicateFile.sequence).where(
            DuplicateFile.operation_number.in_(searches), touched
        )
        query = query.where(tuple_(DuplicateGroup.operation_number, DuplicateGroup.sequence).in_(groups))
    _execute(session, query.values(present=present.correlate(DuplicateGroup).scalar_subquery()))


def _execute(session: Session, query: Any) -> None:
    """One statement; nothing of it is held as an object."""
    session.execute(query.execution_options(synchronize_session=False))
