"""Organize a large tree through the API while many people use it: throughput, times to answer, memory, promises kept.

    python scripts/load_test.py --files 100000 --duration 60 --report

Starts a server of its own, on SQLite, or where DATABASE_URL and REDIS_URL name
them, in a new database on PostgreSQL, on Redis and with workers of Celery.
First the tree is organized alone, then while people browse at the limits that
a server has by default, then with limits raised, then while they ask a bare
uvicorn for the same pages. ``--url`` tests a server that
runs, at the limits it has, as long as ``--duration`` says; its storage must be on this machine and writable. Accounts named
load-… stay there, without files.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import click
import httpx
import psycopg
import uvloop

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # run by its path, a script sees only its own folder

from benchmarks.__main__ import machine  # noqa: E402
from benchmarks.load.bare import running_bare  # noqa: E402
from benchmarks.load.loading import measure_load  # noqa: E402
from benchmarks.load.measuring import Large, Place, measured  # noqa: E402
from benchmarks.load.pages import page_of  # noqa: E402
from benchmarks.load.people import Crowd, client_of, sign_up  # noqa: E402
from benchmarks.load.verdicts import compared, told, verdicts_of  # noqa: E402
from benchmarks.load.watching import groups_of  # noqa: E402
from benchmarks.raw import measure_find, measure_renames  # noqa: E402
from benchmarks.tree import Parameters, clone_tree, make_tree, remove_tree  # noqa: E402
from tests.support.postgres import new_database  # noqa: E402
from tests.support.server import Server, running_server  # noqa: E402

RESULTS: Final = ROOT / "data" / "reports" / "load_test_results.json"
OPTIMIZE: Final = ROOT / "scripts" / "database_optimization.py"
LIMITS: Final = ("RATE_LIMIT_USER", "RATE_LIMIT_GLOBAL", "RATE_LIMIT_EXPORT", "RATE_LIMIT_TREES")
TOKEN: Final = "of the load test alone"  # nosec B105  # shows the counters of a server that is thrown away
Figures = dict[str, Any]


@click.command(help=__doc__)
@click.option("--files", type=click.IntRange(1), default=100_000, show_default=True, help="Files in the large tree.")
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds of each part, at least.",
)
@click.option("--concurrent", type=click.IntRange(1), default=100, show_default=True, help="People who browse.")
@click.option("--report", is_flag=True, help="Write an HTML page with plots, too.")
@click.option("--url", help="A server that runs. METRICS_TOKEN lets it tell its counters.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=RESULTS, help="Where the figures go.")
def main(*, files: int, duration: float, concurrent: int, report: bool, url: str | None, out: Path) -> None:
    """Run it, print the verdict, write the results; ends with 1 when an answer was wrong."""
    before = _before(out)
    if url:
        _look_for(url)
    started = machine(Path(tempfile.gettempdir()))
    try:
        results = _run(url, files, duration, concurrent)
    except (httpx.HTTPError, aiohttp.ClientError, psycopg.Error, OSError, RuntimeError) as error:
        said = str(error) or type(error).__name__
        raise click.ClickException(f"It couldn't be brought to its end: {said}") from error
    results = {"machine": started, "files": files, "people": concurrent, "arrangement": _arrangement(url), **results}
    results["verdicts"] = [verdict.row() for verdict in verdicts_of(results)]
    results["compared"] = compared(results, before) if before else []
    out.write_text(json.dumps(results, indent=1) + "\n")
    click.echo(_summary(results))
    click.echo(f"The figures are in {out}")
    if report:
        page = out.with_suffix(".html")
        page.write_text(page_of(results))
        click.echo(f"The report is {page}")
    if any(part["errors"] or part["stale_answers"] for part in results["parts"]):
        raise SystemExit(1)


def _run(url: str | None, files: int, duration: float, concurrent: int) -> Figures:
    """All parts, on the server at ``url`` or on one of our own."""
    if url:
        place = Place(url.rstrip("/"), os.environ.get("METRICS_TOKEN", ""), None)
        return uvloop.run(_all_parts(place, None, files, duration, concurrent))
    with own_server() as server:
        place = Place(server.url, TOKEN, groups_of(server))
        return uvloop.run(_all_parts(place, server, files, duration, concurrent))


def _before(out: Path) -> Figures | None:
    """The figures of the run before; looked at first, as is whether there is a place for new ones."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        text = out.read_text() if out.exists() else ""
        figures: Figures | None = json.loads(text) if text else None
        if figures is not None:
            told(figures)  # what is of another kind is somebody else's
        with out.open("a"):
            return figures
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{out} can't take the figures: {error!r}. Name another file with --out.") from error


def _look_for(url: str) -> None:
    """Is there such a server, and is it ready?"""
    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=10, trust_env=False).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(f"No server that is ready answers at {url}: {error}") from error


@contextmanager
def own_server() -> Iterator[Server]:
    """A server with everything new; nothing of it is left in the end."""
    place = Path(tempfile.mkdtemp(prefix="load-test-"))
    environment = {
        "METRICS_TOKEN": TOKEN,
        "ACCESS_TOKEN_EXPIRE_MINUTES": "1440",
        "STORAGE_DIR": str(place / "storage"),
        "PLAN_DIR": str(place / "plans"),
    }
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgresql"):
        environment["DATABASE_URL"] = new_database(given.rpartition("/")[0])
    else:
        environment["DATABASE_URL"] = ""
    if os.environ.get("REDIS_URL"):
        environment["REDIS_URL"] = os.environ["REDIS_URL"]
    try:
        with running_server(place / "data", **environment) as server:
            if environment["DATABASE_URL"]:  # as the documents tell everybody who runs it on PostgreSQL
                command = [sys.executable, str(OPTIMIZE), "--optimize"]
                subprocess.run(command, env=server.environment, check=True, capture_output=True)
            yield server
    finally:
        shutil.rmtree(place)
        if environment["DATABASE_URL"]:
            _drop_database(environment["DATABASE_URL"])


