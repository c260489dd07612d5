"""The journal in the root: the truth about files.

SQLite in rollback mode with synchronous=FULL; one commit a batch. Every
write checks the journal's epoch, which grows each time a run takes the root:
who was overtaken can't write any more. Batches are chained by digest.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from fileorganizer.errors import DiskFull, Fenced, JournalDamaged, OperationNotFound, StorageFailed, show
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.private import private_file, publish_text, read_text
from fileorganizer.journal import codec
from fileorganizer.journal.records import Batch, Intent, Operation, Settled
from fileorganizer.model import CONTROL_DIRECTORY, Skip

SCHEMA_VERSION: Final = 3
"""1 had the numbers of batches under no digest, and records that didn't say how many batches there are; 2 no ``Step.owner``.

A program that doesn't know a field passes over it. One that finds files by it has to refuse what has it, so it counts.
"""
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE operations (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record BLOB NOT NULL, digest BLOB NOT NULL);
CREATE TABLE batches (
    operation INTEGER NOT NULL REFERENCES operations, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
    settled INTEGER NOT NULL, consumed INTEGER NOT NULL, steps BLOB NOT NULL, before BLOB NOT NULL, outcomes BLOB, after BLOB,
    previous BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (operation, seq));
CREATE INDEX in_doubt ON batches (operation, seq) WHERE settled = 0;
CREATE TABLE skips (operation INTEGER NOT NULL REFERENCES operations, seq INTEGER NOT NULL, skips BLOB NOT NULL,
    PRIMARY KEY (operation, seq));
"""
_FILE: Final = b"journal.db"
_record = msgspec.msgpack.Decoder(Operation)


