"""The process that decodes pictures: run by its path, isolated; it gets files as descriptors and opens nothing.

It waits in one process that never decodes, with Pillow loaded, and forks one
child for each picture: limited in memory, time and pixels, alone with this one
file, so that a hostile picture reaches no other. Whatever happens to the child,
the asker reads the end of a pipe.
"""

from __future__ import annotations

import io
import os
import signal
import socket
import sys
from typing import Final

from PIL import Image, ImageOps

FORMATS: Final = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
PIXELS: Final = 100_000_000
"""More than any camera makes; four bytes each fit into the memory below."""
REQUEST: Final = 2
"""Bytes of a request: the size of the box that the thumbnail has to fit into, big endian."""
_MEMORY: Final = 1 << 30
_SECONDS: Final = 10
_QUALITY: Final = 80
_PLAIN: Final = ("RGB", "RGBA", "L")


class TooManyPixels(Exception):
    """The picture would need more memory than a thumbnail is worth."""


def draw(fd: int, size: int) -> bytes:
    """The first frame of a picture, upright, in a box of ``size`` pixels, as WebP without any metadata.

    Raises whatever Pillow raises for what it can't read, and TooManyPixels before anything is decoded.
    """
    Image.MAX_IMAGE_PIXELS = PIXELS
    with open(fd, "rb", closefd=False) as file, Image.open(file, formats=FORMATS) as picture:
        if picture.width * picture.height > PIXELS:
            raise TooManyPixels
        picture.draft("RGB", (size, size))  # a JPEG is decoded at a fraction of its size
        small = picture if picture.mode in _PLAIN else picture.convert("RGBA" if _is_transparent(picture) else "RGB")
        small.thumbnail((size, size))
        made = io.BytesIO()
        ImageOps.exif_transpose(small).save(made, "WEBP", quality=_QUALITY, exif=b"", icc_profile=b"", xmp=b"")
        return made.getvalue()


def _is_transparent(picture: Image.Image) -> bool:
    """Can parts of it be seen through?"""
    return "transparency" in picture.info or picture.mode in ("LA", "La", "PA", "RGBa")


def _limit() -> None:
    """Give away what decoding one picture doesn't need."""
    import resource

    for kind, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    signal.alarm(_SECONDS)


def _answer(picture: int, pipe: int, size: int) -> None:
    """One picture, in a process of its own that ends here; nothing is written for one that can't be read."""
    try:
        _limit()
        with open(pipe, "wb", closefd=False) as out:
            out.write(draw(picture, size))
    finally:
        os._exit(0)


def serve(connection: socket.socket) -> None:
    """Fork for each request until the parent hangs up. A request carries the picture's descriptor and that of a pipe."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to collect the children
    Image.init()
    while True:
        request, fds, _, _ = socket.recv_fds(connection, REQUEST, 2)
        if not request:
            return
        if os.fork() == 0:
            connection.close()
            _answer(fds[0], fds[1], int.from_bytes(request, "big"))
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    sys.stderr = open(os.devnull, "w", encoding="ascii")  # noqa: SIM115  # as long as the process
    serve(socket.socket(fileno=0))
