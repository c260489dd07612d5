"""The trash of a root and of its destinations: listed, brought back, destroyed, and counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fileorganizer import cleaner, organizer
from fileorganizer.cleaner import Cleaning
from fileorganizer.errors import InvalidOption, NothingToUndo
from fileorganizer.model import DESTINATION, SOURCE, Options
from tests.support.disks import tmpfs
from tests.support.manifest import difference, manifest
from tests.support.trees import File, HardLink, read_tree, write_tree

OLD = 1_400_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with two files."""
    folder = tmp_path / "root"
    write_tree(folder, {"a.txt": File(b"a", mtime=OLD), "b.txt": File(b"bb", mtime=OLD)})
    return folder


def copied_and_back(root: Path, there: Path) -> None:
    """Copy into a destination and undo: the copies are in the destination's trash."""
    there.mkdir(exist_ok=True)
    organizer.organize(root, Options(mode="copy", destination=str(there), dates="file"))
    organizer.undo(root)
    assert read_tree(there) == {}


def counts(root: Path) -> list[tuple[str, int, bool]]:
    """Of each operation, the oldest first: what it is, how much of it is taken back, and whether all is."""
    return [(o.operation_type, o.rolled_back_count, o.rolled_back) for o in reversed(organizer.history(root))]


def test_copies_in_the_trash_of_a_destination(root: Path, tmp_path: Path) -> None:
    """They are listed with their side and folder, come back by id or path, and that can be undone."""
    there = tmp_path / "there"
    copied_and_back(root, there)
    items = organizer.trash_list(root)
    assert sorted(item.path for item in items) == [b"Documents/2014/a.txt", b"Documents/2014/b.txt"]
    assert {(item.side, item.root) for item in items} == {(DESTINATION, bytes(there))}
    assert counts(root) == [("organize", 2, True), ("rollback", 0, False)]
    organizer.restore(root, ["Documents/2014/a.txt"])
    assert read_tree(there) == {"Documents": {"2014": {"a.txt": "a"}}}
    assert organizer.verify(root).problems == []
    assert counts(root) == [("organize", 1, False), ("rollback", 1, False), ("restore", 0, False)]
    organizer.undo(root, "3")
    assert read_tree(there) == {}
    assert len(organizer.trash_list(root)) == 2
    assert counts(root)[:3] == [("organize", 2, True), ("rollback", 0, False), ("restore", 1, True)]
    organizer.undo(root, "4")
    assert counts(root)[:3] == [("organize", 1, False), ("rollback", 1, False), ("restore", 0, False)]
    assert organizer.verify(root).problems == []


def test_all_of_it_comes_back(root: Path, tmp_path: Path) -> None:
    """Then the undo is taken back as a whole, and the copies are an operation to be undone again."""
    there = tmp_path / "there"
    copied_and_back(root, there)
    organizer.restore(root, [])
    assert read_tree(there) == {"Documents": {"2014": {"a.txt": "a", "b.txt": "bb"}}}
    assert counts(root) == [("organize", 0, False), ("rollback", 2, True), ("restore", 0, False)]
    organizer.undo(root)
    assert read_tree(there) == {}
    assert counts(root)[0] == ("organize", 2, True)
    with pytest.raises(NothingToUndo):
        organizer.undo(root)
    assert organizer.verify(root).problems == []


def test_two_of_one_place(root: Path, tmp_path: Path) -> None:
    """The one that was put away last comes back; the other is told of, and stays until its place is free."""
    there = tmp_path / "there"
    copied_and_back(root, there)
    write_tree(root, {"a.txt": File(b"newer", mtime=OLD)})
    copied_and_back(root, there)
    with organizer.show(root, organizer.restore(root, []).operation.operation_id) as shown:  # type: ignore[union-attr]
        assert (shown.operation.totals.planned, shown.operation.totals.done) == (2, 2)
        left = [(row.path, row.reason) for row in shown.files if row.state == "left"]
    assert sorted(left) == [(b"Documents/2014/a.txt", "source-taken"), (b"Documents/2014/b.txt", "source-taken")]
    assert read_tree(there) == {"Documents": {"2014": {"a.txt": "newer", "b.txt": "bb"}}}
    assert organizer.verify(root).problems == []
    organizer.restore(root, [])
    assert len(organizer.trash_list(root)) == 2
    (there / "Documents/2014/a.txt").unlink()
    organizer.restore(root, [])
    assert read_tree(there) == {"Documents": {"2014": {"a.txt": "a", "b.txt": "bb"}}}


