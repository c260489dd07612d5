"""The real Dockerfile, built and started without a container engine: buildah in chroot isolation, on Debian's own base.

No image registry is asked. What the Dockerfile calls its base is made by
debootstrap: Debian 12 with its Python 3.11, and Node.js of this machine for the
stage that builds the dashboard. Needs root, buildah and debootstrap.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.debian import AUTHORITIES, add_node, make_debian
from tests.support.manifest import manifest
from tests.support.server import PASSWORD, Person, free_port
from tests.support.trees import write_tree

HOME = Path(__file__).resolve().parents[2]
PROGRAMS = ("buildah", "debootstrap")
IMAGE, USER = "localhost/fileorganizer-pro", 10001
OFFICIAL_BASE_MB = 130
"""An estimate of what python:3.11-slim holds unpacked, since it can't be fetched here.

It is Debian without documentation and translations (about 75), a Python built into /usr/local (about 45), certificates and
time zones (below 10). The base that we build on is another, and larger: its size, and what of it the official one leaves
out, are among the figures.
"""
LEFT_OUT = ("doc", "man", "locale", "info", "lintian")
"""What Debian's slim images don't have of /usr/share."""
DATA, LOGS = "var/lib/fileorganizer", "var/log/fileorganizer"


def missing() -> str:
    """Why this can't run here; empty when it can."""
    if os.geteuid() != 0:
        return "building an image needs root here"
    return ", ".join(f"{name} isn't installed" for name in PROGRAMS if not shutil.which(name))


