"""What the executor prepares beside the disk's work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fileorganizer.errors import PlanNotFound
from fileorganizer.execution.executor import _Supply
from fileorganizer.journal import codec


def test_what_the_next_batch_raises_is_raised_when_it_is_asked_for() -> None:
    """Not while the batch before it is in hand, whose outcome is to be recorded first."""

    def blobs() -> Iterator[bytes]:
        yield codec.pack([])
        raise PlanNotFound("the plan has gone")

    supply = _Supply(blobs())
    batches = iter(supply)
    assert next(batches).steps == []
    supply.prepare()
    with pytest.raises(PlanNotFound, match="has gone"):
        next(batches)
