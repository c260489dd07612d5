"""A helper makes a share of the moves; what comes of it is what one process makes, whoever dies or fails meanwhile."""

from __future__ import annotations

import errno
import io
import logging
import os
import signal
import socket
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from itertools import count
from multiprocessing import Pipe
from pathlib import Path

import msgspec
import pytest

from fileorganizer import organizer
from fileorganizer.errors import RootBusy, StorageFailed
from fileorganizer.execution import executor, helping
from fileorganizer.execution.helping import Helper, Share
from fileorganizer.fs import _linux, control, faults
from fileorganizer.journal import codec
from fileorganizer.journal.records import Operation
from fileorganizer.model import Options, Step, StepKind
from fileorganizer.progress import Listener
from tests.support.crash import RECURSIVE, Trial, even_tree, helped, in_child, small_tree, swap_tree, take_all_back
from tests.support.manifest import manifest
from tests.support.trees import File, put_tree, read_tree
from tests.support.working import identity, workplace

FILES = {f"{number:02}.txt": File(f"{number}", mtime=1_400_000_000) for number in range(40)}


@pytest.fixture(autouse=True)
def _nobody_is_killed() -> Iterator[None]:
    """After the test."""
    yield
    faults.action = None


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many steps the helper got through, share by share."""
    moved: list[int] = []
    begin, finished = Helper.begin, Helper.finished

    def began(helper: Helper, first: int, end: int) -> None:
        moved.append(-first)
        begin(helper, first, end)

    def ended(helper: Helper) -> Share | None:
        share = finished(helper)
        moved[-1] = 0 if share is None else moved[-1] + share.end
        return share

    monkeypatch.setattr(Helper, "begin", began)
    monkeypatch.setattr(Helper, "finished", ended)
    return moved


def only_in(helper: bool, action: Callable[[str], None]) -> Callable[[str], None]:
    """An action for the helper alone, or for the first process alone."""
    first = os.getpid()
    return lambda name: action(name) if (os.getpid() != first) == helper else None


def in_turns(helper: Callable[[str], None], first: Callable[[str], None]) -> Callable[[str], None]:
    """An action for both, where neither is this process: the first one is who comes first to a fault point."""
    firsts: list[int] = []

    def action(name: str) -> None:
        if not firsts:
            firsts.append(os.getpid())
        (first if os.getpid() == firsts[0] else helper)(name)

    return action


def at_the(hit: int, what: Callable[[], None], point: str = "move.before") -> Callable[[str], None]:
    """An action that does something at the so-many-th hit of a fault point."""
    hits = count(1)

    def action(name: str) -> None:
        if name == point and next(hits) == hit:
            what()

    return action


def die() -> None:
    """This process."""
    os.kill(os.getpid(), signal.SIGKILL)


def organized(root: Path, listener: Listener | None = None) -> Operation:
    """A run."""
    operation = organizer.organize(root, RECURSIVE, listener=listener).operation
    assert operation is not None
    return operation


def refuse_to_ask(_process: int, _number: int) -> None:
    """As for a process of another user."""
    raise PermissionError(errno.EPERM, "Operation not permitted")


def refuse(number: int) -> Callable[[], None]:
    """What a file system answers."""

    def raise_it() -> None:
        raise OSError(number, os.strerror(number))

    return raise_it


@pytest.mark.parametrize("tree", [small_tree, swap_tree, even_tree])
@pytest.mark.parametrize("share", [2, 5])
def test_two_make_what_one_makes(
    tmp_path: Path, tree: Callable[[], dict[str, object]], share: int, shares: list[int]
) -> None:
    """The same tree, the same counts, and back again."""
    alone, together = Trial(tmp_path / "alone", tree()), Trial(tmp_path / "together", tree())
    one = organized(alone.root)
    assert shares == []
    with helped(share):
        two = organized(together.root)
        assert read_tree(together.root) == read_tree(alone.root)
        assert (two.totals, two.status) == (one.totals, one.status)
        together.check("with a helper")
        organizer.undo(together.root)
    together.check_back("with a helper")
    assert any(shares) is (tree is not swap_tree)


def test_a_large_batch_is_shared(tmp_path: Path, shares: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """With the sizes that users have: nearly half of the moves are the helper's, there and back."""
    monkeypatch.setattr(helping, "may_fork", lambda: True)
    root = tmp_path / "root"
    put_tree(root, {f"{number}.{('jpg', 'txt')[number % 2]}": "x" for number in range(3_000)})
    before = manifest(root, root_itself=False)
    done = organizer.organize(root, Options(layout="category", dates="file", quiet_seconds=0.0)).operation
    assert done is not None
    assert done.totals.done == 3_000 and sum(shares) > 1_200
    shares.clear()
    organizer.undo(root)
    assert sum(shares) > 1_200
    assert manifest(root, root_itself=False) == before


