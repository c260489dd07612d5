"""Whatever happens to the cache, nothing worse follows than reading again."""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest

from fileorganizer.duplicates import cache
from fileorganizer.duplicates.cache import SAMPLES, DigestCache

LONG_AGO = 10**18
File = tuple[int, int, int, int, int]
"""dev, ino, size, mtime, ctime."""


def columns_of(files: Sequence[File]) -> list[array[int]]:
    """As the search has them."""
    return [array(code, column) for code, column in zip("QQqqq", zip(*files, strict=True), strict=True)]


def bytes_of(digest: int, kind: str = SAMPLES) -> bytes:
    """A digest of a number."""
    return array("q", [digest] * (cache.KINDS[kind] // 8)).tobytes()


def keep(folder: Path, files: dict[File, int], kind: str = SAMPLES) -> None:
    """Keep a digest a file; those of 32 bytes are four times the number."""
    with DigestCache(folder, kind) as opened:
        for file, digest in files.items():
            opened.keep(columns_of([file]), bytes_of(digest, kind), read_at=time.time_ns())


def recall(folder: Path, files: list[File], kind: str = SAMPLES) -> list[int | None]:
    """What is remembered of files."""
    with DigestCache(folder, kind) as opened:
        found = {number: words[at] for number, words, at in opened.recall((n, *file) for n, file in enumerate(files))}
    return [found.get(number) for number in range(len(files))]


FILES: dict[File, int] = {
    (1, 5, 10, LONG_AGO, LONG_AGO): 11,
    (1, 6, 10, LONG_AGO, LONG_AGO): -12,
    (1, 5_000, 10, LONG_AGO, LONG_AGO): 13,
    (2, 5, 10, LONG_AGO, LONG_AGO): 14,
    (2**64 - 1, 2**64 - 1, 10, -5, LONG_AGO): 15,
}


def test_a_digest_counts_for_the_very_state_of_the_file(tmp_path: Path) -> None:
    """Device, inode, size, mtime, ctime; kinds are apart."""
    keep(tmp_path, FILES)
    keep(tmp_path, dict.fromkeys(FILES, 99), "sha256")
    assert recall(tmp_path, list(FILES)) == list(FILES.values())
    assert recall(tmp_path, list(FILES), "sha256") == [99] * 5
    assert recall(tmp_path, list(FILES), "blake3") == [None] * 5
    file = next(iter(FILES))
    for at in range(5):
        other = tuple(number + 7 * (place == at) for place, number in enumerate(file))
        assert recall(tmp_path, [other]) == [None]  # type: ignore[list-item]  # five numbers
    keep(tmp_path, {file: 21})
    assert recall(tmp_path, list(FILES)) == [21, -12, 13, 14, 15]


def test_a_message_of_several_devices(tmp_path: Path) -> None:
    """A folder of an overlay shows files of more than one: each is kept under its own."""
    with DigestCache(tmp_path, SAMPLES) as opened:
        opened.keep(columns_of(list(FILES)), b"".join(map(bytes_of, FILES.values())), read_at=time.time_ns())
    assert recall(tmp_path, list(FILES)) == list(FILES.values())


def test_what_was_changed_just_now_is_not_kept(tmp_path: Path) -> None:
    """By mtime or by ctime; the others of the same message are."""
    now = time.time_ns()
    files = [(1, 1, 9, LONG_AGO, LONG_AGO), (1, 2, 9, now, LONG_AGO), (1, 3, 9, LONG_AGO, now)]
    with DigestCache(tmp_path, SAMPLES) as opened:
        opened.keep(columns_of(files), b"".join(map(bytes_of, (7, 8, 9))), read_at=now)
    assert recall(tmp_path, files) == [7, None, None]


@pytest.mark.parametrize("harm", ["entries", "checksum", "cut", "moved"])
def test_a_damaged_row_is_not_believed(tmp_path: Path, harm: str) -> None:
    """Flipped bits, a row under another key: read again."""
    keep(tmp_path, FILES)
    db = sqlite3.connect(tmp_path / "digests.db")
    if harm == "entries":
        db.execute("UPDATE buckets SET entries = zeroblob(length(entries))")
    elif harm == "checksum":
        db.execute("UPDATE buckets SET checksum = checksum + 1")
    elif harm == "cut":
        db.execute("UPDATE buckets SET entries = substr(entries, 1, 35)")
    else:
        db.execute("UPDATE buckets SET device = device + 100")
    db.commit()
    db.close()
    assert recall(tmp_path, list(FILES)) == [None] * 5
    assert recall(tmp_path, [(file[0] + 100, *file[1:]) for file in list(FILES)[:4]]) == [None] * 4


def test_an_altered_row_is_not_believed(tmp_path: Path) -> None:
    """Whatever it was altered into."""
    keep(tmp_path, FILES)
    for value in (b"wrong", "text", 7):
        db = sqlite3.connect(tmp_path / "digests.db", isolation_level=None)
        db.execute("UPDATE buckets SET entries = ?", (value,))
        db.close()
        assert recall(tmp_path, list(FILES)) == [None] * 5


def test_what_is_no_database_is_thrown_away(tmp_path: Path) -> None:
    """So is one of another version."""
    (tmp_path / "digests.db").write_bytes(b"nonsense" * 1_000)
    keep(tmp_path, FILES)
    assert recall(tmp_path, list(FILES)) == list(FILES.values())
    db = sqlite3.connect(tmp_path / "digests.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    assert recall(tmp_path, list(FILES)) == [None] * 5
    keep(tmp_path, FILES)
    assert recall(tmp_path, list(FILES)) == list(FILES.values())


def test_without_a_folder_nothing_is_remembered(tmp_path: Path) -> None:
    """A cache that can't be made is no reason to fail."""
    (tmp_path / "file").touch()
    keep(tmp_path / "file", FILES)
    assert recall(tmp_path / "file", list(FILES)) == [None] * 5
    with DigestCache(tmp_path / "file", SAMPLES) as opened:
        assert opened.is_empty
        opened.hand_over([(1, 5, 1, 2)])


def test_a_cache_in_use_is_not_waited_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another writer keeps it: then this search remembers nothing, and says nothing. A table that is gone is the same."""
    keep(tmp_path, FILES)
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: connect(path, **options | {"timeout": 0.01}))
    busy = connect(tmp_path / "digests.db", isolation_level=None)
    with DigestCache(tmp_path, SAMPLES) as opened:
        busy.execute("BEGIN IMMEDIATE")
        columns = columns_of([(1, 9, 9, LONG_AGO, LONG_AGO)])
        opened.keep(columns, bytes_of(7), read_at=time.time_ns())
    busy.execute("DROP TABLE buckets")
    busy.execute("COMMIT")
    with DigestCache(tmp_path, SAMPLES) as opened:
        busy.execute("DROP TABLE buckets")
        assert opened.is_empty
        busy.execute("DROP TABLE searches")
        assert opened.recall_search(b"state") is None
        assert list(opened.recall([(0, 1, 9, 9, LONG_AGO, LONG_AGO)])) == []
        opened.keep(columns, bytes_of(7), read_at=time.time_ns())
    busy.close()


def test_renames_of_ours_are_followed(tmp_path: Path) -> None:
    """The new ctime counts, the old one doesn't; whose old ctime isn't known is left alone."""
    keep(tmp_path, FILES)
    with DigestCache(tmp_path, SAMPLES) as opened:
        opened.hand_over([(1, 5, LONG_AGO, LONG_AGO + 7), (1, 6, LONG_AGO + 1, LONG_AGO + 7), (3, 5, LONG_AGO, 1)])
    assert recall(tmp_path, [(1, 5, 10, LONG_AGO, LONG_AGO + 7), (1, 6, 10, LONG_AGO, LONG_AGO + 7)]) == [11, None]
    assert recall(tmp_path, list(FILES)) == [None, -12, 13, 14, 15]


def search_of(folder: Path, state: bytes, found: bytes | None = None, kind: str = "sha256") -> bytes | None:
    """Remember a search, where there is something to remember, and ask for it."""
    with DigestCache(folder, kind) as opened:
        if found is not None:
            opened.remember_search(state, found)
        return opened.recall_search(state)


def test_what_a_search_found_counts_for_its_very_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest are kept, of no more than so many bytes; what was altered since isn't believed."""
    assert search_of(tmp_path, b"state") is None
    assert search_of(tmp_path, b"state", b"found") == b"found"
    assert search_of(tmp_path, b"state", b"found again") == b"found again"
    assert search_of(tmp_path, b"other") is None and search_of(tmp_path, b"state", kind="blake3") is None
    for number in range(20):
        search_of(tmp_path, b"%d" % number, b"found")
    assert search_of(tmp_path, b"state") is None
    assert [number for number in range(20) if search_of(tmp_path, b"%d" % number)] == list(range(12, 20))
    monkeypatch.setattr(cache, "_SEARCH_BYTES", 5)
    assert search_of(tmp_path, b"large", b"a byte more") is None
    db = sqlite3.connect(tmp_path / "digests.db", isolation_level=None)
    db.execute("UPDATE searches SET found = 'wrong' WHERE state = ?", (b"19",))
    assert search_of(tmp_path, b"19") is None and search_of(tmp_path, b"18") == b"found"
    db.execute("DROP TABLE searches")
    db.close()
    with DigestCache(tmp_path / "digests.db", "sha256") as nowhere:
        nowhere.remember_search(b"state", b"found")
        assert nowhere.recall_search(b"state") is None


def test_it_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows that nobody asked for longest go; being asked for makes a row new again."""
    keep(tmp_path, {(1, number << cache.BUCKET_BITS, 10, LONG_AGO, LONG_AGO): number for number in range(1, 1_000)})
    db = sqlite3.connect(tmp_path / "digests.db")
    db.execute("UPDATE buckets SET used = used - 30 + bucket % 20")
    db.commit()
    asked = (1, 20 << cache.BUCKET_BITS, 10, LONG_AGO, LONG_AGO)
    assert recall(tmp_path, [asked]) == [20]
    monkeypatch.setattr(cache, "MOST_BYTES", 50_000)
    keep(tmp_path, {(1, 5_000 << cache.BUCKET_BITS, 10, LONG_AGO, LONG_AGO): 999})
    left = {row[0] for row in db.execute("SELECT bucket FROM buckets")}
    assert 200 < len(left) < 1_000 and {20, 5_000} <= left
    db.close()


def test_many_buckets_are_written_and_loaded_in_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flushed while searching, dropped from memory when there are too many."""
    monkeypatch.setattr(cache, "_FLUSH_BYTES", 100)
    monkeypatch.setattr(cache, "_LOADED", 3)
    files = {(1, number << cache.BUCKET_BITS, 10, LONG_AGO, LONG_AGO): number for number in range(1, 50)}
    keep(tmp_path, files)
    assert recall(tmp_path, [*files, *files]) == [*files.values(), *files.values()]
