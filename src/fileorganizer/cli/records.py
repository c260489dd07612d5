"""Whose records know of a folder: its own, those of folders above it, or those of a folder from which it was filled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from fileorganizer.errors import JournalDamaged, OperationNotFound
from fileorganizer.errors import show as shown_path
from fileorganizer.fs.private import read_text
from fileorganizer.model import CONTROL_DIRECTORY

RECORDS_GONE = " If something was, its records went with the folder .fileorganizer: bring that back from a backup."
"""For a folder without records: they lie in it, so they get lost in their own ways."""


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
        if has_records(above):
            yield above, below, None
        if (source := filled_from(above)) is not None:
            yield source, below, above


def has_records(folder: bytes | str) -> bool:
    """Has this folder a journal, had it one, or may it have one that is another user's?"""
    folder = os.path.expanduser(os.fsencode(folder))
    for name in (b"journal.db", b"epoch"):
        try:
            os.stat(os.path.join(folder, CONTROL_DIRECTORY, name))
        except PermissionError:
            return True
        except OSError:
            continue
        return True
    return False


def elsewhere(folder: str) -> str:
    """Words for where the records are of what others have put into this folder; empty when nobody is known to have."""
    source = filled_from(os.path.realpath(os.path.expanduser(os.fsencode(folder))))
    if source is None:
        return ""
    words = f" What was put here from {shown_path(source)} is in the records of that folder"
    if _is_there(source):
        return f"{words}: name it instead."
    return f"{words}, which isn't there now: connect its disk, or name the place that it was moved to."


def _is_there(folder: bytes) -> bool:
    """Is this folder there, with its records?"""
    return os.path.isdir(os.path.join(folder, CONTROL_DIRECTORY))


def other_records(folder: str) -> str:
    """Words for a folder that has no records of what is asked for: where there are some, or that it may have had some."""
    real = os.path.realpath(os.path.expanduser(os.fsencode(folder)))
    if words := elsewhere(folder):
        return words
    if os.path.isdir(os.path.join(real, CONTROL_DIRECTORY)):
        return ""
    above = next((root for root, _, destination in knowing(os.fsdecode(real)) if destination is None), None)
    return RECORDS_GONE if above is None else f" The records of {shown_path(above)} may know of it: name that folder."


@contextmanager
def pointing(folder: str) -> Iterator[None]:
    """Where the records of this folder don't know what is asked for but others know of the folder, an error says which ones."""
    try:
        yield
    except OperationNotFound as error:
        raise OperationNotFound(f"{_named(folder, error)}{other_records(folder)}") from error


@contextmanager
def naming(folder: str) -> Iterator[None]:
    """Where records are damaged, the error says whose: on a command line there may be more than one folder, or a variable."""
    try:
        yield
    except JournalDamaged as error:
        raise JournalDamaged(_named(folder, error)) from error


def _named(folder: str, error: Exception) -> str:
    """What an error says, with the name of the folder before it if that isn't in it."""
    real = os.path.realpath(os.path.expanduser(os.fsencode(folder)))
    return str(error) if shown_path(real) in str(error) else f"{shown_path(real)}: {error}"
