"""The database's copy of the journal: file records and counters, batch by batch, each batch once.

``operations.projected_batch`` says how far it is: 1, 2, 3 … for settled batches, then ``TAIL`` for what the last
batch left undone, then one number for each chunk of what the plan left alone. It is advanced in the transaction that
writes the rows, so a batch is never there twice and never half. All of it can be made anew from the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import and_, literal, update
from sqlalchemy.orm import Session

from backend.database import WorkerDatabase
from backend.models import INDEX_BITS, SKIPPED_BIT, FileRecord, Operation, beginning
from backend.worker.bulk import Row, insert_rows, moment_now
from backend.worker.queue import fenced_update
from fileorganizer.errors import show
from fileorganizer.fs.trash import TRASH
from fileorganizer.journal import codec
from fileorganizer.journal.store import Journal
from fileorganizer.model import Outcome, Reason, Role, Skip, State, Step, StepKind
from fileorganizer.planning.settling import PARKING
from fileorganizer.rules.syntax import RuleSet

TAIL: Final = 1 << 40
_COLUMNS: Final = (
    "operation_number",
    "sequence",
    "original_path",
    "new_path",
    "name",
    "category",
    "status",
    "reason",
    "size_bytes",
    "created_at",
)
_STATUS: Final = {State.DONE: "completed", State.SKIPPED: "skipped", State.FAILED: "failed", State.PENDING: "skipped"}


class Projection:
    """Copies one operation's journal into the database."""

    def __init__(self, database: WorkerDatabase, operation: Operation, journal_id: str, rules: RuleSet | None) -> None:
        """``operation`` is ours (its epoch fences every write); ``rules`` are those that gave the files their categories."""
        self._database, self._operation, self._journal_id = database, operation, journal_id
        self._categories = [category.name for category in rules.categories] if rules else []
        self._projected = operation.projected_batch
        self._seen = 0
        self._parked: dict[bytes, bytes] = {}
        """Files on their way through a parking place: that place → where they come from."""

    def follow(self, seq: int) -> None:
        """Copy the batches up to and with this one, which is settled. Raises Overtaken."""
        with Journal(self._operation.root_path, write=False) as journal:
            self._read(journal, journal.operation(self._journal_id).number, seq)

    def catch_up(self) -> None:
        """Copy all that the journal has and the database lacks, of an operation that is closed. Raises Overtaken."""
        with Journal(self._operation.root_path, write=False) as journal:
            number = journal.operation(self._journal_id).number
            count = journal.batch_count(number)
            self._read(journal, number, count)
            if self._projected < TAIL:
                last = journal.batch(number, count) if count else None
                self._write(TAIL, self._tail(count, codec.unpack_steps(last.steps), last.outcomes) if last else [], [])
            for chunk, skips in enumerate(journal.skips(number)):
                if self._projected < TAIL + 1 + chunk:
                    self._write(TAIL + 1 + chunk, self._rows_of_skips(chunk, skips), [])

    def _read(self, journal: Journal, number: int, last: int) -> None:
        """The batches from the next one up to and with the ``last``; one that is in the database already is passed over."""
        for seq in range(self._seen + 1, last + 1):
            batch = journal.batch(number, seq)
            steps, outcomes = codec.unpack_steps(batch.steps), {outcome.index: outcome for outcome in batch.outcomes}
            self._follow_parking(steps, outcomes)
            if seq > self._projected:
                self._write(seq, *self._rows_of(seq, steps, outcomes))
            self._seen = seq

    def _follow_parking(self, steps: Sequence[Step], outcomes: dict[int, Outcome]) -> None:
        """Remember where files in parking places come from."""
        for index, step in enumerate(steps):
            if step.role == Role.AUXILIARY and step.target.startswith(PARKING):
                outcome = outcomes.get(index)
                if outcome is None or outcome.state == State.DONE:
                    self._parked[step.target] = self._parked.get(step.source, step.source)

    # rows

    def _rows_of(
        self, seq: int, steps: Sequence[Step], outcomes: dict[int, Outcome]
    ) -> tuple[list[Row], list[tuple[bytes, bytes]]]:
        """The records of a batch, and the files that it has taken back: from where, and to where."""
        rows: list[Row] = []
        back: list[tuple[bytes, bytes]] = []
        moment = moment_now(is_sqlite=self._database.is_sqlite)
        for index, step in enumerate(steps):
            outcome = outcomes.get(index)
            state = State.DONE if outcome is None else State(outcome.state)
            if step.role == Role.ITEM:
                if state != State.PENDING:
                    rows.append(self._row(seq, index, step, state, outcome, moment))
            elif state == State.DONE and step.role == Role.TAKE_BACK:
                back.append((step.source, step.target))
        return rows, back

    def _tail(self, seq: int, steps: Sequence[Step], outcomes: Sequence[Outcome]) -> list[Row]:
        """The records of what the last batch left undone."""
        moment = moment_now(is_sqlite=self._database.is_sqlite)
        return [
            self._row(seq, outcome.index, steps[outcome.index], State.PENDING, outcome, moment)
            for outcome in outcomes
            if outcome.state == State.PENDING and steps[outcome.index].role == Role.ITEM
        ]

    def _row(self, seq: int, index: int, step: Step, state: State, outcome: Outcome | None, moment: object) -> Row:
        """The record of one step."""
        source = step.source or step.target
        original = self._parked.get(source, source)
        visible = state == State.DONE and step.kind != StepKind.TRASH and not step.target.startswith(TRASH + b"/")
        reason = Reason.STOPPED if state == State.PENDING else Reason(outcome.reason) if outcome else Reason.NONE
        facts = step.facts
        return (
            self._operation.number,
            (seq << INDEX_BITS) | index,
            original,
            step.target if visible else None,
            show(original),
            self._category(facts.category) if facts else "",
            _STATUS[state],
            _words(reason, outcome.detail if outcome else ""),
            step.seen.size if step.seen else 0,
            moment,
        )

    def _rows_of_skips(self, chunk: int, skips: Sequence[Skip]) -> list[Row]:
        """The records of what was left alone."""
        moment = moment_now(is_sqlite=self._database.is_sqlite)
        return [
            (
                self._operation.number,
                SKIPPED_BIT | (chunk << INDEX_BITS) | index,
                skip.path,
                None,
                show(skip.path),
                self._category(skip.facts.category) if skip.facts else "",
                "skipped",
                _words(Reason(skip.reason), skip.detail),
                skip.size,
                moment,
            )
            for index, skip in enumerate(skips)
        ]

    def _category(self, index: int) -> str:
        """A category by its place in the rules."""
        return self._categories[index] if 0 <= index < len(self._categories) else ""

    # writing

    def _write(self, marker: int, rows: list[Row], back: list[tuple[bytes, bytes]]) -> None:
        """One transaction: rows, counters, how far it is."""
        number = self._operation.number
        with self._database.writing() as session:
            how_far = {"journal_id": self._journal_id, "projected_batch": marker}
            fenced_update(session, number, self._operation.epoch, also_closed=True, **how_far)
            insert_rows(session, "file_records", _COLUMNS, rows)
            counts = _counted(rows)
            for place, home in back:
                for key, change in _take_back(session, number, place, home):
                    _add(counts, key, *change)
            _add_stats(session, number, counts)
        self._projected = marker