@pytest.mark.parametrize("point", ["move.before", "move.after"])
@pytest.mark.parametrize("hit", [1, 2, 7])
def test_the_helper_dies(tmp_path: Path, shares: list[int], point: str, hit: int) -> None:
    """Before or after a rename: the first process looks at what is there, and does the rest alone."""
    trial = Trial(tmp_path, dict(FILES))
    faults.action = only_in(True, at_the(hit, die, point))
    with helped(4):
        done = organized(trial.root)
    assert done.totals.done == len(FILES) and done.status == "completed"
    assert shares[-1] == 0 and len(shares) == 1 + (hit - 1) // 4
    trial.check("the helper died")
    organizer.undo(trial.root)
    trial.check_back("the helper died")


def test_the_first_process_dies(tmp_path: Path) -> None:
    """The helper ends with it; the next run has to wait for no more than a moment."""
    trial = Trial(tmp_path, dict(FILES))
    marks = tmp_path / "marks"
    marks.mkdir()

    def note_and_wait() -> None:
        (marks / str(os.getpid())).touch()
        time.sleep(60)

    def die_when_it_waits() -> None:
        while not any(marks.iterdir()):
            time.sleep(0.01)
        die()

    with helped(4):
        action = in_turns(at_the(3, note_and_wait), at_the(4, die_when_it_waits))
        assert not in_child(lambda: organizer.organize(trial.root, RECURSIVE), action)
    organizer.recover(trial.root)
    status = Path("/proc", next(marks.iterdir()).name, "stat")
    assert not status.exists() or ") Z " in status.read_text()  # dead, though perhaps nobody has asked yet how it ended
    trial.check("the first process died")
    take_all_back(trial.root)
    trial.check_back("the first process died")


def test_the_first_process_dies_while_the_helper_is_stopped(tmp_path: Path) -> None:
    """It ends all the same, and whoever comes next has to wait for no more than that."""
    trial = Trial(tmp_path, dict(FILES))
    marks = tmp_path / "marks"
    marks.mkdir()

    def stop() -> None:
        (marks / str(os.getpid())).touch()
        os.kill(os.getpid(), signal.SIGSTOP)

    def die_when_it_has_stopped() -> None:
        while not any(") T " in Path("/proc", mark.name, "stat").read_text() for mark in marks.iterdir()):
            time.sleep(0.01)
        die()

    with helped(4):
        action = in_turns(at_the(3, stop), at_the(4, die_when_it_has_stopped))
        assert not in_child(lambda: organizer.organize(trial.root, RECURSIVE), action)
    organizer.recover(trial.root)
    status = Path("/proc", next(marks.iterdir()).name, "stat")
    assert not status.exists() or ") Z " in status.read_text()
    trial.check("the helper was stopped")
    take_all_back(trial.root)
    trial.check_back("the helper was stopped")


def test_names_of_every_kind(tmp_path: Path, shares: list[int]) -> None:
    """They are told to the helper as bytes, so nothing in them ends or begins anything."""
    odd = (b"\n", b"\r\n-", b"\xff\xfe", b"\t'\"\\", "\u202e\u0301".encode(), b"x" * 240)
    names = [b"%02d" % number + odd[number % len(odd)] + b".txt" for number in range(48)]
    trial = Trial(tmp_path, {name: File(name, mtime=1_400_000_000) for name in names})  # type: ignore[misc]
    with helped(4):
        done = organized(trial.root)
    assert done.totals.done == len(names) and sum(shares) > 10
    assert sorted(os.listdir(os.fsencode(trial.root / "Documents/2014"))) == sorted(names)
    trial.check("names")
    take_all_back(trial.root)
    trial.check_back("names")


