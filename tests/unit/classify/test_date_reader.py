"""Dates from headers: photos, films, hostile files, and a process that dies or hangs."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fileorganizer.classify import date_child, date_reader
from fileorganizer.classify.date_child import CONTAINER_UTC, EXIF, NOTHING, header_date, may_hold_date, wall_seconds
from fileorganizer.classify.date_reader import CHILD_COMMAND, DateReader
from fileorganizer.model import DateSource
from tests.support.work import calls_of

BERLIN = ZoneInfo("Europe/Berlin")
LATEST = 4_000_000_000
TAKEN = "2021:03:04 23:11:12"
TAKEN_SECONDS = 1_614_899_472
"""That evening on the wall."""
ORIGINAL, DIGITIZED, CHANGED, OFFSET = 0x9003, 0x9004, 0x0132, 0x9011


def exif(**dates: str) -> Image.Exif:
    """An EXIF block: ``original``, ``digitized``, ``offset`` in the EXIF directory, ``changed`` in the first one."""
    block = Image.Exif()
    inner = block.get_ifd(0x8769)
    for name, tag in (("original", ORIGINAL), ("digitized", DIGITIZED), ("offset", OFFSET)):
        if name in dates:
            inner[tag] = dates[name]
    if "changed" in dates:
        block[CHANGED] = dates["changed"]
    return block


def photo(form: str = "JPEG", **dates: str) -> bytes:
    """A picture with these dates, as Pillow writes it; RAW: the bare structure, which is how camera raw files begin."""
    if form == "RAW":
        return exif(**dates).tobytes().removeprefix(b"Exif\0\0")
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, form, exif=exif(**dates))
    return stream.getvalue()


def box(kind: bytes, content: bytes) -> bytes:
    """A box of ISO base media."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mvhd(created: int, *, wide: bool = False) -> bytes:
    """A movie header; ``created`` in seconds since 1970, UTC."""
    return box(
        b"mvhd",
        (
            b"\1\0\0\0" + struct.pack(">Q", created + 2_082_844_800)
            if wide
            else bytes(4) + struct.pack(">I", created + 2_082_844_800)
        )
        + bytes(88),
    )


def film(*movie: bytes, brand: bytes = b"isom", before: bytes = b"") -> bytes:
    """A film with these boxes in its movie box; ``before`` stands between it and the brand."""
    return box(b"ftyp", brand + bytes(4)) + before + box(b"moov", b"".join(movie))


def apple(date: str) -> bytes:
    """QuickTime metadata with a local creation date."""
    name = b"com.apple.quicktime.creationdate"
    keys = box(
        b"keys", bytes(4) + struct.pack(">I", 2) + box(b"mdta", b"com.apple.quicktime.make") + box(b"mdta", name)
    )
    value = box(b"data", struct.pack(">II", 1, 0) + date.encode())
    return box(
        b"meta",
        box(b"hdlr", bytes(24)) + keys + box(b"ilst", struct.pack(">I", 8 + len(value)) + struct.pack(">I", 2) + value),
    )


def tiff(tags: dict[int, str], order: str = "<", start: bytes = b"") -> bytes:
    """A TIFF structure whose first directory holds these texts."""
    head = (start or (b"II*\0" if order == "<" else b"MM\0*")) + struct.pack(order + "I", 8)
    at = 8 + 2 + 12 * len(tags) + 4
    rows, texts = b"", b""
    for tag, text in tags.items():
        rows += struct.pack(order + "HHII", tag, 2, len(text) + 1, at + len(texts))
        texts += text.encode() + b"\0"
    return head + struct.pack(order + "H", len(tags)) + rows + bytes(4) + texts


def heic(*, method: int = 0) -> bytes:
    """A HEIC of an EXIF item only, as telephones lay it out."""
    infe = box(b"infe", b"\2\0\0\0" + struct.pack(">HH", 1, 0) + b"hvc1\0") + box(
        b"infe", b"\2\0\0\0" + struct.pack(">HH", 2, 0) + b"Exif\0"
    )
    iinf = box(b"iinf", bytes(4) + struct.pack(">H", 2) + infe)
    item = struct.pack(">I", 6) + b"Exif\0\0" + tiff({ORIGINAL: TAKEN}, ">")

    def whole(at: int) -> bytes:
        rows = struct.pack(">HHHHII", 1, 0, 0, 1, 1, 1) + struct.pack(">HHHHII", 2, method, 0, 1, at, len(item))
        iloc = box(b"iloc", b"\1\0\0\0\x44\x00" + struct.pack(">H", 2) + rows)
        return box(b"ftyp", b"heic" + bytes(4) + b"mif1") + box(
            b"meta", bytes(4) + box(b"hdlr", bytes(24)) + iinf + iloc
        )

    return whole(len(whole(0)) + 8) + box(b"mdat", item)


