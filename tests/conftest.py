"""Every test keeps plans in a folder of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_plans(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plans go to a temporary folder, not to the user's."""
    folder = tmp_path_factory.mktemp("plans")
    monkeypatch.setenv("PLAN_DIR", str(folder))
    return folder
