"""By what a granted folder is known again."""

from __future__ import annotations

import os
from pathlib import Path

from backend.services.roots import is_the_folder
from tests.support.disks import not_topmost


def test_a_granted_folder_is_known_by_its_inode(tmp_path: Path) -> None:
    """Its device may have another number since the system started anew; another inode is another folder, none is none."""
    folder = not_topmost(tmp_path)
    status, place = folder.stat(), os.fsencode(folder)
    assert is_the_folder(place, f"{status.st_dev}:{status.st_ino}")
    assert is_the_folder(place, f"{status.st_dev + 1}:{status.st_ino}")
    assert not is_the_folder(place, f"{status.st_dev}:{status.st_ino + 1}")
    assert not is_the_folder(place + b"/none", f"{status.st_dev}:{status.st_ino}")
