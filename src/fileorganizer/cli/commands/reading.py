"""history, show, explain, verify, categories, doctor: nothing here changes anything."""

from __future__ import annotations

import os
from typing import Any

import click
import msgspec

from fileorganizer import organizer
from fileorganizer.cli import render, render_json
from fileorganizer.cli.output import Output, spoken
from fileorganizer.cli.values import FOLDER
from fileorganizer.errors import EXIT_DONE, EXIT_NOTHING, EXIT_PARTIAL, OperationNotFound
from fileorganizer.errors import show as shown_path
from fileorganizer.execution.reading import Explained, FileRow
from fileorganizer.model import CONTROL_DIRECTORY
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
    return EXIT_DONE


def _file_row(row: FileRow) -> dict[str, Any]:
    """A file of an operation as JSON."""
    rest = {name: getattr(row, name) for name in ("kind", "state", "reason", "detail", "size")}
    return {**render_json.path_member(row.path), **render_json.path_member(row.target, "target"), **rest}


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("operation")
@spoken
def show(output: Output, folder: str, operation: str) -> int:
    """Show one OPERATION file by file."""
    with organizer.show(folder, operation) as shown:
        if output.for_programs:
            head = render_json.operation_row(shown.operation)
            render_json.write_stream(head, "files", map(_file_row, shown.files))
        elif not output.silent:
            render.history(output.console, [shown.operation])
            for row in shown.files:
                words = f"{row.state} {row.reason}".strip()
                output.console.print(
                    f"{words}: {shown_path(row.path)} → {shown_path(row.target)} {row.detail}".rstrip()
                )
    return EXIT_DONE


@click.command()
@click.argument("path", type=FOLDER)
@spoken
def explain(output: Output, path: str) -> int:
    """Say why the file at PATH is where it is.

    PATH is where it was or where it is now.
    """
    root, below = _root_of(path)
    found = organizer.explain(root, below)
    if output.for_programs:
        render_json.write_document({"explanations": [_explained(one) for one in found]})
    elif not output.silent:
        for one in found:
            words = one.explanation.sentence if one.explanation else "No rule decided this."
            state = f"{one.row.state} {one.row.reason}".strip()
            output.console.print(f"Operation {one.operation.number} ({one.operation.operation_type}), {state}:")
            output.console.print(f"  {shown_path(one.row.path)} → {shown_path(one.row.target)}\n  {words}")
            for loser in one.explanation.losers if one.explanation else ():
                output.console.print(f"  not: {loser.rule}: {loser.why}")
        if not found:
            output.console.print("No operation of this folder knows this file.")
    return EXIT_DONE if found else EXIT_NOTHING


def _explained(one: Explained) -> dict[str, Any]:
    """An explanation as JSON."""
    why = msgspec.to_builtins(one.explanation) if one.explanation else None
    return {"operation_id": one.operation.operation_id, **_file_row(one.row), "explanation": why}


def _root_of(path: str) -> tuple[bytes, bytes]:
    """The root that a path lies in, found by its control directory, and the path below it. Raises OperationNotFound."""
    folder, name = os.path.split(os.path.abspath(os.path.expanduser(os.fsencode(path))))
    full = os.path.join(os.path.realpath(folder), name)
    above = os.path.dirname(full)
    while not os.path.isdir(os.path.join(above, CONTROL_DIRECTORY)):
        if above == os.path.dirname(above):
            raise OperationNotFound(f"Nothing was organized in a folder above {shown_path(full)} yet.")
        above = os.path.dirname(above)
    return above, os.path.relpath(full, above)


@click.command()
@click.argument("folder", type=FOLDER)
@spoken
def verify(output: Output, folder: str) -> int:
    """Compare every record of FOLDER with the disk; changes nothing."""
    found = organizer.verify(folder)
    if output.for_programs:
        problems = [{"code": one.code, **render_json.path_member(one.path), "text": one.text} for one in found.problems]
        render_json.write_document({"operations": found.operations, "steps": found.steps, "problems": problems})
    elif not output.silent:
        for one in found.problems:
            output.console.print(f"{one.code}: {one.text}")
        output.console.print(
            f"{found.steps} steps of {found.operations} operations checked: {len(found.problems)} problems."
        )
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
            output.console, ("What", "Is"), [(name.replace("_", " "), str(value)) for name, value in known.items()]
        )
        for note in (f"Journal: {found.journal}", *found.notes):
            output.console.print(note)
    return EXIT_DONE
