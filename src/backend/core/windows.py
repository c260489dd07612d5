"""Sliding windows in the memory of this process, with the questions that ``limits`` has for those in Redis.

Each request asks three times, so nothing here waits, and nothing goes through all windows.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import OrderedDict

from limits import RateLimitItem
from limits.util import WindowStats


class Windows:
    """Who was counted when, by a clock that nobody sets. For one event loop."""

    def __init__(self) -> None:
        """Nobody was counted yet."""
        self._hits: OrderedDict[str, tuple[int, list[float]]] = OrderedDict()
        """How long the window is and the moments in it, oldest first; whoever was counted last is last."""

    async def hit(self, item: RateLimitItem, *who: str) -> bool:
        """Count one; False, and not counted, where the window is full."""
        key, now = item.key_for(*who), time.monotonic()
        moments = self._moments(item, key, now)
        if len(moments) >= item.amount:
            return False
        moments.append(now)
        self._hits[key] = (item.get_expiry(), moments)
        self._hits.move_to_end(key)
        self._forget(now)
        return True

    async def test(self, item: RateLimitItem, *who: str) -> bool:
        """Is there room for one more?"""
        return len(self._moments(item, item.key_for(*who), time.monotonic())) < item.amount

    async def get_window_stats(self, item: RateLimitItem, *who: str) -> WindowStats:
        """When the oldest in the window leaves it (seconds since the epoch), and how many fit in."""
        now = time.monotonic()
        moments = self._moments(item, item.key_for(*who), now)
        left = moments[0] + item.get_expiry() - now if moments else 0.0
        return WindowStats(time.time() + left, item.amount - len(moments))

    async def clear(self, item: RateLimitItem, *who: str) -> None:
        """Give the whole window again."""
        self._hits.pop(item.key_for(*who), None)

    def _moments(self, item: RateLimitItem, key: str, now: float) -> list[float]:
        """What is in a window now; what has left it is dropped."""
        moments = self._hits.get(key, (0, []))[1]
        del moments[: bisect_right(moments, now - item.get_expiry())]
        return moments

    def _forget(self, now: float) -> None:
        """Drop those who weren't counted for longer than their window is, from the one that was counted first."""
        while self._hits:
            key, (seconds, moments) = next(iter(self._hits.items()))
            if moments and moments[-1] > now - seconds:
                return
            del self._hits[key]
