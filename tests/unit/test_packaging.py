"""What the package says of itself is one thing, and what it asks for is used."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fileorganizer
from tests.support.at_start.sitecustomize import unmeasured

TOP = Path(__file__).parents[2]


def imported() -> set[str]:
    """The top modules that the engine and its command line import, anywhere."""
    found: set[str] = set()
    for path in (TOP / "src/fileorganizer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found


def test_what_is_asked_for_is_used() -> None:
    """No package is installed on a user's machine for nothing."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[^\w-]", line)[0].lower() for line in project["dependencies"]}
    assert needed - {name.lower() for name in imported()} == set()


def test_one_version() -> None:
    """The package, the changelog and ``--version`` name the same."""
    assert f"## Unreleased ({fileorganizer.__version__})" in (TOP / "CHANGELOG.md").read_text()
    assert re.fullmatch(r"\d+\.\d+\.\d+(\.dev\d+)?", fileorganizer.__version__)


@pytest.mark.unmeasured
def test_the_report_of_coverage_that_is_promised(tmp_path: Path) -> None:
    """``pytest --cov=src --cov-report=html`` works after ``pip install -r requirements.txt``; here for one test."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=src", f"--cov-report=html:{tmp_path / 'html'}"]
    one = f"{__file__}::{test_one_version.__name__}"
    environment = unmeasured(os.environ) | {"COVERAGE_FILE": str(tmp_path / "data")}
    command = [sys.executable, *words, "--cov-fail-under=0", one]
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout and (tmp_path / "html" / "index.html").exists()
