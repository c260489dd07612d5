"""The second process of a scan, seen from inside: portions of places in, what was found out, and one end."""

from __future__ import annotations

import os
import threading
from array import array
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any

import pytest

from fileorganizer.execution import surveying
from fileorganizer.execution.surveying import Findings, Task
from fileorganizer.fs import faults
from fileorganizer.journal import codec
from fileorganizer.model import Options, Skip
from fileorganizer.planning.naming import NameRules
from fileorganizer.planning.planner import Frame, Visited
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.scan.walker import TOP, Place
from tests.support.trees import File, write_tree


class Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.sources: list[bytes] = []
        self.left: list[bytes] = []

    def batch(self, count: int, packed: bytes, claims: array[int]) -> None:
        """Steps."""
        steps = codec.unpack_steps(packed)
        assert len(steps) == count == len(claims)
        self.sources += [step.source for step in steps]

    def folders(self, skips: list[Skip], visited: list[Visited]) -> None:
        """What is left alone."""
        self.left += [skip.path for skip in skips]


def task(root: Path) -> Task:
    """A scan of everything below ``root``."""
    rules, status = builtin_rules("personal"), root.stat()
    frame = Frame(
        mode="move",
        across=False,
        target_side=0,
        prefix=b"",
        names=NameRules(),
        categories=tuple(category.name for category in rules.categories),
        chosen=frozenset(),
        remove_empty=True,
        tag=b"tag",
    )
    options = Options(recursive=True, dates="file")
    return Task(os.fsencode(root), (status.st_dev, status.st_ino), options, rules, frame, rules.layout)


@pytest.fixture
def ends() -> Iterator[tuple[Connection, Connection]]:
    """Both ends of the pipe."""
    ours, theirs = Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


def partner_of(ours: Connection) -> surveying._Partner:
    """The first process's view of whoever is at the other end."""
    partner = object.__new__(surveying._Partner)
    partner.portions, partner.scanned, partner._findings, partner._connection = 0, 0, None, ours
    return partner


def test_portions_until_an_empty_one(tmp_path: Path, ends: tuple[Connection, Connection], monkeypatch: Any) -> None:
    """Every file once; places beyond a portion come back; the findings come last."""
    monkeypatch.setattr(surveying, "_PORTION", 2)
    tree = {f"in {n}": {f"{n}.txt": File(b"x", mtime=1_400_000_000), "half.part": "h"} for n in range(5)}
    write_tree(tmp_path, {**tree, "top.txt": File(b"x", mtime=1_400_000_000)})
    ours, theirs = ends
    served = threading.Thread(target=surveying._serve, args=(theirs, task(tmp_path)))
    served.start()
    partner, sink = partner_of(ours), Kept()
    partner._send([TOP])
    partner.portions = 1
    handed_back = 0
    while partner.portions:
        left = partner.collect(sink, wait=True)
        handed_back += len(left)
        for place in left:
            partner._send([place])
            partner.portions += 1
    findings = partner.finish(sink)
    served.join()
    assert sorted(sink.sources) == sorted([b"top.txt", *(b"in %d/%d.txt" % (n, n) for n in range(5))])
    assert len(sink.left) == 5
    assert (findings.scanned, handed_back > 0) == (11, True)


def test_another_root_is_not_surveyed(tmp_path: Path, ends: tuple[Connection, Connection]) -> None:
    """Replaced since the first process opened it."""
    about = task(tmp_path / "..")
    wrong = Task(os.fsencode(tmp_path), about.root_identity, about.options, about.rules, about.frame, about.layout)
    with pytest.raises(surveying.RootVanished):
        surveying._serve(ends[1], wrong)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Let the second process's code run here: which descriptors it would close is written down instead."""
    ranges: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "closerange", lambda first, behind: ranges.append((first, behind)))
    monkeypatch.setattr(faults, "action", lambda _name: None)
    return ranges


