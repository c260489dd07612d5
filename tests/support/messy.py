"""A tree as messy as people's are, and worse: made from a seed, so that every run sees the same one.

`make_messy_tree` writes it and says what is in it; `messy_tree` only gives the
value. The parts are small functions that each add one kind of mess, several
times over; ordinary files fill the tree up to the number asked for.
"""

from __future__ import annotations

import random
import struct
import unicodedata
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.support.trees import Fifo, File, Folder, HardLink, Link, Name, Socket, Tree, as_name, put_tree
from tests.support.walking import join

EXTENSIONS = tuple("""
    pdf doc docx odt rtf txt md tex pages epub mobi azw3 xls xlsx ods csv tsv numbers ppt pptx odp key
    jpg jpeg png gif bmp tiff webp heic svg ico raw cr2 nef arw dng psd ai eps xcf sketch fig indd
    mp4 mkv avi mov wmv webm m4v mpg flv 3gp mp3 flac wav ogg m4a aac wma opus aiff mid
    zip tar tar.gz tgz tar.bz2 tar.xz 7z rar gz bz2 xz zst iso dmg exe msi deb rpm apk appimage jar
    py js ts tsx html css scss java c h cpp hpp rs go rb php sh ps1 sql swift kt lua pl r ipynb vue
    json yaml yml xml toml ini cfg log db sqlite parquet ttf otf woff woff2 stl obj blend dwg
    eml msg ics vcf torrent bak tmp~ unknownext xyz123 JPG PDF Mp3
    """.split())
WORDS = tuple(
    "report invoice holiday draft final notes budget scan photo song lecture backup résumé 写真 отчёт σχέδιο".split()
)
HEADS = {
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "pdf": b"%PDF-1.7\n",
    "gif": b"GIF89a",
    "zip": b"PK\x03\x04",
    "mp3": b"ID3\x03\0\0\0\0\0\0",
    "gz": b"\x1f\x8b\x08\0",
    "elf": b"\x7fELF\x02\x01\x01",
    "sqlite": b"SQLite format 3\0",
    "html": b"<!DOCTYPE html><html>",
    "ps": b"%!PS-Adobe-3.0\n",
}
TINY_JPEG = b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////////////////////"
    "////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAAP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AP//Z"
)
"""One grey pixel."""
OLDEST, NEWEST = 1_325_376_000, 1_703_980_800
"""2012-01-01 and 2023-12-31 UTC: twelve years of mtimes."""


@dataclass(frozen=True)
class Expectations:
    """What `make_messy_tree` made. Paths are relative bytes."""

    seed: int
    files: int
    """Names of regular files, hard links and the insides of whole folders included."""
    folders: int
    """Without the root."""
    symlinks: int
    fifos: int
    sockets: int
    hard_links: int
    """Names beyond the first of their inode."""
    kinds: Counter[str]
    """How many of each kind of mess: files, or folders where the kind is one of folders."""
    whole: frozenset[bytes]
    """Folders that are one thing: nothing in them may move by itself."""
    unfinished: frozenset[bytes]
    """Files that are still being written, by their names."""
    families: tuple[tuple[bytes, ...], ...]
    """Companions: either all of them are together afterwards or none has moved."""
    kept_empty: frozenset[bytes]
    """Folders without a user's file that must still be there afterwards."""


def make_messy_tree(root: Path, files: int = 20_000, seed: int = 7, *, beyond_path_max: bool = True) -> Expectations:
    """Write the messy tree of that seed into `root`, which should be empty, and say what is in it.

    `files` counts regular files by name; below about 3,000 there is no room for
    ordinary ones and the tree has as many as the mess needs. Everything is
    backdated. `beyond_path_max=False` leaves out the one path longer than 4,096
    bytes, which most other programs can't reach.
    """
    tree, expectations = messy_tree(files, seed, beyond_path_max=beyond_path_max)
    put_tree(root, tree)
    return expectations


def messy_tree(files: int = 20_000, seed: int = 7, *, beyond_path_max: bool = True) -> tuple[Tree, Expectations]:
    """Give the tree of `make_messy_tree` as a value, and what is in it."""
    mess = Mess(seed)
    for part in PARTS:
        part(mess)
    if beyond_path_max:
        add_path_beyond_path_max(mess)
    fill_with_ordinary_files(mess, files)
    mess.date_folders()
    return mess.tree, mess.expectations()