def cr3() -> bytes:
    """Canon's boxes around two TIFF structures."""
    uuid = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
    inner = box(b"CMT1", tiff({CHANGED: "2022:01:01 00:00:00"})) + box(b"CMT2", tiff({ORIGINAL: TAKEN}))
    return film(box(b"uuid", uuid + box(b"CNCV", bytes(30)) + inner), brand=b"crx ")


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk with its checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(*, exif_behind: bool) -> bytes:
    """100,000 × 100,000 pixels, 300 MB of them in the first 300 kB; maybe with a date behind the picture."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(bytes(30_000_000)))
    behind = png_chunk(b"eXIf", tiff({ORIGINAL: TAKEN})) if exif_behind else b""
    return b"\x89PNG\r\n\x1a\n" + header + pixels + behind + png_chunk(b"IEND", b"")


@contextlib.contextmanager
def opened(folder: Path, contents: Sequence[bytes]) -> Iterator[list[int]]:
    """These contents as open files."""
    fds = []
    try:
        for index, content in enumerate(contents):
            (folder / str(index)).write_bytes(content)
            fds.append(os.open(folder / str(index), os.O_RDONLY))
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


def date_of(content: bytes) -> tuple[int, int]:
    """``header_date`` of a file of this content, in this process."""
    fd = os.memfd_create("photo")
    try:
        os.write(fd, content)
        return header_date(fd, LATEST)
    finally:
        os.close(fd)


def fake(body: str) -> list[str]:
    """A process that serves in its own way: ``body`` runs for each request with ``fds``, ``reply`` and ``count``."""
    code = (
        "import os, socket, struct, sys, time\n"
        "sock = socket.socket(fileno=0)\n"
        "def reply(seconds): sock.sendall(struct.pack('<Bq', 1, seconds))\n"
        "while True:\n"
        "    request, fds, _, _ = socket.recv_fds(sock, 1, 64)\n"
        "    if not request: break\n"
        "    for fd in fds:\n"
        "        count = os.fstat(fd).st_size\n"
        f"        {body}\n"
        "        os.close(fd)\n"
    )
    return [sys.executable, "-I", "-S", "-c", code]


# --- what is read


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "RAW"])
def test_the_original_date_wins(form: str) -> None:
    """Of every form that Pillow writes EXIF into."""
    assert date_of(photo(form, original=TAKEN, digitized="2022:01:01 00:00:00", changed="2023:01:01 00:00:00")) == (
        EXIF,
        TAKEN_SECONDS,
    )


@pytest.mark.parametrize(
    "unset",
    [
        "0000:00:00 00:00:00",
        "    :  :     :  :  ",
        "1970:01:01 00:00:00",
        "2021:13:40 10:00:00",
        "2999:01:01 00:00:00",
        "soon",
    ],
)
def test_an_implausible_date_leaves_it_to_the_next_source(unset: str) -> None:
    """Unset clocks, days of no calendar, the future: then digitized, then changed, then none."""
    assert date_of(photo(original=unset, digitized=TAKEN, changed="2023:01:01 00:00:00")) == (EXIF, TAKEN_SECONDS)
    assert date_of(photo(original=unset, digitized=unset, changed=TAKEN)) == (EXIF, TAKEN_SECONDS)
    assert date_of(photo(original=unset, digitized=unset, changed=unset)) == (NOTHING, 0)


@pytest.mark.parametrize("offset", ["+09:00", "-08:00", "Z", ""])
def test_the_day_is_the_local_day_of_the_capture(offset: str, tmp_path: Path) -> None:
    """23:11 in Tokyo is that day in Tokyo, wherever it is sorted."""
    with opened(tmp_path, [photo(original=TAKEN, offset=offset)]) as fds, DateReader(BERLIN) as reader:
        found = reader.read_many(fds)[0]
    assert (
        found == (TAKEN_SECONDS, DateSource.EXIF) and time.strftime("%Y-%m-%d", time.gmtime(found[0])) == "2021-03-04"
    )


@pytest.mark.parametrize(
    "content",
    [
        tiff({ORIGINAL: TAKEN}), tiff({ORIGINAL: TAKEN}, ">"), tiff({ORIGINAL: TAKEN}, "<", b"IIRO"), tiff({ORIGINAL: TAKEN}, "<", b"IIU\0"),
        heic(), cr3(), b"FUJIFILMCCD-RAW " + bytes(68) + struct.pack(">I", 200) + bytes(112) + photo(original=TAKEN),
        b"\xff\xd8\xff\xe0\0\x10" + bytes(14) + photo(original=TAKEN)[2:], png_bomb(exif_behind=True),
    ],
    ids=["tiff-le", "tiff-be", "orf", "rw2", "heic", "cr3", "raf", "jfif-first", "png-bomb"],
)  # fmt: skip
def test_camera_formats(content: bytes) -> None:
    """TIFF and what is made like it, HEIC, CR3, RAF, EXIF behind another segment or behind the picture."""
    assert date_of(content) == (EXIF, TAKEN_SECONDS) and may_hold_date(content[:16])


@given(st.integers(date_child.EARLIEST, LATEST - 86_400))
@settings(max_examples=60, deadline=None)
def test_pillow_and_we_agree(taken: int) -> None:
    """The library as the oracle: what it reads back is what we read."""
    content = photo(original=f"{datetime.fromtimestamp(taken, UTC):%Y:%m:%d %H:%M:%S}")
    with Image.open(io.BytesIO(content)) as image:
        told = image.getexif().get_ifd(0x8769)[ORIGINAL]
    assert date_of(content) == (EXIF, wall_seconds(told.encode())) == (EXIF, taken)


@pytest.mark.parametrize(
    "content",
    [
        film(mvhd(1_614_892_272)),
        film(mvhd(1_614_892_272, wide=True)),
        film(box(b"udta", b""), mvhd(1_614_892_272), brand=b"qt  "),
        film(
            mvhd(1_614_892_272),
            before=box(b"free", bytes(5000)) + struct.pack(">I4sQ", 1, b"mdat", 16 + 9000) + bytes(9000),
        ),
        box(b"wide", b"") + film(mvhd(1_614_892_272))[16:],
    ],
    ids=["v0", "v1", "mov", "moov-at-the-end", "old-quicktime"],
)
def test_films(content: bytes, tmp_path: Path) -> None:
    """The movie header is in UTC: 21:11 there is 22:11 in Berlin."""
    assert date_of(content) == (CONTAINER_UTC, 1_614_892_272)
    with opened(tmp_path, [content]) as fds, DateReader(BERLIN) as reader:
        assert reader.read_many(fds) == [(1_614_892_272 + 3600, DateSource.CONTAINER)]


def test_a_film_with_its_own_zone() -> None:
    """A telephone's local time is better than UTC and a guess of the zone."""
    assert date_of(film(mvhd(1_614_892_272), apple("2021-03-04T23:11:12+0900"), brand=b"qt  ")) == (
        date_child.CONTAINER_LOCAL,
        TAKEN_SECONDS,
    )
    assert date_of(film(mvhd(1_614_892_272), apple("yesterday"))) == (CONTAINER_UTC, 1_614_892_272)


