"""Kill the engine at every fault point, in forked children, and look whether anything is lost or false."""

from __future__ import annotations

import hashlib
import os
import posix
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path

from fileorganizer import organizer
from fileorganizer.errors import NothingToUndo
from fileorganizer.execution import executor, helping
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


def trash_tree() -> dict[str, object]:
    """Folders that are emptied but for what systems leave in them: organizing fills the trash."""
    return {
        **small_tree(),
        "one": {"a.pdf": File(b"in one", mtime=1_400_000_000), "Thumbs.db": "junk of one", ".DS_Store": "more of it"},
        "two": {"inner": Folder({"b.mp3": File(b"in two", mtime=1_400_000_000), "desktop.ini": "of two"}, mode=0o700)},
    }


def swap_tree() -> dict[str, object]:
    """Two files that want each other's places."""
    return {
        "Images": {
            "2017": {"n.png": File(b"2014's", mtime=1_400_000_000)},
            "2014": {"n.png": File(b"2017's", mtime=1_500_000_000)},
        }
    }


def family_tree() -> dict[str, object]:
    """A picture, its raw file and its sidecar, which are moved together or not at all; and a file by itself."""
    family = {f"a.{ending}": File(ending, mtime=1_500_000_000) for ending in ("jpg", "cr2", "xmp")}
    return {"in": Folder(family, mtime=1_222_222_222), "notes.txt": File(b"notes", mtime=1_400_000_000)}


def even_tree() -> dict[str, object]:
    """Files that are simply moved, enough to be shared with a helper; one name is taken, and two of them follow each other."""
    loose: dict[str, object] = {
        f"{number}.{('txt', 'jpg', 'mp3')[number % 3]}": File(f"{number}", mtime=1_300_000_000 + number * 20_000_000)
        for number in range(16)
    }
    taken = {"2011": {"0.txt": File(b"was there", mtime=1_300_000_001)}}
    follows = {
        "2014": {"n.png": File(b"2017's", mtime=1_500_000_000)},
        "2017": {"n.png": File(b"2015's", mtime=1_430_000_000)},
    }
    return {**loose, "Documents": taken, "Images": follows}


