"""Sliding windows in memory: exact, and forgotten when they are over."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute, RateLimitItemPerSecond

from backend.core.windows import Windows

MINUTE = RateLimitItemPerMinute(3)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        patch.setattr(time, "monotonic", lambda: self.now)
        patch.setattr(time, "time", lambda: 5_000_000.0 + self.now)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), max_size=60))
def test_never_more_than_the_limit_within_any_minute(steps: list[tuple[str, int]]) -> None:
    """Whoever comes whenever: let in exactly if fewer than three were let in within the last minute."""
    with pytest.MonkeyPatch.context() as patch:
        clock, windows = Clock(patch), Windows()
        let_in: dict[str, list[float]] = {"a": [], "b": []}
        for who, seconds in steps:
            clock.now += seconds
            room = sum(moment > clock.now - 60 for moment in let_in[who]) < 3
            assert (asyncio.run(windows.get_window_stats(MINUTE, who)).remaining > 0) is room
            assert asyncio.run(windows.hit(MINUTE, who)) is room
            if room:
                let_in[who].append(clock.now)


def test_what_is_left_and_when_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty window, one that fills, one whose oldest leaves, one that is given anew."""
    clock, windows = Clock(monkeypatch), Windows()

    async def left() -> tuple[float, int]:
        """Seconds until the next leaves, and how many fit."""
        stats = await windows.get_window_stats(MINUTE, "ann")
        return stats.reset_time - time.time(), stats.remaining

    async def story() -> None:
        """One after the other."""
        assert await left() == (0, 3)
        await windows.hit(MINUTE, "ann")
        clock.now += 20
        await windows.hit(MINUTE, "ann")
        assert await left() == (40, 1)
        clock.now += 40
        assert await left() == (20, 2)
        await windows.clear(MINUTE, "ann")
        assert await left() == (0, 3)

    asyncio.run(story())


def test_nothing_is_kept_of_those_who_stay_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of addresses, once each, leave nothing behind; whoever was counted within the window stays."""
    clock, windows = Clock(monkeypatch), Windows()

    async def story() -> None:
        """Many come, then two at different times."""
        for number in range(2_000):
            await windows.hit(RateLimitItemPerSecond(5), str(number))
        await windows.hit(MINUTE, "ann")
        clock.now += 30
        await windows.hit(MINUTE, "bob")

    asyncio.run(story())
    assert len(windows._hits) == 2
