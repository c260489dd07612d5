"""Build what is given to people, into dist/: wheel, sdist, and two one-file executables that need no Python.

fileorganizer           the command line
fileorganizer-server    the same with the server: ``fileorganizer-server serve``
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import click

TOP = Path(__file__).resolve().parents[1]
KINDS = ("packages", "cli", "server")
_SERVER_ALONE = ("backend", "alembic", "celery", "fastapi", "kombu", "psycopg", "sqlalchemy", "uvicorn", "PIL")


@click.command()
@click.argument("kinds", nargs=-1, type=click.Choice(KINDS))
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=TOP / "dist", show_default=True)
def build(kinds: tuple[str, ...], into: Path) -> None:
    """Build KINDS, or all of them."""
    into = into.absolute()
    if not (TOP / "src/backend/dashboard/index.html").exists():
        click.echo(
            "!!! Without the dashboard, which isn't built (make dashboard): the server will say so at /", err=True
        )
    for kind in kinds or KINDS:
        began = time.monotonic()
        for made in packages(into) if kind == "packages" else [executable(kind, into)]:
            size = made.stat().st_size / 1e6
            click.echo(f"{made.name}: {size:.1f} MB, {time.monotonic() - began:.0f} s")


def packages(into: Path) -> list[Path]:
    """Wheel and sdist."""
    before = set(into.glob("*"))
    _run("hatchling", "build", "--directory", str(into))
    return sorted(set(into.glob("*.whl")) | set(into.glob("*.tar.gz")) - before)


def executable(kind: str, into: Path) -> Path:
    """One file that holds Python, the packages and our code."""
    name = "fileorganizer" if kind == "cli" else "fileorganizer-server"
    server = ["--collect-submodules=backend", "--collect-data=backend", "--collect-data=fastapi_offline"]
    server += ["--collect-data=zxcvbn", "--collect-submodules=aiosqlite", "--collect-all=psycopg_binary"]
    server += [f"--add-data={TOP / 'src/backend/migrations'}{os.pathsep}backend/migrations"]
    command = [
        *("PyInstaller", "--onefile", "--noconfirm", "--clean", "--log-level=WARN"),
        *(f"--name={name}", f"--distpath={into}", f"--workpath={TOP / 'build/pyinstaller'}"),
        *(f"--specpath={TOP / 'build/pyinstaller'}", f"--paths={TOP / 'src'}"),
        *("--collect-submodules=fileorganizer", "--collect-data=fileorganizer"),
        *(server if kind == "server" else [f"--exclude-module={module}" for module in _SERVER_ALONE]),
        str(TOP / "scripts/frozen.py"),
    ]
    _run(*command)
    return into / name


def _run(module: str, *words: str) -> None:
    """A tool of this environment, without what a developer has set for Python."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    subprocess.run([sys.executable, "-m", module, *words], cwd=TOP, env=environment, check=True)


if __name__ == "__main__":
    build()
