"""F05, F06: clean-ups, their undo, restore and purge killed at every fault point: at every instant a live or put-away copy of each content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fileorganizer import cleaner, organizer
from fileorganizer.cleaner import Cleaning
from fileorganizer.fs import faults
from tests.support.crash import Trial, in_child, kill_everywhere, points, take_all_back
from tests.support.manifest import contents, difference, manifest
from tests.support.trees import File, HardLink
from tests.support.walking import folders

Work = Callable[[Path], object]


def copies_tree() -> dict[str, object]:
    """Groups of two and three, hard links on both sides, a family, something alone."""
    old = 1_300_000_000
    return {
        "a": File(b"same", mtime=old),
        "b": File(b"same", mtime=old + 1),
        "sub": {"c": File(b"same", mtime=old + 2), "link": HardLink("b"), "i.jpg": File(b"jpg", mtime=old + 3)},
        "keep": {"i.jpg": File(b"jpg", mtime=old), "i.xmp": File(b"xmp", mtime=old)},
        "i.xmp": File(b"xmp", mtime=old + 9),
        "alone": "alone",
        "empty": "",
        "empty too": "",
    }


def clean(root: Path, action: str = "trash", keep: str = "oldest") -> None:
    """One clean-up."""
    cleaner.clean_up(root, Cleaning(keep=keep, action=action))


def clean_and_undo(root: Path) -> None:
    """There and back."""
    clean(root, "hardlink")
    organizer.undo(root)


def redo(root: Path) -> None:
    """Undo the undo."""
    organizer.undo(root, organizer.history(root)[0].operation_id)


def restore(root: Path) -> None:
    """Everything out of the trash."""
    organizer.restore(root, [])


def purge(root: Path) -> None:
    """Everything in the trash for ever."""
    organizer.purge(root)


def run(place: Path, stride: int = 1) -> dict[str, Any]:
    """Counts of fault points and kills; an assertion fails at the first loss, false record or difference."""
    cases: dict[str, tuple[Work, Work]] = {
        "trash": (clean, lambda _root: None),
        "hard links": (partial(clean, action="hardlink"), lambda _root: None),
        "undo of trash": (organizer.undo, clean),
        "undo of hard links": (organizer.undo, partial(clean, action="hardlink")),
        "undo of an undo": (redo, clean_and_undo),
    }
    figures: dict[str, Any] = {"lost": 0, "false_records": 0, "undo_differences": 0, "points": 0, "kills": 0}
    for number, (name, (work, prepare)) in enumerate(cases.items()):
        hits, kills = kill_everywhere(place / str(number), copies_tree, work, prepare=prepare, stride=stride)
        _add(figures, name, hits, kills)
    _add(figures, "restore", *_kill_restoring(place / "restore", stride))
    _add(figures, "purge", *_kill_purging(place / "purge", stride))
    return figures


def _add(figures: dict[str, Any], name: str, hits: int, kills: int) -> None:
    print(name, hits, kills, flush=True)
    figures[name] = {"points": hits, "kills": kills}
    figures["points"] += hits
    figures["kills"] += kills


def _kill_restoring(folder: Path, stride: int) -> tuple[int, int]:
    """A restore that was cut off is run again: every file is back. Times of folders are an undo's affair, not a restore's."""
    counted = Trial(folder / "count", copies_tree())
    clean(counted.root)
    hits, kills = points(lambda: restore(counted.root)), 0
    for hit in range(1, hits + 1, stride):
        trial = Trial(folder / str(hit), copies_tree())
        clean(trial.root)
        kills += not in_child(lambda trial=trial: restore(trial.root), faults.kill_at(hit))  # type: ignore[misc]  # bound now
        kills += not in_child(lambda trial=trial: organizer.recover(trial.root), faults.kill_at(1 + hit % 9))  # type: ignore[misc]  # same
        organizer.recover(trial.root)
        trial.check(f"kill {hit}")
        restore(trial.root)
        trial.check(f"kill {hit}, restored")
        found = difference(
            *({p: i for p, i in m.items() if i.kind == "file"} for m in (trial.before, manifest(trial.root)))
        )
        assert found == [], f"kill {hit}: {found}"
    return hits, kills


def _kill_purging(folder: Path, stride: int) -> tuple[int, int]:
    """What a purge destroys doesn't come back; but a live copy of each content is there at every instant."""
    counted = Trial(folder / "count", copies_tree())
    clean(counted.root)
    hits, kills = points(lambda: purge(counted.root)), 0
    for hit in range(1, hits + 1, stride):
        trial = Trial(folder / str(hit), copies_tree())
        clean(trial.root)
        live = live_contents(trial.root)
        kills += not in_child(lambda trial=trial: purge(trial.root), faults.kill_at(hit))  # type: ignore[misc]  # bound now
        assert live_contents(trial.root) == live == set(trial.contents), f"kill {hit}: a content is gone"
        organizer.recover(trial.root)
        assert organizer.verify(trial.root).problems == [], f"kill {hit}: a record is false"
        purge(trial.root)
        assert organizer.trash_list(trial.root) == []
        assert live_contents(trial.root) == live
        take_all_back(trial.root)
        assert set(contents(trial.root)) == live
    return hits, kills


def live_contents(root: Path) -> set[bytes]:
    """The contents of the live files, without the trash."""
    found: set[bytes] = set()
    for path, _, names in folders(root):
        for name in names:
            file = os.path.join(os.fsencode(root), path, name)
            if os.path.isfile(file) and not os.path.islink(file):
                with open(file, "rb") as content:
                    found.add(hashlib.sha256(content.read()).digest())
    return found
