"""The type of a file by its first bytes: an own table of signatures, dispatched on the first byte.

The types are MIME types where one is registered, else the usual ``x-`` name.
The facts are those of the formats' specifications; the table is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fileorganizer.classify.containers import (
    ebml_type,
    iff_type,
    iso_media_type,
    mpeg_audio_type,
    ogg_type,
    riff_type,
    tiff_type,
    zip_type,
)
from fileorganizer.classify.texts import text_type

HEAD_BYTES: Final = 4096
"""How much of a file ``content_type`` wants to see."""

Look = Callable[[bytes], str]
"""Tells the type from the head of a file that has the signature; ``""`` if it isn't the format after all."""


def _bmp_type(head: bytes) -> str:
    """``BM`` begins many texts: reserved bytes must be zero and the size of the second header a known one."""
    return "image/bmp" if head[6:10] == b"\0\0\0\0" and head[14:18] in _BMP_HEADERS else ""


def _icon_type(head: bytes) -> str:
    """An icon or cursor: a few entries, the first with a zero reserved byte and an offset behind the directory."""
    count = int.from_bytes(head[4:6], "little")
    offset = int.from_bytes(head[18:22], "little")
    return "image/x-icon" if 0 < count < 256 and head[9:10] == b"\0" and offset >= 6 + 16 * count else ""


def _mz_type(head: bytes) -> str:
    """A Windows program if the header it points to is in the head or lies plausibly behind; else one for DOS, unless it is text."""
    at = int.from_bytes(head[60:64], "little")
    if head[at : at + 4] == b"PE\0\0" or (len(head) >= HEAD_BYTES and HEAD_BYTES - 4 < at < 65_536):
        return "application/vnd.microsoft.portable-executable"
    return "" if text_type(head) else "application/x-msdos-program"


def _cafebabe_type(head: bytes) -> str:
    """Java classes and fat Mach-O files share a signature: a class has a version of 45 or more where Mach-O counts architectures."""
    return "application/x-java-class" if int.from_bytes(head[4:8], "big") >= 45 else "application/x-mach-binary"


def _id3_type(head: bytes) -> str:
    """An ID3v2 tag with a sane version and size; what follows it is MP3 nearly always."""
    return "audio/mpeg" if len(head) >= 10 and head[3] < 0x10 and head[4] != 0xFF and max(head[6:10]) < 0x80 else ""


def _gzip_type(head: bytes) -> str:
    """gzip knows one method."""
    return "application/gzip" if head[2:3] == b"\x08" else ""


def _bzip2_type(head: bytes) -> str:
    """bzip2 with its block size and the first block (or the end, when empty)."""
    return "application/x-bzip2" if head[3:4].isdigit() and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90") else ""


def _mpeg_stream_type(head: bytes) -> str:
    """MPEG transport stream: a sync byte every 188 bytes."""
    return "video/mp2t" if all(head[at : at + 1] == b"\x47" for at in (188, 376, 564)) else ""


def _font_type(head: bytes) -> str:
    """TrueType: a sane number of tables."""
    return (
        "font/ttf"
        if 0 < int.from_bytes(head[4:6], "big") < 64 and (head[12:16].strip().isalnum() or head[12:16] == b"OS/2")
        else ""
    )


def _archive_type(head: bytes) -> str:
    """Unix ``ar``; a Debian package is one that begins with its version."""
    return "application/vnd.debian.binary-package" if head[8:21] == b"debian-binary" else "application/x-archive"


def _photoshop_type(head: bytes) -> str:
    """PSD and PSB by their versions."""
    return "image/vnd.adobe.photoshop" if head[4:6] in (b"\0\1", b"\0\2") else ""


def _pcx_type(head: bytes) -> str:
    """PCX: known version, run-length encoding, usual depth."""
    return (
        "image/x-pcx"
        if head[1:2] in (b"\0", b"\2", b"\3", b"\4", b"\5")
        and head[2:3] == b"\1"
        and head[3:4] in (b"\1", b"\2", b"\4", b"\x08")
        else ""
    )


def _access_type(head: bytes) -> str:
    """Jet and ACE databases."""
    return "application/x-msaccess" if head[4:19] in (b"Standard Jet DB", b"Standard ACE DB") else ""


def _plist_or_text(head: bytes) -> str:
    """A binary property list."""
    return "application/x-plist" if head[6:8].isdigit() else ""


