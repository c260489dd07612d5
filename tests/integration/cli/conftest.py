"""Command lines, run in this process."""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

import pytest

from fileorganizer.cli import app


class Said(NamedTuple):
    """How a command line ended, and what it said on both streams."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run one command line in this process."""

    def run(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app.main([os.fsdecode(a) if isinstance(a, bytes) else str(a) for a in arguments])
        said = capsys.readouterr()
        return Said(int(ended.value.code or 0), said.out, said.err)

    return run
