"""File systems of their own for tests, and a user without rights: root is needed, elsewhere a test skips and says so."""

from __future__ import annotations

import codecs
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from fileorganizer.fs.identity import TOPMOST_INODES

NOBODY = 65_534
_SYSTEM_PATHS = ":/usr/sbin:/sbin"
_MEGABYTES = {"xfs": 320, "ext4": 16, "vfat": 16}
"""Sizes of the images: mkfs.xfs refuses less than 300."""


def need_root(what: str) -> None:
    """Skip the test, naming ``what`` isn't covered, where it doesn't run as root."""
    if os.geteuid() != 0:
        pytest.skip(f"needs root: {what} NOT COVERED")


@contextmanager
def mounted(place: Path, *arguments: str) -> Iterator[Path]:
    """Mount on the folder ``place`` (made if needed); ``arguments`` are those of mount before the place."""
    need_root("other file systems")
    place.mkdir(exist_ok=True)
    mount(place, *arguments)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


def mount(place: Path, *arguments: str) -> None:
    """Mount on ``place``; skip the test where this is refused."""
    environment = {**os.environ, "PATH": os.environ["PATH"] + _SYSTEM_PATHS}
    done = subprocess.run(
        ["mount", *arguments, str(place)], check=False, capture_output=True, text=True, env=environment
    )
    if done.returncode:
        pytest.skip(f"mount {' '.join(arguments)} is refused here ({done.stderr.strip()}): NOT COVERED")


def tmpfs(place: Path, options: str = "size=3m") -> AbstractContextManager[Path]:
    """A file system in memory, as a context; ``options`` such as ``size=3m,nr_inodes=300``."""
    return mounted(place, "-t", "tmpfs", "-o", options, "none")


@contextmanager
def image(place: Path, kind: str, *make_options: str) -> Iterator[Path]:
    """A file system of this kind in a loop-mounted image beside ``place``."""
    need_root("other file systems")
    path = os.environ["PATH"] + _SYSTEM_PATHS
    program = shutil.which(f"mkfs.{kind}", path=path)
    if program is None:
        pytest.skip(f"mkfs.{kind} isn't installed: {kind} NOT COVERED")
    file = place.with_suffix(f".{kind}")
    with file.open("wb") as made:
        made.truncate(_MEGABYTES[kind] << 20)
    subprocess.run([program, *make_options, str(file)], check=True, capture_output=True)
    try:
        with mounted(place, "-o", "loop", str(file)):
            yield place
    finally:
        file.unlink()


def not_topmost(place: Path) -> Path:
    """A new folder in ``place`` with an inode that no topmost folder of a disk has."""
    for number in range(TOPMOST_INODES + 10):
        folder = place / f"folder {number}"
        folder.mkdir()
        if folder.stat().st_ino > TOPMOST_INODES:
            return folder
    raise AssertionError(f"all inodes in {place} are small")


@contextmanager
def another_device(disk: Path) -> Iterator[Callable[[], None]]:
    """A function that connects a disk of ``image`` anew; its device has another number then, for another disk took the old one."""
    with ExitStack() as stack:

        def connect_anew() -> None:
            """Unmount and mount it, with more and more other disks beside it that take free numbers."""
            device, others = disk.stat().st_dev, itertools.count()
            while disk.stat().st_dev == device:
                subprocess.run(["umount", str(disk)], check=True)
                stack.enter_context(image(disk.with_name(f"{disk.name} {next(others)}"), "ext4", "-q"))
                mount(disk, "-o", "loop", str(disk.with_suffix(".ext4")))

        yield connect_anew


@contextmanager
def in_memory(place: Path) -> Iterator[Path]:
    """A folder below ``place`` on an ext4 in memory, for what syncs a hundred thousand times: there a sync takes a tenth.

    ext4, because a tmpfs never gives the number of a deleted file to the next one. ``place`` itself where nothing can be
    mounted; says so.
    """
    memory, disk = place / "memory", place / "disk"
    memory.mkdir(parents=True)
    disk.mkdir()
    image = str(memory / "image")
    steps = (
        ("mount", "-t", "tmpfs", "-o", "size=600m", "none", str(memory)),
        ("mkfs.ext4", "-q", "-O", "^has_journal", image, "512m"),
        ("mount", "-o", "loop", image, str(disk)),
    )
    environment = {**os.environ, "PATH": os.environ["PATH"] + _SYSTEM_PATHS}
    try:
        for words in steps:
            subprocess.run(words, check=True, capture_output=True, env=environment)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"{error}: on the disk, not in memory", flush=True)
        disk = place
    try:
        yield disk
    finally:
        for mount_point in (place / "disk", memory):
            # lazily: what this process still has open there is given back at its end
            subprocess.run(["umount", "-l", str(mount_point)], check=False, capture_output=True)


def fill(disk: Path) -> Path:
    """Fill a file system to the last block; gives the file that does it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 512):
            pass
    return filler


@contextmanager
def nobody() -> Iterator[None]:
    """Be a user without any rights meanwhile. What was opened before stays open, what was imported stays imported."""
    need_root("being another user")
    codecs.lookup("ascii")  # a codec that isn't found now is never looked for again
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
