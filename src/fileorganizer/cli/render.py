"""Tables and trees for people. Names of files are only ever shown escaped, and never read as markup.

rich is imported where something is drawn: what speaks to programs, or is quiet, starts without it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from fileorganizer.cli.words import why
from fileorganizer.errors import show
from fileorganizer.journal.plans import AFTER, BEFORE, Plan
from fileorganizer.journal.records import Operation
from fileorganizer.model import CONTROL_DIRECTORY, STEP_NAMES, Reason, Review, Skip
from fileorganizer.planning.review import counted

if TYPE_CHECKING:
    from rich.console import Console

    from fileorganizer.execution.reading import Explained, FileRow
    from fileorganizer.organizer import Report

MOST_ROWS: Final = 40
_NEVER_REACHED: Final = frozenset({Reason.STOPPED.label, Reason.INTERRUPTED.label})
"""Reasons of files that a run didn't come to: they aren't recorded one by one."""
_EXPECTED: Final = frozenset({Reason.HIDDEN, Reason.SYSTEM_FILE, Reason.EXCLUDED, Reason.FILTERED_OUT, Reason.TOO_DEEP})
"""Why files are left alone as options, or their own names, say: they are many, and nobody misses them in a plan."""
_DEEPEST: Final = 4
"""Levels of folders that a tree shows at most."""
_UNBROKEN: Final = 10_000
"""Columns where nobody looks but a program: a path of any length stays on its line."""
_WIDE: Final = 120
"""Columns of a terminal in which the history has room for ids."""
_GAP: Final = 2
"""Columns between those of a table."""
_FOLDED: Final = 12
"""A column of a table that is folded has at least this width."""
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def console(*, color: bool, stderr: bool = False) -> Console:
    """Where tables go, or with ``stderr`` what belongs to a question; without a terminal they are plain text."""
    from rich.console import Console

    return Console(
        stderr=stderr,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=True,
        width=None if (sys.stderr if stderr else sys.stdout).isatty() else _UNBROKEN,
    )


def size(count: int) -> str:
    """Bytes for people, in powers of 1000."""
    value, unit = float(count), 0
    while value >= 1000 and unit + 1 < len(_UNITS):
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def moment(seconds: float) -> str:
    """A time for people, local."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def table(out: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A plain table, for rows that are there; numbers stand to the right when their column's name begins with a space.

    Only what may be long is folded: columns whose name ends with a space.
    """
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    lines = list(rows)
    if not lines:
        return
    shown, least = Table(box=None, pad_edge=False), -_GAP
    for column, *cells in zip(columns, *lines, strict=True):
        widest, is_long = max(map(cell_len, (column.strip(), *cells))), column.endswith(" ")
        width = min(widest, _FOLDED) if is_long else widest
        justify: Literal["left", "right"] = "right" if column.startswith(" ") else "left"
        shown.add_column(column.strip(), justify=justify, overflow="fold", no_wrap=not is_long, min_width=width)
        least += width + _GAP
    for row in lines:
        shown.add_row(*map(Text, row))
    out.width = max(out.width, least)  # the terminal breaks the lines then; rich would leave out columns
    out.print(shown)


def totals(out: Console, shown: Plan, *, by_name: bool = False) -> None:
    """A plan in numbers, and what to know before saying yes; ``by_name``: also which files it leaves alone unasked."""
    from rich.text import Text

    review, outside = shown.head.review, shown.head.destination
    into = f" into {show(outside)}" if outside and shown.head.operation_type == "organize" else ""
    out.print(
        f"{counted(review.scanned, 'file')} seen: {review.planned} to go ({size(review.bytes)}){into}, {review.in_place} in place,"
        f" {review.left_alone} left alone."
    )
    folders = [counted(review.new_folders, "new folder")] if review.new_folders else []
    folders += [f"{counted(review.removed_folders, 'emptied folder')} removed"] if review.removed_folders else []
    folders += [f"{review.renamed} renamed because the name is taken"] if review.renamed else []
    if folders:
        out.print(", ".join(folders) + ".")
    reasons(out, review.left_by_reason, "Left alone")
    if by_name:
        _left_unasked(out, shown)
    _edited(out, review)
    for risk in review.risks:
        out.print(Text(f"! {risk.text}", style="yellow"))


def reasons(out: Console, counts: dict[str, int], title: str) -> None:
    """Counts by reason, most frequent first."""
    if counts:
        listed = sorted(counts.items(), key=lambda item: -item[1])
        out.print(f"{title}: " + ", ".join(f"{label} {count}" for label, count in listed))


def _edited(out: Console, review: Review) -> None:
    """The files of an undo that aren't quite what they were, or that nobody named."""
    if review.edited:
        out.print(f"Edited since, back with the edits: {counted(review.edited, 'file')}.")
    if review.along:
        out.print(f"Not named, back with the others of their families: {counted(review.along, 'file')}.")


