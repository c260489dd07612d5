"""The schema: what stands in the repository is what the application says; and nothing that fits it breaks the server (P10)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from backend.api.app import create_app
from backend.core.config import Settings
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.server import ROOT, Person, Server
from tests.support.trees import write_tree

DATABASES = ("sqlite",)  # the other makes no difference here

CHECKS = "not_a_server_error"
CASES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "2"))
"""Generated requests for each endpoint and way of generating."""

LEAST_CASES = 2_000
"""P10. 2 examples are enough for them; with 5 there were 2,970: most of them, and of the time, are the ones that every schema gets."""


def test_the_schema_is_fresh() -> None:
    """`make openapi` writes it anew."""
    app = create_app(Settings(data_dir="/nonexistent"))  # type: ignore[arg-type]  # pydantic makes a Path of it
    assert json.loads((ROOT / "docs" / "openapi.json").read_text()) == app.openapi()


@pytest.mark.timeout(600)
def test_nothing_that_is_sent_breaks_it(server: Server, ann: Person, tmp_path: Path) -> None:
    """Requests made from the schema, right and wrong ones, get no 5xx, with hostile names in the root."""
    write_tree(ann.home / "inbox", {b"\xff\xfe.txt": "x", "<b>.jpg": "x", "new\nline": "x"})
    ann.done("inbox")
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json",
        "--checks", CHECKS, "--max-examples", str(CASES), "--seed", "20261125", "--suppress-health-check", "all",
        "--exclude-path-regex", "events|logout|sessions|password",
        "--header", f"Authorization: Bearer {ann.tokens['access_token']}", "--no-color", "--generation-database", ":memory:",
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=tmp_path, env=unmeasured(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    counted = re.search(r"([0-9]+) generated, ([0-9]+) passed", done.stdout)
    assert counted is not None and int(counted[1]) == int(counted[2]) >= LEAST_CASES, done.stdout[-3_000:]
    assert not server.events(event="unforeseen error")
