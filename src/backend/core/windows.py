"""Sliding windows, in the memory of this process or in Redis, with the same questions.

Each request asks three times, so nothing in memory waits, and nothing goes through all windows. Those in Redis go by its
clock: the hosts that share them may have others.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import OrderedDict
from typing import Final

from limits import RateLimitItem
from limits.util import WindowStats

from backend.core.redis import SharedRedis

_NOW: Final = """
local clock = redis.call('TIME')
local now, amount, seconds = clock[1] + clock[2] / 1000000, tonumber(ARGV[1]), tonumber(ARGV[2])
"""
"""How scripts begin. A window is a list of moments, the newest first."""
_HIT: Final = _NOW + """
local oldest = redis.call('LINDEX', KEYS[1], amount - 1)
if oldest and tonumber(oldest) > now - seconds then return 0 end
redis.call('LPUSH', KEYS[1], string.format('%.6f', now))
redis.call('LTRIM', KEYS[1], 0, amount - 1)
redis.call('EXPIRE', KEYS[1], seconds)
return 1
"""
_LOOK: Final = _NOW + """
local used, left = 0, 0
for _, moment in ipairs(redis.call('LRANGE', KEYS[1], 0, amount - 1)) do
    if tonumber(moment) <= now - seconds then break end
    used, left = used + 1, tonumber(moment) + seconds - now
end
return {used, tostring(left)}
"""


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


class SharedWindows:
    """Who was counted when, by the clock of Redis, for all processes of all hosts. Raises what Redis does when it is away."""

    def __init__(self, redis: SharedRedis) -> None:
        """Nothing is asked yet."""
        self._client, self._prefix = redis.client, f"{redis.prefix}limits:"
        self._hit, self._look = redis.client.register_script(_HIT), redis.client.register_script(_LOOK)

    async def hit(self, item: RateLimitItem, *who: str) -> bool:
        """Count one; False, and not counted, where the window is full."""
        return bool(await self._hit([self._key(item, who)], [item.amount, item.get_expiry()]))

    async def test(self, item: RateLimitItem, *who: str) -> bool:
        """Is there room for one more?"""
        return (await self.get_window_stats(item, *who)).remaining > 0

    async def get_window_stats(self, item: RateLimitItem, *who: str) -> WindowStats:
        """When the oldest in the window leaves it (seconds since the epoch, by our clock), and how many fit in."""
        used, left = await self._look([self._key(item, who)], [item.amount, item.get_expiry()])
        return WindowStats(time.time() + float(left), item.amount - used)

    async def clear(self, item: RateLimitItem, *who: str) -> None:
        """Give the whole window again."""
        await self._client.delete(self._key(item, who))

    def _key(self, item: RateLimitItem, who: tuple[str, ...]) -> str:
        """A window's name in Redis."""
        return self._prefix + item.key_for(*who)
