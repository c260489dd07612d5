"""The journal says what is true, in order, written by one run at a time; or it is refused."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from fileorganizer.errors import (
    DiskFull,
    Fenced,
    JournalDamaged,
    OperationNotFound,
    StorageFailed,
)
from fileorganizer.fs import faults
from fileorganizer.journal import codec
from fileorganizer.journal.records import Intent, Operation, Settled
from fileorganizer.journal.store import Journal
from fileorganizer.model import Folder, Outcome, Skip, Step, StepKind
from tests.support.disks import fill, tmpfs

FOLDER = Folder(0, b"", 1, 2, 3, 4, 5, 6)


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    """A root with an empty control directory."""
    (tmp_path / ".fileorganizer").mkdir()
    return os.fsencode(tmp_path)


def operation(operation_id: str = "0190-aaaa") -> Operation:
    """A record that is about to begin."""
    return Operation(0, operation_id, "organize", "running", 1.0, "plan", b"", b"{}", b"")


def intent(seq: int = 1) -> Intent:
    """An intent to make one folder."""
    return Intent(seq, codec.pack([Step(StepKind.MKDIR, b"", b"x%d" % seq, None)]), [FOLDER], seq)


def database(root: bytes) -> sqlite3.Connection:
    """The journal's file, past the journal."""
    return sqlite3.connect(os.path.join(root, b".fileorganizer/journal.db"), isolation_level=None)


def change(root: bytes, *statements: str) -> None:
    """Do to the file what no run would do."""
    db = database(root)
    for statement in statements:
        db.execute(statement)
    db.close()


def filled(root: bytes) -> None:
    """Two operations, the first with two settled batches and skips, the second with one in doubt."""
    with Journal(root, write=True) as journal:
        first = journal.begin_operation(operation("0190-aaaa-1111"))
        journal.advance(1, settled=None, intent=intent(), skips=[Skip(b"s", 1)])
        journal.advance(1, settled=Settled(1, [Outcome(0, 1, 30)], [FOLDER]), intent=intent(2), skips=[Skip(b"t", 2)])
        journal.advance(1, settled=Settled(2, [], []), intent=None)
        journal.update_operation(msgspec.structs.replace(first, status="completed", batches=2))
        journal.begin_operation(operation("0190-aaaa-2222"))
        journal.advance(2, settled=None, intent=intent())


def test_there_and_back(root: bytes) -> None:
    """Records, batches from both ends, skips, and what is in doubt."""
    filled(root)
    with Journal(root, write=False) as journal:
        assert [(one.number, one.status) for one in journal.operations()] == [(2, "running"), (1, "completed")]
        assert [one.number for one in journal.operations(newest_first=False)] == [1, 2]
        assert [batch.seq for batch in journal.batches(1)] == [1, 2]
        assert [batch.seq for batch in journal.batches(1, newest_first=True)] == [2, 1]
        first, in_doubt = journal.batch(1, 1), journal.batch(2, 1)
        assert (first.settled, first.outcomes, first.before, first.after) == (
            True,
            [Outcome(0, 1, 30)],
            [FOLDER],
            [FOLDER],
        )
        assert (in_doubt.settled, in_doubt.outcomes, in_doubt.after) == (False, [], [])
        assert list(journal.skips(1)) == [[Skip(b"s", 1)], [Skip(b"t", 2)]]
        assert journal.in_doubt() == (2, 1)
        assert journal.batch_count(9) == 0
        assert len(journal.root_id) == 32


@pytest.mark.parametrize(("name", "number"), [("1", 1), ("0190-aaaa-1", 1), ("2222", 2), ("0190-AAAA-2", 2)])
def test_operations_by_name(root: bytes, name: str, number: int) -> None:
    """A number, or an unambiguous beginning or end of an id."""
    filled(root)
    with Journal(root, write=False) as journal:
        assert journal.operation(name).number == number


@pytest.mark.parametrize(
    ("name", "words"), [("9", "no operation"), ("111", "no"), ("0190", "more than one"), ("", "no")]
)
def test_names_of_no_operation(root: bytes, name: str, words: str) -> None:
    """Unknown, too short, ambiguous."""
    filled(root)
    with Journal(root, write=False) as journal:
        with pytest.raises(OperationNotFound, match=words):
            journal.operation(name)
        with pytest.raises(OperationNotFound):
            journal.by_number(9)
        assert journal.by_number(2).operation_id == "0190-aaaa-2222"


