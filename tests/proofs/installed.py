"""What is given to people works on machines that aren't ours: executables without Python, wheel and sdist in fresh environments."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.support.at_start.sitecustomize import unmeasured
from tests.support.manifest import manifest
from tests.support.server import PASSWORD, Person, free_port

HOME = Path(__file__).resolve().parents[2]
CODES_OF_SUCCESS = (0, 10)
"""All done; done, with files that were left alone."""


def run(place: Path) -> dict[str, Any]:
    """Build everything, use everything; the wheel and the server carry the dashboard."""
    subprocess.run(["make", "dashboard"], cwd=HOME, check=True)
    built = build(place / "dist", "packages", "cli", "server")
    wheel, sdist = next(built.glob("*.whl")), next(built.glob("*.tar.gz"))
    figures: dict[str, Any] = {
        f"{path.name} MB": round(path.stat().st_size / 1e6, 1) for path in (wheel, sdist, *executables(built))
    }
    for name, program in (
        ("cli", built / "fileorganizer"),
        ("server", built / "fileorganizer-server"),
        ("wheel", installed(place / "wheel", wheel)),
        ("sdist", installed(place / "sdist", sdist)),
    ):
        figures[f"{name}: new names, all taken back"] = organizes_and_undoes(program, place / f"of-{name}")
    served = installed(place / "served", Path(f"{wheel}[server]"))
    for name, program in (("server", built / "fileorganizer-server"), ("wheel", served)):
        figures[f"{name}: files moved over HTTP"] = serves(program, place / f"served-by-{name}")
    return figures


def build(into: Path, *kinds: str) -> Path:
    """Have the installer build some of its products."""
    command = [sys.executable, "scripts/build_installer.py", *kinds, "--into", str(into)]
    subprocess.run(command, cwd=HOME, check=True, env=unmeasured(os.environ))
    return into


def executables(built: Path) -> list[Path]:
    """The files that need no Python."""
    return [built / "fileorganizer", built / "fileorganizer-server"]


def installed(place: Path, package: Path) -> Path:
    """The command of a fresh virtual environment with a package and what it needs."""
    subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
    pip = [str(place / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(package)], check=True)
    return place / "bin/fileorganizer"


def organizes_and_undoes(program: Path, place: Path) -> int:
    """With an empty PATH and a home of its own; returns how many names, of files and folders, were new in between."""
    root, home, temporary = place / "root", place / "home", place / "tmp"
    for folder in (home, temporary):
        folder.mkdir(parents=True)
    subprocess.run([sys.executable, str(HOME / "scripts/sample_folder.py"), str(root)], check=True, capture_output=True)
    before = manifest(root)

    def call(*words: str) -> str:
        environment = {"HOME": str(home), "TMPDIR": str(temporary), "PATH": "", "LANG": "C.UTF-8"}
        done = subprocess.run([program, *words], env=environment, cwd=home, check=False, capture_output=True, text=True)
        assert done.returncode in CODES_OF_SUCCESS, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout

    said = call("organize", str(root), "--yes")
    assert "Reading the dates of photos failed" not in said, said
    moved = len(manifest(root).keys() - before.keys())
    assert moved > 200
    assert "equal files" in call("duplicates", str(root))
    call("undo", str(root), "--yes")
    assert manifest(root) == before
    assert "0 problems" in call("verify", str(root))
    assert list(temporary.iterdir()) == [], "something was left in the folder for temporary files"
    return moved


def serves(program: Path, place: Path) -> int:
    """`serve` shows the dashboard, makes the database, an account, an operation, its rollback and a thumbnail, and ends when told to."""
    place.mkdir()
    root = place / "root"
    subprocess.run([sys.executable, str(HOME / "scripts/sample_folder.py"), str(root)], check=True, capture_output=True)
    before = manifest(root)
    with _served(program, place, root) as (url, said):
        token = re.search(r'"token": "([^"]+)"', said())
        assert token is not None, said()
        client = httpx.Client(base_url=url, timeout=60, trust_env=False)
        script = re.search(r'<script type="module"[^>]* src="([^"]+)"', client.get("/").text)
        assert script is not None and client.get(script[1]).status_code == 200, "/ isn't the dashboard"
        body = {"token": token[1], "email": "you@example.org", "username": "admin", "password": PASSWORD}
        admin = Person(client, client.post("/api/v1/auth/setup", json=body).json())
        operation = admin.done(str(root))
        assert operation["status"] == "completed", (operation, said())
        files = admin.get(f"/files?operation_id={operation['id']}")["files"]
        picture = next(file for file in files if file["original_path"].endswith(".JPG"))
        assert admin.ask("GET", f"/files/{picture['id']}/thumbnail?size=128").status_code == 200
        undone = admin.finished(admin.post(f"/operations/{operation['id']}/rollback"))
        assert undone["files_processed"] == operation["files_processed"] and manifest(root) == before
        return int(operation["files_processed"])


@contextmanager
def _served(program: Path, place: Path, root: Path) -> Iterator[tuple[str, Any]]:
    """The server as long as the context lasts; gives its address, and what it says."""
    port, log = free_port(), place / "log"
    (place / "tmp").mkdir()
    environment = {"HOME": str(place), "TMPDIR": str(place / "tmp"), "PATH": "", "API_PORT": str(port)}
    with open(log, "wb") as output:
        command = [str(program), "serve", "--offer", str(root)]
        process = subprocess.Popen(command, env=environment, cwd=place, stdout=output, stderr=output)
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + 120
    try:
        while not _is_well(url):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield url, log.read_text
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) in (0, -signal.SIGTERM, 128 + signal.SIGTERM), log.read_text()
        assert list((place / "tmp").iterdir()) == [], "something was left in the folder for temporary files"
    finally:
        if process.poll() is None:  # told, not killed: an executable's first process would leave the server behind
            process.terminate()
            process.wait(30)


def _is_well(url: str) -> bool:
    """Does it answer, and its worker?"""
    try:
        return bool(httpx.get(f"{url}/health", timeout=5).json()["status"] == "ok")
    except httpx.TransportError:
        return False