def test_a_purge_of_a_destination_s_trash(root: Path, tmp_path: Path) -> None:
    """Destroys what is named, and nothing of the root."""
    there = tmp_path / "there"
    copied_and_back(root, there)
    before = manifest(root)
    item = next(item for item in organizer.trash_list(root) if item.path.endswith(b"b.txt"))
    report = organizer.purge(root, [item.item_id])
    assert report.operation is not None
    assert report.operation.totals.by_reason == {}
    assert (report.operation.totals.done, report.operation.totals.bytes) == (1, 2)
    assert [item.path for item in organizer.trash_list(root)] == [b"Documents/2014/a.txt"]
    assert difference(before, manifest(root)) == []
    assert organizer.verify(root).problems == []


def test_two_destinations_one_at_a_time(root: Path, tmp_path: Path) -> None:
    """Both are listed; a restore names the items of one."""
    for name in ("one", "two"):
        copied_and_back(root, tmp_path / name)
    items = organizer.trash_list(root)
    assert {item.root for item in items} == {bytes(tmp_path / "one"), bytes(tmp_path / "two")}
    with pytest.raises(InvalidOption, match="one folder at a"):
        organizer.restore(root, [])
    with pytest.raises(InvalidOption, match="one folder at a"):
        organizer.purge(root)
    organizer.restore(root, [item.item_id for item in items if item.root == bytes(tmp_path / "two")])
    assert read_tree(tmp_path / "one") == {}
    assert (tmp_path / "two/Documents/2014/a.txt").exists()


def test_a_destination_that_isn_t_there(root: Path, tmp_path: Path) -> None:
    """Its trash can't be listed; nothing else suffers."""
    copied_and_back(root, tmp_path / "there")
    (tmp_path / "there").rename(tmp_path / "away")
    assert organizer.trash_list(root) == []
    (tmp_path / "away").rename(tmp_path / "there")
    assert len(organizer.trash_list(root)) == 2


def test_originals_of_a_move_across_devices(root: Path, tmp_path: Path) -> None:
    """They lie in the root's own trash; one that is brought back counts as back."""
    before = manifest(root)
    with tmpfs(tmp_path / "disk") as disk:
        organizer.organize(root, Options(destination=str(disk), dates="file", across_devices=True))
        items = organizer.trash_list(root)
        assert {(item.side, item.root) for item in items} == {(SOURCE, bytes(root))}
        organizer.restore(root, ["a.txt"])
        assert counts(root) == [("organize", 1, False), ("restore", 0, False)]
        assert (root / "a.txt").read_text() == "a"
        organizer.undo(root)
        assert counts(root)[0] == ("organize", 2, True)
        assert difference(before, manifest(root)) == []
        assert organizer.verify(root).problems == []


def test_junk_counts_for_nothing(tmp_path: Path) -> None:
    """What systems leave in emptied folders is no file of the operation."""
    root = tmp_path / "root"
    write_tree(root, {"in": {"a.txt": File(b"a", mtime=OLD), "Thumbs.db": "junk"}})
    organizer.organize(root, Options(recursive=True, dates="file"))
    organizer.restore(root, [])
    assert (root / "in/Thumbs.db").exists()
    assert counts(root) == [("organize", 0, False), ("restore", 0, False)]


def test_an_id_names_no_other_file(tmp_path: Path) -> None:
    """A file that lay at what looks like one isn't destroyed with the item that has it."""
    root = tmp_path / "root"
    write_tree(root, {"a": File("same", mtime=OLD), "b": "same"})
    cleaner.clean_up(root, Cleaning(keep="oldest"))
    write_tree(root, {"1": {"1-0": "alike"}, "z": File("alike", mtime=OLD)})
    cleaner.clean_up(root, Cleaning(keep="oldest"))
    assert {item.item_id: item.path for item in organizer.trash_list(root)} == {"1/1-0": b"b", "2/1-0": b"1/1-0"}
    organizer.purge(root, ["1/1-0"])
    assert [item.path for item in organizer.trash_list(root)] == [b"1/1-0"]
    organizer.restore(root, [str(root / "1/1-0")])
    assert read_tree(root) == {"a": "same", "1": {"1-0": "alike"}, "z": "alike"}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Two roots that were copied to one destination, and that."""
    there = tmp_path / "there"
    there.mkdir()
    for name in ("one", "two"):
        write_tree(tmp_path / name, {f"{name}.txt": File(name, mtime=OLD)})
        organizer.organize(tmp_path / name, Options(mode="copy", destination=str(there), dates="file"))
    return tmp_path / "one", tmp_path / "two", there


def test_two_roots_with_one_destination(two: tuple[Path, Path, Path]) -> None:
    """Both number their operations from 1: their copies don't get into each other's way in its trash."""
    one, other, there = two
    for root in (other, one):
        organizer.undo(root)
    assert read_tree(there) == {}
    listed = [(item.item_id, item.path) for root in (one, other) for item in organizer.trash_list(root)]
    assert listed == [("2/1-0", b"Documents/2014/one.txt"), ("2/1-0", b"Documents/2014/two.txt")]
    organizer.purge(one)
    organizer.restore(other, [])
    assert read_tree(there) == {"Documents": {"2014": {"two.txt": "two"}}}
    assert [organizer.verify(root).problems for root in (one, other)] == [[], []]


def test_a_root_that_was_copied_with_its_records(two: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Then two have one name: at the same place in the destination's trash one finds what the other put there. It isn't its own."""
    one, _, there = two
    shutil.copytree(one, tmp_path / "copy", copy_function=shutil.copy2)
    organizer.undo(one)
    organizer.undo(one, "2")
    (there / "Documents/2014/one.txt").rename(there / "kept.txt")
    organizer.organize(tmp_path / "copy", Options(mode="copy", destination=str(there), dates="file"))
    organizer.undo(tmp_path / "copy", "1")
    organizer.purge(one)
    assert read_tree(there)["kept.txt"] == "one"