def photo(taken: str, salt: bytes = b"", offset: str | None = None) -> bytes:
    """Give a one-pixel JPEG whose EXIF says when it was taken (`2019:05:06 07:08:09`), the zone too if given."""
    exif = [(0x9003, taken.encode() + b"\0")] + ([(0x9011, offset.encode() + b"\0")] if offset else [])
    data_at = 26 + 2 + 12 * len(exif) + 4
    header = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 26, 0)
    directory, data = struct.pack("<H", len(exif)), b""
    for tag, value in exif:
        directory += struct.pack("<HHII", tag, 2, len(value), data_at + len(data))
        data += value
    body = b"Exif\0\0" + header + directory + b"\0\0\0\0" + data
    return TINY_JPEG[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + TINY_JPEG[2:] + salt


class Mess:
    """The tree while it grows: folders by path, and the notes that become `Expectations`."""

    def __init__(self, seed: int) -> None:
        """Start with an empty root; the same seed gives the same tree."""
        self.seed = seed
        self.random = random.Random(seed)
        self.tree: dict[Name, Any] = {}
        self.folders: dict[bytes, dict[Name, Any]] = {b"": self.tree}
        self.kinds: Counter[str] = Counter()
        self.whole: set[bytes] = set()
        self.unfinished: set[bytes] = set()
        self.families: list[tuple[bytes, ...]] = []
        self.kept_empty: set[bytes] = set()
        self.serial = 0

    def folder(self, path: Name, kind: str = "") -> bytes:
        """Make a folder and its parents, counting it under `kind` if given; give its path."""
        path = as_name(path)
        if path not in self.folders:
            parent, _, name = path.rpartition(b"/")
            self.folders[path] = self.folders[self.folder(parent)].setdefault(name, {})
        if kind:
            self.kinds[kind] += 1
        return path

    def put(self, folder: Name, name: Name, node: object, kind: str) -> bytes:
        """Put `node` into the folder unless the name is taken there, count it, give its path."""
        path, name = self.folder(folder), as_name(name)
        if name not in self.folders[path]:
            self.folders[path][name] = node
            self.kinds[kind] += 1
        return join(path, name)

    def file(self, head: bytes = b"", **more: Any) -> File:
        """Give a small file that no other equals, dated anywhere in the twelve years."""
        self.serial += 1
        tail = b"%d\n" % self.serial + self.random.randbytes(self.random.choice((0, 8, 60, 300)))
        return File(head + tail, **{"mtime": self.moment(), **more})

    def moment(self) -> float:
        """Give a time in the twelve years, in seconds, with milliseconds."""
        return self.random.randrange(OLDEST * 1000, NEWEST * 1000) / 1000

    def date_folders(self) -> None:
        """Give each folder a time of its own, so that one restored to another's is noticed."""
        for path in list(self.folders)[1:]:
            parent, _, name = path.rpartition(b"/")
            node = self.folders[parent][name]
            folder = node if isinstance(node, Folder) else Folder(node)
            self.folders[parent][name] = replace(folder, mtime=self.moment())

    def expectations(self) -> Expectations:
        """Count the tree, and give the notes."""
        nodes = count_nodes(self.tree)
        return Expectations(
            seed=self.seed,
            files=nodes[File] + nodes[HardLink],
            folders=nodes[dict],
            symlinks=nodes[Link],
            fifos=nodes[Fifo],
            sockets=nodes[Socket],
            hard_links=nodes[HardLink],
            kinds=self.kinds,
            whole=frozenset(self.whole),
            unfinished=frozenset(self.unfinished),
            families=tuple(self.families),
            kept_empty=frozenset(self.kept_empty),
        )


def count_nodes(tree: Tree) -> Counter[type]:
    """Count what a tree holds by type; folders of either form count as dict, plain contents as File."""
    found: Counter[type] = Counter()
    waiting: list[Tree] = [tree]
    while waiting:
        for node in waiting.pop().values():
            inside = node.tree if isinstance(node, Folder) else node
            if isinstance(inside, Mapping):
                waiting.append(inside)
            found[dict if isinstance(inside, Mapping) else File if isinstance(node, str | bytes) else type(node)] += 1
    return found


def add_odd_names(mess: Mess) -> None:
    """Names that break programs: bytes, controls, markup, lengths, leading and trailing characters."""
    odd: tuple[bytes, ...] = (
        b"caf\xe9 latin1.txt",
        b"\xff\xfe\x80.jpg",
        b"cut \xf0\x9f\x98.png",
        b"line\nbreak.pdf",
        b"tab\there.mp3",
        b"esc\x1b[31mred.zip",
        b"bell\x07 return\r.doc",
        b"-rf",
        b"--help.pdf",
        b" leading space.txt",
        b"trailing space.txt ",
        b"trailing dot.txt.",
        b"...",
        b"..hidden twice.pdf",
        b"<img src=x onerror=alert(1)>.jpg",
        b"'; DROP TABLE files; --.sql",
        b"$(touch owned).sh",
        b"`id`.txt",
        b"%s%n%00.txt",
        b"back\\slash.docx",
        b"CON.txt",
        b'a:b*c?d"e|f.txt',
        b"\xe2\x80\xaegpj.exe",
        b"zero\xe2\x80\x8bwidth.pdf",
        b"https:example.com?a=b&c=d.html",
        b"*.txt",
        b"#comment.cfg",
        b"!negated.md",
    )
    for folder in ("", "odd", "odd/again"):
        for name in odd:
            mess.put(folder, name, mess.file(), "odd name")
    mess.put("odd\nfolder\xe9".encode("latin-1"), b"in an odd folder.pdf", mess.file(), "odd name")


def add_long_names(mess: Mess) -> None:
    """Names of 255 bytes, several of each: a suffix has to cut them, on a character's edge."""
    names = (
        b"x" * 251 + b".jpg",
        "é".encode() * 125 + b".jpeg",
        "写".encode() * 83 + b"ab.gif",
        "😀".encode() * 62 + b".tar.gz",
        b"n" * 255,
        b"e." + b"y" * 253,
    )
    for folder in ("", "long", "long/again"):
        for name in names:
            assert len(name) == 255, (len(name), name)
            mess.put(folder, name, mess.file(mtime="2018-06-01"), "name of 255 bytes")


def add_twins(mess: Mess) -> None:
    """Names that only some file systems tell apart: NFC and NFD, upper and lower case."""
    for folder in ("", "twins"):
        for name in ("café.pdf", "naïve ångström.jpg", "한글.docx"):
            for form in (name, _decomposed(name)):
                mess.put(folder, form, mess.file(mtime="2017-03-03"), "NFC/NFD twin")
        for name in ("Letter.doc", "letter.doc", "LETTER.DOC", "letter.Doc", "straße.txt", "STRASSE.txt"):
            mess.put(folder, name, mess.file(mtime="2017-03-03"), "case twin")


def add_collisions(mess: Mess) -> None:
    """The same names in many folders, in one year; the names that a suffix would make are taken too."""
    for number in range(40):
        for name in ("report.pdf", "IMG_0001.JPG", "archive.tar.gz", "README"):
            mess.put(f"people/person {number:02}", name, mess.file(mtime="2019-07-01"), "collision")
    for name in ("report (1).pdf", "report (2).pdf", "report_1.pdf", "report (10).pdf", "archive (1).tar.gz"):
        mess.put("people/taken", name, mess.file(mtime="2019-07-01"), "collision")
    same = File(b"the same bytes everywhere", mtime="2019-07-01")
    for number in range(20):
        mess.put(f"people/person {number:02}", "same.pdf", same, "collision of equal files")


def add_occupied_destinations(mess: Mess) -> None:
    """Category folders that exist already, hold files in place and clashing ones, or aren't folders at all."""
    for year in ("2018", "2019"):
        for name in ("in place.pdf", "report.pdf"):
            mess.put(f"Documents/{year}", name, mess.file(mtime=f"{year}-07-01"), "in a category folder")
        mess.put(f"Images/{year}", "IMG_0001.JPG", mess.file(mtime=f"{year}-07-01"), "in a category folder")
    mess.put("Documents/2019", "wrong year.pdf", mess.file(mtime="2014-02-02"), "in a category folder")
    mess.put("Images/2019", "not an image.pdf", mess.file(mtime="2019-02-02"), "in a category folder")
    mess.put("documents", "lower case folder.pdf", mess.file(), "in a category folder")
    mess.put("Images", "2016", mess.file(mtime="2016-01-01"), "file where a folder is wanted")
    mess.put("", "Fonts", mess.file(mtime="2016-01-01"), "file where a folder is wanted")
    mess.put("", "Ebooks", Link("odd"), "link where a folder is wanted")
    mess.put("Videos", "2015", Link("../../outside"), "link where a folder is wanted")


def add_hard_links(mess: Mess) -> None:
    """Inodes with two to five names: side by side, across folders, into a whole folder."""
    for number in range(60):
        first = mess.put(f"linked/{number % 7}", f"inode {number}.pdf", mess.file(), "hard-linked inode")
        for name in range(number % 4 + 1):
            folder = f"linked/{number % 7}" if name % 2 else f"linked/other {number % 5}"
            mess.put(folder, f"name {number} {name}.pdf", HardLink(first), "further name of an inode")
    inside = mess.put("linked/project/.git", "object", mess.file(), "hard-linked inode")
    mess.whole.add(b"linked/project")
    mess.put("linked", "out of the project.bin", HardLink(inside), "further name of an inode")


def add_symlinks(mess: Mess) -> None:
    """Links to files, folders, nothing, themselves, and out of the tree."""
    mess.put("links", "target.pdf", mess.file(), "file that links point at")
    mess.put("links/folder", "target.jpg", mess.file(), "file that links point at")
    targets = ("target.pdf", "folder", "nowhere", "..", "../..", "/etc", "/etc/passwd", "../../outside", "/", "a" * 900)
    for number, target in enumerate(targets):
        mess.put("links", f"link {number}.pdf", Link(target), "symlink")
        mess.put("", f"root link {number}.jpg", Link(target), "symlink")
    mess.put("links", "itself", Link("itself"), "symlink")
    mess.put("links", "ping", Link("pong"), "symlink")
    mess.put("links", "pong", Link("ping"), "symlink")
    mess.put("links", b"to bytes \xff", Link(b"\xff\xfe"), "symlink")


def add_unusual_files(mess: Mess) -> None:
    """Holes, extended attributes, modes, pipes, sockets, strange times, no content."""
    for number in range(12):
        mess.put("unusual", f"sparse {number}.iso", mess.file(size=(number + 1) << 18), "sparse")
        xattrs = {"user.xdg.tags": b"holiday", "user.bytes": bytes(range(number))}
        mess.put("unusual", f"tagged {number}.jpg", mess.file(xattrs=xattrs), "xattrs")
    for mode in (0o000, 0o400, 0o444, 0o600, 0o640, 0o755, 0o777, 0o4755, 0o2755, 0o1644):
        mess.put("unusual", f"mode {mode:04o}.sh", mess.file(mode=mode), "mode")
    for folder in ("", "unusual", "unusual/pipes"):
        mess.put(folder, "pipe.mp4", Fifo(), "fifo")
        mess.put(folder, "socket.pdf", Socket(), "socket")
    for number, mtime in enumerate((0.0, 1.0, -86_400.0, 4_102_444_800.0, 315_532_800.0, 2_147_483_648.0)):
        mess.put("unusual", f"time {number}.pdf", mess.file(mtime=mtime), "strange time")
    for number in range(30):
        mess.put("unusual/nothing", f"empty {number}.txt", File(b"", mtime=mess.moment()), "no content")


def add_whole_folders(mess: Mess) -> None:
    """Folders that are one thing: checkouts, projects, environments, bundles, libraries, discs."""
    kinds: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("checkout {}", (".git/HEAD", ".git/config", "README.md", "src/main.c", "docs/logo.png")),
        ("hg {}", (".hg/store/data", "main.py")),
        ("node app {}", ("package.json", "index.js", "node_modules/left-pad/index.js", "public/photo.jpg")),
        ("crate {}", ("Cargo.toml", "src/lib.rs", "assets/sound.wav")),
        ("python {}", ("pyproject.toml", "src/a/__init__.py", "report.pdf")),
        ("venv {}", ("pyvenv.cfg", "bin/python3", "lib/python3.11/site-packages/a.py")),
        ("Tool {}.app", ("Contents/Info.plist", "Contents/MacOS/tool", "Contents/Resources/icon.png")),
        ("Photos {}.photoslibrary", ("database/Photos.sqlite", "originals/0/IMG_1.HEIC")),
        ("film {}", ("VIDEO_TS/VIDEO_TS.IFO", "VIDEO_TS/VTS_01_1.VOB")),
        ("kept {}", (".keep-together", "a.jpg", "b.pdf", "inner/c.mp3")),
    )
    for number in range(12):
        for name, files in kinds:
            place = ("", "work", "work/old")[number % 3]
            folder = join(as_name(place), as_name(name.format(number)))
            mess.whole.add(join(folder, b"VIDEO_TS") if name.startswith("film") else folder)
            mess.folder(folder, "whole folder")
            for file in files:
                inner, _, last = file.rpartition("/")
                mess.put(join(folder, as_name(inner)) if inner else folder, last, mess.file(), "in a whole folder")


