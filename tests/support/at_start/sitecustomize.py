"""Python runs this when a process of a server under test starts, and the tests run it in theirs: coverage looks on as cheaply as it can.

A child inherits all that coverage has seen in its parent, and writes it down once more when it ends: a quarter of a second
for every operation, and as many records to combine in the end. The parent writes its own; the child forgets it.

To follow SQLAlchemy's async side, coverage asks at every call which greenlet runs, which takes as long again as all the
rest of looking on. Only the processes of the API have to be asked, and what is run at the machine itself.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = str(Path(__file__).parents[3] / "src")
WITH_GREENLETS = ("uvicorn", "backend.manage")
"""Modules that Python was told to run whose processes use the async side."""


def collector() -> Any:
    """What collects the lines of this process; None where coverage doesn't look on, or looks away just now."""
    measured = _coverage()
    found = measured._collector if measured is not None else None
    return found if found is not None and found in found._collectors else None


def _coverage() -> Any:
    """What looks on at this process, now or at other times."""
    return sys.modules["coverage"].Coverage.current() if "coverage" in sys.modules else None


def follow_greenlets(wanted: bool = True) -> None:
    """Whether coverage asks which greenlet runs, from here on."""
    found = collector()
    if found is not None:
        found.stop()
        if wanted:
            import greenlet

            found.concur_id_func = greenlet.getcurrent
        else:
            found.concur_id_func = None
        found.start()


@contextmanager
def looking_away() -> Iterator[None]:
    """Coverage doesn't look on as long as the context lasts."""
    found = collector()
    if found is not None:
        found.stop()
    try:
        yield
    finally:
        if found is not None:
            found.start()


def unmeasured(environment: Mapping[str, str]) -> dict[str, str]:
    """The same environment for processes that coverage doesn't look on."""
    return {name: value for name, value in environment.items() if not name.startswith("COVERAGE")}


def _look_away_from_libraries() -> None:
    """Don't look on while a library is imported: the API's process starts with a quarter less work."""
    load = SourceFileLoader.exec_module

    def exec_module(loader: SourceFileLoader, module: ModuleType) -> None:
        looking = sys.gettrace()
        if looking is None or str(loader.path).startswith(OURS):
            load(loader, module)
            return
        sys.settrace(None)
        try:
            load(loader, module)
        finally:
            sys.settrace(looking)

    SourceFileLoader.exec_module = exec_module  # type: ignore[method-assign]


def _forget() -> None:
    """In a child: keep nothing of the parent, and leave it to the parent to name the files that nobody has run."""
    measured = _coverage()
    if measured is not None and measured._collector is not None:
        for seen in measured._collector.data.values():
            seen.clear()  # not replaced: functions that run just now go on writing into it
        measured._post_save_work = lambda: None


os.register_at_fork(after_in_child=_forget)
if collector() is not None:
    _look_away_from_libraries()
if not any(word in WITH_GREENLETS for word in sys.orig_argv):
    follow_greenlets(False)
