"""What the disk answers and what names it holds, row by row of the fault matrix (docs/proofs/fault_matrix.md)."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fileorganizer import organizer
from fileorganizer.cli import app
from fileorganizer.errors import (
    DestinationMissing,
    DiskFull,
    RootRefused,
    StorageFailed,
    TooManyFailures,
)
from fileorganizer.execution import executor, observing
from fileorganizer.fs import moving, probe
from fileorganizer.model import DateSource, Options
from fileorganizer.organizer import Report
from tests.support.crash import take_all_back
from tests.support.disks import NOBODY, fill, image, mount, mounted, need_root, nobody, not_topmost, tmpfs
from tests.support.manifest import contents, difference, manifest
from tests.support.messy import photo
from tests.support.trees import Fifo, File, HardLink, Link, Socket, read_tree, write_tree

OLD = 1_400_000_000
LOOSE = Options(dates="file")
DEEP = Options(recursive=True, dates="file")


def text(content: str = "x", mtime: int = OLD) -> File:
    """A dated file."""
    return File(content.encode(), mtime=mtime)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty root."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    with tmpfs(tmp_path / "disk", "size=3m,nr_inodes=60") as place:
        yield place


def reasons(report: Report) -> dict[str, int]:
    """What wasn't done and why; the totals have to add up."""
    assert report.operation is not None
    totals = report.operation.totals
    assert totals.planned == totals.done + totals.skipped + totals.failed
    return totals.by_reason


def there_and_back(root: Path, options: Options = LOOSE) -> Report:
    """Organize, verify, plan nothing a second time, undo: all as before."""
    before = manifest(root)
    report = organizer.organize(root, options)
    assert organizer.verify(root).problems == []
    with organizer.preview(root, options) as plan:
        assert plan.head.review.planned == 0
    if report.operation is not None:
        organizer.undo(root)
    assert difference(before, manifest(root)) == []
    return report


def goes_on_later(root: Path, before: Any, held: Any) -> None:
    """After a stop: nothing lost, every record true; run again it ends, and all can be taken back."""
    organizer.recover(root)
    assert contents(root) == held
    assert organizer.verify(root).problems == []
    assert reasons(organizer.organize(root, LOOSE)) == {}
    assert contents(root) == held
    take_all_back(root)
    times = f"changed: {b''!r}: mtime_ns"  # of the root, in which the tests' own fillers came and went
    assert [line for line in difference(before, manifest(root)) if not line.startswith(times)] == []


def test_f15_no_inodes_left_is_seen_before(disk: Path) -> None:
    """More folders than the disk has inodes for: nothing is begun."""
    before = write_tree(disk, {f"{n}.txt": text(str(n), OLD - n * 32_000_000) for n in range(40)})
    with pytest.raises(DiskFull, match="inodes"):
        organizer.organize(disk, LOOSE)
    assert difference(before, manifest(disk)) == []


def test_f15_no_inodes_left_meanwhile(disk: Path, at: Any) -> None:
    """Another program takes the last ones: stopped, kept, gone on with later."""
    before = write_tree(disk, {f"{n}.txt": text(str(n), OLD - n * 32_000_000) for n in range(10)})
    held = contents(disk)
    fillers: list[Path] = []

    def take_all() -> None:
        with suppress(OSError):
            while True:
                filler = disk / f"filler {len(fillers)}"
                filler.touch()
                fillers.append(filler)

    at("operation.begun", take_all)
    with pytest.raises(DiskFull, match="ree some space"):
        organizer.organize(disk, LOOSE)
    assert len(list(disk.glob("*.txt"))) == 10
    for filler in fillers:
        filler.unlink()
    goes_on_later(disk, before, held)


