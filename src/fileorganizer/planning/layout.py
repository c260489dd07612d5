"""From a file's category, date and name to the folder it belongs in. Pure.

A layout is one of three words or a template of folders such as
``{category}/{taken:%Y/%m}``. Templates are parsed here, by a parser that knows
nothing but a handful of fields: there is nothing in it to escape from. A
template is refused when it is made, not when a file meets it.
"""

from __future__ import annotations

import datetime
import re
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from fileorganizer import errors, model
from fileorganizer.planning import naming

BUILTIN: Final = {"category": "{category}", "year": "{year}", "category_year": "{category}/{year}"}
"""The layouts that have a name, as templates."""

FIELDS: Final = ("category", "year", "month", "day", "taken", "extension", "name")
NO_EXTENSION: Final = b"no-extension"
"""Value of ``{extension}`` for a file without one."""

_EPOCH_DAY: Final = datetime.date(1970, 1, 1).toordinal()
_YEAR_STARTS: Final = [(datetime.date(year, 1, 1).toordinal() - _EPOCH_DAY) * 86_400 for year in range(1, 10_000)]
_LAST_SECOND: Final = (datetime.date(9999, 12, 31).toordinal() - _EPOCH_DAY + 1) * 86_400 - 1
_MEMO_LIMIT: Final = 50_000
_FOLDING: Final = naming.NameRules(case_sensitive=False, normalizing=True)
"""The control directory is recognised under the loosest rules of any file system."""

_PLACEHOLDER = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)

Value = tuple[bytes, time.struct_time, bytes]
"""What a template sees of a file: category, wall-clock time, extension without its dot."""
Part = bytes | Callable[[Value], bytes]