def add_companions(mess: Mess) -> None:
    """Files that belong to each other by name, some of them clashing with another family."""
    families: tuple[tuple[str, ...], ...] = (
        ("DSC_{}.NEF", "DSC_{}.JPG", "DSC_{}.xmp"),
        ("RAW_{}.CR2", "RAW_{}.CR2.xmp"),
        ("IMG_{}.JPG", "IMG_{}.AAE"),
        ("LIVE_{}.HEIC", "LIVE_{}.MOV"),
        ("Film {}.mkv", "Film {}.srt", "Film {}.en.srt", "Film {}.nfo"),
        ("Album {}.flac", "Album {}.cue"),
        ("disc {}.bin", "disc {}.cue"),
        ("Backup {}.part1.rar", "Backup {}.part2.rar", "Backup {}.part3.rar"),
        ("Old {}.rar", "Old {}.r00", "Old {}.r01"),
        ("Big {}.7z.001", "Big {}.7z.002"),
        ("Split {}.zip", "Split {}.z01", "Split {}.z02"),
    )
    for number in range(15):
        for folder in ("companions", f"companions/card {number % 3}", "")[: 2 + (number < 3)]:
            for family in families:
                members = [name.format(f"{number:04}") for name in family]
                made = tuple(mess.put(folder, name, mess.file(), "companion") for name in members)
                mess.families.append(made)