@pytest.mark.parametrize(
    "content", [film(mvhd(-2_082_844_800)), film(mvhd(0)), film(), film(box(b"mvhd", b"")), heic(method=1), photo()]
)
def test_headers_without_a_date(content: bytes) -> None:
    """An unset clock of 1904 or 1970, a header cut short, an item that isn't stored in the file."""
    assert date_of(content) == (NOTHING, 0)


# --- what must not hurt

SAMPLES = [
    photo(original=TAKEN),
    photo("PNG", original=TAKEN),
    photo("WEBP", original=TAKEN),
    tiff({ORIGINAL: TAKEN}),
    heic(),
    cr3(),
    film(mvhd(TAKEN_SECONDS), apple(TAKEN)),
]


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=500, deadline=None)
def test_damaged_headers_never_raise(content: bytes, data: st.DataObject) -> None:
    """S48: cut anywhere, any bytes overwritten."""
    damaged = bytearray(content[: data.draw(st.integers(0, len(content)))])
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(len(damaged) - 1, 0)))
        damaged[at : at + 4] = data.draw(
            st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff"])
            | st.binary(min_size=1, max_size=4)
        )
    kind, seconds = date_of(bytes(damaged))
    assert kind == NOTHING or date_child.EARLIEST <= seconds <= LATEST


