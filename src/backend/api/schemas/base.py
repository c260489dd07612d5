"""What all schemas have in common: nothing unknown is taken in, nothing unprintable, and paths have two forms."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, PlainSerializer


def _whole_text(value: str) -> str:
    """Text that every database and every encoding takes."""
    if "\0" in value or (not value.isascii() and any(0xD800 <= ord(c) <= 0xDFFF for c in value)):
        raise ValueError("has characters that aren't text")
    return value


def _base64(value: str) -> str:
    """Base64 that can be decoded."""
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("isn't base64") from error
    return value


def _utc(value: datetime) -> str:
    """ISO 8601 with Z."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _no_number_from_text(value: object) -> object:
    """JSON has numbers and booleans of its own."""
    if isinstance(value, str | bool):
        raise ValueError("isn't a number")
    return value


def _in_utc(value: datetime) -> datetime:
    """A moment that the calendar has in UTC, too."""
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


def in_small_letters_at_most(most: int) -> Callable[[str], str]:
    """Names are kept in small letters, too, and those of some letters are longer."""

    def check(value: str) -> str:
        """Refuse one that is too long then."""
        if len(value.lower()) > most:
            raise ValueError("is too long")
        return value

    return check


PlainText = Annotated[str, AfterValidator(_whole_text)]
Base64 = Annotated[str, AfterValidator(_base64)]
Moment = Annotated[datetime, PlainSerializer(_utc, return_type=str, when_used="json")]
GivenMoment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Count = Annotated[int, BeforeValidator(_no_number_from_text)]


class Input(BaseModel):
    """What a client sends: a field that isn't known is refused, so that nobody believes it was heeded."""

    model_config = ConfigDict(extra="forbid", str_max_length=10_000)


class Output(BaseModel):
    """What a client gets: only the fields that stand here."""

    model_config = ConfigDict(from_attributes=True)


def path_of(text: str | None, b64: str | None) -> bytes | None:
    """The path that a request names in one of its two forms."""
    if b64 is not None:
        return base64.b64decode(b64)
    return None if text is None else os.fsencode(text)


def page_links(path: str, filters: dict[str, str | None], limit: int, offset: int, total: int) -> str:
    """The ``Link`` header of a list: first, previous, next and last page with the same filters (RFC 8288)."""
    last = max(0, (total - 1) // limit * limit)
    pages: dict[str, Any] = {"first": 0, "last": last}
    if offset > 0:
        pages["prev"] = max(0, offset - limit)
    if offset + limit < total:
        pages["next"] = offset + limit
    asked = {name: value for name, value in filters.items() if value is not None}
    return ", ".join(
        f'<{path}?{urlencode({**asked, "limit": limit, "offset": start})}>; rel="{name}"'
        for name, start in pages.items()
    )
