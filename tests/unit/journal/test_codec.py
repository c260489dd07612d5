"""Blobs are read back as they were, or refused."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import zstandard

from fileorganizer.errors import JournalDamaged
from fileorganizer.journal import codec
from fileorganizer.model import Facts, Folder, Identity, Outcome, Reason, Skip, Step, StepKind

SEEN = Identity(1, 2, 3, 4, 5, 0o100644)
VALUES = [
    ([Step(StepKind.MOVE, b"a\xff\n", b"B/a\xff\n", SEEN, facts=Facts(1, 2, 3, "image/png", 1))], codec.unpack_steps),
    ([Step(StepKind.MKDIR, b"", b"x", None, restores=Folder(0, b"x", 1, 2, 3, 4, 5, 6, (("user.k", b"v"),)))], codec.unpack_steps),
    ([Skip(b"x", 1, 2, 3, "why")], codec.unpack_skips),
    ([Outcome(0, 1, 30, "words", SEEN)], codec.unpack_outcomes),
    ([Folder(1, b"", 1, 2, 3, 4, 5, 6)], codec.unpack_folders),
    ([], codec.unpack_steps),
]  # fmt: skip


@pytest.mark.parametrize(("value", "unpack"), VALUES)
def test_there_and_back(value: object, unpack: object) -> None:
    """Every kind of list comes back equal."""
    assert unpack(codec.pack(value)) == value  # type: ignore[operator]  # one of the four readers


def _sealed(body: bytes) -> bytes:
    """A blob with a right version and checksum, whatever is in it."""
    return bytes((codec.VERSION,)) + zlib.crc32(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (b"", "version none"),
        (b"\x09" + codec.pack([])[1:], "version 9"),
        (codec.pack([])[:-1], "checksum"),
        (codec.pack([])[:3], "checksum"),
        (_sealed(b"no zstd"), "can't be read"),
        (_sealed(zstandard.compress(b"\xc1")), "can't be read"),
        (_sealed(zstandard.compress(msgspec.msgpack.encode([["text", 1]]))), "can't be read"),
    ],
)
def test_damage_is_refused(blob: bytes, words: str) -> None:
    """A newer version, a changed byte, a cut, and garbage under a right checksum."""
    with pytest.raises(JournalDamaged, match=words):
        codec.unpack_steps(blob)


def test_each_changed_byte_is_noticed() -> None:
    """Wherever it is."""
    blob = codec.pack(VALUES[0][0])
    for at in range(len(blob)):
        with pytest.raises(JournalDamaged):
            codec.unpack_steps(blob[:at] + bytes((blob[at] ^ 1,)) + blob[at + 1 :])


def test_steps_that_name_a_path() -> None:
    """Each step that holds the bytes, once and with its place, in short and in long batches; none where nothing does."""
    for many in (1, 3, 15, 16, 70_000):
        steps = [
            Step(StepKind.MOVE, b"in/%d" % number, b"to/%d/x/%d" % (number % 7, number), SEEN) for number in range(many)
        ]
        blob = codec.pack(steps)
        for path in (b"/3/", b"in/0", b"in/1", b"/2/x/2", b"/5/x/69999", b"/6/x/0", b"nowhere"):
            wanted = [(at, step) for at, step in enumerate(steps) if path in step.source or path in step.target]
            assert list(codec.steps_naming(blob, path)) == wanted
    assert list(codec.steps_naming(codec.pack([]), b"x")) == []


def test_a_chain_knows_order_and_bounds() -> None:
    """Swapped, joined or left out: another digest."""
    digests = {codec.chain(b"p", *parts) for parts in ((b"a", b"b"), (b"b", b"a"), (b"ab",), (b"ab", b""), (b"a",), ())}
    assert len(digests | {codec.chain(b"q", b"a", b"b")}) == 7


def test_several_threads_unpack_at_once() -> None:
    """As the server's do, which look into plans and journals for many people: each gets what was packed."""
    batches = [[Skip(b"%d/%d" % (batch, number), Reason.HIDDEN) for number in range(20_000)] for batch in range(4)]
    blobs = [codec.pack(batch) for batch in batches]

    def unpacked(number: int) -> bool:
        return codec.unpack_skips(codec.pack(codec.unpack_skips(blobs[number % 4]))) == batches[number % 4]

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(unpacked, range(40)))
