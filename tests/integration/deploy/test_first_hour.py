"""The first hour, with the server of this checkout; the proof of that name makes a fresh clone and waits for its packages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proofs import first_hour
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.server import ROOT, free_port

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="curl isn't installed: the first hour NOT COVERED")


def test_the_first_hour_by_curl(tmp_path: Path) -> None:
    """Sign up, preview, apply, watch, list, search, report, export, roll back: the tree is identical."""
    sample = tmp_path / "sample"
    command = [sys.executable, "scripts/sample_folder.py", str(sample)]
    subprocess.run(command, cwd=ROOT, env=unmeasured(os.environ), check=True, capture_output=True)
    environment = {**unmeasured(os.environ), "DATA_DIR": str(tmp_path / "data"), "API_PORT": str(free_port())}
    command = [sys.executable, "-m", "backend.manage", "run", "--offer", str(sample)]
    with first_hour.served(command, ROOT, environment, tmp_path / "log") as walk:
        figures = walk.whole()
    assert figures["files"] > 200 and set(figures["exported bytes"]) == {"json", "csv", "html", "xlsx"}