def test_from_a_thread_of_a_busy_program(tmp_path: Path, shares: list[int]) -> None:
    """What other threads hold at the moment of the fork is held for ever in the helper: it asks for none of it."""
    trial = Trial(tmp_path, dict(FILES))
    done: list[Operation] = []
    enough = threading.Event()

    def busy() -> None:
        log = logging.getLogger("busy")
        log.addHandler(logging.StreamHandler(io.StringIO()))
        log.propagate = False
        while not enough.is_set():
            log.warning("%s", sqlite3.connect(":memory:").execute("SELECT hex(randomblob(99))").fetchone())
            Path(tmp_path / "busy").write_bytes(zlib.compress(os.urandom(9_999)))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        with helped(4):
            run = threading.Thread(target=lambda: done.append(organized(trial.root)))
            run.start()
            run.join(60)
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    assert [operation.totals.done for operation in done] == [len(FILES)] and sum(shares) > 10
    trial.check("threads")


def test_a_root_is_busy_as_long_as_the_helper_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were it ever to outlive the first process, nobody else could begin: it holds the lock itself."""
    trial = Trial(tmp_path, dict(FILES))
    monkeypatch.setattr(_linux, "die_with_parent", lambda: None)
    waits, may_go = tmp_path / "waits", tmp_path / "may go"

    def wait_for(path: Path) -> None:
        for _ in range(6_000):  # whoever waits in vain, because the test has failed, doesn't stay for ever
            if path.exists():
                return
            time.sleep(0.01)

    def helper_waits() -> None:
        waits.touch()
        wait_for(may_go)

    def first_dies() -> None:
        wait_for(waits)
        die()

    with helped(4):
        assert not in_child(
            lambda: organizer.organize(trial.root, RECURSIVE), in_turns(at_the(3, helper_waits), at_the(4, first_dies))
        )
    with monkeypatch.context() as impatient:
        impatient.setattr(control, "_PATIENCE_SECONDS", 0.1)
        with pytest.raises(RootBusy):
            organizer.organize(trial.root, RECURSIVE)
    may_go.touch()
    organizer.recover(trial.root)
    trial.check("the helper went on for a moment")
    take_all_back(trial.root)
    trial.check_back("the helper went on for a moment")


@pytest.mark.parametrize("point", ["move.before", "move.after"])
def test_the_helper_dies_and_a_stop_is_wanted(tmp_path: Path, point: str) -> None:
    """What it had moved is recorded as moved, though nobody comes to these steps again."""
    trial = Trial(tmp_path, dict(FILES))
    stop: list[bool] = []
    listener = Listener(should_stop=lambda: bool(stop))
    dies, stops = only_in(True, at_the(6, die, point)), only_in(False, at_the(6, lambda: stop.append(True)))

    def action(name: str) -> None:
        dies(name)
        stops(name)

    faults.action = action
    with helped(4):
        done = organized(trial.root, listener)
    assert done.status == "cancelled"
    assert len(list((trial.root / "Documents" / "2014").iterdir())) == done.totals.done
    take_all_back(trial.root)
    trial.check_back("the helper died and a stop was wanted")


@pytest.mark.parametrize("hit", [1, 3, 6])
def test_a_failing_disk_met_by_the_helper(tmp_path: Path, hit: int) -> None:
    """It stops the operation, as it does when the first process meets it; the records are true and the rest can be done."""
    trial = Trial(tmp_path, dict(FILES))
    faults.action = only_in(True, at_the(hit, refuse(errno.EIO)))
    with helped(4), pytest.raises(StorageFailed, match="Input/output error"):
        organizer.organize(trial.root, RECURSIVE)
    faults.action = None
    trial.check("EIO in the helper")
    with organizer.show(trial.root, organizer.history(trial.root)[0].operation_id) as shown:
        files = list(shown.files)
    done = {row.path: row.target for row in files if row.state == "done"}
    assert set(done.values()) == {path for path in manifest(trial.root) if path.startswith(b"Documents/2014/")}
    assert done.keys().isdisjoint(manifest(trial.root))
    organizer.organize(trial.root, RECURSIVE)
    assert len(list((trial.root / "Documents" / "2014").iterdir())) == len(FILES)
    take_all_back(trial.root)
    trial.check_back("EIO in the helper")


@pytest.mark.parametrize("hit", [2, 5])
def test_a_failing_disk_met_by_the_first_process(tmp_path: Path, hit: int) -> None:
    """What the helper did meanwhile, behind the step that failed, is done and recorded so."""
    trial = Trial(tmp_path, dict(FILES))
    faults.action = only_in(False, at_the(hit, refuse(errno.EIO)))
    with helped(4), pytest.raises(StorageFailed, match="Input/output error"):
        organizer.organize(trial.root, RECURSIVE)
    faults.action = None
    trial.check("EIO in the first process")
    moved = len(list((trial.root / "Documents" / "2014").iterdir()))
    assert moved == organizer.history(trial.root)[0].totals.done > hit
    take_all_back(trial.root)
    trial.check_back("EIO in the first process")


@pytest.mark.parametrize("hit", [1, 4])
def test_the_user_is_quicker_than_the_helper(tmp_path: Path, hit: int) -> None:
    """A file that is gone, or whose name is taken, where the helper comes to it: a skip with its reason, and nothing else changes."""
    trial = Trial(tmp_path, dict(FILES))
    target = trial.root / "Documents" / "2014"

    def take_every_free_name() -> None:
        for name in FILES:
            if (trial.root / name).exists() and not (target / name).exists():
                (target / name).write_text("the user's")

    faults.action = only_in(True, at_the(hit, take_every_free_name))
    with helped(4):
        done = organized(trial.root)
    skipped = done.totals.by_reason["conflict"]
    assert done.totals.done + skipped == len(FILES) and skipped > 10
    assert sum(path.read_text() == "the user's" for path in target.iterdir()) >= skipped
    assert sum((trial.root / name).exists() for name in FILES) == skipped


def test_a_file_is_swapped_under_the_helper(tmp_path: Path) -> None:
    """Between its look and its rename: what it moved goes back, with the reason."""
    trial = Trial(tmp_path, dict(FILES))

    def swap_all() -> None:
        for name in FILES:
            if (trial.root / name).exists():
                (trial.root / "new").write_text("anew")
                (trial.root / "new").replace(trial.root / name)

    faults.action = only_in(True, at_the(2, swap_all))
    with helped(4):
        done = organized(trial.root)
    assert done.totals.done + done.totals.by_reason["changed"] == len(FILES) and done.totals.done < 20
    assert all(path.read_text() != "anew" for path in (trial.root / "Documents" / "2014").iterdir())


def test_a_stop_is_heeded_in_between(tmp_path: Path, shares: list[int]) -> None:
    """What both did by then is done, the rest stays, and it is said so."""
    trial = Trial(tmp_path, dict(FILES))
    stop: list[bool] = []
    listener = Listener(should_stop=lambda: bool(stop))
    faults.action = only_in(False, at_the(7, lambda: stop.append(True)))
    with helped(4):
        done = organized(trial.root, listener)
    assert done.status == "cancelled" and 0 < done.totals.done < len(FILES)
    assert len(list((trial.root / "Documents" / "2014").iterdir())) == done.totals.done and sum(shares) > 0
    take_all_back(trial.root)
    trial.check_back("stopped")


def test_ctrl_c_while_a_program_starts_its_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who uses the library and hears KeyboardInterrupt can go on at once: nobody holds the folder any more."""
    trial = Trial(tmp_path, dict(FILES))
    fork, children = os.fork, list[int]()

    def interrupted() -> int:
        signal.raise_signal(signal.SIGINT)  # to this thread: another one of the test runner would take it
        children.append(fork())
        return children[-1]

    monkeypatch.setattr(os, "fork", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background hears none
    try:
        with helped(4), pytest.raises(KeyboardInterrupt) as raised:
            organizer.organize(trial.root, RECURSIVE)
    finally:
        signal.signal(signal.SIGINT, before)
    assert os.waitpid(children[0], 0) == (children[0], 0)
    organizer.recover(trial.root)
    trial.check("interrupted")
    assert raised.type is KeyboardInterrupt
    take_all_back(trial.root)
    trial.check_back("interrupted")


def test_without_a_process_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: list[int]) -> None:
    """A fork that is refused costs nothing but time."""
    trial = Trial(tmp_path, dict(FILES))
    monkeypatch.setattr(os, "fork", refuse(errno.EAGAIN))
    with helped(4):
        done = organized(trial.root)
    assert done.totals.done == len(FILES) and shares == []


