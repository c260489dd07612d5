"""The place where plans are kept fails: that is said, nothing was changed, and nothing is left of the plan."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from fileorganizer import organizer
from fileorganizer.errors import DiskFull, StorageFailed
from fileorganizer.model import Options
from tests.support.disks import tmpfs
from tests.support.manifest import manifest
from tests.support.trees import put_tree


def test_the_disk_of_plans_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the user's disk, so the message names the other one."""
    root = tmp_path / "root"
    put_tree(root, {f"{sha256(b'%d' % number).hexdigest()}.jpg": "x" for number in range(3_000)})
    before = manifest(root)
    with tmpfs(tmp_path / "plans", "size=64k") as plans:
        monkeypatch.setenv("PLAN_DIR", str(plans))
        with pytest.raises(DiskFull, match="PLAN_DIR"):
            organizer.preview(root, Options())
        assert list(plans.iterdir()) == []
    assert manifest(root) == before


def test_plans_cannot_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever SQLite says while a plan is made."""
    monkeypatch.setenv("PLAN_DIR", str(tmp_path / "plans"))
    with pytest.raises(StorageFailed, match="Nothing was changed"), organizer.new_plan() as (_, writer):
        writer._db.execute("INSERT INTO nowhere VALUES (1)")
    assert list((tmp_path / "plans").iterdir()) == []
