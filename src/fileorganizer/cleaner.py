"""The verb that cleans up duplicates: search, plan, carry out, on the organizer's frame."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol

import msgspec

from fileorganizer.classify.classifier import open_regular
from fileorganizer.duplicates.finder import Search
from fileorganizer.duplicates.groups import Copy, Group
from fileorganizer.duplicates.keepers import KeepNothing, KeepRule
from fileorganizer.errors import InvalidOption
from fileorganizer.errors import show as shown_path
from fileorganizer.execution import operating
from fileorganizer.execution.observing import sync_client
from fileorganizer.execution.workplace import Workplace, open_sides, resolve_root
from fileorganizer.fs import control, probe, sharing
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.identity import identity_of
from fileorganizer.journal.plans import Plan, PlanWriter, forget_old_plans
from fileorganizer.journal.records import Operation
from fileorganizer.model import Identity, Options, Review, Skip
from fileorganizer.organizer import (
    Confirm,
    Report,
    RootPath,
    head_without_rules,
    new_plan,
    refuse_whole,
    run_plan,
    settle,
    share_nested,
    stored_options,
    stored_plan,
    working,
)
from fileorganizer.planning.cleanup import ACTIONS, CleanUp, World
from fileorganizer.planning.companions import companions
from fileorganizer.planning.review import add_risks, note_nested_records, note_shared_metadata, note_trash_keeps_space
from fileorganizer.progress import Listener
from fileorganizer.scan.open_files import open_for_writing
from fileorganizer.searcher import Found, Where, find_duplicates, search_in, where_of
from fileorganizer.settings import plan_dir

OPERATION_TYPE: Final = "duplicate_cleanup"
NOTHING: Final = "nothing"
"""In place of a rule to keep by: all copies of the known groups go. Refused for a search."""
OnFound = Callable[[Found], None]
"""Told of what a clean-up found, before it plans anything."""


class Cleaning(msgspec.Struct, frozen=True):
    """What to do with the redundant files; stored with the plan and with the operation."""

    keep: str
    """A rule of ``duplicates.keepers``, or ``in:FOLDER`` (absolute, or relative to where the program stands)."""
    action: str = "trash"
    """trash, hardlink or reflink."""
    search: Search = Search()
    against: str | None = None
    """The reference folder, absolute; None: there is none."""


class KnownGroups(Protocol):
    """Groups of a root that an earlier search found. They are gone through several times, and never all in memory."""

    algorithm: str
    """The digest by which they were found."""

    def __iter__(self) -> Iterator[Group]:
        """All of them."""


class _Material(msgspec.Struct, frozen=True):
    """What a clean-up is planned from: what was found just now, or is known from earlier."""

    groups: KnownGroups
    scanned: int
    skips: list[Skip] = []
    nested_roots: list[bytes] = []
    seconds: float = 0.0
    found_earlier: bool = False


# cleaning up


def preview_clean_up(
    root: RootPath,
    cleaning: Cleaning,
    *,
    known: KnownGroups | None = None,
    on_found: OnFound | None = None,
    listener: Listener | None = None,
) -> Plan:
    """Make and store the plan of a clean-up; the caller closes it. Nothing is written into the folder.

    ``known``: clean up these groups, and search for none.
    """
    where = _where_to_clean(root, cleaning)
    with open_sides(where.root, where.outside) as sides:
        return _draft(sides, where, cleaning, listener or Listener(), known, on_found)


def clean_up(
    root: RootPath,
    cleaning: Cleaning | None,
    *,
    plan_id: str | None = None,
    known: KnownGroups | None = None,
    on_found: OnFound | None = None,
    confirm: Confirm | None = None,
    listener: Listener | None = None,
) -> Report:
    """Search, plan and carry out, or carry out the stored plan ``plan_id`` (then ``cleaning`` is that of the plan).

    With ``known`` nothing is searched: these groups are cleaned up, as far as their files are unchanged.
    Right before each step the copy that stays is compared with the one that goes.
    """
    path, listener = resolve_root(root), listener or Listener()
    settle(path)
    plan = stored_plan(path, plan_id, OPERATION_TYPE) if plan_id is not None else None
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
                plan = _draft(sides, where, cleaning, listener, known, on_found)
            share_nested(work.locks, path, plan)
        else:
            share_nested(work.locks, path, plan)
            operating.refuse_stale(work, plan)
        with plan:
            return run_plan(work, plan, confirm, listener)


def _where_to_clean(root: RootPath, cleaning: Cleaning) -> Where:
    """The folders of a clean-up. Raises InvalidOption for what can't be."""
    if cleaning.action not in ACTIONS:
        raise InvalidOption(f"There is no action {shown_path(cleaning.action)}. Choose {', '.join(ACTIONS)}.")
    if cleaning.against is not None and cleaning.action != "trash":
        raise InvalidOption(
            f"A reference is never touched, so nothing can share its blocks or its name: --action {cleaning.action} doesn't"
            " go with --against."
        )
    where = where_of(root, cleaning.search, cleaning.against)
    reference = where.reference or b""
    if reference.decode(errors="ignore").encode() != reference:
        raise InvalidOption(f"The name of {shown_path(reference)} isn't UTF-8: a plan can't keep it as its reference.")
    if cleaning.search.keep_together:
        refuse_whole(where.root, os.listdir(where.root))
    return where


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


