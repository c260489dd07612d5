"""P02: the power fails at a fault point, on ext4 and xfs in a loop image; afterwards nothing is lost and every record true."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from fileorganizer.errors import NothingToUndo
from fileorganizer.fs import faults
from tests.support.crash import RECURSIVE, in_child, names_of_points, small_tree, take_all_back
from tests.support.manifest import contents, difference, manifest
from tests.support.trees import write_tree

_SHUTDOWN, _NOLOGFLUSH = 0x8004587D, 2
KINDS = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f")}


def missing() -> str:
    """Why this proof can't run here; empty: it can."""
    if os.geteuid() != 0:
        return "needs root"
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    absent = [words[0] for words in KINDS.values() if not shutil.which(words[0], path=path)]
    return f"{', '.join(absent)} not installed" if absent else ""


def run(place: Path, points: int = 60) -> dict[str, Any]:
    """Cut at ``points`` instants a file system."""
    assert not missing(), missing()
    return {kind: _cut_often(place / kind, kind, points) for kind in KINDS} | {"lost": 0, "false_records": 0}


def _cut_often(place: Path, kind: str, points: int) -> int:
    """Cut at evenly spread fault points of a run; gives how many cuts there were."""
    place.mkdir(parents=True)
    counted = place / "count"
    counted.mkdir()
    write_tree(counted, small_tree())
    total = len(names_of_points(lambda: organizer.organize(counted, RECURSIVE)))
    hits = sorted({1 + number * (total - 1) // max(points - 1, 1) for number in range(points)})
    for hit in hits:
        _cut(place, kind, hit)
    return len(hits)


def _cut(place: Path, kind: str, hit: int) -> None:
    """One file system, one run, one cut, and a look at what is left, when it is there again as another device."""
    image, mount = place / "image", place / "mount"
    mount.mkdir(exist_ok=True)
    with open(image, "wb") as file:
        file.truncate((400 if kind == "xfs" else 64) << 20)
    environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    subprocess.run([*KINDS[kind], str(image)], check=True, env=environment)
    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
    try:
        root = mount / "root"
        root.mkdir()
        before = write_tree(root, small_tree())
        held, device = contents(root), root.stat().st_dev
        os.sync()
        in_child(lambda: organizer.organize(root, RECURSIVE), _cut_at(hit, mount))
        subprocess.run(["umount", str(mount)], check=True)
        with _other_devices(place):
            subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
        assert root.stat().st_dev != device
        organizer.recover(root)
        assert contents(root) == held, f"{kind}, cut {hit}: lost"
        if organizer.history(root):
            assert organizer.verify(root).problems == [], f"{kind}, cut {hit}: false record"
            try:
                take_all_back(root)
            except NothingToUndo:
                pass
            found = difference(before, manifest(root))
            assert found == [], f"{kind}, cut {hit}: {found}"
    finally:
        subprocess.run(["umount", str(mount)], check=True)
        image.unlink()


@contextmanager
def _other_devices(place: Path) -> Iterator[None]:
    """The loop devices that are free first are taken meanwhile, as disks are numbered anew when a machine starts."""
    taken = []
    other = place / "other"
    other.write_bytes(bytes(1 << 20))
    try:
        for _ in range(2):
            command = ["losetup", "--find", "--show", str(other)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            taken.append(done.stdout.strip())
        yield
    finally:
        for device in taken:
            subprocess.run(["losetup", "--detach", device], check=True)


def _cut_at(hit: int, mount: Path) -> Callable[[str], None]:
    """Shut the file system down without writing its log at the ``hit``-th fault point, and end the process."""
    left = hit

    def cut(_name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            fd = os.open(mount, os.O_RDONLY)
            fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NOLOGFLUSH))
            faults.kill_at(1)("power")

    return cut
