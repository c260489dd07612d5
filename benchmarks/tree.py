"""The benchmark tree: a folder such as people have, of any size, the same each time.

N files in N/50 folders nested up to six deep, messy names, about 10 % of the
files equal to another, a few per cent of names that clash once they are sorted
by kind and year, dates over ten years. `python -m benchmarks.tree DIR --files N`
makes one by itself.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path

VERSION = 1
"""Raise it when the generator changes: trees of an older version aren't used again."""
FILES_A_FOLDER = 50
BRANCHES = 8
"""Subfolders a folder has; with 20,000 folders the deepest is six levels down."""
SHARED = 0.10
"""Part of the files that take their content from a small pool, and so have equals."""
CLASHING = 0.03
"""Part of the files named like a camera or a scanner names them: the same again and again."""
ODD = 0.01
OLDEST, YEARS = 1_388_534_400, 10
"""2014-01-01 UTC, and how many years of dates follow."""
SECONDS_A_YEAR = 31_556_952
LARGEST = 4096
"""No file is larger, unless the average asked for is: content isn't what is measured here."""
EXTENSIONS = (
    "jpg jpg jpg jpg jpg jpeg png png gif heic webp cr2 nef svg bmp tiff pdf pdf pdf doc docx docx odt txt txt rtf md "
    "xls xlsx csv ods ppt pptx mp3 mp3 flac m4a wav ogg mp4 mkv avi mov webm zip tar.gz 7z rar py js ts html css java c "
    "cpp go rs json xml yaml epub mobi exe dmg iso ttf otf psd ai eml bak log unknown"
).split()
WORDS = (
    "report invoice holiday draft final notes budget scan photo song lecture backup meeting letter contract family "
    "garden Übersicht résumé 写真 отчёт"
).split()
ODD_NAMES = (b"caf\xe9 %d", b"line\nbreak %d", b"-rf %d", b" spaces  %d ", b"tab\t%d", b"<img src=x> %d", b"\xff\xfe%d")
CLASHING_NAMES = ("IMG_%04d.JPG", "DSC_%04d.jpg", "scan%04d.pdf", "Document (%d).docx", "track%02d.mp3")


