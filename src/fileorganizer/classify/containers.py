"""Formats inside a common wrapper: zip, RIFF, ISO base media, Matroska, TIFF, MPEG audio. All take a head and never raise."""

from __future__ import annotations

from typing import Final

_BRANDS: Final = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"crx ": "image/x-canon-cr3",
    b"jp2 ": "image/jp2",
    b"jpx ": "image/jpx",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"F4A ": "audio/mp4",
    b"aax ": "audio/mp4",
}
_BRAND_FAMILIES: Final = {b"3g": "video/3gpp"}

_ZIP_MEMBERS: Final = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml"),
    (b"visio/", "application/vnd.openxmlformats-officedocument.drawingml"),
    (b"3D/", "model/3mf"),
    (b"[Content_Types].xml", "application/vnd.openxmlformats-officedocument"),
    (b"AndroidManifest.xml", "application/vnd.android.package-archive"),
    (b"classes.dex", "application/vnd.android.package-archive"),
    (b"META-INF/MANIFEST.MF", "application/java-archive"),
)
_OPEN_DOCUMENT: Final = b"application/vnd.oasis.opendocument."

_TIFF_MAKERS: Final = (
    (b"CR\x02", 8, "image/x-canon-cr2"),
    (b"\x00\x10\xba\xde\xad\xbe\xef", 8, "image/x-hasselblad-3fr"),
)

