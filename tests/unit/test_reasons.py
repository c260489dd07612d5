"""Why files are left alone: each reason is given somewhere, and the guide names each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fileorganizer.model import Reason

HOME = Path(__file__).resolve().parents[2]
GIVEN = {name for path in (HOME / "src").rglob("*.py") for name in re.findall(r"Reason\.([A-Z_]+)", path.read_text())}


@pytest.mark.parametrize("reason", Reason)
def test_each_is_given_and_explained(reason: Reason) -> None:
    """One that no code gives is a promise that nobody keeps."""
    assert reason.name in GIVEN
    assert reason == Reason.NONE or f"`{reason.label}`" in (HOME / "docs/user_guide.md").read_text()


def test_the_guide_names_no_others() -> None:
    """In its list."""
    listed = (HOME / "docs/user_guide.md").read_text().split("## Why files are left alone")[1].split("\n## ")[0]
    assert set(re.findall(r"`([a-z-]+)`", listed)) <= {reason.label for reason in Reason}


def test_numbers_stay() -> None:
    """Journals hold them."""
    known = {"HIDDEN": 1, "TOO_DEEP": 13, "LAST_COPY": 46, "SOURCE_TAKEN": 63, "PURGED": 65, "RESTORED_EDITED": 80}
    assert {name: Reason[name].value for name in known} == known