def test_the_batch_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: list[int]) -> None:
    """A batch that is out of time goes on as the next one, with the helper."""
    trial = Trial(tmp_path, dict(FILES))
    monkeypatch.setattr(executor, "BATCH_SECONDS", 0.0)
    with helped(4):
        done = organized(trial.root)
    assert done.totals.done == len(FILES) and sum(shares) > 4
    take_all_back(trial.root)
    trial.check_back("batch by batch")


@pytest.mark.parametrize("dies", [False, True])
def test_ended_children_are_cleared_away_by_the_system(tmp_path: Path, shares: list[int], dies: bool) -> None:
    """Who starts a program that ignores SIGCHLD hands that on; the run comes to its end all the same."""
    trial = Trial(tmp_path, dict(FILES))
    heard = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        faults.action = only_in(True, at_the(2, die)) if dies else None
        with helped(4):
            done = organized(trial.root)
    finally:
        signal.signal(signal.SIGCHLD, heard)
    assert shares and (done.status, done.totals.done) == ("completed", len(FILES))
    assert organizer.verify(trial.root).problems == []
    take_all_back(trial.root)
    trial.check_back("children cleared away")


def test_the_first_process_was_gone_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: list[int]) -> None:
    """Before the helper could ask to go with it: it moves nothing."""
    trial = Trial(tmp_path, dict(FILES))
    monkeypatch.setattr(os, "getppid", lambda: 1)
    with helped(4):
        done = organized(trial.root)
    assert done.totals.done == len(FILES) and shares == [0]


