"""Where the one-file executables begin.

The engine and the server start children of their own as ``python -I file.py``
and ``python -m module``. In an executable ``sys.executable`` is the executable
itself: such a call comes back here, and the module is run from the archive.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys

from fileorganizer.cli.app import main as command_line


def module_of(words: list[str]) -> tuple[str, list[str]] | None:
    """The module that a call in the manner of an interpreter names, and its arguments; None for a call by a person."""
    rest = [*words]
    while rest and rest[0] in ("-I", "-S"):
        rest.pop(0)
    if rest[:1] == ["-m"] and len(rest) > 1:
        return rest[1], rest[2:]
    inside = os.path.relpath(rest[0], sys._MEIPASS) if rest and os.path.isabs(rest[0]) else ".."  # type: ignore[attr-defined]  # PyInstaller's
    if inside.startswith(".."):
        return None
    return os.path.splitext(inside)[0].replace(os.sep, "."), rest[1:]


def main() -> None:
    """Run what was asked for."""
    multiprocessing.freeze_support()
    call = module_of(sys.argv[1:])
    if call is None:
        command_line()
    else:
        module, arguments = call
        sys.argv[1:] = arguments
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
