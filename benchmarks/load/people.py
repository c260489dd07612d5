"""People who use the API as the dashboard does: they open a page, read for a while, open the next; now and then one tidies up."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp

PAGES: Final = {
    "overview": (30, ("/stats/overview", "/operations?limit=10")),
    "history": (10, ("/operations?limit=50",)),
    "run": (14, ("/operations/{operation}",)),
    "files": (15, ("/operations/{operation}", "/files?operation_id={operation}&page_size=50")),
    "search": (10, ("/files/search?query={word}&page_size=50",)),
    "report": (15, ("/reports/{operation}",)),
    "categories": (5, ("/categories",)),
    "tidy": (1, ()),
}
"""How often each page is opened, in a hundred, and what the dashboard asks for to show it. ``tidy`` is organizing new files."""
READING_SECONDS: Final = 5.0
"""How long a page is read, on average."""
OWN_FILES: Final = 200
"""So many files each of the crowd has organized before."""
NEW_FILES: Final = 5
"""So many come when somebody tidies up."""
WORDS: Final = ("invoice", "photo 1", "jpg", "budget 17", "nothing like it")
_LONG_AGO: Final = 1_600_000_000
"""When the files were last changed: fresh ones count as unfinished."""
_FINAL: Final = ("completed", "failed", "cancelled")
_COME_AGAIN: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
"""Refusals that say when to try again."""
_NO_ANSWER: Final = (aiohttp.ClientError, TimeoutError)
_IDLE_SECONDS: Final = 3.0
"""So long a connection is kept for the next request: less than the five seconds after which uvicorn ends it, perhaps just then."""
_PATIENCE: Final = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=120)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: when it was asked for and how long it took in seconds; status 0 means that none came."""

    at: float
    endpoint: str
    seconds: float
    status: int


@dataclass
class Person:
    """Somebody with an account."""

    client: aiohttp.ClientSession
    headers: dict[str, str]
    home: Path
    answers: list[Answer]
    operation: str = ""
    only_looks: bool = False
    """Never tidies up."""
    changes: int = 0
    stale: int = 0
    """Answers that were no longer true: after a change was over the overview didn't know of it."""

    async def ask(self, endpoint: str, **named: str) -> None:
        """One request of a page; what came of it is noted."""
        began = time.monotonic()
        try:
            async with self.client.get(f"api/v1{endpoint.format(**named)}", headers=self.headers) as answer:
                await answer.read()
            status = answer.status
        except _NO_ANSWER:
            status = 0
        self.answers.append(Answer(began, endpoint.partition("?")[0], time.monotonic() - began, status))

    async def patient(self, method: str, path: str, **given: Any) -> Any:
        """The body of an answer, however often one is told to come again. Raises RuntimeError with what the server says."""
        return await patient(self.client, method, path, headers=self.headers, **given)

    async def finished(self, operation: dict[str, Any], seen: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """The operation at its end, of which its event stream tells: one request, however long it takes.

        ``seen`` is told on the way how far it is. A stream that breaks off is opened again.
        """
        while operation["status"] not in _FINAL:
            with suppress(*_NO_ANSWER):
                await self._heard_out(operation["id"], seen)
            operation = await self.patient("GET", f"/operations/{operation['id']}")
        return operation

    async def _heard_out(self, operation_id: str, seen: Callable[[dict[str, Any]], None]) -> None:
        """Listen until the operation has ended, or the stream."""
        path = f"api/v1/operations/{operation_id}/events"
        async with self.client.get(path, headers=self.headers) as answer:
            if answer.status in _COME_AGAIN:
                await _come_again(answer)
                return
            answer.raise_for_status()
            async for line in answer.content:
                if line.startswith(b"data:"):
                    seen(json.loads(line.removeprefix(b"data:")))

    async def stay(self, over: asyncio.Event, *, begins: str = "") -> None:
        """Open pages until it is over; the first one, unless ``begins`` names it at once, after a while."""
        if begins:
            await self.open(begins)
        names, weights = list(PAGES), [weight for weight, _ in PAGES.values()]
        while not await _is_over(over, random.expovariate(1 / READING_SECONDS)):
            await self.open(random.choices(names, weights)[0])

    async def open(self, page: str) -> None:
        """Everything that a page needs, at once, as a browser asks for it."""
        if page == "tidy" and not self.only_looks:
            await self._tidy()
            return
        named = {"operation": self.operation, "word": random.choice(WORDS)}
        await asyncio.gather(*(self.ask(endpoint, **named) for endpoint in PAGES[page][1]))

    async def _tidy(self) -> None:
        """Organize a few new files, and look whether the overview knows of it at once."""
        before = await self.patient("GET", "/stats/overview")
        self.operation = await self.organized(NEW_FILES)
        after = await self.patient("GET", "/stats/overview")
        self.changes += 1
        self.stale += after["operations"] != before["operations"] + 1

    async def organized(self, files: int) -> str:
        """The id of a finished operation over so many new files. Raises RuntimeError when it didn't do them all."""
        folder = self.home / uuid4().hex[:8]
        await asyncio.to_thread(_write_files, folder, files)
        operation = await self.patient("POST", "/operations", json={"root_path": str(folder)})
        operation = await self.finished(operation, lambda _: None)
        if operation["files_processed"] != files:
            raise RuntimeError(f"{operation['files_processed']} of {files} files were organized: {operation}")
        return str(operation["id"])


@dataclass
class Crowd:
    """Everybody, and what they heard."""

    people: list[Person] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    async def arrive(self, client: aiohttp.ClientSession, count: int) -> None:
        """Make accounts, and let each have organized something."""
        at_once = asyncio.Semaphore(8)

        async def one() -> None:
            async with at_once:
                person = await sign_up(client, self.answers)
                person.operation = await person.organized(OWN_FILES)
                self.people.append(person)

        await asyncio.gather(*(one() for _ in range(count)))

    def elsewhere(self, client: aiohttp.ClientSession) -> Crowd:
        """The same people asking another server for the same pages, who only look."""
        answers: list[Answer] = []
        people = [replace(one, client=client, answers=answers, only_looks=True) for one in self.people]
        return Crowd(people, answers)

    async def settle_in(self) -> None:
        """Open each page once, in turn and at leisure: what is kept is kept, as with people who have been there for a while."""
        for page in PAGES:
            if page != "tidy":
                for person in self.people:
                    await person.open(page)
        self.answers.clear()

    async def browse(self, beside: Awaitable[None]) -> None:
        """Use the dashboard as long as something else goes on; the first of them tidies up at once."""
        over = asyncio.Event()
        stays = [
            asyncio.create_task(person.stay(over, begins="" if number else "tidy"))
            for number, person in enumerate(self.people)
        ]
        try:
            await beside
        finally:
            over.set()
            await asyncio.gather(*stays)


@asynccontextmanager
async def client_of(url: str, connections: int = 0) -> AsyncIterator[aiohttp.ClientSession]:
    """What asks the server at ``url``, over so many connections at most, or as many as it takes.

    It shares the machine with what it measures: a request costs it a quarter of the processor time that httpx takes.
    """
    connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=_IDLE_SECONDS)
    async with aiohttp.ClientSession(f"{url}/", connector=connector, timeout=_PATIENCE) as client:
        yield client


