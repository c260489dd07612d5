"""Every test keeps plans and remembered digests in a folder of its own, and leaves no fault point armed."""

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from fileorganizer.fs import faults
from tests.support.at_start import sitecustomize as measuring


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Coverage doesn't look on at a test that is marked so: it takes half as long."""
    if item.get_closest_marker("unmeasured") is None:
        return (yield)
    with measuring.looking_away():
        return (yield)


@pytest.fixture
def greenlets() -> Iterator[None]:
    """Coverage follows what uses SQLAlchemy's async side in this process."""
    measuring.follow_greenlets()
    yield
    measuring.follow_greenlets(False)


@pytest.fixture(autouse=True)
def own_plans(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plans and digests go to temporary folders, not to the user's."""
    folder = tmp_path_factory.mktemp("plans")
    monkeypatch.setenv("PLAN_DIR", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server, one for all tests of a process: each makes a database of its own."""
    from tests.support import postgres as support  # its driver isn't loaded where only the engine is tested

    if why := support.reason_without():
        pytest.skip(f"not covered: {why}")
    with support.running_postgres() as url:
        yield url


@pytest.fixture
def at() -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Do something once, at a fault point."""

    def once(name: str, what: Callable[[], object]) -> None:
        left = [what]

        def action(seen: str) -> None:
            if seen == name and left:
                left.pop()()

        faults.action = action

    yield once
    faults.action = None
