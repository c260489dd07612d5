"""Dashboard and alerts name figures that exist, and a real Prometheus reads them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.server import QUICK, ROOT, Server, free_port, running_server
from tests.support.trees import write_tree

DEPLOY = ROOT / "deploy"
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
ALERTS = (DEPLOY / "prometheus/alerts.yml").read_text()
TOKEN = "a-token-of-the-tests-for-metrics"
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
needs_prometheus = pytest.mark.skipif(
    not shutil.which("prometheus"), reason="prometheus isn't installed: scraping and alerts NOT COVERED"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a token for its figures, that has organized two files."""
    place = tmp_path_factory.mktemp("metrics") / "data"
    with running_server(place, measured=False, METRICS_TOKEN=TOKEN) as found:
        ann = found.sign_up("ann")
        write_tree(ann.home / "inbox", {"a.jpg": "a", "b.txt": "b"})
        assert ann.done("inbox")["files_processed"] == 2
        yield found


def figures(server: Server) -> str:
    """What Prometheus gets to read."""
    answer = httpx.get(f"{server.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return answer.text


def names_in(expression: str) -> set[str]:
    """The metrics that an expression reads: names before a selector or a range."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    return set(re.findall(r"\b([a-z][a-z0-9_]+)(?=[{\[])", bare)) | set(re.findall(r"\((\w+_bytes)\)", bare))


def test_every_figure_that_is_named_is_there(server: Server) -> None:
    """In the dashboard's panels and in the alerts; and both name most of what there is."""
    there = set(re.findall(r"^# TYPE (\w+) (?:counter|gauge)$", figures(server), re.MULTILINE))
    for name in re.findall(r"^# TYPE (\w+) histogram$", figures(server), re.MULTILINE):
        there |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    alerts = re.findall(r"^ +(?:expr: )?([^#\n]+[>=<] ?[^\n]+)$", ALERTS, re.MULTILINE)
    assert len(alerts) > 12
    shown, alarmed = set().union(*map(names_in, EXPRESSIONS)), set().union(*map(names_in, alerts))
    assert shown - there == set()
    assert alarmed - there - {"up"} == set()  # Prometheus makes that one itself
    assert len(shown) > 20 and len(alarmed) > 10


def test_labels_that_are_named_are_there(server: Server) -> None:
    """A wrong label makes an alert that never speaks, and an empty panel."""
    text = figures(server)
    for name, label in re.findall(r"(\w+)\{(?:job=[^,}]+,)?(\w+)[!=]", "\n".join([*EXPRESSIONS, ALERTS])):
        if label not in ("job", "instance"):
            assert re.search(rf"^{name}\{{.*\b{label}=", text, re.MULTILINE), (name, label)


def test_panels_lie_side_by_side() -> None:
    """Every panel has an id and a place of its own, a title and a data source that can be chosen."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24 and panel["title"]
        taken |= cells
    assert {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]} == {"${datasource}"}


def test_every_alert_is_in_the_runbook() -> None:
    """Under the heading that it names, with what to do."""
    book = (ROOT / "docs/operations_runbook.md").read_text()
    named = re.findall(r"alert: (\w+)", ALERTS)
    assert named == re.findall(r"^## (FileOrganizer\w+)$", book, re.MULTILINE)
    assert [f"docs/operations_runbook.md#{name.lower()}" for name in named] == re.findall(r"runbook: (\S+)", ALERTS)


@needs_prometheus
def test_expressions_of_the_dashboard_can_be_read(tmp_path: Path) -> None:
    """By the tool that will read them, in the form of rules."""
    rules = [
        {
            "record": f"panel:{number}",
            "expr": expression.replace("$__rate_interval", "5m").replace("$job", "fileorganizer"),
        }
        for number, expression in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    command = ["promtool", "check", "rules", "rules.yml"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert f"{len(EXPRESSIONS)} rules found" in done.stdout, done.stderr


@needs_prometheus
def test_a_real_prometheus_scrapes_the_server(server: Server, tmp_path: Path) -> None:
    """With our configuration, but for the address: the server is up, and the rules are loaded and well."""
    shutil.copytree(DEPLOY / "prometheus", tmp_path / "etc")
    (tmp_path / "etc/metrics_token").write_text(TOKEN)
    place, port = tmp_path / "etc/prometheus.yml", free_port()
    text = place.read_text().replace("app:8000", f"127.0.0.1:{server.port}").replace("15s", "1s")
    place.write_text(text)
    command = ["prometheus", f"--config.file={place}", f"--web.listen-address=127.0.0.1:{port}"]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([*command, f"--storage.tsdb.path={tmp_path}/data"], stdout=log, stderr=log)
    try:
        query = {"query": "up * on (instance) group_left sum by (instance) (files_organized_total)"}
        assert _answer(f"http://127.0.0.1:{port}/api/v1/query", query, tmp_path / "log") == "2"
        groups = httpx.get(f"http://127.0.0.1:{port}/api/v1/rules").json()["data"]["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert len(rules) == ALERTS.count("alert:") and {rule["health"] for rule in rules} <= {"ok", "unknown"}
    finally:
        process.terminate()
        process.wait(30)


def test_two_api_processes_add_up_their_figures(tmp_path: Path) -> None:
    """Whichever is asked tells what both counted; also what one counted that has died since."""
    port, temporary = free_port(), tmp_path / "tmp"
    temporary.mkdir()
    environment = {**os.environ, **QUICK, "DATA_DIR": str(tmp_path / "data"), "TMPDIR": str(temporary)}
    environment |= {"API_PORT": str(port), "API_WORKERS": "2", "METRICS_TOKEN": TOKEN}
    command = [sys.executable, "-m", "backend.manage", "run"]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    server = Server(tmp_path / "data", environment, port, process)
    try:
        first, second = _both(server, temporary)
        for silent, requests in ((first, 5), (second, 7)):
            os.kill(silent, signal.SIGSTOP)
            for _ in range(requests):
                assert httpx.get(f"{server.url}/health/live", timeout=30).status_code == 204
            os.kill(silent, signal.SIGCONT)
        assert _lives_counted(server) == 12
        os.kill(first, signal.SIGKILL)
        assert second in _both(server, temporary)
        assert _lives_counted(server) == 12
        assert httpx.get(f"{server.url}/health/live", timeout=30).status_code == 204
        assert _lives_counted(server) == 13
        until = time.monotonic() + 60  # an answer is read here before the process that gave it has counted its end
        while "\napi_requests_in_progress 1.0\n" not in (text := figures(server)):
            assert time.monotonic() < until, text
        assert "\nactive_operations 0.0\n" in text, text
        assert "\nfiles_organized_total 0.0\n" in text and "pid=" not in text, text
    finally:
        process.terminate()
        process.wait(30)
    assert list(temporary.iterdir()) == []


def _both(server: Server, temporary: Path) -> list[int]:
    """The numbers of the two API processes, once each has answered: where one of them did, it stands still for the next question.

    Otherwise one that is a little quicker may answer them all. Not for longer than the supervisor waits for its children.
    """
    until = time.monotonic() + 120
    while time.monotonic() < until:
        files = temporary.glob("*/counter_*.db")
        found = [int(file.stem.rpartition("_")[2]) for file in files if b'"/health"' in file.read_bytes()]
        found = [pid for pid in found if Path(f"/proc/{pid}").exists()]
        if len(found) == 2:
            return found
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        try:
            httpx.get(f"{server.url}/health", timeout=2)
        except httpx.TransportError:
            time.sleep(0.1)
        finally:
            for pid in found:
                os.kill(pid, signal.SIGCONT)
    raise AssertionError("not two API processes")


def _lives_counted(server: Server) -> int:
    """How many requests to ``/health/live`` there were."""
    found = re.search(r'^api_requests_total{.*route="/health/live".*} ([\d.]+)$', figures(server), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


def _answer(url: str, query: dict[str, str], log: Path) -> str:
    """The value of a query, once there is one."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            found = httpx.get(url, params=query, timeout=10).json()["data"]["result"]
            if found:
                return str(found[0]["value"][1])
        except (httpx.TransportError, ValueError, KeyError):
            pass
        time.sleep(0.3)
    raise AssertionError(log.read_text())
