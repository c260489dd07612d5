"""What a preview warns of before it hurts (product.md, 26 and 27)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.execution import observing
from fileorganizer.model import Options, Risk
from tests.support.disks import tmpfs
from tests.support.trees import File, Link, write_tree

OLD = 1_400_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty root."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def risks(root: Path, **options: object) -> dict[str, Risk]:
    """The warnings of a preview, by code."""
    given = {"recursive": True, "dates": "file", **options}
    with organizer.preview(root, Options(**given)) as plan:  # type: ignore[arg-type]  # values of Options
        return {risk.code: risk for risk in plan.head.review.risks}


def song(content: str = "x") -> File:
    """A dated file."""
    return File(content.encode(), mtime=OLD)


def test_playlists_that_name_moved_files(root: Path, tmp_path: Path) -> None:
    """Relative, absolute and by an address; each moved file once, and the playlist, because it moves, too."""
    listed = (
        f"#EXTM3U\nmusic/a.mp3\n{root}/b.mp3\nfile://{root}/c%20c.mp3\nhttp://radio/\n{tmp_path}/outside.mp3\na.mp3\n"
    )
    tree = {"music": {"a.mp3": song("a")}, "b.mp3": song("b"), "c c.mp3": song("c"), "d.mp3": song("d")}
    write_tree(root, {**tree, "list.m3u": File(listed.encode(), mtime=OLD)})
    found = risks(root)["playlists-break"]
    assert found.count == 4
    assert not found.needs_consent


def test_playlists_that_name_nothing_moved(root: Path) -> None:
    """In place, left alone, copied, or nothing but addresses: no warning."""
    write_tree(root, {"radio.m3u": File(b"http://radio/\n", mtime=OLD), "a.mp3": song()})
    assert "playlists-break" not in risks(root)
    write_tree(root, {"list.pls": File(b"[playlist]\nFile1=a.mp3\n", mtime=OLD)})
    assert "playlists-break" in risks(root)
    assert "playlists-break" not in risks(root, exclude=("*.mp3", "*.pls"))
    there = root.parent / "there"
    there.mkdir()
    assert "playlists-break" not in risks(root, mode="copy", destination=str(there))


def test_playlists_that_can_t_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warn of nothing; and only so many entries are remembered."""
    write_tree(root, {"list.m3u": File(b"a.mp3\nb.mp3\n", mtime=OLD), "a.mp3": song("a"), "b.mp3": song("b")})
    assert risks(root)["playlists-break"].count == 3
    with monkeypatch.context() as patch:
        patch.setattr(observing, "MAX_LINKS", 1)
        assert risks(root)["playlists-break"].count == 2

    def broken(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(observing, "open_regular", broken)
    assert "playlists-break" not in risks(root)


def test_catalogues_that_know_moved_files(root: Path) -> None:
    """A library left whole beside the photos, or a loose one."""
    write_tree(root, {"Lightroom": {"2020.lrcat": "x", "Previews.lrdata": {}}, "p.jpg": song()})
    assert risks(root)["catalogues"].count == 1
    loose = {"digikam4.db": song(), "songs.ITL": song("1"), "a.db": song("2")}
    write_tree(root, loose)
    assert risks(root)["catalogues"].count == 3
    for name in ("p.jpg", *loose):
        (root / name).unlink()
    assert "catalogues" not in risks(root)


@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("Dropbox", "Dropbox"),
        ("Dropbox (Work)", "Dropbox"),
        ("OneDrive - Company", "OneDrive"),
        ("Nextcloud", "Nextcloud"),
        ("My Dropbox ideas", None),
        ("Syncopation", None),
    ],
)
def test_folders_of_sync_clients(tmp_path: Path, name: str, client: str | None) -> None:
    """Known by their names."""
    root = tmp_path / name / "in"
    write_tree(root, {"a.txt": song()})
    found = risks(root).get("synced-folder")
    assert (client is None) if found is None else (client is not None and client in found.text)


@pytest.mark.parametrize("place", [".", ".."])
def test_what_sync_clients_leave_behind(root: Path, place: str) -> None:
    """In the folder, or in one above it."""
    write_tree(root, {"a.txt": song()})
    assert "synced-folder" not in risks(root)
    (root / place / ".stfolder").mkdir()
    assert "Syncthing" in risks(root)["synced-folder"].text


def test_a_folder_inside_with_records_of_its_own(root: Path) -> None:
    """Organized by itself before: what is moved out of it is beyond its own undo. A copy takes nothing out."""
    write_tree(root, {"in": {"a.txt": song()}})
    organizer.organize(root / "in", Options(dates="file"))
    assert risks(root)["nested-records"].text.startswith("1 folder in this one has records of its own")
    (root.parent / "there").mkdir()
    assert "nested-records" not in risks(root, mode="copy", destination=str(root.parent / "there"))


def test_originals_stay_in_the_trash(root: Path, tmp_path: Path) -> None:
    """Moving to another disk frees nothing on this one until the trash is purged."""
    write_tree(root, {"a.txt": song()})
    with tmpfs(tmp_path / "disk") as disk:
        assert "trash-keeps-space" in risks(root, destination=str(disk), across_devices=True)


def test_links_and_dissolved_folders(root: Path) -> None:
    """Named with their numbers."""
    write_tree(root, {"in": {"a.txt": song()}, "link": Link("in/a.txt")})
    found = risks(root)
    assert (found["links-break"].count, found["folders-dissolved"].count) == (1, 1)
    assert os.readlink(root / "link") == "in/a.txt"
