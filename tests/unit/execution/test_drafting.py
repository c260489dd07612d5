"""What is drafted comes in batches."""

from __future__ import annotations

import pytest

from fileorganizer.execution import drafting
from fileorganizer.model import Step, StepKind


def removal(name: str) -> Step:
    """The end of a folder."""
    return Step(StepKind.RMDIR, name.encode(), b"", None)


@pytest.mark.parametrize(
    ("units", "batches"),
    [
        ([], []),
        (["a"], ["a"]),
        (["a", "b", "c"], ["abc"]),
        (["a", "b", "c", "d"], ["abc", "d"]),
        (["ab", "cd", "e"], ["ab", "cde"]),
        (["a", "bcde", "f"], ["a", "bcde", "f"]),
    ],
)
def test_what_belongs_together_stays_in_one_batch(
    monkeypatch: pytest.MonkeyPatch, units: list[str], batches: list[str]
) -> None:
    """Three steps a batch, or what can't be parted."""
    monkeypatch.setattr(drafting, "BATCH_STEPS", 3)
    found = drafting._batched([removal(name) for name in unit] for unit in units)
    assert ["".join(step.source.decode() for step in batch) for batch in found] == batches
