"""Reads of whole journals and of folders that they tell of: seconds, for a million files minutes. Threads are for everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

from backend.services.callers import Caller

AT_ONCE: Final = 3
"""Of all users; the smallest machine has five threads."""
_Given = ParamSpec("_Given")
_Found = TypeVar("_Found")


class LongReads:
    """Who reads and who waits: of each user one at a time, a few of all. So what is short always finds a thread."""

    def __init__(self) -> None:
        """Nobody reads yet."""
        self._places = asyncio.Semaphore(AT_ONCE)
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    async def read(
        self, caller: Caller, what: Callable[_Given, _Found], *args: _Given.args, **named: _Given.kwargs
    ) -> _Found:
        """Have ``what`` done in a thread, when it is its turn."""
        turn = self._turns.setdefault(caller.user_id, asyncio.Lock())
        async with turn, self._places:
            return await asyncio.to_thread(what, *args, **named)