class Journal:
    """The journal of one root, open for reading, or for writing by the run that holds the root's lock."""

    def __init__(self, root: bytes, *, write: bool) -> None:
        """Open it; with ``write`` it is made when there is none, and its epoch is raised.

        Raises FileNotFoundError (reading, none there), JournalDamaged, DiskFull or StorageFailed.
        """
        self._folder = os.path.join(root, CONTROL_DIRECTORY)
        path = os.path.join(self._folder, _FILE)
        exists = os.path.exists(path)
        mirrored = self._mirrored(root)
        if not exists and (mirrored or not write):
            raise _missing(root, mirrored)
        self.epoch = 0
        if not exists:
            private_file(Path(os.fsdecode(path)))  # SQLite would make it readable for everybody
        with _storage_errors():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._open(write, mirrored, root)

    def _open(self, write: bool, mirrored: int, root: bytes) -> None:
        """Check the version and the epoch against its mirror; as a writer, make the tables and raise the epoch."""
        if write:
            self._db.execute("PRAGMA journal_mode = TRUNCATE")
        if not self._db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            if mirrored or not write:
                self._db.close()
                raise _missing(root, mirrored)
            self._make_tables()
        known = dict(self._db.execute("SELECT key, value FROM meta"))
        version, epoch = known.get("version"), known.get("epoch")
        if not isinstance(version, int) or not isinstance(epoch, int):
            raise JournalDamaged(f"The journal of {show(root)} is damaged. Restore .fileorganizer from a backup.")
        if version > SCHEMA_VERSION:
            raise JournalDamaged(
                f"The journal of {show(root)} is of version {version}; this program knows {SCHEMA_VERSION}. Update it."
            )
        if epoch < mirrored:
            raise JournalDamaged(
                f"The journal of {show(root)} is an older copy (epoch {epoch}, the folder knows {mirrored}). Restore the newest"
                " .fileorganizer folder; nothing was touched."
            )
        self.epoch = epoch
        if write:
            place = self._place()
            with self._transaction(fenced=False):
                self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'epoch'")
                self._db.execute("UPDATE meta SET value = ? WHERE key = 'version'", (SCHEMA_VERSION,))
                if known.get("place") != place:  # what is in the trash already is found by the name in its steps
                    named = (place, os.urandom(16).hex())
                    self._db.execute("INSERT OR REPLACE INTO meta VALUES ('place', ?), ('root_id', ?)", named)
            self.epoch += 1
            faultpoint("epoch.raised")
            publish_text(self._mirror, str(self.epoch))

    def _place(self) -> str:
        """By what this journal is told from a copy of it: file system, inode, and when the file was made."""
        with Root(self._folder) as folder:
            status = folder.look(_FILE)
            assert status is not None  # nosec B101  # it is open
            return f"{os.statvfs(folder.fd).f_fsid} {status.st_ino} {folder.born(_FILE)}"

    @property
    def _mirror(self) -> bytes:
        """The file that says how far the epoch was, so that an older copy of the journal is noticed."""
        return os.path.join(self._folder, b"epoch")

    def _mirrored(self, root: bytes) -> int:
        """What that file says; 0 when there is none. Raises JournalDamaged."""
        try:
            return int(read_text(self._mirror) or 0)
        except ValueError as error:
            raise JournalDamaged(
                f"{show(root)}/.fileorganizer/epoch is damaged. Restore .fileorganizer from a backup; nothing was touched."
            ) from error

    def _make_tables(self) -> None:
        """All tables in one transaction: they are there together or not at all."""
        with self._transaction(fenced=False):
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute("INSERT INTO meta VALUES ('version', ?), ('epoch', 0)", (SCHEMA_VERSION,))
            self._db.execute("INSERT INTO meta VALUES ('root_id', ?)", (os.urandom(16).hex(),))

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def __enter__(self) -> Journal:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def root_id(self) -> str:
        """The random name that this root was given with its journal; a copy of it, or what a backup brought back, gets one of its own."""
        return str(self._db.execute("SELECT value FROM meta WHERE key = 'root_id'").fetchone()[0])

    @property
    def owner(self) -> bytes:
        """By what the trash of a destination tells this root from others: the beginning of its random name."""
        return self.root_id[:16].encode()

    @contextmanager
    def _transaction(self, *, fenced: bool = True) -> Iterator[None]:
        """One durable transaction. Raises Fenced when another run has raised the epoch since."""
        with _storage_errors():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                if fenced:
                    self._check_epoch()
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _check_epoch(self) -> None:
        """Is this run still the one that may write?"""
        epoch = self._db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
        if epoch != self.epoch:
            raise Fenced("Another run has taken over this folder. This one stopped; see 'fileorganizer history'.")

    # operations

    def begin_operation(self, operation: Operation) -> Operation:
        """Record a new operation durably, under the next number; returns it with that number."""
        with self._transaction():
            number = self._db.execute("SELECT coalesce(max(number), 0) + 1 FROM operations").fetchone()[0]
            operation = msgspec.structs.replace(operation, number=number)
            self._write_record(operation, new=True)
        faultpoint("operation.begun")
        return operation

    def update_operation(self, *operations: Operation) -> None:
        """Record the present state of operations, together."""
        with self._transaction():
            for operation in operations:
                self._write_record(operation, new=False)
        faultpoint("operation.updated")

    def _write_record(self, operation: Operation, *, new: bool) -> None:
        """Insert or replace one record, with its digest."""
        blob = msgspec.msgpack.encode(operation)
        values = (blob, codec.chain(b"", blob), operation.operation_id, operation.number)
        if new:
            self._db.execute("INSERT INTO operations (record, digest, id, number) VALUES (?, ?, ?, ?)", values)
        else:
            self._db.execute("UPDATE operations SET record = ?, digest = ? WHERE id = ? AND number = ?", values)

    def operations(self, *, newest_first: bool = True) -> Iterator[Operation]:
        """All operations of this root."""
        sign = -1 if newest_first else 1
        for row in self._rows("SELECT number, id, record, digest FROM operations ORDER BY number * ?", sign):
            yield self._read_record(*row)

    def _read_record(self, number: int, operation_id: str, blob: object, digest: bytes) -> Operation:
        """A record that matches its digest and its row, or JournalDamaged."""
        if isinstance(blob, bytes) and codec.chain(b"", blob) == digest:
            record = _record.decode(blob)
            if (record.number, record.operation_id) == (number, operation_id):
                return record
        raise JournalDamaged(
            "An operation's record doesn't match its digest. Nothing was done; restore .fileorganizer from a backup."
        )

    def operation(self, operation_id: str) -> Operation:
        """One operation by its id, by an unambiguous beginning or end of it, or by its number. Raises OperationNotFound."""
        found = [
            operation
            for operation in self.operations()
            if operation_id == str(operation.number)
            or (len(operation_id) >= 4 and operation.operation_id.startswith(operation_id.lower()))
            or (len(operation_id) >= 4 and operation.operation_id.endswith(operation_id.lower()))
        ]
        if len(found) != 1:
            words = "no operation" if not found else "more than one operation"
            raise OperationNotFound(
                f"This folder has {words} called {show(operation_id)}. 'fileorganizer history' lists them."
            )
        return found[0]

    def by_number(self, number: int) -> Operation:
        """One operation by its number. Raises OperationNotFound."""
        rows = self._rows("SELECT number, id, record, digest FROM operations WHERE number = ?", number)
        if not rows:
            raise OperationNotFound(
                f"This folder has no operation number {number}. 'fileorganizer history' lists them."
            )
        return self._read_record(*rows[0])

    # batches

    def advance(
        self, operation: int, *, settled: Settled | None, intent: Intent | None, skips: list[Skip] | None = None
    ) -> None:
        """In one durable transaction: what became of one batch, and what the next is about to do.

        Raises Fenced, JournalDamaged (the batch isn't the one in doubt), DiskFull or StorageFailed.
        """
        faultpoint("advance.before")
        with self._transaction():
            if settled is not None:
                self._settle(operation, settled)
            if intent is not None:
                self._intend(operation, intent)
            if skips:
                self._db.execute(
                    "INSERT INTO skips SELECT ?, coalesce(max(seq), 0) + 1, ? FROM skips WHERE operation = ?",
                    (operation, codec.pack(skips), operation),
                )
        faultpoint("advance.after")

    def _settle(self, operation: int, settled: Settled) -> None:
        """Write the outcomes of the batch in doubt."""
        row = self._db.execute(
            "SELECT epoch, consumed, previous, steps, before FROM batches WHERE operation = ? AND seq = ? AND settled = 0",
            (operation, settled.seq),
        ).fetchone()
        if row is None:
            raise JournalDamaged(f"Batch {settled.seq} of operation {operation} isn't in doubt. Nothing was written.")
        epoch, consumed, previous, steps, before = row
        outcomes, after = codec.pack(settled.outcomes), codec.pack(settled.after)
        numbers = _numbers(operation, settled.seq, epoch, consumed)
        self._db.execute(
            "UPDATE batches SET settled = 1, outcomes = ?, after = ?, digest = ? WHERE operation = ? AND seq = ?",
            (outcomes, after, codec.chain(previous, numbers, steps, before, outcomes, after), operation, settled.seq),
        )

    def _intend(self, operation: int, intent: Intent) -> None:
        """Write the intent of the next batch, tied to the one before it."""
        if self.in_doubt() is not None:
            raise JournalDamaged("A batch is still in doubt. Run 'fileorganizer recover' first.")
        row = self._db.execute(
            "SELECT seq, digest FROM batches WHERE operation = ? ORDER BY seq DESC LIMIT 1", (operation,)
        ).fetchone()
        last, previous = row or (0, codec.chain(b"", str(operation).encode()))
        if intent.seq != last + 1:
            raise JournalDamaged(
                f"Batch {intent.seq} doesn't follow batch {last} of operation {operation}. Nothing was written."
            )
        before = codec.pack(intent.before)
        numbers = _numbers(operation, intent.seq, self.epoch, intent.consumed)
        self._db.execute(
            "INSERT INTO batches VALUES (?, ?, ?, 0, ?, ?, ?, NULL, NULL, ?, ?)",
            (
                operation,
                intent.seq,
                self.epoch,
                intent.consumed,
                intent.steps,
                before,
                previous,
                codec.chain(previous, numbers, intent.steps, before),
            ),
        )

    def in_doubt(self) -> tuple[int, int] | None:
        """Operation number and sequence of the batch whose outcome isn't written; at most one there is."""
        rows: list[tuple[int, int]] = self._rows("SELECT operation, seq FROM batches WHERE settled = 0 LIMIT 2")
        if len(rows) > 1:
            raise JournalDamaged(
                "More than one batch is in doubt: this journal was put together from several. Nothing was done."
            )
        return rows[0] if rows else None

    def batch_count(self, operation: int) -> int:
        """How many batches of an operation are recorded, settled or not."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM batches WHERE operation = ?", operation)[0][0])

    def batches(self, operation: int, *, newest_first: bool = False) -> Iterator[Batch]:
        """The batches of an operation, each checked against its digest and its neighbour. Raises JournalDamaged."""
        for seq in self._sequence(operation, newest_first=newest_first):
            yield self.batch(operation, seq)

    def _sequence(self, operation: int, *, newest_first: bool) -> range:
        """The sequence numbers from 1 to the last one; a gap shows when it is read. Raises JournalDamaged when the last one lacks."""
        known = self.by_number(operation).batches
        count = self.batch_count(operation)
        if known not in (None, count):
            raise JournalDamaged(
                f"Operation {operation} had {known} batches, the journal has {count}. Restore .fileorganizer from a backup."
            )
        return range(count, 0, -1) if newest_first else range(1, count + 1)

    def batch(self, operation: int, seq: int) -> Batch:
        """One batch. Raises JournalDamaged when it is missing, altered, or doesn't follow the one before it."""
        found = self._rows(
            "SELECT settled, epoch, consumed, steps, before, outcomes, after, previous, digest FROM batches"
            " WHERE operation = ? AND seq = ?",
            operation,
            seq,
        )
        earlier = self._rows("SELECT digest FROM batches WHERE operation = ? AND seq = ?", operation, seq - 1)
        expected = earlier[0][0] if earlier else codec.chain(b"", str(operation).encode())
        if not found or (seq > 1 and not earlier):
            raise JournalDamaged(
                f"Operation {operation} lacks a batch before or at {seq}. Restore .fileorganizer from a backup."
            )
        settled, epoch, consumed, steps, before, outcomes, after, previous, digest = found[0]
        parts = (steps, before, outcomes, after) if settled else (steps, before)
        numbers = _numbers(operation, seq, epoch, consumed)
        forms = (numbers, *parts), parts  # the second one is that of version 1
        blobs = all(isinstance(part, bytes) for part in parts)  # SQLite keeps values of any kind in any column
        if previous != expected or not blobs or all(codec.chain(previous, *form) != digest for form in forms):
            raise JournalDamaged(
                f"Batch {seq} of operation {operation} doesn't match its digest. Restore .fileorganizer from a backup."
            )
        return Batch(
            seq=seq,
            settled=bool(settled),
            consumed=consumed,
            steps=steps,
            before=codec.unpack_folders(before),
            outcomes=codec.unpack_outcomes(outcomes) if settled else [],
            after=codec.unpack_folders(after) if settled else [],
        )

    def skips(self, operation: int) -> Iterator[list[Skip]]:
        """What the operation's plan left alone, in chunks."""
        with _storage_errors():
            for (blob,) in self._db.execute("SELECT skips FROM skips WHERE operation = ? ORDER BY seq", (operation,)):
                if not isinstance(blob, bytes):
                    raise JournalDamaged(
                        f"What operation {operation} left alone can't be read. Restore .fileorganizer from a backup."
                    )
                yield codec.unpack_skips(blob)

    def _rows(self, query: str, *values: int) -> list[Any]:
        """What a query finds. Raises JournalDamaged or StorageFailed."""
        with _storage_errors():
            return self._db.execute(query, values).fetchall()


def _numbers(*numbers: object) -> bytes:
    """What stands beside the blobs of a batch, for its digest: operation, sequence, epoch, consumed."""
    return " ".join(map(repr, numbers)).encode()


def _missing(root: bytes, mirrored: int) -> Exception:
    """What is raised when there is no journal, or nothing is in it: was there one?"""
    if not mirrored:
        return FileNotFoundError(errno.ENOENT, "there is no journal", show(root))
    return JournalDamaged(
        f"The journal of {show(root)} is missing though runs were made here. Restore .fileorganizer from a backup,"
        " or delete that folder to begin anew: then earlier runs can't be undone, and what is in its trash is lost."
    )


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Turn SQLite's errors into ours: full, damaged or failing."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise DiskFull(
                "The disk is full: the journal couldn't be written, so nothing more was moved. Free some space."
            ) from error
        raise StorageFailed(f"The journal can't be used: {error}. Nothing more was moved.") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        raise JournalDamaged(f"The journal is damaged: {error}. Restore .fileorganizer from a backup.") from error
