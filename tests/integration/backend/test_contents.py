"""Downloads and thumbnails: only the file of the record, only to its owner, and whatever is in it does nothing. Ids as in test_security."""

from __future__ import annotations

import io
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.pictures import picture, png_header_of
from tests.support.server import Person, Server
from tests.support.trees import File, write_tree

DATABASES = ("sqlite",)  # the other makes no difference here
LONG_AGO = 1_400_000_000


def organized(person: Person, tree: dict[Any, Any], **options: Any) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """An operation on a tree, and its records by the name that each file had."""
    write_tree(person.home / "inbox", tree)
    operation = person.done("inbox", **options)
    found = person.get(f"/files?operation_id={operation['id']}")["files"]
    return operation, {row["original_path"].rpartition("/")[2]: row for row in found}


def download(person: Person, row: dict[str, Any], **headers: str) -> Any:
    """The file of a record."""
    return person.ask("GET", f"/files/{row['id']}/download", headers=headers)


def thumbnail(person: Person, row: dict[str, Any], query: str = "", **headers: str) -> Any:
    """The picture of a record, small."""
    return person.ask("GET", f"/files/{row['id']}/thumbnail{query}", headers=headers)


def test_a_download(ann: Person, bob: Person) -> None:
    """The bytes, from wherever the file is now: where it went, and after a rollback where it was. S01: not for others."""
    operation, rows = organized(ann, {"song.mp3": File("0123456789", mtime=LONG_AGO)})
    whole = download(ann, rows["song.mp3"])
    assert (whole.status_code, whole.text, whole.headers["content-length"]) == (200, "0123456789", "10")
    assert whole.headers["content-type"] == "application/octet-stream"
    assert download(bob, rows["song.mp3"]).status_code == 404
    ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    back = download(ann, rows["song.mp3"])
    assert (back.status_code, back.text) == (200, "0123456789")
    (ann.home / "inbox/song.mp3").unlink()
    assert download(ann, rows["song.mp3"]).status_code == 404


def test_a_copy_and_its_original(ann: Person) -> None:
    """In copy mode the copy is served, and when it is gone, the original."""
    (ann.home / "out").mkdir()
    _, rows = organized(ann, {"a.txt": File("abc", mtime=LONG_AGO)}, mode="copy", destination="out", layout="category")
    copy = Path(rows["a.txt"]["new_path"])
    assert copy.read_text() == "abc" == download(ann, rows["a.txt"]).text
    copy.unlink()
    assert download(ann, rows["a.txt"]).text == "abc"


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=2-4", 206, "234"),
        ("bytes=7-", 206, "789"),
        ("bytes=-3", 206, "789"),
        ("bytes=0-99999", 206, "0123456789"),
        ("bytes=-99", 206, "0123456789"),
        ("bytes=10-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-2", 200, "0123456789"),
        ("bytes=-", 200, "0123456789"),
        ("bytes=0-1,3-4", 200, "0123456789"),
        ("lines=1-2", 200, "0123456789"),
        ("bytes=" + "9" * 400 + "-", 200, "0123456789"),
        ("bytes=" + "0-0," * 7_000 + "0-0", 200, "0123456789"),
        ("bytes=" + "0-0," * 10_000 + "0-0", 431, None),
    ],
)
def test_ranges(ann: Person, wanted: str, status: int, body: str | None) -> None:
    """S79: one range is heeded, several never are, however many."""
    _, rows = organized(ann, {"song.mp3": File("0123456789", mtime=LONG_AGO)})
    answer = download(ann, rows["song.mp3"], Range=wanted)
    assert answer.status_code == status
    if body is not None:
        assert answer.text == body
    if status == 206:
        start = 10 - len(body or "") if wanted != "bytes=2-4" else 2
        assert answer.headers["content-range"] == f"bytes {start}-{start + len(body or '') - 1}/10"
    if status == 416:
        assert answer.headers["content-range"] == "bytes */10" and answer.json()["code"] == "http-error"