def test_nothing_there(root: bytes) -> None:
    """Reading makes nothing; a journal whose making was cut off is none."""
    with pytest.raises(FileNotFoundError):
        Journal(root, write=False)
    assert os.listdir(os.path.join(root, b".fileorganizer")) == []
    sqlite3.connect(os.path.join(root, b".fileorganizer/journal.db")).close()
    with pytest.raises(FileNotFoundError):
        Journal(root, write=False)
    with Journal(root, write=True) as journal:
        assert journal.epoch == 1


def test_batches_follow_each_other(root: bytes) -> None:
    """An intent while another is in doubt, a gap, an outcome for no intent: refused, and nothing is written."""
    filled(root)
    with Journal(root, write=True) as journal:
        with pytest.raises(JournalDamaged, match="still in doubt"):
            journal.advance(2, settled=None, intent=intent(2))
        with pytest.raises(JournalDamaged, match="isn't in doubt"):
            journal.advance(2, settled=Settled(2, [], []), intent=None)
        with pytest.raises(JournalDamaged, match="doesn't follow"):
            journal.advance(2, settled=Settled(1, [], []), intent=intent(3))
        assert journal.in_doubt() == (2, 1)
        journal.advance(2, settled=Settled(1, [], []), intent=intent(2))
        assert journal.in_doubt() == (2, 2)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE batches SET steps = before WHERE operation = 1 AND seq = 1", "digest"),
        ("UPDATE batches SET outcomes = before WHERE operation = 1 AND seq = 1", "digest"),
        ("UPDATE batches SET settled = 1 WHERE operation = 2", "digest"),
        ("UPDATE batches SET previous = digest WHERE operation = 1 AND seq = 1", "digest"),
        ("DELETE FROM batches WHERE operation = 1 AND seq = 1", "lacks"),
        ("UPDATE batches SET seq = 3 WHERE operation = 1 AND seq = 2", "had 2 batches"),
        ("UPDATE batches SET operation = 2, seq = 2 WHERE operation = 1 AND seq = 2", "digest"),
        ("DELETE FROM batches WHERE operation = 1 AND seq = 2", "had 2 batches"),
        ("DELETE FROM batches WHERE operation = 1", "had 2 batches"),
        ("UPDATE batches SET steps = 5 WHERE operation = 2", "digest"),
        ("UPDATE operations SET record = 5 WHERE number = 2", "record"),
        ("UPDATE batches SET consumed = 7 WHERE operation = 1 AND seq = 2", "digest"),
        ("UPDATE batches SET consumed = 'one' WHERE operation = 2", "digest"),
        ("UPDATE batches SET epoch = epoch + 1 WHERE operation = 2", "digest"),
        ("UPDATE operations SET number = 3 WHERE number = 1", "record"),
        ("UPDATE operations SET id = '0190' WHERE number = 1", "record"),
        ("UPDATE operations SET record = digest WHERE number = 1", "record"),
        ("UPDATE operations SET record = digest WHERE number = 2", "record"),
    ],
)
def test_a_changed_record_is_refused(root: bytes, statement: str, words: str) -> None:
    """Whatever was changed, left out or put elsewhere."""
    filled(root)
    change(root, "PRAGMA foreign_keys = OFF", statement)
    with Journal(root, write=False) as journal, pytest.raises(JournalDamaged, match=words):
        _read_all(journal)


def test_a_list_that_is_none(root: bytes) -> None:
    """What was left alone."""
    filled(root)
    change(root, "UPDATE skips SET skips = 5")
    with Journal(root, write=False) as journal, pytest.raises(JournalDamaged, match="left alone"):
        list(journal.skips(1))


def _read_all(journal: Journal) -> None:
    """Every record and every batch."""
    for one in journal.operations():
        journal.by_number(one.number)
        list(journal.batches(one.number))


def _content(journal: Journal) -> object:
    """All that is in it."""
    numbers = [one.number for one in journal.operations()]
    return list(journal.operations()), [(list(journal.batches(n)), list(journal.skips(n))) for n in numbers]


