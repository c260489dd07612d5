"""The bytes of files: to download, and small as thumbnails. Each is found, confined and recognised at the moment of use."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgspec

from backend.core.cache import SEEN, Cache, remembered
from backend.core.config import Settings
from backend.models import FINAL_STATES, INDEX_BITS, SKIPPED_BIT
from backend.services.callers import Caller
from backend.services.duplicates import CopyView
from backend.services.errors import NotFound, NoThumbnail, RootMissing, RootNotGranted, WrongState
from backend.services.files import FileService, FileView
from backend.services.roots import RootService
from backend.services.thumbnails import Thumbnails
from fileorganizer.errors import RootRefused
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.opening import open_unchanged
from fileorganizer.journal import codec
from fileorganizer.journal.store import Journal
from fileorganizer.model import Identity

DECODED_AT_ONCE: Final = 2
"""Pictures; the others wait, and hold up nothing else."""
FAILURE_SECONDS: Final = 300.0
"""For so long a picture that couldn't be read isn't tried again."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file that is open to be read. Whoever has it closes it."""

    file: BinaryIO
    name: bytes
    size: int
    tag: str
    """Another one for each state of each file."""


class _Seen(msgspec.Struct, frozen=True):
    """By what a record's file is known again: the file itself, and for a copy the copy."""

    step: Identity | None
    made: Identity | None


class ContentService:
    """Opens files of records."""

    def __init__(self, settings: Settings, cache: Cache, roots: RootService, files: FileService) -> None:
        """Thumbnails are kept on disk, what files are known by in ``cache``."""
        self._cache, self._roots, self._files = cache, roots, files
        self._thumbnails = Thumbnails(settings.thumbnails, settings.thumbnail_cache_bytes)
        self._places = asyncio.Semaphore(DECODED_AT_ONCE)

    async def open(self, caller: Caller, view: FileView) -> Content:
        """The file of a record, wherever the operation or its rollback put it. Raises NotFound, WrongState, RootNotGranted."""
        seen = await self._seen(caller, view)
        known = [identity for identity in (seen.made, seen.step) if identity is not None]
        return await self._found(caller, view.places, known)

    async def open_copy(self, caller: Caller, view: CopyView) -> Content:
        """One of several equal files as the search saw it. Raises NotFound, WrongState, RootNotGranted."""
        return await self._found(caller, [(view.root, view.file.path)], [view.seen])

    async def _found(self, caller: Caller, places: list[tuple[bytes, bytes]], known: list[Identity]) -> Content:
        """The file that is known so, at the first of these places where it is."""
        there = False
        for root, path in places:
            with suppress(RootMissing):
                place = await self._roots.find(caller, root, "path")
                if place.path != root:
                    raise RootNotGranted  # a link leads there now
                found = await asyncio.to_thread(_opened, place.path, place.lineage[0], path, known)
                if isinstance(found, Content):
                    return found
                there |= found
        if there:
            raise WrongState("What lies there now isn't the file of this record: it was changed or replaced since.")
        raise NotFound("file")

    async def _seen(self, caller: Caller, view: FileView) -> _Seen:
        """By what the file is known again. Raises WrongState for one that was left alone."""
        if view.record.sequence & SKIPPED_BIT:
            raise WrongState("This file was left alone: nothing was recorded by which it could be known again.")
        if view.operation.journal_id is None or view.operation.status not in FINAL_STATES:
            raise WrongState("The operation isn't finished.")
        version = (view.operation.journal_id, view.record.sequence)
        return await remembered(
            self._cache, SEEN, caller.cache_owner, version, _Seen, lambda: asyncio.to_thread(_recorded, view)
        )

    async def thumbnail(self, caller: Caller, content: Content, size: int) -> bytes:
        """The picture in a box of ``size`` pixels, as WebP. Raises NoThumbnail."""
        name = hashlib.sha256(f"{caller.user_id} {content.tag} {size}".encode()).hexdigest()
        failed = f"no-thumbnail:{caller.user_id}:{name}"
        if await self._cache.get(failed) is None:
            async with self._places:
                made = await asyncio.to_thread(self._thumbnails.of, content.file.fileno(), name, size)
            if made:
                return made
            await self._cache.put(failed, b"", FAILURE_SECONDS)
        raise NoThumbnail

    def close(self) -> None:
        """End the process that decodes pictures."""
        self._thumbnails.close()


def _recorded(view: FileView) -> _Seen:
    """What the journal has of the record's step."""
    seq, index = view.record.sequence >> INDEX_BITS, view.record.sequence & ((1 << INDEX_BITS) - 1)
    with Journal(view.operation.root_path, write=False) as journal:
        batch = journal.batch(journal.operation(view.operation.journal_id or "").number, seq)
    made = next((outcome.made for outcome in batch.outcomes if outcome.index == index), None)
    return _Seen(codec.unpack_steps(batch.steps)[index].seen, made)


def _opened(folder: bytes, identity: str, path: bytes, known: list[Identity]) -> Content | bool:
    """The file at ``path`` below a folder, if it is one of those that are known; else whether anything is there."""
    try:
        with Root(folder) as root:
            if f"{root.dev}:{root.ino}" != identity:
                return False
            for seen in known:
                fd = open_unchanged(root, path, seen)
                if fd is not None:
                    return _content(fd, path)
            return root.look(path) is not None
    except (OSError, RootRefused):
        return False  # it can't be opened, for whatever reason: not by us


def _content(fd: int, path: bytes) -> Content:
    """An open file with its name, its size and its tag."""
    status = os.fstat(fd)
    told = f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    tag = hashlib.sha256(told.encode()).hexdigest()[:32]
    return Content(open(fd, "rb", buffering=0), os.path.basename(path), status.st_size, tag)