def test_what_a_client_has_already(ann: Person) -> None:
    """S79: by its tag; a range goes only with the state that it began with, and junk means the whole file."""
    _, rows = organized(ann, {"song.mp3": File("0123456789", mtime=LONG_AGO)})
    tag = download(ann, rows["song.mp3"]).headers["etag"]
    known = download(ann, rows["song.mp3"], **{"If-None-Match": f'"x", {tag}'})
    assert (known.status_code, known.content) == (304, b"")
    for value, status in (
        (tag, 206),
        ('"other"', 200),
        ("junk " * 99 + "x", 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 200),
    ):
        answer = download(ann, rows["song.mp3"], **{"Range": "bytes=0-0", "If-Range": value})
        assert answer.status_code == status, value


HOSTILE = {
    "page.html": "<script>alert(1)</script>",
    "drawing.svg": "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    'a"; filename="b.exe.txt': "x",
    "new\r\nSet-Cookie: x=1.txt": "x",
    "caf\xe9 \u202egnp.txt": "x",
    b"latin-\xe9.txt": "x",
    "100%.txt": "x",
}


def test_nothing_is_shown_as_a_page(ann: Person) -> None:
    """S46, S47: attachment, nosniff, sandbox, no type of its own; no name breaks out of its header."""
    _, rows = organized(ann, {name: File(text, mtime=LONG_AGO) for name, text in HOSTILE.items()})
    for name, row in rows.items():
        answer = download(ann, row)
        assert answer.status_code == 200, name
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert "set-cookie" not in answer.headers
        shown = answer.headers["content-disposition"]
        assert shown.startswith('attachment; filename="') and shown.count('"') == 2 and shown.isascii()
        assert "filename*=UTF-8''" in shown and "\\" not in shown
    assert "caf%C3%A9" in download(ann, rows["caf\xe9 \u202egnp.txt"]).headers["content-disposition"]


def test_only_the_file_of_the_record(ann: Person, tmp_path: Path) -> None:
    """S42, S43, S49: a link, a FIFO, another or a changed file, a link on the way: nothing is served and nothing hangs."""
    secret = tmp_path / "secret.txt"
    secret.write_text("the sentinel")
    names = ("link", "fifo", "other", "changed", "gone", "device")
    _, rows = organized(ann, {f"{name}.txt": File(name * 9, mtime=LONG_AGO) for name in names})
    place = {name: Path(rows[f"{name}.txt"]["new_path"]) for name in names}
    place["changed"].write_text("something else")
    place["other"].rename(tmp_path / "other.txt")  # there still, so that its inode isn't given to the next file
    for name in ("link", "fifo", "gone", "device"):
        place[name].unlink()
    place["link"].symlink_to(secret)
    os.mkfifo(place["fifo"])
    place["other"].write_text("other" * 9)
    os.utime(place["other"], (LONG_AGO, LONG_AGO))
    with socket.socket(socket.AF_UNIX) as listening:
        before = os.getcwd()
        os.chdir(place["device"].parent)
        try:
            listening.bind(place["device"].name)
        finally:
            os.chdir(before)
    for name in names:
        answer = download(ann, rows[f"{name}.txt"])
        assert answer.status_code == (404 if name == "gone" else 409), (name, answer.text)
        assert "sentinel" not in answer.text
        assert thumbnail(ann, rows[f"{name}.txt"]).status_code == answer.status_code
    folder = place["changed"].parent
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert download(ann, rows["changed.txt"]).status_code == 404


def test_what_was_left_alone(ann: Person) -> None:
    """S49: a FIFO that is called a photo is skipped; without a recorded identity nothing is served."""
    write_tree(ann.home / "inbox", {"a.jpg": "a", "half.part": "x"})
    os.mkfifo(ann.home / "inbox/photo.jpg")
    operation = ann.done("inbox")
    rows = ann.get(f"/files?operation_id={operation['id']}&status_filter=skipped")["files"]
    assert {row["original_path"].rpartition("/")[2] for row in rows} == {"photo.jpg", "half.part"}
    for row in rows:
        assert download(ann, row).status_code == 409 == thumbnail(ann, row).status_code