@dataclass(frozen=True)
class Parameters:
    """What decides a tree, byte for byte."""

    files: int
    content_bytes: int = 200
    """Average size of the files that aren't empty (one in twenty is)."""
    seed: int = 1
    version: int = VERSION

    @property
    def folders(self) -> int:
        """How many folders there are, the root included."""
        return max(1, self.files // FILES_A_FOLDER)


def make_tree(root: Path, parameters: Parameters, *, processes: int | None = None) -> float:
    """Have `root` hold exactly the tree of `parameters`; give the seconds it took, 0.0 if it was there already.

    What a stamp beside the root says is believed: `spoil` it before changing the
    tree. Anything else at `root` is an error, unless the stamp says it is ours.
    """
    if read_stamp(root) == asdict(parameters):
        return 0.0
    start = time.monotonic()
    remove_tree(root)
    root.mkdir(parents=True)
    _stamp(root).write_text("spoilt")
    paths = _make_folders(root, parameters)
    workers = processes or os.cpu_count() or 1
    ranges = [range(first, len(paths), workers) for first in range(workers)]
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        shares = [[(i, paths[i]) for i in chosen] for chosen in ranges]
        for _ in pool.map(_fill_folders, repeat(root), repeat(parameters), shares):  # raises what a worker raised
            pass
    _date_folders(root, paths)
    _stamp(root).write_text(json.dumps(asdict(parameters)))
    return time.monotonic() - start


def clone_tree(source: Path, target: Path) -> None:
    """Make a second tree of the same inodes by `cp -al`: cheap, and good for rename loops only.

    Every file then has two links, which an organizer may treat differently.
    """
    remove_tree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _stamp(target).write_text("spoilt")
    subprocess.run(["cp", "-al", "--", str(source), str(target)], check=True)


def spoil(root: Path) -> None:
    """Say that the tree is about to be changed: it won't be used again as it is."""
    _stamp(root).write_text("spoilt")


def remove_tree(root: Path) -> None:
    """Remove a tree that `make_tree` or `clone_tree` made; refuse a folder that they didn't."""
    if root.exists():
        if not _stamp(root).exists():
            raise FileExistsError(f"{root} isn't a benchmark tree: there is no {_stamp(root).name} beside it")
        shutil.rmtree(os.fsencode(root))
    _stamp(root).unlink(missing_ok=True)


def read_stamp(root: Path) -> dict[str, int] | None:
    """Give the parameters of the unspoilt tree at `root`, if there is one."""
    try:
        found = json.loads(_stamp(root).read_text()) if root.is_dir() else None
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return found if isinstance(found, dict) else None


def _stamp(root: Path) -> Path:
    return root.with_name(root.name + ".stamp.json")


def _make_folders(root: Path, parameters: Parameters) -> list[bytes]:
    """Make all folders; the index of a folder gives its parent, so that the tree is the same for any worker."""
    choice = random.Random(parameters.seed)
    paths = [b""]
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for index in range(1, parameters.folders):
            name = f"{choice.choice(WORDS)} {index}".encode()
            parent = paths[(index - 1) // BRANCHES]
            paths.append(parent + b"/" + name if parent else name)
            os.mkdir(paths[-1], 0o755, dir_fd=fd)
    finally:
        os.close(fd)
    return paths


def _fill_folders(root: Path, parameters: Parameters, folders: list[tuple[int, bytes]]) -> None:
    block = random.Random(parameters.seed).randbytes(max(LARGEST, 2 * parameters.content_bytes) * 2)
    for index, path in folders:
        folder = os.open(os.path.join(os.fsencode(root), path), os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name, content, mtime_ns in _files_of(index, parameters, block):
                file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=folder)
                if content:
                    os.write(file, content)
                os.utime(file, ns=(mtime_ns, mtime_ns))
                os.close(file)
        finally:
            os.close(folder)


def _files_of(index: int, parameters: Parameters, block: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Give name, content and mtime of each file of a folder; the last folder has what is left over."""
    choice = random.Random(parameters.seed * 1_000_003 + index)
    first = index * FILES_A_FOLDER
    last = parameters.files if index == parameters.folders - 1 else first + FILES_A_FOLDER
    used: set[bytes] = set()
    for number in range(first, last):
        name = _name(choice, number)
        if name in used:
            name = b"%d " % number + name
        used.add(name)
        shared = choice.random() < SHARED
        content = choice.randrange(max(1, parameters.files // 30)) if shared else number + parameters.files
        mtime_ns = (OLDEST + choice.randrange(YEARS * SECONDS_A_YEAR)) * 10**9 + choice.randrange(10**9)
        yield name, _content(content, parameters.content_bytes, block), mtime_ns


def _name(choice: random.Random, number: int) -> bytes:
    kind = choice.random()
    if kind < CLASHING:
        return (choice.choice(CLASHING_NAMES) % choice.randrange(2_000)).encode()
    extension = choice.choice(EXTENSIONS)
    if kind < CLASHING + ODD:
        return choice.choice(ODD_NAMES) % number + b"." + extension.encode()
    if kind > 0.98:
        extension = extension.upper()
    return f"{choice.choice(WORDS)} {number}.{extension}".encode()


def _content(identity: int, average: int, block: bytes) -> bytes:
    """Give the bytes of a content; its size is decided by its identity, and exponential as sizes of files are."""
    part = (identity * 2_654_435_761 % 2**32 + 0.5) / 2**32
    if part < 0.05 or average == 0:
        return b""
    size = min(int(-math.log(part) * average) + 1, max(LARGEST, 2 * average))
    start = identity % (len(block) - size)
    return (b"%x\n" % identity + block[start : start + size])[:size]


def _date_folders(root: Path, paths: list[bytes]) -> None:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for index, path in enumerate(paths):
            moment = (OLDEST + index * 1_000) * 10**9
            os.utime(path or b".", ns=(moment, moment), dir_fd=fd)
    finally:
        os.close(fd)


def main() -> None:
    """Make one tree from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tree", description=main.__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--content-bytes", type=int, default=Parameters.content_bytes)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    seconds = make_tree(chosen.root, Parameters(chosen.files, chosen.content_bytes, chosen.seed))
    print(f"{chosen.files:,} files at {chosen.root}: " + (f"made in {seconds:.1f} s" if seconds else "there already"))


if __name__ == "__main__":
    main()