def plan(out: Console, shown: Plan) -> None:
    """A preview: both trees, categories, totals, and how to go on."""
    review = shown.head.review
    if not shown.batch_count:
        out.print("Nothing to do.")
    elif shown.head.operation_type == "organize":
        _tree(out, "Before", shown.folders(BEFORE))
        _tree(out, "After", shown.folders(AFTER))
        _categories(out, review)
    _keepers(out, shown)
    totals(out, shown, by_name=True)


def _left_unasked(out: Console, shown: Plan) -> None:
    """What a plan leaves alone though nobody has asked for that, as far as there is room: a file that somebody may miss."""
    if count := _unasked(shown.head.review):
        left(out, (skip for skips in shown.skips() for skip in skips if skip.reason not in _EXPECTED), count)


def _unasked(review: Review) -> int:
    """How many files a plan leaves alone though nobody has asked for that."""
    asked = {reason.label for reason in _EXPECTED}
    return sum(count for label, count in review.left_by_reason.items() if label not in asked)


def left(out: Console, skips: Iterable[Skip], count: int) -> None:
    """By name and reason what was left alone, of ``count`` in all, as far as there is room."""
    for skip in islice(skips, MOST_ROWS):
        detail = f" ({skip.detail})" if skip.detail else ""
        out.print(f"  {Reason(skip.reason).label}: {show(skip.path)}{detail}")
        count -= 1
    if count > 0:
        out.print(f"  … and {count} more.")


def _keepers(out: Console, shown: Plan) -> None:
    """What a clean-up puts away, and for which copy, as far as there is room."""
    action = "" if shown.head.operation_type != "duplicate_cleanup" else json.loads(shown.head.options)["action"]
    rows = (
        (action or STEP_NAMES[step.kind], show(step.source), show(step.keeper.path))
        for steps in shown.batches()
        for step in steps
        if step.keeper is not None
    )
    first = list(islice(rows, MOST_ROWS))
    if first:
        table(out, ("What", "File ", "Stays "), first)
    if more := sum(1 for _ in rows):
        out.print(f"… and {more} more; --json lists all.")


def destroyed(out: Console, purging: Plan, was_at: Mapping[tuple[int, bytes], str]) -> None:
    """What a purge destroys; ``was_at`` says where the files in the trash were, by side and place."""
    review = purging.head.review
    steps = (step for steps in purging.batches() for step in steps)
    rows = [
        (size(step.seen.size if step.seen else 0), was_at.get((step.source_side, step.source), _spot(step.source)))
        for step in islice(steps, MOST_ROWS)
    ]
    table(out, (" Size", "Was at "), rows)
    if more := sum(1 for _ in steps):
        out.print(f"… and {more} more.")
    out.print(
        f"To be destroyed for ever: {counted(review.planned, 'file')} ({size(review.bytes)}). There is no way back."
    )


def _categories(out: Console, review: Review) -> None:
    """Planned files by category."""
    rows = sorted(review.by_category.items(), key=lambda item: -item[1][0])
    table(out, ("Category", " Files", " Size"), [(name, str(n), size(b)) for name, (n, b) in rows])


def _tree(out: Console, title: str, folders: Iterable[tuple[bytes, int, int]]) -> None:
    """The folders of a tree, each with all that is in and below it, as deep as there is room."""
    from rich.text import Text
    from rich.tree import Tree

    summed, depth = _summed(folders)
    branches = {b"": Tree(Text(title, style="bold"))}
    more = 0
    for path, (files, count, inside) in sorted(summed.items()):
        if path and (path.count(b"/") >= depth or path.rpartition(b"/")[0] not in branches):
            continue
        if len(branches) > MOST_ROWS:
            more += 1
            continue
        closed = f" in {counted(inside, 'folder')}" if inside > 1 and path.count(b"/") + 1 >= depth else ""
        words = f"{counted(files, 'file')}, {size(count)}{closed}"
        if path:
            branches[path] = branches[path.rpartition(b"/")[0]].add(Text(f"{_name(path)}  {words}"))
        else:
            branches[path].label = Text(f"{title}  {words}", style="bold")
    if more:
        branches[b""].add(Text(f"… and {counted(more, 'more folder')}"))
    out.print(branches[b""])


def _summed(folders: Iterable[tuple[bytes, int, int]]) -> tuple[dict[bytes, list[int]], int]:
    """Folder → files, bytes and folders with files in it, all that is below included; and how deep there is room to show it."""
    summed: dict[bytes, list[int]] = {}
    levels = [0] * (_DEEPEST + 1)
    for path, files, count in folders:
        if files <= 0:
            continue
        parts = path.split(b"/") if path else []
        for depth in range(min(len(parts), _DEEPEST) + 1):
            if depth > 1 and levels[depth] > MOST_ROWS:
                break
            sums = summed.get(place := b"/".join(parts[:depth]))
            if sums is None:
                sums = summed[place] = [0, 0, 0]
                levels[depth] += 1
            sums[0] += files
            sums[1] += count
            sums[2] += 1
    room = [depth for depth in range(1, _DEEPEST + 1) if sum(levels[: depth + 1]) <= MOST_ROWS]
    return summed, max(room, default=1)


def _name(path: bytes) -> str:
    """The last part of a path; the root is a dot."""
    return show(path.rpartition(b"/")[2]) if path else "."


