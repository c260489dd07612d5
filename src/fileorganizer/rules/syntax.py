"""A set of rules as a value: what a profile is made of, and what an operation keeps of it."""

from __future__ import annotations

from typing import Final

import msgspec

from fileorganizer.errors import JournalDamaged
from fileorganizer.model import Category

FORMAT: Final = 1
"""Version of the stored form. A reader knows its own version and all older ones."""


class RuleSet(msgspec.Struct, frozen=True):
    """Categories in the order in which they are asked, and the layout that goes with them.

    An extension that two categories name belongs to the first; a keyword as
    well. A user's own categories therefore stand ahead of the built-in ones.
    """

    categories: tuple[Category, ...]
    profile: str
    layout: str
    """Layout when the user names none: ``category``, ``year``, ``category_year`` or a path template."""
    carriers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Content types that wrap many formats (zip, XML, MP4), each with the names of the categories they may be
    found in (empty: any). They never speak against an extension of such a category."""

    def encode(self) -> bytes:
        """The stored form, the same bytes for equal rules; ``decode`` gives the value back."""
        return msgspec.msgpack.encode(_Stored(FORMAT, msgspec.Raw(msgspec.msgpack.encode(self))))

    @staticmethod
    def decode(stored: bytes) -> RuleSet:
        """The value that ``encode`` stored. Raises ``JournalDamaged`` for anything else and for newer formats."""
        try:
            envelope = msgspec.msgpack.decode(stored, type=_Stored)
            if envelope.format != FORMAT:
                raise JournalDamaged(
                    f"The rules of this operation are stored in format {envelope.format}, this program reads {FORMAT}. Update FileOrganizer, then try again."
                )
            return msgspec.msgpack.decode(envelope.rules, type=RuleSet)
        except msgspec.MsgspecError as damage:
            raise JournalDamaged(
                f"The stored rules of this operation can't be read ({damage}). Restore the journal from a backup."
            ) from damage


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """The version beside the rules, so that it can be read before them."""

    format: int
    rules: msgspec.Raw
