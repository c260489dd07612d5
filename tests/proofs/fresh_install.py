"""Must show 9: everything but the root folder is deleted; a fresh installation takes the run back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.manifest import contents, difference, manifest
from tests.support.messy import make_messy_tree

HOME = Path(__file__).resolve().parents[2]
CODES_OF_SUCCESS = (0, 10)
"""All done; done, with files that were left alone."""


def run(place: Path, files: int = 5_000) -> dict[str, Any]:
    """Install, organize, delete the installation and all its folders, install anew, undo."""
    root = place / "root"
    root.mkdir()
    make_messy_tree(root, files)
    before, held = manifest(root), contents(root)
    old = _install(place / "first")
    _call(old, place / "first", "organize", str(root), "--recursive", "--yes", "--quiet")
    assert contents(root) == held
    moved = len(difference(before, manifest(root)))
    assert moved > files
    shutil.rmtree(place / "first")
    new = _install(place / "second")
    _call(new, place / "second", "undo", str(root), "--yes", "--quiet")
    found = difference(before, manifest(root))
    assert found == [], found[:20]
    _call(new, place / "second", "verify", str(root), "--quiet")
    return {"files": files, "differences_before_the_undo": moved, "undo_differences": 0}


def _install(place: Path) -> Path:
    """A virtual environment with a package that was built from this repository; gives the command."""
    source = place / "source"
    source.mkdir(parents=True)
    for name in ("src", "pyproject.toml", "README.md", "LICENSE"):
        copy = shutil.copytree if (HOME / name).is_dir() else shutil.copy
        copy(HOME / name, source / name)
    environment = place / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, str(source)], check=True)
    shutil.rmtree(source)
    return environment / "bin" / "fileorganizer"


def _call(program: Path, home: Path, *words: str) -> None:
    """The command line, with a home of its own and nothing of ours around it."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "LC_ALL") if key in os.environ}
    done = subprocess.run([str(program), *words], env={**kept, "HOME": str(home)}, cwd=home, check=False)
    assert done.returncode in CODES_OF_SUCCESS, (words, done.returncode)
