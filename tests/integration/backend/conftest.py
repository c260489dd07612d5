"""One server for all tests of a process and a database; tests keep apart by using accounts of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import postgres as postgres_support
from tests.support import redis as redis_support
from tests.support.postgres import new_database, running_postgres
from tests.support.server import Person, Server, running_server

BOTH = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    if why := postgres_support.reason_without():
        pytest.skip(f"not covered: {why}")
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The URL of a Redis server."""
    if why := redis_support.reason_without():
        pytest.skip(f"not covered: {why}")
    with redis_support.redis_url() as url:
        yield url


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests run in the arrangements that their module names in ``DATABASES``; on both databases when it names none."""
    if "server" in metafunc.fixturenames:
        databases = getattr(metafunc.module, "DATABASES", BOTH)
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
