"""A user and the engine take turns on one real folder, and sometimes at the same time; after each turn the invariants hold.

The engine may be killed at any fault point, asked to stop, or disturbed by the
user in the middle of a run. The names I1 to I9 are those of the reliability
rules (shared design). What the user did is known exactly, so whatever else
differs is the engine's doing: it may change the name of a file, and of a file
that was there, unchanged, when it planned.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fileorganizer import cleaner, organizer
from fileorganizer.cleaner import Cleaning
from fileorganizer.duplicates.finder import Search
from fileorganizer.errors import FileOrganizerError, InvalidOption, NothingToUndo, OperationDependency
from fileorganizer.execution.reading import FileRow
from fileorganizer.fs import faults
from fileorganizer.journal.records import Operation
from fileorganizer.journal.store import Journal
from fileorganizer.model import Options
from fileorganizer.planning.reversing import NO_KEEPER
from fileorganizer.progress import Listener
from tests.support.crash import in_child
from tests.support.manifest import TRASHED, Manifest, difference, manifest
from tests.support.trees import write_tree

CONTROL = b".fileorganizer"
FOLDERS = (b"", b"in", b"in/sub", b"Documents/2014", b"Documents/2017", b"Images/2017", b"Images")
NAMES = (b"a.txt", b"b.jpg", b"b.xmp", b"c.pdf", b"c (2).pdf", b"d.mp3", b"Thumbs.db", b"e.part", b"2014", b"\xff.txt")
TIMES = (1_400_000_000, 1_500_000_000)
COUNTED: Counter[str] = Counter()
"""What happened in this process, over all examples."""


class Thing(NamedTuple):
    """One file, link or pipe: everything of it that isn't its name."""

    inode: int
    kind: int
    content: bytes
    mode: int
    mtime_ns: int


class Turn(NamedTuple):
    """How a run goes: ``whole``, ``killed`` or ``stopped`` at the nth chance, or ``disturbed`` by a deed of the user at one of ``POINTS``."""

    way: str
    at: int
    deed: int


PLAIN = Turn("whole", 0, 0)


def look(root: bytes) -> dict[bytes, Thing]:
    """All that isn't a folder, by path: the user's, what the trash holds and what is parked."""
    found: dict[bytes, Thing] = {}
    for folder, folders, names in os.walk(root):
        inside = os.path.relpath(folder, root)
        for name in names + [link for link in folders if os.path.islink(os.path.join(folder, link))]:
            path = name if inside == b"." else inside + b"/" + name
            if not path.startswith(CONTROL + b"/") or path.startswith(CONTROL + b"/temporary/") or _is_trashed(path):
                found[path] = _thing(os.path.join(folder, name))
    return found


def _is_trashed(path: bytes) -> bool:
    """Is it an item of the trash?"""
    return path.startswith(CONTROL + b"/trash/") and bool(TRASHED.fullmatch(path.rpartition(b"/")[2]))


def _thing(path: bytes) -> Thing:
    """What is at a path."""
    status = os.lstat(path)
    content = b""
    if stat.S_ISREG(status.st_mode):
        content = Path(os.fsdecode(path)).read_bytes()
    elif stat.S_ISLNK(status.st_mode):
        content = os.readlink(path)
    kind, mode = stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode)
    return Thing(status.st_ino, kind, content, mode, status.st_mtime_ns)


def _live_contents(root: bytes) -> set[bytes]:
    """The contents of the files that lie where the user sees them."""
    return {
        thing.content
        for path, thing in look(root).items()
        if stat.S_ISREG(thing.kind) and not path.startswith(CONTROL + b"/")
    }


