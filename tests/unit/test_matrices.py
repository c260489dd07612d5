"""docs/proofs/: the matrices have every row of the design, and name tests that exist."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]
TESTS = {
    name for path in (HOME / "tests").rglob("test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
}


@pytest.mark.parametrize(("matrix", "letter", "last"), [("fault_matrix", "F", 68), ("security_matrix", "S", 80)])
def test_every_row_and_only_tests_that_exist(matrix: str, letter: str, last: int) -> None:
    """A test that is renamed takes its mention with it."""
    text = (HOME / f"docs/proofs/{matrix}.md").read_text()
    rows: list[int] = []
    for first, end in re.findall(rf"(?m)^\| {letter}(\d\d)(?:[–,] ?{letter}(\d\d))? \|", text):
        rows += range(int(first), int(end or first) + 1)
    assert rows == list(range(1, last + 1))
    for name in re.findall(r"`(test_\w+?)(?:\.py)?`", text):
        assert name in TESTS or list(HOME.glob(f"tests/**/{name}.py")), name
    for pattern in re.findall(r"`(test_\w+_)…`", text):
        assert any(fnmatchcase(name, f"{pattern}*") for name in TESTS), pattern
    for path in re.findall(r"`(tests/[\w/]+\.py)`", text):
        assert (HOME / path).exists(), path