def _draft(
    sides: Sequence[Root],
    where: Where,
    cleaning: Cleaning,
    listener: Listener,
    known: KnownGroups | None = None,
    on_found: OnFound | None = None,
) -> Plan:
    """Search, unless the groups are known, and plan into the plan folder."""
    forget_old_plans(plan_dir())
    rule = _rule(sides, where, cleaning, known)
    found = _found(sides, where, listener, on_found) if known is None else _known(known)
    listener.enter("planning")
    started = time.monotonic()
    with new_plan() as (plan_id, writer):
        review = _plan(sides, where, cleaning, found, rule, writer)
        head = head_without_rules(sides[:1], OPERATION_TYPE, plan_id, review, None, whole=True)
        head.options = stored_options(_absolute(cleaning, where))
        head.nested_roots = found.nested_roots
        head.scan_seconds, head.plan_seconds = found.seconds, time.monotonic() - started
        writer.finish(head)
    return Plan(plan_dir(), plan_id)


def _rule(sides: Sequence[Root], where: Where, cleaning: Cleaning, known: KnownGroups | None) -> KeepRule | KeepNothing:
    """Which copies stay. Raises InvalidOption for a rule that isn't there, such as to keep nothing of what is searched."""
    if known is not None and cleaning.keep == NOTHING:
        return KeepNothing()
    return KeepRule(cleaning.keep, below=_kept_folder(where.root, cleaning.keep), metadata=_Metadata(sides).bytes_of)


def _found(sides: Sequence[Root], where: Where, listener: Listener, on_found: OnFound | None) -> _Material:
    """Search."""
    found = search_in(sides, where, listener)
    if on_found is not None:
        on_found(found)
    return _Material(found.groups, found.scanned, found.skips, found.nested_roots, sum(found.seconds.values()))


def _known(groups: KnownGroups) -> _Material:
    """What an earlier search found."""
    return _Material(groups, sum(len(group.copies) for group in groups), found_earlier=True)


def _absolute(cleaning: Cleaning, where: Where) -> Cleaning:
    """The same with folders that don't depend on where the program stands."""
    reference = None if where.reference is None else os.fsdecode(where.reference)
    keep = cleaning.keep
    if keep.startswith("in:"):
        kept = os.path.join(where.root, _kept_folder(where.root, keep))
        keep = "in:" + kept.decode(errors="backslashreplace")  # for people: the plan's steps say what stays
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


def _plan(
    sides: Sequence[Root],
    where: Where,
    cleaning: Cleaning,
    found: _Material,
    rule: KeepRule | KeepNothing,
    writer: PlanWriter,
) -> Review:
    """Store the steps of all groups."""
    root, busy = sides[0], open_for_writing()

    def status_of(path: bytes) -> Identity | None:
        status = root.look(path)
        return None if status is None else identity_of(status)

    world = World(
        status_of=status_of,
        is_busy=lambda seen: bool(busy) and (seen.dev, seen.ino) in busy,
        tears_family=_Families(root, found.groups, rule).tears if cleaning.action == "trash" else lambda _path: False,
        reference_root=where.outside or b"",
        shows_changes=all(map(probe.shows_changes, sides)),
    )
    clean = CleanUp(
        rule,
        cleaning.action,
        found.groups.algorithm,
        world,
        writer.add_batch,
        writer.add_skips,
        found_earlier=found.found_earlier,
    )
    clean.add(found.groups)
    writer.add_skips(found.skips)
    review = clean.review
    review.scanned = found.scanned
    for skip in found.skips:
        review.leave(skip.reason)
    review.in_place = review.scanned - review.planned - review.left_alone
    note_nested_records(review, len(found.nested_roots))
    add_risks(review, root.path, {}, sync_client(root.path))
    if cleaning.action == "hardlink":
        note_shared_metadata(review)
    elif cleaning.action == "trash":
        note_trash_keeps_space(review)
    return review


# on the way


class Met(msgspec.Struct, frozen=True):
    """Duplicates that a run met on its way, and the clean-up that was made of them."""

    redundant: int
    wasted: int
    """Bytes."""
    clean_up: Operation | None = None


def meet_duplicates(
    root: RootPath, options: Options, action: str, *, confirm: Confirm | None = None, listener: Listener | None = None
) -> Met:
    """Before an organize run with ``options``: count the duplicates among its files, or clean them up, the oldest stays.

    ``action``: report, trash or hardlink. A clean-up is an operation of its own, so that either can be taken back alone.
    """
    search = Search(
        exclude=options.exclude,
        include_hidden=options.include_hidden,
        keep_together=options.keep_together,
        recursive=options.recursive,
        quiet_seconds=options.quiet_seconds,
    )
    if action == "report":
        groups = find_duplicates(root, search, listener=listener).groups
        return Met(groups.redundant, groups.wasted)
    report = clean_up(root, Cleaning("oldest", action, search), confirm=confirm, listener=listener)
    return Met(report.review.planned, report.review.bytes, report.operation)


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

    def __init__(self, root: Root, groups: Iterable[Group], rule: KeepRule | KeepNothing) -> None:
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