def test_the_second_process_keeps_its_pipe_only(
    closed: list[tuple[int, int]], ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lock, no journal, no fault points; when the pipe ends, it ends."""
    for gone in (EOFError, BrokenPipeError):

        def serve(_connection: Connection, _task: Task, gone: type[Exception] = gone) -> None:
            assert faults.action is None
            raise gone

        monkeypatch.setattr(surveying, "_serve", serve)
        surveying._serve_and_tell(ends[1], None)  # type: ignore[arg-type]  # not looked at
    kept = ends[1].fileno()
    assert closed[:2] == [(3, kept), (kept + 1, os.sysconf("SC_OPEN_MAX"))]


@pytest.mark.usefixtures("closed")
def test_whatever_goes_wrong_there_is_told(
    ends: tuple[Connection, Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its words; and a process that is gone is told as gone, for each way of noticing it."""

    def fails(*_: object) -> None:
        raise MemoryError("no more")

    monkeypatch.setattr(surveying, "_serve", fails)
    ours, theirs = ends
    surveying._serve_and_tell(theirs, None)  # type: ignore[arg-type]  # not looked at
    with pytest.raises(surveying.StorageFailed, match="MemoryError: no more"):
        partner_of(ours)._take(Kept())
    theirs.close()
    with pytest.raises(surveying.StorageFailed, match="died"):
        partner_of(ours)._take(Kept())
    with pytest.raises(surveying.StorageFailed, match="died"):
        partner_of(ours)._send([TOP])


def test_long_paths_make_small_portions(ends: tuple[Connection, Connection]) -> None:
    """What is handed over fits into the pipe, so that nobody waits; half of the places stay here."""
    partner = partner_of(ends[0])
    places: list[Place] = [(b"x" * 4_000, 1)] * 100
    left = partner.share(places)
    assert partner.portions == surveying._PORTIONS_AHEAD
    sent = [surveying._places.decode(ends[1].recv_bytes()) for _ in range(partner.portions)]
    assert sum(map(len, sent)) + len(left) == 100
    for portion in sent:
        assert 0 < sum(len(path) for path, _ in portion) <= surveying._PATH_BYTES_AT_ONCE
    assert partner.share([TOP]) == [TOP]


def test_a_path_that_fills_the_pipe_isn_t_handed_over(ends: tuple[Connection, Connection]) -> None:
    """A thousand folders deep: whoever sends it waits until the other has read it."""
    partner = partner_of(ends[0])
    places: list[Place] = [(b"a/" * 200_000, 200_000), (b"b/" * 200_000, 200_000), (b"c/" * 200_000, 200_000)]
    assert (partner.share(places), partner.portions) == (places, 0)


def test_the_second_process_begins_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its end of the pipe and the task; where nothing can be forked, there is none."""
    begun: list[tuple[Any, Any]] = []
    monkeypatch.setattr(surveying, "start_second", lambda serve: serve())
    monkeypatch.setattr(surveying, "_serve_and_tell", lambda connection, about: begun.append((connection, about)))
    task_of_ours: Any = object()
    partner = surveying._Partner(task_of_ours)
    assert begun[0][1] is task_of_ours
    assert begun[0][0] is not partner._connection
    partner._connection.close()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    assert not surveying.may_fork()
    monkeypatch.delattr(os, "fork")
    assert not surveying.may_fork()


def test_a_folder_that_has_gone(tmp_path: Path) -> None:
    """Between its listing and its visit."""
    with surveying.Root(os.fsencode(tmp_path)) as root:
        survey = surveying.Survey(root, task(tmp_path), lambda *_: None)
        assert survey.look_into((b"none", 1)) == []
        survey.close()


def test_findings_add_up() -> None:
    """Of two surveys of one tree."""
    one = Findings(1, 2, 3, False, {b"a"}, {b"l"}, 1, [b"n"], {0: [1, 10]}, {b"f": [1, 10]})
    one.add(Findings(10, 20, 30, True, {b"b"}, {b"k"}, 2, [b"m"], {0: [2, 20], 1: [3, 30]}, {b"g": [4, 40]}))
    counts = {0: [3, 30], 1: [3, 30]}
    places = {b"f": [1, 10], b"g": [4, 40]}
    assert one == Findings(11, 22, 33, True, {b"a", b"b"}, {b"l", b"k"}, 3, [b"n", b"m"], counts, places)
