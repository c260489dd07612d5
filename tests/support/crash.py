"""Kill the engine at every fault point, in forked children, and look whether anything is lost or false."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fileorganizer import organizer
from fileorganizer.errors import NothingToUndo
from fileorganizer.fs import faults
from fileorganizer.model import Options
from tests.support.manifest import Manifest, contents, difference, manifest
from tests.support.trees import File, Folder, HardLink, Link, write_tree

Work = Callable[[Path], object]
RECURSIVE = Options(recursive=True, dates="file")


def small_tree() -> dict[str, object]:
    """A few files that need every part of the engine: clashes, families, chains, hard links, junk, odd folders."""
    return {
        "a.jpg": File(b"a", mtime=1_500_000_000),
        "a.xmp": File(b"sidecar", mtime=1_500_000_000),
        "notes.txt": File(b"notes", mtime=1_400_000_000),
        "sub": Folder({"notes.txt": File(b"other notes", mtime=1_400_000_000), "Thumbs.db": "junk"}, mode=0o750),
        "deep": Folder({"er": {"song.mp3": File(b"mp3", mtime=1_300_000_000)}}, mtime=1_222_222_222),
        "Documents": {"2014": {"notes.txt": File(b"first", mtime=1_400_000_000)}},
        "Images": {"2014": {"wrong.txt": File(b"w", mtime=1_400_000_001), "x.png": File(b"x", mtime=1_500_000_000)}},
        "h1.pdf": File(b"linked", mtime=1_450_000_000),
        "h2.pdf": HardLink("h1.pdf"),
        "link": Link("a.jpg"),
        "half.part": "half",
    }


def swap_tree() -> dict[str, object]:
    """Two files that want each other's places."""
    return {
        "Images": {
            "2017": {"n.png": File(b"2014's", mtime=1_400_000_000)},
            "2014": {"n.png": File(b"2017's", mtime=1_500_000_000)},
        }
    }


def in_child(work: Callable[[], object], action: Callable[[str], None] | None) -> bool:
    """Run ``work`` in a forked child; true when it ended by itself, false when it was killed. Errors in it are raised."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            faults.action = action
            work()
            code = 0
        except BaseException:  # noqa: BLE001  # the child must never return into the test
            import traceback

            traceback.print_exc()
        finally:
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return False
    assert os.waitstatus_to_exitcode(status) == 0, "the child failed: see its traceback above"
    return True


def names_of_points(work: Callable[[], object]) -> list[str]:
    """The fault points that a run passes, in this process."""
    names: list[str] = []
    faults.action = names.append
    try:
        work()
    finally:
        faults.action = None
    return names


def points(work: Callable[[], object]) -> int:
    """How many fault points one clean run passes."""
    reader, writer = os.pipe()

    def counted() -> None:
        seen: Counter[str] = Counter()
        faults.action = lambda name: seen.update((name,))
        work()
        os.write(writer, str(sum(seen.values())).encode())

    assert in_child(counted, None)
    os.close(writer)
    with os.fdopen(reader) as answer:
        return int(answer.read())


class Trial:
    """A fresh tree, what it was before, and the checks that hold after any number of kills."""

    def __init__(self, folder: Path, tree: dict[str, object]) -> None:
        """Write the tree and a sentinel beside it."""
        self.root, self.outside = folder / "root", folder / "outside"
        self.root.mkdir(parents=True)
        self.before: Manifest = write_tree(self.root, tree)
        write_tree_outside(self.outside)
        self.sentinel = manifest(self.outside)
        self.contents = contents(self.root)

    def check(self, what: str) -> None:
        """Nothing lost, no record false, nothing left over, nothing outside touched."""
        assert contents(self.root) == self.contents, f"{what}: contents lost or doubled"
        assert organizer.verify(self.root).problems == [], f"{what}: a record is false"
        assert difference(self.sentinel, manifest(self.outside)) == [], f"{what}: something outside changed"

    def check_back(self, what: str) -> None:
        """Everything is as it was."""
        found = difference(self.before, manifest(self.root))
        assert found == [], f"{what}: undo isn't identical: {found}"


def write_tree_outside(folder: Path) -> None:
    """The sentinel."""
    folder.mkdir()
    write_tree(folder, {"keep.txt": "untouched"})


def take_all_back(root: Path) -> None:
    """Undo every operation that isn't taken back, the newest first."""
    while organizer.history(root):
        try:
            organizer.undo(root)
        except NothingToUndo:
            return


def kill_everywhere(
    folder: Path,
    tree: Callable[[], dict[str, object]],
    work: Work,
    *,
    stride: int = 1,
    prepare: Work = lambda _root: None,
) -> tuple[int, int]:
    """Kill ``work`` at every fault point, recovery and undo again; gives (points, kills). Raises AssertionError on any loss."""
    template = Trial(folder / "count", tree())
    prepare(template.root)
    hits, kills = points(lambda: work(template.root)), 0
    for hit in range(1, hits + 1, stride):
        trial = Trial(folder / str(hit), tree())
        prepare(trial.root)
        kills += not in_child(lambda trial=trial: work(trial.root), faults.kill_at(hit))  # type: ignore[misc]  # bound now
        kills += not in_child(lambda trial=trial: organizer.recover(trial.root), faults.kill_at(1 + hit % 9))  # type: ignore[misc]  # same
        organizer.recover(trial.root)
        if organizer.history(trial.root):
            trial.check(f"kill {hit}")
        kills += not in_child(lambda trial=trial: take_all_back(trial.root), faults.kill_at(1 + hit * 7 % 60))  # type: ignore[misc]  # same
        organizer.recover(trial.root)
        take_all_back(trial.root)
        if organizer.history(trial.root):
            trial.check(f"kill {hit}, undone")
        trial.check_back(f"kill {hit}")
    return hits, kills
