"""Reading whole journals: whoever does it holds up neither others nor what is short."""

from __future__ import annotations

import asyncio
import threading
from uuid import uuid4

from backend.services.callers import Caller
from backend.services.long_reads import LongReads


def test_short_ones_find_a_thread() -> None:
    """While a user has twenty long reads under way, another one reads, and threads are left for what is short."""
    ann, bob = (Caller(uuid4(), uuid4(), frozenset(), 0.0) for _ in range(2))
    go_on, reading = threading.Event(), threading.Semaphore(0)

    def read() -> str:
        reading.release()
        go_on.wait(60)
        return "read"

    async def many() -> None:
        reads = LongReads()
        hers = [asyncio.create_task(reads.read(ann, read)) for _ in range(20)]
        await asyncio.to_thread(reading.acquire, timeout=60)
        his = asyncio.create_task(reads.read(bob, read))
        assert await asyncio.to_thread(reading.acquire, timeout=60)
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "short"), 60) == "short"
        assert not reading.acquire(blocking=False)
        go_on.set()
        assert set(await asyncio.gather(*hers, his)) == {"read"}

    asyncio.run(many())
