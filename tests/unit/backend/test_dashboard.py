"""How the dashboard's files are served, built or not, and how much a browser has to fetch first."""

from __future__ import annotations

import gzip
import inspect
import json
import os
import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from backend.api import errors
from backend.api.dashboard import AREAS, FOLDER, dashboard
from backend.services.errors import ServiceError
from backend.worker import runner  # noqa: F401  # it has causes of its own
from fileorganizer.errors import FileOrganizerError
from fileorganizer.model import Reason
from fileorganizer.planning import review
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.rules.categories_file import catalogue
from tests.support.server import ROOT

FIRST_LOAD_BYTES = 200_000


def client(folder: Path) -> httpx.AsyncClient:
    """A client of an application that has only the dashboard."""
    app = FastAPI()
    errors.install(app)
    app.include_router(dashboard(folder))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A built dashboard."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<title>built</title>")
    (tmp_path / "assets" / "index-abc.js").write_text("run()" * 100)
    return tmp_path


@pytest.mark.anyio
async def test_every_area_is_the_page(built: Path) -> None:
    """Deep links open the page; everything else stays a 404, above all below /api."""
    async with client(built) as browser:
        for path in ("/", *(f"/{area}" for area in AREAS), "/plans/1/2"):
            answer = await browser.get(path)
            assert (answer.status_code, "built" in answer.text) == (200, True), path
        for path in ("/api/v1/nothing", "/nothing", "/assets/..%2findex.html", "/assets/nothing.js"):
            assert (await browser.get(path)).status_code == 404, path


@pytest.mark.anyio
async def test_assets_are_kept_for_ever_and_zipped(built: Path) -> None:
    """An asset's name changes with its content; who can unzip gets it zipped."""
    async with client(built) as browser:
        plain = await browser.get("/assets/index-abc.js", headers={"Accept-Encoding": "identity"})
        zipped = await browser.get("/assets/index-abc.js", headers={"Accept-Encoding": "gzip"})
        page = await browser.get("/")
    assert plain.text == zipped.text == "run()" * 100
    assert zipped.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert "immutable" in plain.headers["cache-control"] and "javascript" in plain.headers["content-type"]
    assert "immutable" not in page.headers.get("cache-control", "")


@pytest.mark.anyio
async def test_without_a_build_it_says_how(tmp_path: Path) -> None:
    """The server runs without Node.js, and / says what to do, and so does the link for the first account."""
    async with client(tmp_path) as browser:
        for path in ("/", "/setup", "/plans/1"):
            assert "make dashboard" in (await browser.get(path)).text, path


@pytest.fixture
def manifest() -> dict[str, dict[str, object]]:
    """What the build says it made."""
    path = FOLDER / ".vite" / "manifest.json"
    if not path.exists():
        if os.environ.get("NOTHING_SKIPPED"):
            pytest.fail("the dashboard isn't built")
        pytest.skip("NOT COVERED: the dashboard isn't built (make dashboard)")
    found: dict[str, dict[str, object]] = json.loads(path.read_text())
    return found


def test_first_load_is_small(manifest: dict[str, dict[str, object]]) -> None:
    """Entry, first area, styles and the font, zipped: at most 200 kB."""
    wanted, todo = set(), ["index.html", "src/features/overview/components/Overview.tsx"]
    files: set[str] = set()
    while todo:
        name = todo.pop()
        if name in wanted:
            continue
        wanted.add(name)
        chunk = manifest[name]
        files |= {str(chunk["file"]), *map(str, chunk.get("css", []))}  # type: ignore[call-overload]
        todo += map(str, chunk.get("imports", []))  # type: ignore[call-overload]
    fonts = [path.name for path in FOLDER.glob("assets/hanken-grotesk-latin-wght*.woff2")]
    files |= {f"assets/{name}" for name in fonts}
    assert fonts
    total = sum(len(gzip.compress((FOLDER / file).read_bytes(), mtime=0)) for file in files)
    print(f"first load: {total:,} bytes zipped in {len(files)} files")
    assert total <= FIRST_LOAD_BYTES


def test_every_code_has_words() -> None:
    """Refusals, reasons and risks are said in the dashboard's languages: whoever makes a new code writes its line, too."""
    wanted = {f"reason.{reason.label}" for reason in Reason if reason != Reason.NONE}
    wanted |= {f"risk.{code}" for code in re.findall(r'Risk\(\s*"([a-z-]+)"', inspect.getsource(review))}
    causes: list[type[ServiceError] | type[FileOrganizerError]] = [ServiceError, FileOrganizerError]
    while causes:
        cause = causes.pop()
        causes += cause.__subclasses__()
        if cause.__module__.startswith(("backend.", "fileorganizer.")):
            wanted.add(f"problem.{cause.code}")
    strings = (ROOT / "web-dashboard" / "src" / "lib" / "strings.ts").read_text(encoding="utf-8")
    assert sorted(key for key in wanted if f'"{key}": [' not in strings) == []
    reasons = set(re.findall(r'"(reason\.[a-z-]+)": \[', strings))
    assert reasons - wanted == {"reason.in-trash", "reason.trashed"}  # these two are the dashboard's own


def test_every_icon_is_drawn() -> None:
    """Each icon of a built-in category has its drawing."""
    drawn = (ROOT / "web-dashboard" / "src" / "lib" / "icons.ts").read_text(encoding="utf-8")
    categories = [category for profile in catalogue().profiles for category in builtin_rules(profile).categories]
    assert sorted({c.icon for c in categories if not re.search(rf'^  "?{c.icon}"?: "M', drawn, re.MULTILINE)}) == []
