"""What a walk leaves alone, and which folders are one thing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fileorganizer import errors
from fileorganizer.model import Reason
from fileorganizer.scan.ignoring import JUNK, KEEP_MARKERS, Ignoring, in_use, is_control, whole_folder

PLAIN = Ignoring((), include_hidden=False)
WITH_HIDDEN = Ignoring((), include_hidden=True)


def excluded(patterns: list[str], path: bytes, *, is_folder: bool = False) -> bool:
    """Is the path, asked about alone, left out by the patterns?"""
    ignoring = Ignoring(patterns, include_hidden=True)
    return ignoring.reason(path.rpartition(b"/")[2], path, is_folder) is Reason.EXCLUDED


@pytest.mark.parametrize(
    "name",
    [
        b"a.jpg",
        b"notes",
        b"part",
        b"tmp",
        b"download",
        b"x.parted",
        b"a~",
        b"~home.txt",
        b"#1.mp3",
        b"a$b",
        b"\xff\xfe",
        b"a.b.",
    ],
)
def test_ordinary_names_are_the_walks(name: bytes) -> None:
    """A word that is an ending of unfinished files isn't one by itself."""
    assert PLAIN.reason(name, b"in/" + name, False) is None


@pytest.mark.parametrize("name", [b".bashrc", b".config", b"._IMG_1.jpg", b"..."])
def test_hidden_names_are_left_unless_asked_for(name: bytes) -> None:
    """A leading dot hides, and ``include_hidden`` shows."""
    assert PLAIN.reason(name, name, False) is Reason.HIDDEN
    assert WITH_HIDDEN.reason(name, name, False) is None


@pytest.mark.parametrize(
    "name",
    [
        b"Thumbs.db",
        b"THUMBS.DB",
        b"desktop.ini",
        b".DS_Store",
        b"NTUSER.DAT",
        b"$RECYCLE.BIN",
        b"System Volume Information",
        b"lost+found",
        b"@eaDir",
        b".Trash-1000",
        b".Trashes",
        b".fseventsd",
        b".stfolder",
        b".keep",
        b".keep-together",
        b"Icon\r",
        b".fileorganizer",
        b".FileOrganizer",
        b".nfs000000000001",
        b".fuse_hidden0001",
    ],
)
def test_system_names_are_never_the_walks(name: bytes) -> None:
    """Not even when hidden files were asked for."""
    assert PLAIN.reason(name, name, True) is WITH_HIDDEN.reason(name, name, True) is Reason.SYSTEM_FILE


@pytest.mark.parametrize(
    "name",
    [
        b"film.mkv.part",
        b"a.crdownload",
        b"a.CRDOWNLOAD",
        b"a.download",
        b"x.!qB",
        b"x.!ut",
        b"x.aria2",
        b"x.tmp",
        b"x.partial",
        b"~$report.docx",
        b".~lock.report.odt#",
        b"x.opdownload",
        b"x.filepart",
        b"x.unconfirmed",
        b"#draft#",
        b".a.txt.swp",
    ],
)
def test_unfinished_files_are_told_apart(name: bytes) -> None:
    """Also those that are hidden: the reason is the one that helps."""
    assert PLAIN.reason(name, name, False) is Reason.UNFINISHED


def test_control_directory_is_recognised_without_case() -> None:
    """Its name may come back in capitals from a file system without case."""
    assert is_control(b".fileorganizer") and is_control(b".FILEORGANIZER") and not is_control(b"fileorganizer")


@pytest.mark.parametrize(
    ("patterns", "path", "is_folder", "expected"),
    [
        (["*.log"], b"a/b.log", False, True),
        (["*.log", "!keep.log"], b"keep.log", False, False),
        (["!keep.log", "*.log"], b"keep.log", False, True),
        (["build/"], b"build", False, False),
        (["build/"], b"a/build", True, True),
        (["/top"], b"a/top", False, False),
        (["/top"], b"top", True, True),
        (["a/**/z"], b"a/b/c/z", False, True),
        (["a/**"], b"a", True, False),
        (["a/**", "!a/b"], b"a/b", False, False),
        (["*.log", "!keep/"], b"keep/x.log", False, True),
        (["", "  ", "# comment"], b"# comment", False, False),
        (["\\#1"], b"#1", False, True),
        (["*.log"], b"line\nbreak/x\ny.log", False, True),
        (["x"], b"x\n", False, False),
        (["[[]a"], b"[a", False, True),
        (["caf\udce9"], b"caf\xe9", False, True),
        (["?"], "é".encode(), False, True),
    ],
)
def test_excludes_are_gitignore(patterns: list[str], path: bytes, is_folder: bool, expected: bool) -> None:
    """The last pattern that matches the path itself decides."""
    assert excluded(patterns, path, is_folder=is_folder) is expected