def report(out: Console, done: Report, root: str, *, from_stored: bool = False) -> None:
    """What a run did, and how to go back; ``from_stored``: it carried out a plan that was made by an earlier command."""
    operation = done.operation
    if operation is None:
        more = "" if done.undoes is None else f": of operation {done.undoes} nothing more can be taken back"
        out.print(f"Nothing to do{more}.")
        reasons(out, done.review.left_by_reason, "Left alone")
        if done.left:
            left(out, done.left, done.review.left_alone)
        elif _unasked(done.review):
            out.print("A preview names them.")
        return
    counts = operation.totals
    words = {"cancelled": "Stopped", "interrupted": "Was cut off", "failed": "Failed"}.get(operation.status, "Done")
    files = (
        f"{counts.done} of {counted(counts.planned, 'file')} ({size(counts.bytes)})"
        if counts.planned
        else "only folders"
    )
    out.print(f"{words}: {files}, {counts.skipped} skipped, {counts.failed} failed, in {operation.seconds:.1f} s.")
    reasons(out, counts.by_reason, "Not done")
    left_by_reason = {} if operation.operation_type == "organize" else done.review.left_by_reason
    reasons(out, left_by_reason, "Left alone")
    _edited(out, done.review)
    if counts.by_reason.keys() - _NEVER_REACHED or left_by_reason:
        out.print(f"See which, and why:  fileorganizer show {root} {operation.operation_id}")
    stopped = operation.status in ("cancelled", "interrupted")
    if stopped:
        out.print("To go on, make a new plan: this one is used up." if from_stored else "To go on, run it again.")
    if operation.operation_type != "purge" and (counts.done or stopped):  # folders may have been made already
        out.print(f"Take it back:  fileorganizer undo {root} {operation.operation_id}")


def history(out: Console, operations: Sequence[Operation]) -> None:
    """All operations, the newest first. Where there is little room the number is all that names one."""
    columns = ("No", "When", "What", "State", " Done", " Skipped", " Failed", " Back", "Id")
    shown = len(columns) if out.width >= _WIDE else len(columns) - 1
    table(out, columns[:shown], [_in_history(one)[:shown] for one in operations])


def unsettled(out: Console, operation: Operation, root: str) -> None:
    """Of an operation that hasn't ended: its record says what was meant to be done, and no more."""
    if operation.status == "running":
        out.print(
            f"Operation {operation.number} is at work, or was cut off: its record says what was planned. What was done is known"
            f" after:  fileorganizer recover {root}"
        )


def _in_history(operation: Operation) -> tuple[str, ...]:
    """An operation's line in the history."""
    return (
        str(operation.number),
        moment(operation.created_at),
        what(operation),
        operation.status,
        str(operation.totals.done),
        str(operation.totals.skipped),
        str(operation.totals.failed),
        "all" if operation.rolled_back else str(operation.rolled_back_count),
        operation.operation_id,
    )


def what(operation: Operation) -> str:
    """What an operation was, by the name of the command."""
    if operation.undoes is not None:
        return f"undo of {operation.undoes}"
    return {"duplicate_cleanup": "duplicates clean"}.get(operation.operation_type, operation.operation_type)


def state(row: FileRow) -> str:
    """What became of a file, and the reason."""
    return f"{row.state} {row.reason}".strip()


def way(row: FileRow, operation: Operation) -> str:
    """Where a file was and where it went, or was to go; only the first for one that stayed instead of being put away."""
    outside = operation.destination if operation.operation_type == "organize" else None
    to = show(os.path.join(outside or b"", row.target) if row.target else b"")
    if row.state == "done" and not to:
        to = {"trash": "the trash", "purge": "destroyed"}.get(row.kind, "")
    if row.state == "done" and row.kind == "trash" and outside:
        to = f"a copy in {show(outside)}, the original to the trash"  # that is how a file moves to another disk
    if row.state == "done" and row.keeper and json.loads(operation.options).get("action") == "hardlink":
        to = f"a hard link to {show(row.keeper)}"
    return f"{_spot(row.path)} → {to}" if to else _spot(row.path)


def _spot(path: bytes) -> str:
    """A path; one in the trash by the name that the trash's list has for it."""
    trash = CONTROL_DIRECTORY + b"/trash/"
    return f"trash item {show(path[len(trash):])}" if path.startswith(trash) else show(path)


def explained(one: Explained) -> list[str]:
    """Why an operation did with a file what it did."""
    row, operation = one.row, one.operation
    sentences = [one.explanation.sentence] if one.explanation and row.state != "left" else []
    if row.keeper and row.state == "done":
        sentences.append(f"It had the same bytes as {show(row.keeper)}, which stayed.")
    elif row.state == "done" and not sentences:
        undone = "" if operation.undoes is None else f"Operation {operation.undoes} was taken back."
        by_type = {"rollback": undone, "restore": "It was brought back.", "purge": "It was destroyed for ever."}
        sentences += [words for words in (by_type.get(operation.operation_type, ""),) if words]
    return sentences + ([why(row.reason)] if row.reason else [])
