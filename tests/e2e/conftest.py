"""One server and one browser while tests of this package run; each test has a fresh visitor without cookies.

Playwright keeps an event loop running in its thread, where nobody else can run one then. Tests elsewhere run their own, so
the browser has a thread for itself, and the tests of this package are called there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Visitor, reason_without, running_browser
from tests.support.server import Person, Server, running_server

Arrive = Callable[..., Visitor]
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="browser")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Call a test of this package in the browser's thread."""
    test = pyfuncitem.obj
    pyfuncitem.obj = lambda **given: _thread.submit(test, **given).result()
    return (yield)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. Where it is missing the tests are skipped with the reason, and in CI they fail."""
    if why := reason_without():
        if os.environ.get("NOTHING_SKIPPED"):
            pytest.fail(f"the dashboard isn't covered: {why}")
        pytest.skip(f"NOT COVERED: {why}")
    stack = ExitStack()
    yield _thread.submit(stack.enter_context, running_browser()).result()
    _thread.submit(stack.close).result()


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server that serves the built dashboard."""
    assert browser
    with running_server(tmp_path_factory.mktemp("dashboard"), measured=False) as running:
        yield running


@pytest.fixture
def arrive(browser: Browser, server: Server) -> Iterator[Arrive]:
    """Lets somebody come to the dashboard; at the end no console may hold a complaint."""
    stack = ExitStack()
    visitors: list[Visitor] = []

    def come(person: Person | None = None, **context: object) -> Visitor:
        """A visitor of their own browser profile, signed in as ``person``."""
        own = browser.new_context(**{"locale": "en-GB", **context})  # type: ignore[arg-type]
        stack.callback(own.close)
        visitor = Visitor(own.new_page(), server)
        visitors.append(visitor)
        if person is not None:
            visitor.sign_in(person)
        return visitor

    yield come
    _thread.submit(stack.close).result()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.fixture
def ann(server: Server) -> Person:
    """Somebody."""
    return server.sign_up("ann")
