"""From folders to groups of files with the same content, by a funnel of short stages.

scan → size → one name an inode → digest of beginning and end → digest of all.
When nothing has changed since an earlier search, what that one found is the answer. Each stage reads only what the one before couldn't tell apart, and nothing
whose digest is remembered. What changes while it is read, or can't be read,
equals nothing.
"""

from __future__ import annotations

import os
import sys
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import chain, compress
from operator import and_
from typing import TYPE_CHECKING, Final

import msgspec

from fileorganizer.classify.classifier import open_regular
from fileorganizer.duplicates import reader_child
from fileorganizer.duplicates.cache import KINDS, SAMPLES, DigestCache, quiet_before
from fileorganizer.duplicates.groups import Groups
from fileorganizer.duplicates.reader_child import (
    BLAKE3,
    CHANGED,
    DIGEST_BYTES,
    GONE,
    LINKED,
    LOOK,
    MESSAGE_BYTES,
    MOST_FOLDERS,
    PLAIN,
    PROGRESS_BYTES,
    READ,
    SAMPLE,
    SHA256,
)
from fileorganizer.duplicates.readers import Readers
from fileorganizer.duplicates.table import Part, Table, picked
from fileorganizer.errors import InvalidOption
from fileorganizer.fs import probe
from fileorganizer.fs.beneath import MAX_OPEN_FOLDERS, Root
from fileorganizer.fs.faults import faultpoint
from fileorganizer.model import Reason, Skip, joined
from fileorganizer.progress import Listener
from fileorganizer.scan.ignoring import Ignoring, in_use
from fileorganizer.scan.walker import Folder, Limits, Walker
from fileorganizer.settings import cache_dir

if TYPE_CHECKING:
    from fileorganizer.duplicates.alike import Alike

ALGORITHMS: Final = {"sha256": SHA256, "blake3": BLAKE3}
FILES_A_MESSAGE: Final = 400
LARGE_BYTES: Final = 1 << 20
"""A file from this size on is a message of its own: large ones are read side by side, the largest first."""
_FOLDERS_A_MESSAGE: Final = min(MOST_FOLDERS, MAX_OPEN_FOLDERS)
_NAMES_BYTES: Final = MESSAGE_BYTES - 40 * FILES_A_MESSAGE - 8_000
_SKIPPED: Final = {
    reader_child.LINK: Reason.SYMLINK,
    reader_child.SPECIAL: Reason.SPECIAL_FILE,
    reader_child.RECENT: Reason.RECENTLY_CHANGED,
    reader_child.UNSEEN: Reason.UNREADABLE,
    reader_child.UNDATED: Reason.NOT_SUPPORTED,
}

OnAnswer = Callable[[Sequence[range], int, bytes], None]
"""Takes the files of a message, when it was sent (ns), and its answer."""


class Search(msgspec.Struct, frozen=True):
    """What to search for, and how."""

    min_size: int = 1
    """Smaller files are left out; empty ones are all the same and waste nothing."""
    algorithm: str = "sha256"
    paranoid: bool = False
    """Compare byte by byte what has the same digest."""
    exclude: tuple[str, ...] = ()
    include_hidden: bool = False
    keep_together: bool = True
    """Leave projects and other folders that are one thing closed."""
    recursive: bool = True
    """Without it only the loose files of the root are searched."""
    quiet_seconds: float = 2.0
    reference_below: bytes | None = None
    """A folder inside the root whose files are references: kept, never touched."""


