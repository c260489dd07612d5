"""The verbs for duplicates: search, clean up, compare folders. Each strings the stages together."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from fileorganizer.classify.classifier import open_regular
from fileorganizer.duplicates.finder import Finder, Search
from fileorganizer.duplicates.folders import Contained, FolderComparison, Same
from fileorganizer.duplicates.groups import Copy, Groups
from fileorganizer.duplicates.keepers import KeepRule
from fileorganizer.errors import InvalidOption, RootRefused
from fileorganizer.errors import show as shown_path
from fileorganizer.execution import operating
from fileorganizer.execution.workplace import Workplace, resolve_root
from fileorganizer.fs import control, sharing
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import identity_of
from fileorganizer.journal.plans import Plan, PlanWriter, forget_old_plans
from fileorganizer.journal.store import Journal
from fileorganizer.model import Identity, Reason, Review, Skip
from fileorganizer.organizer import (
    Confirm,
    Report,
    RootPath,
    head_without_rules,
    open_sides,
    run_plan,
    settle,
    share_nested,
    working,
)
from fileorganizer.planning.cleanup import ACTIONS, CleanUp, World
from fileorganizer.planning.companions import companions
from fileorganizer.planning.review import add_risks, note_shared_metadata, note_trash_keeps_space
from fileorganizer.progress import Listener
from fileorganizer.scan.ignoring import whole_folder
from fileorganizer.scan.open_files import open_for_writing
from fileorganizer.settings import plan_dir

OPERATION_TYPE: Final = "duplicate_cleanup"


class Cleaning(msgspec.Struct, frozen=True):
    """What to do with the redundant files; stored with the plan and with the operation."""

    keep: str
    """A rule of ``duplicates.keepers``, or ``in:FOLDER`` (absolute, or relative to where the program stands)."""
    action: str = "trash"
    """trash, hardlink or reflink."""
    search: Search = Search()
    against: str | None = None
    """The reference folder, absolute; None: there is none."""


class Found(msgspec.Struct, frozen=True):
    """The result of a search."""

    root: bytes
    reference: bytes | None
    """The reference folder, absolute."""
    groups: Groups
    files: int
    """Regular files of the root, by name."""
    scanned: int
    """Files and all that was left alone."""
    total_bytes: int
    """Of all files, reference included."""
    skips: list[Skip]
    """What was left alone in the root, and what couldn't be read or changed meanwhile."""
    nested_roots: list[bytes]
    bytes_read: int
    """Bytes of content that were read; what was remembered wasn't."""
    seconds: dict[str, float]

    @property
    def unreadable(self) -> list[Skip]:
        """Files that could not be read: they equal nothing."""
        return [skip for skip in self.skips if skip.reason == Reason.UNREADABLE]


class _Where(msgspec.Struct, frozen=True):
    """A root to search, and its reference."""

    root: bytes
    outside: bytes | None
    """A reference folder outside the root."""
    search: Search

    @property
    def reference(self) -> bytes | None:
        """The reference folder wherever it is."""
        below = self.search.reference_below
        return self.outside if below is None else os.path.join(self.root, below)


def find_duplicates(
    root: RootPath, search: Search, *, against: RootPath | None = None, listener: Listener | None = None
) -> Found:
    """Search for files with the same content. Writes nothing but the digests into the user's cache folder.

    Raises RootRefused, InvalidOption; KeyboardInterrupt when the listener wants to stop.
    """
    where = _where(root, search, against)
    with open_sides(where.root, where.outside) as sides:
        return _find(sides, where, listener or Listener())


def _where(root: RootPath, search: Search, against: RootPath | None) -> _Where:
    """The folders that are meant. Raises RootRefused; InvalidOption when one can't be the reference of the other."""
    path = resolve_root(root)
    if against is None:
        return _Where(path, None, search)
    reference = resolve_root(against)
    if path == reference or path.startswith(reference + b"/"):
        raise InvalidOption(
            f"All of {shown_path(path)} lies in {shown_path(reference)}, so nothing in it could go. Choose another reference."
        )
    if reference.startswith(path + b"/"):
        return _Where(path, None, msgspec.structs.replace(search, reference_below=reference[len(path) + 1 :]))
    return _Where(path, reference, search)


