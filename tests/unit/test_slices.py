"""The proofs in slices: each once for a commit, on all cores, whatever interrupts between."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.proofs import slices


def made(path: str) -> str:
    """Make a folder, and say which; a second time that fails."""
    os.mkdir(path)
    return Path(path).name


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state of these proofs is nobody else's."""
    monkeypatch.setattr(slices, "STATE", tmp_path / "state")


def test_what_was_said_is_not_worked_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for another commit it is."""
    first, second, third = (str(tmp_path / name) for name in ("first", "second", "third"))
    assert dict(slices.in_slices("part", made, [first, second])) == {first: "first", second: "second"}
    all_three = {first: "first", second: "second", third: "third"}
    assert dict(slices.in_slices("part", made, [first, second, third])) == all_three
    monkeypatch.setattr(slices, "commit", lambda: "another")
    with pytest.raises(FileExistsError):
        list(slices.in_slices("part", made, [first]))


def test_a_slice_that_fails_keeps_what_the_others_said(tmp_path: Path) -> None:
    """Mended, only what wasn't done is done."""
    good, bad = str(tmp_path / "good"), str(tmp_path / "none" / "bad")
    assert dict(slices.in_slices("part", made, [good])) == {good: "good"}
    with pytest.raises(FileNotFoundError):
        list(slices.in_slices("part", made, [good, bad]))
    (tmp_path / "none").mkdir()
    assert dict(slices.in_slices("part", made, [good, bad])) == {good: "good", bad: "bad"}


def test_what_an_interruption_cut_off_is_done_again(tmp_path: Path) -> None:
    """Whoever takes only the first answer gets the others the next time."""
    wanted = [str(tmp_path / name) for name in ("first", "second", "third", "fourth")]
    began = slices.in_slices("part", made, wanted)
    known = dict([next(began)])
    began.close()
    for path in wanted:
        if path not in known and os.path.exists(path):
            os.rmdir(path)
    assert dict(slices.in_slices("part", made, wanted)) == {path: Path(path).name for path in wanted}
