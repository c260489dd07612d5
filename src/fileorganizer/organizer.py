"""The verbs: what the command line and the worker call. Each strings the stages together.

A ``confirm`` is asked once, with the stored plan, before the first change; no
is ``Declined``. A ``listener`` hears of progress and carries the wish to stop.
Roots are named as the system names them; paths inside a root are bytes
relative to it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, islice

import msgspec

from fileorganizer.errors import (
    Declined,
    DestinationMissing,
    DiskFull,
    InvalidOption,
    NothingToUndo,
    OperationNotFound,
    RootRefused,
    StorageFailed,
    shell_word,
)
from fileorganizer.errors import show as shown_path
from fileorganizer.execution import operating, reading
from fileorganizer.execution.drafting import Drafting
from fileorganizer.execution.observing import sync_client
from fileorganizer.execution.parting import deeds_of, original_path
from fileorganizer.execution.purging import keepers_now
from fileorganizer.execution.reading import Explained, FileRow, TrashItem
from fileorganizer.execution.undoing import Undoing
from fileorganizer.execution.verify import Verification
from fileorganizer.execution.verify import verify as verify_root
from fileorganizer.execution.workplace import (
    Workplace,
    destination_of,
    may,
    open_sides,
    open_workplace,
    resolve_root,
)
from fileorganizer.fs import control, probe
from fileorganizer.fs.beneath import Root
from fileorganizer.fs.probe import Capabilities
from fileorganizer.journal.plans import Head, Plan, PlanWriter, forget_old_plans
from fileorganizer.journal.records import Operation
from fileorganizer.journal.store import Journal
from fileorganizer.model import BATCH_STEPS, DESTINATION, Options, Review, Skip, Step, StepKind
from fileorganizer.planning.review import counted
from fileorganizer.progress import Listener
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.rules.syntax import RuleSet
from fileorganizer.scan.ignoring import is_control, whole_folder
from fileorganizer.settings import plan_dir

RootPath = str | bytes | os.PathLike[str]
Confirm = Callable[[Plan], bool]
_MOST_NAMED = 40
"""Files that are left alone and named in a report of nothing."""
_NOT_UNDONE_BY_DEFAULT = ("rollback", "restore", "purge")


class Report(msgspec.Struct, frozen=True):
    """What a run did. ``operation`` is None when there was nothing to do: then nothing was recorded."""

    plan_id: str
    review: Review
    operation: Operation | None
    scan_seconds: float
    plan_seconds: float
    move_seconds: float
    undoes: int | None = None
    """The number of the operation that was to be taken back."""
    left: list[Skip] = []
    """Where an undo or a restore had nothing to do, the first of what it left alone: nothing else says which these are."""


def nothing_to_do() -> Report:
    """The report where that is clear before anything was looked at."""
    return Report("", Review(), None, 0.0, 0.0, 0.0)


class Shown(msgspec.Struct, frozen=True):
    """An operation and, while the context lasts, its files."""

    operation: Operation
    files: Iterator[FileRow]


class Diagnosis(msgspec.Struct, frozen=True):
    """What can be promised for a root."""

    root: bytes
    capabilities: Capabilities
    supported: bool
    journal: str
    notes: list[str]


# planning and carrying out


def preview(
    root: RootPath, options: Options, *, listener: Listener | None = None, rules: RuleSet | None = None
) -> Plan:
    """Make and store a plan; the caller closes it. Nothing is written into the folder.

    Raises RootRefused, DestinationMissing, InvalidOption; KeyboardInterrupt when the listener wants to stop.
    """
    path = resolve_root(root)
    outside, prefix = _destination(path, options)
    with open_sides(path, outside) as sides:
        known = [probe.look_up(side) for side in sides]
        return _draft(sides, known, prefix, options, rules, listener or Listener())


def organize(
    root: RootPath,
    options: Options,
    *,
    plan_id: str | None = None,
    confirm: Confirm | None = None,
    listener: Listener | None = None,
    rules: RuleSet | None = None,
) -> Report:
    """Plan and carry out, or carry out the stored plan ``plan_id`` (it has its own options)."""
    path, listener = resolve_root(root), listener or Listener()
    settle(path)
    plan = stored_plan(path, plan_id, "organize") if plan_id is not None else None
    outside, prefix = _destination(path, options) if plan is None else (_planned_destination(plan), b"")
    with working(path, outside, "an organize run") as work:
        if plan is None:
            plan = _draft(work.sides, work.capabilities, prefix, options, rules, listener, work.locks)
        else:
            share_nested(work.locks, path, plan)
            operating.refuse_stale(work, plan)
        with plan:
            return run_plan(work, plan, confirm, listener)


def _destination(root: bytes, options: Options) -> tuple[bytes | None, bytes]:
    """The destination root outside ``root`` if there is one, and the folder below the target root with a slash."""
    if options.mode not in ("move", "copy", "hardlink"):
        raise InvalidOption(f"There is no mode {options.mode!r}. Choose move, copy or hardlink.")
    if options.destination is None:
        inside, destination = True, root
    else:
        destination = os.path.realpath(os.path.expanduser(os.fsencode(options.destination)))
        inside = destination == root or destination.startswith(root + b"/")
    if inside and options.mode != "move":
        raise InvalidOption(f"Mode {options.mode} needs a --destination outside {shown_path(root)}.")
    if inside:
        below = destination[len(root) + 1 :]
        if any(map(is_control, below.split(b"/"))):
            raise InvalidOption(f"{shown_path(destination)} is where the journal lives. Choose another destination.")
        return None, below + b"/" if below else b""
    return _existing(destination), b""


def _existing(destination: bytes) -> bytes:
    """A destination that is there. Raises DestinationMissing, RootRefused."""
    if not os.path.isdir(destination):
        raise DestinationMissing(
            f"{shown_path(destination)} isn't a folder. Make it, or connect its disk, and try again."
        )
    return resolve_root(destination)


def _draft(
    sides: Sequence[Root],
    capabilities: Sequence[Capabilities],
    prefix: bytes,
    options: Options,
    rules: RuleSet | None,
    listener: Listener,
    locks: control.Locks | None = None,
) -> Plan:
    """Scan and plan into the plan folder; with ``locks`` the roots found inside are locked as well."""
    source, target = sides[0], sides[-1]
    rules = rules or builtin_rules(options.profile)
    if options.keep_together:
        refuse_whole(source.path, map(os.fsencode, os.listdir(source.fd)))
    forget_old_plans(plan_dir())
    with new_plan() as (plan_id, writer):
        drafting = Drafting(source, target, prefix, capabilities[-1], options, rules, writer, plan_id, listener)
        drafting.run()
        outside = target if target is not source else None
        writer.finish(
            Head(
                plan_id=plan_id,
                operation_type="organize",
                root=source.path,
                root_identity=(source.dev, source.ino),
                created_at=time.time(),
                options=stored_options(options),
                rules=rules.encode(),
                capabilities=msgspec.json.encode(list(capabilities)),
                review=drafting.review,
                destination=outside.path if outside else None,
                destination_identity=(outside.dev, outside.ino) if outside else None,
                nested_roots=drafting.nested_roots,
                zone="/".join(time.tzname),
                scan_seconds=drafting.scan_seconds,
                plan_seconds=drafting.plan_seconds,
            )
        )
    plan = Plan(plan_dir(), plan_id)
    if locks is not None:
        share_nested(locks, source.path, plan)
    return plan


def stored_options(options: msgspec.Struct) -> bytes:
    """Options as a plan keeps them, in JSON, to be read by people: of a name that isn't UTF-8 no more is left than that."""
    text = json.dumps(msgspec.to_builtins(options), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").encode()


def refuse_whole(root: bytes, names: Iterable[bytes]) -> None:
    """Raise RootRefused for a folder whose parts, by the ``names`` in it, belong together."""
    if why := whole_folder(os.path.basename(root), set(names)):
        raise RootRefused(
            f"{shown_path(root)} is one thing itself ({why}); its parts belong together. Choose the folder that holds it,"
            " or say --no-keep-together."
        )


@contextmanager
def new_plan() -> Iterator[tuple[str, PlanWriter]]:
    """The id of a new plan, and what it is written with; where the block doesn't come to finish it, nothing is left of it.

    Raises DiskFull or StorageFailed when the folder of plans can't take it.
    """
    plan_id, folder = operating.new_id(), plan_dir()
    try:
        writer = PlanWriter(folder, plan_id)
        try:
            yield plan_id, writer
        except BaseException:
            writer.abandon()
            raise
    except sqlite3.OperationalError as error:
        refused = f"The plan can't be written into {shown_path(folder)}: {error}. Nothing was changed."
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            raise DiskFull(f"{refused} Make room on that disk, or set PLAN_DIR to a folder on another one.") from error
        raise StorageFailed(refused) from error


def share_nested(locks: control.Locks, root: bytes, plan: Plan) -> None:
    """Share the locks of the roots inside, so that no run works on one of them meanwhile."""
    for nested in plan.head.nested_roots:
        locks.share(os.path.join(root, nested))


def stored_plan(root: bytes, plan_id: str, operation_type: str) -> Plan:
    """A stored plan of this root and kind. Raises PlanNotFound, PlanDamaged, PlanAlreadyApplied, InvalidOption."""
    with suppress(FileNotFoundError), Journal(root, write=False) as journal:
        operating.refuse_applied(journal, plan_id)
    plan = Plan(plan_dir(), plan_id)
    status = os.stat(root)
    if plan.head.operation_type != operation_type:
        plan.close()
        raise InvalidOption(f"Plan {plan_id} was made by another command. Carry it out with that one.")
    if plan.head.root_identity != (status.st_dev, status.st_ino):
        plan.close()
        raise InvalidOption(
            f"Plan {plan_id} was made for {shown_path(plan.head.root)}, not for {shown_path(root)}. Make a new one."
        )
    return plan


def _planned_destination(plan: Plan) -> bytes | None:
    """The destination root of a stored plan. Raises DestinationMissing when another folder has its name now (F39)."""
    planned = plan.head.destination
    if planned is None:
        return None
    try:
        there = _existing(planned)
        status = os.stat(there)
        if plan.head.destination_identity != (status.st_dev, status.st_ino):
            raise DestinationMissing(
                f"{shown_path(planned)} is another folder than the one plan {plan.head.plan_id} was made for. Connect the right disk"
                " there, or make a new plan with 'fileorganizer preview'. Nothing was moved."
            )
    except BaseException:
        plan.close()
        raise
    return there


def run_plan(work: Workplace, plan: Plan, confirm: Confirm | None, listener: Listener) -> Report:
    """Ask, carry out, report."""
    head = plan.head
    if not plan.batch_count:
        left = _first_left(plan) if head.operation_type in ("rollback", "restore") else []
        plan.discard()
        return Report(
            head.plan_id, head.review, None, head.scan_seconds, head.plan_seconds, 0.0, undoes=head.undoes, left=left
        )
    if confirm is not None and not confirm(plan):
        raise Declined("Nothing was changed.")
    operation = operating.carry_out(work, plan, listener)
    return Report(head.plan_id, head.review, operation, head.scan_seconds, head.plan_seconds, operation.seconds)


def _first_left(plan: Plan) -> list[Skip]:
    """The first of what a plan leaves alone."""
    return list(islice(chain.from_iterable(plan.skips()), _MOST_NAMED))


@contextmanager
def working(root: bytes, outside: bytes | None, what: str) -> Iterator[Workplace]:
    """Everything opened and locked for a run."""
    holder = f"{what} (process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')})"
    with control.Locks() as locks, open_workplace(root, outside, holder, locks=locks) as work:
        yield work


# taking back


def preview_undo(
    root: RootPath, operation: str | None = None, *, paths: Sequence[bytes] = (), listener: Listener | None = None
) -> Plan:
    """What an undo would do; the caller closes the plan. Nothing is written into the folder."""
    path = resolve_root(root)
    (listener or Listener()).enter("planning")
    with _journal(path) as journal:
        chosen, destination = _choose(path, journal, operation)
        with open_sides(path, destination) as sides:
            return _draft_undo(sides, journal, chosen, paths)


def undo(
    root: RootPath,
    operation: str | None = None,
    *,
    paths: Sequence[bytes] = (),
    confirm: Confirm | None = None,
    listener: Listener | None = None,
) -> Report:
    """Take an operation back, by default the newest that isn't taken back, whole or for some original paths.

    Raises NothingToUndo, OperationNotFound, OperationDependency, DestinationMissing.
    """
    path, listener = resolve_root(root), listener or Listener()
    settle(path)
    with _journal(path) as journal:
        chosen, destination = _choose(path, journal, operation)
    with working(path, destination, "an undo") as work:
        listener.enter("planning")
        started = time.monotonic()
        with _draft_undo(work.sides, work.journal, chosen, paths) as plan:
            plan.head.plan_seconds = time.monotonic() - started
            if not plan.batch_count:
                _note_finished(work.journal, chosen, plan)
            return run_plan(work, plan, confirm, listener)


def _note_finished(journal: Journal, chosen: Operation, plan: Plan) -> None:
    """Nothing is left to take back: the next plain undo takes an older operation."""
    if plan.head.whole:
        chosen.undo_finished = True
        chosen.rolled_back = plan.head.review.already_back >= chosen.totals.done
        journal.update_operation(chosen)


def _choose(root: bytes, journal: Journal, operation: str | None) -> tuple[Operation, bytes | None]:
    """The operation that is meant, and its destination if it has one outside. Raises DestinationMissing."""
    if operation is not None:
        chosen = journal.operation(operation)
        return chosen, destination_of(chosen)
    known = [one for one in journal.operations() if one.operation_type not in _NOT_UNDONE_BY_DEFAULT]
    if not known:
        raise NothingToUndo(f"Nothing was done in {shown_path(root)} that could be taken back.")
    candidates = [one for one in known if not one.rolled_back and not one.undo_finished]
    if not candidates:
        raise NothingToUndo(
            f"Every operation of {shown_path(root)} is taken back already, as far as that was possible. To try one again, name it:"
            " 'fileorganizer history' lists them."
        )
    try:
        return candidates[0], destination_of(candidates[0])
    except DestinationMissing as error:  # an older one may be the wrong one, so it isn't taken by itself
        older = next((one for one in candidates[1:] if _is_in_reach(one)), None)
        if older is None:
            raise
        raise DestinationMissing(
            f"{error} To take back operation {older.number} instead:  fileorganizer undo {shell_word(root)} {older.operation_id}"
        ) from error


def _is_in_reach(operation: Operation) -> bool:
    """Is the destination of an operation there now, if it has one outside the root?"""
    try:
        destination_of(operation)
    except DestinationMissing:
        return False
    return True


def _draft_undo(sides: Sequence[Root], journal: Journal, chosen: Operation, paths: Sequence[bytes]) -> Plan:
    """The stored plan that takes ``chosen`` back."""
    if chosen.operation_type == "purge":
        raise NothingToUndo("A purge destroys for good; it can't be taken back.")

    def plan(undoing: Undoing) -> None:
        if not undoing.roll_back(chosen, paths) and paths:
            raise InvalidOption(
                f"Operation {chosen.number} moved nothing from {shown_path(paths[0])}. Name original paths: 'fileorganizer"
                " explain' says where a file was."
            )

    return _draft_back(sides, journal, "rollback", plan, chosen, whole=not paths)


def _draft_back(
    sides: Sequence[Root],
    journal: Journal,
    operation_type: str,
    fill: Callable[[Undoing], None],
    undone: Operation | None = None,
    *,
    whole: bool = False,
) -> Plan:
    """Store a plan made from the journal: of an undo, or of a restore."""
    with new_plan() as (plan_id, writer):
        undoing = Undoing(sides, journal, writer, plan_id)
        fill(undoing)
        writer.finish(head_without_rules(sides, operation_type, plan_id, undoing.review, undone, whole=whole))
    return Plan(plan_dir(), plan_id)


def head_without_rules(
    sides: Sequence[Root], operation_type: str, plan_id: str, review: Review, undone: Operation | None, *, whole: bool
) -> Head:
    """The head of a plan that no rules decided."""
    source = sides[0]
    return Head(
        plan_id=plan_id,
        operation_type=operation_type,
        root=source.path,
        root_identity=(source.dev, source.ino),
        created_at=time.time(),
        options=b"{}",
        rules=b"",
        capabilities=msgspec.json.encode([probe.look_up(side) for side in sides]),
        review=review,
        destination=sides[1].path if len(sides) > 1 else None,
        destination_identity=(sides[1].dev, sides[1].ino) if len(sides) > 1 else None,
        undoes=undone.number if undone else None,
        whole=whole,
    )


def recover(root: RootPath, *, without_destination: bool = False) -> Report | None:
    """Settle what a crash left in doubt and close what it cut off; None when there was nothing.

    What was moved stays moved: run it again to go on, or undo it. ``without_destination``: a destination that isn't there
    won't come back; what only it could tell is recorded as not known.
    """
    closed = settle(resolve_root(root), without_destination=without_destination)
    if not closed:
        return None
    operation = closed[0]
    review = Review(planned=operation.totals.planned, scanned=operation.scanned, in_place=operation.in_place)
    return Report(operation.plan_id, review, operation, 0.0, 0.0, operation.seconds)


def resume(root: RootPath, plan_id: str, *, listener: Listener | None = None) -> Operation:
    """Go on with the operation that a crash cut off while it carried out this stored plan; returns it closed.

    One that is closed already is returned as it is. Raises OperationNotFound when none carried it out, PlanNotFound when
    the plan is gone: then ``recover`` closes it.
    """
    path = resolve_root(root)
    with _journal(path) as journal:
        found = [operation for operation in journal.operations() if operation.plan_id == plan_id]
    if not found:
        raise OperationNotFound(f"No operation of {shown_path(path)} has carried out plan {plan_id}.")
    if found[0].status != "running":
        return found[0]
    with (
        working(path, destination_of(found[0]), "a resumed run") as work,
        Plan(plan_dir(), plan_id) as plan,
    ):
        return operating.go_on(work, plan, listener or Listener())


def settle(root: bytes, *, without_destination: bool = False) -> list[Operation]:
    """Close what was cut off, if anything was. Raises RootBusy when it isn't cut off but at work; DestinationMissing."""
    try:
        with Journal(root, write=False) as journal:
            running = [operation for operation in journal.operations() if operation.status == "running"]
    except FileNotFoundError:
        return []
    closed: list[Operation] = []
    for operation in running:
        try:
            destination = destination_of(operation)
        except DestinationMissing as error:
            if not without_destination:
                raise DestinationMissing(
                    f"{error} If it won't ever come back:  fileorganizer recover {shell_word(root)} --without-destination"
                ) from error
            with working(root, None, "a recovery") as work:
                closed += operating.close_without_destination(work, operation.number)
            continue
        with working(root, destination, "a recovery") as work:
            closed += operating.close_cut_off(work)
    return closed


# reading


@contextmanager
def _journal(root: bytes) -> Iterator[Journal]:
    """The journal for reading. Raises OperationNotFound when nothing was ever done here."""
    try:
        journal = Journal(root, write=False)
    except FileNotFoundError as error:
        raise OperationNotFound(f"Nothing was organized in {shown_path(root)} yet.") from error
    with journal:
        yield journal


def history(root: RootPath) -> list[Operation]:
    """All operations of a root, the newest first; none when nothing was ever done there."""
    try:
        with _journal(resolve_root(root)) as journal:
            return list(journal.operations())
    except OperationNotFound:
        return []


def moved_nothing_from(root: RootPath, operation: int, paths: Iterable[bytes]) -> list[bytes]:
    """Which of these original paths are neither those of files that an operation moved, nor of folders above such files."""
    unknown = {path.strip(b"/") for path in paths}
    with _journal(resolve_root(root)) as journal:
        for batch in journal.batches(operation):
            for deed in deeds_of(batch, operation):
                path = original_path(deed.step)
                while path and unknown:
                    unknown.discard(path)
                    path = path.rpartition(b"/")[0]
    return sorted(unknown)


@contextmanager
def show(root: RootPath, operation: str) -> Iterator[Shown]:
    """One operation and its files, as long as the context lasts."""
    with _journal(resolve_root(root)) as journal:
        chosen = journal.operation(operation)
        yield Shown(chosen, reading.rows(journal, chosen))


def explain(root: RootPath, path: bytes, *, destination: bytes | None = None) -> list[Explained]:
    """What each operation did with the file that was or is at ``path`` and why, the newest first.

    With ``destination`` the path is relative to this folder, where operations of ``root`` have put files.
    """
    with _journal(resolve_root(root)) as journal:
        return list(reading.explanations(journal, path.strip(b"/"), destination))


def verify(root: RootPath) -> Verification:
    """Compare every record with the disk. Changes nothing."""
    path = resolve_root(root)
    with _journal(path) as journal, Root(path) as opened:
        return verify_root(opened, journal)


def categories(profile: str) -> RuleSet:
    """The categories and the layout of a profile. Raises InvalidOption for one that isn't there."""
    return builtin_rules(profile)


def doctor(root: RootPath) -> Diagnosis:
    """What the file system of a root guarantees; it is tried out where the program has its folder already."""
    path = resolve_root(root)
    known = _tried_out(path)
    operations = history(path)
    state = counted(len(operations), "operation") if operations else "none yet"
    notes: list[str] = []
    if any(operation.status == "running" for operation in operations):
        notes.append("A run was cut off here. Run 'fileorganizer recover'.")
    if known.read_only:
        notes.append("The file system is read-only: a preview is possible, moving files isn't.")
    elif not may(path, os.W_OK | os.X_OK):
        notes.append("You may not write into this folder: a preview is possible, moving its files isn't.")
    elif known.exclusive_rename == "untried":
        notes.append("What has to be tried (exclusive rename, hard links, time stamps) is tried by the first run.")
    if not known.strong_identity:
        notes.append("Inode numbers may change here: files are told apart by size and time as well.")
    if client := sync_client(path):
        notes.append(f"{client} syncs this folder, and its records with it: organize it on one device only.")
    return Diagnosis(path, known, probe.supported(), state, notes)


def _tried_out(root: bytes) -> Capabilities:
    """What the file system of a root can do, tried where that leaves no trace. Raises RootBusy."""
    with Root(root) as opened:
        known = probe.look_up(opened)
        if known.read_only or not may(root, os.W_OK | os.X_OK):
            return known
        folder = control.open_control(opened, create=False)
        if folder is None:
            return known
        try:
            with control.Locks() as locks:
                locks.take_root(opened, folder, "the doctor")
                return probe.try_out(opened, folder)
        finally:
            os.close(folder)


# the trash


def trash_list(root: RootPath) -> list[TrashItem]:
    """What is in the trash of a root, and in those of the destinations that its operations used, as far as they are there."""
    path = resolve_root(root)
    try:
        with _journal(path) as journal, Root(path) as side, _destinations(journal) as destinations:
            return list(reading.trash_items(journal, side, destinations))
    except OperationNotFound:
        return []


@contextmanager
def _destinations(journal: Journal) -> Iterator[dict[bytes, Root]]:
    """The destination roots of all operations that are there now, opened for looking, by their paths."""
    with ExitStack() as stack:
        opened: dict[bytes, Root] = {}
        for operation in journal.operations():
            with suppress(DestinationMissing, RootRefused):
                path = destination_of(operation)
                if path is not None and path not in opened:
                    opened[path] = stack.enter_context(Root(path))
        yield opened


def trash_out_of_reach(root: RootPath) -> list[bytes]:
    """The destinations that aren't there now, and in whose trash something was put from this root: ``trash_list`` can't name it."""
    path = resolve_root(root)
    away: list[bytes] = []
    with suppress(OperationNotFound), _journal(path) as journal, _destinations(journal) as there:
        for operation in journal.operations():
            destination = operation.destination
            if destination is not None and destination not in (*there, *away) and _trashes_there(journal, operation):
                away.append(destination)
    return away


def _trashes_there(journal: Journal, operation: Operation) -> bool:
    """Has the operation put anything into the trash of its destination?"""
    return any(
        deed.step.kind == StepKind.TRASH and deed.step.source_side == DESTINATION
        for batch in journal.batches(operation.number)
        for deed in deeds_of(batch, operation.number)
    )


def restore(
    root: RootPath, items: Sequence[str], *, confirm: Confirm | None = None, listener: Listener | None = None
) -> Report:
    """Bring files back from the trash, by item id or original path; none named: all of them.

    Raises InvalidOption for a name that nothing has, and for items of several destinations at once.
    """
    path, listener = resolve_root(root), listener or Listener()
    chosen = _chosen_items(path, items)
    if not chosen:
        return nothing_to_do()  # nothing is opened: a folder that was never organized stays without records
    places = {item.place for item in chosen}

    def fill(undoing: Undoing) -> None:
        undoing.restore(work.journal.operations(), lambda deed: deed.place in places)

    with (
        working(path, _one_destination(chosen), "a restore") as work,
        _draft_back(work.sides, work.journal, "restore", fill) as plan,
    ):
        return run_plan(work, plan, confirm, listener)


def _one_destination(items: Sequence[TrashItem]) -> bytes | None:
    """The destination whose trash some of these are in, or None. Raises InvalidOption when there are several."""
    outside = sorted({item.root for item in items if item.side == DESTINATION})
    if len(outside) > 1:
        raise InvalidOption(
            f"These lie in the trash of {shown_path(outside[0])} and of {shown_path(outside[1])}. Name those of one folder at a"
            " time; 'fileorganizer trash list' shows where each is."
        )
    return outside[0] if outside else None


def purge(
    root: RootPath,
    items: Sequence[str] = (),
    *,
    older_than_days: float | None = None,
    confirm: Confirm | None = None,
    listener: Listener | None = None,
) -> Report:
    """Destroy what is in the trash for ever: the items named, or all that is older than some days."""
    path, listener = resolve_root(root), listener or Listener()
    chosen = trashed_before(_chosen_items(path, items), older_than_days)
    if not chosen:
        return nothing_to_do()  # nothing is opened: a folder that was never organized stays without records
    with working(path, _one_destination(chosen), "a purge") as work, _draft_purge(work, chosen) as plan:
        return run_plan(work, plan, confirm, listener)


def trashed_before(items: Sequence[TrashItem], days: float | None) -> list[TrashItem]:
    """Those that lie in the trash longer than some days; with None all."""
    limit = time.time() - days * 86_400 if days is not None else None
    return [item for item in items if limit is None or item.trashed_at < limit]


def _chosen_items(root: bytes, items: Sequence[str]) -> list[TrashItem]:
    """The trash items that are named. Raises InvalidOption for a name that nothing in the trash has.

    What is the id of one item is the path of no other: that one may still be named from the top.
    """
    settle(root)
    there = trash_list(os.fsdecode(root))
    if not items:
        return there
    wanted = {os.path.normpath(name) for name in items}
    paths = wanted.difference(item.item_id for item in there)
    found = [item for item in there if item.item_id in wanted or not paths.isdisjoint(_paths_of(item))]
    unknown = paths.difference(*map(_paths_of, found))
    if unknown:
        raise InvalidOption(
            f"There is no {shown_path(min(unknown))} in the trash. 'fileorganizer trash list' shows what is."
        )
    return found


def _paths_of(item: TrashItem) -> tuple[str, str]:
    """What an item may be called by besides its id: where it was, and the same from the top."""
    return os.fsdecode(item.path), os.fsdecode(os.path.join(item.root, item.path))


def _draft_purge(work: Workplace, items: Sequence[TrashItem]) -> Plan:
    """The stored plan of a purge."""
    items = keepers_now(work.journal, work.sides[0], items)
    with new_plan() as (plan_id, writer):
        review = Review(scanned=len(items), planned=len(items), bytes=sum(item.size for item in items))
        for start in range(0, len(items), BATCH_STEPS):
            part = items[start : start + BATCH_STEPS]
            writer.add_batch([_purge_step(item) for item in part])
        writer.finish(head_without_rules(work.sides, "purge", plan_id, review, None, whole=False))
    return Plan(plan_dir(), plan_id)


def _purge_step(item: TrashItem) -> Step:
    """The step that destroys one item; with a keeper only after comparing the bytes: it was hashed before it came here."""
    seen = item.seen if item.keeper is None else msgspec.structs.replace(item.seen, ctime_ns=0)
    return Step(StepKind.PURGE, item.place, b"", seen, item.side, item.side, keeper=item.keeper)
