"""How fast a caller may come: a sliding window for each bucket, kept in this process."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from backend.core import monitoring
from backend.core.config import Settings

GLOBAL, TREES = "global", "trees"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a window; ``allowed`` is false when it is used up."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """The three headers that clients know, and ``Retry-After`` when it is used up."""
        shown = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(int(time.time()) + self.reset_seconds),
        }
        return shown if self.allowed else {**shown, "Retry-After": str(max(1, self.reset_seconds))}


class RateLimiter:
    """All windows of this process. Each is one minute long, for logins fifteen."""

    def __init__(self, settings: Settings) -> None:
        """Windows as the settings say."""
        self._windows = MovingWindowRateLimiter(MemoryStorage())
        self._items = {
            "api": RateLimitItemPerMinute(settings.rate_limit_user),
            "export": RateLimitItemPerMinute(settings.rate_limit_export),
            TREES: RateLimitItemPerMinute(settings.rate_limit_trees),
            GLOBAL: RateLimitItemPerMinute(settings.rate_limit_global),
            "login-account": RateLimitItemPerMinute(settings.login_failures_per_account, 15),
            "login-address": RateLimitItemPerMinute(settings.login_failures_per_address, 15),
        }

    async def hit(self, bucket: str, who: str) -> Allowance:
        """Count one request of ``who``, and one of everybody's; not for pictures and trees, of which one page needs hundreds."""
        item = self._items[bucket]
        allowed = await self._windows.hit(item, bucket, who)
        if allowed and bucket != TREES and not await self._windows.hit(self._items[GLOBAL], GLOBAL):
            bucket, item, who, allowed = GLOBAL, self._items[GLOBAL], "", False
        return await self._state(bucket, who, allowed=allowed)

    async def _state(self, bucket: str, who: str, *, allowed: bool) -> Allowance:
        """The window as it is now."""
        item = self._items[bucket]
        names = (bucket,) if bucket == GLOBAL else (bucket, who)
        stats = await self._windows.get_window_stats(item, *names)
        if not allowed:
            monitoring.rate_limited.labels(bucket).inc()
        reset = max(0, int(stats.reset_time - time.time()) + 1)
        return Allowance(allowed, item.amount, max(0, stats.remaining), reset)

    async def failures_left(self, bucket: str, who: str) -> Allowance:
        """The window of wrong logins, without counting."""
        item = self._items[bucket]
        return await self._state(bucket, who, allowed=await self._windows.test(item, bucket, who))

    async def count_failure(self, bucket: str, who: str) -> None:
        """Count one wrong login."""
        await self._windows.hit(self._items[bucket], bucket, who)

    async def forget(self, who: str) -> None:
        """Give ``who`` whole windows again."""
        for bucket in ("api", "export", TREES):
            await self._windows.clear(self._items[bucket], bucket, who)


def address_key(address: str) -> str:
    """What an address counts as: an IPv6 customer has a whole /64."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address


def is_proxy(address: str, trusted: tuple[str, ...]) -> bool:
    """Does ``address`` lie in one of the networks of the trusted proxies?"""
    try:
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False) for network in trusted)
    except ValueError:
        return False


def client_address(peer: str, forwarded: list[str], trusted: tuple[str, ...]) -> str:
    """Who is asking: the peer, or where that is a trusted proxy, the last address that no trusted proxy added.

    ``forwarded`` are the values of ``X-Forwarded-For``; they are read from the right.
    """
    address = peer
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    while hops and is_proxy(address, trusted):
        candidate = hops.pop()
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            break
        address = candidate
    return address