BOMBS = {
    "truncated-jpeg": photo(original=TAKEN)[:40],
    "png-100000": png_bomb(exif_behind=False),
    "png-tiny-chunks": b"\x89PNG\r\n\x1a\n" + bytes(12) * 2_000_000,
    "webp-tiny-chunks": b"RIFF\0\0\0\0WEBPVP8X" + bytes(16_000_000),
    "jpeg-endless-fill": b"\xff\xd8" + b"\xff" * 16_000_000,
    "boxes-everywhere": box(b"ftyp", b"isom" + bytes(4)) + box(b"free", b"") * 2_000_000,
    "moov-of-boxes": film(*[box(b"trak", b"")] * 2_000_000),
    "box-of-size-zero": film(bytes(8) * 1000),
    "box-of-2-to-63": box(b"ftyp", b"isom" + bytes(4)) + struct.pack(">I4sQ", 1, b"mdat", 2**63) + bytes(100),
    "ifd-of-itself": b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHII", 0x8769, 4, 1, 8) + bytes(4),
    "ifd-of-65535": b"MM\0*\0\0\0\x08\xff\xff" + bytes(12 * 65_535),
    "heic-of-empty-extents": box(b"ftyp", b"heic" + bytes(4))
    + box(
        b"meta",
        bytes(4)
        + box(b"iinf", bytes(4) + b"\0\1" + box(b"infe", b"\2\0\0\0\0\x09\0\0Exif\0"))
        + box(b"iloc", b"\0\0\0\0\0\0\xff\xff" + b"\0\1\0\0\xff\xff" * 170_000),
    ),
    "heic-of-items": box(b"ftyp", b"heic" + bytes(4))
    + box(b"meta", bytes(4) + box(b"iinf", bytes(6) + box(b"infe", b"") * 1_000_000) + box(b"iloc", bytes(4_000_000))),
}


MOST_CALLS = 400_000
"""For one header."""


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_read_within_a_budget(name: str) -> None:
    """S48: however many millions of parts a header claims to have; the file simply has no date."""
    assert calls_of(lambda: date_of(BOMBS[name])) < MOST_CALLS
    assert date_of(BOMBS[name]) == (NOTHING, 0)


def test_the_reader_survives_all_bombs(tmp_path: Path) -> None:
    """In one request, between two photos, with one process."""
    contents = [photo(original=TAKEN), *BOMBS.values(), photo(original=TAKEN)]
    with opened(tmp_path, contents) as fds, DateReader() as reader:
        found = reader.read_many(fds)
    assert found[0] == found[-1] == (TAKEN_SECONDS, DateSource.EXIF) and not any(found[1:-1])


# --- the process


def test_many_files_in_order(tmp_path: Path) -> None:
    """More than fit into one request, some without a date, some no photos, one no file."""
    contents = [photo(original=f"2021:03:04 00:{i // 60:02}:{i % 60:02}") if i % 3 else b"text" for i in range(200)]
    with opened(tmp_path, contents) as fds, DateReader() as reader:
        folder = os.open(tmp_path, os.O_RDONLY)
        found = reader.read_many([*fds, folder])
        os.close(folder)
        assert reader.read_many([]) == []
    midnight = TAKEN_SECONDS // 86_400 * 86_400
    assert found == [(midnight + i, DateSource.EXIF) if i % 3 else None for i in range(200)] + [None]


def test_descriptors_are_left_as_they_were(tmp_path: Path) -> None:
    """Open, and at their position; none leak, here or there."""
    with opened(tmp_path, [photo(original=TAKEN)]) as fds, DateReader() as reader:
        os.lseek(fds[0], 7, os.SEEK_SET)
        reader.read_many(fds)
        process = reader._process
        assert process is not None
        before = len(os.listdir("/proc/self/fd")), len(os.listdir(f"/proc/{process.pid}/fd"))
        for _ in range(50):
            assert reader.read_many(fds * 3)[2]
        assert os.lseek(fds[0], 0, os.SEEK_CUR) == 7
        assert len(os.listdir("/proc/self/fd")) == before[0]
        # The child closes the last descriptor after it has answered, so one more may be counted each time.
        assert abs(before[1] - len(os.listdir(f"/proc/{process.pid}/fd"))) <= 1


def test_no_process_without_a_photo(tmp_path: Path) -> None:
    """Texts cost a look at 16 bytes."""
    with opened(tmp_path, [b"text", b"%PDF-1.7"]) as fds, DateReader(command=["/nonexistent"]) as reader:
        assert reader.read_many(fds) == [None, None] and reader._process is None


@pytest.mark.timeout(20)
def test_a_file_that_hangs_the_process_has_no_date_and_the_others_have(tmp_path: Path) -> None:
    """The deadline is for each answer; the next file gets a new process."""
    contents = [photo(original=TAKEN) + bytes(extra) for extra in (0, 0, 1, 0, 0)]
    size = len(contents[2])
    command = fake(f"time.sleep(1000) if count == {size} else reply({TAKEN_SECONDS})")
    with opened(tmp_path, contents) as fds, DateReader(reply_seconds=0.5, command=command) as reader:
        assert [date is not None for date in reader.read_many(fds)] == [True, True, False, True, True]
        assert not reader.given_up


