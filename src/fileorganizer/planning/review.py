"""What a plan means for a human: what to know before saying yes."""

from __future__ import annotations

from typing import Final

from fileorganizer.model import Review, Risk

_MANY_FOLDERS: Final = 1_000
_FEW_FOLDERS: Final = 50
"""So many, or fewer, are looked through at a glance, and taken back as quickly: they need no second yes, however few the files."""
_SYNCED: Final = {
    b"dropbox": "Dropbox",
    b"onedrive": "OneDrive",
    b"google drive": "Google Drive",
    b"googledrive": "Google Drive",
    b"icloud drive": "iCloud Drive",
    b"nextcloud": "Nextcloud",
    b"owncloud": "ownCloud",
    b"megasync": "MEGA",
    b"pclouddrive": "pCloud",
    b"seafile": "Seafile",
    b"syncthing": "Syncthing",
    b"sync": "Syncthing",
}
"""Names of folders that sync clients make for themselves by default."""


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _synced_by(part: bytes) -> str | None:
    """The client whose folder is called so: ``Dropbox``, ``Dropbox (Work)``, ``OneDrive - Company``."""
    plain = part.lower()
    return _SYNCED.get(plain) or _SYNCED.get(plain.split(b" (")[0]) or _SYNCED.get(plain.split(b" - ")[0])


def note_broken_links(review: Review, count: int) -> None:
    """Links inside the root will point at nothing."""
    if count:
        text = f"Symbolic links in this folder point at {counted(count, 'file')} to be moved."
        review.risks.append(Risk("links-break", text, count))


def note_playlists(review: Review, count: int) -> None:
    """Playlists inside the root will name what isn't there any more."""
    if count:
        text = f"{counted(count, 'file')} to be moved: named by playlists in this folder, or such playlists themselves."
        review.risks.append(Risk("playlists-break", text, count))


def note_catalogues(review: Review, count: int) -> None:
    """Programs remember where their pictures or songs are."""
    if count and review.planned:
        text = (
            f"{counted(count, 'catalogue')} in this folder (of photos, music or films) may know moved files by their old"
            " places."
        )
        review.risks.append(Risk("catalogues", text, count))


def note_nested_records(review: Review, count: int) -> None:
    """Folders inside have records of their own, which don't hear of what is moved out of them."""
    if count and review.planned:
        whose = "has records of its own" if count == 1 else "have records of their own"
        text = (
            f"{counted(count, 'folder')} in this one {whose}: what is moved out can't be taken back by these any more."
        )
        review.risks.append(Risk("nested-records", text, count))


def note_unread_dates(review: Review) -> None:
    """Photo headers couldn't be read to the end."""
    text = "Reading the dates of photos failed again and again; the rest is filed by the dates of names and files."
    review.risks.append(Risk("dates-not-read", text))


def add_risks(review: Review, root: bytes, blocked: dict[bytes, str], client: str | None) -> None:
    """Name what is unusual about the plan as a whole; ``client`` has left its mark in the root or above it."""
    synced = client or next(filter(None, map(_synced_by, root.split(b"/"))), None)
    if synced and review.planned:
        review.risks.append(Risk("synced-folder", f"{synced} may sync this folder: other devices will see every move."))
    if blocked:
        example = min(blocked).decode("utf-8", "backslashreplace")
        review.risks.append(
            Risk(
                "target-blocked",
                f"{counted(len(blocked), 'target folder')} can't be used, such as {example!r}: {blocked[min(blocked)]}.",
                len(blocked),
            )
        )
    if _makes_many_folders(review):
        text = f"{counted(review.new_folders, 'new folder')} would be made for {counted(review.planned, 'file')}."
        review.risks.append(Risk("many-folders", text, review.new_folders, needs_consent=True))
    if review.removed_folders:
        text = f"{counted(review.removed_folders, 'folder')} made by hand would be dissolved and removed."
        review.risks.append(Risk("folders-dissolved", text, review.removed_folders))
    if review.mismatched:
        text = f"{counted(review.mismatched, 'file')} with other content than the extension says; the names are kept."
        review.risks.append(Risk("content-mismatch", text, review.mismatched))


def _makes_many_folders(review: Review) -> bool:
    """Are there so many new folders, at all or for the files that go into them, that somebody may have mistaken the layout?"""
    many_for_the_files = review.new_folders > _FEW_FOLDERS and review.new_folders * 2 > review.planned
    return review.new_folders > _MANY_FOLDERS or many_for_the_files


def note_shared_metadata(review: Review) -> None:
    """Names of one file have one owner, one mode and one time."""
    if review.planned:
        text = "Linked names are one file: they share time, owner and permissions, and a program that writes into one changes all."
        review.risks.append(Risk("shared-metadata", text, review.planned))


def note_trash_keeps_space(review: Review) -> None:
    """What lies in the trash still takes its space."""
    if review.planned:
        text = "The space is free when the trash is purged ('fileorganizer trash purge'); until then everything can be taken back."
        review.risks.append(Risk("trash-keeps-space", text, review.planned))
