"""Search in the records of all operations of one user: by words in their paths, a category, or a digest."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    SQLColumnExpression,
    Subquery,
    Text,
    and_,
    bindparam,
    case,
    column,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    true,
    tuple_,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import load_only

from backend.models import (
    NAMES_DONE,
    PREVIEW,
    SEQUENCE_BITS,
    DuplicateFile,
    DuplicateGroup,
    FileRecord,
    Operation,
    OperationStats,
)
from backend.repositories.files import COUNTED_AT_MOST, Filters, conditions_of
from backend.repositories.operations import owned_by
from backend.repositories.owners import Owner

FEW: Final = 5_000
"""So many records are read quicker than an index that holds everybody's is asked, which may know the words a million times."""
_DIGEST: Final = re.compile("[0-9a-fA-F]{64}")
TRIGRAM: Final = 3
"""Letters; shorter words aren't in an index."""
_ENDING: Final = re.compile(r"(.{6,})\.\w{1,5}")
"""A name that is long enough to be found by what comes before its ending."""
_NAMES: Final = table("search_names", column("rowid"))
_PROGRESS: Final = table("search_progress", column("operation_number"), column("sequence"))
_SCHEMA: Final = table("sqlite_master", column("name"))
_DONE: Final = select(_PROGRESS.c.operation_number).where(_PROGRESS.c.sequence == NAMES_DONE)
_NEWEST: Final = (Operation.number.desc(), FileRecord.sequence.desc())
_OF_OPERATION: Final = (Operation.id, Operation.operation_type, Operation.root_path, Operation.destination)
"""What tells where a record's paths lie: the rest of an operation is read from JSON, and every record brings its own along."""
_KEY: Final = tuple(
    type_coerce(column, column.type).label(column.key) for column in (FileRecord.operation_number, FileRecord.sequence)
)
"""The key of a record. As it stands in the table, each part of a statement would get a foreign key of its own with it: a fifth
of all that a search took."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is searched for."""

    words: str

    @property
    def before_ending(self) -> str | None:
        """What comes before the ending of a name; None for what doesn't look like a name."""
        name = _ENDING.fullmatch(self.words)
        return name[1] if name else None

    def values(self) -> dict[str, Any]:
        """All that ``Paths`` asks for, by its names. A path is held against small letters where LIKE knows those of ASCII only."""
        typed = escaped(self.words)
        plain = typed if self.words.isascii() else typed.lower()
        behind = self.words.lower()[::-1]
        return {
            "typed": f"%{typed}%",
            "before_ending": f"%{escaped(self.before_ending or '')}%",
            "held": f"%{plain}%",
            "beginning": f"%/{plain}%",
            "named": f"%/{plain}",
            "behind": behind,
            "behind_from": f"{behind}/",
            "behind_to": f"{behind}0",
            "trigrams": _trigrams(self.words),
            "trigrams_of_exact": _trigrams(f"/{self.words}/"),
            "small": self.words.lower(),
            "digest": bytes.fromhex(self.words) if _DIGEST.fullmatch(self.words) else b"",
        }


