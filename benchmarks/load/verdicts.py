"""The figures of a load test beside what is promised (docs/benchmarks: G1, G2, G3, G8, G10), and beside those of the run before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

MILLION: Final = 1_000_000
LARGE: Final = 100_000
"""In fewer files what an operation needs to begin and to end weighs more than the files."""
Figures = dict[str, Any]


@dataclass(frozen=True)
class Verdict:
    """One promise: the figure, the limit that it must keep, and whether more is wanted (``at_least``) or less."""

    name: str
    value: float
    unit: str
    limit: float
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """Was it kept?"""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def row(self) -> Figures:
        """For the report."""
        return {**asdict(self), "value": round(self.value, 4), "kept": self.kept}


def verdicts_of(results: Figures) -> Iterator[Verdict]:
    """What this run can tell."""
    if results["files"] >= LARGE:
        yield from _of_the_large_tree(results["alone"])
    parts = results["parts"]
    workers = [part["processes"]["worker"]["peak_bytes"] for part in parts if "worker" in part["processes"]]
    if workers:
        yield Verdict("G3 peak memory of the worker", max(workers) / 1e6, "MB", 300.0)
    last = parts[-1]
    if last["p95_ms"] is not None:
        yield Verdict("G8 p95", last["p95_ms"], "ms", 25.0)
        yield Verdict("G8 p99", last["p99_ms"], "ms", 60.0)
        if results["bare"] and results["bare"]["p95_ms"] is not None:
            yield Verdict("G8 p95 / bare uvicorn with a SELECT", last["p95_ms"] / results["bare"]["p95_ms"], "x", 3.0)
    yield Verdict("G8 errors", sum(sum(part["errors"].values()) for part in parts), "", 0.0)
    if last["cache"]:
        yield Verdict("G10 cache hits", 100 * last["cache"]["hit_rate"], "%", 90.0, at_least=True)
    yield Verdict("G10 stale answers", sum(part["stale_answers"] for part in parts), "", 0.0)


def _of_the_large_tree(alone: Figures) -> Iterator[Verdict]:
    """Organized without anybody else there; times are brought to a million files, whatever the size was."""
    plain, searched = (one for one in alone["operations"] if one["type"] == "organize")
    yield Verdict("organizing a million files", plain["seconds"] * MILLION / plain["files"], "s", 300.0)
    if raw := alone["raw_seconds"]:
        name = f"G1 organizing / ({' + '.join(raw)})"
        yield Verdict(name, plain["seconds"] / sum(raw.values()), "x", 2.2)
    yield Verdict("G2 with duplicates, a million files", searched["seconds"] * MILLION / searched["files"], "s", 50.0)


def told(results: Figures) -> dict[str, float]:
    """The figure of each verdict. Raises KeyError or TypeError for what isn't the results of a run."""
    return {row["name"]: row["value"] for row in results["verdicts"]}


def compared(results: Figures, before: Figures) -> list[Figures]:
    """Each verdict's figure then and now. Runs of other sizes, arrangements or machines say little about each other."""
    then = told(before)
    return [
        {"name": row["name"], "unit": row["unit"], "before": then[row["name"]], "now": row["value"]}
        for row in results["verdicts"]
        if row["name"] in then
    ]
