"""Pictures for tests: real ones of each format, and hostile ones."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

ORIENTATION = 0x0112
ROTATED = 6
"""The camera was held on its side: shown upright the picture is as high as it was wide."""


def picture(kind: str, size: tuple[int, int] = (400, 200), mode: str = "RGB", *, rotated: bool = False) -> bytes:
    """A picture with a gradient in it."""
    made = io.BytesIO()
    image = Image.linear_gradient("L").resize(size).convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.radial_gradient("L").resize(size))
    exif = Image.Exif()
    if rotated:
        exif[ORIENTATION] = ROTATED
        exif[0x010E] = "a secret description"
    image.save(made, kind, **({"exif": exif} if rotated else {}))
    return made.getvalue()


def png_header_of(width: int, height: int) -> bytes:
    """A PNG that says it is this big, with a little compressed nothing in it: a bomb for who believes it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(10_000_000), 9))
        + chunk(b"IEND", b"")
    )
