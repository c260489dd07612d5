"""``scripts/load_test.py``: a small run of it, and one against a server that runs. It waits where it is told to, so one arrangement has to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from benchmarks.load.loading import measure_load
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.server import ROOT, Person, Server, running_server
from tests.support.trees import write_tree

DATABASES = ("sqlite",)
pytestmark = pytest.mark.timeout(600)


def test_a_small_run(tmp_path: Path) -> None:
    """It makes a tree, organizes it while people browse, finds no error and no stale answer, and leaves nothing behind."""
    environment = {**unmeasured(os.environ), "TMPDIR": str(tmp_path / "place"), "DATABASE_URL": "", "REDIS_URL": ""}
    (tmp_path / "place").mkdir()
    out = tmp_path / "reports" / "results.json"
    command = [sys.executable, "scripts/load_test.py", "--files", "500", "--duration", "3", "--concurrent", "12"]
    command += ["--report", "--out", str(out)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    results = json.loads(out.read_text())
    assert results["arrangement"] == "SQLite" and (results["files"], results["people"]) == (500, 12)
    assert [part["name"] for part in results["parts"]] == ["default limits", "limits raised"]
    for part in results["parts"]:
        assert part["requests"] > 0 and part["errors"] == {} and part["seconds"] >= 3
        assert part["changes"] >= 1 and part["stale_answers"] == 0
        assert part["operations"][0]["type"] == "organize" and part["operations"][0]["files"] > 450
        assert part["cache"]["hits"] > 0 and part["database"]["statements"] > 0
        assert all(cost["peak_bytes"] > 0 for cost in part["processes"].values())
        assert set(part["processes"]) == {"api", "worker"}
    assert results["bare"]["requests"] > 0 and results["bare"]["errors"] == {}
    assert [one["type"] for one in results["alone"]["operations"]] == ["organize", "rollback"] * 2
    assert "G10 stale answers" in ran.stdout and out.with_suffix(".html").read_text().count("<svg") == 6
    assert list((tmp_path / "place").iterdir()) == []
    assert set(results["alone"]["raw_seconds"]) == {"find", "renames", "load"}


@pytest.mark.production
def test_records_are_loaded_as_the_database_keeps_them(server: Server, ann: Person) -> None:
    """All of an operation, into a table that is gone afterwards."""
    write_tree(ann.home / "inbox", {"a.jpg": "a", "b.pdf": "b"})
    ann.done("inbox")
    tables = table_names(server)
    assert measure_load(server) > 0
    assert table_names(server) == tables


def table_names(server: Server) -> list[str]:
    """The tables of its database."""
    engine = create_engine(server.environment.get("DATABASE_URL") or f"sqlite:///{server.data_dir}/fileorganizer.db")
    names = inspect(engine).get_table_names()
    engine.dispose()
    return names


def test_a_server_that_runs(tmp_path: Path, server: Server) -> None:
    """It is tested as it is, by accounts of the test's own, whose files are removed; what it doesn't tell isn't in the report."""
    before = {path.name for path in (server.data_dir / "storage").iterdir()}
    out = tmp_path / "results.json"
    command = [sys.executable, "scripts/load_test.py", "--url", server.url, "--files", "500", "--duration", "3"]
    command += ["--concurrent", "3", "--report", "--out", str(out)]
    environment = {name: value for name, value in unmeasured(os.environ).items() if name != "METRICS_TOKEN"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    results = json.loads(out.read_text())
    (part,) = results["parts"]
    assert (results["arrangement"], part["name"]) == ("a server that ran already", "the server's limits")
    assert part["errors"] == {} and part["stale_answers"] == 0 and part["changes"] >= 1
    assert part["cache"] is None and part["database"] is None and part["processes"] == {}
    homes = [home for home in (server.data_dir / "storage").iterdir() if home.name not in before]
    assert len(homes) == 4 and not any(any(home.iterdir()) for home in homes)


def test_a_server_that_lets_nobody_in(tmp_path: Path) -> None:
    """What it says is told, without a traceback, and the figures of the run before stay."""
    out = tmp_path / "results.json"
    out.write_text('{"verdicts": []}')
    with running_server(tmp_path / "data", measured=False, SIGNUP="closed") as closed:
        command = [sys.executable, "scripts/load_test.py", "--url", closed.url, "--out", str(out)]
        ran = subprocess.run(command, cwd=ROOT, env=unmeasured(os.environ), capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and "couldn't be brought to its end" in ran.stderr and "403" in ran.stderr
    assert "Traceback" not in ran.stderr and json.loads(out.read_text()) == {"verdicts": []}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--url", "http://127.0.0.1:1"), "No server that is ready answers"),
        (("--url", "127.0.0.1:1"), "No server that is ready answers"),
        (("--out", "/dev/null/results.json"), "can't take the figures"),
        (("--out", "README.md"), "can't take the figures"),
        (("--out", "web-dashboard/package.json"), "can't take the figures"),
        (("--duration", "0"), "--duration"),
    ],
)
def test_what_it_cant_work_with(words: tuple[str, str], told: str) -> None:
    """Said in a line, before anything is begun."""
    command = [sys.executable, "scripts/load_test.py", *words]
    ran = subprocess.run(command, cwd=ROOT, env=unmeasured(os.environ), capture_output=True, text=True, check=False)
    assert ran.returncode and told in ran.stderr and "Traceback" not in ran.stderr
