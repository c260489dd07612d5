"""Must show 1: the same groups as rmlint, jdupes and rdfind find, inode by inode, on a tree that tries to confuse them."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fileorganizer.duplicates.finder import Search
from fileorganizer.searcher import find_duplicates

Partition = set[frozenset[int]]
"""Groups of inodes with the same content."""
_RDFIND_LINE = re.compile(rb"DUPTYPE_\w+ (-?\d+) \d+ \d+ \d+ (\d+) ", re.ASCII)


def missing() -> list[str]:
    """The rivals that aren't installed."""
    return [name for name in RIVALS if not shutil.which(name)]


def run(place: Path, files: int = 100_000) -> dict[str, Any]:
    """Make the tree, search it with everybody, compare. An assertion names the first group that one of them has alone."""
    root = place / "root"
    make_tree(root, files)
    search = Search(include_hidden=True, keep_together=False, quiet_seconds=0)
    own = {frozenset(copy.seen.ino for copy in group.copies) for group in find_duplicates(root, search).groups}
    figures: dict[str, Any] = {"files": files, "groups": len(own), "redundant": sum(len(group) - 1 for group in own)}
    for name, partition in RIVALS.items():
        if shutil.which(name):
            theirs = partition(root)
            assert theirs == own, f"{name} differs: {_shown(root, theirs ^ own)}"
            figures[name] = "same groups"
        else:
            figures[name] = "not installed"
    return figures


def make_tree(root: Path, files: int) -> None:
    """Contents that are equal, or differ in one byte at their beginning, middle or end; sizes around every threshold;
    empty files; hard links within a group and across folders; hidden files."""
    chance = random.Random(5)
    sizes = [1, 2, 100, 4_095, 4_096, 4_097, 8_192, 16_384, 16_385, 40_000]
    base = random.Random(6).randbytes(3 << 20)
    for number in range(files):
        folder = root / f"{number % 97}" / f"{number % 11}"
        if number < 97 * 11:
            folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{'.' if number % 50 == 0 else ''}f{number}"
        kind = chance.random()
        if kind < 0.03 and number > 1_000:
            _link_some_file(root, chance, path)
        elif kind < 0.06:
            path.touch()
        else:
            path.write_bytes(_content(chance, sizes, base))
    for number, offset in enumerate((None, None, 0, 1 << 20, (3 << 20) - 1)):
        large = bytearray(base)
        if offset is not None:
            large[offset] ^= 1
        (root / f"large{number}").write_bytes(large)


def _link_some_file(root: Path, chance: random.Random, path: Path) -> None:
    """Make another name of an earlier file."""
    folder = root / f"{chance.randrange(97)}" / f"{chance.randrange(11)}"
    names = sorted(os.listdir(folder))
    os.link(folder / chance.choice(names), path) if names else path.touch()


def _content(chance: random.Random, sizes: list[int], base: bytes) -> bytes:
    """One of not too many contents: the beginning of ``base`` with at most one byte changed."""
    size = chance.choice(sizes)
    content = bytearray(base[:size])
    place = chance.choice((None, 0, size // 2, size - 1, chance.randrange(size)))
    if place is not None:
        content[place] = chance.randrange(256)
    return bytes(content)


def _jdupes(root: Path) -> Partition:
    said = _output("jdupes", "-r", "-q", "-0", root)
    return _partition(part.split(b"\0") for part in said.split(b"\0\0") if part.strip(b"\0"))


def _rdfind(root: Path) -> Partition:
    results = root.with_name("rdfind.txt")
    _output("rdfind", "-dryrun", "false", "-outputname", results, root)
    groups: dict[int, set[int]] = {}
    for line in results.read_bytes().splitlines():
        if found := _RDFIND_LINE.match(line):
            groups.setdefault(abs(int(found[1])), set()).add(int(found[2]))
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def _rmlint(root: Path) -> Partition:
    said = _output("rmlint", "-T", "df", "--hidden", "-o", "json:stdout", root)
    groups: list[list[bytes]] = []
    for row in json.loads(said):
        if row.get("type") == "duplicate_file":
            if row["is_original"]:
                groups.append([])
            groups[-1].append(os.fsencode(row["path"]))
    return _partition(groups)


def _output(*command: str | Path) -> bytes:
    """What a rival says."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout


def _partition(groups: Iterable[Iterable[bytes]]) -> Partition:
    """Groups of paths as groups of inodes; names of one inode are one file, and no group by themselves."""
    inodes = (frozenset(os.lstat(path).st_ino for path in group if path) for group in groups)
    return {group for group in inodes if len(group) > 1}


RIVALS: dict[str, Callable[[Path], Partition]] = {"rmlint": _rmlint, "jdupes": _jdupes, "rdfind": _rdfind}


def _shown(root: Path, groups: Partition) -> list[list[str]]:
    """Some groups as paths."""
    names: dict[int, list[str]] = {}
    for folder, _, files in os.walk(root):
        for name in files:
            path = os.path.join(folder, name)
            names.setdefault(os.lstat(path).st_ino, []).append(os.path.relpath(path, root))
    return [[" = ".join(names[inode]) for inode in group] for group in list(groups)[:3]]