def run(place: Path) -> dict[str, Any]:
    """Build it, look at it, start it, work with it."""
    if missing():
        raise RuntimeError(f"{missing()}. On Debian: apt-get install {' '.join(PROGRAMS)}")
    builder = Builder(place)
    began = time.monotonic()
    figures: dict[str, Any] = builder.make_bases()
    bases = time.monotonic() - began
    builder.build()
    figures |= {"bases seconds": round(bases), "build seconds": round(time.monotonic() - began - bases)}
    image = json.loads(builder.call("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    assert image["User"] == f"{USER}:{USER}"
    assert not [line for line in image["Env"] if "SECRET" in line or "PASSWORD" in line]
    with builder.container() as container:
        figures |= sizes(container.root)
        figures["on the official base MB"] = round(figures["added MB"] + OFFICIAL_BASE_MB)
        assert figures["on the official base MB"] < 300, figures
        figures |= work(container, image["Cmd"], image["Healthcheck"]["Test"][1:])
    return figures


@dataclass(frozen=True)
class Container:
    """A container, with two folders of the machine as its volumes."""

    start: Callable[..., subprocess.Popen[bytes]]
    """Start a command in it, as its user."""
    root: Path
    data: Path
    log: Path


class Builder:
    """buildah with a storage of its own, which goes with the folder."""

    def __init__(self, place: Path) -> None:
        """Nothing of the machine's own images is seen or changed."""
        self._place = place
        configuration = place / "storage.conf"
        configuration.write_text(
            f'[storage]\ndriver = "vfs"\nrunroot = "{place}/run"\ngraphroot = "{place}/graph"\n', encoding="utf-8"
        )
        self._environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(configuration), "BUILDAH_ISOLATION": "chroot"}

    def call(self, *words: str) -> str:
        """One command of buildah; what it prints."""
        command = ["buildah", "--storage-driver", "vfs", *words]
        done = subprocess.run(command, cwd=HOME, env=self._environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stdout[-3_000:], done.stderr[-3_000:])
        return done.stdout.strip()

    def make_bases(self) -> dict[str, Any]:
        """What the Dockerfile's FROM lines name; how large the one for Python is."""
        base = self._place / "base"
        make_debian(base, "python3", "python3-venv", "ca-certificates")
        spare = [folder for name in LEFT_OUT if (folder := base / "usr/share" / name).exists()]
        size, left_out = _megabytes(base), sum(_megabytes(folder) for folder in spare)
        self._tag(base, "docker.io/library/python:3.11-slim")
        if shutil.which("node") and (HOME / "web-dashboard").exists():
            add_node(base)
        self._tag(base, "docker.io/library/node:20-slim")
        shutil.rmtree(base)
        return {"base made here MB": size, "of it left out by the official one MB": round(left_out, 1)}

    def _tag(self, root: Path, name: str) -> None:
        """A folder as an image."""
        container = self.call("from", "scratch")
        self.call("add", "--quiet", container, str(root), "/")
        self.call("config", "--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", container)
        self.call("commit", "--quiet", "--rm", container, name)

    def build(self) -> None:
        """The Dockerfile as it stands. The machine's own authorities are believed while it is built: a company may have one."""
        (self._place / "pip.conf").write_text(f"[global]\ncert = {AUTHORITIES}\n")
        (self._place / "npmrc").write_text(f"cafile = {AUTHORITIES}\n")
        self.call(
            *("bud", "--pull-never", "--format", "docker", "--layers=false", "--tag", IMAGE),
            *("--volume", f"{AUTHORITIES}:{AUTHORITIES}:ro", "--volume", f"{self._place}/pip.conf:/etc/pip.conf:ro"),
            *("--volume", f"{self._place}/npmrc:/root/.npmrc:ro", "."),
        )

    @contextmanager
    def container(self) -> Iterator[Container]:
        """A container of the image as long as the context lasts."""
        name = self.call("from", "--pull-never", IMAGE)

        volumes = [self._place / "data", self._place / "logs"]
        for volume in volumes:
            volume.mkdir(mode=0o700)
            os.chown(volume, USER, USER)
        given = [f"--volume={volumes[0]}:/{DATA}", f"--volume={volumes[1]}:/{LOGS}"]
        log = self._place / "log"

        def start(*words: str, **environment: str) -> subprocess.Popen[bytes]:
            settings = [f"--env={key}={value}" for key, value in environment.items()]
            command = ["buildah", "--storage-driver", "vfs", "run", *given, *settings, name, "--", *words]
            with open(log, "ab") as file:
                return subprocess.Popen(
                    command, env=self._environment, stdout=file, stderr=file, start_new_session=True
                )

        try:
            yield Container(start, Path(self.call("mount", name)), volumes[0], log)
        finally:
            self.call("rm", name)
            self.call("rmi", "--all", "--force")


def sizes(root: Path) -> dict[str, Any]:
    """What the image adds to its base, in MB: one layer, our environment; its parts, and the largest packages in it."""
    environment = root / "opt/fileorganizer"
    packages = next(environment.glob("lib/python3*/site-packages"))
    parts = {path.name: _megabytes(path) for path in packages.iterdir()}
    assert not list(packages.glob("pip")) and not list(packages.glob("pytest*"))
    whole, dashboard = _megabytes(environment), _megabytes(packages / "backend/dashboard")
    ours = parts.pop("fileorganizer") + parts.pop("backend") - dashboard
    added = {"packages": whole - ours - dashboard, "our code": ours, "dashboard": dashboard}
    largest = sorted(parts, key=lambda name: -parts[name])[:12]
    return {
        "added MB": whole,
        "of it MB": {name: round(size, 1) for name, size in added.items()},
        "largest MB": {name: parts[name] for name in largest},
    }


def _megabytes(path: Path) -> float:
    """How much a tree holds, as the disk counts it."""
    files = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    return round(sum(file.lstat().st_blocks * 512 for file in files) / 1e6, 1)


def work(container: Container, command: list[str], health: list[str]) -> dict[str, Any]:
    """Start what the image starts, as its user: it is healthy, organizes, takes it back, and has written where it may."""
    port, untouched = free_port(), _written(container.root)
    settings = {"API_PORT": str(port), "API_HOST": "127.0.0.1", "JWT_SECRET_KEY": secrets.token_urlsafe(48)}
    process = container.start(*command, **settings)
    try:
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False)
        _wait_until_well(client, process, container.log)
        assert container.start(*health, **settings).wait(60) == 0, "the image's own health check fails"
        scripts = re.findall(r'src="(/assets/[^"]+\.js)"', client.get("/").text)
        assert scripts and len(client.get(scripts[0]).content) > 10_000, "the dashboard isn't there"
        admin = _administrator(client, container.log.read_text())
        home = container.data / "storage" / admin.home.name
        write_tree(home / "inbox", {f"{number}.jpg": str(number) for number in range(200)})
        for path in (home / "inbox", *(home / "inbox").iterdir()):
            os.chown(path, USER, USER)
        before = manifest(home / "inbox")
        done = admin.done("inbox")
        assert done["files_processed"] == 200 and (home / "inbox/Images").is_dir()
        admin.finished(admin.post(f"/operations/{done['id']}/rollback"))
        assert manifest(home / "inbox") == before
        assert _users(f"API_PORT={port}\0") == {USER}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    changed = sorted(path for path, _ in _written(container.root) ^ untouched)
    assert not changed, f"written outside of volumes and /tmp: {changed[:20]}"
    return {
        "dashboard at /": True,
        "files moved and taken back": done["files_processed"],
        "written outside of volumes": len(changed),
    }


def _wait_until_well(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it answers, its worker too."""
    until = time.monotonic() + 120
    while True:
        try:
            if client.get("/health").json()["status"] == "ok":
                return
        except httpx.TransportError:
            pass
        assert process.poll() is None and time.monotonic() < until, log.read_text()
        time.sleep(0.2)


def _administrator(client: httpx.Client, said: str) -> Person:
    """The first account, by what the server printed."""
    token = re.search(r'"token": "([^"]+)"', said)
    assert token is not None, said
    body = {"token": token[1], "email": "you@example.org", "username": "admin", "password": PASSWORD}
    return Person(client, client.post("/api/v1/auth/setup", json=body).json())


def _written(root: Path) -> set[tuple[str, tuple[int, int, int]]]:
    """Every file of the image as it is now; what a run mounts over it is left out."""
    found = set()
    for folder, names, files in os.walk(root):
        if folder == str(root):
            names[:] = [name for name in names if name not in ("proc", "sys", "dev", "tmp", "run")]
        for name in files:
            path = os.path.join(folder, name)
            state = os.lstat(path)
            found.add((path.removeprefix(str(root)), (state.st_size, state.st_mtime_ns, state.st_uid)))
    return found


def _users(mark: str) -> set[int]:
    """Who runs the processes with this in their environment."""
    found = set()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                found.add(place.stat().st_uid)
        except OSError:
            continue
    return found