_LAYER_SLOTS: Final = {3: 12, 2: 144, 1: 144}
_BITRATES: Final = {
    (3, 3): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (3, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (3, 1): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 3): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 1): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""kbit/s by (version, layer) as the header encodes them; MPEG 2.5 (version 0) uses the table of 2."""
_SAMPLE_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def iso_media_type(head: bytes) -> str:
    """ISO base media (MP4, MOV, HEIC, AVIF, CR3) by its brands; ``""`` unless the first box is an ``ftyp`` or an old QuickTime one."""
    box = head[4:8]
    if box == b"ftyp":
        return _brand_type(head)
    if box in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot") and _starts_quicktime(head):
        return "video/quicktime"
    return ""


def _brand_type(head: bytes) -> str:
    """The major brand decides; a general one (``mif1``, ``isom``) leaves it to the compatible brands."""
    major = head[8:12]
    size = min(int.from_bytes(head[:4], "big"), len(head))
    compatible = [head[at : at + 4] for at in range(16, size - 3, 4)]
    if major in (b"mif1", b"msf1"):
        return next((_BRANDS[b] for b in compatible if b in _BRANDS and b not in (b"mif1", b"msf1")), "image/heif")
    if major[:2] in _BRAND_FAMILIES:
        return _BRAND_FAMILIES[major[:2]]
    return _BRANDS.get(major, "video/mp4")


def _starts_quicktime(head: bytes) -> bool:
    """Whether an old QuickTime file begins here: a plausible box, followed by another if that is in the head."""
    size = int.from_bytes(head[:4], "big")
    if size != 1 and size < 8:
        return False
    following = head[size + 4 : size + 8]
    return len(following) < 4 or following in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"ftyp", b"udta")


def riff_type(head: bytes) -> str:
    """RIFF and RF64 by their form type; ``""`` for an unknown one."""
    forms = {
        b"WEBP": "image/webp",
        b"AVI ": "video/x-msvideo",
        b"WAVE": "audio/x-wav",
        b"RMID": "audio/midi",
        b"ACON": "image/x-icon",
        b"sfbk": "audio/x-soundfont",
    }
    return forms.get(head[8:12], "")


def iff_type(head: bytes) -> str:
    """IFF FORM files; ``""`` for an unknown form type."""
    forms = {b"AIFF": "audio/x-aiff", b"AIFC": "audio/x-aiff", b"ILBM": "image/x-ilbm", b"8SVX": "audio/x-8svx"}
    return forms.get(head[8:12], "")


def ebml_type(head: bytes) -> str:
    """WebM or Matroska, by the DocType in the EBML header."""
    if b"webm" in head[:64]:
        return "video/webm"
    return "video/x-matroska" if b"matroska" in head[:64] else ""


def ogg_type(head: bytes) -> str:
    """Ogg by the first packet: Theora is video, all else is sound."""
    return "video/ogg" if head[28:35] == b"\x80theora" or head[28:35] == b"\x01video\x00" else "audio/ogg"


def tiff_type(head: bytes) -> str:
    """TIFF, or the camera raw format whose maker marks the header. NEF, ARW and DNG look like TIFF: they are images all the same."""
    return next((kind for mark, at, kind in _TIFF_MAKERS if head.startswith(mark, at)), "image/tiff")


def zip_type(head: bytes) -> str:
    """A zip, or what its first members show it to be: EPUB, OpenDocument, Office, JAR, APK."""
    if head[26:38] == b"\x08\x00\x00\x00mimetype" or head[30:38] == b"mimetype":
        return _declared_type(head)
    names = _member_names(head)
    return next(
        (kind for start, kind in _ZIP_MEMBERS if any(name.startswith(start) for name in names)), "application/zip"
    )


def _declared_type(head: bytes) -> str:
    """The stored ``mimetype`` member of EPUB and OpenDocument."""
    extra = int.from_bytes(head[28:30], "little")
    size = int.from_bytes(head[22:26], "little")
    declared = head[38 + extra : 38 + extra + min(size, 100)] if size else head[38 + extra : 38 + extra + 100]
    if declared.startswith(b"application/epub+zip"):
        return "application/epub+zip"
    if declared.startswith((b"image/openraster", b"application/x-krita")):
        return "image/x-krita"
    if declared.startswith(_OPEN_DOCUMENT):
        kind = bytes(c for c in declared[len(_OPEN_DOCUMENT) :][:20].partition(b"PK")[0] if 97 <= c <= 122 or c == 45)
        return (_OPEN_DOCUMENT + kind).decode("ascii")
    return "application/zip"


def _member_names(head: bytes) -> list[bytes]:
    """Names in the local headers that the head shows, found by their signature (sizes may be written behind the content)."""
    names: list[bytes] = []
    at = head.find(b"PK\x03\x04")
    while at >= 0 and at + 30 <= len(head):
        length = int.from_bytes(head[at + 26 : at + 28], "little")
        names.append(head[at + 30 : at + 30 + length])
        at = head.find(b"PK\x03\x04", at + 30)
    return names


def mpeg_audio_type(head: bytes) -> str:
    """MP3, MP2 or ADTS AAC, only if a second frame follows exactly where the first one ends."""
    length = _mpeg_frame(head, 0)
    if length and _mpeg_frame(head, length) and head[length + 1] & 0xFE == head[1] & 0xFE:
        return "audio/mpeg"
    length = _adts_frame(head, 0)
    return "audio/aac" if length and _adts_frame(head, length) else ""


def _mpeg_frame(head: bytes, at: int) -> int:
    """Length of the MPEG audio frame at ``at``; 0 if there is none."""
    if at + 4 > len(head) or head[at] != 0xFF or head[at + 1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[at + 1] >> 3 & 3, head[at + 1] >> 1 & 3
    rate, sample = head[at + 2] >> 4, head[at + 2] >> 2 & 3
    if version == 1 or layer == 0 or rate in (0, 15) or sample == 3:
        return 0
    bits = _BITRATES[3 if version == 3 else 2, layer][rate] * 1000
    slots = 72 if layer == 1 and version != 3 else _LAYER_SLOTS[layer]
    length = slots * bits // _SAMPLE_RATES[version][sample] + (head[at + 2] >> 1 & 1)
    return length * 4 if layer == 3 else length


def _adts_frame(head: bytes, at: int) -> int:
    """Length of the ADTS frame at ``at``; 0 if there is none."""
    if at + 7 > len(head) or head[at] != 0xFF or head[at + 1] & 0xF6 != 0xF0 or head[at + 2] >> 2 & 15 > 12:
        return 0
    length = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
    return length if length > 7 else 0