def _find(sides: Sequence[Root], where: _Where, listener: Listener) -> Found:
    """One search."""
    finder = Finder(sides, where.search, listener)
    groups = finder.run()
    table = finder.table
    scanned = table.count_of(0) + len(finder.skips)
    skips = finder.skips + [
        Skip(table.path_of(file), reason, table.sizes[file])
        for file, reason in finder.unread.items()
        if table.place_of(file).side == 0
    ]
    return Found(
        root=where.root,
        reference=where.reference,
        groups=groups,
        files=table.count_of(0),
        scanned=scanned,
        total_bytes=sum(table.sizes),
        skips=skips,
        nested_roots=finder.nested_roots,
        bytes_read=finder.bytes_read,
        seconds=finder.seconds,
    )


class FoldersFound(msgspec.Struct, frozen=True):
    """Whole folders that are the same, or contained in another."""

    root: bytes
    same: list[Same]
    contained: list[Contained]
    not_compared: list[Skip]
    """What was left alone or couldn't be read: it equals nothing."""


def compare_folders(
    root: RootPath, *, algorithm: str = "sha256", paranoid: bool = False, listener: Listener | None = None
) -> FoldersFound:
    """Compare all folders of a root with each other: everything in them, also hidden files, projects and empty files."""
    path = resolve_root(root)
    search = Search(
        min_size=0, algorithm=algorithm, paranoid=paranoid, include_hidden=True, keep_together=False, quiet_seconds=0.0
    )
    listener = listener or Listener()
    with open_sides(path, None) as sides:
        finder = Finder(sides, search, listener)
        groups = finder.run()
    listener.enter("planning")
    unread = [Skip(finder.table.path_of(file), reason) for file, reason in finder.unread.items()]
    comparison = FolderComparison(finder.table, groups, finder.links, [skip.path for skip in finder.skips])
    return FoldersFound(path, comparison.same(), comparison.contained(), finder.skips + unread)


# cleaning up


def preview_clean_up(root: RootPath, cleaning: Cleaning, *, listener: Listener | None = None) -> Plan:
    """Make and store the plan of a clean-up; the caller closes it. Nothing is written into the folder."""
    where = _where_to_clean(root, cleaning)
    with open_sides(where.root, where.outside) as sides:
        return _draft(sides, where, cleaning, listener or Listener())


def clean_up(
    root: RootPath,
    cleaning: Cleaning | None,
    *,
    plan_id: str | None = None,
    confirm: Confirm | None = None,
    listener: Listener | None = None,
) -> Report:
    """Search, plan and carry out, or carry out the stored plan ``plan_id`` (then ``cleaning`` is that of the plan).

    Right before each step the copy that stays is compared with the one that goes.
    """
    path, listener = resolve_root(root), listener or Listener()
    settle(path)
    plan = _stored(path, plan_id) if plan_id else None
    if plan is not None:
        cleaning = msgspec.json.decode(plan.head.options, type=Cleaning)
    if cleaning is None:
        raise InvalidOption("Say which copies are to be kept: --keep.")
    where = _where_to_clean(path, cleaning)
    with working(path, None, "a clean-up of duplicates") as work:
        _hold_reference(work.locks, where.outside)
        _refuse_unsupported(work, cleaning.action)
        if plan is None:
            with open_sides(where.root, where.outside) as sides:
                plan = _draft(sides, where, cleaning, listener)
            share_nested(work.locks, path, plan)
        else:
            share_nested(work.locks, path, plan)
            operating.refuse_stale(work, plan)
        with plan:
            return run_plan(work, plan, confirm, listener)


