"""What is the same and what isn't, what is never opened, what is remembered."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fileorganizer import cleaner, organizer, progress
from fileorganizer.cleaner import Cleaning
from fileorganizer.duplicates import alike, cache, finder, reader_child, readers
from fileorganizer.duplicates.finder import Search
from fileorganizer.errors import InvalidOption, StorageFailed
from fileorganizer.fs import faults, probe
from fileorganizer.fs.beneath import Root
from fileorganizer.model import Options, Reason
from fileorganizer.progress import Listener
from fileorganizer.searcher import Found, find_duplicates
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.disks import image
from tests.support.trees import Fifo, File, HardLink, Link, write_tree

LARGE = bytes(range(256)) * 8_192
"""Two megabytes: sampled, then read whole by itself."""
MIDDLE = LARGE[: 1 << 20] + b"!" + LARGE[(1 << 20) + 1 :]


def groups_of(found: Found) -> list[tuple[str, ...]]:
    """The paths of each group, by path."""
    return sorted(tuple(os.fsdecode(copy.path) for copy in group.copies) for group in found.groups)


@pytest.fixture(params=["here", "processes", "cold"])
def reading(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Read in this process, in others, or as from a cold disk."""
    if request.param == "processes":
        monkeypatch.setattr(readers, "FEW_MESSAGES", 0)
    if request.param == "cold":
        monkeypatch.setattr(reader_child, "_cold", True)
        monkeypatch.setattr(reader_child, "_disk_reads", iter(range(1_000)).__next__)
    return str(request.param)


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files that were made just now for old ones: their digests are kept."""
    monkeypatch.setattr(cache, "QUIET_NS", -(10**15))


@pytest.fixture
def at() -> Iterator[object]:
    """Do something at a fault point, once."""

    def when(name: str, act: object) -> None:
        left = [act]

        def action(point: str) -> None:
            if point == name and left:
                left.pop()()  # type: ignore[operator]  # a function without arguments

        faults.action = action

    yield when
    faults.action = None


def test_only_equal_contents_are_equal(tmp_path: Path, reading: str) -> None:
    """Size, beginning, end, middle: whatever differs is told apart; every way of reading says the same."""
    tree = {
        "one": "same",
        "deep": {"er": {"two": "same"}},
        "head": "Same",
        "empty": "",
        "empty too": "",
        "large": LARGE,
        "large too": LARGE,
        "middle": MIDDLE,
        "tail": LARGE[:-1] + b"!",
        "first": b"!" + LARGE[1:],
        "unlike": "of its own size",
        b"caf\xe9\n": "odd names",
        "normal": "odd names",
    }
    write_tree(tmp_path, tree)
    found = find_duplicates(tmp_path, Search())
    odd = os.fsdecode(b"caf\xe9\n")
    assert groups_of(found) == [(odd, "normal"), ("deep/er/two", "one"), ("large", "large too")]
    assert [group.wasted for group in found.groups] == [len(LARGE), 9, 4]
    assert next(iter(found.groups)).digest == hashlib.sha256(LARGE).digest()


def test_links_are_one_file_and_special_files_are_never_opened(tmp_path: Path) -> None:
    """Hard links waste nothing; symbolic links, FIFOs, hidden and unfinished files are left with their reason."""
    tree = {
        "a": "x1",
        "b": HardLink("a"),
        "c": "x1",
        "link": Link("a"),
        "pipe": Fifo(),
        ".secret": "x1",
        "d.part": "x1",
    }
    write_tree(tmp_path, tree | {"d": "x1", "only": "y2", "twin": HardLink("only")})
    found = find_duplicates(tmp_path, Search())
    assert groups_of(found) == [("a", "c")]
    group = next(iter(found.groups))
    assert group.copies[0].links == (b"b",) and group.redundant == 1
    assert {os.fsdecode(skip.path): Reason(skip.reason).label for skip in found.skips} == {
        "link": "symlink",
        "pipe": "special-file",
        ".secret": "hidden",
        "d.part": "unfinished",
        "d": "unfinished",
    }


def test_projects_stay_closed_unless_asked(tmp_path: Path) -> None:
    """Copies in a checkout are its own matter."""
    write_tree(tmp_path, {"a": "same", "project": {".git": {}, "a": "same"}})
    assert groups_of(find_duplicates(tmp_path, Search())) == []
    assert groups_of(find_duplicates(tmp_path, Search(keep_together=False))) == [("a", "project/a")]


def test_options_choose_what_is_searched(tmp_path: Path) -> None:
    """Smallest size, empty files, excludes, the digest."""
    write_tree(tmp_path, {"a": "12345", "b": "12345", "c": "1", "d": "1", "e": "", "f": ""})
    assert groups_of(find_duplicates(tmp_path, Search(min_size=2))) == [("a", "b")]
    assert groups_of(find_duplicates(tmp_path, Search(min_size=0, exclude=("a",)))) == [("c", "d"), ("e", "f")]
    found = find_duplicates(tmp_path, Search(algorithm="blake3", paranoid=True))
    assert groups_of(found) == [("a", "b"), ("c", "d")] and found.groups.algorithm == "blake3"
    with pytest.raises(InvalidOption, match="md5"):
        find_duplicates(tmp_path, Search(algorithm="md5"))


def test_a_reference_is_searched_too(tmp_path: Path) -> None:
    """Copies in the reference count; groups of references alone don't; inside the root it is a folder of it."""
    write_tree(tmp_path / "root", {"a": "same", "sub": {"b": "same", "c": "alike"}, "d": "alike"})
    write_tree(tmp_path / "ref", {"x": "same", "y": "only there", "z": "only there"})
    found = find_duplicates(tmp_path / "root", Search(), against=tmp_path / "ref")
    assert groups_of(found) == [("d", "sub/c"), ("x", "a", "sub/b")]
    assert [group.redundant for group in found.groups] == [2, 1]
    inside = find_duplicates(tmp_path / "root", Search(), against=tmp_path / "root" / "sub")
    assert groups_of(inside) == [("sub/b", "a"), ("sub/c", "d")]
    assert {copy.path for group in inside.groups for copy in group.copies if copy.is_reference} == {b"sub/b", b"sub/c"}
    with pytest.raises(InvalidOption, match="nothing in it could go"):
        find_duplicates(tmp_path / "root" / "sub", Search(), against=tmp_path / "root")


