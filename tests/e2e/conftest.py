"""One server and one browser while tests of this package run; each test has a fresh visitor without cookies.

Not for the session: Playwright keeps an event loop running, and tests elsewhere run their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser

from tests.support.browser import Visitor, reason_without, running_browser
from tests.support.server import Person, Server, running_server

Arrive = Callable[..., Visitor]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium. Where it is missing the tests are skipped with the reason, and in CI they fail."""
    if why := reason_without():
        if os.environ.get("NOTHING_SKIPPED"):
            pytest.fail(f"the dashboard isn't covered: {why}")
        pytest.skip(f"NOT COVERED: {why}")
    with running_browser() as chromium:
        yield chromium


@pytest.fixture(scope="package")
def server(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server that serves the built dashboard."""
    assert browser
    with running_server(tmp_path_factory.mktemp("dashboard")) as running:
        yield running


@pytest.fixture
def arrive(browser: Browser, server: Server) -> Iterator[Arrive]:
    """Lets somebody come to the dashboard; at the end no console may hold a complaint."""
    with ExitStack() as stack:
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
        assert [complaint for visitor in visitors for complaint in visitor.complaints] == []


@pytest.fixture
def ann(server: Server) -> Person:
    """Somebody."""
    return server.sign_up("ann")
