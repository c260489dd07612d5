"""The program's own folders and files: private to the user, published whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any


def private_folder(path: Path) -> Path:
    """Make sure that the folder exists, with parents, readable by its owner only."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def private_file(path: Path) -> Path:
    """Make an empty file that only its owner can read, in place of one of ours that is there."""
    discard(path)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    return path


def kept_file(path: Path) -> Path:
    """Make sure that a file of ours exists, readable by its owner only; what is in it stays."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(fd, 0o600)
    finally:
        os.close(fd)
    return path


def publish(partial: Path, final: Path) -> None:
    """Give a finished file its name durably; readers see all of it or nothing."""
    fd = os.open(partial, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(partial, final)
    sync_folder(final.parent)


def sync_folder(path: Path | bytes) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def discard(path: Path) -> None:
    """Remove one of the program's own files, if it is there."""
    path.unlink(missing_ok=True)


def read_text(path: bytes) -> str:
    """The content of a small file of ours; empty when it isn't there."""
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def publish_text(path: bytes, text: str) -> None:
    """Replace a small file of ours, durably and whole."""
    partial = path + b".partial"
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, text.encode("ascii"))
        os.fsync(fd)
    finally:
        os.close(fd)
    os.rename(partial, path)
    sync_folder(os.path.dirname(path))


def nowhere(mode: str) -> IO[Any]:
    """A text stream that holds nothing and forgets what is written, for as long as the process lives."""
    return open(os.devnull, mode, encoding="utf-8")
