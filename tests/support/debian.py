"""A Debian 12 of its own in a folder: what a new machine has, and nothing of this one but Node.js where it is asked for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
"""Whom this machine believes when packages are fetched: a company may have an authority of its own."""


def make_debian(root: Path, *packages: str) -> None:
    """The smallest system that has ``packages``, in a new folder ``root``. Needs root and debootstrap."""
    command = ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", "bookworm", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(root / "var/cache/apt")


def add_node(root: Path) -> None:
    """Node.js of this machine, with its npm."""
    node = shutil.which("node")
    assert node is not None, "Node.js isn't installed"
    shutil.copy(node, root / "usr/local/bin/node")
    modules = subprocess.run(["npm", "root", "--global"], check=True, capture_output=True, text=True).stdout.strip()
    shutil.copytree(Path(modules) / "npm", root / "usr/local/lib/node_modules/npm", symlinks=True)
    (root / "usr/local/bin/npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
    (root / "usr/local/bin/npx").symlink_to("../lib/node_modules/npm/bin/npx-cli.js")
