"""A sample of what `make installer-check` does in full, and how the executables know their own children."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from backend.api.dashboard import FOLDER
from tests.proofs import installed
from tests.support.server import ROOT


@pytest.mark.slow
def test_the_executable_organizes_and_undoes_without_python(tmp_path: Path) -> None:
    """With an empty PATH; photos are asked for their dates, the tree is as before, nothing is left behind."""
    built = installed.build(tmp_path / "dist", "cli")
    assert installed.organizes_and_undoes(built / "fileorganizer", tmp_path / "used") > 200


def test_the_packages_hold_what_is_needed_and_nothing_else(tmp_path: Path) -> None:
    """Schema steps, templates and the built dashboard of the server; no tests in the wheel; the sdist can be tested."""
    built = installed.build(tmp_path, "packages")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    needed = {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.py")}
    needed |= {path.relative_to(ROOT / "src").as_posix() for path in (ROOT / "src").rglob("*.html")}
    needed |= {path.relative_to(ROOT / "src").as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert needed <= names and "backend/migrations/versions/0001_first_tables.py" in names
    assert {name.partition("/")[0] for name in names} == {
        "backend",
        "fileorganizer",
        next(name for name in names if name.endswith("/METADATA")).partition("/")[0],
    }
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        inside = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "tests/conftest.py", "src/backend/manage.py", "CHANGELOG.md"} <= inside


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["organize", "-m", "x"], "None"),
        (["/srv/photos/a.py"], "None"),
        (["-m", "backend.worker", "--with-parent"], "('backend.worker', ['--with-parent'])"),
        (
            ["-I", "-S", "/unpacked/fileorganizer/classify/date_child.pyc", "a"],
            "('fileorganizer.classify.date_child', ['a'])",
        ),
        (["-I", "/unpacked/backend/services/picture_child.py"], "('backend.services.picture_child', [])"),
    ],
)
def test_calls_of_children_and_of_people(words: list[str], answer: str) -> None:
    """Only what lies in the unpacked archive is run as a module."""
    code = f"import sys; sys._MEIPASS = '/unpacked'; from scripts.frozen import module_of; print(module_of({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == answer
