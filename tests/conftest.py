"""Every test keeps plans and remembered digests in a folder of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_plans(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plans and digests go to temporary folders, not to the user's."""
    folder = tmp_path_factory.mktemp("plans")
    monkeypatch.setenv("PLAN_DIR", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return folder