@dataclass(frozen=True, slots=True)
class Paths:
    """What a path has to fulfil, for one of the two databases and for words of a kind; capitals and small letters are the same.

    The words themselves come with the execution: a search's statement took longer to make than to execute, so each is made
    once for all words of a kind.
    """

    is_sqlite: bool
    is_indexed: bool
    """Is an index that holds everybody's records to be asked?"""
    is_ascii: bool
    is_short: bool
    """Shorter than what is in an index."""
    has_ending: bool
    is_category: bool
    """Is there a category of this name?"""
    is_digest: bool

    @property
    def matches(self) -> ColumnElement[bool]:
        """A record that is looked for, by its path or otherwise."""
        otherwise = []
        if self.is_category:
            otherwise.append(func.lower(FileRecord.category) == bindparam("small"))
        if self.is_digest:
            otherwise.append(_had_digest())
        return or_(self._within, *otherwise) if otherwise else self._within

    @property
    def _within(self) -> ColumnElement[bool]:
        """A path that holds them. As they were typed is asked first: that costs a third of comparing small letters.

        Of a name with an ending PostgreSQL's index is asked for what comes before it: nearly every record has the ending's
        trigrams, and going through those took 0.2 s with ten million. A CASE is asked of no index.
        """
        name = FileRecord.name
        if self.is_sqlite or not self.is_indexed or self.is_short:
            return self._like(name, "held")
        typed, small = (like(bindparam("typed"), escape="\\") for like in (name.like, name.ilike))
        if not self.has_ending:
            return or_(typed, small)
        return and_(name.ilike(bindparam("before_ending"), escape="\\"), case((typed, true()), else_=small))

    def begins(self, name: SQLColumnExpression[str]) -> ColumnElement[bool]:
        """A path in which a name begins with them."""
        return self._like(literal("/") + name, "beginning")

    @property
    def exact(self) -> ColumnElement[bool]:
        """A file of exactly that name, in whatever folder: what ends so.

        PostgreSQL finds them by an index of names read from behind, where that is the beginning ("0" comes after "/"); the
        trigrams of a word that all names hold would lead it to every record.
        """
        if self.is_sqlite:
            return self._like(literal("/") + FileRecord.name, "named")
        behind = func.left(func.reverse(func.lower(FileRecord.name)), literal_column("500")).collate("C")
        inside = and_(behind >= bindparam("behind_from", type_=Text), behind < bindparam("behind_to", type_=Text))
        return or_(behind == bindparam("behind", type_=Text), inside)

    @property
    def trigrams(self) -> str | None:
        """The value that SQLite's index is asked for; none for words that are too short, or where it isn't to be asked."""
        asked = self._has_trigrams and not (self.is_short or self.is_category or self.is_digest)
        return "trigrams" if asked else None

    @property
    def trigrams_of_exact(self) -> str | None:
        """The same for a file of exactly that name: paths are in it between two slashes."""
        return "trigrams_of_exact" if self._has_trigrams else None

    @property
    def _has_trigrams(self) -> bool:
        """Is there an index of SQLite's to be asked?"""
        return self.is_sqlite and self.is_indexed

    def _like(self, name: SQLColumnExpression[str], pattern: str) -> ColumnElement[bool]:
        """No index is asked. The letters of ASCII alone are compared quickly, by both databases: SQLite's LIKE knows no others."""
        if self.is_ascii:
            like = name.like if self.is_sqlite else name.collate("C").ilike
            return like(bindparam(pattern), escape="\\")
        small = func.small_letters(name) if self.is_sqlite else func.lower(name)
        return small.like(bindparam(pattern), escape="\\")


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found."""

    records: list[tuple[FileRecord, Operation]]
    """Each with as much of its operation as says where its paths lie."""
    total: int
    """How many there are, counted up to a limit."""
    total_is_exact: bool
    is_current: bool
    """Are all records there?"""


class FileSearch:
    """The records of all operations of one user."""

    def __init__(self, session: AsyncSession, owner: Owner) -> None:
        """Everything is limited to ``owner``."""
        self._session = session
        self._is_mine, self._values = owned_by(owner)
        self._is_sqlite = session.get_bind().dialect.name == "sqlite"

    async def find(
        self, words: str, operation_id: UUID | None, filters: Filters, sort: str, *, limit: int, offset: int
    ) -> Hits:
        """Records whose path holds ``words``, or of that category or digest, that pass the filters: the best, newest or largest first, or by name.

        A digest is known of files that had copies.

        Best first are exact names, then names that begin so, then the rest, within each the newest. Beyond the limit up to
        which they are counted, what is sorted are exact names and the newest others.
        """
        mine = self._is_mine if operation_id is None else _of_one(self._is_mine)
        asked = Words(words)
        values = {**self._values, **asked.values(), **filters.values, "id": operation_id}
        values |= {"limit": limit, "offset": offset, "shown": min(limit + offset, COUNTED_AT_MOST + 1)}
        known = (await self._session.execute(_known(mine, self._is_sqlite), values)).one()
        is_current, is_category, is_indexed = (bool(one) for one in known)
        paths = Paths(
            is_sqlite=self._is_sqlite,
            is_indexed=is_indexed,
            is_ascii=words.isascii(),
            is_short=len(words) < TRIGRAM,
            has_ending=asked.before_ending is not None,
            is_category=is_category,
            is_digest=bool(values["digest"]),
        )
        query, count = _found(mine, paths, tuple(filters.values), sort)
        rows = (await self._session.execute(query, values)).all()
        total = rows[0][2] if rows else (await self._session.execute(count, values)).scalar_one() if offset else 0
        found_rows = [(row[0], row[1]) for row in rows]
        return Hits(found_rows, min(total, COUNTED_AT_MOST), total <= COUNTED_AT_MOST, is_current)

    async def operation(self, number: int) -> Operation | None:
        """One of the user's operations by its number."""
        query = select(Operation).where(self._is_mine, Operation.number == number)
        return (await self._session.execute(query, self._values)).scalars().first()


