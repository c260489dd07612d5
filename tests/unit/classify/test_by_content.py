"""Types by magic bytes: real heads, look-alikes, and anything at all."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fileorganizer.classify.by_content import _SIGNATURES, HEAD_BYTES, content_type
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.rules.matching import Matcher


def picture(form: str) -> bytes:
    """A small picture as Pillow writes it."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(stream, form)
    return stream.getvalue()


def zipped(*names: str, first: tuple[str, str] | None = None) -> bytes:
    """A zip with these members, ``first`` stored uncompressed in front."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        if first:
            archive.writestr(zipfile.ZipInfo(first[0]), first[1])
        for name in names:
            archive.writestr(name, "x" * 50)
    return stream.getvalue()


def tarred() -> bytes:
    """A tar with one empty file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return stream.getvalue()


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    """The first box of an ISO base media file."""
    body = major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + struct.pack(">I4s", 8, b"mdat")


OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
OFFICE = "application/vnd.openxmlformats-officedocument"
MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
"""MPEG 1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes."""
ADTS_FRAME = b"\xff\xf1\x50\x80\x02\x00\xfc" + bytes(9)
"""16 bytes long by its own header."""

HEADS = [
    ("image/jpeg", picture("JPEG")), ("image/png", picture("PNG")), ("image/gif", picture("GIF")),
    ("image/webp", picture("WEBP")), ("image/tiff", picture("TIFF")), ("image/bmp", picture("BMP")),
    ("image/x-icon", picture("ICO")), ("image/x-pcx", picture("PCX")), ("image/x-dds", picture("DDS")),
    ("image/x-canon-cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(40)), ("image/x-fuji-raf", b"FUJIFILMCCD-RAW 0201FF" + bytes(90)),
    ("image/heic", ftyp(b"heic", b"mif1")), ("image/heic", ftyp(b"mif1", b"mif1", b"heic")), ("image/heif", ftyp(b"mif1", b"miaf")),
    ("image/avif", ftyp(b"avif")), ("image/avif", ftyp(b"mif1", b"avif")), ("image/x-canon-cr3", ftyp(b"crx ", b"isom")),
    ("video/mp4", ftyp(b"isom", b"mp42")), ("video/mp4", ftyp(b"mp42")), ("video/quicktime", ftyp(b"qt  ")),
    ("audio/mp4", ftyp(b"M4A ")), ("video/3gpp", ftyp(b"3gp5")),
    ("video/quicktime", struct.pack(">I4s", 8, b"wide") + struct.pack(">I4s", 100, b"mdat") + bytes(92)),
    ("video/webm", b"\x1a\x45\xdf\xa3\x9fB\x86\x81\x01B\x82\x84webm"), ("video/x-matroska", b"\x1a\x45\xdf\xa3\xa3B\x82\x88matroska"),
    ("video/x-msvideo", b"RIFF\x10\0\0\0AVI LIST"), ("audio/x-wav", b"RIFF\x10\0\0\0WAVEfmt "), ("audio/x-aiff", b"FORM\0\0\0\x10AIFFCOMM"),
    ("audio/flac", b"fLaC\0\0\0\x22"), ("audio/mpeg", b"ID3\4\0\0\0\0\1\x7f" + bytes(20)), ("audio/mpeg", MP3_FRAME * 2),
    ("audio/aac", ADTS_FRAME * 2), ("audio/ogg", b"OggS\0\2" + bytes(22) + b"\x01vorbis"), ("video/ogg", b"OggS\0\2" + bytes(22) + b"\x80theora"),
    ("video/x-flv", b"FLV\1\5\0\0\0\x09"), ("video/mp2t", (b"\x47" + bytes(187)) * 4), ("video/mpeg", b"\0\0\1\xba\x44"),
    ("audio/midi", b"MThd\0\0\0\6\0\1"), ("video/x-ms-asf", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9"),
    ("application/pdf", b"%PDF-1.7\n%\xe2\xe3"), ("application/postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n"), ("application/rtf", b"{\\rtf1\\ansi hello}"),
    ("application/x-ole-storage", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)),
    ("application/zip", zipped("a.txt")), ("application/zip", b"PK\5\6" + bytes(18)),
    (OFFICE + ".wordprocessingml", zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml")),
    (OFFICE + ".spreadsheetml", zipped("[Content_Types].xml", "xl/workbook.xml")),
    (OFFICE + ".presentationml", zipped("[Content_Types].xml", "ppt/presentation.xml")), (OFFICE, zipped("[Content_Types].xml")),
    (OPEN_DOCUMENT + "text", zipped("content.xml", first=("mimetype", OPEN_DOCUMENT + "text"))),
    (OPEN_DOCUMENT + "spreadsheet", zipped("content.xml", first=("mimetype", OPEN_DOCUMENT + "spreadsheet"))),
    ("application/epub+zip", zipped("META-INF/container.xml", first=("mimetype", "application/epub+zip"))),
    ("application/java-archive", zipped("META-INF/MANIFEST.MF", "a.class")), ("application/vnd.android.package-archive", zipped("AndroidManifest.xml")),
    ("application/vnd.rar", b"Rar!\x1a\7\1\0"), ("application/x-7z-compressed", b"7z\xbc\xaf\x27\x1c\0\4"), ("application/gzip", gzip.compress(b"x")),
    ("application/x-bzip2", bz2.compress(b"x")), ("application/x-bzip2", bz2.compress(b"")), ("application/x-xz", lzma.compress(b"x")),
    ("application/zstd", zstandard.compress(b"x")), ("application/x-tar", tarred()), ("application/x-iso9660-image", bytes(0x8001) + b"CD001"),
    ("application/vnd.debian.binary-package", b"!<arch>\ndebian-binary   1\0"), ("application/x-rpm", b"\xed\xab\xee\xdb\3"),
    ("application/x-elf", Path("/proc/self/exe").read_bytes()[:HEAD_BYTES]), ("application/x-mach-binary", b"\xcf\xfa\xed\xfe\7\0\0\1"),
    ("application/x-mach-binary", b"\xca\xfe\xba\xbe\0\0\0\2"), ("application/x-java-class", b"\xca\xfe\xba\xbe\0\0\0\x41"), ("application/wasm", b"\0asm\1\0\0\0"),
    ("application/vnd.microsoft.portable-executable", b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0"), ("application/x-msdos-program", b"MZ" + bytes(100)),
    ("font/ttf", b"\0\1\0\0\0\x0c\0\x80\0\3\0\x40OS/2"), ("font/otf", b"OTTO\0\x0c"), ("font/woff", b"wOFF\0\1\0\0"), ("font/woff2", b"wOF2\0\1\0\0"),
    ("image/vnd.adobe.photoshop", b"8BPS\0\1" + bytes(6)), ("image/x-xcf", b"gimp xcf v011\0"), ("image/vnd.dwg", b"AC1032\0\0\0"),
    ("application/vnd.apache.parquet", b"PAR1\x15\0"), ("application/x-hdf5", b"\x89HDF\r\n\x1a\n\0"), ("application/dicom", bytes(128) + b"DICM"),
    ("image/svg+xml", b'<?xml version="1.0"?>\n<!-- made by hand -->\n<!DOCTYPE svg PUBLIC "a" "b">\n<svg xmlns="x">'), ("image/svg+xml", b"<svg width='1'/>"),
    ("application/xml", b'\xef\xbb\xbf<?xml version="1.0"?><gpx/>'), ("text/html", b"<!DOCTYPE html>\n<html>"), ("text/html", b"\n <HTML><body>"), ("text/html", b"<!-- saved --><html>"),
    ("text/x-script", b"#!/usr/bin/env python3\nprint()"), ("text/plain", b"Hello"), ("text/plain", "Grüße, 世界\n".encode()), ("text/plain", "\ufeffGrüße".encode("utf-16")),
    ("text/plain", b"<h1>README</h1> in markdown"), ("text/vcard", b"BEGIN:VCARD\r\nVERSION:3.0"), ("application/x-mobipocket-ebook", bytes(60) + b"BOOKMOBI"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "head"), HEADS, ids=[f"{i}-{kind}" for i, (kind, _) in enumerate(HEADS)])
def test_known_formats(kind: str, head: bytes) -> None:
    """One head of each format that matters."""
    assert content_type(head if kind == "application/x-iso9660-image" else head[:HEAD_BYTES]) == kind


def test_sqlite(tmp_path: Path) -> None:
    """As the library of this Python writes it."""
    with sqlite3.connect(tmp_path / "a.db") as database:
        database.execute("CREATE TABLE t (a)")
    assert content_type((tmp_path / "a.db").read_bytes()[:HEAD_BYTES]) == "application/vnd.sqlite3"


def test_the_table_is_as_broad_as_promised() -> None:
    """At least 60 formats by signature alone."""
    assert len({kind for _, kind in _SIGNATURES if isinstance(kind, str)}) >= 60


@pytest.mark.parametrize(
    "text",
    [b"BMW is a car", b"MZ is a sign", b"ID3 tags explained", b"FORM letters", b"RIFFs", b"icns file", b"PAR1 is par", b"GIF is a format",
     b"OTTO was here", b"8BPS?", b"Rar!", b"MP+ or MP-", b"true story", b"-lh5- is a method", b"true\x20love", b"AC1032 was the room", b"BZh!", b"glTF"],
)  # fmt: skip
def test_texts_that_begin_like_a_format(text: bytes) -> None:
    """Letters alone prove nothing."""
    assert content_type(text) == "text/plain"


@pytest.mark.parametrize(
    "head",
    [b"", b"\0", b"\0" * 4096, b"\xff\xfb\x90\x64" + bytes(100), MP3_FRAME + b"\xff\xff\xff\xff", b"\xff" * 4096, b"\xc3\x28 bad utf-8",
     b"abc\0def", b"BM" + b"\xff" * 30, b"MZ\xff", b"\x1f\x8b\xff", b"\xff\xf1" * 100, bytes(range(256))],
)  # fmt: skip
def test_noise_has_no_type(head: bytes) -> None:
    """A sync word without a second frame, zeros, broken text: unknown rather than guessed."""
    assert content_type(head) in ("", "application/x-msdos-program") and (head[:2] == b"MZ" or not content_type(head))


def test_a_character_cut_by_the_end_of_the_head_is_text() -> None:
    """4,096 bytes end anywhere."""
    for size in range(4090, 4097):
        assert content_type(("a" + "世" * 2000).encode()[:size]) == "text/plain"


@given(
    st.sampled_from([mark for mark, _ in _SIGNATURES] + [head[:64] for _, head in HEADS]),
    st.binary(max_size=300),
    st.integers(0, 40),
)
@settings(max_examples=600, deadline=None)
def test_damaged_heads_never_raise(start: bytes, rest: bytes, cut: int) -> None:
    """Every signature, cut anywhere, followed by anything."""
    assert isinstance(content_type(start + rest), str) and isinstance(
        content_type(start[: cut % (len(start) + 1)] + rest), str
    )


@given(st.binary(max_size=5000))
def test_any_bytes_never_raise(head: bytes) -> None:
    """No head of any length."""
    assert content_type(head).isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=200))
def test_every_text_is_a_text(text: str) -> None:
    """In UTF-8 without control characters: some type of text, unless it is a format that is written as text."""
    assert content_type(("~ " + text).encode()) == "text/plain"


@pytest.mark.parametrize(
    "unit",
    [
        b"<!DOCTYPE" + b"[]" * 2000,
        b"<!--" * 1000,
        b"<?" * 2000,
        b"<!DOCTYPE [" * 370,
        b" \n" * 2000 + b"<",
        b"PK\3\4" * 1000,
    ],
)
def test_no_head_takes_long(unit: bytes) -> None:
    """Nothing backtracks; the limit of the test run would catch it."""
    assert isinstance(content_type(unit[:HEAD_BYTES]), str)


def test_every_type_has_a_category() -> None:
    """The one place where the table and the rules meet: a type that no category claims would be found for nothing."""
    types = {kind for _, kind in _SIGNATURES if isinstance(kind, str)} | {kind for kind, _ in HEADS}
    matcher = Matcher(builtin_rules())
    assert [kind for kind in types if matcher.category_of_content(kind) is None] == []
