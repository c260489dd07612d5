"""What a run leaves alone and why, and answers of the disk that are rare."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fileorganizer import organizer
from fileorganizer.cli import app, render
from fileorganizer.cli.bar import ProgressBar
from fileorganizer.errors import JournalDamaged, PlanDamaged, StorageFailed
from fileorganizer.execution import stepping
from fileorganizer.fs import faults, moving, probe, trash
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import identity_of
from fileorganizer.journal import codec
from fileorganizer.journal.plans import Plan
from fileorganizer.model import Options, Step, StepKind
from fileorganizer.progress import Progress
from tests.support.manifest import contents, difference, manifest
from tests.support.trees import Fifo, File, Link, Socket, plain, read_tree, write_tree

OLD = 1_400_000_000
DAY = 86_400
DAILY = "{taken:%Y-%m-%d}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty root."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def text(content: str, mtime: int = OLD) -> File:
    """A dated file."""
    return File(content.encode(), mtime=mtime)


def left(root: Path, **options: Any) -> dict[str, int]:
    """What a preview leaves alone, by reason."""
    with organizer.preview(root, Options(recursive=True, dates="file", **options)) as plan:
        review = plan.head.review
        assert review.scanned == review.planned + review.in_place + review.left_alone
        return review.left_by_reason


def test_each_reason_of_the_scan(root: Path) -> None:
    """Every kind of thing that is left alone, once."""
    tree = {
        ".hidden.txt": text("h"),
        "desktop.ini": text("d"),
        "out.log": text("o"),
        "link": Link("out.log"),
        "pipe": Fifo(),
        "socket": Socket(),
        "film.mkv.part": text("half"),
        "film.mkv": text("other half"),
        "project": {".git": {}, "x.c": text("x")},
        "deep": {"er": {"est": {"y.txt": text("y")}}},
        "big.txt": text("b" * 2_000),
        "p.jpg": text("p" * 2_000),
        "p.xmp": text("x"),
    }
    write_tree(root, tree)
    fresh = root / "fresh.txt"
    fresh.write_text("now")
    found = left(root, exclude=("*.log",), max_depth=3, max_size=1_000)
    assert found == {
        "hidden": 1,
        "system-file": 1,
        "excluded": 1,
        "symlink": 1,
        "special-file": 2,
        "unfinished": 2,
        "kept-together": 1,
        "too-deep": 1,
        "recently-changed": 1,
        "filtered-out": 2,
        "with-companion": 1,
    }


def test_each_filter(root: Path) -> None:
    """Too small, too early, too late."""
    write_tree(root, {"a.txt": text("a"), "b.txt": text("bb", OLD + 100)})
    assert left(root, min_size=2) == {"filtered-out": 1}
    assert left(root, modified_after=OLD + 50) == {"filtered-out": 1}
    assert left(root, modified_before=OLD + 50) == {"filtered-out": 1}


@pytest.mark.parametrize(
    ("tree", "exclude"),
    [
        ({"a.jpg": text("a"), "a.xmp": text("x")}, ("*.xmp",)),
        ({"a.jpg": text("a"), "a.xmp": text("x")}, ("*.jpg",)),
        ({"page.html": text("p"), "page_files": {"p.png": text("piece")}}, ("*_files/",)),
        ({"page.html": text("p"), "page_files": {"p.png": text("piece")}}, ("*.html",)),
    ],
)
def test_f65_what_is_excluded_keeps_its_companions(root: Path, tree: dict[str, Any], exclude: tuple[str, ...]) -> None:
    """As with every other reason to leave one alone: a family isn't torn. What belongs to none of it goes."""
    write_tree(root, {**tree, "b.png": text("b")})
    assert left(root, exclude=exclude) == {"excluded": 1, "with-companion": 1}
    organizer.organize(root, Options(recursive=True, dates="file", exclude=exclude))
    assert read_tree(root) == {**plain(tree), "Images": {"2014": {"b.png": "b"}}}