@cache
def _of_one(mine: ColumnElement[bool]) -> ColumnElement[bool]:
    """Is it the operation of an id?"""
    return and_(mine, Operation.id == bindparam("id"))


@lru_cache(maxsize=64)
def _found(
    mine: ColumnElement[bool], paths: Paths, filters: tuple[str, ...], sort: str
) -> tuple[Select[FileRecord, Operation, int], Select[int]]:
    """What is found, page by page, with how much there is; and that number alone."""
    ranks: dict[str, ColumnElement[Any]] = {
        "best": type_coerce(FileRecord.name, Text),
        "newest": -FileRecord.operation_number,
        "largest": -FileRecord.size_bytes,
        "name": func.lower(FileRecord.name),
    }
    value = ranks[sort].label("value")
    all_shown = literal(COUNTED_AT_MOST + 1)
    shown = bindparam("shown", type_=Integer) if sort == "best" else all_shown
    newest = _newest if paths.is_indexed or paths.is_sqlite else _newest_of_few
    wanted = conditions_of(filters)
    found = newest(mine, and_(paths.matches, *wanted), value, paths.trigrams, all_shown, "found")
    named = newest(mine, and_(paths.exact, *wanted), value, paths.trigrams_of_exact, shown, "named")
    keys = _ranked(found, named, paths, shown) if sort == "best" else _together(found, named)
    order = (keys.c.rank, keys.c.operation_number.desc(), keys.c.sequence.desc())
    limit, offset = bindparam("limit", type_=Integer), bindparam("offset", type_=Integer)
    page = select(keys).order_by(*order).limit(limit).offset(offset).cte("page")
    count = select(func.count()).select_from(found)
    query = (
        select(FileRecord, Operation, count.scalar_subquery())
        .join(page, and_(*(FileRecord.__table__.c[c.name] == page.c[c.name] for c in _key_of(page))))
        .join(Operation, Operation.number == FileRecord.operation_number)
        .order_by(page.c.rank, page.c.operation_number.desc(), page.c.sequence.desc())
        .options(load_only(*_OF_OPERATION, raiseload=True))
    )
    return query, count


def _newest(
    mine: ColumnElement[bool],
    matches: ColumnElement[bool],
    value: ColumnElement[Any],
    trigrams: str | None,
    most: ColumnElement[int],
    name: str,
) -> CTE:
    """The keys of what matches, the newest so many: an order that the key has, so that frequent words end soon.

    Each comes with a value to rank it by, so that only the records of one page are fetched.
    """
    columns: tuple[Any, ...] = (*_KEY, value)
    records = select(*columns).join(Operation, and_(mine, Operation.number == FileRecord.operation_number))
    if trigrams is None:
        return _kept(records.where(matches).order_by(*_NEWEST).limit(most), name)
    number, sequence = _NAMES.c.rowid.op(">>")(SEQUENCE_BITS), _NAMES.c.rowid.op("&")((1 << SEQUENCE_BITS) - 1)
    indexed = (
        select(*columns)
        .select_from(_NAMES)
        .join(Operation, and_(mine, Operation.number == number, Operation.number.in_(_DONE)))
        .join(FileRecord, and_(FileRecord.operation_number == number, FileRecord.sequence == sequence))
        .where(literal_column("search_names").op("MATCH")(bindparam(trigrams, type_=Text)), matches)
        .order_by(_NAMES.c.rowid.desc())
        .limit(most)
    )
    others = records.where(Operation.number.not_in(_DONE), matches).order_by(*_NEWEST).limit(most)
    both = union_all(select(indexed.subquery()), select(others.subquery())).subquery()
    order = (both.c.operation_number.desc(), both.c.sequence.desc())
    return _kept(select(both).order_by(*order).limit(most), name)


