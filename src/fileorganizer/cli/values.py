"""Values as people write them on a command line: sizes, dates, folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import click
from click.core import ParameterSource

from fileorganizer.errors import InvalidOption, show


class _Folder(click.Path):
    """A path that has a name: what an unset variable of a shell leaves isn't the folder where one stands."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path as text. Raises click.BadParameter for an empty one."""
        if not value:
            self.fail("The name is empty. The folder where you are is called '.'", param, ctx)
        return super().convert(value, param, ctx)


class _Named(click.types.StringParamType):
    """A word that isn't empty, as what an unset variable of a shell leaves would be."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word. Raises click.BadParameter for an empty one."""
        if not value:
            self.fail("It is empty. Leave it out if nothing is meant.", param, ctx)
        return super().convert(value, param, ctx)


NAMED: Final = _Named()
_LONGEST: Final = 3e9
"""Seconds."""
FOLDER: Final = _Folder(path_type=str, readable=False)
"""Whether it can be read is asked by what opens it, which tells more."""
_BESIDE_A_PLAN: Final = frozenset({"folder", "plan_id", "yes", "as_json", "quiet", "no_color"})
"""What goes with ``--plan``: everything else is in the plan already."""
_UNITS = {"": 1, "B": 1} | {
    prefix + suffix: base**power
    for power, prefix in enumerate("KMGT", 1)
    for suffix, base in (("", 1000), ("B", 1000), ("IB", 1024))
}


def size_of(text: str | None) -> int | None:
    """Bytes of ``10``, ``10MB`` or ``1.5GiB``. Raises InvalidOption."""
    if text is None:
        return None
    digits = text.strip().rstrip("BbIiKkMmGgTt ")
    try:
        size = int(float(digits) * _UNITS[text.strip()[len(digits) :].strip().upper()])
    except (ValueError, KeyError, OverflowError):
        size = -1
    if size < 0:
        raise InvalidOption(f"'{show(text)}' is no size. Write it as 10MB or 1GiB.")
    return size


def extensions_of(given: Sequence[str]) -> tuple[str, ...]:
    """The extensions of ``jpg,.png,*.gif`` and the like.

    Raises InvalidOption when there are words and none is in them: that isn't all.
    """
    words = (one.strip().removeprefix("*.") for several in given for one in several.split(","))
    found = tuple(one for one in words if one)
    if given and not found:
        raise InvalidOption("--ext names no extension. Write it as jpg,png.")
    return found


def seconds_of(number: float) -> float:
    """A duration. Raises InvalidOption for one that is longer than there have been computers, and for what is no number."""
    if not 0 <= number <= _LONGEST:
        raise InvalidOption(f"{number} is no number of seconds. Write it as 2 or 0.5.")
    return number


def moment_of(text: str | None) -> float | None:
    """Seconds since the epoch of ``2024-01-31`` or an ISO time, local unless it says otherwise. Raises InvalidOption."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError) as error:
        raise InvalidOption(f"'{show(text)}' is no date. Write it as 2024-01-31.") from error


def original_path(folder: str, given: str) -> bytes:
    """Where a file was, relative to ``folder``; it may be given so, or from the top. Raises InvalidOption for the folder itself."""
    path = os.path.normpath(os.path.expanduser(os.fsencode(given)))
    top = os.path.expanduser(os.fsencode(folder))
    for root in (os.path.realpath(top), os.path.abspath(top)):
        if path.startswith(root + b"/"):
            return path[len(root) + 1 :]
        if path in (root, b"."):
            raise InvalidOption("--path names something in FOLDER. Leave it out to take back everything.")
    return path


def refuse_beside_plan() -> None:
    """Raise InvalidOption when the command line has options that a stored plan, which holds its own, wouldn't follow."""
    context = click.get_current_context()
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name not in _BESIDE_A_PLAN
        and context.get_parameter_source(option.name or "") == ParameterSource.COMMANDLINE
    ]
    if given:
        go = "doesn't go" if len(given) == 1 else "don't go"
        raise InvalidOption(
            f"A stored plan is carried out as it was shown: {', '.join(given)} {go} with --plan. Leave that out, or make a"
            " new plan."
        )
