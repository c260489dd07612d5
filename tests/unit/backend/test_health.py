"""How the service is, when a part of it doesn't answer."""

from __future__ import annotations

import asyncio
import shutil
import socket
from pathlib import Path

import pytest

from backend.core.config import Settings, prepare_folders
from backend.database import Database
from backend.services import health
from backend.services.health import HealthService
from tests.support.server import prepared


def test_a_database_that_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as down while it is still waited for; who asks again takes no further connection."""
    monkeypatch.setattr(health, "DATABASE_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing"
        settings = Settings(data_dir=tmp_path, database_url=url)
        prepare_folders(settings)

        async def asked() -> None:
            database = Database(settings)
            service = HealthService(settings, database, None)
            for _ in range(3):
                condition = await service.condition()
                assert not condition.ready and condition.checks["database"].state == "down"
            waits = [task for task in asyncio.all_tasks() if "_look_at_database" in repr(task)]
            assert len(waits) == 1
            waits[0].cancel()
            await asyncio.wait(waits)
            await database.close()

        asyncio.run(asked())


def test_storage_that_is_gone(tmp_path: Path) -> None:
    """All is told that can be told: that it is down, and the figures of everything else."""
    settings = Settings(data_dir=prepared(tmp_path / "data").data_dir, storage_dir=tmp_path / "storage")
    prepare_folders(settings)
    shutil.rmtree(tmp_path / "storage")
    shutil.rmtree(settings.folder / "run")

    async def asked() -> None:
        database = Database(settings)
        service = HealthService(settings, database, None)
        condition = await service.condition()
        assert not condition.ready
        assert {name: check.state for name, check in condition.checks.items()} == {
            "database": "ok",
            "redis": "unused",
            "storage": "down",
            "workers": "down",
        }
        await service.note_figures()
        figures = await service.figures()
        assert (figures.operations_waiting, figures.storage_free_bytes, figures.storage_total_bytes) == (0, 0, 0)
        await database.close()

    asyncio.run(asked())