def test_f16_no_room_for_the_journal(disk: Path, at: Any) -> None:
    """Without a durable intent nothing is moved; with room it goes on."""
    before = write_tree(disk, {f"{n}.txt": text(str(n)) for n in range(5)})
    held = contents(disk)
    at("operation.begun", lambda: fill(disk))
    with pytest.raises(DiskFull, match="ree some space"):
        organizer.organize(disk, LOOSE)
    assert sorted(path.name for path in disk.glob("*.txt")) == [f"{n}.txt" for n in range(5)]
    (disk / "filler").unlink()
    goes_on_later(disk, before, held)


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A root of a user without rights, and a folder for their plans, in a place that they can reach."""
    need_root("being another user")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for name in ("root", "plans"):
            (Path(folder) / name).mkdir()
            os.chown(Path(folder) / name, NOBODY, NOBODY)
        monkeypatch.setenv("PLAN_DIR", f"{folder}/plans")
        yield Path(folder) / "root"


def test_f17_folders_of_others(theirs: Path, tmp_path: Path) -> None:
    """A user's run moves what is theirs; what lies in another's folder is denied, one by one, and said."""
    write_tree(theirs, {"mine.txt": text(), "root's": {"a.txt": text("a"), "b.txt": text("b")}})
    os.chown(theirs / "mine.txt", NOBODY, NOBODY)
    write_tree(tmp_path, {"a.txt": text()})
    organizer.organize(tmp_path, DEEP)  # loads what is loaded late: Python may lie where nobody can read it
    with nobody():
        report = organizer.organize(theirs, DEEP)
        problems = organizer.verify(theirs).problems
    assert reasons(report) == {"denied": 2}
    assert problems == []
    assert (theirs / "Documents/2014/mine.txt").exists()
    assert (theirs / "root's/a.txt").exists()


def test_f17_a_shared_folder_of_somebody_else(theirs: Path, tmp_path: Path) -> None:
    """Everybody may write into it, and only its owner may set its time: a run works there, and can be taken back."""
    write_tree(theirs, {"mine.txt": text()})
    os.chown(theirs / "mine.txt", NOBODY, NOBODY)
    os.chown(theirs, 0, 0)
    theirs.chmod(0o777)
    write_tree(tmp_path, {"a.txt": text()})
    organizer.organize(tmp_path, DEEP)  # loads what is loaded late: Python may lie where nobody can read it
    with nobody():
        assert reasons(organizer.organize(theirs, DEEP)) == {}
        assert (theirs / "Documents/2014/mine.txt").exists()
        organizer.undo(theirs)
        assert organizer.verify(theirs).problems == []
    assert read_tree(theirs) == {"mine.txt": "x"}


def test_f17_folders_that_can_t_be_made(theirs: Path, tmp_path: Path) -> None:
    """Whatever was to go into them says why: it is denied."""
    write_tree(theirs, {"mine.txt": text()})
    write_tree(tmp_path, {"a.txt": text()})
    organizer.organize(tmp_path, DEEP)  # loads what is loaded late: Python may lie where nobody can read it
    (theirs / ".fileorganizer").mkdir(mode=0o700)
    for path in (theirs / ".fileorganizer", theirs / "mine.txt"):
        os.chown(path, NOBODY, NOBODY)
    os.chown(theirs, 0, 0)
    with nobody():
        assert reasons(organizer.organize(theirs, DEEP)) == {"denied": 1}
    assert (theirs / "mine.txt").exists()


def test_f17_a_folder_that_can_be_listed_and_no_more(theirs: Path, tmp_path: Path) -> None:
    """``chmod -R 644``: the names are seen, the files aren't. Each is told as unreadable, and the numbers add up."""
    write_tree(theirs, {"sealed": {"a.txt": text("a"), "b.jpg": text("b"), "b.xmp": text("x")}, "c.txt": text("c")})
    os.chown(theirs / "c.txt", NOBODY, NOBODY)
    os.chown(theirs / "sealed", NOBODY, NOBODY)
    (theirs / "sealed").chmod(0o644)
    write_tree(tmp_path, {"a.txt": text()})
    organizer.organize(tmp_path, DEEP)  # loads what is loaded late: Python may lie where nobody can read it
    with nobody(), organizer.preview(theirs, DEEP) as plan:
        review = plan.head.review
    assert review.left_by_reason == {"unreadable": 3}
    assert (review.scanned, review.planned, review.in_place, review.left_alone) == (4, 1, 0, 3)


