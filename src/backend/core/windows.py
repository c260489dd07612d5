"""Sliding windows, in the memory of this process or in Redis, with the same questions.

Each request is counted, so nothing in memory waits, nothing goes through all windows, and Redis is asked once. Those in Redis
go by its clock: the hosts that share them may have others.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import OrderedDict
from typing import Final, NamedTuple

from limits import RateLimitItem
from limits.util import WindowStats

from backend.core.redis import SharedRedis

_LOOK: Final = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local function look(number)
    local amount, seconds = tonumber(ARGV[2 * number - 1]), tonumber(ARGV[2 * number])
    local used, left = 0, 0
    for _, moment in ipairs(redis.call('LRANGE', KEYS[number], 0, amount - 1)) do
        if tonumber(moment) <= now - seconds then break end
        used, left = used + 1, tonumber(moment) + seconds - now
    end
    return used, tostring(left)
end
"""
"""How scripts begin. A window is a list of moments, the newest first."""
_COUNT: Final = _LOOK + """
for number = 1, #KEYS do
    local amount, seconds = tonumber(ARGV[2 * number - 1]), tonumber(ARGV[2 * number])
    local oldest = redis.call('LINDEX', KEYS[number], amount - 1)
    if oldest and tonumber(oldest) > now - seconds then return {number, look(number)} end
    redis.call('LPUSH', KEYS[number], string.format('%.6f', now))
    redis.call('LTRIM', KEYS[number], 0, amount - 1)
    redis.call('EXPIRE', KEYS[number], seconds)
end
return {0, look(1)}
"""
_STATE: Final = _LOOK + "return {look(1)}"

Window = tuple[RateLimitItem, tuple[str, ...]]
"""A limit, and whose."""


class Counted(NamedTuple):
    """What became of one request."""

    full: int | None
    """Which window had no room: there and in those after it the request isn't counted."""
    stats: WindowStats
    """Of that window, or else of the first."""


class Windows:
    """Who was counted when, by a clock that nobody sets. For one event loop."""

    def __init__(self) -> None:
        """Nobody was counted yet."""
        self._hits: OrderedDict[str, tuple[int, list[float]]] = OrderedDict()
        """How long the window is and the moments in it, oldest first; whoever was counted last is last."""

    async def count(self, *windows: Window) -> Counted:
        """Count one in each of these windows, up to one that is full."""
        for number, (item, who) in enumerate(windows):
            if not await self.hit(item, *who):
                return Counted(number, await self.get_window_stats(item, *who))
        item, who = windows[0]
        return Counted(None, await self.get_window_stats(item, *who))

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
        self._count, self._state = redis.client.register_script(_COUNT), redis.client.register_script(_STATE)

    async def count(self, *windows: Window) -> Counted:
        """Count one in each of these windows, up to one that is full; all at once."""
        limits = [value for item, _ in windows for value in (item.amount, item.get_expiry())]
        number, used, left = await self._count([self._key(*window) for window in windows], limits)
        item, _ = windows[max(0, number - 1)]
        return Counted(number - 1 if number else None, _stats(item, used, left))

    async def hit(self, item: RateLimitItem, *who: str) -> bool:
        """Count one; False, and not counted, where the window is full."""
        return (await self.count((item, who))).full is None

    async def get_window_stats(self, item: RateLimitItem, *who: str) -> WindowStats:
        """When the oldest in the window leaves it (seconds since the epoch, by our clock), and how many fit in."""
        return _stats(item, *await self._state([self._key(item, who)], [item.amount, item.get_expiry()]))

    async def clear(self, item: RateLimitItem, *who: str) -> None:
        """Give the whole window again."""
        await self._client.delete(self._key(item, who))

    def _key(self, item: RateLimitItem, who: tuple[str, ...]) -> str:
        """A window's name in Redis."""
        return self._prefix + item.key_for(*who)


def _stats(item: RateLimitItem, used: int, left: bytes) -> WindowStats:
    """What a script says of a window."""
    return WindowStats(time.time() + float(left), item.amount - used)