def _drop_database(url: str) -> None:
    """Remove the database that was made for the test."""
    server, _, name = url.replace("+psycopg", "").rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


async def _all_parts(place: Place, server: Server | None, files: int, duration: float, concurrent: int) -> Figures:
    """Everybody arrives, the large tree is made and organized alone; then come the parts with people."""
    async with client_of(place.url, 4 * concurrent + 4) as client:
        crowd = Crowd()
        large = Large(await sign_up(client, []), "tree")
        try:
            click.echo(f"{concurrent} people arrive …", err=True)
            await crowd.arrive(client, concurrent)
            click.echo(f"{files} files are made, and organized alone …", err=True)
            alone = await _alone(server, large, files)
            parts = []
            for name in ("default limits", "limits raised") if server else ("the server's limits",):
                if server:
                    await asyncio.to_thread(_restart, server, raised=name == "limits raised")
                await crowd.settle_in()
                parts.append(await measured(name, place, large, crowd, duration))
                await large.take_back()
            bare = await _bare(server, large, crowd, duration) if server else None
        finally:
            for person in (large.person, *crowd.people):
                await asyncio.to_thread(_empty, person.home)
    return {"alone": alone, "parts": parts, "bare": bare}


async def _bare(server: Server, large: Large, crowd: Crowd, duration: float) -> Figures:
    """The same people at the same pace before a server that does next to nothing, while ours organizes the large tree."""
    with running_bare(server) as url:
        async with client_of(url) as client:
            part = await measured("bare", Place(url, "", None), large, crowd.elsewhere(client), duration)
    await large.take_back()
    return {name: part[name] for name in ("requests", "requests_per_second", "p50_ms", "p95_ms", "p99_ms", "errors")}


def _empty(home: Path) -> None:
    """Remove what somebody made in a home of the test's own."""
    for entry in home.iterdir():
        if entry.is_dir():
            shutil.rmtree(os.fsencode(entry))
        else:
            entry.unlink()


async def _alone(server: Server | None, large: Large, files: int) -> Figures:
    """The large tree is made, and organized without anybody else there; beside it, what goal G1 is compared with.

    That is find with stat, a loop of renames in C, and, where the database is known, its records loaded at once.
    """
    tree = large.person.home / large.name
    copy = large.person.home / "raw-limit"
    await asyncio.to_thread(make_tree, tree, Parameters(files))
    raw = {}
    if shutil.which("cc"):
        clone_tree(tree, copy)
        loop = measure_renames(copy)["c"]
        assert isinstance(loop, dict)
        raw = {"find": measure_find(tree), "renames": loop["mkdir_seconds"] + loop["rename_seconds"]}
        remove_tree(copy)
    for detect in (False, True):
        await large.organize(detect_duplicates=detect)
        await large.take_back()
    if raw and server:
        raw["load"] = await asyncio.to_thread(measure_load, server)
    raw_seconds = {name: round(seconds, 2) for name, seconds in raw.items()}
    return {"name": "alone", "raw_seconds": raw_seconds, "operations": large.operations}


def _restart(server: Server, *, raised: bool) -> None:
    """Start the API anew, with limits raised or as they are by default."""
    server.stop()
    for name in LIMITS:
        server.environment.pop(name, None)
        if raised:
            server.environment[name] = "1000000"
    server.start()


def _arrangement(url: str | None) -> str:
    """On what the server stands."""
    if url:
        return "a server that ran already"
    database = "PostgreSQL" if os.environ.get("DATABASE_URL", "").startswith("postgresql") else "SQLite"
    return f"{database} and Redis" if os.environ.get("REDIS_URL") else database


def _summary(results: Figures) -> str:
    """What people want to know first."""
    lines = []
    for part in results["parts"]:
        lines += [
            f"{part['name']}: {part['requests']} requests ({part['requests_per_second']}/s), p50 {part['p50_ms']},"
            f" p95 {part['p95_ms']}, p99 {part['p99_ms']} ms, {part['refused']} refused, errors {part['errors'] or 'none'}"
        ]
        lines += [
            f"  {endpoint:28} {one['requests']:6} requests  p50 {one['p50_ms']}  p95 {one['p95_ms']}  p99 {one['p99_ms']} ms"
            for endpoint, one in part["endpoints"].items()
        ]
        lines += [
            f"  {name:28} {cost['cpu_seconds']:6.1f} s of CPU, {cost['peak_bytes'] / 1e6:.0f} MB at the most"
            for name, cost in part["processes"].items()
        ]
        lines += [f"  cache: {part['cache']}", f"  database, of the API: {part['database']}"]
    if results["bare"]:
        lines.append(
            "bare uvicorn with one SELECT: p50 {p50_ms}, p95 {p95_ms}, p99 {p99_ms} ms".format(**results["bare"])
        )
    for one in results["alone"]["operations"]:
        lines.append(f"alone, {one['type']}: {one['files']} files in {one['seconds']} s, {one['files_per_second']}/s")
    for row in results["verdicts"]:
        sign, verdict = "≥" if row["at_least"] else "≤", "kept" if row["kept"] else "MISSED"
        lines.append(f"{row['name']:40} {row['value']:10.2f} {row['unit']:3} {sign} {row['limit']:g}  {verdict}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