def add_saved_pages(mess: Mess) -> None:
    """Web pages saved with their folder of pictures; the two belong together."""
    for number in range(8):
        page = mess.put("pages", f"Article {number}.html", mess.file(HEADS["html"]), "saved page")
        folder = mess.folder(f"pages/Article {number}_files", "folder of a saved page")
        for name in ("style.css", "logo.png", "script.js"):
            mess.put(folder, name, mess.file(), "in the folder of a saved page")
        mess.families.append((page, folder))


def add_unfinished_files(mess: Mess) -> None:
    """Downloads and documents that a program still writes, by their names."""
    names = (
        "film.mkv.part",
        "setup.exe.crdownload",
        "linux.iso.!qB",
        "~$letter.docx",
        "page.html.download",
        "a.partial",
    )
    for folder in ("", "downloads", "downloads/more"):
        for name in names:
            mess.unfinished.add(mess.put(folder, name, mess.file(), "unfinished"))


def add_empty_folders(mess: Mess) -> None:
    """Folders without a user's file: empty before we came, junk only, kept by a marker; and hidden names."""
    for number in range(10):
        mess.kept_empty.add(mess.folder(f"empty/{number}", "empty folder"))
        mess.put(f"junk only/{number}", ("Thumbs.db", ".DS_Store", "desktop.ini")[number % 3], mess.file(), "junk")
        mess.put(f"emptied/{number}", "only file.pdf", mess.file(), "last file of its folder")
        mess.put(f"emptied/with junk {number}", "only file.pdf", mess.file(), "last file of its folder")
        mess.put(f"emptied/with junk {number}", "Thumbs.db", mess.file(), "junk")
        marker = (".keep", ".stfolder", ".gitkeep")[number % 3]
        mess.kept_empty.add(mess.folder(f"marked/{number}"))
        mess.put(f"marked/{number}", marker, File(b"", mtime=mess.moment()), "marker of a kept folder")
        mess.put("hidden", f".secret {number}.pdf", mess.file(), "hidden")
        mess.put(f"hidden/.folder {number}", "inside.jpg", mess.file(), "hidden")


