"""``/docs``: Swagger UI from this server, under the same strict policy as everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse, Response

router = APIRouter(include_in_schema=False)

_ASSETS: Final = Path(fastapi_offline.__file__).parent / "static"
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>FileOrganizer Pro: the API</title>
<link rel="icon" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, persistAuthorization: false, syntaxHighlight: false
});
"""
_FILES: Final = ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png")
_CACHED: Final = {"Cache-Control": "public, max-age=3600"}


@router.get("/docs")
async def page() -> HTMLResponse:
    """The page."""
    return HTMLResponse(_PAGE)


@router.get("/docs/start.js")
async def start() -> Response:
    """The script that starts it; not in the page, where the policy would refuse it."""
    return Response(_START, media_type="text/javascript", headers=_CACHED)


def _asset(name: str) -> None:
    """One file of Swagger UI."""

    async def asset() -> FileResponse:
        return FileResponse(_ASSETS / name, headers=_CACHED)

    router.add_api_route(f"/docs/{name}", asset, methods=["GET"])


for _name in _FILES:
    _asset(_name)
