"""`python -m benchmarks`: race the engine against its raw limits and print the ratios.

Absolute times wander between runs and machines, so every goal is a ratio of two
figures of the same run (goals G1 to G7 of the performance design).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.engine import is_there, measure_engine
from benchmarks.raw import measure_find, measure_renames
from benchmarks.tree import Parameters, clone_tree, make_tree, remove_tree

REPOSITORY = Path(__file__).resolve().parent.parent
Figures = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    """One line of the table."""

    name: str
    value: float
    unit: str
    required: float | None
    aim: float | None = None

    @property
    def verdict(self) -> str:
        """`aim`, `met` or `MISSED`; empty where nothing is required."""
        if self.aim is not None and self.value <= self.aim:
            return "aim"
        return "" if self.required is None else "met" if self.value <= self.required else "MISSED"


def machine(place: Path) -> Figures:
    """Describe what the figures depend on; `place` is where the trees are."""
    processor = next((line for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ": unknown")
    memory = next((line for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), ": unknown")
    return {
        "processor": processor.split(":", 1)[1].strip(),
        "cores": os.cpu_count(),
        "memory": memory.split(":", 1)[1].strip(),
        "kernel": platform.release(),
        "file_system": _said("stat", "-f", "-c", "%T", str(place)),
        "python": platform.python_version(),
        "commit": _said("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty", "--abbrev=12"),
        "load_at_start": os.getloadavg()[0],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def copies_for(place: Path, parameters: Parameters, *, engine: bool) -> list[Path]:
    """Where the copies of a tree are, one a contender."""
    return [place / f"{parameters.files}-{contender}" for contender in ("c", "python", "engine")[: 2 + engine]]


def race(place: Path, parameters: Parameters, *, engine: bool, clone: bool) -> Figures:
    """Measure one size, each contender on its own fresh copy of the tree, in the order of the result; the trees stay.

    All trees are made before any is removed: ext4 looks at each recently freed
    inode when it makes a file, which slows the next tree several times.
    """
    copies = copies_for(place, parameters, engine=engine)
    made = [make_tree(copies[0], parameters)]
    made += [
        make_tree(copy, parameters) if copy.name.endswith("engine") or not clone else _clone(copies[0], copy)
        for copy in copies[1:]
    ]
    figures: Figures = {"parameters": asdict(parameters), "folders": parameters.folders, "tree_seconds": max(made)}
    figures["find_seconds"] = measure_find(copies[-1])
    figures["renames"] = measure_renames(copies[0], python_too=copies[1])
    if engine:
        figures["engine"] = measure_engine(copies[2])
    return figures


def goals_of(figures: Figures) -> Iterator[Goal]:
    """Give the goals that one size can tell."""
    find, loops = figures["find_seconds"], figures["renames"]
    moves = loops["c"]["mkdir_seconds"] + loops["c"]["rename_seconds"]
    yield Goal("find with stat", find, "s", None)
    yield Goal("C renames", moves, "s", None)
    yield Goal("Python renames / C renames", loops["python"]["rename_seconds"] / moves, "x", None)
    if "engine" not in figures:
        return
    preview, organize, second, undo = (figures["engine"][phase] for phase in ("preview", "organize", "second", "undo"))
    yield Goal("G1 organize / (find + C renames)", organize["seconds"] / (find + moves), "x", 2.2, 1.8)
    peak = max(phase["peak_bytes"] for phase in (preview, organize, second, undo))
    yield Goal("G3 peak memory", peak / 1e6, "MB", 300.0)
    moving = organize.get("phases", {}).get("move_seconds") or organize["seconds"]
    yield Goal("G4 undo / moves", undo["seconds"] / moving, "x", 1.2)
    yield Goal("G6 second run / find", second["seconds"] / second["find_seconds"], "x", 2.0)
    full_size = figures["parameters"]["files"] == 1_000_000
    yield Goal("G7 whole preview", preview["seconds"], "s", 10.0 if full_size else None)
    if preview["first_output_seconds"] is not None:
        yield Goal("G7 first numbers", preview["first_output_seconds"], "s", 1.0 if full_size else None)


def growth_of(small: Figures, large: Figures) -> Iterator[Goal]:
    """Give the memory that each further file costs, by phase, between two sizes."""
    more = large["parameters"]["files"] - small["parameters"]["files"]
    for phase in ("preview", "organize", "second", "undo"):
        grown = large["engine"][phase]["peak_bytes"] - small["engine"][phase]["peak_bytes"]
        yield Goal(f"G3 growth, {phase}", grown / more, "bytes/file", 100.0)


def table(report: Figures) -> str:
    """Give the report's goals as lines of text."""
    lines = [f"{'':44} {'value':>10} {'aim':>7} {'required':>9}"]
    for title, goals in report["goals"].items():
        lines.append(title)
        for goal in goals:
            aim, required = ("" if limit is None else f"{limit:g}" for limit in (goal["aim"], goal["required"]))
            value = f"{goal['value']:.2f} {goal['unit']}"
            lines.append(f"  {goal['name']:36} {value:>16} {aim:>7} {required:>9}  {goal['verdict']}")
    return "\n".join(lines)


def main() -> int:
    """Run what was asked for, write the JSON, print the table; 1 if a required goal was missed."""
    chosen = _arguments()
    chosen.dir.mkdir(parents=True, exist_ok=True)
    report: Figures = {"machine": machine(chosen.dir), "sizes": [], "goals": {}}
    sizes = [Parameters(files, chosen.content_bytes) for files in sorted(chosen.files)]
    for parameters in sizes:
        figures = race(chosen.dir, parameters, engine=not chosen.raw, clone=chosen.clone)
        report["sizes"].append(figures)
        report["goals"][f"{parameters.files:,} files"] = [_row(goal) for goal in goals_of(figures)]
    for small, large in zip(report["sizes"], report["sizes"][1:], strict=False):
        if "engine" in small:
            title = f"from {small['parameters']['files']:,} to {large['parameters']['files']:,} files"
            report["goals"][title] = [_row(goal) for goal in growth_of(small, large)]
    report["own_peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(report, indent=2) + "\n")
    print(table(report), flush=True)
    for parameters in () if chosen.keep else sizes:
        for copy in copies_for(chosen.dir, parameters, engine=not chosen.raw):
            remove_tree(copy)
    return int(any(row["verdict"] == "MISSED" for rows in report["goals"].values() for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[100_000], help="sizes, such as 100000 1000000")
    parser.add_argument("--content-bytes", type=int, default=Parameters.content_bytes, help="average size of a file")
    parser.add_argument("--dir", type=Path, default=Path("/tmp/fileorganizer-benchmarks"), help="where the trees go")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "benchmarks" / "engine.json")
    parser.add_argument("--raw", action="store_true", help="the raw limits only")
    parser.add_argument("--clone", action="store_true", help="hard-link the Python loop's tree instead of making it")
    parser.add_argument("--keep", action="store_true", help="leave the trees: those still unspoilt are used again")
    chosen = parser.parse_args()
    if not chosen.raw and not is_there():
        parser.error("the product isn't installed beside this Python; --raw measures the raw limits alone")
    return chosen


def _row(goal: Goal) -> Figures:
    return {**asdict(goal), "verdict": goal.verdict}


def _clone(source: Path, target: Path) -> float:
    clone_tree(source, target)
    return 0.0


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


if __name__ == "__main__":
    raise SystemExit(main())
