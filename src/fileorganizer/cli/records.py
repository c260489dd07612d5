"""Whose records know of a folder: its own, those of folders above it, or those of a folder from which it was filled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from fileorganizer.errors import OperationNotFound
from fileorganizer.errors import show as shown_path
from fileorganizer.fs.private import read_text
from fileorganizer.model import CONTROL_DIRECTORY


def filled_from(folder: bytes) -> bytes | None:
    """The root whose operations have put files into this folder as their destination; None: none has."""
    try:
        return bytes.fromhex(read_text(os.path.join(folder, CONTROL_DIRECTORY, b"journal_at"))) or None
    except (OSError, ValueError):
        return None


def knowing(path: str) -> Iterator[tuple[bytes, bytes, bytes | None]]:
    """The roots that may know a file, the nearest first: root, path below it; or below the destination that is given with them."""
    folder, name = os.path.split(os.path.abspath(os.path.expanduser(os.fsencode(path))))
    full = os.path.join(os.path.realpath(folder), name)
    above = full
    while above != os.path.dirname(above):
        above = os.path.dirname(above)
        below = os.path.relpath(full, above)
        if os.path.isfile(os.path.join(above, CONTROL_DIRECTORY, b"journal.db")):
            yield above, below, None
        if (source := filled_from(above)) is not None:
            yield source, below, above


def elsewhere(folder: str) -> str:
    """Words for where the records of a folder are that has none of its own; empty when it has, or nobody knows of it."""
    real = os.path.realpath(os.path.expanduser(os.fsencode(folder)))
    source = filled_from(real)
    if source is None or os.path.exists(os.path.join(real, CONTROL_DIRECTORY, b"journal.db")):
        return ""
    return f" What was put here from {shown_path(source)} is in the records of that folder: name it instead."


@contextmanager
def pointing(folder: str) -> Iterator[None]:
    """Where this folder has no records of its own but others know of it, an error says which ones."""
    try:
        yield
    except OperationNotFound as error:
        if words := elsewhere(folder):
            raise OperationNotFound(f"{error}{words}") from error
        raise
