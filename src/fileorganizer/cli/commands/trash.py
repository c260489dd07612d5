"""trash list, restore, purge."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from fileorganizer import organizer
from fileorganizer.cli import render, render_json
from fileorganizer.cli.output import Output, spoken
from fileorganizer.cli.records import elsewhere
from fileorganizer.cli.values import FOLDER, NAMED
from fileorganizer.errors import EXIT_DONE, path_members, show
from fileorganizer.execution.reading import TrashItem
from fileorganizer.model import SOURCE

if TYPE_CHECKING:
    from rich.console import Console

    from fileorganizer.journal.plans import Plan


@click.group()
def trash() -> None:
    """List what was put away, bring it back, or destroy it."""


@trash.command("list")
@click.argument("folder", type=FOLDER)
@spoken
def list_items(output: Output, folder: str) -> int:
    """List what is in the trash of FOLDER.

    What was put away in destinations that were used from it is listed, too.
    """
    items = organizer.trash_list(folder)
    if output.for_programs:
        render_json.write_stream({"count": len(items)}, items=map(_item_row, items))
    elif not output.silent:
        rows = [
            (
                i.item_id,
                time.strftime("%Y-%m-%d", time.localtime(i.trashed_at)),
                render.size(i.size),
                _was_at(i),
            )
            for i in items
        ]
        render.table(output.console, ("Item", "Since", " Size", "Was at "), rows)
        away = organizer.trash_out_of_reach(folder)
        for path in away:
            output.console.print(f"What is in the trash of {show(path)} isn't listed: that folder isn't there now.")
        if not items and not away:
            output.console.print(f"The trash is empty.{elsewhere(folder)}")
    return EXIT_DONE


def _was_at(item: TrashItem) -> str:
    """Where an item was, from the root; absolute where that was in a destination."""
    return show(item.path if item.side == SOURCE else os.path.join(item.root, item.path))


def _item_row(item: TrashItem) -> dict[str, Any]:
    """An item as JSON; ``root`` is the folder whose trash it is in, and that its path is relative to."""
    return {
        "item_id": item.item_id,
        **path_members(item.path),
        **path_members(item.root, "root"),
        "side": "root" if item.side == SOURCE else "destination",
        "size": item.size,
        "trashed_at": item.trashed_at,
        "operation_id": item.operation_id,
    }


@trash.command()
@click.argument("folder", type=FOLDER)
@click.argument("items", nargs=-1, type=NAMED)
@click.option("--yes", "-y", count=True, help="Don't ask.")
@spoken
def restore(output: Output, folder: str, items: tuple[str, ...], yes: int) -> int:
    """Bring ITEMS back to where they were.

    ITEMS are ids or original paths; none: all.
    """
    with output.listening() as listener:
        report = organizer.restore(folder, items, confirm=output.confirm(yes), listener=listener)
        return _told(output, report, folder)


@trash.command()
@click.argument("folder", type=FOLDER)
@click.argument("items", nargs=-1, type=NAMED)
@click.option("--older-than", "days", type=click.FloatRange(0), metavar="DAYS", help="Only what lies there longer.")
@click.option("--yes", "-y", count=True, help="Don't ask.")
@spoken
def purge(output: Output, folder: str, items: tuple[str, ...], days: float | None, yes: int) -> int:
    """Destroy ITEMS (none: all) for ever. There is no way back."""

    def tell(console: Console, plan: Plan) -> None:
        was_at = {(item.side, item.place): _was_at(item) for item in organizer.trash_list(folder)}
        render.destroyed(console, plan, was_at)

    with output.listening() as listener:
        confirm = output.confirm(yes, tell)
        report = organizer.purge(folder, items, older_than_days=days, confirm=confirm, listener=listener)
        return _told(output, report, folder)


def _told(output: Output, report: organizer.Report, folder: str) -> int:
    """Tell what was done; where nothing was, whose records know of the trash of this folder. Gives the exit code."""
    code = output.report(report, folder)
    if report.operation is None and not output.silent and (words := elsewhere(folder)):
        output.console.print(words.strip())
    return code