class Layout:
    """Decides the target folder; one object for a whole plan."""

    def __init__(self, layout: str, rules: naming.NameRules) -> None:
        """Take a builtin name or a template; ``errors.InvalidOption`` says what is wrong with it."""
        self._rules = rules
        self._components = _parse(layout, rules)
        self._yearly = layout in BUILTIN
        self.by_extension = "{extension}" in layout
        """Whether the name counts, not only category and date."""
        self._memo: dict[tuple[str, int], bytes] = {}
        self._memo_extension: dict[tuple[str, int, bytes], bytes] = {}

    def folder(self, category: str, taken: int, name: bytes) -> bytes:
        """Give the folder for a file, relative to the destination; ``b""`` is the destination itself.

        ``taken`` is wall-clock seconds: the local day is what ``time.gmtime``
        makes of it. Never absolute, no empty, ``.`` or ``..`` parts, never
        inside the control directory.
        """
        if self.by_extension:
            return self._folder_by_extension(category, taken, name)
        unit = self.unit(taken)
        known = self._memo.get((category, unit))
        if known is None:
            if len(self._memo) > _MEMO_LIMIT:
                self._memo.clear()
            known = self._memo[category, unit] = self._render(category, taken, b"")
        return known

    def unit(self, taken: int) -> int:
        """Give what of a date matters here: where that is equal, so is the folder of a category."""
        return bisect_right(_YEAR_STARTS, taken) if self._yearly else taken // 3_600

    def _folder_by_extension(self, category: str, taken: int, name: bytes) -> bytes:
        """Give the folder where the extension counts too."""
        extension = naming.split_extension(name)[1][1:].lower()
        entry = (category, taken // 3_600, extension)
        known = self._memo_extension.get(entry)
        if known is None:
            if len(self._memo_extension) > _MEMO_LIMIT:
                self._memo_extension.clear()
            known = self._memo_extension[entry] = self._render(category, taken, extension)
        return known

    def _render(self, category: str, taken: int, extension: bytes) -> bytes:
        """Fill in every component."""
        moment = time.gmtime(min(max(taken, _YEAR_STARTS[0]), _LAST_SECOND))
        clean_category = naming.component(category.encode("utf-8", "surrogateescape"), self._rules)
        clean_extension = naming.component(extension, self._rules) if extension else NO_EXTENSION
        value = (clean_category, moment, clean_extension)
        folders = [
            b"".join(part if isinstance(part, bytes) else part(value) for part in parts) for parts in self._components
        ]
        return b"/".join(self._safe(folder) for folder in folders)

    def _safe(self, folder: bytes) -> bytes:
        """Make sure of one rendered component: it fits, and it isn't the control directory."""
        folder = naming.component(folder, self._rules)
        return b"_" + folder if _is_control(folder) else folder


def _parse(layout: str, rules: naming.NameRules) -> list[list[Part]]:
    """Turn a layout into components of literals and fields; raises ``InvalidOption``."""
    template = BUILTIN.get(layout, layout)
    if "{" not in template and "/" not in template:
        raise _refused(
            layout, f"it is neither one of {', '.join(BUILTIN)} nor a template such as {{category}}/{{year}}"
        )
    if any(ord(char) < 32 or char in "\\\x7f" for char in template):
        raise _refused(layout, "it contains a backslash or a control character")
    components = _split(layout, _tokens(layout, _without_name(layout, template)))
    for parts in components:
        _check_component(layout, parts, rules)
    return components


def _without_name(layout: str, template: str) -> str:
    """Drop a ``{name}`` at the end, which only says that the file keeps its name; refuse it anywhere else."""
    if template == "{name}":
        return ""
    folders = template.removesuffix("/{name}")
    if "{name" in folders:
        raise _refused(layout, "{name} can only be the whole last part, as in {category}/{name}; files aren't renamed")
    return folders


def _tokens(layout: str, template: str) -> list[str | Callable[[Value], bytes]]:
    """Split a template into literal text and fields, in order; a date format is spliced in."""
    tokens: list[str | Callable[[Value], bytes]] = []
    end = 0
    for match in _PLACEHOLDER.finditer(template):
        tokens += [template[end : match.start()], *_field(layout, match[1], match[2])]
        end = match.end()
    tokens.append(template[end:])
    if any(isinstance(token, str) and ("{" in token or "}" in token) for token in tokens):
        raise _refused(layout, "its braces don't pair up")
    return tokens


def _field(layout: str, field: str, form: str | None) -> Sequence[str | Callable[[Value], bytes]]:
    """Give the tokens of one placeholder."""
    if field == "taken":
        return _date_tokens(layout, form or "%Y-%m-%d")
    if field not in _RENDER:
        raise _refused(layout, f"{{{field}}} is unknown; there are {', '.join(f'{{{known}}}' for known in FIELDS)}")
    if form is not None:
        raise _refused(layout, f"{{{field}}} takes no format, only {{taken:...}} does")
    return (_RENDER[field],)


def _date_tokens(layout: str, form: str) -> list[str | Callable[[Value], bytes]]:
    """Split a date format into literal text and directives; only those that mean the same in every language."""
    tokens: list[str | Callable[[Value], bytes]] = []
    end = 0
    for match in _DIRECTIVE.finditer(form):
        if match[1] not in _DATE:
            known = " ".join(f"%{directive}" for directive in _DATE)
            raise _refused(layout, f"%{match[1]} isn't supported in {{taken:...}}; there are {known}")
        tokens += [form[end : match.start()], _DATE[match[1]]]
        end = match.end()
    return [*tokens, form[end:]]


def _split(layout: str, tokens: Sequence[str | Callable[[Value], bytes]]) -> list[list[Part]]:
    """Cut the tokens into components at every slash; no tokens are no components."""
    components: list[list[Part]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            components[-1].append(token)
            continue
        for number, text in enumerate(token.split("/")):
            if number:
                components.append([])
            if text:
                components[-1].append(_encoded(layout, text))
    return [] if components == [[]] else components


def _encoded(layout: str, text: str) -> bytes:
    """Give the bytes of literal text."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise _refused(layout, "it isn't valid text") from None


def _check_component(layout: str, parts: Sequence[Part], rules: naming.NameRules) -> None:
    """Refuse a component that could leave the destination or can't be a folder."""
    if not parts:
        raise _refused(layout, "a part of it is empty; it must not start or end with / nor contain //")
    literal = b"".join(part for part in parts if isinstance(part, bytes))
    whole = all(isinstance(part, bytes) for part in parts)
    if whole and literal in (b".", b"..", b"~"):
        raise _refused(
            layout, f"the part {literal.decode()} leads out of the destination; choose the destination itself instead"
        )
    if whole and _is_control(literal):
        raise _refused(layout, f"{literal.decode()} is where the journal lives")
    if whole and not naming.allowed(literal, rules):
        raise _refused(
            layout, f"the part {errors.show(literal)} can't be the name of a folder on the destination's file system"
        )


def _is_control(folder: bytes) -> bool:
    """Say whether some file system takes ``folder`` for the control directory."""
    return naming.key(folder, _FOLDING) == model.CONTROL_DIRECTORY


def _refused(layout: str, why: str) -> errors.InvalidOption:
    """Make the error for a layout."""
    shown = errors.show(layout.encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    return errors.InvalidOption(f"The layout {shown!r} can't be used: {why}.")


def _iso_week(value: Value) -> tuple[int, int]:
    """Give ISO year and week."""
    moment = value[1]
    year, week, _ = datetime.date(moment.tm_year, moment.tm_mon, moment.tm_mday).isocalendar()
    return year, week


_RENDER: Final[dict[str, Callable[[Value], bytes]]] = {
    "category": lambda value: value[0],
    "year": lambda value: b"%04d" % value[1].tm_year,
    "month": lambda value: b"%02d" % value[1].tm_mon,
    "day": lambda value: b"%02d" % value[1].tm_mday,
    "extension": lambda value: value[2],
}

_DATE: Final[dict[str, Callable[[Value], bytes]]] = {
    "Y": lambda value: b"%04d" % value[1].tm_year,
    "y": lambda value: b"%02d" % (value[1].tm_year % 100),
    "m": lambda value: b"%02d" % value[1].tm_mon,
    "d": lambda value: b"%02d" % value[1].tm_mday,
    "j": lambda value: b"%03d" % value[1].tm_yday,
    "G": lambda value: b"%04d" % _iso_week(value)[0],
    "V": lambda value: b"%02d" % _iso_week(value)[1],
    "H": lambda value: b"%02d" % value[1].tm_hour,
    "%": lambda _: b"%",
}
