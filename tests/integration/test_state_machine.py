"""A sample of the state machine; ``make prove`` plays it for minutes, on a disk."""

import tempfile
from pathlib import Path

import pytest

from tests.proofs import state_machine
from tests.support.disks import in_memory
from tests.support.machine import COUNTED


@pytest.mark.slow
@pytest.mark.unmeasured
def test_the_user_and_the_engine_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few dozen games: killed, stopped and disturbed runs among them. They wait for no disk: syncs decide nothing here (decision 83)."""
    COUNTED.clear()
    with in_memory(tmp_path / "place") as disk:
        (disk / "plans").mkdir()
        monkeypatch.setenv("PLAN_DIR", str(disk / "plans"))
        monkeypatch.setattr(tempfile, "tempdir", str(disk))
        state_machine.play(10, 30, 15, shrink=False)
    assert COUNTED["steps"] > 300
    happened = ("organize", "undo", "clean-up", "kills", "stops", "disturbances", "restore", "purge")
    assert [what for what in happened if not COUNTED[what]] == []
