"""What was found of duplicates, for people."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from fileorganizer.cli import render
from fileorganizer.errors import show
from fileorganizer.model import Reason
from fileorganizer.planning.review import counted

if TYPE_CHECKING:
    from rich.console import Console

    from fileorganizer.cleaner import Met
    from fileorganizer.duplicates.folders import Contained
    from fileorganizer.searcher import FoldersFound, Found


def found(out: Console, result: Found, root: str) -> None:
    """The groups that waste most, and the totals."""
    from rich.text import Text

    for group in islice(result.groups, render.MOST_ROWS):
        title = f"{group.redundant} too many × {render.size(group.size)}  {group.digest.hex()[:16]}"
        out.print(Text(title, style="bold"))
        for copy in group.copies:
            mark = "reference " if copy.is_reference else ""
            out.print(f"  {mark}{show(copy.path)}")
            for link in copy.links:
                out.print(f"    also called {show(link)}")
    groups = result.groups
    if len(groups) > render.MOST_ROWS:
        out.print(f"… and {counted(len(groups) - render.MOST_ROWS, 'more group')}; --json lists all.")
    out.print(
        f"{counted(result.files, 'file')}: {counted(len(groups), 'group')} of equal files, {groups.redundant} too many,"
        f" {render.size(groups.wasted)} wasted."
    )
    render.reasons(out, Counter(Reason(skip.reason).label for skip in result.skips), "Left alone")
    if groups.redundant and result.reference is None:
        command = f"fileorganizer duplicates clean {root} --keep oldest --preview"
        out.print(f"See how to put the redundant ones away:  {command}")
    for skip in islice(result.unreadable, render.MOST_ROWS):
        out.print(f"! can't be read: {show(skip.path)}")
    _more(out, len(result.unreadable) - render.MOST_ROWS)


def _more(out: Console, count: int) -> None:
    """How many there was no room for."""
    if count > 0:
        out.print(f"… and {count} more; --json lists all.")


def folders(out: Console, result: FoldersFound) -> None:
    """Equal folders, then pairs of which one is in the other, with what differs."""
    from rich.text import Text

    for same in islice(result.same, render.MOST_ROWS):
        out.print(Text(f"The same: {counted(same.files, 'file')}, {render.size(same.size)}", style="bold"))
        for path in same.paths:
            out.print(f"  {show(path)}")
    for pair in islice(result.contained, render.MOST_ROWS):
        _pair(out, pair)
    more = max(0, len(result.same) - render.MOST_ROWS) + max(0, len(result.contained) - render.MOST_ROWS)
    _more(out, more)
    if not result.same and not result.contained:
        out.print("No folder is the same as another, or in it.")
    render.reasons(out, Counter(Reason(skip.reason).label for skip in result.not_compared), "Not compared")
    render.left(out, result.not_compared, len(result.not_compared))


def _pair(out: Console, pair: Contained) -> None:
    """Two folders of which one is in the other, and what differs."""
    from rich.text import Text

    words = "is in" if pair.is_whole else "is nearly in"
    both = f"{show(pair.inner)} {words} {show(pair.outer)}"
    out.print(Text(f"{both}: {counted(pair.same, 'file')}, {render.size(pair.size)}", style="bold"))
    for title, paths in (
        ("missing there", pair.missing),
        ("differs", pair.differing),
        ("only there", pair.extra_named),
    ):
        for path in islice(paths, render.MOST_ROWS):
            out.print(f"  {title}: {show(path)}")
    if pair.extra > len(pair.extra_named[: render.MOST_ROWS]):
        out.print(f"  only there: {counted(pair.extra, 'file')} in all")


def met(out: Console, duplicates: Met, root: str) -> None:
    """Duplicates that a run met on its way."""
    done = "" if duplicates.clean_up is None else f" Cleaned up as operation {duplicates.clean_up.number}."
    out.print(
        f"{counted(duplicates.redundant, 'file')} too many, {render.size(duplicates.wasted)} wasted by equal contents.{done}"
    )
    if duplicates.clean_up is not None:
        out.print(f"Take that back:  fileorganizer undo {root} {duplicates.clean_up.operation_id}")
