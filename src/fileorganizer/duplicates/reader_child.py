"""Looking at files and reading them, one message a chunk of names: in this process, or in one of its own.

Run by its path, isolated (``python -I -S``), by ``readers.Readers``: it gets each
folder as an open descriptor and opens nothing but single names in it, never
through a link, never waiting for a FIFO. It changes nothing.

A request is one byte kind, then for LOOK two times of eight bytes, for SAMPLE and
the digests four bytes of a count and the expected files as columns; at the end
the names, those of one folder joined by NUL, the folders by ``/``. Numbers are in
the machine's own order.
"""

from __future__ import annotations

import hashlib
import os
import resource
import socket
import stat
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

LOOK, SAMPLE, SHA256, BLAKE3, PROGRESS = range(5)
"""Kinds of requests: stat; digest of the beginning and end; digest of all, by two algorithms. PROGRESS: an answer between."""
PLAIN, LINKED, GONE, LINK, SPECIAL, RECENT, UNSEEN, UNDATED = range(8)
"""What LOOK saw: a regular file with one name, with several; nothing; a symbolic link; something else; changed just now;
an error; a time before 1677 or after 2262, which has no room in a column."""
READ, CHANGED, UNREADABLE = range(3)
"""What became of a file that was to be read."""
SAMPLE_BYTES: Final = 4_096
"""What is read of a larger file's beginning, and of its end."""
WHOLE_BYTES: Final = 16_384
"""A file up to this size is read whole by SAMPLE: one read costs less than two."""
DIGEST_BYTES: Final = 32
BLOCK_BYTES: Final = 1 << 18
PROGRESS_BYTES: Final = 1 << 26
MESSAGE_BYTES: Final = 100_000
"""Longest request; a packet socket takes 212,992 bytes by default (net.core.wmem_default)."""
MOST_FOLDERS: Final = 200
"""Descriptors in one request; the kernel takes up to 253."""
AHEAD: Final = 64
"""How many files are asked of a cold disk at once."""
TOUCHING: Final = 4
"""How many threads ask it for inodes, which can't be asked for ahead."""

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_QUIETLY: Final = _FLAGS | getattr(os, "O_NOATIME", 0)
_REGULAR: Final = stat.S_IFREG >> 12
_SIGNED: Final = 1 << 63

Place = tuple[int, bytes]
"""An open folder and a name in it."""
Sampled = tuple[bytearray, "array[int]", int]
"""States, digests, bytes read."""
Report = Callable[[int], None]
"""Is told how many bytes of a large file were read so far."""


def _nobody(_count: int) -> None:
    """Tell nobody."""


def split_names(joined: bytes) -> list[list[bytes]]:
    """The names of each folder of a request."""
    return [part.split(b"\0") for part in joined.split(b"/")]


def answer(message: bytes, folders: Sequence[int], report: Report = _nobody) -> bytes:
    """Do what a message asks for in the open ``folders``. One bad file is a state in the answer, never an error."""
    kind = message[0]
    if kind == LOOK:
        return _look(message, folders)
    count = int.from_bytes(message[1:5], sys.byteorder)
    columns = [array(code) for code in ("q" if kind == SAMPLE else "qQqq")]
    at = 5
    for column in columns:
        column.frombytes(message[at : at + 8 * count])
        at += 8 * count
    names = split_names(message[at:])
    places = [(fd, name) for fd, some in zip(folders, names, strict=True) for name in some]
    return _sample(places, columns[0]) if kind == SAMPLE else _digest(kind, places, columns, report)


def request(kind: int, columns: Sequence[array[int]], names: bytes) -> bytes:
    """A message for SAMPLE (column size) or a digest (columns size, inode, mtime, ctime)."""
    count = len(columns[0]).to_bytes(4, sys.byteorder)
    return b"".join((bytes((kind,)), count, *(column.tobytes() for column in columns), names))