def test_a_root_that_was_taken_away(ann: Person, admin: Person, tmp_path: Path) -> None:
    """S14: who may not work in a root any more gets nothing out of it either."""
    shared = tmp_path / "shared"
    write_tree(shared, {"a.txt": File("abc", mtime=LONG_AGO)})
    user = ann.tokens["user_id"]
    root = admin.post("/admin/roots", {"path": str(shared), "user_id": user}, status=201)
    operation = ann.done(str(shared))
    row = ann.get(f"/files?operation_id={operation['id']}")["files"][0]
    assert download(ann, row).text == "abc"
    assert admin.ask("DELETE", f"/admin/roots/{root['id']}/users/{user}").status_code == 204
    assert download(ann, row).status_code == 403


def opened(answer: Any) -> Image.Image:
    """The picture in an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/webp"
    return Image.open(io.BytesIO(answer.content))


def test_thumbnails_of_each_format(server: Server, ann: Person, bob: Person) -> None:
    """Small, upright, without metadata; made once; kept privately; known by their tag."""
    kinds = {"a.jpg": "JPEG", "b.png": "PNG", "c.gif": "GIF", "d.webp": "WEBP", "e.bmp": "BMP"}
    tree: dict[str, File] = {name: File(picture(kind), mtime=LONG_AGO) for name, kind in kinds.items()}
    tree["turned.jpg"] = File(picture("JPEG", rotated=True), mtime=LONG_AGO)
    tree["print.jpg"] = File(picture("JPEG", mode="CMYK"), mtime=LONG_AGO)
    tree["glass.png"] = File(picture("PNG", mode="LA"), mtime=LONG_AGO)
    _, rows = organized(ann, tree)
    for name in (*kinds, "print.jpg", "glass.png"):
        assert opened(thumbnail(ann, rows[name])).size == (256, 128), name
    assert opened(thumbnail(ann, rows["turned.jpg"], "?size=128")).size == (64, 128)
    assert b"secret" not in thumbnail(ann, rows["turned.jpg"]).content
    first = thumbnail(ann, rows["a.jpg"])
    assert first.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert thumbnail(ann, rows["a.jpg"], **{"If-None-Match": first.headers["etag"]}).status_code == 304
    assert thumbnail(ann, rows["a.jpg"], "?size=512", **{"If-None-Match": first.headers["etag"]}).status_code == 200
    assert thumbnail(ann, rows["a.jpg"], "?size=100000").status_code == 422
    assert thumbnail(bob, rows["a.jpg"]).status_code == 404
    kept = list((server.data_dir / "thumbnails").iterdir())
    assert kept and all(path.stat().st_mode & 0o777 == 0o600 for path in kept)


def test_pictures_that_are_none(server: Server, ann: Person) -> None:
    """S48: damaged, huge, of a format that isn't read: 415, and the next picture is read as ever."""
    tree = {
        "cut.jpg": picture("JPEG")[:300],
        "bomb.png": png_header_of(100_000, 100_000),
        "wide.png": png_header_of(9_000, 9_000),
        "text.jpg": b"not a picture at all",
        "entities.svg": b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>',
        "empty.png": b"",
        "junk.gif": b"GIF89a" + b"\xff" * 3_000,
        "junk.webp": b"RIFF\xff\xff\xff\xffWEBPVP8 " + b"\xff" * 300,
        "good.png": picture("PNG"),
    }
    _, rows = organized(ann, {name: File(body, mtime=LONG_AGO) for name, body in tree.items()})
    for name in tree:
        for _ in range(2):  # the second time it isn't tried again
            answer = thumbnail(ann, rows[name])
            assert answer.status_code == (200 if name == "good.png" else 415), (name, answer.text)
        if name != "good.png":
            assert answer.json()["code"] == "no-thumbnail"
    assert not server.events(event="unforeseen error")


def test_no_picture_is_decoded_in_the_server(server: Server, ann: Person) -> None:
    """The server itself never loads the decoder; the process that does has none of its secrets and ends with it."""
    _, rows = organized(ann, {"a.png": File(picture("PNG"), mtime=LONG_AGO)})
    opened(thumbnail(ann, rows["a.png"]))
    assert server.process is not None
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "_imaging" not in maps and "libwebp" not in maps
    children = subprocess.run(
        ["pgrep", "-P", str(server.process.pid), "-f", "picture_child"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(children) == 1
    environment = Path(f"/proc/{children[0]}/environ").read_bytes()
    assert b"DATA_DIR" not in environment and b"SECRET" not in environment
