"""The load test's own reckoning: percentiles, refusals and errors, promises, the comparison with the run before, the page."""

from __future__ import annotations

from typing import Any

from benchmarks.load.measuring import answers_of, percentile
from benchmarks.load.pages import page_of, plot
from benchmarks.load.people import Answer
from benchmarks.load.verdicts import compared, verdicts_of


def results(**changed: Any) -> dict[str, Any]:
    """The results of a run in which all promises were kept, with changes to its only part."""
    organize = {"type": "organize", "files": 100_000, "files_per_second": 25_000, "detect_duplicates": False}
    operations = [{**organize, "seconds": 4.0}, {**organize, "seconds": 4.5, "detect_duplicates": True}]
    part: dict[str, Any] = {
        "name": "limits raised",
        "requests": 2,
        "requests_per_second": 1.0,
        "p50_ms": 5.0,
        "p95_ms": 20.0,
        "p99_ms": 50.0,
        "refused": 0,
        "errors": {},
        "endpoints": {"/files<b>": {"requests": 2, "p50_ms": 5.0, "p95_ms": 20.0, "p99_ms": None, "refused": 0}},
        "operations": operations,
        "changes": 1,
        "stale_answers": 0,
        "cache": {"hits": 95, "misses": 5, "hit_rate": 0.95},
        "database": None,
        "processes": {"worker": {"cpu_seconds": 3.0, "peak_bytes": 200_000_000}},
        "series": {"p50": [(0.0, 5.0)], "p95": [(0.0, 20.0), (1.0, 10.0)], "files": [], "memory": {"worker": [(0, 1)]}},
        **changed,
    }
    found: dict[str, Any] = {
        "machine": {"started": "now", "processor": "one", "cores": 2, "commit": "abc", "load_at_start": 0.5},
        "files": 100_000,
        "people": 2,
        "arrangement": "SQLite",
        "alone": {"name": "alone", "raw_seconds": {"find": 0.5, "renames": 1.0, "load": 0.5}, "operations": operations},
        "parts": [part],
        "bare": {"p50_ms": 3.0, "p95_ms": 8.0, "p99_ms": 9.0},
        "compared": [],
    }
    return {**found, "verdicts": [verdict.row() for verdict in verdicts_of(found)]}


def missed(found: dict[str, Any]) -> set[str]:
    """The promises that weren't kept."""
    return {row["name"] for row in found["verdicts"] if not row["kept"]}


def test_percentiles_are_values_that_were_there() -> None:
    """Of a hundred values the 95th; of one value that; of none nothing."""
    assert [percentile(range(1, 101), share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert (percentile([7.0], 0.95), percentile([], 0.95)) == (7.0, None)


def test_refused_and_wrong_answers_are_told_apart() -> None:
    """429 is no error and has no part in the times; 500, and no answer at all, are errors."""
    statuses = ((200, 0.01), (200, 0.02), (429, 9.0), (500, 0.03), (0, 0.04))
    found = answers_of([Answer(0.0, "/files", seconds, status) for status, seconds in statuses], 2.0)
    assert (found["requests"], found["refused"], found["errors"]) == (5, 1, {"500": 1, "0": 1})
    assert (found["requests_per_second"], found["p99_ms"]) == (2.5, 40.0)
    assert found["endpoints"]["/files"]["refused"] == 1


def test_each_promise_can_be_missed() -> None:
    """What is over a limit is missed, and only that."""
    assert missed(results()) == set()
    assert missed(results(p95_ms=25.1)) == {"G8 p95", "G8 p95 / bare uvicorn with a SELECT"}
    assert missed({**results(), "verdicts": [v.row() for v in verdicts_of({**results(), "bare": None})]}) == set()
    nobody = {"p50_ms": None, "p95_ms": None, "p99_ms": None}  # in a short run the only one may read all the time
    assert not any("bare" in verdict.name for verdict in verdicts_of({**results(), "bare": nobody}))
    assert missed(results(errors={"503": 1})) == {"G8 errors"}
    assert missed(results(cache={"hits": 89, "misses": 11, "hit_rate": 0.89})) == {"G10 cache hits"}
    assert missed(results(stale_answers=1)) == {"G10 stale answers"}
    assert missed(results(processes={"worker": {"peak_bytes": 300_000_001}})) == {"G3 peak memory of the worker"}


def test_small_trees_say_nothing_about_large_ones() -> None:
    """A few hundred files aren't brought to a million."""
    names = {verdict.name for verdict in verdicts_of({**results(), "files": 500})}
    assert "G8 p95" in names and not any(name.startswith(("G1 ", "G2", "organizing")) for name in names)


def test_a_run_is_compared_with_the_one_before() -> None:
    """Figure by figure, those that both have."""
    rows = {row["name"]: (row["before"], row["now"]) for row in compared(results(p95_ms=10.0), results())}
    assert rows["G8 p95"] == (20.0, 10.0) and rows["G1 organizing / (find + renames + load)"] == (2.0, 2.0)


def test_the_page_stands_alone() -> None:
    """It has the verdicts, the comparison and the plots, escapes what it shows, and loads nothing."""
    found = results(p95_ms=30.0)
    page = page_of({**found, "compared": compared(found, results())})
    assert "missed" in page and "Beside the run before" in page and page.count("<svg") == 3
    assert "/files&lt;b&gt;" in page and "<script" not in page and "http" not in page


def test_a_plot_fills_its_frame() -> None:
    """The highest value is at the top, the latest at the right, zero at the bottom."""
    drawn = plot({"p95": [(0.0, 0.0), (10.0, 50.0)]})
    assert drawn["lines"][0]["points"] == f"60.0,{drawn['bottom']}.0 630.0,24.0"
