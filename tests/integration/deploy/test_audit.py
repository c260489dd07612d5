"""`make audit` never says "passed" for what it couldn't ask, and `make sbom` lists every package that is used."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.support.at_start.sitecustomize import unmeasured
from tests.support.server import ROOT

NOWHERE = "http://127.0.0.1:9"
"""The port for throwing things away: nobody listens."""
pytestmark = pytest.mark.skipif(not shutil.which("npm"), reason="npm isn't installed: audit and SBOM NOT COVERED")


def make(target: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A target of this checkout, whose packages are taken as they are."""
    command = ["make", "--assume-old=.venv/.installed", target, *words]
    given = {name: value for name, value in unmeasured(os.environ).items() if not name.lower().endswith("_proxy")}
    return subprocess.run(command, cwd=ROOT, env={**given, **environment}, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("required", [False, True])
def test_an_audit_without_its_service_is_not_run(required: bool) -> None:
    """It says so, and is a failure where it is required, as in the workflow."""
    done = make("audit", *(["REQUIRED=1"] if required else []), HTTPS_PROXY=NOWHERE, HTTP_PROXY=NOWHERE)
    assert re.findall(r"^(.+): NOT RUN", done.stdout, re.MULTILINE) == ["pip-audit", "npm audit"], done.stdout
    assert "passed" not in done.stdout and (done.returncode != 0) == required


class _Registry(BaseHTTPRequestHandler):
    """Knows one weakness, whose title has a word that failures of the network have, too."""

    def do_POST(self) -> None:
        """The list of weaknesses."""
        self.rfile.read(int(self.headers["Content-Length"]))
        weakness = {"id": 1, "url": "", "title": "Connection kept open", "severity": "high", "vulnerable_versions": "*"}
        body = json.dumps({"react": [weakness]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """It has no packages."""
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name is http.server's
        """Say nothing."""


@contextmanager
def registry() -> Iterator[str]:
    """The address of a service that knows a weakness."""
    server = HTTPServer(("127.0.0.1", 0), _Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_a_weakness_is_a_failure() -> None:
    """Whatever its description says."""
    with registry() as address:
        done = make("audit", HTTPS_PROXY=NOWHERE, NO_PROXY="127.0.0.1", npm_config_registry=address)
    assert "npm audit: FAILED" in done.stdout and "Connection kept open" in done.stdout, done.stdout
    assert done.returncode != 0


def test_the_lists_of_packages_are_whole() -> None:
    """All that is locked for the server, and all that the dashboard is made of and built with."""
    done = make("sbom")
    assert done.returncode == 0, done.stderr
    locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements-server.lock").read_text(), re.MULTILINE))
    assert locked == _names("python") and len(locked) > 50
    wanted = json.loads((ROOT / "web-dashboard/package.json").read_text())
    assert {*wanted["dependencies"], *wanted["devDependencies"]} <= _names("dashboard")


def _names(part: str) -> set[str]:
    """What a list names."""
    found = json.loads((ROOT / f"build/sbom/{part}.cdx.json").read_text())
    assert found["bomFormat"] == "CycloneDX" and all(package["version"] for package in found["components"])
    return {package["name"] for package in found["components"]}