@pytest.mark.parametrize("pattern", ["[ab", "a\\", "/", "!", "[z-a]", "a\0b", "[[:digit:]]", "**/a/**/b/**/c/**/d"])
def test_a_pattern_that_can_not_work_is_refused_by_name(pattern: str) -> None:
    """Silence would mean that what the user excluded is moved."""
    with pytest.raises(errors.InvalidOption) as refused:
        Ignoring(["*.log", pattern], include_hidden=False)
    assert errors.show(pattern) in str(refused.value).replace("\\\\", "\\")


def test_many_stars_come_to_an_end() -> None:
    """A pattern comes from a request; tried in all the ways in which 30 stars can share 250 letters, it would run for ever."""
    assert not excluded(["*a" * 30 + "b"], b"a" * 250)


@given(
    pattern=st.text(max_size=12), path=st.lists(st.text("ab*[]\\\n/é.", min_size=1, max_size=4), min_size=1, max_size=4)
)
def test_any_pattern_is_taken_or_refused(pattern: str, path: list[str]) -> None:
    """No pattern raises anything but ``InvalidOption``, at its making or at its use."""
    try:
        ignoring = Ignoring([pattern], include_hidden=False)
    except errors.InvalidOption:
        return
    names = [part.replace("/", "_").encode() for part in path]
    ignoring.reason(names[-1], b"/".join(names), False)


PIECES = st.sampled_from(
    ["a", "b", "*", "*.log", "?", "[ab]", "**", "foo", "a*", "[!a]", "x y", "a\\*", "[[]", "a**b", "?*?"]
)
PATTERNS = st.builds(
    lambda sign, root, parts, end: sign + root + "/".join(parts) + end,
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "", "/"]),
    st.lists(PIECES, min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "a.log", "foo", "x y", "a\nb", "b.log"]), min_size=1, max_size=4).map(
    "/".join
)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle here")
@settings(max_examples=25, deadline=None)
@given(patterns=st.lists(PATTERNS, min_size=1, max_size=4), files=st.sets(PATHS, max_size=15))
def test_excludes_agree_with_git(
    tmp_path_factory: pytest.TempPathFactory, patterns: list[str], files: set[str]
) -> None:
    """What a pruning walk leaves out is what ``git check-ignore`` ignores."""
    top = tmp_path_factory.mktemp("tree")
    for file in sorted(files):
        if not any((top / parent).is_file() for parent in Path(file).parents) and not (top / file).exists():
            (top / file).parent.mkdir(parents=True, exist_ok=True)
            (top / file).touch()
    subprocess.run(["git", "init", "-q", str(top)], check=True)
    (top / ".git/info/exclude").write_text("\n".join(patterns) + "\n")
    seen: dict[str, bool] = {}
    _walk(Ignoring(patterns, include_hidden=True), top, "", seen)
    asked = ["git", "-C", str(top), "check-ignore", "--no-index", "-z", "--stdin"]
    answer = subprocess.run(asked, input="\0".join(seen).encode(), capture_output=True, check=False).stdout.decode()
    assert {path for path, ignored in seen.items() if ignored} == set(answer.split("\0")) - {""}


def _walk(ignoring: Ignoring, top: Path, below: str, seen: dict[str, bool]) -> None:
    """Note for every path that a walk comes to whether it is left out."""
    for entry in sorted(os.scandir(top / below), key=lambda entry: entry.name):
        path = f"{below}/{entry.name}" if below else entry.name
        if entry.name == ".git":
            continue
        seen[path] = ignoring.reason(entry.name.encode(), path.encode(), entry.is_dir()) is not None
        if entry.is_dir() and not seen[path]:
            _walk(ignoring, top, path, seen)