class Machine(RuleBasedStateMachine):
    """The folder, what the user did to it, and what was before each operation.

    No rule has a precondition: what the turns are mustn't depend on the disk,
    which isn't the same in each game of the same turns (names are made up, and
    folders list them in any order), or Hypothesis gives up.
    """

    def __init__(self) -> None:
        """An empty root with a sentinel beside it."""
        super().__init__()
        self.place = Path(tempfile.mkdtemp(prefix="machine-"))
        self.folder = self.place / "root"
        self.folder.mkdir()
        self.root = os.fsencode(self.folder)
        self.outside = self.place / "outside"
        self.sentinel = write_tree(self.outside, {"keep.txt": "untouched"})
        self.serial = 0
        self.epoch = 0
        self.touched: set[bytes] = set()
        """Paths that the user changed: what the record says of them needn't be true any more."""
        self.clean: dict[int, Manifest] = {}
        """What was before each operation since which the user has done nothing."""
        self.born: dict[int, int] = {}
        """Files that the user made, by inode: how many operations there were then."""
        self.purged = False
        self.unsettled: tuple[dict[bytes, Thing], int] | None = None
        """What was before the last run, and how many operations; None when its record was looked at or the user has acted."""
        COUNTED["examples"] += 1

    def teardown(self) -> None:
        """In the end all that can be is taken back, and nothing is lost."""
        try:
            before = Counter(look(self.root).values())
            organizer.recover(self.folder)
            for operation in organizer.history(self.folder):
                if operation.operation_type in ("organize", cleaner.OPERATION_TYPE):
                    with suppress(FileOrganizerError):
                        organizer.undo(self.folder, operation.operation_id)
            assert Counter(look(self.root).values()) == before, "I1: taking all back lost or changed a file"
            self.records_are_true()
        finally:
            shutil.rmtree(self.place)
            seen = sys.exc_info()[1]
            if isinstance(seen, Exception):  # Hypothesis says something else where a game goes otherwise the next time
                traceback.print_exception(seen)

    # the user

    @initialize(wanted=st.lists(st.tuples(st.sampled_from(FOLDERS), st.sampled_from(NAMES)), min_size=1, max_size=8))
    def begin(self, wanted: list[tuple[bytes, bytes]]) -> None:
        """There are some files."""
        for number, (folder, name) in enumerate(wanted):
            self._write(os.path.join(folder, name), number, b"twins" if number % 3 == 2 else b"")
        self._write(b"in/Thumbs.db", 0)

    @rule(deed=st.integers(0, 1 << 20))
    def act(self, deed: int) -> None:
        """The user does something between two runs."""
        self._do(deed)

    @rule(deeds=st.lists(st.integers(0, 1 << 20), min_size=2, max_size=5))
    def act_often(self, deeds: list[int]) -> None:
        """The user does several things."""
        for deed in deeds:
            self._do(deed)

    def _do(self, deed: int, meanwhile: bool = False) -> str:
        """One of the user's deeds; a number chooses what is done to which file. Gives the name of the deed."""
        deeds = MEANWHILE if meanwhile else DEEDS
        deed, which = divmod(deed, len(deeds))
        act = deeds[which]
        found = look(self.root)
        live = sorted(path for path in found if not path.startswith(CONTROL))
        if not live and act is not Machine._new:
            return "nothing"
        with suppress(OSError):  # a folder where a file is needed, a link to itself: the user sees an error, too
            act(self, live, deed)
            COUNTED[act.__name__.strip("_")] += 1
        there = {thing.inode for thing in found.values()}
        for thing in look(self.root).values():
            if thing.inode not in there and act not in REPLACING:
                self.born[thing.inode] = len(organizer.history(self.folder))
        self.clean.clear()
        self.unsettled = None
        return act.__name__.strip("_")

    def _at(self, path: bytes) -> bytes:
        """The absolute path, noted as touched. The user doesn't go outside by links of his own: FileNotFoundError."""
        found = os.path.join(self.root, path)
        if not (os.path.realpath(os.path.dirname(found)) + b"/").startswith(self.root + b"/"):
            raise FileNotFoundError(found)
        self.touched.add(path)
        return found

    def _place_for(self, path: bytes) -> bytes:
        """The same for a new name; its folders are made."""
        found = self._at(path)
        os.makedirs(os.path.dirname(found), exist_ok=True)
        return found

    def _write(self, path: bytes, number: int, content: bytes = b"") -> None:
        """A new file, dated back."""
        if os.path.lexists(os.path.join(self.root, path)):
            return
        self.serial += 1
        with open(self._place_for(path), "xb") as file:
            file.write(content or b"content %06d" % self.serial)
        os.utime(self._at(path), ns=(TIMES[number % 2] * 1_000_000_000 + self.serial,) * 2)  # no two are alike

    def _new(self, live: list[bytes], deed: int) -> None:
        """A new file somewhere; now and then one with the bytes of another."""
        folder, name = FOLDERS[deed % len(FOLDERS)], NAMES[deed // 7 % len(NAMES)]
        content = b"twins" if deed // 70 % 4 == 0 else b""
        self._write(os.path.join(folder, name), deed // 280, content)

    def _edit(self, live: list[bytes], deed: int) -> None:
        """Another content, another size."""
        with open(self._at(live[deed % len(live)]), "r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(b" edited")

    def _edit_unseen(self, live: list[bytes], deed: int) -> None:
        """Another content of the same size under the same time."""
        path = self._at(live[deed % len(live)])
        status = os.stat(path)
        with open(path, "r+b") as file:
            file.write(b"CONTENT"[: status.st_size])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def _delete(self, live: list[bytes], deed: int) -> None:
        """Gone for good."""
        os.unlink(self._at(live[deed % len(live)]))

    def _move(self, live: list[bytes], deed: int) -> None:
        """To another place under another name, if that is free."""
        source = live[deed % len(live)]
        deed //= len(live)
        target = os.path.join(FOLDERS[deed % len(FOLDERS)], NAMES[deed // 7 % len(NAMES)])
        if not os.path.lexists(os.path.join(self.root, target)):
            os.rename(self._at(source), self._place_for(target))

    def _replace(self, live: list[bytes], deed: int) -> None:
        """Saved as editors do: a new file is given the old one's name."""
        path = live[deed % len(live)]
        status = os.stat(os.path.join(self.root, path))
        new = self._at(path) + b".new"
        self.serial += 1
        with open(new, "xb") as file:
            file.write(b"content %06d" % self.serial)
        os.utime(new, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.rename(new, self._at(path))

    def _occupy(self, live: list[bytes], deed: int) -> None:
        """A new file at a place that a file was moved from, or is about to be moved to."""
        places: list[bytes] = []
        for operation in organizer.history(self.folder)[:3]:
            with organizer.show(self.folder, operation.operation_id) as shown:
                places += [place for row in shown.files for place in (row.path, row.target) if place]
        places = [place for place in places if not place.startswith(CONTROL)]
        stem, dot, extension = live[deed % len(live)].rpartition(b"/")[2].rpartition(b".")
        places += [b"Documents/2014/" + stem + dot + extension, b"Images/2017/" + stem + dot + extension]
        self._write(places[deed // 8 % len(places)], deed)

    def _get_in_the_way(self, live: list[bytes], deed: int) -> None:
        """A new file where the newest operation, which may be at work, is about to move a file to."""
        places = {row.target for row in self._moves_of_the_newest()}
        free = sorted(place for place in places if not os.path.lexists(os.path.join(self.root, place)))
        if free:
            self._write(free[deed // 8 % len(free)], deed)
        else:
            self._occupy(live, deed)

    def _edit_the_next(self, live: list[bytes], deed: int) -> None:
        """Another content of a file that the newest operation is about to move."""
        self._edit(self._next(live), deed)

    def _replace_the_next(self, live: list[bytes], deed: int) -> None:
        """Another file under the name of one that the newest operation is about to move."""
        self._replace(self._next(live), deed)

    def _next(self, live: list[bytes]) -> list[bytes]:
        """The files that the newest operation is about to move; any, where its record doesn't say."""
        return sorted({row.path for row in self._moves_of_the_newest()} & set(live)) or live

    def _moves_of_the_newest(self) -> list[FileRow]:
        """What the record of the newest operation says of moves; one that has just begun has none yet."""
        for operation in organizer.history(self.folder)[:1]:
            with organizer.show(self.folder, operation.operation_id) as shown:
                return [row for row in shown.files if row.kind == "move"]
        return []

    def _make_folder(self, live: list[bytes], deed: int) -> None:
        """An empty folder."""
        path = (*FOLDERS[1:], b"Documents/2014/a.txt", b"empty")[deed % (len(FOLDERS) + 1)]
        os.makedirs(self._at(path))

    def _move_folder(self, live: list[bytes], deed: int) -> None:
        """A folder with all that is in it gets another name."""
        inside = sorted({os.path.dirname(path) for path in live} - {b""})
        if inside:
            source = inside[deed % len(inside)]
            target = source + b" away"
            if not os.path.lexists(os.path.join(self.root, target)):
                os.rename(self._at(source), self._at(target))

    def _link(self, live: list[bytes], deed: int) -> None:
        """A symbolic link, to the outside too."""
        target = (b"a.txt", os.fsencode(self.outside), b"..")[deed % 3]
        name = (b"link", b"in", b"Documents")[deed // 3 % 3]
        os.symlink(target, self._at(name))

    def _hard_link(self, live: list[bytes], deed: int) -> None:
        """A second name of a file."""
        source = os.path.join(self.root, live[deed % len(live)])
        os.link(source, self._at(b"twin %d.txt" % (deed % 3)), follow_symlinks=False)

    def _change_mode(self, live: list[bytes], deed: int) -> None:
        """Other permissions."""
        path = os.path.join(self.root, live[deed % len(live)])
        if not os.path.islink(path):
            os.chmod(path, (0o600, 0o640, 0o444)[deed % 3])

    def _touch_folder(self, live: list[bytes], deed: int) -> None:
        """A folder's time is changed."""
        os.utime(os.path.join(self.root, os.path.dirname(live[deed % len(live)])), (1_600_000_000,) * 2)

    # the engine

    @rule(turn=st.deferred(lambda: TURNS), kind=st.integers(0, 11))
    def organize(self, turn: Turn, kind: int) -> None:
        """A run."""
        options = Options(
            recursive=kind % 4 != 3,
            dates="file",
            quiet_seconds=0.0,
            conflict=("rename", "rename", "skip", "keep_newer")[kind // 3],
            layout=("", "category", "category_year")[kind % 3],
        )
        before = look(self.root)
        done = self._run("organize", turn, lambda listener: organizer.organize(self.folder, options, listener=listener))
        if done and turn == PLAIN:
            with organizer.preview(self.folder, options) as plan:
                again = plan.head.review.planned
            blocked = any(
                path.endswith(b"/2014") for path in before
            )  # a file where a folder is needed, until nobody does
            assert not again or blocked or options.conflict == "keep_newer", f"a second run plans {again}"

    @rule(there=st.deferred(lambda: TURNS), back=st.deferred(lambda: TURNS), kind=st.integers(0, 11))
    def there_and_back(self, there: Turn, back: Turn, kind: int) -> None:
        """A run, cut off perhaps, and the undo of it, cut off perhaps and done again: all is as before (I4)."""
        organizer.recover(self.folder)
        before, known = manifest(self.folder), len(organizer.history(self.folder))
        self.organize(there if there.way != "disturbed" else PLAIN, kind)
        organizer.recover(self.folder)
        operations = organizer.history(self.folder)
        if len(operations) > known:
            chosen = operations[0].operation_id
            for turn in (back if back.way != "disturbed" else PLAIN, PLAIN):
                self._run("undo", turn, lambda listener: organizer.undo(self.folder, chosen, listener=listener))
            organizer.recover(self.folder)
        COUNTED["compared after an undo"] += 1
        found = difference(before, manifest(self.folder))
        assert found == [], f"I4: undo isn't identical: {found}"

    @rule(turn=st.deferred(lambda: TURNS), which=st.integers(0, 5), some=st.booleans())
    def undo(self, turn: Turn, which: int, some: bool) -> None:
        """Take one operation back: the newest, or any, an undo too; whole or for some paths. A run where there was none."""
        known = organizer.history(self.folder)
        if not known:
            self.organize(turn, which)
            return
        operation = known[which % len(known)].operation_id if which else None
        paths = self._some_paths(operation or known[0].operation_id) if some else []

        def work(listener: Listener) -> object:
            return organizer.undo(self.folder, operation, paths=paths, listener=listener)

        done = self._run("undo", turn, work)
        recorded = organizer.history(self.folder)[0].number > known[0].number  # not where all had to be left
        if done and recorded and not paths and turn == PLAIN:
            self._is_back()

    def _some_paths(self, operation: str) -> list[bytes]:
        """The path of one file of an operation."""
        with organizer.show(self.folder, operation) as shown:
            return [row.path for row in shown.files if row.kind][:1]

    def _trashed(self) -> list[str]:
        """What is in the trash, or, where it is empty, what a clean-up puts there, of two new files that are the same at least."""
        if not organizer.trash_list(self.folder):
            for place in (0, 8):
                self._do(place * len(DEEDS))  # the first of them
            self.clean_up(PLAIN, "oldest")
        return [item.item_id for item in organizer.trash_list(self.folder)]

    @rule(turn=st.deferred(lambda: TURNS), which=st.integers(0, 3))
    def restore(self, turn: Turn, which: int) -> None:
        """Bring something back from the trash, or all."""
        if items := self._trashed():
            chosen = items[which - 1 : which] if which else []
            self._run("restore", turn, lambda listener: organizer.restore(self.folder, chosen, listener=listener))

    @rule(turn=st.deferred(lambda: TURNS), which=st.integers(0, 3))
    def purge(self, turn: Turn, which: int) -> None:
        """Destroy one thing in the trash, or all."""
        if items := self._trashed():
            chosen = items[which - 1 : which] if which else []
            self._run("purge", turn, lambda listener: organizer.purge(self.folder, chosen, listener=listener))

    @rule(turn=st.deferred(lambda: TURNS), keep=st.sampled_from(("oldest", "newest", "longest-path")))
    def clean_up(self, turn: Turn, keep: str) -> None:
        """Redundant copies go to the trash; whatever cuts that off, of each content a live copy stays."""
        cleaning = Cleaning(keep=keep, search=Search(quiet_seconds=0.0))
        before = _live_contents(self.root)
        self._run("clean-up", turn, lambda listener: cleaner.clean_up(self.folder, cleaning, listener=listener))
        newest = organizer.history(self.folder)[:1]
        COUNTED["copies put away"] += sum(
            operation.totals.done for operation in newest if operation.operation_type == cleaner.OPERATION_TYPE
        )
        if turn.way != "disturbed":
            lost = before - _live_contents(self.root)
            assert not lost, f"I2: a clean-up left no live copy of {lost}"

    @rule(turn=st.deferred(lambda: TURNS))
    def recover(self, turn: Turn) -> None:
        """Settle what was cut off; killed as well. A second time there is nothing to do (I5)."""
        if turn.way == "killed":
            COUNTED["kills"] += not in_child(lambda: organizer.recover(self.folder), faults.kill_at(1 + turn.at % 12))
        organizer.recover(self.folder)
        before = manifest(self.folder)
        assert organizer.recover(self.folder) is None, "I5: recovery isn't finished after it ran"
        assert difference(before, manifest(self.folder)) == [], "I5: a second recovery changed something"

    def _run(self, what: str, turn: Turn, work: Callable[[Listener], object]) -> bool:
        """Do it the way that ``turn`` says, and look; true when it came to its end."""
        organizer.recover(self.folder)  # a new run would do it first; so what is before and after it are one run's
        self.settled()
        known = {operation.number for operation in organizer.history(self.folder)}
        before, tree = look(self.root), manifest(self.folder)
        self.unsettled = (before, len(known))
        COUNTED[what] += 1
        refused, disturbed = self._take(what, turn, work)
        after = look(self.root)
        self._nothing_but_names(what, before, after, disturbed)
        self.purged |= what == "purge"
        new = [operation for operation in organizer.history(self.folder) if operation.number not in known]
        if disturbed:
            self.clean.clear()
            self.unsettled = None
        else:
            self.clean |= {operation.number: tree for operation in new}
            self._nothing_foreign(new, before, after)
        self.settled()
        if turn == PLAIN and new:
            assert new[0].status == "completed"
            totals, alone = new[0].totals, self._without_a_copy(new[0].operation_id)
            words = f"{what}, nobody in the way: planned {totals.planned}, done {totals.done}, no copy of {alone}"
            assert totals.done + alone == totals.planned, words
        return not refused

    def _without_a_copy(self, operation: str) -> int:
        """How many files stayed because their copy holds other bytes now: no plan sees an edit under the same time."""
        with organizer.show(self.folder, operation) as shown:
            stayed = [row for row in shown.files if row.state == "skipped" and row.detail == NO_KEEPER]
        return sum(self._bytes(row.path) != self._bytes(row.keeper) for row in stayed)

    def _bytes(self, path: bytes) -> bytes | None:
        """What a file holds; None for none."""
        try:
            with open(os.path.join(self.root, path), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def _take(self, what: str, turn: Turn, work: Callable[[Listener], object]) -> tuple[list[str], list[Disturbance]]:
        """Do it the way that ``turn`` says; gives why it was refused, if it was, and what the user did meanwhile."""
        refused: list[str] = []
        disturbed: list[Disturbance] = []

        def tried(listener: Listener | None = None) -> None:
            try:
                work(listener or Listener())
            except (NothingToUndo, OperationDependency, InvalidOption, KeyboardInterrupt) as error:
                refused.append(type(error).__name__)
            except FileOrganizerError as error:
                if turn.way != "disturbed":
                    raise AssertionError(f"{what} failed with nobody in the way") from error
                refused.append(error.code)

        if turn.way == "killed":
            COUNTED["kills"] += not in_child(tried, faults.kill_at(turn.at))
        elif turn.way == "stopped":
            tried(Listener(should_stop=_after(turn.at)))
            COUNTED["stops"] += 1
        elif turn.way == "disturbed":
            disturbed = self._disturbed(tried, turn)
        else:
            tried()
        return refused, disturbed

    def _nothing_foreign(self, new: Sequence[Operation], before: dict[bytes, Thing], after: dict[bytes, Thing]) -> None:
        """I6: an undo leaves files alone that the user made after what it takes back."""
        for operation in new:
            for path, thing in before.items() if operation.undoes else ():
                foreign = self.born.get(thing.inode, 0) >= (operation.undoes or 0)
                assert not foreign or after.get(path) == thing, f"I6: undo moved {path!r}, a new file of the user's"

    def _disturbed(self, work: Callable[[], None], turn: Turn) -> list[Disturbance]:
        """Run while the user does something at the nth fault point; gives what that changed."""
        happened: list[Disturbance] = []
        passed: list[str] = []
        nth, which = divmod(turn.at, len(POINTS))

        def action(point: str) -> None:
            passed.append(point)
            if point == POINTS[which] and passed.count(point) == nth + 1:
                before = look(self.root)
                deed = self._do(turn.deed, meanwhile=True)
                happened.append(Disturbance(point, deed, before, look(self.root), "plan.published" in passed))

        faults.action = action
        try:
            work()
        finally:
            faults.action = None
        COUNTED["disturbances"] += len(happened)
        return happened

    # what must hold

    def _nothing_but_names(
        self, what: str, before: dict[bytes, Thing], after: dict[bytes, Thing], disturbed: Sequence[Disturbance]
    ) -> None:
        """I1, I2: the same things, as often, but for what the user did meanwhile and what a purge destroyed."""
        expected = Counter(before.values())
        for one in disturbed:
            gone = Counter(one.before.values()) - Counter(one.after.values())
            expected = expected - gone + (Counter(one.after.values()) - Counter(one.before.values()))
        found = Counter(after.values())
        trashed = Counter(thing for path, thing in before.items() if _is_trashed(path))
        missing = expected - found
        assert not found - expected, f"I1: {what} made or changed {found - expected}; missing: {missing}"
        assert not missing - (trashed if what == "purge" else Counter()), f"I1: {what} lost {missing}"
        for one in disturbed:
            names = Counter(thing.inode for thing in one.after.values())
            for path, thing in one.after.items() if one.planned and one.deed != "move_folder" else ():
                unseen = one.deed in IN_PLACE and (one.point == "move.before" or names[thing.inode] > 1)
                if one.before.get(path) != thing and not path.startswith(CONTROL) and not unseen:
                    words = f"I6: {what} moved {path!r}, which the user had just changed ({one.deed})"
                    assert after.get(path) == thing, words

    def settled(self) -> None:
        """After a run and its recovery: what the record says of each file is where it is (I3), and no family is torn."""
        known = organizer.history(self.folder)
        if self.unsettled is None or not known or any(operation.status == "running" for operation in known):
            return
        (before, count), self.unsettled = self.unsettled, None
        if len(known) > count:
            after = look(self.root)
            self._rows_are_true(known[0], before, after)
            if known[0].operation_type == "organize":
                self._families_are_together(before, after)

    def _rows_are_true(self, operation: Operation, before: dict[bytes, Thing], after: dict[bytes, Thing]) -> None:
        """I3: each file that is told as moved is at its target, each that isn't is where it was."""
        if operation.number not in self.clean:
            return
        with organizer.show(self.folder, operation.operation_id) as shown:
            rows = [row for row in shown.files if row.path in before]
        for row in rows:
            if row.state == "left" and row.kind == "trash":
                assert after.get(row.path) != before[row.path], f"I3: {row} isn't true"
            elif row.reason == "moved-by-you":  # the path is where it was to go back to; where it is, is in the words
                place = os.fsencode(row.detail)
                assert after.get(place) == before.get(place), f"I3: {row} isn't true"
            elif row.state != "done":
                assert after.get(row.path) == before[row.path], f"I3: {row} isn't true"
            elif row.kind == "move":
                assert after.get(row.target) == before[row.path], f"I3: {row} isn't true"
            elif row.kind in ("trash", "purge"):
                assert row.path not in after or after[row.path] != before[row.path], f"I3: {row} isn't true"

    def _families_are_together(self, before: dict[bytes, Thing], after: dict[bytes, Thing]) -> None:
        """A picture and its sidecar, alone with each other before, are in one folder afterwards."""
        now = {thing: os.path.dirname(path) for path, thing in after.items()}
        links = Counter(thing.inode for thing in before.values())
        for path, thing in before.items():
            sidecar = before.get(path[:-4] + b".xmp")
            if path.endswith(b".jpg") and sidecar and links[thing.inode] == links[sidecar.inode] == 1:
                assert now[thing] == now[sidecar], f"{path!r} and its sidecar were torn apart"

    def _is_back(self) -> None:
        """I4: a whole undo, with nobody else at work since, leaves everything as it was before that operation."""
        known = organizer.history(self.folder)
        undo = known[0]
        before = self.clean.get(undo.undoes or 0)
        if undo.operation_type != "rollback" or before is None or self.purged:
            return
        later = [o for o in known if o.number > (undo.undoes or 0) and o is not undo]
        if all(o.operation_type == "organize" and o.rolled_back for o in later):
            COUNTED["compared after an undo"] += 1
            found = difference(before, manifest(self.folder))
            assert found == [], f"I4: undo isn't identical: {found}"

    @invariant()
    def records_are_true(self) -> None:
        """I3, I9: what verify finds, the user did. I8: one batch in doubt at most, the epoch grows."""
        if not organizer.history(self.folder):
            return
        with Journal(self.root, write=False) as journal:
            journal.in_doubt()
            assert journal.epoch >= self.epoch, "I8: the epoch went back"
            self.epoch = journal.epoch
        running = any(operation.status == "running" for operation in organizer.history(self.folder))
        for problem in organizer.verify(self.folder).problems:
            if problem.code in ("not-there", "another-file"):
                touched = self._was_touched(problem.path) or self._lost_on_the_way(problem.path)
                assert running or touched, f"I3: a record is false: {problem}"
            else:
                assert running, f"I9: {problem}"

    def _lost_on_the_way(self, path: bytes) -> bool:
        """Was a move from this path cut off, and its target changed by the user before recovery could look there?"""
        for operation in organizer.history(self.folder):
            with organizer.show(self.folder, operation.operation_id) as shown:
                rows = [row for row in shown.files if row.path == path and row.reason == "needs-attention"]
            if any(self._was_touched(row.target) for row in rows):
                return True
        return False

    def _was_touched(self, path: bytes) -> bool:
        """Did the user change this path, or a folder above it?"""
        while path and path not in self.touched:
            path = os.path.dirname(path)
        return bool(path)

    @invariant()
    def outside_is_untouched(self) -> None:
        """I7: the sentinel is as it was."""
        assert difference(self.sentinel, manifest(self.outside)) == [], "I7: something outside changed"
        COUNTED["steps"] += 1


REPLACING = (Machine._replace, Machine._replace_the_next)
"""The new file has the size and time of the old one."""
IN_PLACE = ("edit", "edit_the_next", "edit_unseen", "change_mode", "hard_link")
"""Deeds that leave a file its inode. Between the last look and the rename nobody can tell; nor, for a file with several
names, whose ctime changes with each of them, if size and time stay. The file goes where it was to go, changed."""


class Disturbance(NamedTuple):
    """What the user did in the middle of a run."""

    point: str
    deed: str
    before: dict[bytes, Thing]
    after: dict[bytes, Thing]
    planned: bool
    """The plan was stored already: whatever the user has touched now isn't what was planned."""


def _after(times: int) -> Callable[[], bool]:
    """Wants to stop when it was asked so often."""
    asked = [0]

    def wanted() -> bool:
        asked[0] += 1
        return asked[0] > times

    return wanted


DEEDS: tuple[Callable[[Machine, list[bytes], int], None], ...] = (
    Machine._new,
    Machine._edit,
    Machine._edit_unseen,
    Machine._delete,
    Machine._move,
    Machine._replace,
    Machine._occupy,
    Machine._new,
    Machine._make_folder,
    Machine._move_folder,
    Machine._link,
    Machine._hard_link,
    Machine._change_mode,
    Machine._touch_folder,
    Machine._get_in_the_way,
    Machine._edit_the_next,
    Machine._replace_the_next,
)
MEANWHILE = DEEDS + DEEDS[-3:] * 6
"""While a run is at work: every other deed meets what it is about to do, or seeded bugs are caught by luck only."""
POINTS = (
    "operation.begun",
    "move.before",
    "advance.after",
    "mkdir.after",
    "scan.folder",
    "batch.carried-out",
    "undo.batch",
)
"""Where the user disturbs a run."""
TURNS: st.SearchStrategy[Turn] = st.one_of(
    st.just(PLAIN),
    st.builds(Turn, st.just("killed"), st.integers(1, 70), st.just(0)),
    st.builds(Turn, st.just("disturbed"), st.integers(0, 3 * len(POINTS) - 1), st.integers(0, 1 << 20)),
    st.builds(Turn, st.just("stopped"), st.integers(0, 30), st.just(0)),
)


def figures() -> dict[str, Any]:
    """The counts so far."""
    return dict(sorted(COUNTED.items()))
