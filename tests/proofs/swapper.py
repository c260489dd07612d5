"""F34, F36: a process swaps a folder for a symbolic link while runs and undos go on; nothing outside may change."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from fileorganizer import organizer
from fileorganizer.errors import FileOrganizerError
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.crash import RECURSIVE, Trial, helped
from tests.support.trees import File

_SWAP = """
import os, sys
root, outside, count, stop = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
here, aside, link = (os.path.join(root, name) for name in ("in", "aside", "in"))
done = 0
while done < count or not os.path.exists(stop):
    swapped = True
    for call, arguments in ((os.rename, (here, aside)), (os.symlink, (outside, link)), (os.unlink, (link,)), (os.rename, (aside, here))):
        try:
            call(*arguments)
        except OSError:
            swapped = False  # a run has emptied and removed the folder meanwhile, or an undo is about to bring it back
    done += swapped
print(done)
"""


def run(place: Path, swaps: int = 10_000, rounds_wanted: int = 300) -> dict[str, Any]:
    """Organize and undo so often, every other time with a helper, while the swapper swaps at least so often."""
    files = {f"f{number}.txt": File(b"%d" % number, mtime=1_400_000_000) for number in range(200)}
    trial = Trial(place, {"in": files})
    rounds = refused = 0
    stop = place / "stop"
    arguments = [sys.executable, "-c", _SWAP, os.fspath(trial.root), os.fspath(trial.outside), str(swaps), str(stop)]
    with subprocess.Popen(arguments, env=unmeasured(os.environ), stdout=subprocess.PIPE) as swapper:
        while swapper.poll() is None:
            for verb in (lambda: organizer.organize(trial.root, RECURSIVE), lambda: organizer.undo(trial.root)):
                try:
                    with helped(16) if rounds % 2 else nullcontext():
                        verb()
                except (FileOrganizerError, OSError):
                    refused += 1
            rounds += 1
            if rounds == rounds_wanted:
                stop.touch()
        assert swapper.returncode == 0
        assert swapper.stdout is not None
        swapped = int(swapper.stdout.read())
    from tests.support.manifest import contents, difference, manifest

    assert difference(trial.sentinel, manifest(trial.outside)) == []
    assert contents(trial.root) == trial.contents
    return {"swaps": swapped, "rounds": rounds, "refused": refused, "changed_outside": 0, "lost": 0}
