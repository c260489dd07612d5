"""Run every proof in full, go on where the last run stopped, and write the figures to docs/proofs/."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

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
    "real_input",
    "service_kills",
    "service_speed",
)
HOME = Path(__file__).resolve().parents[2]
STATE, FIGURES = HOME / "data" / "proofs", HOME / "docs" / "proofs" / "engine.json"


def main(wanted: list[str]) -> None:
    """Run the parts that aren't done for this commit; a part that fails ends the run with its traceback."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=HOME, capture_output=True, text=True, check=True
    ).stdout.strip()
    STATE.mkdir(parents=True, exist_ok=True)
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for part in wanted or PARTS:
        done = STATE / f"{part}-{commit[:12]}.json"
        if not done.exists():
            started = time.monotonic()
            with tempfile.TemporaryDirectory(prefix=f"proof-{part}-") as place:
                os.environ["PLAN_DIR"] = str(Path(place) / "plans")
                os.environ["XDG_CACHE_HOME"] = str(Path(place) / "cache")
                figures = import_module(f"tests.proofs.{part}").run(Path(place))
            done.write_text(json.dumps({**figures, "seconds": round(time.monotonic() - started, 1)}))
        known[part] = {**json.loads(done.read_text()), "commit": commit[:12]}
        print(part, known[part], flush=True)
    known["machine"] = {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
