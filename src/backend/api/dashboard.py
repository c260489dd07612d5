"""The dashboard's files: the page at ``/`` and at the areas' addresses, its scripts and styles below ``/assets``.

``make dashboard`` builds them into ``src/backend/dashboard``, where the wheel carries them too.
"""

from __future__ import annotations

import gzip
import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from backend.services.errors import NotFound

FOLDER: Final = Path(__file__).parents[1] / "dashboard"
AREAS: Final = (
    "setup",
    "sign-in",
    "organize",
    "plans",
    "runs",
    "history",
    "duplicates",
    "files",
    "reports",
    "categories",
    "trash",
    "settings",
    "admin",
)
"""The first parts of the dashboard's addresses; everything else that isn't there stays a 404."""
_FOREVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
"""Names of assets hold the hash of their content."""
_NOT_BUILT: Final = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>FileOrganizer Pro</title></head>
<body>
<h1>FileOrganizer Pro is running</h1>
<p>Its dashboard isn't built yet. With Node.js 20.19 or newer, run this in the project's folder:</p>
<pre>make dashboard</pre>
<p>and start the server again. The <a href="/docs">API</a> and the command line <code>fileorganizer</code> work without it;
the first account is made by the command <code>curl</code> that the server printed when it started.</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class _Asset:
    """One file as it is sent."""

    content: bytes
    zipped: bytes
    media_type: str


def dashboard(folder: Path = FOLDER) -> APIRouter:
    """The routes for what was built into ``folder``; for an empty one, a page that says how to build it."""
    router = APIRouter()
    start = folder / "index.html"
    page = start.read_text() if start.exists() else _NOT_BUILT
    assets = {path.name: _read(path) for path in folder.glob("assets/*")}

    async def index(_: Request) -> HTMLResponse:
        """The page; its script looks at the address."""
        return HTMLResponse(page)

    async def asset(request: Request) -> Response:
        """A script, a style, a font or a picture. Raises NotFound."""
        found = assets.get(request.path_params["name"])
        if found is None:
            raise NotFound("file")
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers = {**_FOREVER, "Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(found.zipped, media_type=found.media_type, headers=headers)
        return Response(found.content, media_type=found.media_type, headers={**_FOREVER, "Vary": "Accept-Encoding"})

    router.add_route("/", index)
    router.add_route("/assets/{name}", asset)
    for area in AREAS:
        router.add_route(f"/{area}", index)
        router.add_route(f"/{area}/{{rest:path}}", index)
    return router


def _read(path: Path) -> _Asset:
    """A file, and as it is sent to browsers."""
    content = path.read_bytes()
    return _Asset(content, gzip.compress(content, mtime=0), mimetypes.guess_type(path.name)[0] or "text/plain")