def _read_root(root: bytes) -> None:
    """Open the journal and read all of it."""
    with Journal(root, write=False) as journal:
        _read_all(journal)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM meta WHERE key = 'epoch'", "UPDATE meta SET value = 'two' WHERE key = 'version'"]
)
def test_a_journal_that_does_not_say_what_it_is(root: bytes, statement: str) -> None:
    """Its version or its epoch is gone or no number."""
    filled(root)
    change(root, statement)
    for write in (False, True):
        with pytest.raises(JournalDamaged, match="is damaged"):
            Journal(root, write=write)


def test_two_batches_in_doubt_are_no_journal_of_ours(root: bytes) -> None:
    """I8: put together from several."""
    filled(root)
    change(root, "UPDATE batches SET settled = 0 WHERE operation = 1 AND seq = 2")
    with Journal(root, write=False) as journal, pytest.raises(JournalDamaged, match="More than one"):
        journal.in_doubt()


def test_an_older_copy_is_refused(root: bytes) -> None:
    """The folder knows how far the journal was; also that there was one."""
    filled(root)
    path = os.path.join(root, b".fileorganizer/journal.db")
    with open(path, "rb") as file:
        older = file.read()
    Journal(root, write=True).close()
    with open(path, "wb") as file:
        file.write(older)
    for write in (False, True):
        with pytest.raises(JournalDamaged, match="older copy"):
            Journal(root, write=write)
    os.unlink(path)
    for write in (False, True):
        with pytest.raises(JournalDamaged, match="missing"):
            Journal(root, write=write)


def test_a_newer_version_is_refused(root: bytes) -> None:
    """The program says to be updated, and raises no epoch."""
    filled(root)
    change(root, "UPDATE meta SET value = 99 WHERE key = 'version'")
    for write in (False, True):
        with pytest.raises(JournalDamaged, match="Update it"):
            Journal(root, write=write)
    assert database(root).execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone() == (1,)


def test_an_older_version_goes_on(root: bytes) -> None:
    """Version 1 had no numbers under the digests; what is written to it is of the present version, which older programs refuse."""
    filled(root)
    db = database(root)
    previous = b""
    for row in db.execute(
        "SELECT operation, seq, steps, before, outcomes, after FROM batches ORDER BY operation, seq"
    ).fetchall():
        number, seq, *blobs = row
        previous = codec.chain(b"", b"%d" % number) if seq == 1 else previous
        digest = codec.chain(previous, *(blob for blob in blobs if blob is not None))
        db.execute(
            "UPDATE batches SET previous = ?, digest = ? WHERE operation = ? AND seq = ?",
            (previous, digest, number, seq),
        )
        previous = digest
    db.execute("UPDATE meta SET value = 1 WHERE key = 'version'")
    db.close()
    with Journal(root, write=False) as journal:
        held = _content(journal)
    with Journal(root, write=True) as journal:
        assert _content(journal) == held
        journal.advance(2, settled=Settled(1, [], []), intent=intent(2))
        journal.advance(2, settled=Settled(2, [], []), intent=None)
        assert [batch.seq for batch in journal.batches(2)] == [1, 2]
    assert database(root).execute("SELECT value FROM meta WHERE key = 'version'").fetchone() == (3,)


def test_version_2_is_read_and_becomes_what_an_older_program_refuses(root: bytes) -> None:
    """It had no owners of what is in a destination's trash: whoever knows only that would look in the wrong place."""
    with Journal(root, write=True) as journal:
        journal.begin_operation(operation())
        held = _content(journal)
    db = database(root)
    db.execute("UPDATE meta SET value = 2 WHERE key = 'version'")
    with Journal(root, write=False) as journal:
        assert _content(journal) == held
    with Journal(root, write=True) as journal:
        assert _content(journal) == held
    assert db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() == (3,)
    db.close()


def test_no_database(root: bytes) -> None:
    """Garbage in its place."""
    with open(os.path.join(root, b".fileorganizer/journal.db"), "wb") as file:
        file.write(b"no database at all " * 300)
    for write in (False, True):
        with pytest.raises(JournalDamaged, match="damaged"):
            Journal(root, write=write)


