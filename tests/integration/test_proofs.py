"""A sample of each proof; ``make prove`` runs them in full."""

import shutil
from pathlib import Path

import pytest

from tests.proofs import (
    chaos,
    duplicates_kills,
    duplicates_races,
    duplicates_rivals,
    injected,
    power_cut,
    random_kills,
    swapper,
)
from tests.support import clocks, postgres, redis

pytestmark = pytest.mark.unmeasured


def test_errors_injected_into_system_calls(tmp_path: Path) -> None:
    """EIO, ENOSPC, EACCES … at the second rename, sync, mkdir, link and unlink."""
    if not shutil.which("strace"):
        pytest.skip("strace isn't installed: injected errors NOT COVERED")
    assert injected.run(tmp_path, ("2",))["runs"] == 40


def test_power_cuts(tmp_path: Path) -> None:
    """Four cuts on ext4 and on xfs."""
    if power_cut.missing():
        pytest.skip(f"{power_cut.missing()}: power cuts NOT COVERED")
    figures = power_cut.run(tmp_path, 4)
    assert figures["ext4"] == figures["xfs"] == 4


def test_folders_swapped_for_links(tmp_path: Path) -> None:
    """A few hundred swaps."""
    assert swapper.run(tmp_path, 100, 10)["changed_outside"] == 0


def test_random_kills_of_the_command_line(tmp_path: Path) -> None:
    """Four kills on a tree of 1,500 files."""
    assert sum(random_kills.run_round(tmp_path / "place", 11, 1_500, 4).values()) == 4


def test_clean_ups_killed_at_fault_points(tmp_path: Path) -> None:
    """Every sixth of them, with recovery and undo killed again."""
    assert duplicates_kills.run(tmp_path, 6)["kills"] > 30


def test_clean_ups_that_race(tmp_path: Path) -> None:
    """Two rounds of each race."""
    assert duplicates_races.run(tmp_path, 2)["lost"] == 0


@pytest.mark.timeout(600)
def test_faults_of_the_production_arrangement(tmp_path: Path) -> None:
    """A worker is frozen beyond its lease, two claim one operation, and clocks are set by hours."""
    if why := redis.reason_without() or postgres.reason_without():
        pytest.skip(f"{why}: faults of the production arrangement NOT COVERED")
    figures = chaos.run(tmp_path, 4, 2, chaos.SAMPLE)
    assert figures["lost"] == 0 and "worker frozen" in figures["faults"]
    if why := clocks.reason_without():
        pytest.skip(f"{why}: clocks that are set NOT COVERED")


def test_rivals_find_the_same_groups(tmp_path: Path) -> None:
    """On 3,000 files; what isn't installed is named."""
    figures = duplicates_rivals.run(tmp_path, 3_000)
    assert figures["groups"] > 100
    if missing := duplicates_rivals.missing():
        pytest.skip(f"{', '.join(missing)} not installed: the same groups NOT COVERED there")
