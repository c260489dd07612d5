"""Live progress: what workers say, kept as the newest state of each operation, and given to whoever watches.

A watcher that is slow misses states, never the last one; nobody's queue grows.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, Final
from uuid import UUID

from backend.core import monitoring
from backend.core.events import Event, EventReceiver
from backend.database import will_pass
from backend.models import FINAL_STATES, Operation
from backend.services.accounts import AccountService
from backend.services.callers import Caller
from backend.services.errors import TooMany
from backend.services.operations import OperationService
from backend.services.progress import message_of

PROGRESS_SECONDS: Final = 0.5
"""The shortest time between two progress messages."""
SILENCE_SECONDS: Final = 5.0
"""The longest: then the state is read from the database, which knows it whatever was lost on the way."""
WATCHERS_PER_USER: Final = 10
_RISING: Final = ("progress", "files_processed", "bytes_processed")
"""What never falls in a stream."""
RECHECK_SECONDS: Final = 5.0
"""How often it is looked at whether the caller may still listen."""


class _Watcher:
    """One stream: the newest message for it."""

    def __init__(self) -> None:
        self.newest: Event | None = None
        self.news = asyncio.Event()

    def tell(self, message: Event) -> None:
        """A newer message takes the place of the one that wasn't fetched yet."""
        self.newest = message
        self.news.set()


class Hub:
    """Hears all workers and tells the watchers in this process."""

    def __init__(self, receiver: EventReceiver, operations: OperationService) -> None:
        """Listening begins with ``start``."""
        self._receiver, self._operations = receiver, operations
        self._watchers: dict[str, set[_Watcher]] = {}
        self._newest: dict[str, Event] = {}
        self._by_user: Counter[UUID] = Counter()
        self.closing = asyncio.Event()
        """Set when the server is about to end: open streams end first, or the server would wait for them."""

    async def start(self) -> None:
        """Listen."""
        await self._receiver.listen(self._heard)

    def stop(self) -> None:
        """Listen no more; open streams end."""
        self.closing.set()
        self._receiver.close()

    def _heard(self, message: Event) -> None:
        """A worker's message."""
        monitoring.events_received.inc()
        name = message["operation_id"]
        if message["status"] in FINAL_STATES:
            self._newest.pop(name, None)
        else:
            self._newest[name] = message
        for watcher in self._watchers.get(name, ()):
            watcher.tell(message)

    @contextmanager
    def place(self, caller: Caller) -> Iterator[None]:
        """One of the few streams that a user may have open. Raises TooMany."""
        if self._by_user[caller.user_id] >= WATCHERS_PER_USER:
            raise TooMany(f"At most {WATCHERS_PER_USER} streams may be open at once.")
        self._by_user[caller.user_id] += 1
        try:
            with monitoring.websocket_clients.track_inprogress():
                yield
        finally:
            self._by_user[caller.user_id] -= 1

    async def messages(self, caller: Caller, operation_id: UUID) -> AsyncGenerator[Event]:
        """The present state at once, then progress, then the end. Raises NotFound."""
        watcher, name = _Watcher(), str(operation_id)
        self._watchers.setdefault(name, set()).add(watcher)
        try:
            operation = await self._operations.get(caller, operation_id)  # after listening began: nothing is missed
            state = self._newest.get(name)
            first = (
                {**state, "type": "status"} if state and not _is_over(operation) else message_of(operation, "status")
            )
            sequence, told = first["sequence"], first
            yield first
            if _is_over(operation):
                yield {**_last_of(operation), "sequence": sequence + 1}
                return
            async for message in self._progress(watcher):
                ended = False
                if message is None:
                    # nobody says anything: nothing happens, it was cancelled while it waited, or words were lost
                    known = await self._now(caller, operation_id)
                    ended = known is not None and _is_over(known)
                    if known is not None:
                        message = _last_of(known) if ended else message_of(known, "progress")
                    if message is None or (not ended and any(message[name] < told[name] for name in _RISING)):
                        # away, or written before a worker said more
                        message = {**told, "type": "progress"}
                # what was told in a silence had a number that the worker, who doesn't know of it, gives as well
                sequence, told = max(sequence + 1, message["sequence"]), message
                yield {**message, "sequence": sequence}
                if ended:
                    self._newest.pop(name, None)
                    return
        finally:
            self._watchers[name].discard(watcher)
            if not self._watchers[name]:
                del self._watchers[name]

    async def _now(self, caller: Caller, operation_id: UUID) -> Operation | None:
        """The operation as the database has it; None while that is away. Raises NotFound."""
        try:
            return await self._operations.get(caller, operation_id)
        except Exception as error:
            if not will_pass(error):
                raise
            return None

    async def wait_for_end(self, caller: Caller, operation_id: UUID, seconds: float) -> Operation:
        """The operation once it has ended, or as it is after so many seconds. Raises NotFound."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), aclosing(self.messages(caller, operation_id)) as messages:
                async for _ in messages:
                    pass
        return await self._operations.get(caller, operation_id)

    async def _progress(self, watcher: _Watcher) -> AsyncGenerator[Event | None]:
        """Messages as they come, not too many; ends with the operation or with the server.

        After a silence None.
        """
        closing = asyncio.create_task(self.closing.wait())
        try:
            while not self.closing.is_set():
                news = asyncio.create_task(watcher.news.wait())
                done, _ = await asyncio.wait(
                    (news, closing), timeout=SILENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                news.cancel()
                watcher.news.clear()
                message = watcher.newest
                if not done or message is None:
                    yield None
                    continue
                yield message
                if message["status"] in FINAL_STATES:
                    return
                await asyncio.wait((closing,), timeout=PROGRESS_SECONDS)
        finally:
            closing.cancel()


async def still_welcome(accounts: AccountService, caller: Caller) -> bool:
    """May the caller still listen? While the database is away nothing can have been taken from anybody."""
    try:
        return await accounts.still_valid(caller)
    except Exception as error:
        if not will_pass(error):
            raise
        return True


def _is_over(operation: Operation) -> bool:
    """Has it ended?"""
    return operation.status in FINAL_STATES


def _last_of(operation: Operation) -> dict[str, Any]:
    """The message with which a finished operation's stream ends."""
    return message_of(operation, "error" if operation.status == "failed" else "completed")
