"""Which files some process has open for writing: a download in progress isn't moved."""

from __future__ import annotations

import os
import stat


def open_for_writing() -> set[tuple[int, int]]:
    """(device, inode) of every regular file open for writing in a process that this user may look at.

    Empty where the system doesn't tell (no /proc).
    """
    found: set[tuple[int, int]] = set()
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit() and name != str(os.getpid())]
    except OSError:
        return found
    for process in processes:
        folder = f"/proc/{process}/fd"
        try:
            numbers = os.listdir(folder)
        except OSError:
            continue
        found.update(file for number in numbers if (file := _written_file(folder, number)))
    return found


def _written_file(folder: str, number: str) -> tuple[int, int] | None:
    """The regular file behind one descriptor of another process, if it is open for writing."""
    try:
        if not os.lstat(f"{folder}/{number}").st_mode & stat.S_IWUSR:
            return None
        status = os.stat(f"{folder}/{number}")
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
