"""What the product is made of, and what it never does: S63, S64, S77 of the security table."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from backend.core.broker import broker_app
from backend.core.config import Settings

HOME = Path(__file__).resolve().parents[3]
SPEAKS_TO_OTHERS = {"aiohttp", "ftplib", "http.client", "httpx", "requests", "smtplib", "urllib.request", "urllib3", "websockets"}  # fmt: skip
FLOORS = {"starlette": (1, 3, 1), "PyJWT": (2, 13)}
"""Below these are known holes (Range, Host, keys taken from a token)."""


def imported(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_nothing_is_fetched_from_anywhere() -> None:
    """S63, S64: there is no webhook and no other outgoing request, so that nobody can make the server ask for them."""
    files = sorted((HOME / "src").rglob("*.py"))
    assert len(files) > 100
    speaking = {str(path.relative_to(HOME)): found for path in files if (found := imported(path) & SPEAKS_TO_OTHERS)}
    assert speaking == {}


@pytest.mark.parametrize("name", FLOORS)
def test_no_version_with_a_known_hole(name: str) -> None:
    """S77: what is installed here is what the lock files hold."""
    numbers = tuple(int(part) for part in re.findall(r"\d+", version(name))[:3])
    assert numbers >= FLOORS[name]
    for lock in ("requirements.lock", "requirements-server.lock"):
        assert re.search(rf"(?im)^{re.escape(name)}==", (HOME / lock).read_text()), lock


@pytest.mark.parametrize("name", ["python-jose", "passlib", "python-multipart"])
def test_what_isnt_needed_isnt_there(name: str) -> None:
    """S77: packages with a history of holes that other ones do without."""
    with pytest.raises(PackageNotFoundError):
        version(name)


def test_a_worker_without_redis_loads_none_of_it() -> None:
    """Each process of an operation has what its worker loaded: 10 MB that nothing asks for there."""
    told = "import sys, backend.worker.__main__; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.split()
    assert "sqlalchemy" in loaded and not {"redis", "limits", "fastapi", "celery"} & set(loaded)


def test_celery_takes_json_only() -> None:
    """S76: nothing in a message is ever turned into objects of the sender's choosing."""
    given = broker_app(Settings(data_dir=HOME / "nowhere", redis_url="redis://127.0.0.1/0")).conf
    assert given.accept_content == ["json"]
    assert (given.task_serializer, given.result_serializer) == ("json", "json")
