"""One immutable SQLite file a plan: its steps in batches, what it leaves alone, and what it means for a human.

A plan is written under a partial name and published whole; afterwards it is
only read. A million steps never stand in memory: batches come one by one.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from fileorganizer.errors import PlanDamaged, PlanNotFound
from fileorganizer.fs.faults import faultpoint
from fileorganizer.fs.private import discard, private_file, private_folder, publish
from fileorganizer.journal import codec
from fileorganizer.model import Review, Skip, Step

VERSION: Final = 1
KEEP_SECONDS: Final = 30 * 86_400
_SCHEMA = """
CREATE TABLE head (version INTEGER NOT NULL, head BLOB NOT NULL, digest BLOB NOT NULL);
CREATE TABLE batches (seq INTEGER PRIMARY KEY, count INTEGER NOT NULL, steps BLOB NOT NULL);
CREATE TABLE skips (seq INTEGER PRIMARY KEY, skips BLOB NOT NULL);
CREATE TABLE folders (tree INTEGER NOT NULL, path BLOB NOT NULL, files INTEGER NOT NULL, bytes INTEGER NOT NULL,
    PRIMARY KEY (tree, path)) WITHOUT ROWID;
CREATE TEMP TABLE notes (path BLOB PRIMARY KEY, note BLOB NOT NULL) WITHOUT ROWID;
"""
BEFORE, AFTER = 0, 1
"""The two trees of a plan."""


class Head(msgspec.Struct):
    """What a plan is for. Together with its batches it is the decision; nothing is looked up later."""

    plan_id: str
    operation_type: str
    root: bytes
    root_identity: tuple[int, int]
    created_at: float
    options: bytes
    rules: bytes
    capabilities: bytes
    review: Review
    destination: bytes | None = None
    destination_identity: tuple[int, int] | None = None
    undoes: int | None = None
    whole: bool = True
    nested_roots: list[bytes] = []
    zone: str = ""
    """The time zone by which files were given to days and years."""
    scan_seconds: float = 0.0
    plan_seconds: float = 0.0


class PlanWriter:
    """A plan in the making; ``finish`` publishes it, ``abandon`` leaves nothing behind."""

    def __init__(self, folder: Path, plan_id: str) -> None:
        """Begin an empty plan in ``folder``."""
        self._final = private_folder(folder) / f"{plan_id}.plan"
        self._partial = private_file(folder / f"{plan_id}.partial")
        self._db = sqlite3.connect(self._partial, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")  # one for the whole plan: nobody reads a partial one, and each row pays less
        self._next = 1

    def add_batch(self, steps: list[Step]) -> int:
        """Append a batch; returns its number. An empty one is not stored."""
        seq = self._next
        if steps:
            self.put_batch(seq, steps)
            self._next += 1
        return seq

    def add_packed(self, count: int, steps: bytes) -> None:
        """Append a batch of so many steps that are packed already."""
        self.put_packed(self._next, count, steps)
        self._next += 1

    def put_batch(self, seq: int, steps: Sequence[Step | msgspec.Raw]) -> None:
        """Write or replace the batch ``seq``, of steps as values or still packed; with no steps it is removed."""
        if steps:
            self.put_packed(seq, len(steps), codec.pack(steps))
        else:
            self._db.execute("DELETE FROM batches WHERE seq = ?", (seq,))

    def put_packed(self, seq: int, count: int, steps: bytes) -> None:
        """Write or replace the batch ``seq``, of so many steps that are packed already."""
        self._db.execute("INSERT OR REPLACE INTO batches VALUES (?, ?, ?)", (seq, count, steps))

    def batch(self, seq: int) -> list[Step]:
        """Read a batch back."""
        blob = self._blob(seq)
        return codec.unpack_steps(blob) if blob else []

    def packed_batch(self, seq: int) -> codec.PackedSteps:
        """Read a batch back of which few steps are wanted."""
        return codec.PackedSteps(self._blob(seq))

    def _blob(self, seq: int) -> bytes:
        """A batch as stored; empty when there is none."""
        row = self._db.execute("SELECT steps FROM batches WHERE seq = ?", (seq,)).fetchone()
        return row[0] if row else b""

    def batches(self) -> Iterator[list[Step]]:
        """All batches so far, in their order."""
        for (seq,) in self._db.execute("SELECT seq FROM batches ORDER BY seq").fetchall():
            yield self.batch(seq)

    def add_skips(self, skips: list[Skip]) -> None:
        """Append what is left alone."""
        if skips:
            self._db.execute("INSERT INTO skips (skips) VALUES (?)", (codec.pack(skips),))

    def left_alone(self, paths: set[bytes]) -> set[bytes]:
        """Which of these files are left alone, by themselves or with a folder that they are in."""
        left: set[bytes] = set()
        at_or_below: dict[bytes, set[bytes]] = {}
        for path in paths:
            above = path
            while above:
                at_or_below.setdefault(above, set()).add(path)
                above = above.rpartition(b"/")[0]
        for (blob,) in self._db.execute("SELECT skips FROM skips"):
            for skip in codec.unpack_skips(blob):
                left |= at_or_below.get(skip.path, set())
        return left

    def has_folder(self, tree: int, path: bytes) -> bool:
        """Is a folder in a tree?"""
        return bool(self._db.execute("SELECT 1 FROM folders WHERE tree = ? AND path = ?", (tree, path)).fetchone())

    def add_folders(self, tree: int, rows: Iterable[tuple[bytes, int, int]]) -> None:
        """The folders of a tree with the files and bytes directly in them."""
        self._db.executemany(
            "INSERT INTO folders VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET files = files + excluded.files, bytes = bytes + excluded.bytes",
            ((tree, *row) for row in rows),
        )

    def add_notes(self, notes: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep something about paths while the plan is made; it doesn't become part of it."""
        self._db.executemany("INSERT INTO notes VALUES (?, ?)", notes)

    def notes_backwards(self) -> Iterator[bytes]:
        """What was kept, the last path first: a folder after all that is in it."""
        for (note,) in self._db.execute("SELECT note FROM notes ORDER BY path DESC"):
            yield note

    def finish(self, head: Head) -> None:
        """Seal the plan with its digest and publish it durably."""
        blob = msgspec.msgpack.encode(head)
        self._db.execute("INSERT INTO head VALUES (?, ?, ?)", (VERSION, blob, _digest(self._db, blob)))
        self._db.execute("COMMIT")
        self._db.close()
        faultpoint("plan.sealed")
        publish(self._partial, self._final)
        faultpoint("plan.published")

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._db.close()
        discard(self._partial)


