"""Names as a target file system sees them: what is equal, what fits, what is allowed. Pure; names are bytes.

No name is ever rewritten unasked: the functions here compare names, make a
new one beside a taken one, or cut one that doesn't fit.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

import msgspec

COMPOUND_EXTENSIONS: Final = frozenset(
    {b".tar." + packed for packed in (b"gz", b"bz2", b"xz", b"zst", b"lz", b"lz4", b"lzma", b"lzo", b"br", b"z", b"7z")}
    | {
        inner + b".gz"
        for inner in (b".cpio", b".nii", b".sql", b".csv", b".json", b".jsonl", b".xml", b".txt", b".log")
    }
    | {
        inner + b".gz"
        for inner in (b".ps", b".svg", b".warc", b".vcf", b".fastq", b".fasta", b".fits", b".img", b".synctex")
    }
    | {inner + b".xz" for inner in (b".img", b".iso", b".sql", b".log", b".raw", b".qcow2")}
    | {inner + b".bz2" for inner in (b".img", b".sql", b".xml", b".log", b".csv")}
    | {inner + b".zst" for inner in (b".pkg", b".img", b".sql", b".csv", b".jsonl", b".log")}
    | {b".pkg.tar.xz", b".pkg.tar.zst", b".src.rpm", b".mp.jpg", b".info.json", b".live_chat.json", b".user.js"}
    | {b".min.js", b".min.css", b".d.ts", b".js.map", b".css.map", b".blade.php", b".lrcat-data", b".sla.gz"}
)
"""Endings of two or three parts that are one extension, lower case. ``.part1.rar`` and ``.7z.001`` are found by pattern."""

_VOLUME = re.compile(
    rb"(?:\.part\d{1,4}\.(?:rar|exe|rev)|\.(?:tar\.)?[a-z0-9]{1,5}\.\d{3}|\.vol\d+\+\d+\.par2)\Z", re.IGNORECASE
)
_PLAIN = re.compile(rb"[^\s/]{1,24}\Z")
_NUMBER = re.compile(rb"\d+\Z")
_RESERVED = re.compile(
    rb"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)(?:[0-9]|\xc2[\xb9\xb2\xb3]))\Z", re.IGNORECASE
)
_NOT_ON_WINDOWS = re.compile(rb'[\x00-\x1f<>:"/\\|?*]')
_HASH_LENGTH: Final = 8

# Default_Ignorable_Code_Point of Unicode: HFS+ and ext4 with casefold compare names without them.
_IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


class NameRules(msgspec.Struct, frozen=True):
    """What the target file system does with names; the defaults are those of ext4, XFS and Btrfs."""

    case_sensitive: bool = True
    normalizing: bool = False
    """It takes NFC and NFD spellings for one name (APFS, HFS+, ext4 with casefold)."""
    max_bytes: int = 255
    """Length limit of one name."""
    windows: bool = False
    """Reserved characters and names, no trailing dot or space."""


def folds(rules: NameRules) -> bool:
    """Say whether different spellings can be one name; if not, ``key`` gives every name back as it is."""
    return rules.normalizing or rules.windows or not rules.case_sensitive


def key(name: bytes, rules: NameRules) -> bytes:
    """Give two names the same key if the file system takes them for one name.

    The reverse isn't promised: full case folding takes a little more for equal
    (``ß`` and ``ss``) than any one file system, which costs a suffix, not a file.
    """
    if not folds(rules):
        return name
    if rules.windows:
        name = name.rstrip(b". ") or name
    if name.isascii():
        return name if rules.case_sensitive else name.lower()
    text = name.decode("utf-8", "surrogateescape")
    if rules.normalizing:
        text = unicodedata.normalize("NFD", _IGNORABLE.sub("", text))
    if not rules.case_sensitive:
        text = text.casefold()
        if rules.normalizing:
            text = unicodedata.normalize("NFD", text)
    return text.encode("utf-8", "surrogateescape")


def split_extension(name: bytes) -> tuple[bytes, bytes]:
    """Split ``name`` into stem and extension (with its dot, ``b""`` if there is none); joined they are ``name``.

    Compound extensions stay whole (``.tar.gz``, ``.part1.rar``). A leading dot
    starts no extension, nor does a dot before a space or before a mere number
    (``v1.5``), unless the number has three digits like a volume's.
    """
    dot = name.rfind(b".")
    if dot <= 0 or dot + 1 == len(name) or not name[:dot].strip(b"."):
        return name, b""
    plain = name[dot + 1 :]
    if not _PLAIN.match(plain) or (len(plain) != 3 and _NUMBER.match(plain)):
        return name, b""
    start = _compound_start(name, dot)
    return name[:start], name[start:]


def _compound_start(name: bytes, dot: int) -> int:
    """Where the extension starts whose last part starts at ``dot``."""
    lowered = name.lower()
    volume = _VOLUME.search(lowered)
    if volume and lowered[: volume.start()].strip(b"."):
        return volume.start()
    start = earlier = dot
    for _ in range(2):
        earlier = lowered.rfind(b".", 0, earlier)
        if earlier <= 0 or not lowered[:earlier].strip(b"."):
            break
        if lowered[earlier:] in COMPOUND_EXTENSIONS:
            start = earlier
    return start


def suffixed(name: bytes, number: int, rules: NameRules, *, reserve: int = 0) -> bytes:
    """Give the name to use when ``name`` is taken: ``name (2).ext``; never ``name`` itself.

    What doesn't fit ``rules.max_bytes`` less ``reserve`` is cut from the stem,
    between characters; a hash of the whole stem then keeps names distinct.
    """
    stem, extension = split_extension(name)
    return _fitted(stem, b" (%d)" % number, extension, rules.max_bytes - reserve)


def shortened(name: bytes, rules: NameRules) -> bytes:
    """Cut ``name`` to what fits, keeping its extension and adding a hash of the stem; a name that fits is returned as it is."""
    if len(name) <= rules.max_bytes:
        return name
    stem, extension = split_extension(name)
    return _fitted(stem, b"", extension, rules.max_bytes)


def _fitted(stem: bytes, tag: bytes, extension: bytes, limit: int) -> bytes:
    """Join the parts in at most ``limit`` bytes; only a limit with no room for them costs the extension, then the hash."""
    if len(stem) + len(tag) + len(extension) <= limit:
        return stem + tag + extension
    mark = b"~" + hashlib.blake2b(stem, digest_size=_HASH_LENGTH // 2).hexdigest().encode()
    if limit - len(mark) - len(tag) - len(extension) < 1:
        extension = b""
    tail = mark + tag + extension
    if len(tail) >= limit:
        return tail[max(0, len(tail) - limit) :] if limit > 0 else tail
    return cut(stem, limit - len(tail)) + tail


def cut(name: bytes, length: int) -> bytes:
    """Give at most the first ``length`` bytes of ``name``, not ending inside a UTF-8 character."""
    if len(name) <= length:
        return name
    end = length
    while end > 0 and length - end < 3 and 0x80 <= name[end] <= 0xBF:
        end -= 1
    # Three steps back and still no start of a character: it isn't UTF-8, any place is as good.
    return name[:length] if 0x80 <= name[end] <= 0xBF else name[:end]


def allowed(name: bytes, rules: NameRules) -> bool:
    """Say whether the file system takes ``name`` as the name of one file, as it is."""
    if not name or name in (b".", b"..") or b"/" in name or b"\0" in name or len(name) > rules.max_bytes:
        return False
    return not rules.windows or _allowed_on_windows(name)


def _allowed_on_windows(name: bytes) -> bool:
    """Say whether Windows takes ``name``: characters, reserved device names, the end, and Unicode at all."""
    if _NOT_ON_WINDOWS.search(name) or name[-1:] in (b".", b" "):
        return False
    if _RESERVED.match(name.partition(b".")[0].rstrip(b" ")):
        return False
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def component(value: bytes, rules: NameRules) -> bytes:
    """Make one folder name of ``value``: what can't be in a name becomes ``_``; never empty, ``.`` or ``..``.

    For folders named after a category or an extension, not for names of the user's files.
    """
    clean = re.sub(rb"[\x00-\x1f\x7f/\\]", b"_", value)
    if rules.windows:
        clean = _NOT_ON_WINDOWS.sub(b"_", clean).decode("utf-8", "replace").encode().rstrip(b". ")
        if _RESERVED.match(clean.partition(b".")[0].rstrip(b" ")):
            clean = b"_" + clean
    if not clean.strip(b". "):
        clean = b"_"
    return shortened(clean, rules)
