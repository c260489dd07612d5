"""README tried as a new user would: a Debian 12 with Python 3.11, make and git, nothing else; once more with Node.js 20.

A normal user there gives the commands that README names, and works with what was
started by curl. Needs root and debootstrap; nothing of this machine is seen but
its packages' sources and the authorities that it believes.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.proofs.first_hour import HOME, Walk, served
from tests.support.debian import AUTHORITIES, add_node, make_debian
from tests.support.server import free_port

NEWCOMER = 1000
HOUSE = "/home/newcomer"
SEEN = (AUTHORITIES, Path("/etc/pip.conf"), Path("/etc/resolv.conf"), Path("/etc/hosts"))
"""How packages are reached from this machine."""


NOT_ALL_COVERED = 2
"""How `make test` ends when it ran some tests only."""


def missing() -> str:
    """Why this can't run here; empty when it can."""
    if os.geteuid() != 0:
        return "a system in a folder needs root"
    return ", ".join(f"{name} isn't installed" for name in ("debootstrap", "curl", "node") if not shutil.which(name))


def run(place: Path) -> dict[str, Any]:
    """Without Node.js: demo, its undo, the server, a test, uvicorn by hand; with it: the server and its dashboard."""
    assert not missing(), missing()
    machine = Machine(place)
    figures = {"without Node.js": machine.try_all("plain")}
    add_node(machine.root)
    figures["with Node.js 20"] = machine.try_dashboard("with-node")
    return figures


class Machine:
    """The new machine."""

    def __init__(self, place: Path) -> None:
        """Install it, and somebody who uses it."""
        self._place, self.root = place, place / "machine"
        make_debian(self.root, "python3", "python3-venv", "make", "git", "ca-certificates")
        subprocess.run(["chroot", str(self.root), "useradd", "--create-home", "newcomer"], check=True)

    def clone(self, name: str) -> None:
        """This commit, in a folder ``name`` of theirs; nothing is left of what they did before."""
        for kept in (".local", ".cache", ".npm"):
            shutil.rmtree(self.root / HOUSE.lstrip("/") / kept, ignore_errors=True)
        folder = self.root / HOUSE.lstrip("/") / name
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(HOME), str(folder)], check=True)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NEWCOMER, NEWCOMER, follow_symlinks=False)

    def call(self, name: str, line: str, *, fine: int = 0) -> tuple[float, str]:
        """A line of the shell in that folder, as a person there types it; the seconds that it took, and what it said."""
        began = time.monotonic()
        command, environment = self._inside(name, line)
        done = subprocess.run(
            command, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        print(f"$ {line}\n{done.stdout}", flush=True)
        assert done.returncode == fine, (line, done.returncode, done.stdout)
        return round(time.monotonic() - began, 1), done.stdout

    @contextmanager
    def serve(self, name: str, line: str) -> Iterator[tuple[Walk, float]]:
        """A line that serves until the context ends, once it is well; with the seconds until then."""
        began = time.monotonic()
        command, environment = self._inside(name, line)
        log = self._place / f"{name}.log"
        try:
            with served(command, self._place, environment, log, below=self.root) as walk:
                yield walk, round(time.monotonic() - began, 1)
        finally:
            print(f"$ {line}\n{log.read_text()}", flush=True)

    def _inside(self, name: str, line: str) -> tuple[list[str], dict[str, str]]:
        """How a line is started there, and its environment; what is mounted goes with its processes."""
        seen = [path for path in SEEN if path.exists()]
        for path in seen:
            (self.root / str(path).lstrip("/")).touch()
        mounts = [
            "mount --rbind /proc proc",
            "mount --rbind /dev dev",
            *(f"mount --bind {path} .{path}" for path in seen),
        ]
        user = f"--userspec={NEWCOMER}:{NEWCOMER}"
        person = ["chroot", user, ".", "bash", "-c", f"cd {HOUSE}/{name} && {line}"]
        script = f"cd {self.root}; {'; '.join(mounts)}; exec {shlex.join(person)}"
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": HOUSE,
            "API_PORT": str(free_port()),
            "PIP_CERT": str(AUTHORITIES),
            "NODE_EXTRA_CA_CERTS": str(AUTHORITIES),
        }
        return ["unshare", "--mount", "sh", "-ec", script], environment

    def try_all(self, name: str) -> dict[str, Any]:
        """What README names, in its order; how long each took."""
        self.clone(name)
        seconds, said = self.call(name, "make demo")
        figures: dict[str, Any] = {"make demo, seconds": seconds}
        back = re.search(r"^  (\.venv/bin/fileorganizer undo .+)$", said, re.MULTILINE)
        assert back is not None, said
        figures["undo as it is told, seconds"], _ = self.call(name, back[1] + " --yes")
        with self.serve(name, "make run") as (walk, until_well):
            assert "isn't built yet" in walk.curl("GET", "/setup"), "the link that is printed leads nowhere"
            figures |= {"make run, seconds": until_well, "files by curl": walk.whole()["files"]}
        _, said = self.call(name, "make test PYTEST_ARGS='-n 2 -k test_naming'", fine=NOT_ALL_COVERED)
        assert re.search(r"\d+ passed", said) and "!!! NOT COVERED" in said and "Coverage failure" in said, said
        figures["by hand, seconds"] = self.by_hand("by-hand")
        return figures

    def try_dashboard(self, name: str) -> dict[str, Any]:
        """With Node.js the same command builds the dashboard, and shows it."""
        self.clone(name)
        with self.serve(name, "make run") as (walk, until_well):
            scripts = re.findall(r'src="(/assets/[^"]+\.js)"', walk.curl("GET", "/"))
            assert scripts and len(walk.curl("GET", scripts[0])) > 10_000
            return {"make run, seconds": until_well, "files by curl": walk.whole()["files"]}

    def by_hand(self, name: str) -> float:
        """pip, alembic and uvicorn as other servers are started."""
        self.clone(name)
        line = (
            "python3 -m venv .venv && . .venv/bin/activate && pip install -q -r requirements.txt && alembic upgrade head &&"
            " exec python -m uvicorn src.backend.api.main:app --reload --port $API_PORT"
        )
        with self.serve(name, line) as (_, until_well):
            return until_well
