"""Batches as bytes: version, checksum, msgpack compressed with zstd. ``docs/journal_format.md`` describes it.

A blob is: one byte format version, four bytes CRC-32 of the rest (big endian),
then the compressed msgpack. Readers for older versions stay for ever.
"""

from __future__ import annotations

import hashlib
import threading
import zlib
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final, TypeVar

import msgspec
import zstandard

from fileorganizer.errors import JournalDamaged
from fileorganizer.model import Folder, Outcome, Skip, Step

VERSION: Final = 1
_T = TypeVar("_T")
_encoder = msgspec.msgpack.Encoder()
_steps = msgspec.msgpack.Decoder(list[Step])
_step = msgspec.msgpack.Decoder(Step)
_raw = msgspec.msgpack.Decoder(list[msgspec.Raw])
_skips = msgspec.msgpack.Decoder(list[Skip])
_outcomes = msgspec.msgpack.Decoder(list[Outcome])
_folders = msgspec.msgpack.Decoder(list[Folder])


class _Zstd(threading.local):
    """What compresses and decompresses, for each thread its own: two at once would get into each other's way."""

    def __init__(self) -> None:
        """Made when a thread needs it first."""
        self.compressor = zstandard.ZstdCompressor(level=1)
        self.decompressor = zstandard.ZstdDecompressor()


_zstd = _Zstd()


def pack(value: Any) -> bytes:
    """Any list of model values as a blob."""
    body = _zstd.compressor.compress(_encoder.encode(value))
    return bytes((VERSION,)) + zlib.crc32(body).to_bytes(4, "big") + body


def _body(blob: bytes) -> bytes:
    """The msgpack of a blob. Raises JournalDamaged when it is of a newer version or damaged."""
    if blob[:1] != bytes((VERSION,)):
        raise JournalDamaged(
            f"A record has format version {blob[0] if blob else 'none'}, this program reads {VERSION}. Use the newer program."
        )
    if zlib.crc32(blob[5:]).to_bytes(4, "big") != blob[1:5]:
        raise JournalDamaged(
            "A record doesn't match its checksum: the journal or plan was damaged. Nothing was done with it."
        )
    try:
        return _zstd.decompressor.decompress(blob[5:])
    except zstandard.ZstdError as error:
        raise _unreadable(error) from error


def _unpack(blob: bytes, decoder: msgspec.msgpack.Decoder[_T]) -> _T:
    """The value of a blob. Raises JournalDamaged when it is of a newer version or damaged."""
    try:
        return decoder.decode(_body(blob))
    except msgspec.DecodeError as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> JournalDamaged:
    """What is raised for a blob whose checksum is right."""
    return JournalDamaged(f"A record can't be read: {error}. Nothing was done with it.")


def steps_naming(blob: bytes, path: bytes) -> Iterator[tuple[int, Step]]:
    """The steps of a batch in which ``path`` is found, mostly in one of their paths, each with its place in the batch.

    Msgpack keeps a path's bytes in one piece, so the others needn't be decoded and looked at: one search through the
    batch. Raises JournalDamaged as unpacking does.
    """
    body = _body(blob)
    at = body.find(path)
    if at < 0:
        return
    steps = _raw.decode(body)
    sizes = list(map(len, steps))
    ends = list(accumulate(sizes, initial=len(body) - sum(sizes)))
    while at >= 0:
        index = max(0, bisect_right(ends, at) - 1)
        yield index, _step.decode(steps[index])
        at = body.find(path, ends[index + 1])


def unpack_steps(blob: bytes) -> list[Step]:
    """The steps of a batch."""
    return _unpack(blob, _steps)


class PackedSteps:
    """A batch of which only the steps that are asked for are decoded; what stays packed can be packed again as it is."""

    def __init__(self, blob: bytes) -> None:
        """Take it apart. Raises JournalDamaged."""
        self.raw = _unpack(blob, _raw)

    def __len__(self) -> int:
        """How many steps there are."""
        return len(self.raw)

    def __getitem__(self, index: int) -> Step:
        """One step."""
        return _step.decode(self.raw[index])


def unpack_skips(blob: bytes) -> list[Skip]:
    """What was left alone."""
    return _unpack(blob, _skips)


def unpack_outcomes(blob: bytes) -> list[Outcome]:
    """The outcomes of a batch other than plainly done."""
    return _unpack(blob, _outcomes)


def unpack_folders(blob: bytes) -> list[Folder]:
    """The folders that a batch touched."""
    return _unpack(blob, _folders)


def chain(previous: bytes, *blobs: bytes) -> bytes:
    """The digest that ties a batch to the one before it."""
    digest = hashlib.blake2b(previous, digest_size=16)
    for blob in blobs:
        digest.update(len(blob).to_bytes(8, "big"))
        digest.update(blob)
    return digest.digest()
