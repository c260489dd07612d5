"""The program's own files are the owner's only, and there whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fileorganizer.fs import private


def test_folders_and_files_are_private(tmp_path: Path) -> None:
    """Nobody else reads a plan or what the journal says."""
    made = private.private_folder(tmp_path / "a/b")
    assert private.private_folder(made) == made
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    private.publish_text(os.fsencode(made / "text"), "42")
    assert stat.S_IMODE((made / "text").stat().st_mode) == 0o600


def test_a_small_file_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails leaves the old one."""
    path = os.fsencode(tmp_path / "text")
    assert private.read_text(path) == ""
    assert private.read_text(path + b"/below") == ""
    private.publish_text(path, "1")
    assert private.read_text(path + b"/below") == ""

    def full(_fd: int) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(private.os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            private.publish_text(path, "22")
    assert private.read_text(path) == "1"
    private.publish_text(path, "22")
    assert (private.read_text(path), os.listdir(tmp_path)) == ("22", ["text"])


def test_a_finished_file_gets_its_name(tmp_path: Path) -> None:
    """And a discarded one is gone, also when it wasn't there."""
    partial, final = tmp_path / "x.partial", tmp_path / "x"
    partial.write_text("whole")
    private.publish(partial, final)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert final.read_text() == "whole"
    for _ in range(2):
        private.discard(final)
    assert list(tmp_path.iterdir()) == []


def test_nowhere() -> None:
    """There is nothing in it, whatever was written."""
    with private.nowhere("w") as out, private.nowhere("r") as back:
        assert out.write("words") == 5
        assert back.read() == ""
