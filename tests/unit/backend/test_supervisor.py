"""The worker's keeper: nothing makes it give up, since operations would wait for ever."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from backend.api.supervisor import Supervisor
from backend.core.config import Settings, prepare_folders


def starts() -> float:
    """How often a worker was started, or tried to be."""
    return REGISTRY.get_sample_value("worker_starts_total") or 0.0


def test_a_worker_that_cant_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried again: what a system refuses now it allows later."""
    settings, program = Settings(data_dir=tmp_path), tmp_path / "program"
    prepare_folders(settings)
    monkeypatch.setattr(sys, "executable", str(program))

    async def refused_first() -> None:
        """Until it is there."""
        supervisor, before = Supervisor(settings), starts()
        supervisor.start()
        while starts() == before:
            await asyncio.sleep(0.01)
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/began\nexec sleep 60\n")
        program.chmod(0o700)
        while not (tmp_path / "began").exists():
            await asyncio.sleep(0.01)
        await supervisor.stop()

    asyncio.run(asyncio.wait_for(refused_first(), 60))
