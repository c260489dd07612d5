"""Which category a file belongs to, by its name and the type of its content."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from fileorganizer.model import Category
from fileorganizer.rules.syntax import RuleSet

FALLBACK: Final = "Other"
"""Name of the category for what nothing else takes; without one of this name it is the last category."""
_CLASH_NUMBER: Final = re.compile(rb" \(\d+\)$")
_WORD: Final = re.compile(rb"[a-z\x80-\xff]+|[0-9]+")


class Matcher:
    """The rules made ready for a million names. Immutable; may be shared between threads.

    The order of decision is keyword, content (if it is to win and speaks
    against the extension), extension, content (if the extension is missing or
    unknown), ``Other``.
    """

    __slots__ = ("_names", "_fallback", "_claims", "_first", "_keywords", "_types", "_prefixes", "_carriers")

    def __init__(self, rules: RuleSet) -> None:
        """Build the tables: about a millisecond for the built-in rules."""
        categories = rules.categories
        self._names = tuple(category.name for category in categories)
        self._fallback = self._names.index(FALLBACK) if FALLBACK in self._names else len(categories) - 1
        self._claims = _claims(categories)
        self._first = {extension: claims[0] for extension, claims in self._claims.items()}
        self._keywords = _keywords(categories)
        self._types: dict[str, int | None] = {}
        self._prefixes = sorted(
            ((p, i) for i, c in enumerate(categories) for p in c.content), key=lambda pair: -len(pair[0])
        )
        self._carriers = dict(rules.carriers)

    def category(self, name: bytes, content: str = "", *, content_wins: bool = False) -> int:
        """Index into the rules' categories for a file of this name; ``content`` is ``""`` where nobody looked."""
        if self._keywords and (keywords := self.keywords(name)):
            return keywords[0][0]
        if content and ((content_wins and self.is_mismatch(name, content)) or not self.knows_extension(name)):
            found = self.category_of_content(content)
        else:
            stem, _, tail = name.lower().rpartition(b".")
            found = self._first.get(tail if b"." not in stem else self._dotted(stem, tail)) if stem else None
        return found if found is not None else self._fallback

    @property
    def has_keywords(self) -> bool:
        """Whether a word anywhere in a name can decide; if not, the extension and the content do."""
        return bool(self._keywords)

    def extension(self, name: bytes) -> bytes:
        """The extension in lower case without its dot: a compound one (``tar.gz``) if the rules know it; ``b""`` if there is none.

        Dots at the beginning belong to the name: ``.bashrc`` has no extension.
        """
        stem, _, tail = name.lower().rpartition(b".")
        if not stem:
            return b""
        return self._dotted(stem, tail) if b"." in stem else tail

    def knows_extension(self, name: bytes) -> bool:
        """Whether the extension decides; if not, the content is worth a look."""
        return self.extension(name) in self._first

    def categories_of_extension(self, extension: bytes) -> tuple[int, ...]:
        """All categories that name an extension (as ``extension`` returns it), the deciding one first."""
        return self._claims.get(extension, ())

    def category_of_content(self, content: str) -> int | None:
        """The category that claims the longest prefix of this type; None where no category does."""
        found = self._types.get(content, -1)
        if found != -1:
            return found
        category = (
            next((index for prefix, index in self._prefixes if content.startswith(prefix)), None) if content else None
        )
        if len(self._types) < 1_000:
            self._types[content] = category
        return category

    def keywords(self, name: bytes) -> list[tuple[int, str]]:
        """The categories with a keyword in the name and that keyword, the deciding one first.

        A keyword is a run of whole words. Letters and numbers are words, all
        else (``_-. ``, brackets) separates: ``invoice`` is in ``Invoice2024.pdf``
        and not in ``invoiced.pdf``, ``credit note`` is in ``credit-note(2).pdf``.
        """
        words = _words(name)
        if not any(word in self._keywords for word in words):
            return []
        return sorted(
            (category, keyword)
            for at, word in enumerate(words)
            for category, keyword, run in self._keywords.get(word, ())
            if words[at : at + len(run)] == run
        )

    def is_mismatch(self, name: bytes, content: str) -> bool:
        """Whether the content is of another category than the extension says. To be shown; a file is never renamed for it.

        An extension or a type that the rules don't know, a type that its
        category shares with the extension, and a carrier are no mismatch.
        """
        claims = self._claims.get(self.extension(name))
        found = self.category_of_content(content)
        if claims is None or found is None or found in claims:
            return False
        allowed = self._carriers.get(content)
        return allowed is None or (bool(allowed) and not any(self._names[claim] in allowed for claim in claims))

    def _dotted(self, stem: bytes, tail: bytes) -> bytes:
        """The extension of a name with several dots; the number that we give to a clash ("NEWS.Debian (2).gz") is none of it."""
        before, _, middle = stem.rpartition(b".")
        middle = _CLASH_NUMBER.sub(b"", middle)
        if before.strip(b".") and (compound := middle + b"." + tail) in self._first:
            return compound
        return tail if stem.strip(b".") else b""


def _claims(categories: tuple[Category, ...]) -> dict[bytes, tuple[int, ...]]:
    """Each extension with all the categories that name it, the first one decides."""
    claims: dict[bytes, tuple[int, ...]] = {}
    for index, category in enumerate(categories):
        for extension in category.extensions:
            key = extension.lower().encode("utf-8", "surrogateescape")
            claims[key] = (*claims.get(key, ()), index)
    return claims


def _keywords(categories: tuple[Category, ...]) -> dict[bytes, list[tuple[int, str, list[bytes]]]]:
    """First word of a keyword → category, keyword and all its words."""
    by_first_word: dict[bytes, list[tuple[int, str, list[bytes]]]] = {}
    for index, category in enumerate(categories):
        for keyword in category.keywords:
            run = _words(keyword.encode("utf-8", "surrogateescape"))
            if run:
                by_first_word.setdefault(run[0], []).append((index, keyword, run))
    return by_first_word


def _words(name: bytes) -> list[bytes]:
    """The words of a name in lower case, composed, so that ``Ü`` typed on any system is found; undecodable bytes are letters."""
    if not name.isascii():
        text = unicodedata.normalize("NFC", name.decode("utf-8", "surrogateescape")).lower()
        name = text.encode("utf-8", "surrogateescape")
    return _WORD.findall(name.lower())
