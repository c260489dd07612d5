"""Make a folder as messy as a real Downloads folder, to try the organizer on: ``sample_folder.py FOLDER``.

The photos, documents, sounds and archives are valid files, dated between 2016
and 2024 (a fresh file counts as unfinished and would be skipped). The same
folder comes out each time. A folder that was made before is left when it is
as it was, made anew when it was organized since, and never touched when it
holds something that didn't come from here.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import random
import shutil
import sys
import tarfile
import wave
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

EXIF_DATE, EXIF_OFFSET, EXIF_SUBFOLDER = 0x9003, 0x9011, 0x8769
ISO_MEDIA = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2\0\0\0\x08free\0\0\0\x08mdat"
MP3 = b"ID3\x04\0\0\0\0\0\0" + (b"\xff\xfb\x90\x00" + bytes(413)) * 8
MATROSKA = b"\x1aE\xdf\xa3\x93B\x82\x88matroskaB\x87\x81\x04B\x85\x81\x02"
CONTROL_DIRECTORY = ".fileorganizer"
chance = random.Random(2016)


@dataclass(frozen=True, slots=True)
class Sample:
    """One file to be: its name below the folder, its content, its time."""

    name: bytes
    content: bytes
    taken: datetime

    @classmethod
    def of(cls, name: str, content: bytes | str, year: int = 0) -> Sample:
        """A file by its ``name``, at a moment of the ``year`` (0: any year)."""
        moment = datetime(
            year or chance.randint(2016, 2024), chance.randint(1, 12), chance.randint(1, 28), 12, tzinfo=UTC
        )
        return cls(name.encode(), content if isinstance(content, bytes) else content.encode(), moment)


def image(kind: str, year: int, *, size: tuple[int, int] = (64, 48)) -> bytes:
    """A valid picture; a JPEG says when it was taken."""
    exif = Image.Exif()
    exif.get_ifd(EXIF_SUBFOLDER)[EXIF_DATE] = f"{year}:0{chance.randint(1, 9)}:1{chance.randint(0, 9)} 10:20:30"
    exif.get_ifd(EXIF_SUBFOLDER)[EXIF_OFFSET] = "+02:00"
    exif[0x010F] = "Sample camera"
    out = io.BytesIO()
    colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
    Image.new("RGB", size, colour).save(out, kind, **({"exif": exif} if kind == "JPEG" else {}))
    return out.getvalue()


def pdf(title: str) -> bytes:
    """A valid PDF of one page."""
    drawing = b"BT /F1 18 Tf 72 720 Td (%s) Tj ET" % title.encode("ascii", "replace")
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawing), drawing),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    out, offsets = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, text)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return out + b"xref\n0 6\n0000000000 65535 f \n%strailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        table,
        len(out),
    )


def zipped(members: dict[str, str]) -> bytes:
    """A zip file of these names and texts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def tarball(name: str, text: str) -> bytes:
    """A ``.tar.gz`` with one member."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue(), mtime=0)


def tone() -> bytes:
    """A tenth of a second of sound as WAV."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(chance.randbytes(1600))
    return out.getvalue()


def office(part: str) -> bytes:
    """What a Word, Excel or PowerPoint file is outside: a zip with a table of contents."""
    return zipped({"[Content_Types].xml": "<Types/>", part: f"<document n='{chance.random()}'/>"})


