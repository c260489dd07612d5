"""history, show, explain, verify, categories, doctor: nothing here changes anything."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import click
import msgspec

from fileorganizer import organizer
from fileorganizer.cli import render, render_json
from fileorganizer.cli.output import Output, spoken
from fileorganizer.cli.records import elsewhere, knowing, pointing
from fileorganizer.cli.values import FOLDER
from fileorganizer.errors import EXIT_DONE, EXIT_NOTHING, EXIT_PARTIAL, OperationNotFound, RootRefused
from fileorganizer.errors import show as shown_path
from fileorganizer.execution.reading import Explained, FileRow
from fileorganizer.planning.review import counted
from fileorganizer.rules.profiles import profile_names


@click.command()
@click.argument("folder", type=FOLDER)
@spoken
def history(output: Output, folder: str) -> int:
    """List what was done in FOLDER, the newest first."""
    operations = organizer.history(folder)
    if output.for_programs:
        render_json.write_document({"operations": [render_json.operation_row(one) for one in operations]})
    elif not output.silent:
        render.history(output.console, operations)
        if not operations:
            output.console.print(f"Nothing was organized here yet.{elsewhere(folder)}")
    return EXIT_DONE


def _file_row(row: FileRow) -> dict[str, Any]:
    """A file of an operation as JSON."""
    rest = {name: getattr(row, name) for name in ("kind", "state", "reason", "detail", "size")}
    keeper = render_json.path_member(row.keeper, "keeper") if row.keeper else {}
    return {**render_json.path_member(row.path), **render_json.path_member(row.target, "target"), **rest, **keeper}


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("operation")
@spoken
def show(output: Output, folder: str, operation: str) -> int:
    """Show one OPERATION file by file."""
    with pointing(folder), organizer.show(folder, operation) as shown:
        if output.for_programs:
            head = render_json.operation_row(shown.operation)
            render_json.write_stream(head, "files", map(_file_row, shown.files))
        elif not output.silent:
            render.history(output.console, [shown.operation])
            for row in shown.files:
                detail = f" ({row.detail})" if row.detail else ""
                output.console.print(f"{render.state(row)}: {render.way(row, shown.operation)}{detail}")
    return EXIT_DONE


@click.command()
@click.argument("path", type=FOLDER)
@spoken
def explain(output: Output, path: str) -> int:
    """Say why the file at PATH is where it is.

    PATH is where it was or where it is now.
    """
    places = list(knowing(path))
    if not places:
        raise OperationNotFound(f"Nothing was organized in a folder above {shown_path(path)} yet.")
    found: list[Explained] = []
    for root, below, destination in places:
        with suppress(OperationNotFound, RootRefused):  # a disk that isn't there now knows nothing
            found += organizer.explain(root, below, destination=destination)
    if output.for_programs:
        render_json.write_document({"explanations": [_explained(one) for one in found]})
    elif not output.silent:
        for one in found:
            operation = one.operation
            output.console.print(f"Operation {operation.number} ({operation.operation_type}), {render.state(one.row)}:")
            output.console.print(f"  {render.way(one.row, operation)}")
            for sentence in render.explained(one):
                output.console.print(f"  {sentence}")
            for loser in one.explanation.losers if one.explanation else ():
                output.console.print(f"  not: {loser.rule}: {loser.why}")
        if not found:
            output.console.print("No operation knows this file: none has moved it, put it away or left it alone.")
    return EXIT_DONE if found else EXIT_NOTHING


def _explained(one: Explained) -> dict[str, Any]:
    """An explanation as JSON."""
    why = msgspec.to_builtins(one.explanation) if one.explanation else None
    return {"operation_id": one.operation.operation_id, **_file_row(one.row), "explanation": why}


@click.command()
@click.argument("folder", type=FOLDER)
@spoken
def verify(output: Output, folder: str) -> int:
    """Compare every record of FOLDER with the disk; changes nothing."""
    with pointing(folder):
        found = organizer.verify(folder)
    if output.for_programs:
        problems = [{"code": one.code, **render_json.path_member(one.path), "text": one.text} for one in found.problems]
        render_json.write_document({"operations": found.operations, "steps": found.steps, "problems": problems})
    elif not output.silent:
        for one in found.problems:
            output.console.print(f"{one.code}: {one.text}")
        checked = f"{counted(found.steps, 'step')} of {counted(found.operations, 'operation')} checked"
        output.console.print(f"{checked}: {counted(len(found.problems), 'problem')}.")
    return EXIT_PARTIAL if found.problems else EXIT_DONE


@click.command()
@click.option("--profile", type=click.Choice(profile_names()), default="personal")
@spoken
def categories(output: Output, profile: str) -> int:
    """List the categories and what belongs to them."""
    rules = organizer.categories(profile)
    if output.for_programs:
        listed = msgspec.to_builtins(rules.categories)
        render_json.write_document({"profile": profile, "layout": rules.layout, "categories": listed})
    elif not output.silent:
        rows = [(one.name, str(len(one.extensions)), one.description) for one in rules.categories]
        render.table(output.console, ("Category", " Extensions", "What"), rows)
    return EXIT_DONE


@click.command()
@click.argument("folder", type=FOLDER)
@spoken
def doctor(output: Output, folder: str) -> int:
    """Say what can be promised for FOLDER on its file system."""
    found = organizer.doctor(folder)
    known = msgspec.to_builtins(found.capabilities)
    if output.for_programs:
        document = {"supported": found.supported, "journal": found.journal, "notes": found.notes}
        render_json.write_document({**render_json.path_member(found.root, "root"), **document, "capabilities": known})
    elif not output.silent:
        render.table(
            output.console,
            ("What", "Is"),
            [(name.replace("_", " "), _fact(name, value)) for name, value in known.items()],
        )
        for note in (f"Journal: {found.journal}", *found.notes):
            output.console.print(note)
        if found.capabilities.exclusive_rename not in ("untried", "none"):
            output.console.print("Here nothing is ever replaced, and every run can be taken back.")
    return EXIT_DONE


def _fact(name: str, value: object) -> str:
    """What is known of a file system, for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return render.size(int(str(value))) if name == "free_bytes" else str(value)