class Finder:
    """One search over a root and, if there is one, a reference root (side 1). ``run`` gives the groups."""

    def __init__(self, sides: Sequence[Root], search: Search, listener: Listener) -> None:
        """Nothing is read yet. Raises InvalidOption for an unknown algorithm."""
        if search.algorithm not in ALGORITHMS:
            raise InvalidOption(f"There is no digest {search.algorithm!r}. Choose {' or '.join(ALGORITHMS)}.")
        self._sides, self._search, self._listener = sides, search, listener
        self.table = Table()
        self._in = bytearray()
        """A byte a file: may it have copies, as far as is known?"""
        self._linked: dict[tuple[int, int], int] = {}
        self._outgoing = _Outgoing()
        self._references = False
        self.links: dict[int, list[int]] = {}
        """File → further names of its inode."""
        self.skips: list[Skip] = []
        self.nested_roots: list[bytes] = []
        self.unread: dict[int, Reason] = {}
        """Files that couldn't be read, or changed meanwhile: equal to nothing."""
        self.bytes_read = 0
        self.seconds: dict[str, float] = {}
        self._readers = Readers(self._on_progress, lambda: listener.stop_wanted)
        self._doubtful = {root.dev for root in sides if not probe.shows_changes(root)}
        """Devices on which the same state of a file doesn't mean the same content: nothing is remembered of them."""
        self._samples = DigestCache(cache_dir(), SAMPLES, without=self._doubtful)
        self._digests = DigestCache(cache_dir(), search.algorithm, without=self._doubtful)

    def run(self) -> Groups:
        """Search. Raises KeyboardInterrupt when the listener wants to stop: what was read by then is remembered."""
        with self._readers, self._samples, self._digests:
            self._started_ns = time.time_ns()
            self._timed("scan", self._scan)
            state = self._state()
            known = self._digests.recall_search(state) if state else None
            if known is not None:
                self._groups = Groups(self.table, self.links, self._search.algorithm)
                self._groups.restore(known)
                return self._groups
            self._sample_words = array("q", bytes(8 * len(self.table)))
            self._sampled = bytearray(len(self.table))
            self._timed("sample", self._sample)
            self._timed("digest", self._digest)
            if state and not self.unread:
                self._digests.remember_search(state, self._groups.packed())
        return self._groups

    def _state(self) -> bytes:
        """A digest of the state that all files are in; empty where the same state doesn't mean the same groups.

        With references, groups depend on more; ``paranoid`` has to compare anew; a file that was changed right before
        may have changed again since, and look the same. So may any file on a file system that doesn't show it.
        """
        table = self.table
        if self._references or self._search.paranoid or self._doubtful or not len(table):
            return b""
        if max(table.ctimes) > quiet_before(self._started_ns):
            return b""
        state = sha256(self._in)
        for column in table.columns:
            state.update(column)
        return state.digest()

    def _timed(self, name: str, stage: Callable[[], None]) -> None:
        """Run a stage and note its time."""
        started = time.monotonic()
        stage()
        self.seconds[name] = time.monotonic() - started
        faultpoint(f"duplicates.{name}")

    def _on_progress(self, count: int) -> None:
        """Bytes read within a large file."""
        self._listener.progress.bytes_processed += count
        self._listener.tick()

    # scan

    def _scan(self) -> None:
        """Every file of all sides into the table."""
        search = self._search
        self._listener.enter("scanning")
        for side, root in enumerate(self._sides):
            ignoring = Ignoring(search.exclude, include_hidden=search.include_hidden)
            walker = Walker(root, ignoring, Limits(search.recursive, None, search.keep_together))
            for folder in walker.walk():
                self._folder(side, folder)
                self._listener.progress.current_path = folder.path
                self._listener.tick()
            if side == 0:
                self.nested_roots = walker.nested_roots
            self._send_names()
            self._readers.drain()
        self._in_order()

    def _in_order(self) -> None:
        """Give the files numbers that don't depend on which process answered first; the first name of an inode stands for it.

        One in a reference goes first: then the file is a reference under whatever other names it has, too.
        """
        table = self.table
        moved = table.sort(self._in)
        found = {moved(file): list(map(moved, others)) for file, others in self.links.items()}
        self.links = {}
        for file, others in found.items():
            first, *rest = sorted((file, *others), key=lambda name: (not table.place_of(name).is_reference, name))
            self._in[file], self._in[first] = 0, self._in[file]
            self.links[first] = rest

    def _folder(self, side: int, folder: Folder) -> None:
        """Have the files of a folder looked at."""
        if side == 0:
            self.skips += folder.skips
        if folder.fd < 0:
            return
        left = folder.names_left | folder.folders
        guards = [skip.path.rpartition(b"/")[2] for skip in folder.skips if skip.reason == Reason.UNFINISHED]
        if guards:
            guarded = in_use(guards, set(folder.names)) - left
            self.skips += [Skip(joined(folder.path, name), Reason.UNFINISHED) for name in sorted(guarded)]
            left |= guarded
        names = [name for name in folder.names if name not in left] if left else folder.names
        if not names:
            return
        place = self.table.add_place(side, folder.path, is_reference=self._is_reference(side, folder.path))
        for start in range(0, len(names), FILES_A_MESSAGE):
            part = names[start : start + FILES_A_MESSAGE]
            if not self._outgoing.has_room(part):
                self._send_names()
            self._outgoing.add(place, part, folder.fd)

    def _is_reference(self, side: int, folder: bytes) -> bool:
        """Are the files of this folder never to be touched?"""
        below = self._search.reference_below
        found = side == 1 or (below is not None and (folder == below or folder.startswith(below + b"/")))
        self._references |= found
        return found

    def _send_names(self) -> None:
        """Have the collected names looked at."""
        outgoing, self._outgoing = self._outgoing, _Outgoing()
        if not outgoing.folders:
            return
        now, quiet = time.time_ns(), int(self._search.quiet_seconds * 1e9)
        # it may take a moment until they are looked at
        times = (now - quiet, now + quiet)
        head = bytes((LOOK,)) + b"".join(time_ns.to_bytes(8, sys.byteorder, signed=True) for time_ns in times)
        folders = outgoing.folders
        try:
            self._readers.ask(head + outgoing.joined(), outgoing.fds, lambda found: self._looked_at(folders, found))
        finally:
            for fd in outgoing.fds:
                os.close(fd)

    def _looked_at(self, folders: list[tuple[int, list[bytes]]], found: bytes) -> None:
        """Take over what was seen of the names of some folders."""
        total = sum(len(names) for _, names in folders)
        states, columns = found[:total], found[total:]
        first, width = len(self.table), len(columns) // 5
        for number, column in enumerate(self.table.columns):
            column.frombytes(columns[number * width : (number + 1) * width])
        count = len(self.table) - first
        self._in += b"\1" * count
        at = 0
        for place, names in folders:
            own = states[at : at + len(names)]
            at += len(names)
            if any(own):
                names = self._sorted_out(place, names, own)
            self.table.add_chunk(place, names)
        smallest = self._search.min_size
        sizes = self.table.sizes[first:]
        if count and min(sizes) < smallest:
            self._in[first:] = bytes(map(and_, self._in[first:], map(smallest.__le__, sizes)))
        self._listener.progress.files_scanned += count

    def _sorted_out(self, place: int, names: list[bytes], states: bytes) -> list[bytes]:
        """Those of the names that are regular files; further names of one inode are noted as such, the rest as left alone."""
        regular: list[bytes] = []
        first = self.table.next_number
        folder = self.table.places[place]
        for name, state in zip(names, states, strict=True):
            if state == LINKED:
                file = first + len(regular)
                earlier = self._linked.setdefault(self.table.inode_of(file), file)
                if earlier != file:
                    self.links.setdefault(earlier, []).append(file)
                    self._in[file] = 0
            if state in (PLAIN, LINKED):
                regular.append(name)
            elif state != GONE and folder.side == 0:
                self.skips.append(Skip(joined(folder.path, name), _SKIPPED[state]))
        return regular

    # sizes, beginnings and ends

    def _sample(self) -> None:
        """Digests of beginning and end for all files that share their size with another."""
        from fileorganizer.duplicates.alike import sharing_size

        chosen = sharing_size(self.table, self._in, self._reference_flags())
        self._recall_samples(chosen)
        self._listener.enter("hashing", chosen.count(1), "beginnings and ends")
        for pick in self.table.picks(chosen, FILES_A_MESSAGE, _NAMES_BYTES, _FOLDERS_A_MESSAGE):
            self._ask(SAMPLE, pick, self._have_sampled)
        self._readers.drain()
        self._samples.flush()

    def _reference_flags(self) -> bytearray | None:
        """A byte a file: is it a reference? None where nothing is."""
        return self.table.references() if self._references else None

    def _recall_samples(self, chosen: bytearray) -> None:
        """Take the digests that are remembered; these files aren't chosen any more."""
        if self._samples.is_empty:
            return
        samples, sampled = self._sample_words, self._sampled
        for file, words, at in self._samples.recall(self._chosen_rows(chosen)):
            samples[file] = words[at]
            sampled[file] = 1
        known = int.from_bytes(sampled, "little")  # all bytes at once
        chosen[:] = (int.from_bytes(chosen, "little") & ~known).to_bytes(len(chosen), "little")

    def _chosen_rows(self, chosen: bytearray) -> Iterator[tuple[int, int, int, int, int, int]]:
        """Number, dev, ino, size, mtime and ctime of the chosen files."""
        table = self.table
        return compress(zip(range(len(table)), *table.columns, strict=True), bytes(chosen))

    def _set_samples(self, runs: Sequence[range], digests: bytes) -> None:
        """Note digests of beginning and end."""
        words, at = array("q", digests), 0
        for run in runs:
            self._sample_words[run.start : run.stop] = words[at : at + len(run)]
            self._sampled[run.start : run.stop] = b"\1" * len(run)
            at += len(run)

    def _ask(self, kind: int, pick: list[Part], on_answer: OnAnswer) -> None:
        """Have files read. Those in a folder that can't be opened any more equal nothing."""
        parts: list[Part] = []
        fds: list[int] = []
        try:
            for part in pick:
                place = self.table.places[part.place]
                try:
                    fds.append(self._sides[place.side].open_folder(place.path))
                    parts.append(part)
                except OSError:
                    self.unread.update(dict.fromkeys(part.files, Reason.CHANGED))
            if parts:
                self._send(kind, parts, fds, on_answer)
        finally:
            for fd in fds:
                os.close(fd)

    def _send(self, kind: int, parts: list[Part], fds: list[int], on_answer: OnAnswer) -> None:
        """The same, with the folders opened."""
        table = self.table
        runs = parts[0].runs if len(parts) == 1 else [run for part in parts for run in part.runs]
        wanted = (table.sizes,) if kind == SAMPLE else (table.sizes, table.inodes, table.mtimes, table.ctimes)
        message = reader_child.request(kind, picked(wanted, runs), b"/".join(part.names for part in parts))
        read_at = time.time_ns()

        def answered(found: bytes) -> None:
            progress, count = self._listener.progress, int.from_bytes(found[-8:], sys.byteorder)
            files = sum(map(len, runs))
            progress.files_processed += files
            # of a large file, which is asked for alone, all but the rest was told by _on_progress
            progress.bytes_processed += count % PROGRESS_BYTES if files == 1 else count
            on_answer(runs, read_at, found)
            self._listener.tick()

        self._readers.ask(message, fds, answered)

    def _have_sampled(self, runs: Sequence[range], read_at: int, found: bytes) -> None:
        """Take over digests of beginning and end."""
        runs, digests = self._read_ones(runs, found, KINDS[SAMPLES])
        self._set_samples(runs, digests)
        self._keep(self._samples, runs, digests, read_at)

    def _read_ones(self, runs: Sequence[range], found: bytes, width: int) -> tuple[Sequence[range], bytes]:
        """Of an answer (a state a file, digests of ``width`` bytes, bytes read) the files that were read, and their digests."""
        count = sum(map(len, runs))
        states, digests = found[:count], found[count : (1 + width) * count]
        self.bytes_read += int.from_bytes(found[(1 + width) * count :], sys.byteorder)
        if not any(states):
            return runs, digests
        for file, state in zip(chain.from_iterable(runs), states, strict=True):
            if state != READ:
                self.unread[file] = Reason.CHANGED if state == CHANGED else Reason.UNREADABLE
        read = [state == READ for state in states]
        rows = (digests[at : at + width] for at in range(0, len(digests), width))
        return _kept(runs, read), b"".join(compress(rows, read))

    def _keep(self, cache: DigestCache, runs: Sequence[range], digests: bytes, read_at: int) -> None:
        """Remember digests of these files."""
        if runs:
            cache.keep(picked(self.table.columns, runs), digests, read_at=read_at)

    # whole contents

    def _digest(self) -> None:
        """Digests of whole contents for all files that beginning and end don't tell from another."""
        from fileorganizer.duplicates.alike import sharing_sample

        table = self.table
        alike = sharing_sample(self._sample_words, self._sampled, table, self._reference_flags())
        slots, chosen = array("L", bytes(array("L").itemsize * len(table))), bytearray(len(table))
        for slot, file in enumerate(alike.members):
            slots[file], chosen[file] = slot, 1
        self._slots = slots
        self._whole = bytearray(DIGEST_BYTES * len(alike.members))
        self._have = bytearray(len(alike.members))
        self._recall_digests(chosen)
        self._listener.enter("hashing", chosen.count(1), "whole contents")
        kind = ALGORITHMS[self._search.algorithm]
        for file in self._large(chosen):
            chosen[file] = 0
            self._ask(kind, [table.part_of(file)], self._have_digested)
        for pick in table.picks(chosen, FILES_A_MESSAGE, _NAMES_BYTES, _FOLDERS_A_MESSAGE):
            self._ask(kind, pick, self._have_digested)
        self._readers.drain()
        self._digests.flush()
        self._groups = self._grouped(alike)

    def _recall_digests(self, chosen: bytearray) -> None:
        """Take the digests that are remembered."""
        if not self._digests.is_empty:
            for file, words, at in self._digests.recall(self._chosen_rows(chosen)):
                self._set_digest(file, words[at : at + DIGEST_BYTES // 8].tobytes())
                chosen[file] = 0

    def _set_digest(self, file: int, digest: bytes) -> None:
        """Note the digest of a file."""
        slot = self._slots[file]
        self._whole[slot * DIGEST_BYTES : (slot + 1) * DIGEST_BYTES] = digest
        self._have[slot] = 1

    def _large(self, chosen: bytearray) -> list[int]:
        """The large files among the chosen, the largest first."""
        sizes = self.table.sizes
        large = [file for file in compress(range(len(chosen)), bytes(chosen)) if sizes[file] >= LARGE_BYTES]
        return sorted(large, key=lambda file: -sizes[file])

    def _have_digested(self, runs: Sequence[range], read_at: int, found: bytes) -> None:
        """Take over digests of whole contents."""
        runs, digests = self._read_ones(runs, found, DIGEST_BYTES)
        for number, file in enumerate(chain.from_iterable(runs)):
            self._set_digest(file, digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES])
        self._keep(self._digests, runs, digests, read_at)

    def _grouped(self, alike: Alike) -> Groups:
        """Files with the same digest; with ``paranoid`` only those that have the same bytes, too."""
        groups = Groups(self.table, self.links, self._search.algorithm)
        whole, have, sizes = self._whole, self._have, self.table.sizes
        for start, end in alike.bounds():
            found: dict[tuple[bytes, int], list[int]] = {}
            for slot in range(start, end):
                if have[slot]:
                    file = alike.members[slot]
                    digest = bytes(whole[slot * DIGEST_BYTES : (slot + 1) * DIGEST_BYTES])
                    found.setdefault((digest, sizes[file]), []).append(file)
            for (digest, _), files in found.items():
                for same in self._compared(files) if self._search.paranoid else (files,):
                    references = sum(self.table.place_of(file).is_reference for file in same) if self._references else 0
                    if len(same) > 1 and references < len(same):
                        groups.add(digest, same, references)
        return groups

    def _compared(self, files: list[int]) -> Iterator[list[int]]:
        """Files parted by their bytes: each is compared with the first of every part found so far."""
        parts: list[list[int]] = []
        for file in files:
            if self._listener.stop_wanted:
                raise KeyboardInterrupt
            for part in parts:
                if self._has_same_bytes(part[0], file):
                    part.append(file)
                    break
            else:
                parts.append([file])
        yield from parts

    def _has_same_bytes(self, one: int, other: int) -> bool:
        """Do two files hold the same bytes now? Unreadable ones equal nothing."""
        opened: list[int] = []
        try:
            for file in (one, other):
                place = self.table.place_of(file)
                opened.append(open_regular(*self._sides[place.side].parent(self.table.path_of(file))))
            while block := os.read(opened[0], 1 << 20):
                if block != os.read(opened[1], 1 << 20):
                    return False
                self.bytes_read += 2 * len(block)
            return not os.read(opened[1], 1)
        except OSError:
            return False
        finally:
            for fd in opened:
                os.close(fd)


class _Outgoing:
    """Names collected for one message."""

    def __init__(self) -> None:
        self.folders: list[tuple[int, list[bytes]]] = []
        self.fds: list[int] = []
        self._parts: list[bytes] = []
        self._files = self._bytes = 0

    def has_room(self, names: list[bytes]) -> bool:
        """Do these names still fit?"""
        return (
            self._files + len(names) <= FILES_A_MESSAGE
            and self._bytes <= _NAMES_BYTES // 2
            and len(self.fds) < _FOLDERS_A_MESSAGE
        )

    def add(self, place: int, names: list[bytes], fd: int) -> None:
        """Take names of an open folder; its descriptor is duplicated."""
        self.folders.append((place, names))
        self.fds.append(os.dup(fd))
        self._parts.append(b"\0".join(names))
        self._files += len(names)
        self._bytes += len(self._parts[-1])

    def joined(self) -> bytes:
        """The names as they go into a message."""
        return b"/".join(self._parts)


def _kept(runs: Sequence[range], wanted: list[bool]) -> list[range]:
    """Those of the files that are wanted, as runs."""
    return [range(file, file + 1) for file in compress(chain.from_iterable(runs), wanted)]