def test_f65_what_macos_keeps_beside_a_file_goes_with_it(root: Path) -> None:
    """Its name is a hidden one, but it is part of the file; other hidden files stay. Beside a folder, or alone, it stays, too."""
    tree = {"a.jpg": text("a"), "._a.jpg": text("of a"), "._sub": text("of sub"), "sub": {"._b.jpg": text("of b")}}
    write_tree(root, {**tree, ".other.jpg": text("o"), "._.other.jpg": text("of other")})
    before = manifest(root)
    assert left(root) == {"hidden": 4}
    organizer.organize(root, Options(recursive=True, dates="file"))
    assert sorted(read_tree(root)["Images"]["2014"]) == ["._a.jpg", "a.jpg"]
    with organizer.preview(root, Options(recursive=True, dates="file")) as plan:
        assert plan.head.review.planned == 0
    organizer.undo(root)
    assert difference(before, manifest(root)) == []


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"min_size": 10}, {}),
        ({"exclude": ("._*",)}, {"hidden": 1}),
        ({"exclude": ("*.jpg",)}, {"excluded": 1, "hidden": 1}),
        ({"max_size": 10}, {"filtered-out": 1, "with-companion": 1}),
        ({"include_hidden": True, "min_size": 10}, {}),
    ],
)
def test_f65_the_file_decides_for_what_is_kept_beside_it(
    root: Path, options: dict[str, Any], found: dict[str, int]
) -> None:
    """By its size and its name; who excludes the hidden one leaves that alone, and nothing else."""
    write_tree(root, {"a.jpg": text("a picture of some size"), "._a.jpg": text("of a")})
    assert left(root, **options) == found


def test_f31_what_is_written_while_the_scan_goes_on(root: Path) -> None:
    """It is as fresh as what was written right before, not dated in the future."""
    write_tree(root, {"first.txt": text("f"), "later": {}})

    def write(point: str) -> None:
        if point == "scan.folder":
            (root / "later/new.txt").write_text("half of it")

    faults.action = write
    try:
        assert left(root) == {"recently-changed": 1}
    finally:
        faults.action = None


def test_f67_what_belongs_to_a_file_in_use_waits_for_it(root: Path) -> None:
    """Subtitles of a film that is still loading."""
    write_tree(root, {"film.mkv.part": text("half"), "film.mkv": text(""), "film.srt": text("s")})
    assert left(root) == {"unfinished": 2, "with-companion": 1}


def test_f67_a_file_that_somebody_writes(root: Path) -> None:
    """Open for writing in another process."""
    write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    code = "import sys; f = open(sys.argv[1], 'r+'); print('x', flush=True); input()"
    arguments = [sys.executable, "-c", code, str(root / "a.txt")]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert left(root) == {"open-for-writing": 1}
        writer.communicate(b"\n")


