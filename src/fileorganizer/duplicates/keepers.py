"""Which of several equal files stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fileorganizer.duplicates.groups import Copy, Group
from fileorganizer.errors import InvalidOption, show

RULES: Final = (
    "oldest",
    "newest",
    "shortest-path",
    "longest-path",
    "first-alphabetical",
    "largest-metadata",
)
"""And ``in:FOLDER``: what lies in that folder stays, all of it."""

Weigh = Callable[[Copy], int]
"""The smallest stays; equal ones are told apart by path."""
Measure = Callable[[Copy], int]
"""Bytes of extended attributes of a file."""


def _no_metadata(_copy: Copy) -> int:
    """For rules that don't ask."""
    return 0


class KeepRule:
    """Parts the copies of a group into those that stay and those that could go. References always stay."""

    def __init__(self, rule: str, *, below: bytes = b"", metadata: Measure = _no_metadata) -> None:
        """``below``: the folder of an ``in:`` rule, relative to the root. Raises InvalidOption for an unknown rule."""
        self._below = below if rule.startswith("in:") else None
        weights: dict[str, Weigh] = {
            "oldest": lambda copy: copy.seen.mtime_ns,
            "newest": lambda copy: -copy.seen.mtime_ns,
            "shortest-path": lambda copy: len(copy.path),
            "longest-path": lambda copy: -len(copy.path),
            "first-alphabetical": lambda _copy: 0,
            "largest-metadata": lambda copy: -metadata(copy),
        }
        if self._below is None and rule not in weights:
            raise InvalidOption(f"There is no rule {show(rule)} to keep by. Choose {', '.join(RULES)} or in:FOLDER.")
        self._weigh = weights.get(rule, weights["first-alphabetical"])

    def part(self, group: Group) -> tuple[list[Copy], list[Copy]]:
        """Those that stay, the best first, and those that could go; the latter is empty where the rule says nothing."""
        fixed = [copy for copy in group.copies if copy.is_reference or self._is_below(copy)]
        if fixed:
            stay = sorted(fixed, key=lambda copy: (not copy.is_reference, self._weigh(copy), copy.path))
        elif self._below is not None:
            return list(group.copies), []
        else:
            stay = [min(group.copies, key=lambda copy: (self._weigh(copy), copy.path))]
        return stay, [copy for copy in group.copies if copy not in stay]

    def _is_below(self, copy: Copy) -> bool:
        """Lies one of its names in the folder of the rule?"""
        below = self._below
        return below is not None and any(_is_in(path, below) for path in (copy.path, *copy.links))


class KeepNothing:
    """All copies go: only for groups that somebody named and confirmed, never for what a search finds."""

    def part(self, group: Group) -> tuple[list[Copy], list[Copy]]:
        """None that stays, and all."""
        return [], list(group.copies)


def _is_in(path: bytes, folder: bytes) -> bool:
    """Is a path this folder, this very file, or below it?"""
    return not folder or path == folder or path.startswith(folder + b"/")
