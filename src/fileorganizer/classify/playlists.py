"""Playlists and catalogues: files that know other files by their places. Moving those breaks them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

PLAYLISTS: Final = frozenset({b".m3u", b".m3u8", b".pls", b".xspf", b".wpl", b".zpl", b".asx"})
"""Endings of names, lower case."""
CATALOGUE_ENDINGS: Final = frozenset({b".lrcat", b".cocatalogdb", b".cosessiondb", b".itl", b".musicdb"})
"""Lower case: Lightroom, Capture One, iTunes and Music."""
CATALOGUE_NAMES: Final = frozenset(
    {b"digikam4.db", b"iTunes Library.xml", b"iTunes Music Library.xml", b"collection.nml", b"rekordbox.xml"}
)
"""As their programs write them: digiKam, iTunes, Traktor, rekordbox."""
CATALOGUE_KINDS: Final = ("Lightroom catalogue", "photo library", "media library", "video project", "music project")
"""How ``scan.ignoring`` calls the folders that are such a catalogue and are left whole."""
MOST_BYTES: Final = 1 << 20
"""So much of a playlist is read."""
_PLS: Final = re.compile(rb"(?im)^File\d+=(.+)$")
_ELEMENTS: Final = re.compile(rb"(?i)<location>\s*([^<]+?)\s*</location>|\b(?:src|href)\s*=\s*[\"']([^\"']+)[\"']")
_SCHEME: Final = re.compile(rb"(?i)[a-z][a-z0-9+.-]+://")


def ending(name: bytes) -> bytes:
    """The last ending of a name with its dot, lower case; empty without one."""
    dot = name.rfind(b".")
    return name[dot:].lower() if dot > 0 else b""


LOOKED_AT: Final = PLAYLISTS | CATALOGUE_ENDINGS
"""Endings of names of which more than the ending has to be seen."""


def entries(name: bytes, content: bytes) -> Iterator[bytes]:
    """The paths that a playlist names, as it writes them, with ``/``; addresses in a network are left out."""
    import html  # few folders have playlists: a run starts faster without these
    from urllib.parse import unquote_to_bytes

    kind = ending(name)
    content = content.removeprefix(b"\xef\xbb\xbf")
    if kind in (b".m3u", b".m3u8"):
        found = [line for line in content.splitlines() if line.strip() and not line.startswith(b"#")]
    elif kind == b".pls":
        found = _PLS.findall(content)
    else:
        found = [html.unescape((a or b).decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
                 for a, b in _ELEMENTS.findall(content)]  # fmt: skip
    for path in (line.strip() for line in found):
        local = path[7:] if path[:7].lower() == b"file://" else path
        if local is not path or kind == b".xspf":
            local = unquote_to_bytes(local)
        if not _SCHEME.match(local):
            yield local.replace(b"\\", b"/")
