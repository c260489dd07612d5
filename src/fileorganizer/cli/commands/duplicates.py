"""duplicates, duplicates clean, duplicates folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from fileorganizer import searcher
from fileorganizer.cli import render_duplicates, render_json
from fileorganizer.cli.output import Output, spoken
from fileorganizer.cli.values import FOLDER, NAMED, refuse_beside_plan, size_of
from fileorganizer.duplicates.finder import ALGORITHMS, Search
from fileorganizer.duplicates.keepers import RULES
from fileorganizer.errors import EXIT_DONE, EXIT_NOTHING, EXIT_PARTIAL, InvalidOption, shell_word
from fileorganizer.planning.cleanup import ACTIONS
from fileorganizer.searcher import Found

if TYPE_CHECKING:
    from fileorganizer.cleaner import Cleaning


class _SearchByDefault(click.Group):
    """``duplicates FOLDER`` searches; a folder called like a subcommand is written ``./clean``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name of the default command before a command line that names none."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["search", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_SearchByDefault)
def duplicates() -> None:
    """Find equal files, and put the redundant ones away.

    'duplicates FOLDER' finds them, 'duplicates clean FOLDER' puts them away.
    """


def searching(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say what is searched, and how."""
    for option in reversed(
        (
            click.option(
                "--min-size",
                metavar="SIZE",
                default="1",
                help="Smaller files are left out; empty ones always are, but with 0.",
            ),
            click.option("--digest", type=click.Choice(list(ALGORITHMS)), default="sha256", show_default=True),
            click.option("--paranoid", is_flag=True, help="Compare byte by byte what has the same digest."),
            click.option(
                "--against", type=FOLDER, metavar="DIR", help="A reference: its files stay, whatever the rule."
            ),
            click.option(
                "--exclude", multiple=True, type=NAMED, metavar="PATTERN", help="Leave alone (gitignore syntax)."
            ),
            click.option("--include-hidden", is_flag=True, help="Hidden files, too."),
            click.option("--no-keep-together", is_flag=True, help="Look into projects and other whole folders."),
        )
    ):
        command = option(command)
    return command


def search_of(given: dict[str, Any]) -> Search:
    """The options as the search takes them. Raises InvalidOption."""
    return Search(
        min_size=size_of(given["min_size"]) or 0,
        algorithm=given["digest"],
        paranoid=given["paranoid"],
        exclude=given["exclude"],
        include_hidden=given["include_hidden"],
        keep_together=not given["no_keep_together"],
    )


@duplicates.command()
@click.argument("folder", type=FOLDER)
@searching
@click.option("--json-lines", "as_lines", is_flag=True, help="One JSON document a line: each group.")
@click.option("--csv", "as_csv", is_flag=True, help="A table with a line for each file.")
@spoken
def search(output: Output, folder: str, as_csv: bool, **given: Any) -> int:
    """Find files of FOLDER with the same content.

    Those that waste most come first; nothing is changed. The word search may be left out.
    """
    output.silent = output.silent or as_csv
    with output.listening() as listener:
        found = searcher.find_duplicates(folder, search_of(given), against=given["against"], listener=listener)
    if output.as_lines:
        for row in render_json.group_rows(found):
            render_json.write_document(row)
    elif output.as_json:
        render_json.write_stream(render_json.found_document(found), groups=render_json.group_rows(found))
    elif as_csv:
        render_json.write_csv(found)
    elif not output.silent:
        render_duplicates.found(output.console, found, shell_word(folder))
    return _exit_code(found)


def _exit_code(found: Found) -> int:
    """Done, nothing found, or found with files that couldn't be read."""
    if found.unreadable:
        return EXIT_PARTIAL
    return EXIT_DONE if len(found.groups) else EXIT_NOTHING


@duplicates.command()
@click.argument("folder", type=FOLDER)
@click.option("--keep", metavar="RULE", help=f"{', '.join(RULES)} or in:DIR.")
@click.option("--action", type=click.Choice(ACTIONS), default="trash", show_default=True)
@searching
@click.option("--preview", "only_show", is_flag=True, help="Show what would be done.")
@click.option(
    "--plan", "plan_id", metavar="PLAN_ID", help="Carry out a preview, as it was shown: no other options of the search."
)
@click.option("--yes", "-y", count=True, help="Don't ask.")
@spoken
def clean(
    output: Output,
    folder: str,
    keep: str | None,
    action: str,
    only_show: bool,
    plan_id: str | None,
    yes: int,
    **given: Any,
) -> int:
    """Put the redundant files of FOLDER away.

    They go into its trash, or become names of the copy that stays.
    """
    from fileorganizer import cleaner  # a search starts without the machinery that changes something

    if plan_id is not None:
        refuse_beside_plan()
    cleaning = None if plan_id is not None else cleaning_of(keep, action, given)
    with output.listening() as listener:
        if only_show and cleaning is not None:
            with cleaner.preview_clean_up(folder, cleaning, listener=listener) as plan:
                output.show_plan(plan)
                if not output.silent and plan.batch_count:
                    done_by = f"fileorganizer duplicates clean {shell_word(folder)} --plan {plan.head.plan_id}"
                    output.console.print(f"Do exactly this:  {done_by}")
                return EXIT_DONE if plan.batch_count else EXIT_NOTHING
        report = cleaner.clean_up(folder, cleaning, plan_id=plan_id, confirm=output.confirm(yes), listener=listener)
        return output.report(report, folder, from_stored=plan_id is not None)


def cleaning_of(keep: str | None, action: str, given: dict[str, Any]) -> Cleaning:
    """The options of a clean-up as the engine takes them. Raises InvalidOption."""
    from fileorganizer.cleaner import Cleaning

    if keep is None:
        raise InvalidOption(f"Say which copies are to be kept: --keep {'|'.join(RULES)}|in:DIR.")
    if keep == "in:":
        raise InvalidOption("--keep in: names no folder.")
    against = given["against"]
    return Cleaning(
        keep=keep,
        action=action,
        search=search_of(given),
        against=None if against is None else os.path.abspath(os.path.expanduser(against)),
    )


@duplicates.command()
@click.argument("folder", type=FOLDER)
@click.option("--digest", type=click.Choice(list(ALGORITHMS)), default="sha256", show_default=True)
@click.option("--paranoid", is_flag=True, help="Compare byte by byte what has the same digest.")
@spoken
def folders(output: Output, folder: str, digest: str, paranoid: bool) -> int:
    """Find folders in FOLDER that are the same, or in another.

    The files that differ are named.
    """
    with output.listening() as listener:
        found = searcher.compare_folders(folder, algorithm=digest, paranoid=paranoid, listener=listener)
    if output.for_programs:
        render_json.write_document(render_json.folders_document(found))
    elif not output.silent:
        render_duplicates.folders(output.console, found)
    if found.unreadable:
        return EXIT_PARTIAL
    return EXIT_DONE if found.same or found.contained else EXIT_NOTHING