def test_f55_times_that_no_calendar_has(disk: Path) -> None:
    """A file of the year 1601 (an unset time on NTFS) and one of 5138 stay, and say why; a folder's own time does no harm."""
    write_tree(disk, {"a.txt": text("a"), "b.txt": text("b"), "odd": {"c.txt": text("c"), "d.jpg": "d", "d.xmp": "d"}})
    for name, seconds in (("b.txt", -11_644_473_600), ("odd/d.jpg", 99_999_999_999), ("odd", -11_644_473_600)):
        os.utime(disk / name, (seconds, seconds))
    report = organizer.organize(disk, DEEP)
    assert reasons(report) == {}
    assert report.review.left_by_reason == {"not-supported": 2, "with-companion": 1}
    assert (disk / "Documents/2014/a.txt").exists()
    assert organizer.verify(disk).problems == []
    organizer.undo(disk)
    assert (disk / "odd/c.txt").exists()


def test_f17_a_file_that_nobody_may_move(root: Path) -> None:
    """Immutable: denied, also for root; the others go."""
    need_root("chattr")
    write_tree(root, {"a.txt": text("a"), "fixed.txt": text("f")})
    fixed = root / "fixed.txt"
    if subprocess.run(["chattr", "+i", str(fixed)], check=False, capture_output=True).returncode:
        pytest.skip("chattr is refused here: immutable files NOT COVERED")
    try:
        assert reasons(organizer.organize(root, LOOSE)) == {"denied": 1}
    finally:
        subprocess.run(["chattr", "-i", str(fixed)], check=True)
    assert fixed.exists()
    assert (root / "Documents/2014/a.txt").exists()


