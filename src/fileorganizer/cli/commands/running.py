"""preview, organize, undo, recover."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from fileorganizer import organizer
from fileorganizer.cli import render, render_json
from fileorganizer.cli.output import Output, spoken
from fileorganizer.cli.records import pointing
from fileorganizer.cli.values import (
    FOLDER,
    NAMED,
    extensions_of,
    moment_of,
    original_path,
    refuse_beside_plan,
    seconds_of,
    size_of,
)
from fileorganizer.errors import EXIT_DONE, EXIT_NOTHING, Declined, InvalidOption, shell_word, show
from fileorganizer.model import Options
from fileorganizer.rules.profiles import profile_names

if TYPE_CHECKING:
    from rich.console import Console

    from fileorganizer.journal.plans import Plan


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that choose files and places."""
    for option in reversed(
        (
            click.option(
                "--recursive", "-r", is_flag=True, help="Go into subfolders, too; without it only loose files."
            ),
            click.option(
                "--layout", type=NAMED, help="category, year, category_year or a template (default: the profile's)."
            ),
            click.option(
                "--mode",
                type=click.Choice(["move", "copy", "hardlink"]),
                default="move",
                help="Copies and links need a --destination.",
            ),
            click.option("--destination", type=FOLDER, help="Another folder to organize into."),
            click.option(
                "--conflict",
                type=click.Choice(["rename", "skip", "keep_newer"]),
                default="rename",
                help="What to do when a name is taken; nothing is ever replaced.",
            ),
            click.option(
                "--exclude", multiple=True, type=NAMED, metavar="PATTERN", help="Leave alone (gitignore syntax)."
            ),
            click.option("--include-hidden", is_flag=True, help="Hidden files, too."),
            click.option("--min-size", metavar="SIZE", help="Only files of this size or more, such as 10MB."),
            click.option("--max-size", metavar="SIZE", help="Only files of this size or less."),
            click.option("--modified-after", metavar="DATE", help="Only files changed since, such as 2024-01-31."),
            click.option("--modified-before", metavar="DATE", help="Only files not changed since."),
            click.option("--ext", multiple=True, help="Only these extensions, such as jpg,png."),
            click.option("--max-depth", type=click.IntRange(1), help="Levels of folders to look into; 1: FOLDER only."),
            click.option("--category", multiple=True, help="Only these categories."),
            click.option(
                "--dates",
                type=click.Choice(["auto", "file"]),
                default="auto",
                help="A photo's own date, or file times only.",
            ),
            click.option(
                "--content",
                type=click.Choice(["auto", "always", "never"]),
                default="auto",
                help="When to look into files for their kind.",
            ),
            click.option(
                "--quiet-seconds",
                type=click.FloatRange(0),
                default=2.0,
                show_default=True,
                help="Leave alone what changed so recently.",
            ),
            click.option(
                "--profile",
                type=click.Choice(profile_names()),
                default="personal",
                show_default=True,
                help="Categories and layout to go by.",
            ),
            click.option("--across-devices", is_flag=True, help="Move to another disk: copy, then trash the original."),
            click.option("--keep-empty-dirs", is_flag=True, help="Don't remove folders that this run empties."),
            click.option("--no-keep-together", is_flag=True, help="Open up projects and other whole folders."),
        )
    ):
        command = option(command)
    return command


def options_of(given: dict[str, Any]) -> Options:
    """The options as the engine takes them. Raises InvalidOption."""
    return Options(
        mode=given["mode"],
        destination=given["destination"],
        layout=given["layout"] or "",
        conflict=given["conflict"],
        recursive=given["recursive"],
        exclude=given["exclude"],
        include_hidden=given["include_hidden"],
        min_size=size_of(given["min_size"]),
        max_size=size_of(given["max_size"]),
        modified_after=moment_of(given["modified_after"]),
        modified_before=moment_of(given["modified_before"]),
        extensions=extensions_of(given["ext"]),
        max_depth=given["max_depth"],
        categories=given["category"],
        dates=given["dates"],
        content=given["content"],
        quiet_seconds=seconds_of(given["quiet_seconds"]),
        profile=given["profile"],
        remove_empty_dirs=not given["keep_empty_dirs"],
        keep_together=not given["no_keep_together"],
        across_devices=given["across_devices"],
    )


@click.command()
@click.argument("folder", type=FOLDER)
@choosing
@click.option("--json-lines", "as_lines", is_flag=True, help="One JSON document a line: each step.")
@spoken
def preview(output: Output, folder: str, **given: Any) -> int:
    """Show what organize would do; writes nothing into FOLDER."""
    with output.listening() as listener, organizer.preview(folder, options_of(given), listener=listener) as plan:
        output.show_plan(plan)
        if not output.silent and plan.batch_count:
            command = f"fileorganizer organize {shell_word(folder)} --plan {plan.head.plan_id}"
            output.console.print(f"Do exactly this:  {command}")
        return EXIT_DONE if plan.batch_count else EXIT_NOTHING