_BMP_HEADERS: Final = {size.to_bytes(4, "little") for size in (12, 16, 40, 52, 56, 64, 108, 124)}

_SIGNATURES: Final[tuple[tuple[bytes, str | Look], ...]] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\x8aMNG\r\n\x1a\n", "video/x-mng"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"RIFF", riff_type),
    (b"RF64", "audio/x-wav"),
    (b"FORM", iff_type),
    (b"II*\0", tiff_type),
    (b"MM\0*", tiff_type),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"IIRO", "image/x-olympus-orf"),
    (b"IIRS", "image/x-olympus-orf"),
    (b"MMOR", "image/x-olympus-orf"),
    (b"IIU\0", "image/x-panasonic-rw2"),
    (b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
    (b"FOVb", "image/x-sigma-x3f"),
    (b"\0MRM", "image/x-minolta-mrw"),
    (b"II\x1a\0\0\0HEAPCCDR", "image/x-canon-crw"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\xff\x0a", lambda head: "image/jxl" if len(head) > 12 and not text_type(head) else ""),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"II\xbc", "image/vnd.ms-photo"),
    (b"v/1\x01", "image/x-exr"),
    (b"#?RADIANCE", "image/vnd.radiance"),
    (b"qoif", "image/qoi"),
    (b"BPG\xfb", "image/bpg"),
    (b"FLIF", "image/flif"),
    (b"DDS |\0\0\0", "image/x-dds"),
    (b"icns", "image/x-icns"),
    (b"BM", _bmp_type),
    (b"\0\0\1\0", _icon_type),
    (b"\0\0\2\0", _icon_type),
    (b"\x0a", _pcx_type),
    (b"8BPS", _photoshop_type),
    (b"gimp xcf ", "image/x-xcf"),
    (b"AC10", "image/vnd.dwg"),
    (b"BLENDER", "application/x-blender"),
    (b"glTF", "model/gltf-binary"),
    (b"Kaydara FBX Binary", "model/vnd.fbx"),
    (b"\x06\x06\xed\xf5\xd8\x1d\x46\xe5", "application/vnd.adobe.indesign"),
    (b"%!PS-AdobeFont", "font/type1"),
    (b"%!PS", "application/postscript"),
    (b"\xc5\xd0\xd3\xc6", "application/postscript"),
    (b"\x1a\x45\xdf\xa3", ebml_type),
    (b"FLV\1", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"\0\0\1\xba", "video/mpeg"),
    (b"\0\0\1\xb3", "video/mpeg"),
    (b"\x47", _mpeg_stream_type),
    (b".RMF\0\0\0", "video/vnd.rn-realmedia"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "video/mxf"),
    (b"\x8bJVT", "video/x-nsv"),
    (b"NSVf", "video/x-nsv"),
    (b"ID3", _id3_type),
    (b"fLaC", "audio/flac"),
    (b"OggS\0", ogg_type),
    (b"MThd\0\0\0\6", "audio/midi"),
    (b"#!AMR", "audio/amr"),
    (b".snd\0", "audio/basic"),
    (b"caff\0", "audio/x-caf"),
    (b"MAC ", "audio/x-ape"),
    (b"wvpk", "audio/x-wavpack"),
    (b"MPCK", "audio/x-musepack"),
    (b"MP+", "audio/x-musepack"),
    (b"TTA1", "audio/x-tta"),
    (b"tBaK", "audio/x-tak"),
    (b"DSD ", "audio/x-dsf"),
    (b"FRM8", "audio/x-dff"),
    (b"\x0b\x77", lambda head: "" if text_type(head) else "audio/ac3"),
    (b"\x7f\xfe\x80\x01", "audio/vnd.dts"),
    (b"Extended Module: ", "audio/x-mod"),
    (b"IMPM", "audio/x-mod"),
    (b"%PDF-", "application/pdf"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\xffWPC", "application/vnd.wordperfect"),
    (b"AT&TFORM", "image/vnd.djvu"),
    (b"ITSF\3\0\0\0", "application/vnd.ms-htmlhelp"),
    (b"PK\3\4", zip_type),
    (b"PK\5\6", "application/zip"),
    (b"PK\7\x08", "application/zip"),
    (b"Rar!\x1a\7", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\x1f\x8b", _gzip_type),
    (b"BZh", _bzip2_type),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x04\x22\x4d\x18", "application/x-lz4"),
    (b"LZIP\1", "application/x-lzip"),
    (b"\x1f\x9d", "application/x-compress"),
    (b"\x1f\xa0", "application/x-compress"),
    (b"\x60\xea", lambda head: "" if text_type(head) else "application/x-arj"),
    (b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    (b"xar!\0", "application/x-xar"),
    (b"hsqs", "application/x-squashfs"),
    (b"QFI\xfb", "application/x-qemu-disk"),
    (b"KDMV", "application/x-vmdk"),
    (b"070701", "application/x-cpio"),
    (b"070707", "application/x-cpio"),
    (b"!<arch>\n", _archive_type),
    (b"\xed\xab\xee\xdb", "application/x-rpm"),
    (b"\x7fELF", "application/x-elf"),
    (b"MZ", _mz_type),
    (b"\xca\xfe\xba\xbe", _cafebabe_type),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\0asm\1\0\0\0", "application/wasm"),
    (b"dex\n03", "application/vnd.android.dex"),
    (b"\x4c\0\0\0\1\x14\2\0", "application/x-ms-shortcut"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"\0\1\0\0", lambda head: _access_type(head) or _font_type(head)),
    (b"true\0", _font_type),
    (b"OTTO\0", "font/otf"),
    (b"ttcf\0", "font/collection"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"\x01fcp", "font/x-pcf"),
    (b"PAR1", "application/vnd.apache.parquet"),
    (b"ARROW1\0", "application/vnd.apache.arrow"),
    (b"Obj\1", "application/x-avro"),
    (b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (b"CDF\1", "application/x-netcdf"),
    (b"CDF\2", "application/x-netcdf"),
    (b"bplist", _plist_or_text),
    (b"!BDN", "application/x-pst"),
    (b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
    (b"\x0a\x0d\x0d\x0a", "application/vnd.tcpdump.pcap"),
    (b"d8:announce", "application/x-bittorrent"),
)
_TEXT_FORMATS: Final = (
    "application/pdf",
    "application/postscript",
    "font/type1",
    "application/rtf",
    "image/vnd.radiance",
    "application/x-bittorrent",
)
"""Formats that a signature of letters proves although the head may be a text; all others must hold something that no text holds."""


def _sure(signature: bytes, found: str | Look) -> Look | str:
    """A signature of letters alone also begins texts: then the head must not be one."""
    if callable(found) or not (signature.isascii() and signature.decode().isprintable()) or found in _TEXT_FORMATS:
        return found
    return lambda head: "" if text_type(head) else found


_LONGEST_FIRST: Final = sorted(
    ((mark, _sure(mark, found)) for mark, found in _SIGNATURES), key=lambda pair: -len(pair[0])
)
_BY_FIRST_BYTE: Final = tuple(tuple(pair for pair in _LONGEST_FIRST if pair[0][0] == first) for first in range(256))
_AT_OFFSET: Final = (
    (257, b"ustar", "application/x-tar"),
    (60, b"BOOKMOBI", "application/x-mobipocket-ebook"),
    (60, b"TEXtREAd", "application/x-mobipocket-ebook"),
    (128, b"DICM", "application/dicom"),
    (2, b"-lh", "application/x-lha"),
    (7, b"**ACE**", "application/x-ace"),
    (44, b"SCRM", "audio/x-mod"),
    (1080, b"M.K.", "audio/x-mod"),
    (0x8001, b"CD001", "application/x-iso9660-image"),
)


def content_type(head: bytes) -> str:
    """The type of a file that begins with ``head`` (``HEAD_BYTES`` of it, or the whole file); ``""`` if it is unknown or empty.

    Never raises. ISO 9660 images show themselves at byte 32,769 only: they are
    found when a longer head is given.
    """
    if not head:
        return ""
    for signature, found in _BY_FIRST_BYTE[head[0]]:
        if head.startswith(signature):
            kind = found if isinstance(found, str) else found(head)
            if kind:
                return kind
    return (
        iso_media_type(head)
        or (mpeg_audio_type(head) if head[0] == 0xFF else "")
        or _at_offset(head)
        or text_type(head)
    )


def _at_offset(head: bytes) -> str:
    """Formats whose signature isn't at the beginning."""
    return next((kind for at, signature, kind in _AT_OFFSET if head.startswith(signature, at)), "")
