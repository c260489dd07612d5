"""Text by its first bytes: scripts, markup and plain text, in UTF-8 or UTF-16. Never raises."""

from __future__ import annotations

import codecs
import re
from typing import Final

_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
"""No text holds these; ESC is left out, since logs and ANSI art hold it."""
_CONTROL_IN_TEXT: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffe\uffff]")
_ROOT_ELEMENT: Final = re.compile(rb"<(?:[A-Za-z_][\w.\-]*:)?([A-Za-z_][\w.\-]*)")
_PROLOGUE: Final = re.compile(rb"(?s)\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE(?:[^\[>]|\[[^\]]*\])*>", re.IGNORECASE)
"""What may stand before the root element. Unambiguous, so that no input makes it backtrack for long."""
_BY_ROOT: Final = {b"svg": "image/svg+xml", b"html": "text/html", b"fictionbook": "application/x-fictionbook+xml"}
_STARTS: Final = (
    (b"#!", "text/x-script"),
    (b"<?php", "text/x-php"),
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"begin:vcard", "text/vcard"),
    (b"begin:vcalendar", "text/calendar"),
)
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def text_type(head: bytes) -> str:
    """The type of a text, ``text/plain`` if it is none of the known ones; ``""`` for what isn't text.

    Text is valid UTF-8, or UTF-16 behind a byte order mark, without control
    characters. A character cut by the end of the head is no fault.
    """
    text = _as_utf8(head)
    if not text:
        return ""
    start = text[:64].lstrip().lower()
    found = next((kind for mark, kind in _STARTS if start.startswith(mark)), "")
    if found:
        return found
    return _markup_type(text) if start.startswith(b"<") else "text/plain"


def _as_utf8(head: bytes) -> bytes:
    """The head as UTF-8 without its byte order mark; ``b""`` if it isn't text."""
    bom, encoding = next(((b, e) for b, e in _BOMS if head.startswith(b)), (b"", "utf-8"))
    body = head[len(bom) :]
    if encoding == "utf-8" and _CONTROL.search(body):
        return b""
    if body.isascii() and encoding == "utf-8":
        return body
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(body)
    except UnicodeError:
        return b""
    return b"" if _CONTROL_IN_TEXT.search(text) else text.encode("utf-8", "replace")


def _markup_type(text: bytes) -> str:
    """SVG, HTML, FictionBook or XML by the root element behind prologue, comments and DOCTYPE; else plain text."""
    declared = text[:64].lstrip().startswith(b"<?xml")
    at = 0
    while (match := _PROLOGUE.match(text, at)) is not None:
        at = match.end()
    root = _ROOT_ELEMENT.match(text, at)
    found = _BY_ROOT.get(root[1].lower(), "") if root else ""
    return found or ("application/xml" if declared else "text/plain")
