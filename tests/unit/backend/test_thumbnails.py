"""Thumbnails without a server: what is drawn, what becomes of a process that fails, what is kept."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from PIL import Image

from backend.services import picture_child, thumbnails
from backend.services.picture_child import TooManyPixels, draw
from backend.services.thumbnails import PictureReader, Shelf, Thumbnails, is_picture
from tests.support.pictures import picture, png_header_of


def on_disk(folder: Path, body: bytes) -> int:
    """An open file with this in it."""
    (folder / "picture").write_bytes(body)
    return os.open(folder / "picture", os.O_RDONLY)


@pytest.mark.parametrize(
    ("kind", "mode", "drawn"),
    [
        ("JPEG", "RGB", "RGB"),
        ("JPEG", "CMYK", "RGB"),
        ("JPEG", "L", "RGB"),
        ("PNG", "RGBA", "RGBA"),
        ("PNG", "LA", "RGBA"),
        ("PNG", "P", "RGB"),
        ("PNG", "1", "RGB"),
        ("GIF", "P", "RGB"),
        ("WEBP", "RGB", "RGB"),
        ("BMP", "RGB", "RGB"),
    ],
)
def test_drawn(tmp_path: Path, kind: str, mode: str, drawn: str) -> None:
    """In the box, transparent where it was, whatever the colours are made of."""
    fd = on_disk(tmp_path, picture(kind, (300, 150), mode))
    made = Image.open(io.BytesIO(draw(fd, 100)))
    os.close(fd)
    assert (made.format, made.size, made.mode) == ("WEBP", (100, 50), drawn)


def test_drawn_upright(tmp_path: Path) -> None:
    """Turned as the camera was held, without a word of what the camera said."""
    fd = on_disk(tmp_path, picture("JPEG", (300, 150), rotated=True))
    made = draw(fd, 100)
    os.close(fd)
    assert Image.open(io.BytesIO(made)).size == (50, 100) and b"secret" not in made and b"Exif" not in made


def test_bombs(tmp_path: Path) -> None:
    """Refused by the header, before anything is decoded."""
    fd = on_disk(tmp_path, png_header_of(12_000, 10_000))
    with pytest.warns(Image.DecompressionBombWarning), pytest.raises(TooManyPixels):
        draw(fd, 100)
    os.close(fd)


def test_both_sides_agree() -> None:
    """On how long a request is; every format that is read is recognised by its beginning, and nothing else is."""
    assert thumbnails.REQUEST == picture_child.REQUEST
    assert all(is_picture(picture(kind)[:16]) for kind in picture_child.FORMATS)
    assert not any(is_picture(head) for head in (b"", b"<svg", b"II*\0", b"RIFF....WAVE", b"%PDF-1.7"))


@pytest.fixture
def reader() -> Iterator[PictureReader]:
    """A reader whose process ends with the test."""
    made = PictureReader()
    yield made
    made.close()


def test_a_process_for_each(tmp_path: Path, reader: PictureReader) -> None:
    """What can't be read is None and harms no other; a process that was killed gets a successor; many may ask at once."""
    good = on_disk(tmp_path, picture("PNG"))
    (tmp_path / "bad").write_bytes(picture("JPEG")[:200])
    bad = os.open(tmp_path / "bad", os.O_RDONLY)
    assert reader.read(bad, 100) is None
    first = reader.read(good, 100)
    assert first and reader._process is not None
    reader._process.kill()
    reader._process.wait()
    assert reader.read(good, 100) == first
    made: list[bytes | None] = []

    def ask() -> None:
        """With a descriptor of one's own, as every request has: copies of one share where they read."""
        mine = os.open(f"/proc/self/fd/{good}", os.O_RDONLY)
        made.append(reader.read(mine, 64))
        os.close(mine)

    threads = [Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6 and len(set(made)) == 1 and made[0]
    os.close(good)
    os.close(bad)


TALKERS = {
    "says nothing": "time.sleep(60)",
    "says too much": "os.write(fds[1], b'x' * 60_000); "
    "[os.write(fds[1], b'RIFF0000WEBP' + b'x' * 60_000) for _ in range(40)]",
    "says something else": "os.write(fds[1], b'<html>')",
}


@pytest.mark.parametrize("body", TALKERS.values(), ids=TALKERS)
def test_the_process_isnt_trusted(tmp_path: Path, body: str) -> None:
    """What it says is looked at, and it has to say it in time."""
    code = (
        "import os, socket, time, signal\n"
        "signal.signal(signal.SIGPIPE, signal.SIG_IGN)\n"
        "connection = socket.socket(fileno=0)\n"
        "while True:\n"
        "    request, fds, _, _ = socket.recv_fds(connection, 2, 2)\n"
        "    if not request: break\n"
        f"    try: {body}\n"
        "    except OSError: pass\n"
        "    for fd in fds: os.close(fd)\n"
    )
    reader = PictureReader(reply_seconds=2.0, command=(sys.executable, "-I", "-c", code))
    fd = on_disk(tmp_path, picture("PNG"))
    assert reader.read(fd, 100) is None
    os.close(fd)
    reader.close()


def test_no_process(tmp_path: Path) -> None:
    """Where it can't be started there is no thumbnail, and no error."""
    reader = PictureReader(command=("/nonexistent",))
    fd = on_disk(tmp_path, picture("PNG"))
    assert reader.read(fd, 100) is None
    os.close(fd)


def test_the_shelf(tmp_path: Path) -> None:
    """Bounded: what was used least recently goes; what lies there from before counts; files are the user's only."""
    Shelf(tmp_path, 1_000).put("old", b"x" * 300)
    shelf = Shelf(tmp_path, 1_000)
    for number, name in enumerate("abc"):
        shelf.put(name, b"x" * 200)
        os.utime(tmp_path / name, (number + 1, number + 1))
    os.utime(tmp_path / "old", (0, 0))
    assert shelf.get("old") and shelf.get("none") is None
    shelf.put("d", b"x" * 200)
    assert sorted(os.listdir(tmp_path)) == ["c", "d", "old"]
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o600


def test_a_shelf_that_isnt_there(tmp_path: Path) -> None:
    """A thumbnail is made all the same."""
    made = Thumbnails(tmp_path / "none", 1_000)
    fd = on_disk(tmp_path, picture("PNG"))
    assert made.of(fd, "name", 100) and not (tmp_path / "none").exists()
    os.close(fd)
    made.close()


def test_kept_thumbnails(tmp_path: Path) -> None:
    """The second time it comes from the shelf; what is no picture isn't even tried."""
    (tmp_path / "shelf").mkdir()
    made = Thumbnails(tmp_path / "shelf", 100_000)
    fd = on_disk(tmp_path, picture("PNG"))
    first = made.of(fd, "name", 100)
    os.close(fd)
    text = on_disk(tmp_path, b"just text")
    assert first and made.of(text, "name", 100) == first and made.of(text, "other", 100) is None
    os.close(text)
    made.close()
