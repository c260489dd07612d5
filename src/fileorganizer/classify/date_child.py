"""Dates in the headers of photos and films, and the limited process that reads them.

This file is run by its path, isolated (``python -I -S``), by ``dates.DateReader``:
it imports the standard library only, opens nothing, and gets each file as a
descriptor. Whatever a hostile file does to it, the parent goes on without a
date. Only headers are read: no picture is decoded, every read is counted.
"""

from __future__ import annotations

import calendar
import os
import re
import socket
import struct
import time
from collections.abc import Iterator
from typing import Final

NOTHING, EXIF, CONTAINER_UTC, CONTAINER_LOCAL = range(4)
"""Kinds of an answer: no date; wall-clock seconds of a photo; seconds since the epoch in UTC; wall-clock seconds of a film."""
ANSWER: Final = struct.Struct("<Bq")
"""One answer: kind and seconds."""
MOST_AT_ONCE: Final = 64
"""Descriptors in one request; the kernel takes up to 253."""
EARLIEST: Final = 31_536_000
"""1971-01-01: anything before is an unset clock, not a photo."""
CLOCK_SLACK: Final = 86_400
"""A date may be a day ahead of now: wall clocks are up to 14 hours ahead of UTC."""

_MEMORY: Final = 1 << 30
_CPU_SECONDS: Final = 10
_READS: Final = 4_000
_ITEMS: Final = 10_000
"""So many items of a HEIC are looked through at most; one of 200 megapixels has about 800."""
_BLOCK: Final = 4_096
_MAC_EPOCH: Final = 2_082_844_800
"""Seconds from 1904-01-01, where QuickTime begins to count, to 1970-01-01."""
_CANON_UUID: Final = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_TIFF_STARTS: Final = (b"II*\0", b"MM\0*", b"IIRO", b"IIRS", b"MMOR", b"IIU\0")
_FILM_BOXES: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_RAF: Final = b"FUJIFILMCCD-RAW"
_DATE: Final = re.compile(rb"\s*(\d{4})[:\-/.](\d\d)[:\-/.](\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?")
_DATE_TAGS: Final = (0x9003, 0x9004, 0x0132)
"""DateTimeOriginal, DateTimeDigitized, DateTime: best first."""

Answer = tuple[int, int]
Box = tuple[bytes, int, int]
"""Type, where the content begins, where it ends."""


class TooMuch(Exception):
    """A file made us read more often than any header needs."""


class Source:
    """A file seen through its descriptor, without moving the position that the parent shares."""

    def __init__(self, fd: int) -> None:
        """Read the first block of ``fd``."""
        self._fd = fd
        self._left = _READS
        self._block = os.pread(fd, _BLOCK, 0)
        self.size = os.fstat(fd).st_size

    def read(self, at: int, size: int) -> bytes:
        """Up to ``size`` bytes at ``at``; fewer at the end. Raises ``TooMuch`` when the file has used up its reads."""
        if at + size <= len(self._block):
            return self._block[at : at + size]
        self._left -= 1
        if self._left < 0 or size > 1 << 20:
            raise TooMuch
        return os.pread(self._fd, size, at) if 0 <= at < 1 << 62 else b""

    def number(self, at: int, size: int) -> int:
        """An unsigned big-endian number; 0 behind the end."""
        return int.from_bytes(self.read(at, size), "big")


def may_hold_date(head: bytes) -> bool:
    """Whether a file with these first 16 bytes is worth a question: a format that ``header_date`` reads."""
    return (
        head.startswith((b"\xff\xd8\xff", _PNG, _RAF, *_TIFF_STARTS))
        or head[4:8] == b"ftyp"
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or head[4:8] in _FILM_BOXES
    )


def header_date(fd: int, latest: int) -> Answer:
    """The first plausible date in the header of an open file, ``(NOTHING, 0)`` if there is none. Plausible: ``EARLIEST`` to ``latest``.

    For a photo it is the wall-clock time of the camera, read as if it were
    UTC; an offset recorded beside it doesn't change the local day. Raises
    nothing that a damaged file could cause.
    """
    try:
        for kind, seconds in _dates(Source(fd)):
            if EARLIEST <= seconds <= latest:
                return kind, seconds
    except (OSError, TooMuch, struct.error, ValueError, OverflowError):
        pass
    return NOTHING, 0


def _dates(source: Source) -> Iterator[Answer]:
    """All dates of a file, best first."""
    head = source.read(0, 16)
    if head.startswith(b"\xff\xd8"):
        yield from _jpeg(source, 0)
    elif head.startswith(_TIFF_STARTS):
        yield from _tiff(source, 0)
    elif head.startswith(_PNG):
        yield from _png(source)
    elif head.startswith(b"RIFF"):
        yield from _webp(source)
    elif head.startswith(_RAF):
        yield from _jpeg(source, source.number(84, 4))
    elif head[4:12] == b"ftypcrx ":
        yield from _canon(source)
    elif head[4:8] == b"ftyp" and head[8:12] in (
        b"heic",
        b"heix",
        b"heim",
        b"heis",
        b"hevc",
        b"mif1",
        b"msf1",
        b"avif",
        b"avis",
    ):
        yield from _heif(source)
    else:
        yield from _film(source)