def test_f14_who_was_overtaken_writes_nothing(root: bytes) -> None:
    """The epoch decides, for each kind of write."""
    with Journal(root, write=True) as old:
        begun = old.begin_operation(operation())
        with Journal(root, write=True) as new:
            assert new.epoch == old.epoch + 1
            for write in (
                lambda: old.begin_operation(operation("other")),
                lambda: old.update_operation(begun),
                lambda: old.advance(1, settled=None, intent=intent()),
            ):
                with pytest.raises(Fenced):
                    write()
            assert [one.operation_id for one in new.operations()] == ["0190-aaaa"]
            assert new.in_doubt() is None


def test_a_death_between_epoch_and_mirror(root: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is ahead of what the folder knows: that is fine."""

    def die(name: str) -> None:
        if name == "epoch.raised":
            raise KeyboardInterrupt

    monkeypatch.setattr(faults, "action", die)
    with pytest.raises(KeyboardInterrupt):
        Journal(root, write=True)
    monkeypatch.undo()
    with Journal(root, write=True) as journal:
        assert journal.epoch == 2


def test_f16_a_full_disk(tmp_path: Path) -> None:
    """Nothing is half written: the intent isn't there, and it is when there is room again."""
    with tmpfs(tmp_path / "disk", "size=256k") as disk:
        (disk / ".fileorganizer").mkdir()
        with Journal(os.fsencode(disk), write=True) as journal:
            journal.begin_operation(operation())
            filler = fill(disk)
            big = Intent(1, os.urandom(60_000), [], 1)
            with pytest.raises(DiskFull, match="Free some space"):
                journal.advance(1, settled=None, intent=big)
            assert journal.in_doubt() is None
            filler.unlink()
            journal.advance(1, settled=None, intent=big)
            assert journal.in_doubt() == (1, 1)


def test_a_disk_that_fails(root: bytes) -> None:
    """Another program holds the file: the storage failed, not the journal."""
    with Journal(root, write=True) as journal:
        journal._db.execute("PRAGMA busy_timeout = 1")
        other = database(root)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageFailed, match="locked"):
            journal.begin_operation(operation())
        other.execute("ROLLBACK")
        other.close()
        assert journal.begin_operation(operation()).number == 1


def test_reading_damage_in_the_middle(root: bytes) -> None:
    """A page that is no page any more: that is told, when the journal is opened or when it is read, or it held nothing."""
    filled(root)
    path = os.path.join(root, b".fileorganizer/journal.db")
    whole = Path(os.fsdecode(path)).read_bytes()
    with Journal(root, write=False) as journal:
        before = _content(journal)
    told: list[str] = []
    for start in range(4096, len(whole), 4096):
        with open(path, "wb") as file:
            file.write(whole[:start] + b"\xff" * 4096 + whole[start + 4096 :])
        stage = "opening"
        try:
            with Journal(root, write=False) as journal:
                stage = "reading"
                assert _content(journal) == before
        except JournalDamaged:
            told.append(stage)
    assert {"opening", "reading"} <= set(told)


def test_damage_on_any_page(root: bytes) -> None:
    """Whatever page it is, what is read is what was written, or the journal is refused."""
    filled(root)
    path = Path(os.fsdecode(root), ".fileorganizer/journal.db")
    whole = path.read_bytes()
    with Journal(root, write=False) as journal:
        expected = _content(journal)
    for page in range(1, len(whole) // 4096):
        path.write_bytes(whole[: page * 4096] + b"\xff" * 4096 + whole[(page + 1) * 4096 :])
        with suppress(JournalDamaged), Journal(root, write=False) as journal:
            assert _content(journal) == expected


def test_an_emptied_journal_is_no_new_one(root: bytes) -> None:
    """Cut off to nothing, it isn't taken for a folder in which nothing was ever done; nor is a mark that says nothing."""
    filled(root)
    control = Path(os.fsdecode(root), ".fileorganizer")
    os.truncate(control / "journal.db", 0)
    for write in (False, True):
        with pytest.raises(JournalDamaged, match="missing"):
            Journal(root, write=write)
    for content in (b"1\xff", b"x1"):
        (control / "epoch").write_bytes(content)
        with pytest.raises(JournalDamaged, match="epoch is damaged"):
            Journal(root, write=True)


def test_only_its_user_can_read_it(root: bytes) -> None:
    """S50: the names of all files stand in it."""
    Journal(root, write=True).close()
    assert os.stat(os.path.join(root, b".fileorganizer/journal.db")).st_mode & 0o777 == 0o600
