"""What the options ``--json``, ``--json-lines``, ``--quiet`` and ``--no-color`` mean for a command, and stopping it."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from fileorganizer.cli import render, render_duplicates, render_json
from fileorganizer.cli.bar import ProgressBar
from fileorganizer.cli.records import naming
from fileorganizer.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_NOTHING,
    EXIT_PARTIAL,
    ConfirmationRequired,
    InvalidOption,
    shell_word,
)
from fileorganizer.progress import Listener

if TYPE_CHECKING:
    from rich.console import Console

    from fileorganizer.cleaner import Met
    from fileorganizer.journal.plans import Plan
    from fileorganizer.organizer import Confirm, Report

_LEAVES_MUCH_ALONE = ("organize", "duplicate_cleanup")
"""Operations of which hidden, excluded or kept-together files are no part: that they stay is as it should be."""


class Output:
    """How one command speaks."""

    def __init__(self, *, as_json: bool, as_lines: bool, quiet: bool, no_color: bool) -> None:
        """The values of the shared options."""
        self.as_json, self.as_lines = as_json, as_lines
        self.for_programs = as_json or as_lines
        self.silent = quiet or self.for_programs
        self._color = not no_color
        self._bar = ProgressBar()
        self._asking = False

    @property
    def console(self) -> Console:
        """Where tables for people go; the progress bar makes room for them."""
        self._bar.hide()
        return self._console

    @functools.cached_property
    def _console(self) -> Console:
        """The one console of this command."""
        return render.console(color=self._color)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener with a progress bar; the first Ctrl-C or SIGTERM asks to stop, and the work settles what it has in hand.

        More of them change nothing. The report belongs inside, too: it isn't cut off either.
        """
        stop: list[int] = []

        def heard(number: int, _frame: FrameType | None) -> None:
            stop.append(number)
            if self._asking:  # nothing is in hand while a question is open
                raise KeyboardInterrupt

        before = {number: signal.signal(number, heard) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            shown = not self.silent and sys.stderr.isatty()
            yield Listener(self._bar.show if shown else None, lambda: bool(stop))
        finally:
            self._bar.hide()
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if stop else handler)  # heard; the rest is only telling and ending

    def confirm(self, yes: int, tell: Callable[[Console, Plan], None] | None = None) -> Confirm:
        """Shows the plan's totals, or what ``tell`` says of it, and asks once; a risk that needs consent is asked for on its own.

        Who is asked is told of what where the question is, with --quiet and beside a redirected output too.
        """
        show = tell or render.totals

        def ask(plan: Plan) -> bool:
            risky = [risk.text for risk in plan.head.review.risks if risk.needs_consent]
            questions = ["Go ahead?", *(f"{text} Really?" for text in risky)][yes:]
            nobody = self.for_programs or not sys.stdin.isatty()
            if not self.silent:
                show(self.console, plan)
            if questions and not nobody and (self.silent or not sys.stdout.isatty()):
                show(render.console(color=self._color, stderr=True), plan)
            if questions and nobody:
                raise ConfirmationRequired(
                    f"{' '.join(risky)} Nobody can be asked here: say --yes{' twice' if risky else ''} to go ahead.".strip()
                )
            return all(map(self._ask, questions))

        return ask

    def _ask(self, question: str) -> bool:
        """One question on the terminal. Raises click.Abort when the answer is Ctrl-C."""
        self._bar.hide()
        self._asking = True
        try:
            return click.confirm(question, err=True)
        finally:
            self._asking = False

    def show_plan(self, plan: Plan) -> None:
        """A plan for people or for programs."""
        if self.as_lines:
            for row in render_json.step_rows(plan):
                render_json.write_document(row)
        elif self.as_json:
            head = render_json.plan_document(plan)
            render_json.write_stream(head, left=render_json.skip_rows(plan), steps=render_json.step_rows(plan))
        elif not self.silent:
            render.plan(self.console, plan)

    def report(self, report: Report, folder: str, met: Met | None = None, *, from_stored: bool = False) -> int:
        """A report for people or for programs, with the duplicates met on the way; gives the exit code.

        ``from_stored``: a plan was carried out that an earlier command had made.
        """
        if self.for_programs:
            render_json.write_document({**render_json.report_document(report), **render_json.met_member(met)})
        elif not self.silent:
            if met is not None:
                render_duplicates.met(self.console, met, shell_word(folder))
            render.report(self.console, report, shell_word(folder), from_stored=from_stored)
        return exit_code(report, met)


def spoken(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the shared options and hand it an ``Output`` for them."""

    @click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
    @click.option("--quiet", "-q", is_flag=True, help="Say nothing but errors.")
    @click.option("--no-color", is_flag=True, help="No colours.")
    @functools.wraps(command)
    def wrapped(*, as_json: bool, quiet: bool, no_color: bool, **options: Any) -> Any:
        lines = bool(options.pop("as_lines", False))
        if as_json + lines + bool(options.get("as_csv")) > 1:
            raise InvalidOption("The answer has one form: choose --json, --json-lines or --csv.")
        output = Output(as_json=as_json, as_lines=lines, quiet=quiet, no_color=no_color)
        with naming(options["folder"]) if "folder" in options else nullcontext():
            return command(output, **options)

    return wrapped


def exit_code(report: Report, met: Met | None = None) -> int:
    """The exit code of what was done, the clean-up of duplicates on its way included."""
    cleaned = None if met is None else met.clean_up
    if cleaned is not None and (cleaned.totals.skipped or cleaned.totals.failed):
        return EXIT_PARTIAL
    if report.operation is None:
        return EXIT_NOTHING if cleaned is None else EXIT_DONE
    if report.operation.status == "cancelled":
        return EXIT_INTERRUPTED
    totals = report.operation.totals
    left = 0 if report.operation.operation_type in _LEAVES_MUCH_ALONE else report.review.left_alone
    return EXIT_PARTIAL if totals.skipped or totals.failed or left else EXIT_DONE
