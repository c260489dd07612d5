"""The services of docker-compose.yml, with its environment and commands, as processes of this machine."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.proofs import topology
from tests.support.postgres import reason_without


@pytest.mark.slow
def test_all_services_work_together(tmp_path: Path) -> None:
    """Asked for at one API process, watched and taken back at the other, done by a worker of Celery."""
    if why := reason_without():
        pytest.skip(f"not covered: {why}")
    if not shutil.which("redis-server"):
        pytest.skip("redis-server isn't installed: the services of docker-compose.yml NOT COVERED")
    figures = topology.run(tmp_path)
    assert figures["services"] == ["app", "app", "beat", "migrate", "postgres", "redis", "worker"]