@contextmanager
def helped(share: int = 2) -> Iterator[None]:
    """A helper takes its part of batches of this size, too."""
    before = helping.WORTH_A_HELPER, helping.may_fork, executor.SHARE, executor.LOOK_UP_EVERY
    helping.WORTH_A_HELPER, helping.may_fork = 2, lambda: True
    executor.SHARE, executor.LOOK_UP_EVERY = share, max(1, share // 2)
    try:
        yield
    finally:
        helping.WORTH_A_HELPER, helping.may_fork, executor.SHARE, executor.LOOK_UP_EVERY = before


def in_child(work: Callable[[], object], action: Callable[[str], None] | None) -> bool:
    """Run ``work`` in a forked child; true when it ended by itself, false when it was killed. Errors in it are raised.

    A child with an action isn't measured by coverage: most are killed before they could tell, and the others would each
    write down all that the parent has seen so far.
    """
    pid = os.fork()
    if pid == 0:
        code, end = 1, os._exit
        try:
            if action is not None:
                sys.settrace(None)
                threading.settrace(None)  # type: ignore[arg-type]  # takes None as sys.settrace does
                end = posix._exit  # coverage has put itself before the other one
            faults.action = action
            work()
            code = 0
        except BaseException:  # noqa: BLE001  # the child must never return into the test
            import traceback

            traceback.print_exc()
        finally:
            end(code)
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

    def __init__(self, folder: Path, tree: dict[str, object], prepare: Work = lambda _root: None) -> None:
        """Write the tree and a sentinel beside it, and do what the run to be killed begins with."""
        self.root, self.outside = folder / "root", folder / "outside"
        self.root.mkdir(parents=True)
        self.before: Manifest = write_tree(self.root, tree)
        write_tree_outside(self.outside)
        self.sentinel = manifest(self.outside)
        self.contents = contents(self.root)
        prepare(self.root)

    def check(self, what: str) -> None:
        """Nothing lost, no record false, nothing left over, nothing outside touched."""
        assert contents(self.root) == self.contents, f"{what}: contents lost or doubled"
        self.check_records(what)

    def check_records(self, what: str) -> None:
        """No record false, nothing left over, nothing outside touched."""
        found = organizer.verify(self.root).problems
        assert found == [], f"{what}: a record is false: {found}"
        assert difference(self.sentinel, manifest(self.outside)) == [], f"{what}: something outside changed"

    def check_back(self, what: str) -> None:
        """Everything is as it was."""
        found = difference(self.before, manifest(self.root))
        assert found == [], f"{what}: undo isn't identical: {found}"

    def close(self) -> None:
        """Nothing lies elsewhere."""


class PurgeTrial(Trial):
    """Items of the trash may be gone: wholly, and those that the record says; nothing else (F06)."""

    def __init__(self, folder: Path, tree: dict[str, object], prepare: Work) -> None:
        """``prepare`` fills the trash."""
        super().__init__(folder, tree, prepare)
        self.items = {item.place: item.path for item in organizer.trash_list(self.root)}
        assert len(self.items) > 3
        self.held = {place: (self.root / os.fsdecode(place)).read_bytes() for place in self.items}

    def purged(self, what: str) -> set[bytes]:
        """The places of the items that are gone, after comparing each with the record."""
        recorded: set[bytes] = set()
        for operation in organizer.history(self.root):
            if operation.operation_type == "purge":
                with organizer.show(self.root, operation.operation_id) as shown:
                    recorded |= {row.path for row in shown.files if row.state == "done"}
        gone: set[bytes] = set()
        for place, path in self.items.items():
            found = [name for name in (place, path) if (self.root / os.fsdecode(name)).exists()]
            gone |= set() if found else {place}
            whole = [(self.root / os.fsdecode(name)).read_bytes() == self.held[place] for name in found]
            assert whole in ([], [True]), f"{what}: an item is half gone, or there twice"
        assert gone == recorded, f"{what}: a record is false: the trash and the record differ"
        return gone

    def check(self, what: str) -> None:
        """What isn't purged is there."""
        gone = Counter(hashlib.sha256(self.held[place]).digest() for place in self.purged(what))
        assert contents(self.root) == self.contents - gone, f"{what}: contents lost or doubled"
        self.check_records(what)

    def check_back(self, what: str) -> None:
        """Everything is as it was but what was purged, which lies in the trash no more."""
        gone = {self.items[place] for place in self.items} - manifest(self.root).keys()
        before = {path: item for path, item in self.before.items() if path not in gone}
        found = difference(before, manifest(self.root))
        assert found == [], f"{what}: undo isn't identical: {found}"


class FamilyTrial(Trial):
    """A family that stays together, whatever happens in the middle of it."""

    def check(self, what: str) -> None:
        """All of it is in one folder."""
        super().check(what)
        found = [path for path in self.root.rglob("a.*") if ".fileorganizer" not in path.parts]
        assert len({path.parent for path in found}) == 1, f"{what}: a family is torn: {found}"


class TwoSidedTrial(Trial):
    """A second root, ``there``, beside the first one; ``elsewhere`` puts it on another file system."""

    elsewhere: Path | None = None

    def __init__(self, folder: Path, tree: dict[str, object], prepare: Work = lambda _root: None) -> None:
        """``there`` is a link, so that its path follows from the root's."""
        folder.mkdir(parents=True)
        self.target = Path(tempfile.mkdtemp(prefix="there-", dir=self.elsewhere or folder))
        (folder / "there").symlink_to(self.target)
        self.target_before = write_tree(self.target, {"Documents": {"2014": {"theirs.txt": "was there"}}})
        self.target_contents = contents(self.target)
        super().__init__(folder, tree, prepare)

    def check(self, what: str) -> None:
        """The sources are all there, here or in the trash; there is nothing there that isn't whole; no record is false."""
        super().check(what)
        known = self.contents.keys() | self.target_contents.keys()
        assert contents(self.target).keys() <= known, f"{what}: half a copy has a name"
        assert not self.target_contents - contents(self.target), f"{what}: contents lost at the target"
        control = self.target / ".fileorganizer"
        left = [*control.glob("temporary/*")]
        assert left == [], f"{what}: left over: {left}"

    def check_back(self, what: str) -> None:
        """Both sides are as they were."""
        super().check_back(what)
        found = difference(self.target_before, manifest(self.target))
        assert found == [], f"{what}: undo isn't identical at the target: {found}"

    def close(self) -> None:
        """Remove the other side."""
        shutil.rmtree(self.target)


class AcrossTrial(TwoSidedTrial):
    """The second root is on another file system: ``mounted`` gives one for the time of a ``with``."""

    @classmethod
    @contextmanager
    def mounted(cls, place: Path) -> Iterator[None]:
        """A small file system in memory at ``place``."""
        place.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(place)], check=True)
        cls.elsewhere = place
        try:
            yield
        finally:
            cls.elsewhere = None
            subprocess.run(["umount", str(place)], check=True)


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
    first: int = 1,
    prepare: Work = lambda _root: None,
    kind: type[Trial] = Trial,
) -> tuple[int, int]:
    """Kill ``work`` at every ``stride``-th fault point from the ``first`` on, recovery and undo again; gives (points, kills).

    Raises AssertionError on any loss.
    """
    template = kind(folder / "count", tree(), prepare)
    hits, tried, kills = points(lambda: work(template.root)), 0, 0
    assert hits, "the run passed no fault point"
    template.close()
    for hit in range(first, hits + 1, stride):
        trial = kind(folder / str(hit), tree(), prepare)
        kills += _killed(work, trial.root, hit)
        kills += _killed(organizer.recover, trial.root, 1 + hit % 9)
        organizer.recover(trial.root)
        if organizer.history(trial.root):
            trial.check(f"kill {hit}")
        kills += _killed(take_all_back, trial.root, 1 + hit * 7 % 60)
        organizer.recover(trial.root)
        take_all_back(trial.root)
        if organizer.history(trial.root):
            trial.check(f"kill {hit}, undone")
        trial.check_back(f"kill {hit}")
        tried += 1
        trial.close()
    return tried, kills


