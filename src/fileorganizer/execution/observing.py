"""What is on disk now, as facts for planning: entries with their category and date, and what is in the way."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack
from typing import Final

import msgspec

from fileorganizer.classify import playlists
from fileorganizer.classify.by_content import content_type
from fileorganizer.classify.classifier import open_regular, read_head
from fileorganizer.classify.date_reader import DateReader
from fileorganizer.classify.dates import name_date, wall_clock
from fileorganizer.fs.beneath import MAX_OPEN_FOLDERS, Root
from fileorganizer.fs.identity import EARLIEST, LATEST, identity_of, unchanged_since
from fileorganizer.model import DateSource, Entry, Facts, Identity, Options, Reason, Skip, Step, joined
from fileorganizer.planning.companions import companions
from fileorganizer.planning.conflicts import Occupant
from fileorganizer.planning.planner import Draft, Seen
from fileorganizer.rules.matching import Matcher
from fileorganizer.rules.syntax import RuleSet
from fileorganizer.scan import walker
from fileorganizer.scan.ignoring import FORK, JUNK, Ignoring, in_use
from fileorganizer.scan.open_files import open_for_writing

DATED_CATEGORIES: Final = frozenset({"Images", "Videos", "Audio"})
"""Categories whose files carry a date of their own."""
_HOLDING: Final = (Reason.EXCLUDED, Reason.UNFINISHED)
_DATES_AT_ONCE: Final = MAX_OPEN_FOLDERS
"""So many files are open at once for their dates; a scan has fewer folders open than that."""
_REGULAR: Final = stat.S_IFREG >> 12
_DOT: Final = 0x2E
_MOST_TAILS: Final = 10_000
MAX_LINKS: Final = 10_000
"""So many links, and so many entries of playlists, are remembered."""
_SYNC_MARKERS: Final = {
    b".stfolder": "Syncthing",
    b".dropbox": "Dropbox",
    b".dropbox.cache": "Dropbox",
    b".owncloudsync.log": "ownCloud",
    b".nextcloudsync.log": "Nextcloud",
    b".tmp.drivedownload": "Google Drive",
}
"""What sync clients leave at the top of a folder that they sync."""


class Observer:
    """Looks at every file that a plan is about, and feeds a draft with what it saw."""

    def __init__(self, root: Root, options: Options, rules: RuleSet, ignoring: Ignoring) -> None:
        """``rules`` decide categories; days are those of the system's time zone. Nothing is read yet."""
        self._root, self._options, self._ignoring = root, options, ignoring
        self._reader = DateReader() if options.dates == "auto" else None
        self._matcher = Matcher(rules)
        self._dated = {i for i, c in enumerate(rules.categories) if c.name in DATED_CATEGORIES}
        self._now = time.time_ns()
        self._busy = open_for_writing()
        self._extensions = tuple("." + e.lower().lstrip(".") for e in options.extensions)
        limits = (options.min_size, options.max_size, options.modified_after, options.modified_before)
        self._filters = bool(self._extensions) or any(limit is not None for limit in limits)
        self._busy_inodes = {inode for _, inode in self._busy}
        self._decided: dict[bytes, int | None] = {}
        """Tail of a name (all from the first dot on) → its category, where the name alone decides."""
        self.mismatched = 0
        self.link_targets: set[bytes] = set()
        """Where symbolic links inside the root point, relative to the root: moving that would break them."""
        self.listed: set[bytes] = set()
        """What playlists inside the root name, and those of them that name something by its place beside them."""
        self.catalogues = 0

    def close(self) -> None:
        """End the process that reads dates."""
        if self._reader is not None:
            self._reader.close()

    @property
    def dates_given_up(self) -> bool:
        """Reading photo headers failed again and again: dates are those of names and files from some point on."""
        return self._reader is not None and self._reader.given_up

    def look_into(self, folder: walker.Folder, draft: Draft) -> None:
        """One folder: what is left alone, families, then single files chunk by chunk."""
        self._now = time.time_ns()  # a scan may take minutes: what is written meanwhile isn't dated in the future
        if folder.fd < 0:
            draft.skips.extend(folder.skips)
            draft.scanned += len(folder.skips)
            return
        self._leave_guarded(folder)
        self._take_forks(folder)
        leaders = self._leaders(folder)
        self.catalogues += len(playlists.CATALOGUE_NAMES.intersection(folder.names))
        junk_names = [name for name in folder.names if name in JUNK]
        draft.enter(folder.path, folder.seen, folder.count, folder.skips, list(walker.entries(folder, junk_names)))
        draft.count(len(folder.skips), 0)
        if leaders:
            self._families(folder, leaders, draft)
        left = folder.names_left | folder.folders
        singles = [name for name in folder.names if name not in leaders and name not in left]
        for start in range(0, len(singles), walker.CHUNK):
            self._singles(folder, singles[start : start + walker.CHUNK], draft)

    def _leaders(self, folder: walker.Folder) -> dict[bytes, bytes]:
        """The members of families and who leads them, among them names that are excluded or in use.

        A folder that is a piece of a page goes with it, however deep it lies.
        """
        deep = {skip.path.rpartition(b"/")[2]: skip for skip in folder.skips if skip.reason == Reason.TOO_DEEP}
        names = folder.names
        if left := folder.names_left - deep.keys() - _held(folder):
            names = [name for name in names if name not in left]
        leaders = companions(names, folder.folders)
        for name in deep.keys() & leaders.keys():
            folder.skips.remove(deep[name])
        return leaders

    def _families(self, folder: walker.Folder, leaders: dict[bytes, bytes], draft: Draft) -> None:
        """Families, each with its leader first."""
        held = _held(folder)
        families: dict[bytes, list[bytes]] = {}
        for member, leader in leaders.items():
            members = families.setdefault(leader, [])
            members.insert(0, member) if member == leader else members.append(member)
        for members in families.values():
            folder.names_left.update(folder.folders.intersection(members))
            self._family(folder, members, held, draft)

    def _leave_guarded(self, folder: walker.Folder) -> None:
        """Leave what an unfinished file beside it shows to be still written: ``film.mkv`` beside ``film.mkv.part``."""
        guards = [skip.path.rpartition(b"/")[2] for skip in folder.skips if skip.reason == Reason.UNFINISHED]
        guarded = in_use(guards, set(folder.names)) - folder.names_left - folder.folders if guards else set()
        folder.skips += [Skip(joined(folder.path, name), Reason.UNFINISHED) for name in sorted(guarded)]
        folder.names_left |= guarded

    def _take_forks(self, folder: walker.Folder) -> None:
        """What macOS keeps of a file beside it is part of that, though its name is a hidden one: it goes with it."""
        prefix = joined(folder.path, FORK)
        forks = {s.path for s in folder.skips if s.reason == Reason.HIDDEN and s.path.startswith(prefix)}
        if not forks:
            return
        files = set(folder.names) - folder.names_left - folder.folders
        taken = {
            path
            for path in forks
            if path[len(prefix) :] in files
            and (name := path.rpartition(b"/")[2]) not in folder.folders
            and not self._ignoring.excludes(name, path)
        }
        folder.skips = [skip for skip in folder.skips if skip.path not in taken]
        folder.names_left -= {path.rpartition(b"/")[2] for path in taken}

    def _singles(self, folder: walker.Folder, names: list[bytes], draft: Draft) -> None:
        """A chunk of files without companions. Where the name alone decides, no value of our own is made of a file.

        This loop runs once a file: it is written for speed, and what is rare is in ``_reason`` and ``_odd_ones``.
        """
        self._now = time.time_ns()
        decided, fd, stat_of = self._decided, folder.fd, os.stat
        busy, unfiltered = self._busy_inodes, not self._filters
        quiet = int(self._options.quiet_seconds * 1e9)
        loud, soon = self._now - quiet, self._now + quiet
        plain: list[Seen] = []
        odd: list[Entry] = []
        seen = size = 0
        for name in names:
            try:
                status = stat_of(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError as error:
                seen += 1
                draft.skips.append(_unreadable(folder, name, error))
                continue
            seen += 1
            size += status.st_size
            mtime = status.st_mtime_ns
            is_quiet = (EARLIEST < mtime <= loud or soon < mtime < LATEST) and status.st_ino not in busy
            if is_quiet and unfiltered and status.st_mode >> 12 == _REGULAR:
                category = decided.get(name[name.find(b".", 1) :])
                if category is not None and name[0] != _DOT:
                    plain.append((name, status, category))
                    continue
            entry = Entry(name, identity_of(status), status.st_nlink)
            reason = self._reason(folder, entry)
            if reason is None:
                odd.append(entry)
            else:
                draft.skips.append(Skip(joined(folder.path, name), reason, status.st_size))
        draft.count(seen, size)
        draft.add_files(plain)
        self._odd_ones(folder, odd, draft)

    def _odd_ones(self, folder: walker.Folder, entries: list[Entry], draft: Draft) -> None:
        """Files of which more than the name may have to be seen; learns which names decide alone."""
        for entry, facts in zip(entries, self._facts(folder.fd, entries), strict=True):
            draft.add(entry, facts)
            ending = playlists.ending(entry.name)
            self.catalogues += ending in playlists.CATALOGUE_ENDINGS
            if ending in playlists.PLAYLISTS:
                self._note_playlist(folder, entry.name)
            tail = entry.name[entry.name.find(b".", 1) :]
            if tail[0] == _DOT and tail not in self._decided and len(self._decided) < _MOST_TAILS:
                self._decided[tail] = self._decided_by(entry.name)

    def _decided_by(self, name: bytes) -> int | None:
        """The category of a name of which nothing else has to be seen; the same for all names with its tail."""
        matcher, mode = self._matcher, self._options.content
        if matcher.has_keywords or name[0] == _DOT or mode == "always":
            return None
        if playlists.ending(name) in playlists.LOOKED_AT:
            return None
        if mode == "auto" and not matcher.knows_extension(name):
            return None
        category = matcher.category(name)
        return None if self._reader is not None and self._may_be_dated(name, category) else category

    def _may_be_dated(self, name: bytes, category: int) -> bool:
        """May a file of this name carry a date of its own?"""
        claims = self._matcher.categories_of_extension(self._matcher.extension(name))
        return category in self._dated or not self._dated.isdisjoint(claims)

    def _family(self, folder: walker.Folder, members: list[bytes], held: set[bytes], draft: Draft) -> None:
        """Companions: if one must be left alone, all are. Of those that are ``held`` this was said already."""
        names = [name for name in members if name not in held] if held else members
        found = list(walker.entries(folder, names))
        unseen = _unseen(folder, set(names) - {entry.name for entry in found}) if len(found) < len(names) else []
        draft.count(len(found) + len(unseen), sum(entry.seen.size for entry in found))
        draft.skips += unseen
        reasons = [self._reason(folder, entry) for entry in found]
        if len(found) > 1:  # who asks for files of some size or age doesn't mean what is kept beside them
            reasons = [
                None if reason == Reason.FILTERED_OUT and entry.name.startswith(FORK) else reason
                for entry, reason in zip(found, reasons, strict=True)
            ]
        if unseen or len(names) < len(members) or any(reason is not None for reason in reasons):
            draft.skips += [
                Skip(joined(folder.path, e.name), r if r is not None else Reason.WITH_COMPANION, e.seen.size)
                for e, r in zip(found, reasons, strict=True)
            ]
        elif found:
            facts = self._facts(folder.fd, found[:1])[0]
            draft.add_family(found, facts)

    def _reason(self, folder: walker.Folder, entry: Entry) -> Reason | None:
        """Why this file is left alone, by its kind, its times and the user's filters; None: it isn't."""
        seen, options = entry.seen, self._options
        kind = stat.S_IFMT(seen.mode)
        if kind != stat.S_IFREG:
            if kind == stat.S_IFDIR:
                return None
            if kind == stat.S_IFLNK:
                self._note_link(folder, entry.name)
                return Reason.SYMLINK
            return Reason.SPECIAL_FILE
        if abs(self._now - seen.mtime_ns) < options.quiet_seconds * 1e9:
            return Reason.RECENTLY_CHANGED
        if seen.mtime_ns in (EARLIEST, LATEST):  # it can't be stored, so nobody would know the file again
            return Reason.NOT_SUPPORTED
        if self._busy and (seen.dev, seen.ino) in self._busy:
            return Reason.OPEN_FOR_WRITING
        return Reason.FILTERED_OUT if self._is_filtered(entry) else None

    def _is_filtered(self, entry: Entry) -> bool:
        """Do the user's filters leave this file out?"""
        options, seen = self._options, entry.seen
        if options.min_size is not None and seen.size < options.min_size:
            return True
        if options.max_size is not None and seen.size > options.max_size:
            return True
        if options.modified_after is not None and seen.mtime_ns < options.modified_after * 1e9:
            return True
        if options.modified_before is not None and seen.mtime_ns > options.modified_before * 1e9:
            return True
        return bool(self._extensions) and not entry.name.decode("utf-8", "replace").lower().endswith(self._extensions)

    def _note_link(self, folder: walker.Folder, name: bytes) -> None:
        """Remember where a link points, if that is inside the root."""
        if len(self.link_targets) < MAX_LINKS:
            try:
                target = os.readlink(name, dir_fd=folder.fd)
            except OSError:
                return
            path = os.path.normpath(os.path.join(self._root.path, folder.path, os.fsencode(target)))
            if path.startswith(self._root.path + b"/"):
                self.link_targets.add(path[len(self._root.path) + 1 :])

    def _note_playlist(self, folder: walker.Folder, name: bytes) -> None:
        """Remember what a playlist names, if that is inside the root."""
        try:
            fd = open_regular(folder.fd, name)
            try:
                content = os.pread(fd, playlists.MOST_BYTES, 0)
            finally:
                os.close(fd)
        except OSError:
            return
        here = os.path.join(self._root.path, folder.path)
        for entry in playlists.entries(name, content):
            path = os.path.normpath(os.path.join(here, entry))
            if len(self.listed) < MAX_LINKS and path.startswith(self._root.path + b"/"):
                self.listed.add(path[len(self._root.path) + 1 :])
                if not entry.startswith(b"/"):
                    self.listed.add(joined(folder.path, name))

    def _facts(self, fd: int, entries: Sequence[Entry]) -> list[Facts]:
        """Category and date of these files of one folder."""
        matcher, mode, reader = self._matcher, self._options.content, self._reader
        facts: list[Facts] = []
        dated: list[int] = []
        for index, entry in enumerate(entries):
            name, content = entry.name, ""
            if mode == "always" or (mode == "auto" and not matcher.knows_extension(name)):
                content = self._content(fd, entry)
            category = matcher.category(name, content, content_wins=mode == "always")
            if content and matcher.is_mismatch(name, content):
                self.mismatched += 1
            if reader is not None and self._may_be_dated(name, category):
                dated.append(index)
            facts.append(Facts(category, wall_clock(entry.seen.mtime_ns, None), DateSource.FILE_TIME, content))
        if reader is not None and dated:
            self._date(fd, entries, facts, dated, reader)
        return facts

    def _content(self, fd: int, entry: Entry) -> str:
        """The type by magic bytes; unknown when it can't be read."""
        if not entry.seen.size or not stat.S_ISREG(entry.seen.mode):
            return ""
        try:
            return content_type(read_head(fd, entry.name))
        except OSError:
            return ""

    def _date(
        self, fd: int, entries: Sequence[Entry], facts: list[Facts], dated: list[int], reader: DateReader
    ) -> None:
        """Replace file times by the files' own dates: from the header, else from the name."""
        for start in range(0, len(dated), _DATES_AT_ONCE):
            part = dated[start : start + _DATES_AT_ONCE]
            opened = [_open(fd, entries[index].name) for index in part]
            try:
                found = iter(reader.read_many([file for file in opened if file >= 0]))
                dates = [next(found) if file >= 0 else None for file in opened]
            finally:
                for file in opened:
                    if file >= 0:
                        os.close(file)
            for index, date in zip(part, dates, strict=True):
                if date is None and (named := name_date(entries[index].name, self._now / 1e9)) is not None:
                    date = named, DateSource.NAME
                if date is not None:
                    old = facts[index]
                    facts[index] = Facts(old.category, date[0], date[1], old.content)


def _held(folder: walker.Folder) -> set[bytes]:
    """The names in a folder that stay because the user or another program wants it: their companions stay with them."""
    return {skip.path.rpartition(b"/")[2] for skip in folder.skips if skip.reason in _HOLDING}


def _unreadable(folder: walker.Folder, name: bytes, error: OSError) -> Skip:
    """A name in a folder that can't be looked at: it stays."""
    return Skip(joined(folder.path, name), Reason.UNREADABLE, detail=error.strerror or "")


def _unseen(folder: walker.Folder, names: set[bytes]) -> list[Skip]:
    """Those of these names that are there and can't be looked at."""
    skips: list[Skip] = []
    for name in sorted(names):
        try:
            os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            skips.append(_unreadable(folder, name, error))
    return skips


def _open(fd: int, name: bytes) -> int:
    """A descriptor of a regular file for reading its header; -1 when it can't be had."""
    try:
        return open_regular(fd, name)
    except OSError:
        return -1


def sync_client(root: bytes) -> str | None:
    """The program that syncs a folder, or one above it, by what it has left there."""
    folder = root
    while True:
        for name, client in _SYNC_MARKERS.items():
            if os.path.lexists(os.path.join(folder, name)):
                return client
        if folder == os.path.dirname(folder):
            return None
        folder = os.path.dirname(folder)


def folder_names(root: Root, folder: bytes) -> Iterator[bytes]:
    """The names in a folder now; none when it doesn't exist. Raises OSError when it is no folder of this root."""
    try:
        fd = root.open_folder(folder)
    except FileNotFoundError:
        return
    try:
        with os.scandir(fd) as listing:
            for entry in listing:
                yield os.fsencode(entry.name)
    finally:
        os.close(fd)


def occupant(root: Root, path: bytes, *, vacates: bool, movable: bool) -> Occupant | None:
    """What has this name now; None when it has gone."""
    status = root.look(path)
    if status is None:
        return None
    seen = identity_of(status)
    if status.st_nlink > 1:  # another name of it may move before, which changes the ctime
        seen = msgspec.structs.replace(seen, ctime_ns=0)
    return Occupant(path, seen, vacates, movable and stat.S_ISREG(status.st_mode))


def in_families(root: Root, paths: AbstractSet[bytes]) -> set[bytes]:
    """Which of these files have companions beside them. Raises OSError when a folder can't be listed any more."""
    found: set[bytes] = set()
    for folder in {path.rpartition(b"/")[0] for path in paths}:
        fd = root.open_folder(folder)
        try:
            names, folders = walker.names_in(fd)
        finally:
            os.close(fd)
        found |= {joined(folder, name) for name in companions(names, folders)} & paths
    return found


def same_bytes(root: Root, step: Step, target: Root, other: Occupant) -> bool:
    """Do the source of a step and what is in its place, both being what was seen, hold the same bytes?"""
    return step.seen is not None and same_content(root, step.source, target, other.path, step.seen, other.seen)


def same_content(
    one: Root,
    path: bytes,
    other: Root,
    other_path: bytes,
    seen: Identity | None = None,
    other_seen: Identity | None = None,
) -> bool:
    """Are these two regular files with the same bytes? Unreadable files, and those that aren't what was seen, equal nothing."""
    try:
        with ExitStack() as stack:
            files = []
            for side, place, identity in ((one, path, seen), (other, other_path, other_seen)):
                file = open_regular(*side.parent(place))
                stack.callback(os.close, file)
                if identity is not None and not unchanged_since(os.fstat(file), identity):
                    return False
                files.append(file)
            return are_equal(files[0], files[1])
    except OSError:
        return False


def are_equal(one: int, other: int) -> bool:
    """Compare two open files to their ends."""
    while True:
        block = os.read(one, 1 << 20)
        if block != os.read(other, 1 << 20):
            return False
        if not block:
            return True