def pictures() -> Iterator[Sample]:
    """Photos, screenshots, RAW files with their companions, a Live Photo."""
    for number in range(70):
        year = chance.randint(2016, 2024)
        yield Sample.of(f"IMG_{4000 + number}.JPG", image("JPEG", year))
    for number in range(25):
        yield Sample.of(f"Screenshot from 2021-03-{number + 1:02} 10-00-{number:02}.png", image("PNG", 2021), 2021)
    for number in range(8):
        year = 2018 + number % 3
        yield Sample.of(f"DSC_0{number + 100}.NEF", image("TIFF", year), year)
        yield Sample.of(f"DSC_0{number + 100}.JPG", image("JPEG", year), year)
        yield Sample.of(f"DSC_0{number + 100}.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", year)
    yield Sample.of("IMG_9001.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", 2022)
    yield Sample.of("IMG_9001.MOV", b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", 2022)
    for name in ("logo.svg", "diagram.svg"):
        yield Sample.of(name, f"<svg xmlns='http://www.w3.org/2000/svg'><title>{name}</title></svg>")
    for name, kind in (("banner.webp", "WEBP"), ("dance.gif", "GIF"), ("old.bmp", "BMP")):
        yield Sample.of(name, image(kind, 2019))


def documents() -> Iterator[Sample]:
    """Invoices, letters, tables, slides, books, a saved page."""
    for number in range(30):
        yield Sample.of(f"invoice-{2016 + number % 9}-{number:03}.pdf", pdf(f"Invoice {number}"), 2016 + number % 9)
    for number in range(10):
        yield Sample.of(f"Letter {number}.docx", office("word/document.xml"))
        yield Sample.of(f"budget {2015 + number}.xlsx", office("xl/workbook.xml"))
        yield Sample.of(f"notes {number}.txt", f"Note {number}: buy milk.\n")
    for number in range(5):
        yield Sample.of(f"talk {number}.pptx", office("ppt/presentation.xml"))
        yield Sample.of(f"export-{number}.csv", f"id,amount\n1,{number}\n")
        yield Sample.of(f"README {number}.md", f"# Read me {number}\n")
    yield Sample.of("a good book.epub", zipped({"mimetype": "application/epub+zip", "text.xhtml": "<html/>"}))
    yield Sample.of("Recipe.html", "<html><img src='Recipe_files/cake.png'></html>", 2020)
    yield Sample.of("Recipe_files/cake.png", image("PNG", 2020), 2020)


def media_and_code() -> Iterator[Sample]:
    """Music, films with subtitles, archives, source files, a font, settings."""
    for number in range(20):
        yield Sample.of(f"{number:02} - Song.mp3", MP3 + chance.randbytes(32))
    for number in range(5):
        yield Sample.of(f"memo {number}.wav", tone())
        yield Sample.of(f"VID_2019070{number + 1}_120000.mp4", ISO_MEDIA + chance.randbytes(64), 2019)
        yield Sample.of(f"backup-{number}.zip", zipped({"a.txt": str(number)}))
        yield Sample.of(f"source-1.{number}.tar.gz", tarball("main.c", f"int main(){{return {number};}}"))
        yield Sample.of(f"script{number}.py", f"print({number})\n")
        yield Sample.of(f"page{number}.js", f"console.log({number})\n")
    yield Sample.of("The Film.mkv", MATROSKA + chance.randbytes(256), 2017)
    yield Sample.of("The Film.en.srt", "1\n00:00:01,000 --> 00:00:02,000\nHello.\n", 2017)
    yield Sample.of("holiday.part1.rar", b"Rar!\x1a\x07\x01\0one", 2018)
    yield Sample.of("holiday.part2.rar", b"Rar!\x1a\x07\x01\0two", 2018)
    yield Sample.of("install.sh", "#!/bin/sh\necho hello\n")
    yield Sample.of("settings.json", '{"dark": true}\n')
    yield Sample.of("Round.ttf", b"\0\1\0\0\0\0" + chance.randbytes(32))


def troubles() -> Iterator[Sample]:
    """What a careless organizer breaks: copies, clashes, half downloads, projects, odd names."""
    report = pdf("Yearly report")
    for name in ("report.pdf", "report (1).pdf", "report - Copy.pdf", "Old/report.pdf"):
        yield Sample.of(name, report, 2021)
    yield Sample.of("Documents/2021/contract.pdf", pdf("Contract, signed"), 2021)
    yield Sample.of("contract.pdf", pdf("Contract, draft"), 2021)
    yield Sample.of("Notes.TXT", "Upper case.\n", 2022)
    yield Sample.of("notes.txt", "Lower case.\n", 2022)
    yield Sample.of("debian.iso.part", chance.randbytes(4096))
    yield Sample.of("setup.exe.crdownload", b"MZ" + chance.randbytes(512))
    yield Sample.of("~$Letter 1.docx", b"\x05owner")
    yield Sample.of("my-shop/.git/HEAD", "ref: refs/heads/main\n", 2023)
    yield Sample.of("my-shop/.git/config", "[core]\n\trepositoryformatversion = 0\n\tbare = false\n", 2023)
    yield Sample.of("my-shop/package.json", '{"name": "my-shop", "version": "1.0.0"}\n', 2023)
    yield Sample.of("my-shop/src/index.js", "export const shop = 'open';\n", 2023)
    yield Sample.of("my-shop/assets/logo.png", image("PNG", 2023), 2023)
    for number in range(6):
        yield Sample.of(f"Holiday 2019/IMG_{number}.jpg", image("JPEG", 2019), 2019)
    yield Sample.of("scan_without_extension", pdf("Scanned"), 2020)
    yield Sample.of("picture that says it is a text.txt", image("JPEG", 2020), 2020)
    yield Sample.of(".hidden-notes.txt", "Leave me here.\n")
    yield Sample.of("empty.log", b"")
    for name in ("-rf.txt", "two\nlines.txt", "[red]not red[/red].txt", "$(touch pwned).txt", "x" * 251 + ".txt"):
        yield Sample.of(name, f"A strange name: {name!r}\n", 2022)
    yield Sample(b"caf\xe9 from an old disk.txt", b"Latin-1 in the name.\n", datetime(2016, 5, 5, tzinfo=UTC))


def everything() -> list[Sample]:
    """All files of the sample folder, in order."""
    return [*pictures(), *documents(), *media_and_code(), *troubles()]


def write(folder: Path, samples: list[Sample]) -> int:
    """Write the files with their times; a name that this file system refuses is left out. Returns how many there are."""
    written = 0
    for sample in samples:
        path = os.path.join(os.fsencode(folder), sample.name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            with open(path, "xb") as file:
                file.write(sample.content)
        except OSError as error:
            print(f"Left out {sample.name!r}: {error.strerror}")
            continue
        os.utime(path, (sample.taken.timestamp(),) * 2)
        written += 1
    return written


def content_of(folder: Path) -> dict[str, str]:
    """Digest of each file by its name, without the organizer's own records; links count by where they point."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] != CONTROL_DIRECTORY and (path.is_symlink() or not path.is_dir()):
            seen = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
            found[os.fsencode(name).hex()] = hashlib.sha256(seen).hexdigest()
    return found


def main(folder: Path) -> None:
    """Make the sample ``folder``, or leave it; say which."""
    record = folder.with_name(folder.name + ".json")
    if folder.exists():
        made = json.loads(record.read_text()) if record.exists() else {}
        now = content_of(folder)
        if now == made:
            return print(f"{folder}: {len(now)} sample files, as they were made.")
        if not set(now.values()) <= set(made.values()):
            return print(f"{folder} holds files that aren't samples: left as it is.")
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    count = write(folder, everything())
    record.write_text(json.dumps(content_of(folder)))
    return print(f"{folder}: {count} sample files made.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: sample_folder.py FOLDER")
    main(Path(sys.argv[1]))
