"""How fast a caller may come: a sliding window for each bucket, in Redis where processes share one, else in this process."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.util import WindowStats

from backend.core import monitoring
from backend.core.config import Settings
from backend.core.redis import SharedRedis
from backend.core.windows import SharedWindows, Windows

GLOBAL, TREES = "global", "trees"
_T = TypeVar("_T")
_Items = Mapping[str, RateLimitItem]
"""The limit of each bucket."""
_Question = Callable[[Windows | SharedWindows, _Items], Awaitable[_T]]


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
    """All windows. Each is one minute long, for logins fifteen.

    With Redis they are those of all processes together. Every process counts what it sees beside it, in narrower
    windows, and goes by those as long as Redis is away: limits never open.
    """

    def __init__(self, settings: Settings, redis: SharedRedis | None = None) -> None:
        """Windows as the settings say; without ``redis`` those of this process alone."""
        self._redis = redis
        self._own = Windows()
        if redis is not None:
            self._shared = SharedWindows(redis)
        share = max(2, settings.api_workers) if redis is not None else 1
        amounts = {
            "api": settings.rate_limit_user,
            "export": settings.rate_limit_export,
            TREES: settings.rate_limit_trees,
            GLOBAL: settings.rate_limit_global,
            "login-account": settings.login_failures_per_account,
            "login-address": settings.login_failures_per_address,
        }
        minutes = {"login-account": 15, "login-address": 15}
        self._items = {name: RateLimitItemPerMinute(n, minutes.get(name, 1)) for name, n in amounts.items()}
        self._narrow = {
            name: RateLimitItemPerMinute(max(1, n // share), minutes.get(name, 1)) for name, n in amounts.items()
        }

    async def _ask(self, question: _Question[_T]) -> tuple[_T, _Items]:
        """The answer of the windows that hold now, and the limits that it is about; asked of both."""
        own = await question(self._own, self._narrow)
        if self._redis is None:
            return own, self._narrow
        shared = await self._redis.ask(lambda: _with(question(self._shared, self._items), self._items), None)
        return shared or (own, self._narrow)

    async def hit(self, bucket: str, who: str) -> Allowance:
        """Count one request of ``who``, and one of everybody's; not for pictures and trees, of which one page needs hundreds."""
        names = [(bucket, who)] if bucket == TREES else [(bucket, who), (GLOBAL,)]
        (full, stats), items = await self._ask(
            lambda windows, items: windows.count(*((items[name[0]], name) for name in names))
        )
        return _allowance(names[full or 0][0], items, stats, allowed=full is None)

    async def failures_left(self, bucket: str, who: str) -> Allowance:
        """The window of wrong logins, without counting."""
        stats, items = await self._ask(lambda windows, items: windows.get_window_stats(items[bucket], bucket, who))
        return _allowance(bucket, items, stats, allowed=stats.remaining > 0)

    async def count_failure(self, bucket: str, who: str) -> bool:
        """Count one wrong login; False when the window is full."""
        counted, _ = await self._ask(lambda windows, items: windows.hit(items[bucket], bucket, who))
        return counted

    async def forget(self, who: str) -> None:
        """Give ``who`` whole windows again; the narrower ones of other processes stay as they are."""
        for bucket in ("api", "export", TREES):
            await self._clear(bucket, who)

    async def _clear(self, bucket: str, who: str) -> None:
        """Give one whole window again."""
        await self._ask(lambda windows, items: windows.clear(items[bucket], bucket, who))


def _allowance(bucket: str, items: _Items, stats: WindowStats, *, allowed: bool) -> Allowance:
    """A window as it is now."""
    if not allowed:
        monitoring.rate_limited.labels(bucket).inc()
    until = int(stats.reset_time - time.time()) + 1
    reset = min(
        max(0, until), items[bucket].get_expiry()
    )  # the moments in Redis may be those of a clock that was set back since
    return Allowance(allowed, items[bucket].amount, max(0, stats.remaining), reset)


async def _with(answer: Awaitable[_T], items: _Items) -> tuple[_T, _Items]:
    """An answer and what it is about."""
    return await answer, items


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


_LOOPBACK = "127.0.0.1"


def _bare(hop: str) -> str:
    """The address of a hop: some proxies write the port behind it, and IPv6 in brackets then."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _hops(forwarded: list[str]) -> list[str]:
    """The addresses in values of ``X-Forwarded-For``, in their order."""
    return [_bare(hop.strip()) for value in forwarded for hop in value.split(",")]


def peer_of(client: tuple[str, int], here: str, forwarded: list[str]) -> str:
    """Who is at the other end: uvicorn puts a hop in its place when that is the loopback, whatever we trust.

    ``client`` is the address and port that uvicorn tells, ``here`` our own address of the connection. What was put there
    has no port, or our end is on the loopback; somebody from elsewhere who names himself in the header stays who he is.
    """
    address, port = client
    named = next((hop for hop in reversed(_hops(forwarded)) if hop != _LOOPBACK), None)
    return _LOOPBACK if address == named and (port == 0 or is_proxy(here, ("127.0.0.0/8",))) else address


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
    hops, address = _hops(forwarded), peer
    while hops and is_proxy(address, trusted):
        candidate = hops.pop()
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            break
        address = candidate
    return address