def _where_to_clean(root: RootPath, cleaning: Cleaning) -> _Where:
    """The folders of a clean-up. Raises InvalidOption for what can't be."""
    if cleaning.action not in ACTIONS:
        raise InvalidOption(f"There is no action {shown_path(cleaning.action)}. Choose {', '.join(ACTIONS)}.")
    if cleaning.against is not None and cleaning.action != "trash":
        raise InvalidOption(
            f"A reference is never touched, so nothing can share its blocks or its name: --action {cleaning.action} doesn't"
            " go with --against."
        )
    where = _where(root, cleaning.search, cleaning.against)
    if cleaning.search.keep_together and (why := whole_folder(os.path.basename(where.root), _names(where.root))):
        raise RootRefused(
            f"{shown_path(where.root)} is one thing itself ({why}); its parts belong together. Choose the folder that holds it,"
            " or say --no-keep-together."
        )
    return where


def _names(folder: bytes) -> set[bytes]:
    """The names in a folder."""
    return set(os.listdir(folder))


def _hold_reference(locks: control.Locks, reference: bytes | None) -> None:
    """Keep other runs of ours from moving reference files meanwhile. Raises RootBusy when one is at work there."""
    if reference is not None:
        locks.share(reference)
        locks.share_above(reference)


def _refuse_unsupported(work: Workplace, action: str) -> None:
    """Raise InvalidOption when the file system can't do what is asked for."""
    kind = work.capabilities[0].file_system
    if action == "hardlink" and work.capabilities[0].hard_links != "yes":
        raise InvalidOption(f"{kind} has no hard links. Choose --action trash.")
    if action == "reflink" and not sharing.can_share(work.controls[0]):
        raise InvalidOption(f"{kind} can't share blocks between files here. Choose --action trash or hardlink.")


def _stored(root: bytes, plan_id: str) -> Plan:
    """A stored clean-up of this root. Raises PlanNotFound, PlanDamaged, PlanAlreadyApplied, InvalidOption."""
    with suppress(FileNotFoundError), Journal(root, write=False) as journal:
        operating.refuse_applied(journal, plan_id)
    plan = Plan(plan_dir(), plan_id)
    status = os.stat(root)
    if plan.head.operation_type != OPERATION_TYPE or plan.head.root_identity != (status.st_dev, status.st_ino):
        plan.close()
        raise InvalidOption(f"Plan {plan_id} isn't a clean-up of {shown_path(root)}.")
    return plan


def _draft(sides: Sequence[Root], where: _Where, cleaning: Cleaning, listener: Listener) -> Plan:
    """Search and plan into the plan folder."""
    forget_old_plans(plan_dir())
    plan_id = operating.new_id()
    rule = KeepRule(cleaning.keep, below=_kept_folder(where.root, cleaning.keep), metadata=_Metadata(sides).bytes_of)
    found = _find(sides, where, listener)
    listener.enter("planning")
    started = time.monotonic()
    writer = PlanWriter(plan_dir(), plan_id)
    try:
        review = _plan(sides[0], where, cleaning, found, rule, writer)
        head = head_without_rules(sides[:1], OPERATION_TYPE, plan_id, review, None, whole=True)
        head.options = msgspec.json.encode(_absolute(cleaning, where))
        head.nested_roots = found.nested_roots
        head.scan_seconds, head.plan_seconds = sum(found.seconds.values()), time.monotonic() - started
        writer.finish(head)
    except BaseException:
        writer.abandon()
        raise
    return Plan(plan_dir(), plan_id)


def _absolute(cleaning: Cleaning, where: _Where) -> Cleaning:
    """The same with folders that don't depend on where the program stands."""
    reference = None if where.reference is None else os.fsdecode(where.reference)
    keep = cleaning.keep
    if keep.startswith("in:"):
        keep = "in:" + os.fsdecode(os.path.join(where.root, _kept_folder(where.root, keep)))
    return msgspec.structs.replace(cleaning, against=reference, keep=keep)