def test_f63_mounts_and_folders_that_can_t_be_read(root: Path) -> None:
    """Not crossed, not entered, said."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root: other file systems NOT COVERED")
    write_tree(root, {"mounted": {}, "a.txt": text("a")})
    subprocess.run(["mount", "-t", "tmpfs", "none", str(root / "mounted")], check=True)
    try:
        (root / "mounted/b.txt").write_text("b")
        assert left(root) == {"other-file-system": 1}
    finally:
        subprocess.run(["umount", str(root / "mounted")], check=True)


def test_content_decides(root: Path) -> None:
    """Without a known extension the head is read; with ``always`` it wins and the mismatch is told."""
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
    write_tree(root, {"picture": File(png, mtime=OLD), "lie.txt": File(png, mtime=OLD), "empty": File(b"", mtime=OLD)})
    with organizer.preview(root, Options()) as plan:
        assert plan.head.review.by_category["Images"][0] == 1
    with organizer.preview(root, Options(content="always")) as plan:
        assert plan.head.review.by_category["Images"][0] == 2
        assert "content-mismatch" in {risk.code for risk in plan.head.review.risks}
    with organizer.preview(root, Options(content="never")) as plan:
        assert "Images" not in plan.head.review.by_category


def test_risks_are_named(tmp_path: Path) -> None:
    """A synced folder, and very many new folders, which need a second yes."""
    root = tmp_path / "Dropbox"
    root.mkdir()
    write_tree(root, {f"{n}.txt": text(str(n), OLD + n * DAY) for n in range(51)})
    with organizer.preview(root, Options(dates="file", layout=DAILY)) as plan:
        risks = {risk.code: (risk.needs_consent, risk.text) for risk in plan.head.review.risks}
    assert risks["many-folders"] == (True, "51 new folders would be made for 51 files.")
    assert {code for code, (needs_consent, _) in risks.items() if not needs_consent} == {"synced-folder"}
    with pytest.raises(SystemExit) as ended:
        app.main(["organize", str(root), "--dates", "file", "--layout", DAILY, "--yes"])
    assert ended.value.code == 35
    with pytest.raises(SystemExit) as ended:
        app.main(["organize", str(root), "--dates", "file", "--layout", DAILY, "-yy"])
    assert ended.value.code == 0


def test_a_few_new_folders_need_no_second_yes(root: Path) -> None:
    """Not even one for each file: 16 for 25 files are what any small folder of photos gets."""
    write_tree(root, {f"{n}.txt": text(str(n), OLD + n * DAY) for n in range(50)})
    with organizer.preview(root, Options(dates="file", layout=DAILY)) as plan:
        assert (plan.head.review.new_folders, plan.head.review.risks) == (50, [])


def test_f20_f25_no_descriptors_left_and_busy_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cached folders are closed and the step tried again; a busy file gets three tries."""
    write_tree(root, {"a.txt": text("a"), "b.txt": text("b")})
    answers = [errno.EMFILE, errno.EBUSY, errno.ETXTBSY]
    monkeypatch.setattr(stepping, "BUSY_WAIT_SECONDS", 0)

    def rarely(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
        if answers and source.startswith((b"a", b"b")) and source.endswith(b"txt"):
            number = answers.pop(0)
            raise OSError(number, os.strerror(number))
        moving._linux.rename_noreplace(source_fd, source, target_fd, target)

    monkeypatch.setattr(moving, "move_exclusive", rarely)
    tried = organizer.organize(root, Options(dates="file"))
    assert tried.operation is not None
    assert tried.operation.totals.done + tried.operation.totals.skipped == 2


@pytest.mark.parametrize("goes_back", [True, False])
def test_swapped_between_the_look_and_the_rename(root: Path, monkeypatch: pytest.MonkeyPatch, goes_back: bool) -> None:
    """The wrong file goes back; where it can't, the run stops and says so."""
    write_tree(root, {"a.txt": text("a"), "other": text("other")})
    swapped: list[int] = []

    def swap(name: str) -> None:
        if name == "move.before" and not swapped:
            swapped.append(1)
            (root / "a.txt").rename(root / "kept")
            (root / "other").rename(root / "a.txt")
        if name == "move.after" and not goes_back and len(swapped) == 1:
            swapped.append(2)
            (root / "a.txt").write_text("in the way")

    monkeypatch.setattr(faults, "action", swap)
    held = sum(contents(root).values())
    if goes_back:
        report = organizer.organize(root, Options(dates="file", extensions=("txt",)))
        assert report.operation is not None
        assert report.operation.totals.by_reason == {"changed": 1}
        assert (root / "a.txt").read_text() == "other"
    else:
        with pytest.raises(StorageFailed, match="moved or replaced"):
            organizer.organize(root, Options(dates="file", extensions=("txt",)))
    assert sum(contents(root).values()) >= held


def test_the_probe_says_what_isn_t_there(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No hard links, no exclusive rename, coarse times."""

    def refuses(*_: object) -> None:
        raise OSError(errno.EPERM, "no")

    def unknown(*_: object) -> None:
        raise OSError(errno.EINVAL, "no")

    write_tree(root, {"a.txt": text("a")})
    organizer.organize(root, Options())
    monkeypatch.setattr(probe.moving, "move_exclusive", unknown)
    assert organizer.doctor(root).capabilities.exclusive_rename == "link"
    monkeypatch.setattr(probe.moving, "link_exclusive", refuses)
    found = organizer.doctor(root).capabilities
    assert (found.exclusive_rename, found.hard_links) == ("none", "no")
    assert probe._granularity(1_234_567_890 * 10**9) == 2_000_000_000
    assert probe._file_system(-5) == "unknown"


def test_damaged_blobs_and_plans(root: Path, own_plans: Path) -> None:
    """A newer version, a wrong checksum, garbage with a right one; a plan whose steps were changed."""
    import sqlite3
    import zlib

    blob = codec.pack([Step(StepKind.MKDIR, b"", b"x", None)])
    assert codec.unpack_steps(blob)[0].target == b"x"
    garbage = b"garbage"
    for bad in (b"", b"\x09" + blob[1:], blob[:-1], b"\x01" + zlib.crc32(garbage).to_bytes(4, "big") + garbage):
        with pytest.raises(JournalDamaged):
            codec.unpack_steps(bad)
    write_tree(root, {"a.txt": text("a")})
    for statement in (
        "UPDATE batches SET steps = x'00'",
        "UPDATE head SET version = 9",
        "DROP TABLE head",
        "DELETE FROM head",
    ):
        with organizer.preview(root, Options()) as plan:
            path, plan_id = plan.path, plan.head.plan_id
        with sqlite3.connect(path) as db:
            db.execute(statement)
        db.close()
        with pytest.raises(PlanDamaged):
            Plan(own_plans, plan_id)


def test_never_the_last_name(root: Path) -> None:
    """A name is only dropped while the other one is the same file."""
    write_tree(root, {"a": text("a"), "b": text("b")})
    with Root(os.fsencode(root)) as opened, pytest.raises(OSError, match="two names"):
        moving.drop_verified_twin(opened.fd, b"a", opened.fd, b"b")
    (root / "empty").mkdir()
    with Root(os.fsencode(root)) as opened:
        moving.purge_forever(opened.fd, b"empty")
        assert identity_of(os.fstat(opened.fd)).ino == opened.ino
    assert trash.place(1, 2, 3) == b".fileorganizer/trash/1/2-3"


def test_progress_is_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar takes what the engine reports, with and without a known total."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # so that rich takes the capture for a terminal
    bar = ProgressBar()
    bar.hide()
    for _ in range(2):
        bar.show(Progress(phase="scanning", files_scanned=3))
        bar.show(Progress(phase="planning", files_scanned=3))
        bar.show(Progress(phase="moving", files_total=10))
        bar.show(Progress(phase="moving", files_total=10, files_processed=4))
        bar.hide()
    shown = capsys.readouterr().err
    assert "moving" in shown
    assert "4 files, " in shown
    assert render.size(1_500_000) == "1.5 MB"


def test_the_front_door_opens() -> None:
    """Verbs and values come in by the package, nothing else does."""
    import fileorganizer

    assert fileorganizer.organize is organizer.organize
    assert fileorganizer.Options is Options
    with pytest.raises(AttributeError):
        _ = fileorganizer.nonsense


def test_a_removed_folder_comes_back_when_the_undo_was_cut_off(root: Path) -> None:
    """Killed between making a folder again and giving it its mode: the second undo does."""
    write_tree(root, {"sub": {"a.txt": text("a")}})
    (root / "sub").chmod(0o711)
    os.utime(root / "sub", (OLD, OLD))
    before = manifest(root)
    organizer.organize(root, Options(recursive=True, dates="file"))
    seen: list[str] = []

    def stop(name: str) -> None:
        seen.append(name)
        if name == "mkdir.after":
            raise KeyboardInterrupt

    faults.action = stop
    with pytest.raises(KeyboardInterrupt):
        organizer.undo(root)
    faults.action = None
    organizer.undo(root)
    assert difference(before, manifest(root)) == []
