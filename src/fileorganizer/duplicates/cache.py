"""Digests between runs: (device, inode, size, mtime, ctime) → digest, in the user's cache folder.

Whatever happens to it, nothing worse follows than reading again: each row
carries its own checksum, a file that isn't a database is thrown away, and an
entry counts only for a file of which not even the ctime has changed. So it is
written without waiting for the disk. Rows hold up to 64 neighbouring inodes:
a row a file would cost more than hashing it, and a folder's files are neighbours.
What whole searches found is kept, too, for those after which nothing has changed.
"""

from __future__ import annotations

import os
import sqlite3
import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import compress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from xxhash import xxh3_64_intdigest

from fileorganizer.duplicates.table import signed
from fileorganizer.fs.private import discard, kept_file, private_folder
from fileorganizer.model import Identity
from fileorganizer.settings import cache_dir

BUCKET_BITS: Final = 6
MOST_BYTES: Final = 1 << 30
QUIET_NS: Final = 2_000_000_000
"""A file that was changed so shortly before it was read may change again within the same tick of the clock: not kept."""
SAMPLES: Final = "sample"
"""The name under which digests of beginning and end are kept."""
KINDS: Final = {SAMPLES: 8, "sha256": 32, "blake3": 32}
"""Everything that is kept, and the bytes of a digest."""
_FILE: Final = "digests.db"
_LOADED: Final = 2048
_ROW_BYTES: Final = 80
"""About what a row takes besides its entries."""
_FLUSH_BYTES: Final = 2 << 20
"""Little at a time, so that the readers don't run out of work meanwhile."""
_SEARCHES: Final = 8
"""So many whole searches are remembered …"""
_SEARCH_BYTES: Final = 32 << 20
"""… each of which takes no more than this."""
_VERSION: Final = 1
_DAY: Final = 86_400
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS buckets (kind TEXT NOT NULL, device INTEGER NOT NULL, bucket INTEGER NOT NULL,
    entries BLOB NOT NULL, checksum INTEGER NOT NULL, used INTEGER NOT NULL, PRIMARY KEY (kind, device, bucket)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS searches (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, state BLOB NOT NULL, found BLOB NOT NULL,
    checksum INTEGER NOT NULL);
"""

Key = tuple[int, int]
"""device, bucket."""
Renamed = tuple[int, int, int, int]
"""device, inode, ctime before, ctime after."""


def quiet_before(read_at: int) -> int:
    """What was changed after this moment may, when read at ``read_at`` (ns), have changed since and look the same."""
    return read_at - QUIET_NS


class _Bucket:
    """The entries of a row as words of eight bytes, and inode → number of the entry."""

    __slots__ = ("columns", "numbers")

    def __init__(self, entries: bytes, record: int) -> None:
        self.columns = array("q", entries)
        inodes = array("Q", self.columns[0 :: record // 8].tobytes())
        self.numbers = dict(zip(inodes, range(len(inodes)), strict=True))


_NOTHING: Final = _Bucket(b"", 40)


class DigestCache:
    """One kind of digest. A context manager, for one thread.

    A cache that can't be used says nothing and keeps nothing.
    """

    def __init__(self, folder: Path, kind: str, *, without: Collection[int] = ()) -> None:
        """``kind``: one of ``KINDS``; ``without`` these devices, whose ctimes say nothing. Nothing is opened yet."""
        self._folder, self._kind, self._width = folder, kind, KINDS[kind]
        self._without = without
        self._record = 32 + self._width
        self._db: sqlite3.Connection | None = None
        self._loaded: dict[Key, _Bucket] = {}
        self._used: set[Key] = set()
        self._pending: dict[Key, bytearray] = {}
        self._pending_bytes = 0

    def __enter__(self) -> Self:
        """Open or make it."""
        path = self._folder / _FILE
        for _ in range(2):
            try:
                private_folder(self._folder)
                self._db = self._opened(kept_file(path))
            except sqlite3.DatabaseError:
                discard(path)
            except OSError:
                return self
            else:
                return self
        return self

    def _opened(self, path: Path) -> sqlite3.Connection:
        """The database with its table. Raises sqlite3.DatabaseError for anything else than ours."""
        db = sqlite3.connect(path, isolation_level=None, timeout=10)
        try:
            db.execute("PRAGMA synchronous = OFF")
            db.execute("PRAGMA page_size = 16384")  # so that a row fits into its page
            if db.execute("PRAGMA user_version").fetchone()[0] not in (0, _VERSION):
                db.executescript("DROP TABLE IF EXISTS buckets; DROP TABLE IF EXISTS searches;")
            db.executescript(_SCHEMA)
            db.execute(f"PRAGMA user_version = {_VERSION}")
        except sqlite3.Error:
            db.close()
            raise
        return db

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what is new, also when the search was stopped."""
        self.flush()
        if self._db is not None:
            self._transact(self._tidy)
            self._db.close()
            self._db = None

    def _transact(self, act: Callable[[sqlite3.Connection], None]) -> None:
        """Do something in one transaction; when it fails the cache just isn't written."""
        assert self._db is not None  # nosec B101  # the callers look first
        try:
            self._db.execute("BEGIN IMMEDIATE")
            act(self._db)
            self._db.execute("COMMIT")
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    # looking up

    @property
    def is_empty(self) -> bool:
        """Is nothing of this kind remembered?"""
        if self._db is None:
            return True
        try:
            return self._db.execute("SELECT 1 FROM buckets WHERE kind = ? LIMIT 1", (self._kind,)).fetchone() is None
        except sqlite3.Error:
            return True

    def recall(self, files: Iterable[tuple[int, int, int, int, int, int]]) -> Iterator[tuple[int, array[int], int]]:
        """Of files (number, dev, ino, size, mtime, ctime) those whose digest was kept for the very state they are in.

        Gives the number, and where the words of the digest begin in which array. This
        loop runs once a file and is written for speed.
        """
        device, bucket, numbers, columns = -1, -1, _NOTHING.numbers, _NOTHING.columns
        words = self._record // 8
        for file, dev, inode, size, mtime, ctime in files:
            if bucket != inode >> BUCKET_BITS or device != dev:
                device, bucket = dev, inode >> BUCKET_BITS
                loaded = self._loaded.get((device, bucket)) or self._load((device, bucket))
                numbers, columns = loaded.numbers, loaded.columns
            at = numbers.get(inode)
            if at is not None:
                at *= words
                if columns[at + 3] == ctime and columns[at + 2] == mtime and columns[at + 1] == size:
                    yield file, columns, at + 4

    def _load(self, key: Key) -> _Bucket:
        """The entries of a bucket; few buckets are kept, because inodes of a folder are neighbours."""
        if len(self._loaded) >= _LOADED:
            del self._loaded[next(iter(self._loaded))]
        bucket = _Bucket(self._read(key), self._record)
        self._loaded[key] = bucket
        if bucket.numbers:
            self._used.add(key)
        return bucket

    def _read(self, key: Key) -> bytes:
        """The stored entries of a bucket; none when they don't match their checksum."""
        if self._db is None or key[0] in self._without:
            return b""
        try:
            row = self._db.execute(
                "SELECT CAST(entries AS BLOB), checksum FROM buckets WHERE kind = ? AND device = ? AND bucket = ?",
                (self._kind, signed(key[0]), signed(key[1])),
            ).fetchone()
        except sqlite3.Error:
            return b""
        if row is None or self._checksum(key, row[0]) != row[1] or len(row[0]) % self._record:
            return b""
        entries: bytes = row[0]
        return entries

    def _checksum(self, key: Key, entries: bytes) -> int:
        """What a row must show to be believed."""
        where = repr((self._kind, *key)).encode()
        return signed(xxh3_64_intdigest(entries, xxh3_64_intdigest(where)))

    # keeping

    def keep(self, columns: Sequence[array[int]], digests: bytes, *, read_at: int) -> None:
        """Note digests of files (columns dev, ino, size, mtime, ctime). What was changed right before ``read_at`` (ns) isn't kept."""
        if self._db is None or not columns[0]:
            return
        of_a_digest, words = self._width // 8, array("q", digests)
        wide = [*columns, *(words[at::of_a_digest] for at in range(of_a_digest))]
        for device, own in _by_device(wide):
            if device not in self._without:
                self._keep(device, own, read_at)
        if self._pending_bytes > _FLUSH_BYTES:
            self.flush()

    def _keep(self, device: int, columns: Sequence[array[int]], read_at: int) -> None:
        """The same for one device, without its column, with the words of the digests as further ones."""
        packed, width = _rows(columns), self._record
        rows: Iterable[bytes] = (packed[at : at + width] for at in range(0, len(packed), width))
        inodes: Iterable[int] = columns[0]
        quiet = quiet_before(read_at)
        if max(columns[2]) > quiet or max(columns[3]) > quiet:
            settled = [mtime <= quiet and ctime <= quiet for mtime, ctime in zip(columns[2], columns[3], strict=True)]
            rows, inodes = compress(rows, settled), compress(inodes, settled)
        found: defaultdict[int, list[bytes]] = defaultdict(list)
        for inode, row in zip(inodes, rows, strict=True):  # once a file: written for speed
            found[inode >> BUCKET_BITS].append(row)
        for bucket, some in found.items():
            self._put((device, bucket), b"".join(some))

    def _put(self, key: Key, records: bytes) -> None:
        """Add to what is to be written."""
        pending = self._pending.get(key)
        if pending is None:
            self._pending[key] = bytearray(records)
        else:
            pending += records
        self._pending_bytes += len(records)

    def flush(self) -> None:
        """Write what is new."""
        if self._db is None or not self._pending:
            return
        self._transact(self._write_pending)
        for key in self._pending:
            self._loaded.pop(key, None)
        self._pending, self._pending_bytes = {}, 0

    def _write_pending(self, db: sqlite3.Connection) -> None:
        """Write all buckets that something was added to."""
        for key, records in self._pending.items():
            self._write(db, key, _merged(self._read(key), records, self._record))

    def _write(self, db: sqlite3.Connection, key: Key, entries: bytes) -> None:
        """Replace a row."""
        today = int(time.time()) // _DAY
        values = (self._kind, signed(key[0]), signed(key[1]), entries, self._checksum(key, entries), today)
        db.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?, ?)", values)

    def hand_over(self, moved: Iterable[Renamed]) -> None:
        """Keep the digests of files that were renamed by us."""
        if self._db is None or self.is_empty:
            return
        by_bucket: dict[Key, dict[int, tuple[int, int]]] = {}
        for device, inode, before, after in moved:
            by_bucket.setdefault((device, inode >> BUCKET_BITS), {})[inode] = before, after

        def hand_over(db: sqlite3.Connection) -> None:
            for key, files in by_bucket.items():
                self._hand_over_bucket(db, key, files)

        self._transact(hand_over)

    def _hand_over_bucket(self, db: sqlite3.Connection, key: Key, files: dict[int, tuple[int, int]]) -> None:
        """The same for one bucket; a row without any of the files isn't written."""
        records = array("q", self._read(key))
        words, changed = self._record // 8, False
        for at in range(0, len(records), words):
            before, after = files.get(records[at] & 0xFFFF_FFFF_FFFF_FFFF, (0, 0))  # a call each would be felt
            if before and records[at + 3] == before:
                records[at + 3], changed = after, True
        if changed:
            self._write(db, key, records.tobytes())
            self._loaded.pop(key, None)

    # whole searches

    def recall_search(self, state: bytes) -> bytes | None:
        """What was found when all that was searched was in this very state; None when that isn't known."""
        if self._db is None:
            return None
        try:
            row = self._db.execute(
                "SELECT CAST(found AS BLOB), checksum FROM searches WHERE kind = ? AND state = ?", (self._kind, state)
            ).fetchone()
        except sqlite3.Error:
            return None
        if row is None or _search_checksum(state, row[0]) != row[1]:
            return None
        found: bytes = row[0]
        return found

    def remember_search(self, state: bytes, found: bytes) -> None:
        """Note what was found, and forget older searches for it."""
        if self._db is None or len(found) > _SEARCH_BYTES:
            return

        def write(db: sqlite3.Connection) -> None:
            db.execute("DELETE FROM searches WHERE kind = ? AND state = ?", (self._kind, state))
            values = (self._kind, state, found, _search_checksum(state, found))
            db.execute("INSERT INTO searches (kind, state, found, checksum) VALUES (?, ?, ?, ?)", values)
            db.execute("DELETE FROM searches WHERE number <= (SELECT max(number) FROM searches) - ?", (_SEARCHES,))

        self._transact(write)

    # keeping it small

    def _tidy(self, db: sqlite3.Connection) -> None:
        """At the end of each use."""
        self._note_used(db)
        self._shrink(db)

    def _note_used(self, db: sqlite3.Connection) -> None:
        """Rows that were read count as new again, at most once a week each."""
        today = int(time.time()) // _DAY
        db.executemany(
            "UPDATE buckets SET used = ? WHERE kind = ? AND device = ? AND bucket = ? AND used < ?",
            ((today, self._kind, signed(device), signed(bucket), today - 6) for device, bucket in self._used),
        )

    def _shrink(self, db: sqlite3.Connection) -> None:
        """Drop the rows that nobody asked for longest until the rest fits."""
        pages, free, size = (
            db.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "freelist_count", "page_size")
        )
        excess = (pages - free) * size - MOST_BYTES
        if excess <= 0:
            return
        rows = db.execute("SELECT kind, device, bucket, length(entries) FROM buckets ORDER BY used").fetchall()
        for kind, device, bucket, length in rows:
            if excess <= 0:
                return
            db.execute("DELETE FROM buckets WHERE kind = ? AND device = ? AND bucket = ?", (kind, device, bucket))
            excess -= length + _ROW_BYTES


