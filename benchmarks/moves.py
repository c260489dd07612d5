"""The moves that organizing a tree by category and year makes, as files for the raw rename loops.

Run as a process of its own (`python -m benchmarks.moves ROOT FOLDERS PAIRS`), so
that the memory for a million pairs doesn't weigh on the process that measures.
Same layout and same kind of suffix as the engine's plan. Not its exact names:
what a kernel spends on a rename depends on the folders, not on the spelling.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

CATEGORIES = {
    b"Images": b"jpg jpeg png gif heic webp cr2 nef svg bmp tiff",
    b"Documents": b"pdf doc docx odt txt rtf md",
    b"Spreadsheets": b"xls xlsx csv ods",
    b"Presentations": b"ppt pptx",
    b"Audio": b"mp3 flac m4a wav ogg",
    b"Videos": b"mp4 mkv avi mov webm",
    b"Archives": b"zip tar.gz gz 7z rar iso",
    b"Code": b"py js ts html css java c cpp go rs",
    b"Data": b"json xml yaml",
    b"Ebooks": b"epub mobi",
    b"Executables": b"exe dmg",
    b"Fonts": b"ttf otf",
    b"Design": b"psd ai",
}
CATEGORY_OF = {extension: category for category, all_of in CATEGORIES.items() for extension in all_of.split()}


def moves_of(root: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield (source, folder, name there) for every file below `root`, relative to it; no destination twice."""
    taken: set[bytes] = set()
    start = len(root) + 1
    for folder, _, names in os.walk(root):
        for name in names:
            source = os.path.join(folder, name)
            stem, dot, extension = name.rpartition(b".")
            category = CATEGORY_OF.get(extension.lower(), b"Other")
            year = b"%d" % time.gmtime(os.lstat(source).st_mtime).tm_year
            target, number = category + b"/" + year + b"/" + name, 0
            while target in taken:
                number += 1
                target = category + b"/" + year + b"/" + stem + b" (%d)" % number + dot + extension
            taken.add(target)
            yield source[start:], category + b"/" + year, target[len(category) + len(year) + 2 :]


def write_moves(root: Path, folders_file: Path, pairs_file: Path) -> int:
    """Write both files as `renames.c` reads them; give the number of moves."""
    count, folders = 0, set()
    with pairs_file.open("wb") as pairs:
        for source, folder, name in moves_of(os.fsencode(root)):
            folders.add(folder)
            pairs.write(b"%s\0%s/%s\0" % (source, folder, name))
            count += 1
    parents = {folder.partition(b"/")[0] for folder in folders}
    folders_file.write_bytes(b"".join(folder + b"\0" for folder in sorted(parents | folders)))
    return count


if __name__ == "__main__":
    print(write_moves(*map(Path, sys.argv[1:4])))
