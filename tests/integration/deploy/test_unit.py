"""The unit of systemd and the rotation of logs, read by the programs that will read them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.server import ROOT

UNIT = (ROOT / "deploy/systemd/fileorganizer.service").read_text()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd isn't installed: its unit NOT COVERED")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """No unknown word, and little that the service could do to the rest of the system."""
    program = str(ROOT / ".venv/bin/fileorganizer")
    place = tmp_path / "fileorganizer.service"
    place.write_text(UNIT.replace("/opt/fileorganizer/bin/fileorganizer", program))
    read = subprocess.run(["systemd-analyze", "verify", str(place)], capture_output=True, text=True, check=False)
    assert (read.returncode, read.stdout, read.stderr) == (0, "", "")
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(place)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", judged.stdout)
    assert exposure is not None and float(exposure[1]) < 2.5, judged.stdout


def test_the_unit_and_the_image_agree() -> None:
    """On the command and the folders."""
    image = (ROOT / "Dockerfile").read_text()
    assert "ExecStart=/opt/fileorganizer/bin/fileorganizer serve" in UNIT and 'CMD ["fileorganizer", "serve"]' in image
    for name in ("ENVIRONMENT", "DATA_DIR", "LOG_DIR"):
        (value,) = re.findall(rf"\b{name}=(\S+)", image)
        assert f"{name}={value}" in UNIT


@pytest.mark.skipif(not shutil.which("logrotate"), reason="logrotate isn't installed: rotating logs NOT COVERED")
def test_logs_are_rotated_while_they_are_written(tmp_path: Path) -> None:
    """What is written after the rotation stands at the beginning of the file, without a hole before it."""
    log = tmp_path / "fileorganizer.jsonl"
    text = (ROOT / "deploy/logrotate/fileorganizer").read_text()
    text = text.replace("/var/log/fileorganizer/", f"{tmp_path}/")
    (tmp_path / "conf").write_text(re.sub(r" *su .*\n", "", text))
    tmp_path.chmod(0o700)
    with open(log, "ab", buffering=0) as writer:
        writer.write(b"before\n")
        command = ["logrotate", "--force", "--state", str(tmp_path / "state"), str(tmp_path / "conf")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        writer.write(b"after\n")
    assert log.read_text() == "after\n" and (tmp_path / "fileorganizer.jsonl.1").read_text() == "before\n"
