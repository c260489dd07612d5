"""history, show, explain, verify, categories, doctor: nothing here changes anything."""

from __future__ import annotations

import os
from typing import Any

import click
import msgspec

from fileorganizer import organizer
from fileorganizer.cli import render, render_json
from fileorganizer.cli.output import Output, spoken
from fileorganizer.cli.records import RECORDS_GONE, elsewhere, has_records, knowing, naming, other_records, pointing
from fileorganizer.cli.values import FOLDER, NAMED
from fileorganizer.cli.words import why
from fileorganizer.errors import (
    EXIT_DONE,
    EXIT_NOTHING,
    EXIT_PARTIAL,
    OperationNotFound,
    RootRefused,
    path_members,
    shell_word,
)
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
            output.console.print(f"Nothing was organized here yet.{other_records(folder)}")
        elif words := elsewhere(folder):
            output.console.print(words.strip())
        for one in operations:
            render.unsettled(output.console, one, shell_word(folder))
    return EXIT_DONE


def _file_row(row: FileRow) -> dict[str, Any]:
    """A file of an operation as JSON."""
    rest = {name: getattr(row, name) for name in ("kind", "state", "reason", "detail", "size")}
    keeper = path_members(row.keeper, "keeper") if row.keeper else {}
    return {**path_members(row.path), **path_members(row.target, "target"), **rest, **keeper}


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("operation", type=NAMED)
@spoken
def show(output: Output, folder: str, operation: str) -> int:
    """Show one OPERATION file by file."""
    with pointing(folder), organizer.show(folder, operation) as shown:
        if output.for_programs:
            place = render_json.destination_members(shown.operation.destination)
            head = {**render_json.operation_row(shown.operation), **place}
            render_json.write_stream(head, files=map(_file_row, shown.files))
        elif not output.silent:
            render.history(output.console, [shown.operation])
            met: dict[str, str] = {}
            for row in shown.files:
                detail = f" ({row.detail})" if row.detail else ""
                output.console.print(f"{render.state(row)}: {render.way(row, shown.operation)}{detail}")
                if row.reason:
                    met[row.reason] = why(row.reason)
            for label, sentence in met.items():
                output.console.print(f"  {label}: {sentence}")
            render.unsettled(output.console, shown.operation, shell_word(folder))
    return EXIT_DONE


@click.command()
@click.argument("path", type=FOLDER)
@spoken
def explain(output: Output, path: str) -> int:
    """Say why the file at PATH is where it is.

    PATH is where it was or where it is now.
    """
    found, not_asked = _known_of(path)
    if output.for_programs:
        render_json.write_document({"explanations": [_explained(one) for _, one in found], "not_asked": not_asked})
    elif not output.silent:
        for root, one in found:
            operation = one.operation
            output.console.print(f"Operation {operation.number} ({render.what(operation)}), {render.state(one.row)}:")
            output.console.print(f"  {render.way(one.row, operation)}")
            for sentence in render.explained(one):
                output.console.print(f"  {sentence}")
            for loser in one.explanation.losers if one.explanation else ():
                output.console.print(f"  not: {loser.rule}: {loser.why}")
            render.unsettled(output.console, operation, shell_word(root))
        for words in not_asked:
            output.console.print(words)
        if not found:
            output.console.print("No operation that is recorded here knows a file at this place.")
            output.console.print("If it was moved or renamed by hand since, name the place where it was before.")
    return EXIT_DONE if found else EXIT_NOTHING


def _known_of(path: str) -> tuple[list[tuple[bytes, Explained]], list[str]]:
    """What all records that may know a path say of it, by their roots, and in words which of them couldn't be asked.

    Raises OperationNotFound where there are none.
    """
    found: list[tuple[bytes, Explained]] = []
    not_asked: list[str] = []
    places = list(knowing(path))
    if not places and has_records(path):
        raise OperationNotFound(
            f"{shown_path(path)} was organized itself: 'fileorganizer history' says when. Name a file in it, or one that was."
        )
    if not places:
        raise OperationNotFound(f"Nothing was organized in a folder above {shown_path(path)} yet.{RECORDS_GONE}")
    for root, below, destination in places:
        try:
            with naming(os.fsdecode(root)):
                found += [(root, one) for one in organizer.explain(root, below, destination=destination)]
        except (OperationNotFound, RootRefused) as error:
            away = "they aren't there now. Connect its disk, or bring the folder back to that place."
            words = str(error) if isinstance(error, RootRefused) and os.path.isdir(root) else away
            not_asked.append(f"The records of {shown_path(root)} couldn't be asked: {words}")
        except PermissionError:
            not_asked.append(f"The records of {shown_path(root)} are another user's, and couldn't be asked.")
    return found, not_asked


def _explained(one: Explained) -> dict[str, Any]:
    """An explanation as JSON."""
    explanation = msgspec.to_builtins(one.explanation) if one.explanation else None
    place = render_json.destination_members(one.operation.destination)
    return {
        "operation_id": one.operation.operation_id,
        **place,
        **_file_row(one.row),
        "explanation": explanation,
    }


_BY_HAND = ("not-there", "another-file")
"""Problems that whoever uses the folder makes without doing anything wrong."""


@click.command()
@click.argument("folder", type=FOLDER)
@spoken
def verify(output: Output, folder: str) -> int:
    """Compare every record of FOLDER with the disk; changes nothing."""
    with pointing(folder):
        found = organizer.verify(folder)
    if output.for_programs:
        problems = [{"code": one.code, **path_members(one.path), "text": one.text} for one in found.problems]
        render_json.write_document({"operations": found.operations, "steps": found.steps, "problems": problems})
    elif not output.silent:
        for one in found.problems:
            output.console.print(f"{one.code}: {one.text}")
        checked = f"{counted(found.steps, 'step')} of {counted(found.operations, 'operation')} checked"
        output.console.print(f"{checked}: {counted(len(found.problems), 'problem')}.")
        if any(one.code in _BY_HAND for one in found.problems):
            output.console.print(
                "What you moved, changed or deleted yourself is among these; an undo leaves that as it is."
            )
    return EXIT_PARTIAL if found.problems else EXIT_DONE


@click.command()
@click.option(
    "--profile", type=click.Choice(profile_names()), default="personal", show_default=True, help="Whose categories."
)
@spoken
def categories(output: Output, profile: str) -> int:
    """List the categories and what belongs to them."""
    rules = organizer.categories(profile)
    if output.for_programs:
        listed = msgspec.to_builtins(rules.categories)
        render_json.write_document({"profile": profile, "layout": rules.layout, "categories": listed})
    elif not output.silent:
        rows = [(one.name, str(len(one.extensions)), one.description) for one in rules.categories]
        render.table(output.console, ("Category", " Extensions", "What "), rows)
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
        render_json.write_document({**path_members(found.root, "root"), **document, "capabilities": known})
    elif not output.silent:
        render.table(
            output.console,
            ("What", "Is "),
            [(name.replace("_", " "), _fact(name, value)) for name, value in known.items()],
        )
        for note in (f"Journal: {found.journal}", *found.notes, elsewhere(folder).strip()):
            if note:
                output.console.print(note)
        if found.capabilities.exclusive_rename not in ("untried", "none"):
            output.console.print("Here nothing is ever replaced, and every run can be taken back.")
    return EXIT_DONE


def _fact(name: str, value: object) -> str:
    """What is known of a file system, for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return render.size(int(str(value))) if name == "free_bytes" else str(value)
