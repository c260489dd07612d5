"""How fast an operation is said to be; the clock is the test's."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from backend.services.progress import RESTING, Speed
from backend.worker import pace
from fileorganizer.progress import Progress


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time: its only element."""
    now = [100.0]
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_files_and_bytes_since_the_phase_began(at: list[float]) -> None:
    """What an earlier run did isn't this one's speed; the rest of the files takes as long as they have taken."""
    speed = pace.Pace()
    assert speed.of(Progress("moving", "", 1_000, files_processed=200, bytes_processed=5_000)) == RESTING
    at[0] += 4
    now = Progress("moving", "", 1_000, files_processed=600, bytes_processed=13_000)
    assert speed.of(now) == Speed(100.0, 2_000.0, 4.0)


def test_each_part_of_a_phase_by_itself(at: list[float]) -> None:
    """Comparing is first of many beginnings, then of few whole contents, so how long it takes isn't guessed."""
    speed = pace.Pace()
    speed.of(Progress("scanning", files_scanned=0))
    at[0] += 2
    assert speed.of(Progress("scanning", files_scanned=50)) == Speed(25.0, 0.0, None)
    assert speed.of(Progress("hashing", "whole contents", 50, files_scanned=50)) == RESTING
    at[0] += 2
    later = Progress("hashing", "whole contents", 50, files_scanned=50, files_processed=10, bytes_processed=800)
    assert speed.of(later) == Speed(5.0, 400.0, None)