def test_what_changes_while_it_is_read_is_no_duplicate(tmp_path: Path, at: object) -> None:
    """The digest counts only for the file that was seen, unchanged to its end."""
    write_tree(
        tmp_path, {"a": LARGE, "b": LARGE, "c": LARGE, "gone": "soon", "left": "soon", "f": {"x": "in", "y": "in"}}
    )

    def change() -> None:
        with open(tmp_path / "b", "r+b") as file:
            file.write(b"now")
        (tmp_path / "gone").unlink()
        shutil.rmtree(tmp_path / "f")

    at("duplicates.sample", change)  # type: ignore[operator]  # a function
    found = find_duplicates(tmp_path, Search())
    assert groups_of(found) == [("a", "c")]
    assert {os.fsdecode(skip.path) for skip in found.skips} == {"b", "gone", "f/x", "f/y"}


def test_what_cannot_be_read_equals_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EIO: reported, and no duplicate of anything (F21), in the sample and in the whole digest."""
    write_tree(tmp_path, {"bad": "12345", "b": "12345", "c": "12345", "l1": LARGE, "l2": LARGE, "l3": LARGE})
    bad = {(tmp_path / name).stat().st_ino for name in ("bad", "l2")}
    read = os.read

    def failing(fd: int, count: int) -> bytes:
        if os.fstat(fd).st_ino in bad:
            raise OSError(5, "Input/output error")
        return read(fd, count)

    monkeypatch.setattr(os, "read", failing)
    found = find_duplicates(tmp_path, Search())
    assert groups_of(found) == [("b", "c"), ("l1", "l3")]
    assert sorted(skip.path for skip in found.unreadable) == [b"bad", b"l2"]


def test_paranoid_compares_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files with the same digest and other bytes are no copies, were there ever such."""
    write_tree(tmp_path, {"a": "1234", "b": "1234", "c": "5678", "d": "1234"})
    monkeypatch.setattr(reader_child, "_hasher", lambda _kind: hashlib.new("sha256"))
    monkeypatch.setattr(
        finder.Finder, "_set_digest", lambda self, file, _d, set_=finder.Finder._set_digest: set_(self, file, bytes(32))
    )
    monkeypatch.setattr(alike, "sharing_sample", lambda *_: alike.Alike(array("Q", range(4)), array("Q", (0, 4))))
    assert groups_of(find_duplicates(tmp_path, Search())) == [("a", "b", "c", "d")]
    assert groups_of(find_duplicates(tmp_path, Search(paranoid=True))) == [("a", "b", "d")]