def _kept_folder(root: bytes, keep: str) -> bytes:
    """The folder (or file) of an ``in:`` rule, relative to the root. Raises InvalidOption when it lies elsewhere."""
    if not keep.startswith("in:"):
        return b""
    given = os.path.expanduser(os.fsencode(keep[3:]))
    for path in (os.path.realpath(given), os.path.realpath(os.path.join(root, given))):
        if path == root:
            raise InvalidOption("With in: and the whole folder every copy would be kept. Name a folder inside it.")
        if path.startswith(root + b"/") and os.path.lexists(path):
            return path[len(root) + 1 :]
    raise InvalidOption(f"There is no {shown_path(given)} in {shown_path(root)} that copies could be kept in.")


def _plan(root: Root, where: _Where, cleaning: Cleaning, found: Found, rule: KeepRule, writer: PlanWriter) -> Review:
    """Store the steps of all groups."""
    busy = open_for_writing()

    def status_of(path: bytes) -> Identity | None:
        status = root.look(path)
        return None if status is None else identity_of(status)

    world = World(
        status_of=status_of,
        is_busy=lambda seen: bool(busy) and (seen.dev, seen.ino) in busy,
        tears_family=_Families(root, found.groups, rule).tears if cleaning.action == "trash" else lambda _path: False,
        reference_root=where.outside or b"",
    )
    clean = CleanUp(rule, cleaning.action, found.groups.algorithm, world, writer.add_batch, writer.add_skips)
    clean.add(found.groups)
    writer.add_skips(found.skips)
    review = clean.review
    review.scanned = found.scanned
    review.left_alone += len(found.skips)
    for skip in found.skips:
        label = Reason(skip.reason).label
        review.left_by_reason[label] = review.left_by_reason.get(label, 0) + 1
    review.in_place = review.scanned - review.planned - review.left_alone
    add_risks(review, root.path, {})
    if cleaning.action == "hardlink":
        note_shared_metadata(review)
    elif cleaning.action == "trash":
        note_trash_keeps_space(review)
    return review


class _Metadata:
    """How much extended attributes say of a file."""

    def __init__(self, sides: Sequence[Root]) -> None:
        """``sides`` as they were searched."""
        self._sides = sides

    def bytes_of(self, copy: Copy) -> int:
        """Bytes of names and values of its extended attributes; 0 where there are none or they can't be read."""
        try:
            fd = open_regular(*self._sides[copy.side].parent(copy.path))
        except OSError:
            return 0
        try:
            return sum(len(name) + len(os.getxattr(fd, name)) for name in os.listxattr(fd))
        except OSError:
            return 0
        finally:
            os.close(fd)


class _Families:
    """Companions of the files that would go: a sidecar or a raw image must not stay behind alone."""

    def __init__(self, root: Root, groups: Groups, rule: KeepRule) -> None:
        """Find out once which files would go."""
        self._root = root
        self._going = {path for group in groups for copy in rule.part(group)[1] for path in (copy.path, *copy.links)}
        self._folder: bytes | None = None
        self._leaders: dict[bytes, bytes] = {}

    def tears(self, path: bytes) -> bool:
        """Would a companion stay behind if the file went?"""
        folder, _, name = path.rpartition(b"/")
        if folder != self._folder:
            self._folder, self._leaders = folder, self._leaders_in(folder)
        leader = self._leaders.get(name)
        if leader is None:
            return False
        prefix = folder + b"/" if folder else b""
        return any(lead == leader and prefix + member not in self._going for member, lead in self._leaders.items())

    def _leaders_in(self, folder: bytes) -> dict[bytes, bytes]:
        """The members of families in a folder and who leads them; none when it can't be listed."""
        try:
            fd = self._root.open_folder(folder)
        except OSError:
            return {}
        try:
            with os.scandir(fd) as listing:
                kinds = {os.fsencode(entry.name): entry.is_dir(follow_symlinks=False) for entry in listing}
        finally:
            os.close(fd)
        return companions(sorted(kinds), {name for name, is_folder in kinds.items() if is_folder})