def _disk_reads() -> int:
    """How many blocks this process has had to fetch from a disk."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_inblock


_cold = False
"""Did the last chunk come from the disk? Then the next is asked for ahead."""


def _touch(places: list[Place]) -> None:
    """Have inodes read from a cold disk by several threads at once, so that its queue is fuller."""
    from threading import Thread

    def touch(some: list[Place]) -> None:
        for fd, name in some:
            try:
                os.stat(name, dir_fd=fd, follow_symlinks=False)
            except OSError:
                pass  # whoever looks for the answer will see

    threads = [Thread(target=touch, args=(places[number::TOUCHING],)) for number in range(TOUCHING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _look(message: bytes, folders: Sequence[int]) -> bytes:
    """States of all names, then dev, ino, size, mtime, ctime of the regular files among them, each a column."""
    quiet_until = int.from_bytes(message[1:9], sys.byteorder, signed=True)
    quiet_from = int.from_bytes(message[9:17], sys.byteorder, signed=True)
    global _cold
    before = _disk_reads()
    places = split_names(message[17:])
    if _cold:
        _touch([(fd, name) for fd, names in zip(folders, places, strict=True) for name in names])
    states = bytearray()
    regular: list[os.stat_result] = []
    look, note, keep = os.stat, states.append, regular.append
    for fd, names in zip(folders, places, strict=True):
        for name in names:
            try:
                found = look(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                note(GONE)
                continue
            except OSError:
                note(UNSEEN)
                continue
            if found.st_mode >> 12 != _REGULAR:
                note(LINK if stat.S_ISLNK(found.st_mode) else SPECIAL)
            elif quiet_until < found.st_mtime_ns <= quiet_from:
                note(RECENT)
            elif not -_SIGNED <= found.st_mtime_ns < _SIGNED:
                note(UNDATED)
            else:
                note(LINKED if found.st_nlink > 1 else PLAIN)
                keep(found)
    _cold = _disk_reads() > before
    columns = (
        array("Q", [one.st_dev for one in regular]),
        array("Q", [one.st_ino for one in regular]),
        array("q", [one.st_size for one in regular]),
        array("q", [one.st_mtime_ns for one in regular]),
        array("q", [one.st_ctime_ns for one in regular]),
    )
    return b"".join((states, *(column.tobytes() for column in columns)))


def _open(fd: int, name: bytes) -> int:
    """A descriptor for reading, without a new access time where the system allows that."""
    try:
        return os.open(name, _QUIETLY, dir_fd=fd)
    except PermissionError:  # O_NOATIME is for the owner only
        return os.open(name, _FLAGS, dir_fd=fd)


def _sample(places: list[Place], sizes: array[int]) -> bytes:
    """A state a file, an eight-byte digest of size, beginning and end a file, and the bytes that were read.

    Whether it is still the file that was looked at isn't asked: that costs as
    much as reading it, and nothing is claimed before the whole digest asks.
    """
    global _cold
    before = _disk_reads()
    states, digests, total = _sampled_ahead(places, sizes) if _cold else _sampled(places, sizes)
    _cold = _disk_reads() > before
    return b"".join((states, digests.tobytes(), total.to_bytes(8, sys.byteorder)))


def _sampled(places: list[Place], sizes: array[int]) -> Sampled:
    """One file after the other. This loop runs once a file and is written for speed."""
    from xxhash import xxh3_64_intdigest

    read, close, open_file, flags = os.read, os.close, os.open, _QUIETLY
    states, digests, total = bytearray(len(places)), array("Q"), 0
    keep = digests.append
    for (fd, name), size in zip(places, sizes, strict=True):
        try:
            try:
                file = open_file(name, flags, dir_fd=fd)
            except PermissionError:
                file = open_file(name, _FLAGS, dir_fd=fd)
            try:
                block = read(file, size + 1) if size <= WHOLE_BYTES else _ends(file, size)
            finally:
                close(file)
        except OSError as error:
            states[len(digests)] = _failed(error)
            keep(0)
            continue
        if len(block) != size and size <= WHOLE_BYTES:
            states[len(digests)] = CHANGED
        total += len(block)
        keep(xxh3_64_intdigest(block, size))
    return states, digests, total


def _failed(error: OSError) -> int:
    """The state of a file that the system didn't let us read."""
    return CHANGED if isinstance(error, FileNotFoundError) else UNREADABLE


def _ends(file: int, size: int) -> bytes:
    """The beginning and the end of a large file."""
    return os.pread(file, SAMPLE_BYTES, 0) + os.pread(file, SAMPLE_BYTES, size - SAMPLE_BYTES)


