"""The control directory leaves no trace in the user's folder, and its locks keep two runs apart."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fileorganizer.errors import RootBusy, RootRefused
from fileorganizer.fs import control
from fileorganizer.fs.beneath import Root
from tests.support.disks import nobody
from tests.support.trees import write_tree


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that becomes the root."""
    made = tmp_path / "outer/root"
    write_tree(tmp_path / "outer", {"root": {"in": {}}})
    return made


@pytest.fixture
def root(folder: Path) -> Iterator[Root]:
    """The root."""
    with Root(os.fsencode(folder)) as opened:
        yield opened


def locked(locks: control.Locks, folder: Path, holder: str) -> None:
    """Lock a folder for a run of this name."""
    with Root(os.fsencode(folder)) as root:
        fd = control.open_control(root, create=True)
        assert fd is not None
        try:
            locks.take_root(root, fd, holder)
        finally:
            os.close(fd)


def work_on(locks: control.Locks, folder: Path, *, inside: Path) -> None:
    """Take all the locks of a run on ``folder`` that found the root ``inside`` in it."""
    locked(locks, folder, "another run")
    locks.share_above(os.fsencode(folder))
    locks.share(os.fsencode(inside))


def test_it_is_made_only_when_asked_for(root: Root, folder: Path) -> None:
    """Private, and the folder's time stays as it was."""
    before = folder.stat().st_mtime_ns
    assert control.open_control(root, create=False) is None
    assert list(folder.iterdir()) == [folder / "in"]
    for _ in range(2):
        fd = control.open_control(root, create=True)
        assert fd is not None
        assert stat.S_IMODE(os.fstat(fd).st_mode) == 0o700
        os.close(fd)
    assert folder.stat().st_mtime_ns == before
    assert (folder / ".fileorganizer/temporary").is_dir()
    fd = control.open_control(root, create=False)
    assert fd is not None
    os.close(fd)


def test_another_process_is_quicker(root: Root, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made between the look and the call: theirs is as good."""
    look = root.look
    monkeypatch.setattr(root, "look", lambda path: ((folder / ".fileorganizer").mkdir(), look(b"none"))[1])
    monkeypatch.setattr(control, "faultpoint", lambda _name: monkeypatch.setattr(root, "look", look))
    fd = control.open_control(root, create=True)
    assert fd is not None
    os.close(fd)


def test_a_folder_that_can_t_be_written_to(root: Root, folder: Path) -> None:
    """Refused, and nothing is changed."""
    with nobody(), pytest.raises(RootRefused, match="can't be written to: Permission denied"):
        control.open_control(root, create=True)
    assert list(folder.iterdir()) == [folder / "in"]


@pytest.mark.parametrize("what", ["file", "link"])
def test_its_name_is_taken(root: Root, folder: Path, tmp_path: Path, what: str) -> None:
    """A file or a link with that name is left alone, and said."""
    name = folder / ".fileorganizer"
    if what == "file":
        name.write_text("mine")
    else:
        name.symlink_to(tmp_path)
    for create in (True, False):
        with pytest.raises(RootRefused, match="Move it away first"):
            control.open_control(root, create=create)


def test_nested_runs_are_kept_apart(folder: Path, tmp_path: Path) -> None:
    """F38: the same root, one above it, one inside it; a neighbour may."""
    (folder.parent / "neighbour").mkdir()
    with control.Locks() as first:
        locked(first, folder, "the first run")
        for other in (folder, folder / "in", folder.parent):
            with control.Locks() as second, pytest.raises(RootBusy, match="the first run"):
                work_on(second, other, inside=folder)
        with control.Locks() as third:
            work_on(third, folder.parent / "neighbour", inside=folder.parent / "neighbour/none")
    with control.Locks() as later:
        locked(later, folder, "a later run")


def test_a_run_doesn_t_wait_for_itself(folder: Path) -> None:
    """Its own second root may be above the first one."""
    with control.Locks() as locks:
        locked(locks, folder, "a run")
        locked(locks, folder.parent, "a run")
        locks.share_above(os.fsencode(folder))


def test_a_holder_that_didn_t_say_its_name(folder: Path) -> None:
    """It is another run all the same."""
    with control.Locks() as locks:
        locked(locks, folder, "")
        with control.Locks() as second, pytest.raises(RootBusy, match="another run"):
            locked(second, folder, "the second")


def test_who_shares_a_lock_is_not_who_had_it_last(folder: Path) -> None:
    """A run inside keeps this one away; the name in the file is that of one that ended long ago."""
    with control.Locks() as earlier:
        locked(earlier, folder, "a run of yesterday")
    with control.Locks() as inside, control.Locks() as second:
        inside.share(os.fsencode(folder))
        with pytest.raises(RootBusy, match="another run"):
            locked(second, folder, "the second")


def test_a_lock_that_can_t_be_looked_at_stops_the_run(folder: Path) -> None:
    """Nobody knows whether somebody works there: no descriptors left."""
    with control.Locks() as locks:
        locked(locks, folder, "a run")
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            with pytest.raises(OSError) as refused:  # noqa: PT011  # the number is what counts
                control.Locks().share(os.fsencode(folder))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert refused.value.errno == errno.EMFILE


def test_a_file_system_without_locks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that isn't "taken" is no permission; the descriptor isn't kept."""

    def no_locks(_fd: int, _kind: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    before = os.listdir("/proc/self/fd")
    with control.Locks() as locks, pytest.raises(OSError, match="No locks"):
        locked(locks, folder, "a run")
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_holder_that_ends_while_its_name_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has the lock any more: nobody is named as the one who does."""
    with control.Locks() as locks, control.Locks() as second:
        locked(locks, folder, "a run")
        read = os.pread

        def read_and_end(fd: int, size: int, offset: int) -> bytes:
            found = read(fd, size, offset)
            locks.close()
            return found

        monkeypatch.setattr(os, "pread", read_and_end)
        locked(second, folder, "the second")
        monkeypatch.undo()
        with control.Locks() as third, pytest.raises(RootBusy, match="the second"):
            locked(third, folder, "the third")
