"""What goal G8 is compared with: uvicorn and FastAPI with one indexed SELECT a request, and nothing of ours around it.

python -m uvicorn benchmarks.load.bare:app
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.server import Server, free_port

ROOT: Final = Path(__file__).parents[2]
SELECT: Final = text("SELECT id, status, files_total FROM operations WHERE number = 1")

app = FastAPI()
_engine = create_async_engine(os.environ.get("BARE_DATABASE_URL", "sqlite+aiosqlite://"))


@app.get("/api/v1/{path:path}")
async def answer(path: str) -> dict[str, Any]:
    """The same row, whatever is asked for."""
    async with _engine.connect() as connection:
        row = (await connection.execute(SELECT)).one()
    return {"path": path, **row._mapping}


@contextmanager
def running_bare(server: Server) -> Iterator[str]:
    """The URL of such a server on the database of ours."""
    given = server.environment.get("DATABASE_URL") or f"sqlite:///{server.data_dir}/fileorganizer.db"
    environment = {**os.environ, "BARE_DATABASE_URL": given.replace("sqlite:", "sqlite+aiosqlite:")}
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"{__name__}:app", "--port", str(port), "--no-access-log"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield _answering(f"http://127.0.0.1:{port}", process)
    finally:
        process.terminate()
        process.wait()


def _answering(url: str, process: subprocess.Popen[bytes]) -> str:
    """The same URL, once somebody answers there."""
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            httpx.get(f"{url}/api/v1/", timeout=5, trust_env=False).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return url
    raise RuntimeError("The bare server doesn't answer.")
