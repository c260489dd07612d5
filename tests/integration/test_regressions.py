"""What the kill proofs and the state machine have found: each small enough to read."""

import os
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.fs import faults
from fileorganizer.model import Options
from tests.integration.test_crash import kill_at
from tests.support.crash import RECURSIVE, Trial, in_child, swap_tree
from tests.support.disks import image
from tests.support.manifest import difference, manifest
from tests.support.trees import File, read_tree

OLD, NEW = 1_400_000_000, 1_500_000_000


def test_a_swap_is_done(tmp_path: Path) -> None:
    """Parking changes a file's ctime; the second half of its way isn't refused for that."""
    trial = Trial(tmp_path, swap_tree())
    operation = organizer.organize(trial.root, RECURSIVE).operation
    assert operation is not None
    assert (operation.totals.done, operation.totals.skipped) == (2, 0)
    assert read_tree(trial.root) == {"Images": {"2014": {"n.png": "2014's"}, "2017": {"n.png": "2017's"}}}
    undone = organizer.undo(trial.root).operation
    assert undone is not None
    assert undone.totals.done == 2
    trial.check_back("undone")


def test_an_undo_finds_what_an_undo_that_was_cut_off_had_put_aside(tmp_path: Path) -> None:
    """Killed in the middle of a swap: the parked file gets a name beside its place, and the next undo finds it there."""
    trial = Trial(tmp_path, swap_tree())
    organizer.organize(trial.root, RECURSIVE)
    assert not in_child(lambda: organizer.undo(trial.root), kill_at("move.after", 2))
    organizer.recover(trial.root)
    assert len(list(trial.root.glob("Images/*/n (restored).png"))) == 1
    organizer.undo(trial.root)
    trial.check("undone")
    trial.check_back("undone")


def test_nobody_counts_on_a_place_that_is_kept_after_all(tmp_path: Path) -> None:
    """Its occupant was to move, but stays, as another file gets the name that it was to have."""
    tree = {
        "Documents": {"2014": {"b.jpg": File("one", mtime=OLD)}},
        "Images": {"2017": {"b.jpg": File("two", mtime=OLD)}},
        "b.jpg": File("three", mtime=NEW),
    }
    trial = Trial(tmp_path, tree)
    with organizer.preview(trial.root, Options(recursive=True, dates="file", conflict="skip")) as plan:
        assert (plan.head.review.planned, plan.head.review.left_by_reason) == (1, {"name-taken": 2})
    operation = organizer.organize(trial.root, Options(recursive=True, dates="file", conflict="skip")).operation
    assert operation is not None
    assert (operation.totals.done, operation.totals.planned) == (1, 1)


def test_an_undo_plans_no_move_to_a_place_that_stays_taken(tmp_path: Path) -> None:
    """A file can't go back as somebody is in its place; so another one can't go back to where it is now."""
    trial = Trial(tmp_path, {"a.txt": File("first", mtime=OLD)})
    organizer.organize(trial.root, RECURSIVE)
    second = trial.root / "Documents/2014/a.txt"
    second.write_text("edited")
    os.utime(second, (NEW, NEW))
    (trial.root / "a.txt").write_text("second")
    os.utime(trial.root / "a.txt", (OLD, OLD))
    organizer.organize(trial.root, RECURSIVE)
    (trial.root / "a.txt").write_text("in the way")
    with organizer.preview_undo(trial.root) as plan:
        assert (plan.head.review.planned, plan.head.review.left_by_reason) == (0, {"source-taken": 2})


def test_folders_that_a_later_run_and_its_undo_made_anew_are_ours(tmp_path: Path) -> None:
    """They have another inode; an undo of the first run removes those it had made, and gives the others their times."""
    tree = {"in": {"a.txt": File("a", mtime=OLD), "b.txt": File("b", mtime=OLD)}, "keep": {"c.bin~": "c"}}
    trial = Trial(tmp_path, tree)
    organizer.organize(trial.root, Options(recursive=True, dates="file", layout="category", remove_empty_dirs=False))
    before = manifest(trial.root)
    organizer.organize(trial.root, Options(recursive=True, dates="file", layout="year"))
    assert not (trial.root / "Documents").exists()
    organizer.undo(trial.root)
    assert difference(before, manifest(trial.root)) == []
    organizer.undo(trial.root)
    trial.check_back("both undone")