async def sign_up(client: aiohttp.ClientSession, answers: list[Answer]) -> Person:
    """A new account. Raises PermissionError when its folder isn't on this machine, or not ours to write to."""
    name = f"load-{uuid4().hex[:12]}"
    body = {"email": f"{name}@example.org", "username": name, "password": uuid4().hex}
    tokens = await patient(client, "POST", "/auth/signup", json=body)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    roots = await patient(client, "GET", "/roots", headers=headers)
    home = Path(roots["roots"][0]["path"])
    if not os.access(home, os.W_OK | os.X_OK):
        raise PermissionError(
            f"{home} isn't a folder here that can be written to: run it as the server's user, on its host."
        )
    return Person(client, headers, home, answers)


async def patient(client: aiohttp.ClientSession, method: str, path: str, **given: Any) -> Any:
    """The body of an answer, however often one is told to come again. Raises RuntimeError with what the server says."""
    while True:
        async with client.request(method, f"api/v1{path}", **given) as answer:
            said = await answer.text()
        if answer.status not in _COME_AGAIN:
            break
        await _come_again(answer)
    if not answer.ok:
        raise RuntimeError(f"{method} {path} was answered with {answer.status}: {said}")
    return json.loads(said)


async def _come_again(answer: aiohttp.ClientResponse) -> None:
    """Wait as long as a refusal says, or for a few seconds: windows slide, and a proxy's refusals don't say."""
    await asyncio.sleep(min(5.0, float(answer.headers.get("Retry-After", 5.0))))


async def _is_over(over: asyncio.Event, seconds: float) -> bool:
    """Wait so long at most; is it over?"""
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)
    return over.is_set()


def _write_files(folder: Path, count: int) -> None:
    """A folder with files of several kinds, none of them new and no two alike."""
    folder.mkdir()
    for number in range(count):
        path = folder / f"{WORDS[number % 2]} {number}.{('jpg', 'txt', 'mp3', 'pdf')[number % 4]}"
        path.write_text(f"{folder.name} {number}")
        os.utime(path, (_LONG_AGO, _LONG_AGO))