def _sampled_ahead(places: list[Place], sizes: array[int]) -> Sampled:
    """The same for files that come from the disk: many are asked for before the first is read, so that its queue is full."""
    from xxhash import xxh3_64_intdigest

    states, digests, total = bytearray(len(places)), array("Q", bytes(8 * len(places))), 0
    for start in range(0, len(places), AHEAD):
        opened: list[tuple[int, int]] = []
        try:
            for index in range(start, min(start + AHEAD, len(places))):
                states[index], file = _asked_for(places[index], sizes[index])
                if file >= 0:
                    opened.append((index, file))
            for index, file in opened:
                states[index], block = _read_sample(file, sizes[index])
                digests[index] = xxh3_64_intdigest(block, sizes[index])
                total += len(block)
        finally:
            for _, file in opened:
                os.close(file)
    return states, digests, total


def _asked_for(place: Place, size: int) -> tuple[int, int]:
    """Open a file and ask the disk for what will be read of it; state and descriptor, -1 when there is none."""
    try:
        file = _open(*place)
    except OSError as error:
        return _failed(error), -1
    if size <= WHOLE_BYTES:
        os.posix_fadvise(file, 0, size, os.POSIX_FADV_WILLNEED)
    else:
        os.posix_fadvise(file, 0, SAMPLE_BYTES, os.POSIX_FADV_WILLNEED)
        os.posix_fadvise(file, size - SAMPLE_BYTES, SAMPLE_BYTES, os.POSIX_FADV_WILLNEED)
    return READ, file


def _read_sample(file: int, size: int) -> tuple[int, bytes]:
    """State and what was read of an open file."""
    try:
        block = os.read(file, size + 1) if size <= WHOLE_BYTES else _ends(file, size)
    except OSError:
        return UNREADABLE, b""
    return (CHANGED if len(block) != size and size <= WHOLE_BYTES else READ), block


def _hasher(kind: int) -> Any:
    """An empty digest of 32 bytes."""
    if kind == SHA256:
        return hashlib.sha256()
    from blake3 import blake3

    return blake3()


def _digest(kind: int, places: list[Place], columns: list[array[int]], report: Report) -> bytes:
    """A state a file, a digest of the whole content a file, and the bytes that were read."""
    states, digests, total = bytearray(), [], 0
    for place, size, inode, mtime, ctime in zip(places, *columns, strict=True):
        state, digest, count = _digest_of(kind, place, (inode, size, mtime, ctime), report)
        states.append(state)
        digests.append(digest)
        total += count
    return b"".join((states, *digests, total.to_bytes(8, sys.byteorder)))


def _digest_of(kind: int, place: Place, seen: tuple[int, int, int, int], report: Report) -> tuple[int, bytes, int]:
    """State, digest and bytes read of one file: only the one that was seen, only if nobody changed it until its end."""
    hasher, total = _hasher(kind), 0
    try:
        file = _open(*place)
        try:
            for block in _blocks(file, seen[1]):
                hasher.update(block)
                total += len(block)
                if not total % PROGRESS_BYTES:
                    report(PROGRESS_BYTES)
            now = os.fstat(file)
        finally:
            os.close(file)
    except OSError as error:
        return _failed(error), bytes(DIGEST_BYTES), total
    if total != seen[1] or (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns) != seen:
        return CHANGED, bytes(DIGEST_BYTES), total
    return READ, hasher.digest(), total


def _blocks(file: int, size: int) -> Iterator[bytes]:
    """A file's content, at most one byte more than it should have."""
    left = size + 1
    while left > 0 and (block := os.read(file, min(BLOCK_BYTES, left))):
        left -= len(block)
        yield block


def serve(connection: socket.socket) -> None:
    """Answer until the other end hangs up."""

    def report(count: int) -> None:
        connection.send(bytes((PROGRESS,)) + count.to_bytes(8, sys.byteorder))

    while True:
        message, folders, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, MOST_FOLDERS)
        try:
            if not message:
                return
            connection.send(b"\xff" + answer(message, folders, report))
        finally:
            for fd in folders:
                os.close(fd)


def main() -> None:
    """Serve on the socket that is standard input; the folders with the digest packages are the arguments."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C and hangs up
    sys.path.extend(sys.argv[1:])
    try:
        serve(socket.socket(fileno=0))
    except (BrokenPipeError, ConnectionResetError):
        pass  # the parent is gone


if __name__ == "__main__":
    main()