def wall_seconds(text: bytes) -> int | None:
    """``2021:03:04 10:11:12`` as wall-clock seconds; None if it isn't a date of the calendar (``0000:00:00``, blanks)."""
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
    if not (1 <= month <= 12 and hour < 24 and minute < 60 and second <= 60 and year >= 1):
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return calendar.timegm((year, month, day, hour, minute, min(second, 59), 0, 0, 0))


# --- photos


def _tiff(source: Source, base: int) -> Iterator[Answer]:
    """The date tags of a TIFF structure at ``base``: its first directory and the EXIF directory in it."""
    order = "<" if source.read(base, 2) == b"II" else ">"
    (first,) = struct.unpack(order + "I", source.read(base + 4, 4))
    tags = _directory(source, base, first, order)
    if 0x8769 in tags:
        tags = {**tags, **_directory(source, base, tags[0x8769], order)}
    for tag in _DATE_TAGS:
        if tag in tags and (seconds := wall_seconds(source.read(base + tags[tag], 20))) is not None:
            yield EXIF, seconds


def _directory(source: Source, base: int, at: int, order: str) -> dict[int, int]:
    """Tag → its value or offset, for the tags that matter."""
    (count,) = struct.unpack(order + "H", source.read(base + at, 2))
    entries = source.read(base + at + 2, 12 * min(count, 1_000))
    rows = struct.iter_unpack(order + "HHII", entries[: len(entries) // 12 * 12])
    return {tag: value for tag, _, size, value in rows if tag == 0x8769 or (tag in _DATE_TAGS and size >= 16)}


def _jpeg(source: Source, base: int) -> Iterator[Answer]:
    """The EXIF segment of a JPEG at ``base``."""
    at = base + 2
    for _ in range(500):
        mark, kind, length = struct.unpack(">BBH", source.read(at, 4))
        if mark != 0xFF or kind in (0xD9, 0xDA):
            return
        if kind == 0xE1 and source.read(at + 4, 6) == b"Exif\0\0":
            yield from _tiff(source, at + 10)
            return
        at += 1 if kind == 0xFF else 2 if kind == 0x01 or 0xD0 <= kind <= 0xD8 else 2 + max(length, 2)


def _png(source: Source) -> Iterator[Answer]:
    """The ``eXIf`` chunk of a PNG, before or behind the picture."""
    at = len(_PNG)
    while at + 8 <= source.size:
        length, kind = struct.unpack(">I4s", source.read(at, 8))
        if kind == b"eXIf":
            yield from _tiff(source, at + 8)
            return
        at += 12 + length


def _webp(source: Source) -> Iterator[Answer]:
    """The ``EXIF`` chunk of an extended WebP."""
    at = 12
    while source.read(12, 4) == b"VP8X" and at + 8 <= source.size:
        kind, length = struct.unpack("<4sI", source.read(at, 8))
        if kind == b"EXIF":
            yield from _tiff(source, at + 8 + (6 if source.read(at + 8, 6) == b"Exif\0\0" else 0))
            return
        at += 8 + length + length % 2


# --- boxes: HEIC, AVIF, CR3, MP4, MOV


def _boxes(source: Source, at: int, end: int) -> Iterator[Box]:
    """The boxes between two offsets; ends at the first one that can't be."""
    while at + 8 <= end:
        size, kind = struct.unpack(">I4s", source.read(at, 8))
        content = at + 8
        if size == 1:
            size, content = source.number(at + 8, 8), at + 16
        size = size or end - at
        if size < content - at:
            return
        yield kind, content, min(at + size, end)
        at += size


def _box(source: Source, wanted: bytes, at: int, end: int) -> Box | None:
    """The first box of a type between two offsets."""
    return next((box for box in _boxes(source, at, end) if box[0] == wanted), None)


def _heif(source: Source) -> Iterator[Answer]:
    """The item of type ``Exif``: where it is, is said in the ``iloc`` box."""
    meta = _box(source, b"meta", 0, source.size)
    if meta is None:
        return
    infos, places = (_box(source, kind, meta[1] + 4, meta[2]) for kind in (b"iinf", b"iloc"))
    item = _exif_item(source, infos) if infos else None
    at = _item_offset(source, places, item) if places and item is not None else None
    if at is not None:
        yield from _tiff(source, at + 4 + source.number(at, 4))


def _exif_item(source: Source, infos: Box) -> int | None:
    """The number of the EXIF item in the item list."""
    first = infos[1] + (6 if source.read(infos[1], 1) == b"\0" else 8)
    for kind, at, _ in _boxes(source, first, infos[2]):
        wide = 4 if source.read(at, 1) == b"\3" else 2
        if kind == b"infe" and source.read(at + 4 + wide + 2, 4) == b"Exif":
            return source.number(at + 4, wide)
    return None


class _Numbers:
    """Big-endian numbers of any width, one after the other; zeros behind the end."""

    def __init__(self, table: bytes) -> None:
        self._table, self._at = table, 0

    def take(self, size: int) -> int:
        """The next number of ``size`` bytes."""
        self._at += size
        return int.from_bytes(self._table[self._at - size : self._at], "big")

    def skip(self, size: int) -> None:
        """Pass over ``size`` bytes."""
        self._at += size

    @property
    def ended(self) -> bool:
        """Whether more was taken than there is."""
        return self._at > len(self._table)


def _item_offset(source: Source, places: Box, item: int) -> int | None:
    """Where in the file the first extent of an item begins; None if it isn't stored in the file itself."""
    numbers = _Numbers(source.read(places[1], min(places[2] - places[1], 1 << 20)))
    version, _, sizes = numbers.take(1), numbers.take(3), numbers.take(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    for _ in range(min(numbers.take(4 if version == 2 else 2), _ITEMS)):
        number, method = numbers.take(4 if version == 2 else 2), numbers.take(2) & 15 if version else 0
        _, base, extents = numbers.take(2), numbers.take(base_size), numbers.take(2)
        _, first = (numbers.take(index_size), numbers.take(offset_size)) if extents else (0, 0)
        if numbers.ended:
            return None
        if number == item:
            return base + first if method == 0 and extents else None
        numbers.skip(length_size + (extents - 1) * (index_size + offset_size + length_size) if extents else 0)
    return None


def _canon(source: Source) -> Iterator[Answer]:
    """CR3: TIFF structures in boxes of Canon's own, the EXIF directory in ``CMT2``."""
    moov = _box(source, b"moov", 0, source.size)
    for kind, at, end in _boxes(source, moov[1], moov[2]) if moov else ():
        if kind == b"uuid" and source.read(at, 16) == _CANON_UUID:
            for wanted in (b"CMT2", b"CMT1"):
                found = _box(source, wanted, at + 16, end)
                yield from _tiff(source, found[1]) if found else ()


def _film(source: Source) -> Iterator[Answer]:
    """QuickTime's local creation date if there is one, else the creation time of the film, which is in UTC."""
    moov = _box(source, b"moov", 0, source.size)
    if moov is None:
        return
    boxes = {kind: (at, end) for kind, at, end in _boxes(source, moov[1], moov[2])}
    if b"meta" in boxes:
        yield from _apple_date(source, *boxes[b"meta"])
    if b"mvhd" in boxes:
        at = boxes[b"mvhd"][0]
        yield CONTAINER_UTC, source.number(at + 4, 8 if source.read(at, 1) == b"\1" else 4) - _MAC_EPOCH


def _apple_date(source: Source, at: int, end: int) -> Iterator[Answer]:
    """``com.apple.quicktime.creationdate``: local time with its offset, such as ``2021-03-04T10:11:12+0100``."""
    keys, values = (_box(source, kind, at, end) for kind in (b"keys", b"ilst"))
    if keys is None or values is None:
        return
    names = [source.read(where, min(stop - where, 100)) for _, where, stop in _boxes(source, keys[1] + 8, keys[2])]
    for kind, where, stop in _boxes(source, values[1], values[2]):
        index = int.from_bytes(kind, "big") - 1
        if 0 <= index < len(names) and names[index] == b"com.apple.quicktime.creationdate":
            content = _box(source, b"data", where, stop)
            seconds = wall_seconds(source.read(content[1] + 8, 25)) if content else None
            if seconds is not None:
                yield CONTAINER_LOCAL, seconds


# --- the process


def _limit() -> None:
    """Give away what reading headers doesn't need: memory, files to write, core dumps."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _renew_cpu_time() -> None:
    """Each request may use ``_CPU_SECONDS`` more; beyond it the kernel ends the process."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + _CPU_SECONDS, most))


def serve(connection: socket.socket) -> None:
    """Answer requests until the parent hangs up: one byte with the number of descriptors, one ``ANSWER`` for each in order."""
    while True:
        request, fds, _, _ = socket.recv_fds(connection, 1, MOST_AT_ONCE)
        if not request:
            return
        _renew_cpu_time()
        latest = int(time.time()) + CLOCK_SLACK
        for fd in fds:
            connection.sendall(ANSWER.pack(*header_date(fd, latest)))
            os.close(fd)
        connection.sendall(ANSWER.pack(NOTHING, 0) * (request[0] - len(fds)))


if __name__ == "__main__":
    _limit()
    serve(socket.socket(fileno=0))
