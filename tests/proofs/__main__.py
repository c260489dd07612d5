"""Run every proof in full, go on where the last run stopped, and write the figures to docs/proofs/."""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.proofs.slices import HOME, STATE, commit

PARTS = (
    "kills",
    "random_kills",
    "state_machine",
    "seeded_bugs",
    "messy",
    "swapper",
    "power_cut",
    "injected",
    "duplicates_kills",
    "duplicates_races",
    "duplicates_rivals",
    "fresh_install",
    "installed",
    "topology",
    "image",
    "readme",
    "first_hour",
    "real_input",
    "service_kills",
    "service_speed",
    "chaos",
)
FIGURES = HOME / "docs" / "proofs" / "engine.json"


def main(wanted: list[str]) -> int:
    """Run the parts that aren't done for this commit; returns how many failed. A failed one doesn't keep the others from running."""
    proven = commit()
    STATE.mkdir(parents=True, exist_ok=True)
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    failed = 0
    for part in wanted or PARTS:
        done = STATE / f"{part}-{proven}.json"
        try:
            if not done.exists():
                done.write_text(json.dumps(_figures_of(part)))
        except Exception:  # noqa: BLE001  # whatever it is, the other parts are worth running
            failed += 1
            known.pop(part, None)  # figures of an older commit would claim what isn't so
            traceback.print_exc()
            print(part, "FAILED", flush=True)
        else:
            known[part] = {**json.loads(done.read_text()), "commit": proven}
            print(part, known[part], flush=True)
        _write(known)
    return failed


def _write(known: dict[str, Any]) -> None:
    """The figures as they are by now: whoever ends a long run keeps what it has shown."""
    known["machine"] = {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def _figures_of(part: str) -> dict[str, Any]:
    """Run one part in a folder of its own."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"proof-{part}-") as place:
        os.environ["PLAN_DIR"] = str(Path(place) / "plans")
        os.environ["XDG_CACHE_HOME"] = str(Path(place) / "cache")
        figures = import_module(f"tests.proofs.{part}").run(Path(place))
    return {**figures, "seconds": round(time.monotonic() - started, 1)}


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
