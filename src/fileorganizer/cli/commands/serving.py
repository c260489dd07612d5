"""serve, server: the way from the command line to the server, where that is installed.

The engine imports nothing of the server (decision 0050): this process becomes
``python -m backend.manage``, so that the server starts as it does by hand.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import NoReturn

import click

from fileorganizer.errors import ServerMissing

_AS_THEY_ARE = {"ignore_unknown_options": True, "allow_interspersed_args": False, "help_option_names": []}
_PARTS = ("backend", "alembic", "fastapi", "uvicorn")


@click.command(context_settings=_AS_THEY_ARE)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def serve(options: tuple[str, ...]) -> None:
    """Serve the API and the dashboard until stopped."""
    _become_the_server("run", *options)


@click.command(context_settings=_AS_THEY_ARE)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def server(words: tuple[str, ...]) -> None:
    """Look after the server: migrate, make-admin, grant, rebuild …"""
    _become_the_server(*words)


def _become_the_server(*words: str) -> NoReturn:
    """Replace this process. Raises ServerMissing where only the engine is installed."""
    if missing := [name for name in _PARTS if importlib.util.find_spec(name) is None]:
        raise ServerMissing(missing)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "backend.manage", *words])  # nosec B606  # our own interpreter