def _killed(work: Work, root: Path, hit: int) -> bool:
    """Do it in a child that is killed at its ``hit``-th fault point; false when it ended before that."""
    return not in_child(lambda: work(root), faults.kill_at(hit))


def kill_recovery_everywhere(
    folder: Path,
    tree: Callable[[], dict[str, object]],
    work: Work,
    *,
    stride: int = 1,
    first: int = 1,
    recovery_stride: int = 1,
    prepare: Work = lambda _root: None,
    kind: type[Trial] = Trial,
) -> tuple[int, int]:
    """Kill ``work`` at fault points; then recovery at each of its own, and again and again until it gets through.

    Gives (fault points of recovery, kills of recovery). However often it was killed,
    it must come to the same verdicts and the same tree as one that wasn't (I5, F08).
    With ``recovery_stride`` only some points of recovery are tried, after each kill others.
    """
    template = kind(folder / "count", tree(), prepare)
    hits, found, kills = points(lambda: work(template.root)), 0, 0
    template.close()
    for hit in range(first, hits + 1, stride):
        expected: object = None
        others = count(1 + hit // stride % recovery_stride, recovery_stride)
        for point in chain((0,), others):  # 0: not killed, which says what is expected
            trial = kind(folder / f"{hit}-{point}", tree(), prepare)
            assert _killed(work, trial.root, hit)
            if point and not _killed(organizer.recover, trial.root, point):
                trial.close()
                break
            kills += point > 0
            for again in count(1):
                if not point or not _killed(organizer.recover, trial.root, again):
                    break
                kills += 1
            organizer.recover(trial.root)
            what = f"kill {hit}, recovery killed at {point}"
            if organizer.history(trial.root):
                trial.check(what)
            expected = expected or _verdicts(trial.root)
            assert _verdicts(trial.root) == expected, f"{what}: recovery comes to another result"
            assert organizer.recover(trial.root) is None, f"{what}: recovery isn't finished"
            take_all_back(trial.root)
            trial.check_back(what)
            found += point > 0
            trial.close()
    return found, kills


def _verdicts(root: Path) -> tuple[object, ...]:
    """What the journal says of each file, and where each is."""
    rows = []
    for operation in organizer.history(root):
        with organizer.show(root, operation.operation_id) as shown:
            rows.append((operation.operation_type, operation.status, operation.totals, list(shown.files)))
    return rows, {path: (item.kind, item.content, item.mode) for path, item in manifest(root).items()}