def test_f17_failure_after_failure(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When nothing works, the run stops after a hundred."""
    write_tree(root, {f"{n}.txt": text(str(n)) for n in range(120)})
    before = manifest(root)
    rename = moving.move_exclusive

    def denied(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if source.endswith(b".txt"):
            raise PermissionError(errno.EACCES, "no")
        rename(source_fd, source, target_fd, target)

    monkeypatch.setattr(moving, "move_exclusive", denied)
    with pytest.raises(TooManyFailures):
        organizer.organize(root, LOOSE)
    assert organizer.history(root)[0].totals.failed == executor.FAILURES_IN_A_ROW
    monkeypatch.undo()
    assert contents(root)
    organizer.undo(root)
    assert [line for line in difference(before, manifest(root)) if "mtime" not in line] == []


def test_f18_a_target_on_another_mount(root: Path, tmp_path: Path) -> None:
    """Seen by the plan, though the device is the same: the files stay, and the preview says why."""
    write_tree(tmp_path, {"elsewhere": {}, "root": {"a.txt": text("a"), "b.jpg": text("b"), "Documents": {}}})
    with mounted(root / "Documents", "--bind", str(tmp_path / "elsewhere")):
        report = organizer.organize(root, LOOSE)
        assert reasons(report) == {}
        assert report.review.left_by_reason == {"name-taken": 1}
        assert [risk.code for risk in report.review.risks] == ["target-blocked"]
        assert (root / "a.txt").exists()
        assert (root / "Images/2014/b.jpg").exists()


def test_f18_a_copy_that_fails_keeps_its_source(root: Path, disk: Path, at: Any) -> None:
    """Across devices the original goes to the trash only after its copy is there."""
    write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    at("operation.begun", lambda: (root / "a.txt").write_text("edited"))
    report = organizer.organize(root, Options(dates="file", destination=str(disk), across_devices=True))
    assert reasons(report) == {"changed": 1}
    assert (root / "a.txt").read_text() == "edited"
    assert not (disk / "Documents/2014/a.txt").exists()
    assert (disk / "Documents/2014/b.txt").read_text() == "b"
    assert organizer.verify(root).problems == []


def test_f19_long_names_and_long_ways(root: Path) -> None:
    """255 bytes, a clash that has no room for its suffix, a folder that is deeper than a path may be long."""
    wide = "ä" * 125 + "x.txt"
    write_tree(root, {wide: text("1"), "sub": {wide: text("2")}, "b" * 251 + ".jpg": text("b")})
    fd = os.open(root / "sub", os.O_RDONLY)
    for _ in range(1_200):
        os.mkdir("deep", dir_fd=fd)
        deeper = os.open("deep", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    file = os.open("bottom.pdf", os.O_WRONLY | os.O_CREAT, dir_fd=fd)
    os.write(file, b"bottom")
    os.utime(file, (OLD, OLD))
    os.close(file)
    os.close(fd)
    try:
        report = there_and_back(root, DEEP)
    finally:
        subprocess.run(["rm", "-rf", str(root / "sub")], check=True)  # pytest's own way recurses too deep
    assert report.review.planned == 4
    assert reasons(report) == {}


_FEW_DESCRIPTORS = """
import sys
from fileorganizer import organizer
from fileorganizer.model import Options
options = Options(recursive=True, dates="file", layout="{category}/{taken:%Y-%m-%d}")
done = organizer.organize(sys.argv[1], options).operation.totals
back = organizer.undo(sys.argv[1]).operation.totals
print(done.done, back.done)
"""


def with_few_descriptors(program: str, root: Path) -> str:
    """What a program says that may have 64 of them."""
    command = 'ulimit -n 64; exec "$0" -c "$1" "$2"'
    words = ["bash", "-c", command, sys.executable, program, str(root)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def test_f20_few_descriptors(root: Path) -> None:
    """64 are enough for any number of folders."""
    tree = {f"from {n}": {f"{n}.txt": text(str(n), OLD - n * 86_400)} for n in range(150)}
    before = write_tree(root, tree)
    assert with_few_descriptors(_FEW_DESCRIPTORS, root) == "150 150\n"
    assert difference(before, manifest(root)) == []


_FEW_FOR_DATES = """
import sys
from fileorganizer import organizer
from fileorganizer.model import Options
with organizer.preview(sys.argv[1], Options()) as plan:
    print({step.facts.date_source for steps in plan.batches() for step in steps if step.facts})
"""


def test_f20_few_descriptors_for_dates(root: Path) -> None:
    """Every photo of a folder of 300 is asked for its date: none gets that of its file because it couldn't be opened."""
    write_tree(root, {f"{n}.jpg": File(photo("2019:05:06 07:08:09", b"%d" % n), mtime=OLD) for n in range(300)})
    assert with_few_descriptors(_FEW_FOR_DATES, root) == f"{{{DateSource.EXIF}}}\n"


_FEW_FOR_DUPLICATES = """
import sys
from fileorganizer.duplicates.finder import Search
from fileorganizer.searcher import find_duplicates
found = find_duplicates(sys.argv[1], Search())
print(found.groups.redundant, [skip.reason for skip in found.skips])
"""


def test_f20_few_descriptors_for_duplicates(root: Path) -> None:
    """None of 150 folders is taken for changed because it couldn't be opened."""
    write_tree(root, {f"in {n}": {"same.txt": text("same"), f"{n}.txt": text(f"{n:04}")} for n in range(150)})
    assert with_few_descriptors(_FEW_FOR_DUPLICATES, root) == "149 []\n"


def test_f21_a_file_that_can_t_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It equals nothing, so it is no duplicate; its extension decides, and it keeps every byte."""
    write_tree(root, {"a.txt": text("same"), "odd": text("?"), "Documents": {"2014": {"a.txt": text("same")}}})
    with organizer.preview(root, LOOSE) as plan:
        assert plan.head.review.left_by_reason == {"duplicate-in-place": 1}
    opened = observing.open_regular

    def broken(fd: int, name: bytes) -> int:
        if name in (b"a.txt", b"odd"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return opened(fd, name)

    monkeypatch.setattr(observing, "open_regular", broken)
    monkeypatch.setattr(observing, "read_head", broken)
    with organizer.preview(root, Options()) as plan:
        assert plan.head.review.left_by_reason == {}
        assert {step.target for steps in plan.batches() for step in steps if step.seen} == {
            b"Documents/2014/a (2).txt",
            b"Other/2014/odd",
        }


def test_f22_a_disk_that_answers_nothing_any_more(root: Path, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    """EIO on the rename and on every look after it: stopped, and decided when the disk is back."""
    before = write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    held = contents(root)

    def broken(*_: object, **__: object) -> Any:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def breaks() -> None:
        monkeypatch.setattr(moving, "move_exclusive", broken)
        monkeypatch.setattr("fileorganizer.fs.beneath.Root.look", broken)

    at("operation.begun", breaks)
    with pytest.raises(StorageFailed):
        organizer.organize(root, LOOSE)
    monkeypatch.undo()
    goes_on_later(root, before, held)


def breaks_down(disk: Path) -> None:
    """What was written is durable; then ext4 on the image ``disk`` finds an error, and nothing can be written any more."""
    subprocess.run(["mount", "-o", "remount,errors=remount-ro", str(disk)], check=True)
    subprocess.run(["sync", "-f", str(disk)], check=True)
    device = subprocess.run(["findmnt", "-no", "SOURCE", str(disk)], check=True, capture_output=True, text=True)
    trigger = Path("/sys/fs/ext4") / Path(device.stdout.strip()).name / "trigger_fs_error"
    trigger.write_text("found by a test")


def mounted_again(disk: Path) -> None:
    """Taken off and put on again."""
    subprocess.run(["umount", str(disk)], check=True)
    mount(disk, "-o", "loop", str(disk.with_suffix(".ext4")))


def test_f24_read_only_in_the_middle(tmp_path: Path, at: Any) -> None:
    """ext4 finds an error and turns read-only: stopped at once; mounted again, everything goes on."""
    with image(tmp_path / "disk", "ext4", "-q") as disk:
        root = disk / "root"
        before = write_tree(root, {f"{n}.txt": text(str(n)) for n in range(5)})
        held = contents(root)
        at("operation.begun", lambda: breaks_down(disk))
        with pytest.raises(StorageFailed):
            organizer.organize(root, LOOSE)
        assert contents(root) == held
        mounted_again(disk)
        goes_on_later(root, before, held)


def test_f24_read_only_between_the_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: Any) -> None:
    """Without an exclusive rename a file has both names for a moment. Neither can be removed then: said, and ended later."""
    monkeypatch.setattr(probe, "_exclusive_rename", lambda _fd, _links: "link")
    with image(tmp_path / "disk", "ext4", "-q") as disk:
        root = disk / "root"
        before = write_tree(root, {f"{n}.txt": text(str(n)) for n in range(5)})
        held = contents(root)
        at("link.after", lambda: breaks_down(disk))
        with pytest.raises(StorageFailed, match="its old and its new name"):
            organizer.organize(root, LOOSE)
        assert contents(root) == held
        assert len(list(root.rglob("*.txt"))) == 6
        mounted_again(disk)
        goes_on_later(root, before, held)


def test_f25_a_busy_file(root: Path, at: Any) -> None:
    """Something is mounted on it: three tries, then it is skipped, and the others go."""
    need_root("mounting")
    write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    file = str(root / "a.txt")
    at("operation.begun", lambda: subprocess.run(["mount", "--bind", file, file], check=True))
    try:
        assert reasons(organizer.organize(root, LOOSE)) == {"busy": 1}
    finally:
        subprocess.run(["umount", file], check=True)
    assert (root / "a.txt").exists()
    assert (root / "Documents/2014/b.txt").exists()


def test_f26_a_stale_handle(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a network file system says of a file that was replaced: it isn't the file of the plan, so it stays."""
    before = write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    rename = moving.move_exclusive

    def stale(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if source == b"a.txt":
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        rename(source_fd, source, target_fd, target)

    monkeypatch.setattr(moving, "move_exclusive", stale)
    assert reasons(organizer.organize(root, LOOSE)) == {"changed": 1}
    assert organizer.verify(root).problems == []
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


_LITTLE_MEMORY = """
import resource, sys
from fileorganizer import organizer
from fileorganizer.model import Options
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
print(organizer.organize(sys.argv[1], Options(dates="file")).operation.totals.done)
"""


def test_f29_little_memory(root: Path) -> None:
    """Two batches fit into 400 MiB of address space (1M files: the benchmark's peak)."""
    write_tree(root, {f"{n}.txt": text(str(n)) for n in range(6_000)})
    done = subprocess.run(
        [sys.executable, "-c", _LITTLE_MEMORY, str(root)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("6000\n", "")


def test_f29_no_memory_in_the_middle(root: Path, at: Any) -> None:
    """The run ends anywhere; recovered, nothing is lost and no record is false."""
    before = write_tree(root, {f"{n}.txt": text(str(n)) for n in range(5)})
    held = contents(root)

    def out_of_memory() -> None:
        raise MemoryError

    at("move.after", out_of_memory)
    with pytest.raises(MemoryError):
        organizer.organize(root, LOOSE)
    goes_on_later(root, before, held)


def test_f39_another_disk_at_the_destination(root: Path, tmp_path: Path) -> None:
    """A plan goes to the folder that it was made for, not to the empty place where a disk was."""
    write_tree(root, {"a.txt": text("a")})
    there = tmp_path / "there"
    there.mkdir()
    options = Options(dates="file", destination=str(there))
    with organizer.preview(root, options) as plan:
        plan_id = plan.head.plan_id
    there.rename(tmp_path / "unplugged")
    there.mkdir()
    with pytest.raises(DestinationMissing, match="another folder"):
        organizer.organize(root, options, plan_id=plan_id)
    assert (root / "a.txt").exists()
    there.rmdir()
    (tmp_path / "unplugged").rename(there)
    assert reasons(organizer.organize(root, options, plan_id=plan_id)) == {}
    assert (there / "Documents/2014/a.txt").exists()


def test_f39_another_disk_of_the_same_kind(root: Path, tmp_path: Path) -> None:
    """Two disks of ext4 have the same inode at their tops: an undo isn't made on the wrong one, which stays as it is."""
    write_tree(root, {"a.txt": text("a")})
    options = Options(dates="file", destination=str(tmp_path / "disk"), across_devices=True)
    with image(tmp_path / "disk", "ext4", "-q") as disk:
        assert reasons(organizer.organize(root, options)) == {}
        subprocess.run(["umount", str(disk)], check=True)
        with image(tmp_path / "other", "ext4", "-q") as other:
            with mounted(disk, "--bind", str(other)):
                with pytest.raises(DestinationMissing, match="right disk"):
                    organizer.undo(root)
                assert sorted(os.listdir(disk)) == ["lost+found"]
            mount(disk, "-o", "loop", str(disk.with_suffix(".ext4")))
            organizer.undo(root)
            assert (root / "a.txt").read_text() == "a"
            assert not list(disk.glob("Documents/*/*"))


def test_f39_a_destination_whose_records_were_deleted(root: Path, tmp_path: Path) -> None:
    """They are made anew: what an undo needs is in the root's journal. What was in the trash there is gone with them."""
    before = write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    there = not_topmost(tmp_path)
    assert reasons(organizer.organize(root, Options(dates="file", destination=str(there)))) == {}
    shutil.rmtree(there / ".fileorganizer")
    with organizer.preview_undo(root) as plan:
        assert (plan.head.review.planned, plan.head.review.left_alone) == (2, 0)
    assert organizer.undo(root).review.left_alone == 0
    assert difference(before, manifest(root)) == []
    assert read_tree(there) == {}
    assert organizer.verify(root).problems == []


def test_f39_a_disk_whose_records_were_deleted(root: Path, tmp_path: Path) -> None:
    """It may be another one: it is said what to do if it isn't."""
    before = write_tree(root, {"a.txt": text("a")})
    options = Options(dates="file", destination=str(tmp_path / "disk"), across_devices=True)
    with image(tmp_path / "disk", "ext4", "-q") as disk:
        assert reasons(organizer.organize(root, options)) == {}
        shutil.rmtree(disk / ".fileorganizer")
        with pytest.raises(DestinationMissing, match="If it is the right one, make an empty folder"):
            organizer.undo(root)
        (disk / ".fileorganizer").mkdir()
        organizer.undo(root)
        assert difference(before, manifest(root)) == []


def test_f53_one_big_folder(root: Path) -> None:
    """Many names in one folder are some batches, not one (1M: the benchmark)."""
    write_tree(root, {f"{n}.txt": str(n) for n in range(11_000)})
    with organizer.preview(root, LOOSE) as plan:
        assert plan.head.review.planned == 11_000
        assert max(map(len, plan.batches())) <= 5_000


def test_f54_somebody_renames_while_we_list(root: Path) -> None:
    """A name that a listing shows twice is one file, and one that it misses is lost to nobody."""
    write_tree(root, {f"{n}.txt": str(n) for n in range(3_000)})
    held = contents(root)
    stop = threading.Event()

    def rename() -> None:
        for turn in range(10**9):
            for n in range(0, 3_000, 7):
                names = (f"{n}.txt", f"renamed {n}.txt")
                with suppress(FileNotFoundError):
                    (root / names[turn % 2]).rename(root / names[1 - turn % 2])
                if stop.is_set():
                    return

    somebody = threading.Thread(target=rename)
    somebody.start()
    try:
        for _ in range(3):
            with organizer.preview(root, LOOSE) as plan:
                sources = [step.source for steps in plan.batches() for step in steps if step.seen]
                assert len(sources) == len(set(sources))
        organizer.organize(root, LOOSE)
    finally:
        stop.set()
        somebody.join()
    assert contents(root) == held
    assert organizer.verify(root).problems == []


ODD_NAMES = [
    b"new\nline.txt",
    b"tab\t.txt",
    b"\x1b[31mred.txt",
    b"quo\"te's.txt",
    b"-rf.txt",
    b"dot..txt",
    b" space .txt",
    b"invalid \xff\xfe.txt",
    b"\xed\xa0\x80.txt",
    b"CON.txt",
    b"a\\b.txt",
    "emoji \N{FACE WITH TEARS OF JOY} \N{RIGHT-TO-LEFT OVERRIDE}.txt".encode(),
]


def test_f55_f56_names_of_every_sort(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exact there and back; in JSON readable and exact; for people nothing that steers a terminal."""
    write_tree(root, {name: File(name, mtime=OLD) for name in ODD_NAMES})
    report = there_and_back(root)
    assert report.operation is not None
    assert report.operation.totals.done == len(ODD_NAMES)
    with pytest.raises(SystemExit):
        app.main(["show", str(root), "1", "--json"])
    files = json.loads(capsys.readouterr().out)["files"]
    import base64

    exact = {base64.b64decode(row["path_b64"]) if "path_b64" in row else row["path"].encode() for row in files}
    assert exact == set(ODD_NAMES)
    with pytest.raises(SystemExit):
        app.main(["show", str(root), "1"])
    shown = capsys.readouterr().out
    assert not [character for character in shown if not character.isprintable() and character != "\n"]


def test_f57_two_files_that_look_alike(root: Path) -> None:
    """On a file system that keeps them apart both stay, under their own bytes."""
    names = [unicodedata.normalize(form, "é.txt").encode() for form in ("NFC", "NFD")]
    write_tree(root, {name: File(name, mtime=OLD) for name in names})
    before = manifest(root)
    organizer.organize(root, LOOSE)
    assert sorted(os.listdir(os.fsencode(root / "Documents/2014"))) == sorted(names)
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


@pytest.mark.parametrize(
    ("facts", "names"),
    [({"case_sensitive": False}, ["a.txt", "A.TXT"]), ({"normalizing": True}, ["e\u0301.txt", "\u00e9.txt"])],
)
def test_f57_f58_where_two_names_are_one(
    root: Path, monkeypatch: pytest.MonkeyPatch, facts: dict[str, bool], names: list[str]
) -> None:
    """The plan gives the second a name of its own."""
    looked = probe.look_up
    monkeypatch.setattr(probe, "look_up", lambda side: msgspec.structs.replace(looked(side), **facts))
    write_tree(root, {f"sub {n}": {name: text(name)} for n, name in enumerate(names)})
    with organizer.preview(root, DEEP) as plan:
        targets = sorted(
            step.target.decode() for steps in plan.batches() for step in steps if step.seen and step.target
        )
        assert plan.head.review.renamed == 1
    folded = {unicodedata.normalize("NFC", target).casefold() for target in targets}
    assert len(folded) == 2


def test_f59_names_of_one_file(root: Path) -> None:
    """Each name moves by itself, and they stay one file."""
    write_tree(root, {"a.txt": text("a"), "b.pdf": HardLink("a.txt"), "c.jpg": HardLink("a.txt")})
    organizer.organize(root, LOOSE)
    moved = {path.stat().st_ino for path in root.rglob("*.*") if path.is_file() and ".fileorganizer" not in path.parts}
    assert len(moved) == 1
    organizer.undo(root)
    assert (root / "a.txt").stat().st_nlink == 3


def test_f60_what_a_move_keeps(root: Path) -> None:
    """Holes, attributes, odd modes and nanoseconds: the manifest says there and back, here it is looked at there."""
    write_tree(root, {"a.txt": File(b"begin", mtime=OLD, mode=0o4640, xattrs={"user.k": b"v"}, size=4 << 20)})
    file = root / "a.txt"
    os.utime(file, ns=(1, OLD * 10**9 + 123_456_789))
    before = file.stat()
    organizer.organize(root, LOOSE)
    after = (root / "Documents/2014/a.txt").stat()
    for part in ("st_ino", "st_blocks", "st_mode", "st_mtime_ns", "st_size"):
        assert getattr(before, part) == getattr(after, part)
    assert os.getxattr(root / "Documents/2014/a.txt", "user.k") == b"v"


@pytest.mark.timeout(30)
def test_f61_things_that_are_no_files(root: Path) -> None:
    """A pipe and a socket are never opened: that would wait for ever."""
    write_tree(root, {"pipe.jpg": Fifo(), "socket.txt": Socket(), "pipe": Fifo(), "a.txt": text()})
    report = organizer.organize(root, Options(content="always"))
    assert report.review.left_by_reason == {"special-file": 3}
    assert (root / "pipe").is_fifo()


def test_f62_links_are_left_and_told(root: Path, tmp_path: Path) -> None:
    """Not followed, not moved; a link that will point at nothing is named before."""
    write_tree(tmp_path, {"outside": {"keep.txt": "k"}})
    write_tree(
        root, {"a.txt": text("a"), "to a": Link("a.txt"), "out": Link(str(tmp_path / "outside")), "none": Link("x")}
    )
    before = manifest(tmp_path / "outside")
    report = organizer.organize(root, DEEP)
    assert report.review.left_by_reason == {"symlink": 3}
    assert [risk.code for risk in report.review.risks] == ["links-break"]
    assert difference(before, manifest(tmp_path / "outside")) == []
    assert os.readlink(root / "to a") == "a.txt"


def test_f63_a_bind_mount_inside(root: Path, tmp_path: Path) -> None:
    """The same device, another mount: not entered, said."""
    write_tree(tmp_path, {"elsewhere": {"b.txt": text("b")}, "root": {"in": {}, "a.txt": text("a")}})
    with mounted(root / "in", "--bind", str(tmp_path / "elsewhere")):
        report = organizer.organize(root, DEEP)
    assert report.review.left_by_reason == {"other-file-system": 1}
    assert read_tree(tmp_path / "elsewhere") == {"b.txt": "b"}


def test_f64_a_read_only_root(tmp_path: Path) -> None:
    """A preview is possible; a run is refused before it begins."""
    with tmpfs(tmp_path / "disk") as disk:
        write_tree(disk, {"a.txt": text()})
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with organizer.preview(disk, LOOSE) as plan:
            assert plan.head.review.planned == 1
        with pytest.raises(RootRefused, match="read-only"):
            organizer.organize(disk, LOOSE)