def add_folder_modes(mess: Mess) -> None:
    """Folders with modes of their own: read-only, private, setgid, sticky."""
    for mode in (0o555, 0o500, 0o700, 0o775, 0o2775, 0o1777):
        path = mess.folder(f"modes/{mode:04o}", "folder with a mode")
        mess.put(path, "file.pdf", mess.file(), "in a folder with a mode")
        mess.folders[b"modes"][b"%04o" % mode] = Folder(mess.folders[path], mode=mode, xattrs={"user.color": b"red"})


def add_wrong_and_missing_extensions(mess: Mess) -> None:
    """Content that its name doesn't tell, or tells wrongly; photos with a date of their own."""
    for number in range(15):
        for kind, head in HEADS.items():
            mess.put("untold", f"{kind} without extension {number}", mess.file(head), "missing extension")
            mess.put("untold", f"{kind}.{number}.dat_{number}", mess.file(head), "unknown extension")
        mess.put("untold", f"really a png {number}.txt", mess.file(HEADS["png"]), "lying extension")
        mess.put("untold", f"really a program {number}.jpg", mess.file(HEADS["elf"]), "lying extension")
        mess.put("untold", f"really a pdf {number}.mp3", mess.file(HEADS["pdf"]), "lying extension")
        taken = f"{2012 + number % 12}:12:31 23:{number:02}:00"
        picture = photo(taken, b"%d" % number, "+09:00" if number % 2 else None)
        mess.put("photos", f"P{number:07}.jpg", File(picture, mtime="2023-05-05"), "photo with its own date")
        mess.put("photos", f"P{number:07} broken.jpg", File(picture[:60], mtime="2023-05-05"), "photo cut short")