def test_a_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    """From outside, as the kernel does when memory runs out; and stopped, as a debugger does."""
    with opened(tmp_path, [photo(original=TAKEN)]) as fds, DateReader(reply_seconds=0.5) as reader:
        for kind in (signal.SIGKILL, signal.SIGSTOP):
            assert reader.read_many(fds)[0]
            first = reader._process
            assert first is not None
            first.send_signal(kind)
            reader.read_many(fds)
            assert reader.read_many(fds)[0] and reader._process is not first and first.poll() is not None


def test_a_file_that_kills_the_process_costs_only_its_own_date(tmp_path: Path) -> None:
    """Also in the middle of an answer."""
    contents = [photo(original=TAKEN) + bytes(extra) for extra in (0, 1, 0, 2, 0)]
    size = len(contents[0])
    body = f"(sock.sendall(b'half'), os._exit(1)) if count > {size} else reply({TAKEN_SECONDS})"
    with opened(tmp_path, contents) as fds, DateReader(command=fake(body)) as reader:
        assert [date is not None for date in reader.read_many(fds)] == [True, False, True, False, True]


@pytest.mark.parametrize("command", [["/nonexistent"], [sys.executable, "-I", "-S", "-c", "raise SystemExit"]])
def test_giving_up_when_no_process_lives(tmp_path: Path, command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A million files must not start a million processes; the caller can tell."""
    monkeypatch.setattr(date_reader, "_MOST_DEATHS", 3)
    with opened(tmp_path, [photo(original=TAKEN)] * 10) as fds, DateReader(command=command) as reader:
        assert reader.read_many(fds) == [None] * 10 and reader.given_up


@pytest.mark.parametrize("seconds", [0, -5, 2**62, 2**40])
def test_a_process_that_lies_is_not_believed(tmp_path: Path, seconds: int) -> None:
    """A taken-over process can still only give plausible dates."""
    with opened(tmp_path, [photo(original=TAKEN)]) as fds, DateReader(command=fake(f"reply({seconds})")) as reader:
        assert reader.read_many(fds) == [None]


def test_the_process_is_limited_and_sees_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory, CPU time, no files, no environment, not our terminal's session; it ends with us."""
    monkeypatch.setenv("JWT_SECRET_KEY", "hush")
    with opened(tmp_path, [photo(original=TAKEN)]) as fds, DateReader() as reader:
        assert reader.read_many(fds)[0]
        process = reader._process
        assert process is not None
        proc = Path(f"/proc/{process.pid}")
        limits = {line[:26].strip(): line[26:].split()[0] for line in (proc / "limits").read_text().splitlines()}
        assert b"hush" not in (proc / "environ").read_bytes() and os.getsid(process.pid) == process.pid
    assert int(limits["Max address space"]) <= 1 << 30 and int(limits["Max cpu time"]) <= 11
    assert limits["Max file size"] == limits["Max core file size"] == "0"
    assert process.poll() is not None


def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """It reads the end of its connection."""
    (tmp_path / "a.jpg").write_bytes(photo(original=TAKEN))
    code = (
        "import os, signal, sys; from fileorganizer.classify.date_reader import DateReader\n"
        "reader = DateReader(); reader.read_many([os.open(sys.argv[1], os.O_RDONLY)])\n"
        "print(reader._process.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.jpg")], capture_output=True, text=True, check=False
    ).stdout
    deadline = time.monotonic() + 5
    while _lives(int(told)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _lives(int(told))


def _lives(pid: int) -> bool:
    """Whether the process runs; one that nobody has collected yet doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_process_imports_nothing_from_the_folder_we_stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ``struct.py`` among the user's files is never run; nor is our own package, whose import costs time."""
    for name in ("struct.py", "calendar.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('hostile')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert CHILD_COMMAND[1:3] == ("-I", "-S")
    with opened(tmp_path, [photo(original=TAKEN)]) as fds, DateReader() as reader:
        assert reader.read_many(fds)[0]


def test_the_parent_never_loads_an_image_library() -> None:
    """The parsers of pictures stay out of the process that moves files."""
    code = "import sys, fileorganizer.classify.date_reader; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.lists(st.sampled_from([*SAMPLES, b"text", b"\xff\xd8\xff"]), max_size=8))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_process_says_what_the_function_says(tmp_path: Path, contents: list[bytes]) -> None:
    """In any order and number."""
    with opened(tmp_path, contents) as fds, DateReader(ZoneInfo("UTC")) as reader:
        found = reader.read_many(fds)
    assert [date and date[0] for date in found] == [date_of(content)[1] or None for content in contents]