def test_what_is_swept_into_the_trash_is_told_so(tmp_path: Path) -> None:
    """Counted as left alone, but it isn't where it was."""
    trial = Trial(tmp_path, {"in": {"a.txt": File("a", mtime=OLD), "Thumbs.db": "junk"}})
    organizer.organize(trial.root, RECURSIVE)
    with organizer.show(trial.root, "1") as shown:
        rows = {row.path: (row.kind, row.state, row.reason) for row in shown.files}
    assert rows[b"in/Thumbs.db"] == ("trash", "left", "system-file")
    (explained,) = organizer.explain(trial.root, b"in/Thumbs.db")
    assert "trash" in explained.row.detail


@pytest.mark.parametrize("at", ["operation.begun", "trash.prepared", "rmdir.before"])
def test_what_lies_in_a_folder_that_stays_after_all_stays_there(tmp_path: Path, at: str) -> None:
    """Its icon and its view: they go with it, or not at all. Nobody is told that they are in the trash."""
    trial = Trial(tmp_path, {"in": {"a.txt": File("a", mtime=OLD), "desktop.ini": "how it looks"}})

    def action(point: str) -> None:
        if point == at:
            faults.action = None
            (trial.root / "in/new.txt").write_text("just now")

    faults.action = action
    try:
        organizer.organize(trial.root, RECURSIVE)
    finally:
        faults.action = None
    assert read_tree(trial.root) == {
        "Documents": {"2014": {"a.txt": "a"}},
        "in": {"desktop.ini": "how it looks", "new.txt": "just now"},
    }
    with organizer.show(trial.root, "1") as shown:
        assert [row.kind for row in shown.files if row.path == b"in/desktop.ini"] == [""]
    assert organizer.verify(trial.root).problems == []
    (trial.root / "in/new.txt").unlink()
    organizer.undo(trial.root)
    assert read_tree(trial.root) == {"in": {"a.txt": "a", "desktop.ini": "how it looks"}}


def test_what_lies_in_a_folder_of_a_file_that_can_t_go_stays(tmp_path: Path) -> None:
    """One file has changed since the plan, so its folder isn't emptied."""
    trial = Trial(
        tmp_path, {"in": {"a.txt": File("a", mtime=OLD), "b.txt": File("b", mtime=OLD), ".directory": "icon"}}
    )

    def edited(_plan: object) -> bool:
        (trial.root / "in/b.txt").write_text("edited")
        return True

    organizer.organize(trial.root, RECURSIVE, confirm=edited)
    assert read_tree(trial.root) == {
        "Documents": {"2014": {"a.txt": "a"}},
        "in": {"b.txt": "edited", ".directory": "icon"},
    }
    assert organizer.trash_list(trial.root) == []


@pytest.mark.root
@pytest.mark.loop
def test_a_new_file_with_the_number_of_a_deleted_one_is_not_it(tmp_path: Path) -> None:
    """Inode numbers are given out again at once, by an ext4 with a journal; undo asks when the file was made."""
    with image(tmp_path / "disk", "ext4", "-q", "-O", "has_journal") as disk:
        trial = Trial(disk, {"a.txt": File("a", mtime=OLD)})
        organizer.organize(trial.root, RECURSIVE)
        place = trial.root / "Documents/2014/a.txt"
        number = place.stat().st_ino
        place.unlink()
        new = place.with_name("new")
        new.write_text("a new file")
        assert new.stat().st_ino == number
        new.rename(place)
        with organizer.preview_undo(trial.root) as plan:
            assert (plan.head.review.planned, plan.head.review.left_by_reason) == (0, {"not-ours": 1})


def test_a_draft_of_the_epoch_is_no_false_record(tmp_path: Path) -> None:
    """Killed right before the file is renamed: the next run writes it anew."""
    trial = Trial(tmp_path, {"a.txt": File("a", mtime=OLD)})
    organizer.organize(trial.root, RECURSIVE)
    draft = trial.root / ".fileorganizer/epoch.partial"
    draft.write_text("7")
    assert organizer.verify(trial.root).problems == []
    organizer.undo(trial.root)
    assert not draft.exists()


def test_what_a_trial_that_was_cut_off_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Killed while it is tried what the file system can do: no record is false, and the next run clears up."""
    trial = Trial(tmp_path, {"a.txt": File("a", mtime=OLD)})
    organizer.organize(trial.root, RECURSIVE)
    assert not in_child(lambda: organizer.undo(trial.root), kill_at("probe.made"))
    assert (trial.root / ".fileorganizer/probe/a").exists()
    trial.check("killed")
    organizer.undo(trial.root)
    assert not (trial.root / ".fileorganizer/probe").exists()
    trial.check_back("undone")