def test_the_second_search_reads_no_content(tmp_path: Path, reading: str, settled: None) -> None:
    """Digests are remembered; a file that was touched since is read again."""
    write_tree(tmp_path, {"a": "same", "b": "same", "c": "else", "large": LARGE, "too": LARGE, "alone": "of its size"})
    first = find_duplicates(tmp_path, Search())
    second = find_duplicates(tmp_path, Search())
    assert first.bytes_read > 2 * len(LARGE) and second.bytes_read == 0
    assert groups_of(first) == groups_of(second) == [("a", "b"), ("large", "too")]
    os.utime(tmp_path / "a", ns=(10**18, 10**18))
    assert find_duplicates(tmp_path, Search()).bytes_read == 2 * len("same")


def test_where_a_change_does_not_show_nothing_is_remembered(
    tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each search reads what there is, and a clean-up compares bytes instead of believing a digest."""
    write_tree(tmp_path, {"a": "same", "b": "same", "c": "alike", "d": "alike"})
    find_duplicates(tmp_path, Search())
    with Root(os.fsencode(tmp_path)) as root:
        monkeypatch.setattr(probe, "_NO_CHANGE_TIMES", frozenset({probe.look_up(root).file_system}))
    for _ in range(2):
        found = find_duplicates(tmp_path, Search())
        assert (groups_of(found), found.bytes_read) == ([("a", "b"), ("c", "d")], 2 * 2 * len("samealike"))
    with cleaner.preview_clean_up(tmp_path, Cleaning(keep="first-alphabetical")) as plan:
        keepers = [step.keeper for steps in plan.batches() for step in steps]
    assert [(keeper.path, keeper.digest) for keeper in keepers if keeper] == [(b"c", b""), (b"a", b"")]


@pytest.mark.root
@pytest.mark.loop
def test_a_change_that_fat_does_not_show(tmp_path: Path, settled: None) -> None:
    """Edited, of the same size, and given its time back: FAT has nothing else by which one could see it."""
    with image(tmp_path / "stick", "vfat") as stick:
        write_tree(stick, {"a": "same", "b": "same"})
        assert groups_of(find_duplicates(stick, Search())) == [("a", "b")]
        before = (stick / "b").stat()
        (stick / "b").write_text("Same")
        os.utime(stick / "b", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert groups_of(find_duplicates(stick, Search())) == []


EDITS = st.tuples(
    st.sampled_from(["write", "rename", "swap", "copy", "link", "unlink", "touch"]),
    st.integers(0, 5),
    st.integers(0, 5),
)


@given(
    edits=st.lists(EDITS, max_size=8),
    searches=st.sampled_from([Search(), Search(min_size=0), Search(algorithm="blake3")]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
def test_what_is_remembered_of_searches_is_true(
    edits: list[tuple[str, int, int]], searches: Search, settled: None
) -> None:
    """Whatever happens between two searches, the second says what one says that remembers nothing."""
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        root = Path(place) / "root"
        write_tree(
            root, {f"{number}": ("", "same", "same", "else", "same", "of its size")[number] for number in range(6)}
        )
        for edit in [None, None, *edits]:
            if edit is not None:
                _edit(root, *edit)
                time.sleep(
                    0.01
                )  # the next change is of another tick of the clock: others aren't remembered, but for `settled`
            patch.setenv("XDG_CACHE_HOME", str(Path(place) / "kept"))
            remembered = find_duplicates(root, searches)
            patch.setenv("XDG_CACHE_HOME", tempfile.mkdtemp(dir=place))
            anew = find_duplicates(root, searches)
            assert list(remembered.groups) == list(anew.groups)
            assert (remembered.groups.wasted, remembered.groups.redundant) == (
                anew.groups.wasted,
                anew.groups.redundant,
            )


def _edit(root: Path, kind: str, one: int, other: int) -> None:
    """Something that a user does to a file or two, if they are there."""
    this, that = root / str(one), root / str(other)
    if not this.exists() or one == other:
        return
    if kind == "write":
        this.write_bytes(b"%4d" % (other % 2))
    elif kind == "rename":
        this.rename(root / f"{other}")
    elif kind == "swap" and that.exists():
        for source, target in ((this, root / "aside"), (that, this), (root / "aside", that)):
            source.rename(target)
    elif kind == "copy":
        shutil.copyfile(this, that)
    elif kind == "link" and not that.exists():
        that.hardlink_to(this)
    elif kind == "unlink":
        this.unlink()
    elif kind == "touch":
        os.utime(this)


def test_a_search_of_what_has_not_changed_asks_for_no_digests(
    tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found last time is the answer; with ``paranoid``, or with references, it is worked out anew."""
    write_tree(tmp_path, {"a": "same", "b": "same", "c": "else", "sub": {"d": "same"}})
    first = find_duplicates(tmp_path, Search())
    with monkeypatch.context() as patch:
        patch.setattr(cache.DigestCache, "recall", None)
        assert list(find_duplicates(tmp_path, Search()).groups) == list(first.groups)
    assert find_duplicates(tmp_path, Search(paranoid=True)).bytes_read > 0
    against = find_duplicates(tmp_path, Search(), against=tmp_path / "sub")
    assert [copy.is_reference for group in against.groups for copy in group.copies] == [True, False, False]


def test_a_search_that_could_not_read_everything_is_not_remembered(
    tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be read today may be readable tomorrow, in the same state."""
    write_tree(tmp_path, {"a": "same", "b": "same", "c": "same"})
    with monkeypatch.context() as patch:
        open_file = os.open

        def refuse(name: str | bytes, *given: object, **more: object) -> int:
            if name == b"b":
                raise OSError(errno.EIO, "input/output error")
            return open_file(name, *given, **more)  # type: ignore[arg-type]  # as it came

        patch.setattr(os, "open", refuse)
        assert groups_of(find_duplicates(tmp_path, Search())) == [("a", "c")]
    assert groups_of(find_duplicates(tmp_path, Search())) == [("a", "b", "c")]


def test_digests_of_files_changed_just_now_are_not_kept(tmp_path: Path) -> None:
    """A file may change twice within a tick of the clock: only what has been quiet for two seconds is remembered."""
    write_tree(tmp_path, {"a": "same", "b": "same"})
    assert find_duplicates(tmp_path, Search()).bytes_read == find_duplicates(tmp_path, Search()).bytes_read == 16


def test_digests_survive_our_own_moves(tmp_path: Path, settled: None) -> None:
    """A rename changes the ctime, and a link, too; the executor tells the cache. Undo does as well."""
    write_tree(tmp_path, {name: File(b"same", mtime=1_400_000_000) for name in ("a.txt", "b.pdf", "c.odt")})
    find_duplicates(tmp_path, Search())
    organizer.organize(tmp_path, Options(dates="file"))
    after = find_duplicates(tmp_path, Search())
    assert after.bytes_read == 0 and groups_of(after) == [
        tuple(f"Documents/2014/{n}" for n in ("a.txt", "b.pdf", "c.odt"))
    ]
    organizer.undo(tmp_path)
    assert find_duplicates(tmp_path, Search()).bytes_read == 0
    cleaner.clean_up(tmp_path, cleaner.Cleaning(keep="oldest", action="hardlink"))
    assert find_duplicates(tmp_path, Search()).bytes_read == 0


def test_a_stopped_search_keeps_what_it_read(tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first of many messages, the next search goes on from there."""
    monkeypatch.setattr(finder, "FILES_A_MESSAGE", 10)
    monkeypatch.setattr(readers, "FEW_MESSAGES", 1_000)
    write_tree(tmp_path, {f"{number}": f"{number // 2:4}" for number in range(100)})
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 15

    with pytest.raises(KeyboardInterrupt):
        find_duplicates(tmp_path, Search(), listener=Listener(should_stop=stop))
    rest = find_duplicates(tmp_path, Search())
    assert len(rest.groups) == 50 and 400 < rest.bytes_read < 800


def test_bytes_are_told_while_they_are_read(tmp_path: Path, settled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a listener hears adds up to what was read: of large files in between, of the others with their answer."""
    for module in (finder, reader_child):
        monkeypatch.setattr(module, "PROGRESS_BYTES", 3 << 18)
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.0)
    write_tree(tmp_path, {"a": LARGE, "b": LARGE, "c": "same", "d": "same"})
    told: dict[str, list[int]] = {}

    def report(now: progress.Progress) -> None:
        told.setdefault(now.stage, []).append(now.bytes_processed)

    found = find_duplicates(tmp_path, Search(), listener=Listener(report))
    assert sum(stage[-1] for stage in told.values()) == found.bytes_read
    assert told["whole contents"] == sorted(told["whole contents"]) and 3 << 18 in told["whole contents"]


def test_a_reader_that_dies_stops_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed or not started: an error that says so, not a search that found less."""
    monkeypatch.setattr(readers, "FEW_MESSAGES", 0)
    monkeypatch.setattr(readers.reader_child, "__file__", os.devnull)
    write_tree(tmp_path, {"a": "same", "b": "same"})
    with pytest.raises(StorageFailed, match="ended unexpectedly"):
        find_duplicates(tmp_path, Search())


def test_the_command_line_reads_nothing_the_second_time(tmp_path: Path) -> None:
    """Seen by strace: not one file of the folder is opened."""
    if not shutil.which("strace"):
        pytest.skip("strace isn't installed: reading nothing NOT COVERED from outside")
    root = tmp_path / "root"
    write_tree(root, {"deep": {"a": "same", "b": "same"}, "c": LARGE, "d": LARGE})
    time.sleep(2.1)  # so long a file has to be quiet before its digest is kept
    first, second = (_opened_by_search(root, tmp_path / f"trace{run}") for run in (1, 2))
    assert first >= {"a", "b", "c", "d"} and not second & {"a", "b", "c", "d"}


def _opened_by_search(root: Path, trace: Path) -> set[str]:
    """The last parts of the paths that a search opens."""
    program = [sys.executable, "-m", "fileorganizer.cli.app", "duplicates", str(root), "--json"]
    environment = unmeasured(os.environ)
    command = ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2", "-o", str(trace), *program]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return {
        line.split('"')[1].rpartition("/")[2] for line in trace.read_text(errors="replace").splitlines() if '"' in line
    }


def test_what_can_t_be_looked_at_or_has_an_impossible_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are left alone and told; the others are compared as always."""
    write_tree(tmp_path, {name: File("same", mtime=1_400_000_000) for name in ("a", "b", "future", "broken")})
    os.utime(tmp_path / "future", (10_400_000_000, 10_400_000_000))  # the year 2299: too far for 64 bits of nanoseconds
    stat = os.stat

    def failing(path: object, **rest: object) -> os.stat_result:
        if path == b"broken":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return stat(path, **rest)  # type: ignore[call-overload]  # as it was called

    monkeypatch.setattr(os, "stat", failing)
    found = find_duplicates(tmp_path, Search())
    monkeypatch.undo()
    assert groups_of(found) == [("a", "b")]
    assert {os.fsdecode(skip.path): skip.reason for skip in found.skips} == {
        "broken": Reason.UNREADABLE,
        "future": Reason.NOT_SUPPORTED,
    }
    assert found.scanned == 4
