"""Why a file went where it went: the rules run again on what was recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from fileorganizer.model import DATE_SOURCE_NAMES, Conflict, DateSource, Facts
from fileorganizer.rules.matching import Matcher
from fileorganizer.rules.syntax import RuleSet

_CONFLICTS = {
    Conflict.SUFFIXED: "the name was taken, so a number was added",
    Conflict.NEWER_KEPT_NAME: "the name was wanted twice: the newer file kept it, a number was added to the older one",
    Conflict.SHORTENED: "the name was too long for the target and was shortened",
}
_DATE_UNUSED = {
    DateSource.EXIF: "no usable date in the photo header, or it wasn't read",
    DateSource.CONTAINER: "no usable date in the container header, or it wasn't read",
    DateSource.NAME: "no date in the name, or names weren't asked",
}
_WINNERS = {
    "keyword": "a word in the name decides before anything else",
    "content": "its content says otherwise, and content was to win",
    "extension": "the extension is known, and content was not asked to win or doesn't contradict it",
    "family": "the file stays with the files it belongs to",
}
_SAME_KIND = "another category that stands ahead of it applies as well"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Loser(msgspec.Struct, frozen=True):
    """A rule that also applied, and why it didn't decide."""

    rule: str
    why: str


class Explanation(msgspec.Struct, frozen=True):
    """One file's decision, for people. All texts are plain; names of files are not part of them."""

    category: str
    decided_by: str
    """keyword, extension, content, fallback; ``family`` when the file went with the files it belongs to."""
    matched: str
    """The keyword, the extension or the type that decided; ``""`` for fallback and family."""
    date: str
    """Local wall-clock time that chose the folder, ``2021-03-04 10:11:12``."""
    date_source: str
    losers: tuple[Loser, ...]
    conflict: str
    """What was done about a taken name; ``""`` for nothing."""
    mismatch: bool
    """Whether the content is of another category than the extension says."""
    sentence: str


def explain(rules: RuleSet, name: bytes, facts: Facts, *, content_wins: bool) -> Explanation:
    """Explain the category, the date and the final name of a file called ``name`` from the facts of its operation.

    ``rules`` is the snapshot of that operation and ``content_wins`` its option;
    the disk is not looked at.
    """
    matcher = _matcher(rules)
    applying = _applying(matcher, name, facts.content)
    decided_by, matched, index = _decision(matcher, applying, name, facts, content_wins=content_wins)
    losers = [
        Loser(
            f"{kind} {what} → {rules.categories[of].name}", _SAME_KIND if kind == decided_by else _WINNERS[decided_by]
        )
        for kind, what, of in applying
        if of != index
    ]
    losers += [
        Loser(DATE_SOURCE_NAMES[source], _DATE_UNUSED[source])
        for source in range(min(facts.date_source, DateSource.FILE_TIME))
    ]
    category = rules.categories[index].name if 0 <= index < len(rules.categories) else "?"
    date, source = _moment(facts.taken), DATE_SOURCE_NAMES[min(facts.date_source, DateSource.FILE_TIME)]
    conflict = _CONFLICTS.get(facts.conflict, "")
    return Explanation(
        category=category,
        decided_by=decided_by,
        matched=matched,
        date=date,
        date_source=source,
        losers=tuple(losers),
        conflict=conflict,
        mismatch=matcher.is_mismatch(name, facts.content),
        sentence=_sentence(category, decided_by, matched, date, source, conflict),
    )


def decided_by(rules: RuleSet, name: bytes, facts: Facts, *, content_wins: bool) -> str:
    """Only which kind of rule decided, as ``Explanation.decided_by``: for looking through many files."""
    matcher = _matcher(rules)
    return _decision(matcher, _applying(matcher, name, facts.content), name, facts, content_wins=content_wins)[0]


@lru_cache(maxsize=4)
def _matcher(rules: RuleSet) -> Matcher:
    return Matcher(rules)


def _applying(matcher: Matcher, name: bytes, content: str) -> list[tuple[str, str, int]]:
    """Every rule that has an opinion: its kind, what it saw, its category; those of a kind in their order."""
    extension = matcher.extension(name)
    shown = extension.decode("utf-8", "backslashreplace")
    found = [("keyword", keyword, category) for category, keyword in matcher.keywords(name)]
    found += [("extension", shown, category) for category in matcher.categories_of_extension(extension)]
    by_content = matcher.category_of_content(content)
    return found if by_content is None else [*found, ("content", content, by_content)]


def _decision(
    matcher: Matcher, applying: list[tuple[str, str, int]], name: bytes, facts: Facts, *, content_wins: bool
) -> tuple[str, str, int]:
    """The rule that decided: kind, what it saw, and the category that was recorded."""
    if matcher.category(name, facts.content, content_wins=content_wins) != facts.category:
        return "family", "", facts.category
    by_kind = {kind: (kind, what, of) for kind, what, of in reversed(applying)}
    overruled = content_wins and matcher.is_mismatch(name, facts.content)
    order = ("keyword", "content", "extension") if overruled else ("keyword", "extension", "content")
    return next((by_kind[kind] for kind in order if kind in by_kind), ("fallback", "", facts.category))


def _moment(taken: int) -> str:
    """Wall-clock seconds as text; ``?`` outside the calendar."""
    try:
        return (_EPOCH + timedelta(seconds=taken)).strftime("%Y-%m-%d %H:%M:%S")
    except OverflowError:
        return "?"


def _sentence(category: str, decided_by: str, matched: str, date: str, source: str, conflict: str) -> str:
    why = {
        "keyword": f"the word “{matched}” is in its name",
        "extension": f"its extension is .{matched}",
        "content": f"its content is {matched}",
        "fallback": "no rule knows its extension or content",
        "family": "it stays with the files it belongs to",
    }[decided_by]
    end = f"; {conflict}" if conflict else ""
    return f"Filed under {category} because {why}; dated {date} by the {source}{end}."
