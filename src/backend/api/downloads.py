"""Files as answers: whole, a range, or a small picture; never shown as a page of ours, whatever is in them."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import Query, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from backend.services.callers import Caller
from backend.services.contents import Content, ContentService
from fileorganizer.errors import show

PIECE_BYTES: Final = 262_144
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_UNSAFE: Final = re.compile(r"[^ !#$&+\-.0-9A-Z^_`a-z{}~()\[\]@,=]")
"""What doesn't stand in a quoted file name: quotes, backslashes, slashes, percent signs, whatever isn't ASCII."""
SANDBOXED: Final = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}
"""S47: should a browser show it after all, it runs nothing and belongs to no origin."""

BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
PICTURE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"image/webp": BINARY}},
    304: {"description": "Known already, by If-None-Match"},
    415: {"description": "No picture, or one that can't be read"},
}
ThumbnailSize = Annotated[Literal["128", "256", "512"], Query()]


def as_download(content: Content, request: Request) -> Response:
    """The file, or the range of it that is asked for, or 304. Raises HTTPException 416. The file is closed in any case."""
    headers = {
        **SANDBOXED,
        "Content-Disposition": disposition(content.name),
        "ETag": f'"{content.tag}"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
    }
    if is_known(request, content.tag):
        content.file.close()
        return Response(status_code=304, headers=headers)
    try:
        wanted = _wanted(request, content)
    except HTTPException:
        content.file.close()
        raise
    start, end = wanted or (0, content.size)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{content.size}"
    status = 206 if wanted else 200
    return StreamingResponse(_pieces(content, start, end), status, headers, media_type="application/octet-stream")


async def as_thumbnail(
    contents: ContentService, caller: Caller, content: Content, request: Request, size: int
) -> Response:
    """The picture in a box of ``size`` pixels, or 304. Raises NoThumbnail. The file is closed in any case."""
    with content.file:
        headers = {**SANDBOXED, "ETag": f'"{content.tag}-{size}"', "Cache-Control": "private, no-cache"}
        if is_known(request, f"{content.tag}-{size}"):
            return Response(status_code=304, headers=headers)
        made = await contents.thumbnail(caller, content, size)
    return Response(made, media_type="image/webp", headers=headers)


def is_known(request: Request, tag: str) -> bool:
    """Does the client have this state of the file already?"""
    return f'"{tag}"' in (known.strip() for known in request.headers.get("if-none-match", "").split(","))


def disposition(name: bytes) -> str:
    """The header that makes a browser save the file under its name (RFC 6266): plain, and exactly in UTF-8 (RFC 8187)."""
    text = show(name)
    plain = _UNSAFE.sub("_", text)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(text, safe='')}"


def _wanted(request: Request, content: Content) -> tuple[int, int] | None:
    """The one range that is asked for, from and up to; None for the whole file, also where several are asked for (RFC 9110, 14.2).

    Raises HTTPException 416 for one that lies behind the end.
    """
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if (
        match is None
        or match.group() == "bytes=-"
        or request.headers.get("if-range", f'"{content.tag}"') != f'"{content.tag}"'
    ):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, content.size - int(last)), content.size
    else:
        start, end = int(first), min(content.size, int(last or content.size) + 1)
        if last and int(last) < int(first):
            return None
    if start >= content.size:
        raise HTTPException(416, "The range lies behind the end.", {"Content-Range": f"bytes */{content.size}"})
    return start, end


async def _pieces(content: Content, start: int, end: int) -> AsyncGenerator[bytes]:
    """The bytes, piece by piece; fewer when the file is cut off meanwhile, which breaks the connection."""
    try:
        while start < end:
            piece = await asyncio.to_thread(os.pread, content.file.fileno(), min(PIECE_BYTES, end - start), start)
            if not piece:
                return
            yield piece
            start += len(piece)
    finally:
        content.file.close()