def _newest_of_few(
    mine: ColumnElement[bool],
    matches: ColumnElement[bool],
    value: ColumnElement[Any],
    _trigrams: str | None,
    most: ColumnElement[int],
    name: str,
) -> CTE:
    """The same for a user with few records, from operation to operation.

    PostgreSQL expects as many of each operation as there are on average; a join would be made by going through everybody's.
    """
    columns: tuple[Any, ...] = (*_KEY, value)
    of_one = select(*columns).where(FileRecord.operation_number == Operation.number, matches)
    records = of_one.correlate(Operation).offset(literal_column("0")).lateral()  # with an offset it isn't made a join
    order = (records.c.operation_number.desc(), records.c.sequence.desc())
    query = select(records).select_from(Operation).join(records, true()).where(mine).order_by(*order)
    return _kept(query.limit(most), name)


@cache
def _known(mine: ColumnElement[bool], is_sqlite: bool) -> Select[bool, bool, bool]:
    """Three things of these operations, before the records are asked: what ends meanwhile may not be found whole.

    Are all records there (those of a running operation come batch by batch)? Do any of the operations know a category of
    this name (the counters say so; no index helps both at once)? Are there too many records to be read without an
    index (on SQLite: one that ``worker.names`` makes, if it is there)?
    """
    running = select(Operation.number).where(mine, Operation.status == "running", Operation.operation_type != PREVIEW)
    category = (
        select(OperationStats.category)
        .join(Operation, and_(mine, Operation.number == OperationStats.operation_number))
        .where(func.lower(OperationStats.category) == bindparam("small"))
    )
    indexed: ColumnElement[bool] = select(func.sum(Operation.files_total) > FEW).where(mine).scalar_subquery()
    if is_sqlite:
        indexed = and_(exists().where(_SCHEMA.c.name == _PROGRESS.name), indexed)
    return select(~exists(running), exists(category), indexed)


def _had_digest() -> ColumnElement[bool]:
    """Was a file found to have copies by its operation, with the digest asked for? Groups follow what is done with their files."""
    group, file = DuplicateGroup, DuplicateFile
    found = (
        select(file.operation_number, file.path)
        .join(group, and_(group.operation_number == file.operation_number, group.sequence == file.sequence))
        .where(group.digest == bindparam("digest"))
    )
    places = (FileRecord.original_path, FileRecord.new_path)
    return or_(*(tuple_(FileRecord.operation_number, place).in_(found) for place in places))


def _trigrams(words: str) -> str:
    """All that the words consist of, in the language of FTS5."""
    parts = (words[at : at + TRIGRAM] for at in range(len(words) - TRIGRAM + 1))
    return " AND ".join('"' + part.replace('"', '""') + '"' for part in parts)


def _kept(query: Select[*tuple[Any, ...]], name: str) -> CTE:
    """A part of a statement that is carried out once, however often it is named, and keeps its order."""
    return query.cte(name).prefix_with("MATERIALIZED")


def _key_of(part: CTE) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """The key of a record."""
    return part.c.operation_number, part.c.sequence


def _ranked(found: CTE, named: CTE, paths: Paths, shown: ColumnElement[int]) -> Subquery:
    """Exact names, names that begin so, the rest: of each as many as can be shown, so that few are looked at more closely."""
    unnamed = tuple_(*_key_of(found)).not_in(select(*_key_of(named)))
    begins = paths.begins(found.c.value)
    left = shown - select(func.count()).select_from(named).scalar_subquery()
    first = _kept(select(*_key_of(found)).where(begins, unnamed).limit(left), "first")
    left = left - select(func.count()).select_from(first).scalar_subquery()
    rest = _kept(select(*_key_of(found)).where(~begins, unnamed).limit(left), "rest")
    return union_all(
        *(select(*_key_of(part), literal(rank).label("rank")) for rank, part in enumerate((named, first, rest)))
    ).subquery()


def _together(found: CTE, named: CTE) -> Subquery:
    """What was found by either, each once."""
    return union(*(select(*_key_of(part), part.c.value.label("rank")) for part in (found, named))).subquery()


def escaped(words: str) -> str:
    """Words in which LIKE finds nothing but themselves."""
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