def test_a_helper_that_died_is_told_in_vain(tmp_path: Path) -> None:
    """No error, and no answer."""
    with workplace(tmp_path) as work:
        helper = Helper(work)
        os.kill(helper._process, signal.SIGKILL)
        os.waitid(os.P_PID, helper._process, os.WEXITED | os.WNOWAIT)
        for _ in range(2):
            helper.prepare(codec.pack([]))
        helper.begin(0, 1)
        assert helper.finished() is None
        helper.close()


def test_a_share_ends_at_the_step_that_does_not_go_as_planned(tmp_path: Path) -> None:
    """Both ends of the pipe are in one process here."""
    put_tree(tmp_path, {"a": "a", "b": "b", "c": "c"})
    steps = [
        Step(StepKind.MOVE, name.encode(), name.encode() + b" moved", identity(tmp_path / name))
        for name in ("a", "b", "c")
    ]
    (tmp_path / "b").unlink()
    with workplace(tmp_path) as work:
        ours, theirs = Pipe()
        with ours, theirs:
            ours.send_bytes(msgspec.msgpack.encode(codec.pack(steps)))
            for asked in ((0, 1), (1, 3)):
                ours.send_bytes(msgspec.msgpack.encode(asked))
            with socket.socket(fileno=os.dup(ours.fileno())) as pipe:
                pipe.shutdown(socket.SHUT_WR)
            with pytest.raises(EOFError):
                helping._serve(theirs, work)
            shares = [msgspec.msgpack.decode(ours.recv_bytes(), type=Share) for _ in range(2)]
    assert [(share.end, share.outcomes, share.error) for share in shares] == [(1, [], 0), (1, [], 0)]
    assert read_tree(tmp_path).keys() == {"a moved", "c"}


def test_a_system_that_cannot_end_it_with_the_first_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is no helper: it would raise in it, before it does anything."""
    monkeypatch.setattr(_linux, "_PR_SET_PDEATHSIG", -1)
    with pytest.raises(OSError, match="Invalid argument"):
        _linux.die_with_parent()


@pytest.mark.parametrize(
    ("process", "lives"),
    [("", True), ("of old", True), ("4194305", False), ("1", True)],
)
def test_whose_lock_it_is(process: str, lives: bool) -> None:
    """A number above all (proc(5): pid_max is at most 4,194,304) is nobody's."""
    assert control._lives(process) is lives


def test_somebody_elses_process_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't be asked, so it is there."""
    monkeypatch.setattr(os, "kill", refuse_to_ask)
    assert control._lives("1")