def test_copies_of_a_root_have_places_of_their_own(two: tuple[Path, Path, Path], tmp_path: Path) -> None:
    """Both take the one copy back, one after the other: what the second has put away isn't in the trash of the first, nor destroyed by it."""
    one, _, there = two
    shutil.copytree(one, tmp_path / "copy", copy_function=shutil.copy2)
    organizer.undo(one)
    organizer.restore(one, [])
    organizer.undo(tmp_path / "copy")
    assert [item.path for item in organizer.trash_list(tmp_path / "copy")] == [b"Documents/2014/one.txt"]
    assert organizer.trash_list(one) == []
    organizer.purge(one)
    organizer.restore(tmp_path / "copy", [])
    assert read_tree(there)["Documents"]["2014"]["one.txt"] == "one"


def test_what_is_put_away_again_is_there_since_then(root: Path) -> None:
    """An undo of an undo: it isn't as old as the first time, so that a purge of what is old leaves it."""
    write_tree(root, {"a.txt": File("same", mtime=OLD), "b.txt": File("same", mtime=OLD + 9)})
    cleaner.clean_up(root, Cleaning("oldest"))
    (first,) = organizer.trash_list(root)
    organizer.undo(root)
    organizer.undo(root, "2")
    (item,) = organizer.trash_list(root)
    assert item.trashed_at == organizer.history(root)[0].finished_at
    assert (item.item_id, item.path, item.trashed_at > first.trashed_at) == (first.item_id, first.path, True)


def names_put_away(root: Path) -> dict[str, str]:
    """A clean-up that put a file with two names away; the items of the trash by their paths."""
    write_tree(
        root,
        {"a.txt": File(b"same", mtime=OLD), "b.txt": File(b"same", mtime=OLD + 1), "c.txt": HardLink("b.txt")},
    )
    cleaner.clean_up(root, Cleaning("oldest"))
    return {item.path.decode(): item.item_id for item in organizer.trash_list(root)}


@pytest.mark.parametrize("names", [["b.txt"], ["c.txt"], ["b.txt", "c.txt"]])
def test_a_further_name_is_a_file_where_the_first_one_isn_t_asked_for(tmp_path: Path, names: list[str]) -> None:
    """One file comes back by each of its names, or by both: that is told, and of the clean-up one file is back, never two."""
    root = tmp_path / "root"
    items = names_put_away(root)
    assert sorted(items) == ["b.txt", "c.txt"]
    report = organizer.restore(root, [items[name] for name in names])
    assert report.operation is not None
    assert (report.operation.totals.planned, report.operation.totals.done, report.operation.totals.bytes) == (1, 1, 4)
    assert sorted(read_tree(root)) == ["a.txt", *names]
    assert counts(root)[0] == ("duplicate_cleanup", int("b.txt" in names), "b.txt" in names)
    organizer.restore(root, [])
    assert counts(root)[0] == ("duplicate_cleanup", 1, True)
    assert (root / "b.txt").stat().st_ino == (root / "c.txt").stat().st_ino
    for operation in range(len(counts(root)), 1, -1):
        organizer.undo(root, str(operation))
    assert (sorted(read_tree(root)), counts(root)[0]) == (["a.txt"], ("duplicate_cleanup", 0, False))
    assert organizer.verify(root).problems == []


def test_what_was_swept_away_comes_back_as_a_file(tmp_path: Path) -> None:
    """It isn't one of the files that the run moved; brought back by name it is the one that was asked for."""
    root = tmp_path / "root"
    write_tree(root, {"sub": {"a.txt": File(b"a", mtime=OLD), "Thumbs.db": "junk"}})
    organizer.organize(root, Options(dates="file", recursive=True))
    report = organizer.restore(root, ["sub/Thumbs.db"])
    assert report.operation is not None
    assert (report.operation.totals.planned, report.operation.totals.done) == (1, 1)
    assert (read_tree(root)["sub"], counts(root)[0]) == ({"Thumbs.db": "junk"}, ("organize", 0, False))
