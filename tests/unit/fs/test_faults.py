"""The hook of the crash tests does nothing unless it is asked to, and kills at the instant it is asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from fileorganizer.fs import faults

_THREE = "from fileorganizer.fs.faults import faultpoint\nfor n in 'abc': faultpoint(n); print(n, end='', flush=True)"


@pytest.mark.parametrize(
    ("asked", "said", "ended"),
    [
        ("kill@2", "a", -signal.SIGKILL),
        ("kill@9", "abc", 0),
        ("", "abc", 0),
        ("kill@x", "abc", 0),
        ("other@2", "abc", 0),
    ],
)
def test_a_real_process_dies_at_the_nth_hit(asked: str, said: str, ended: int) -> None:
    """By SIGKILL, like a crash; any other wish is none."""
    done = subprocess.run(
        [sys.executable, "-c", _THREE],
        env={**os.environ, "FILEORGANIZER_FAULTS": asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.returncode) == (said, ended)


def test_it_counts_from_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before, and not again."""
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(faults.os, "kill", lambda *which: killed.append(which))
    kill = faults.kill_at(2)
    counts = []
    for name in "abc":
        kill(name)
        counts.append(len(killed))
    assert counts == [0, 1, 1]
    assert killed == [(os.getpid(), signal.SIGKILL)]