def _digest(db: sqlite3.Connection, head: bytes) -> bytes:
    """The digest over a plan's head, batches and skips, in their order."""
    digest = codec.chain(b"", head)
    for query in ("SELECT steps FROM batches ORDER BY seq", "SELECT skips FROM skips ORDER BY seq"):
        for (blob,) in db.execute(query):
            digest = codec.chain(digest, blob)
    return digest


class Plan:
    """A published plan, opened for reading."""

    def __init__(self, folder: Path, plan_id: str, *, check_digest: bool = True) -> None:
        """Open it and check it against its digest, unless the caller knows that it was. Raises PlanNotFound or PlanDamaged."""
        self.path = folder / f"{plan_id}.plan"
        if not plan_id.replace("-", "").isalnum() or not self.path.exists():
            raise PlanNotFound(f"There is no plan {plan_id!r}. Make a new one with 'fileorganizer preview'.")
        self._db = sqlite3.connect(
            f"{self.path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        try:
            version, blob, self.digest = self._db.execute("SELECT version, head, digest FROM head").fetchone()
            if version != VERSION:
                raise PlanDamaged(
                    f"Plan {plan_id} is of version {version}, this program reads {VERSION}. Make a new plan."
                )
            if check_digest and _digest(self._db, blob) != self.digest:
                raise PlanDamaged(f"Plan {plan_id} doesn't match its digest. Make a new one.")
            self.head: Head = msgspec.msgpack.decode(blob, type=Head)
        except (sqlite3.DatabaseError, TypeError, msgspec.DecodeError) as error:
            raise PlanDamaged(f"Plan {plan_id} can't be read: {error}. Make a new one.") from error

    def __enter__(self) -> Plan:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def discard(self) -> None:
        """Close and remove it: the journal holds its steps now."""
        self.close()
        discard(self.path)

    @property
    def batch_count(self) -> int:
        """How many batches it has."""
        return int(self._db.execute("SELECT count(*) FROM batches").fetchone()[0])

    def blobs(self, after: int = 0) -> Iterator[bytes]:
        """The batches as stored, in their order, beginning behind the first ``after`` of them."""
        for (blob,) in self._db.execute("SELECT steps FROM batches ORDER BY seq LIMIT -1 OFFSET ?", (after,)):
            yield blob

    def batches(self) -> Iterator[list[Step]]:
        """The steps, batch by batch."""
        return map(codec.unpack_steps, self.blobs())

    def skips(self) -> Iterator[list[Skip]]:
        """What it leaves alone, chunk by chunk."""
        for (blob,) in self._db.execute("SELECT skips FROM skips ORDER BY seq"):
            yield codec.unpack_skips(blob)

    def folders(self, tree: int) -> Iterator[tuple[bytes, int, int]]:
        """The folders of a tree in path order: path, files directly in it, their bytes."""
        yield from self._db.execute("SELECT path, files, bytes FROM folders WHERE tree = ? ORDER BY path", (tree,))

    def files_in(self, tree: int, path: bytes) -> int | None:
        """How many files a tree has directly in a folder; None in a plan without trees, as those of clean-ups are."""
        query = "SELECT path, files FROM folders WHERE tree = ? AND path IN (x'', ?)"
        known = dict(self._db.execute(query, (tree, path)).fetchall())
        return known.get(path, 0) if known else None


def forget_old_plans(folder: Path) -> None:
    """Remove plans that nobody has applied for thirty days, and what an interrupted planning left behind a day ago."""
    if not folder.is_dir():
        return
    now = time.time()
    for path in folder.iterdir():
        limit = KEEP_SECONDS if path.suffix == ".plan" else 86_400
        if path.suffix in (".plan", ".partial"):
            with suppress(FileNotFoundError):  # another run may do the same just now
                if now - path.stat().st_mtime > limit:
                    discard(path)
