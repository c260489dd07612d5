"""One server for all tests of a process and a database; tests keep apart by using accounts of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import redis as redis_support
from tests.support.postgres import new_database
from tests.support.server import Person, Server, prepared, running_server

BOTH = ("sqlite", "production")
"""The two arrangements: all in one, and PostgreSQL, Redis and workers of Celery. A third is between them: "postgresql"."""


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis server."""
    if why := redis_support.reason_without():
        pytest.skip(f"not covered: {why}")
    with redis_support.redis_url() as url:
        yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests run in the arrangements that their module names in ``DATABASES``; on both when it names none.

    One marked ``production`` runs there, too.
    """
    if "server" in metafunc.fixturenames:
        databases = list(getattr(metafunc.module, "DATABASES", BOTH))
        if metafunc.definition.get_closest_marker("production"):
            databases.append("production")
        metafunc.parametrize("server", databases, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server in one arrangement: on SQLite, on PostgreSQL, or on PostgreSQL and Redis with workers of Celery."""
    environment = {}
    if request.param != "sqlite":
        environment["DATABASE_URL"] = new_database(request.getfixturevalue("postgres"))
    if request.param == "production":
        environment["REDIS_URL"] = request.getfixturevalue("redis_url")
    with running_server(tmp_path_factory.mktemp(request.param), **environment) as running:
        yield running


@pytest.fixture(scope="module")
def mortal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests of a module that kill it; they ask for ``own``. Coverage doesn't look on where ``MEASURED`` is false."""
    measured = getattr(request.module, "MEASURED", True)
    server = prepared(tmp_path_factory.mktemp("own") / "data", measured=measured)
    yield server
    if server.is_up:
        server.stop()


@pytest.fixture
def own(mortal: Server) -> Iterator[Server]:
    """A server that may be killed, stopped, and started with other settings: the next test finds it up, with the usual ones."""
    usual = dict(mortal.environment)
    if not mortal.is_up:
        mortal.start()
    yield mortal
    if mortal.environment != usual:
        if mortal.is_up:
            mortal.stop()
        mortal.environment = usual


@pytest.fixture
def ann(server: Server) -> Person:
    """Somebody."""
    return server.sign_up("ann")


@pytest.fixture
def bob(server: Server) -> Person:
    """Somebody else."""
    return server.sign_up("bob")


@pytest.fixture(scope="session")
def admin(server: Server) -> Person:
    """An administrator."""
    return server.administrator()