@pytest.mark.parametrize(
    ("name", "children", "phrase"),
    [
        (b"a", {b".git", b"x.py"}, "git checkout"),
        (b"a", {b".git", b"package.json"}, "git checkout"),
        (b"a", {b"package.json"}, "Node project (package.json)"),
        (b"a", {b"Cargo.toml", b"src"}, "Rust project (Cargo.toml)"),
        (b"a", {b"App.SLN", b"x.cs"}, "Visual Studio project (*.sln)"),
        (b"Notes.app", {b"Contents"}, "application (.app)"),
        (b"My.PhotosLibrary", {b"database"}, "photo library (.photoslibrary)"),
        (b"VIDEO_TS", {b"VTS_01_1.VOB"}, "DVD (VIDEO_TS)"),
        (b"Holiday", {b"VIDEO_TS"}, "DVD (VIDEO_TS)"),
        (b"venv", {b"pyvenv.cfg", b"bin"}, "Python virtual environment"),
        (b"node_modules", {b"left-pad"}, "Node modules"),
        (b"x-1.0.dist-info", {b"RECORD"}, "Python package data (.dist-info)"),
        (b"pkg", {b"__init__.py"}, "Python package (__init__.py)"),
        (b"Papirus", {b"index.theme"}, "icon or cursor theme (index.theme)"),
        (b"kept", {b".keep-together", b"a.jpg"}, "marked with .keep-together"),
        (b"a.git", {b"HEAD", b"objects", b"refs", b"config"}, "bare git repository"),
        (b"site", {b"index.html", b"css"}, "website (index.html)"),
        (b"blink", {b"blink.ino"}, "Arduino sketch"),
        (b"game", {b"game.exe", b"sound.DLL"}, "program (.exe with .dll)"),
        (b"5.36", {b"CPAN.pm", b"CPAN", b"strict.pm"}, "Perl modules (*.pm)"),
        (b"lib", {b"rake", b"rake.rb"}, "Ruby modules (*.rb)"),
        (b"vim90", {b"ftplugin", b"syntax", b"tutor", b"vimrc.vim"}, "Vim files (ftplugin, syntax)"),
        (b"fugitive", {b"autoload", b"plugin", b"README.markdown"}, "Vim files (autoload, plugin)"),
        (b"cmake-3.25", {b"Help", b"Modules", b"Templates"}, "installed CMake (Help, Modules, Templates)"),
        (b"node-v20", {b"bin", b"include", b"lib", b"share"}, "installed programs (bin, lib, share)"),
        (b"sdk", {b"bin", b"include", b"lib"}, "installed programs (bin, include, lib)"),
        (b"LC_MESSAGES", {b"sed.mo"}, "translations of programs (LC_MESSAGES)"),
    ],
)
def test_folders_that_are_one_thing_say_why(name: bytes, children: set[bytes], phrase: str) -> None:
    """The phrase is what the preview shows."""
    assert whole_folder(name, children) == phrase


@pytest.mark.parametrize(
    ("name", "children"),
    [
        (b"Downloads", {b"a.jpg", b"setup.exe", b"index.html", b"data.json", b"README.md"}),
        (b"app", {b"a.pdf"}),
        (b".app", {b"a.pdf"}),
        (b"2024", set()),
        (b"\xff", {b"\xff.jpg", b"git", b"HEAD"}),
        (b"sketches", {b"blink.ino"}),
        (b"scripts", {b"one.pm", b"two.rb", b"two.d", b"one.py", b"syntax"}),
        (b"old home", {b"bin", b"lib", b"Documents", b"Pictures", b"plugin"}),
    ],
)
def test_ordinary_folders_are_opened_up(name: bytes, children: set[bytes]) -> None:
    """Nothing in them needs its neighbours."""
    assert whole_folder(name, children) is None


def test_markers_are_never_moved_themselves() -> None:
    """What keeps a folder, or lets it count as empty, isn't a file to organize."""
    assert {WITH_HIDDEN.reason(name, name, False) for name in JUNK | KEEP_MARKERS} == {Reason.SYSTEM_FILE}
    assert JUNK.isdisjoint(KEEP_MARKERS)


def test_what_lies_beside_its_lock_or_part_is_in_use() -> None:
    """Firefox and aria2 make the final name first; office programs leave a lock beside the document."""
    names = {
        b"film.mkv",
        b"film.mkv.part",
        b"a.iso",
        b"a.iso.aria2",
        b"report.odt",
        b".~lock.report.odt#",
        b"other.pdf",
    }
    names |= {
        b"summary.docx",
        b"~$mmary.docx",
        b"x.xlsx",
        b"~$x.xlsx",
        b"n.txt",
        b".n.txt.swp",
        b"d.accdb",
        b"d.laccdb",
        b"e",
        b"#e#",
    }
    guards = [name for name in names if PLAIN.reason(name, name, False) is Reason.UNFINISHED]
    expected = {b"film.mkv", b"a.iso", b"report.odt", b"summary.docx", b"x.xlsx", b"n.txt", b"d.accdb", b"e"}
    assert in_use(guards, names) == expected
    assert in_use([], names) == set()
