"""Two processes scan one tree: they plan what one alone does, and end together, however they end."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.errors import StorageFailed
from fileorganizer.execution import surveying
from fileorganizer.journal.plans import AFTER, BEFORE, Plan
from fileorganizer.model import Options, Review
from fileorganizer.progress import Listener
from tests.support.manifest import manifest
from tests.support.trees import File, Folder, HardLink, Link, write_tree

RECURSIVE = Options(recursive=True)


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have every scan start a second process at once, also on one core; the processes that were started."""
    started: list[int] = []
    fork = os.fork

    def recorded() -> int:
        child = fork()
        started.append(child)
        return child

    monkeypatch.setattr(surveying, "WORTH_A_SECOND", 0)
    monkeypatch.setattr(surveying, "_PORTION", 5)
    monkeypatch.setattr(surveying, "may_fork", lambda: True)
    monkeypatch.setattr(os, "fork", recorded)
    return started


def some_tree() -> dict[str, object]:
    """Folders with everything that a survey has to hand over: clashes, families, junk, links, whole folders, roots inside."""
    tree: dict[str, object] = {
        f"folder {number}": Folder(
            {
                "scan.pdf": File(b"%d" % number, mtime=1_400_000_000 + number),
                f"{number}.cr2": File(b"raw", mtime=1_500_000_000),
                f"{number}.xmp": File(b"sidecar", mtime=1_500_000_000),
                "deeper": {"Thumbs.db": "junk", f"song {number}.mp3": File(b"mp3", mtime=1_300_000_000)},
                "half.part": "half",
            },
            mtime=1_222_222_222,
        )
        for number in range(30)
    }
    return {
        **tree,
        "project": {"package.json": "{}", "index.js": ""},
        "inner root": {".fileorganizer": {"lock": ""}, "note.txt": "note"},
        "link": Link("folder 1/scan.pdf"),
        "Images": {"2017": {"in place.png": File(b"png", mtime=1_500_000_000)}},
        "one.txt": "hard",
        "two.txt": HardLink("one.txt"),
    }


def decided(plan: Plan) -> tuple[object, ...]:
    """Everything that a plan says, without its order and its numbers for groups."""
    steps = [(s.kind, s.source, s.target, s.seen, s.facts, bool(s.group)) for batch in plan.batches() for s in batch]
    skips = sorted((skip.path, skip.reason) for some in plan.skips() for skip in some)
    trees = [list(plan.folders(tree)) for tree in (BEFORE, AFTER)]
    review: Review = plan.head.review
    return sorted(steps, key=lambda step: step[:3]), skips, trees, review, sorted(plan.head.nested_roots)


def test_two_processes_plan_what_one_does(tmp_path: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same steps, skips, trees, totals and warnings; and the second process is gone afterwards."""
    write_tree(tmp_path, some_tree())
    with organizer.preview(tmp_path, RECURSIVE) as plan:
        together = decided(plan)
    assert len(forked) == 1
    with pytest.raises(ChildProcessError):
        os.waitpid(forked[0], 0)
    monkeypatch.setattr(surveying, "may_fork", lambda: False)
    with organizer.preview(tmp_path, RECURSIVE) as plan:
        assert decided(plan) == together
    assert len(forked) == 1


def test_there_and_back_with_two_processes(tmp_path: Path, forked: list[int]) -> None:
    """Families, emptied folders and junk go and come back as with one process; a second run plans nothing."""
    before = write_tree(tmp_path, some_tree())
    done = organizer.organize(tmp_path, RECURSIVE)
    assert done.operation is not None and done.operation.totals.done == done.review.planned > 100
    assert organizer.organize(tmp_path, RECURSIVE).operation is None
    organizer.undo(tmp_path)
    assert forked and manifest(tmp_path) == before


def test_a_second_process_that_dies_stops_the_scan(
    tmp_path: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clear error, no plan left, nothing in the folder."""
    write_tree(tmp_path, some_tree())
    before = manifest(tmp_path)
    finish = surveying._Partner.finish

    def killed(partner: surveying._Partner, sink: surveying.Sink) -> surveying.Findings:
        os.kill(partner._process, signal.SIGKILL)
        os.waitid(os.P_PID, partner._process, os.WEXITED | os.WNOWAIT)
        return finish(partner, sink)

    monkeypatch.setattr(surveying._Partner, "finish", killed)
    with pytest.raises(StorageFailed, match="died"):
        organizer.preview(tmp_path, RECURSIVE)
    assert manifest(tmp_path) == before and forked


def test_an_error_in_the_second_process_is_told(
    tmp_path: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong there ends the scan here, with its words."""
    write_tree(tmp_path, some_tree())

    def refuses(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(surveying, "_serve", refuses)
    with pytest.raises(StorageFailed, match="Input/output error"):
        organizer.preview(tmp_path, RECURSIVE)


def test_stopping_ends_both(tmp_path: Path, forked: list[int]) -> None:
    """A wish to stop ends the second process as well."""
    write_tree(tmp_path, some_tree())
    with pytest.raises(KeyboardInterrupt):
        organizer.preview(tmp_path, RECURSIVE, listener=Listener(should_stop=lambda: bool(forked)))
    with pytest.raises(ChildProcessError):
        os.waitpid(forked[0], 0)


def test_the_second_process_holds_no_lock(tmp_path: Path, forked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock ends with the process that took it, though the second one lives a moment longer."""
    write_tree(tmp_path, some_tree())
    finish = surveying._Partner.finish
    held: list[str] = []

    def looking(partner: surveying._Partner, sink: surveying.Sink) -> surveying.Findings:
        folder = f"/proc/{partner._process}/fd"
        held.extend(os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder) if int(fd) > 2)
        return finish(partner, sink)

    monkeypatch.setattr(surveying._Partner, "finish", looking)
    organizer.organize(tmp_path, RECURSIVE)
    assert held and not [place for place in held if ".fileorganizer" in place]


@pytest.mark.usefixtures("forked")
def test_no_process_to_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one goes on alone."""
    write_tree(tmp_path, some_tree())
    with organizer.preview(tmp_path, RECURSIVE) as plan:
        two = decided(plan)

    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", refused)
    with organizer.preview(tmp_path, RECURSIVE) as plan:
        assert decided(plan) == two