@click.command()
@click.argument("folder", type=FOLDER)
@choosing
@click.option(
    "--plan",
    "plan_id",
    metavar="PLAN_ID",
    help="Carry out a preview, as it was shown: no other options of files and places.",
)
@click.option(
    "--duplicates",
    type=click.Choice(["off", "report", "trash", "hardlink"]),
    default="off",
    help="First count the files with the same content, or put all but the oldest away, or link them.",
)
@click.option("--yes", "-y", count=True, help="Don't ask; twice: not even about what is unusual.")
@spoken
def organize(output: Output, folder: str, plan_id: str | None, duplicates: str, yes: int, **given: Any) -> int:
    """Move the files of FOLDER to where they belong."""
    if plan_id is not None:
        refuse_beside_plan()
    options, met = options_of(given), None
    with output.listening() as listener:
        confirm = output.confirm(yes)
        if duplicates != "off":
            from fileorganizer import cleaner  # takes 20 ms that most runs needn't wait

            met = cleaner.meet_duplicates(folder, options, duplicates, confirm=confirm, listener=listener)
        try:
            report = organizer.organize(folder, options, plan_id=plan_id, confirm=confirm, listener=listener)
        except Declined as error:
            if met is None or met.clean_up is None:
                raise
            undo_it = f"fileorganizer undo {shell_word(folder)} {met.clean_up.operation_id}"
            raise Declined(f"Nothing was moved. The duplicates are cleaned up; take that back:  {undo_it}") from error
        return output.report(report, folder, met, from_stored=plan_id is not None)


@click.command()
@click.argument("folder", type=FOLDER)
@click.argument("operation", required=False, type=NAMED)
@click.option(
    "--path", "paths", multiple=True, type=NAMED, metavar="P", help="Only what was at this path of FOLDER, or below it."
)
@click.option("--preview", "only_show", is_flag=True, help="Show what would be done.")
@click.option("--yes", "-y", count=True, help="Don't ask.")
@spoken
def undo(output: Output, folder: str, operation: str | None, paths: tuple[str, ...], only_show: bool, yes: int) -> int:
    """Take an operation back.

    OPERATION is its number or id, as history shows it; without it, it is the newest that isn't taken back yet.
    """
    original = [original_path(folder, path) for path in paths]

    def tell(console: Console, plan: Plan) -> None:
        console.print(_undone(folder, plan))
        render.totals(console, plan)

    def confirm(plan: Plan) -> bool:
        _refuse_unknown(folder, plan, original)
        return output.confirm(yes, tell)(plan)

    with pointing(folder), output.listening() as listener:
        if only_show:
            with organizer.preview_undo(folder, operation, paths=original, listener=listener) as plan:
                _refuse_unknown(folder, plan, original)
                if not output.silent:
                    output.console.print(_undone(folder, plan))
                output.show_plan(plan)
                code = EXIT_DONE if plan.batch_count else EXIT_NOTHING
                plan.discard()  # no command carries it out: an undo is planned anew
                return code
        report = organizer.undo(folder, operation, paths=original, confirm=confirm, listener=listener)
        return output.report(report, folder)


def _undone(folder: str, plan: Plan) -> str:
    """Which operation a plan takes back, for people: who names none wants to know before saying yes."""
    one = next(one for one in organizer.history(folder) if one.number == plan.head.undoes)
    return f"Operation {one.number} ({render.what(one)}, {render.moment(one.created_at)}) is to be taken back."


def _refuse_unknown(folder: str, plan: Plan, paths: list[bytes]) -> None:
    """Raise InvalidOption where one of several paths names nothing: the others alone aren't what was asked for."""
    if plan.head.undoes is None or len(paths) < 2:
        return  # a single one is refused by the engine
    if unknown := organizer.moved_nothing_from(folder, plan.head.undoes, paths):
        raise InvalidOption(
            f"Operation {plan.head.undoes} moved nothing from {show(unknown[0])}. Name original paths: 'fileorganizer explain'"
            " says where a file was."
        )


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--without-destination", is_flag=True, help="Don't wait for a destination that won't ever come back.")
@spoken
def recover(output: Output, folder: str, without_destination: bool) -> int:
    """Settle what a crash left in doubt and close what it cut off."""
    report = organizer.recover(folder, without_destination=without_destination)
    if report is not None:
        output.report(report, folder)
        return EXIT_DONE
    if output.for_programs:
        render_json.write_document(render_json.report_document(organizer.nothing_to_do()))
    elif not output.silent:
        output.console.print("Nothing was cut off.")
    return EXIT_NOTHING