def _words(reason: Reason, detail: str) -> str | None:
    """Why, as a code and what there is to add."""
    if not reason:
        return None
    return f"{reason.label}: {show(detail)}" if detail else reason.label


def _counted(rows: list[Row]) -> dict[tuple[str, str], list[int]]:
    """Files and bytes by status and category."""
    counts: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        _add(counts, (row[6], row[5]), 1, row[8])
    return counts


def _add(counts: dict[tuple[str, str], list[int]], key: tuple[str, str], files: int, size: int) -> None:
    """Add to one counter."""
    entry = counts.setdefault(key, [0, 0])
    entry[0] += files
    entry[1] += size


def _take_back(
    session: Session, number: int, place: bytes, home: bytes
) -> Iterator[tuple[tuple[str, str], tuple[int, int]]]:
    """A file that was counted as done went back, with the family that it belongs to; yields what that changes.

    One in the trash has no new path: it is known by the place that it returns to.
    """
    put_away = place.startswith(TRASH + b"/")
    known = (
        and_(
            FileRecord.new_path.is_(None),
            beginning(FileRecord.original_path) == beginning(literal(home)),
            FileRecord.original_path == home,
        )
        if put_away
        else FileRecord.new_path == place
    )
    query = (
        update(FileRecord)
        .where(FileRecord.operation_number == number, known, FileRecord.status == "completed")
        .values(status="skipped", new_path=None, reason=Reason.WITH_COMPANION.label)
        .returning(FileRecord.category, FileRecord.size_bytes)
    )
    for category, size in session.execute(query).all():
        yield ("completed", category), (-1, -size)
        yield ("skipped", category), (1, size)


_STATS: Final = (
    "INSERT INTO operation_stats (operation_number, status, category, files, bytes) VALUES ({0}, {0}, {0}, {0}, {0})"
    " ON CONFLICT (operation_number, status, category)"
    " DO UPDATE SET files = operation_stats.files + excluded.files, bytes = operation_stats.bytes + excluded.bytes"
)


def _add_stats(session: Session, number: int, counts: dict[tuple[str, str], list[int]]) -> None:
    """Add to the counters of an operation."""
    rows = [(number, status, category, *change) for (status, category), change in counts.items()]
    if rows:
        connection = session.connection()
        mark = "?" if connection.dialect.name == "sqlite" else "%s"
        connection.exec_driver_sql(_STATS.format(mark), rows)