def _search_checksum(state: bytes, found: bytes) -> int:
    """What a remembered search must show to be believed."""
    return signed(xxh3_64_intdigest(found, xxh3_64_intdigest(state)))


def _by_device(columns: Sequence[array[int]]) -> Iterator[tuple[int, Sequence[array[int]]]]:
    """Each device of the first column, and the others of its files. Nearly always there is one."""
    devices, others = columns[0], columns[1:]
    if devices.count(devices[0]) == len(devices):
        yield devices[0], others
        return
    for device in set(devices):
        own = [one == device for one in devices]
        yield device, [array(column.typecode, compress(column, own)) for column in others]


def _rows(columns: Sequence[array[int]]) -> bytes:
    """Columns of words of eight bytes as rows, one after the other."""
    rows = array("q", bytes(8 * len(columns) * len(columns[0])))
    for at, column in enumerate(columns):
        rows[at :: len(columns)] = array("q", column.tobytes())
    return rows.tobytes()


def _merged(old: bytes, new: bytes | bytearray, record: int) -> bytes:
    """Old and new entries, the newest of each inode."""
    if not old:  # a search reads each file once
        return bytes(new)
    entries = {old[at : at + 8]: old[at : at + record] for at in range(0, len(old), record)}
    entries.update((bytes(new[at : at + 8]), bytes(new[at : at + record])) for at in range(0, len(new), record))
    return b"".join(entries.values())


def changed_times(renamed: Iterable[tuple[Identity, os.stat_result]]) -> list[Renamed]:
    """What the caches have to know of files as they were planned, and as they are after a rename of ours.

    Those that are otherwise as they were; none where no digests are remembered.
    """
    if not os.path.exists(cache_dir() / _FILE):
        return []
    return [
        (seen.dev, seen.ino, seen.ctime_ns, now.st_ctime_ns)
        for seen, now in renamed
        if now.st_mtime_ns == seen.mtime_ns and now.st_size == seen.size and now.st_ino == seen.ino
    ]


def follow_renamed(renamed: list[Renamed]) -> None:
    """Tell the caches of files that were renamed by us.

    A rename changes the ctime: without this the content would have to be read again.
    """
    if renamed:
        for kind in KINDS:
            with DigestCache(cache_dir(), kind) as cache:
                cache.hand_over(renamed)