def add_deep_folders(mess: Mess) -> None:
    """Sixty levels with a file on each, and a folder with hundreds of files."""
    path = b"deep"
    for level in range(60):
        path = join(path, b"level %d" % level)
        mess.put(path, f"at level {level}.pdf", mess.file(), "deep")
    for number in range(400):
        mess.put("crowded", f"{number:04}.{EXTENSIONS[number % len(EXTENSIONS)]}", mess.file(), "in a crowded folder")


def add_path_beyond_path_max(mess: Mess) -> None:
    """A file whose path has more bytes than the kernel takes at once: reached folder by folder only."""
    path = b"too deep for a path"
    for level in range(45):
        path = join(path, b"%02d " % level + b"d" * 100)
    mess.put(path, "down here.pdf", mess.file(), "beyond PATH_MAX")


def fill_with_ordinary_files(mess: Mess, files: int) -> None:
    """Add ordinary files until there are `files`: a quarter loose, the rest in folders up to six deep."""
    made = count_nodes(mess.tree)
    folders = [_random_folder(mess) for _ in range(max(1, files // 60))]
    shared = [mess.file() for _ in range(20)]
    for number in range(files - made[File] - made[HardLink]):
        extension = mess.random.choice(EXTENSIONS)
        name = f"{mess.random.choice(WORDS)} {number}.{extension}"
        folder = b"" if mess.random.random() < 0.25 else mess.random.choice(folders)
        equal = mess.random.random() < 0.05
        mess.put(folder, name, mess.random.choice(shared) if equal else mess.file(), "equal" if equal else "ordinary")


def _random_folder(mess: Mess) -> bytes:
    path = b"folders"
    for _ in range(mess.random.randrange(1, 7)):
        path = join(path, f"{mess.random.choice(WORDS)} {mess.random.randrange(6)}".encode())
    return mess.folder(path)


def _decomposed(name: str) -> str:
    return unicodedata.normalize("NFD", name)


PARTS: tuple[Callable[[Mess], None], ...] = (
    add_odd_names,
    add_long_names,
    add_twins,
    add_collisions,
    add_occupied_destinations,
    add_hard_links,
    add_symlinks,
    add_unusual_files,
    add_whole_folders,
    add_companions,
    add_saved_pages,
    add_unfinished_files,
    add_empty_folders,
    add_folder_modes,
    add_wrong_and_missing_extensions,
    add_deep_folders,
)
