"""serve and server: from the command line to the server, with no import between them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from backend.database import SCHEMA_REVISION


def call(place: Path, *words: str, code: str = "") -> subprocess.CompletedProcess[str]:
    """The command line in a folder of its own, after some code."""
    program = f"{code}\nfrom fileorganizer.cli.app import main; main()"
    environment = {**os.environ, "DATA_DIR": str(place / "data"), "REDIS_URL": ""}
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


def test_migrating(tmp_path: Path) -> None:
    """From any folder, twice: the steps between schemas are in the package."""
    for _ in range(2):
        done = call(tmp_path, "server", "migrate")
        assert (done.returncode, done.stdout) == (0, f"The database has schema {SCHEMA_REVISION}.\n"), done.stderr


def test_options_reach_the_server(tmp_path: Path) -> None:
    """Those that begin with a dash, and errors come back with their exit code."""
    assert "--offer FOLDER" in call(tmp_path, "serve", "--help").stdout
    done = call(tmp_path, "serve", "--offer", "/nowhere")
    assert done.returncode == 2 and "/nowhere" in done.stderr


def test_asking_for_workers_without_redis(tmp_path: Path) -> None:
    """Told in words, and not well: that is what a health check needs."""
    done = call(tmp_path, "server", "workers")
    assert done.returncode == 1 and "REDIS_URL is missing" in done.stderr


def test_an_engine_without_the_server(tmp_path: Path) -> None:
    """Says what to install; an exit code of its own."""
    hidden = "import importlib.util as u; found = u.find_spec"
    hidden += "\nu.find_spec = lambda name: None if name == 'uvicorn' else found(name)"
    done = call(tmp_path, "serve", code=hidden)
    assert done.returncode == 36 and "fileorganizer-pro[server]" in done.stderr and "uvicorn missing" in done.stderr
