"""`python -m benchmarks.duplicates`: race the search for duplicates against the C tools, and print the ratios.

Every contender searches the same tree in turn, round after round; its best time
counts. Before each warm search the whole tree is read once, because some systems
page out what wasn't touched for a minute; what had to come from the disk all the
same is in the figures. A tree in memory (``--dir`` on a tmpfs) is warm for certain.
Cold rounds drop the page cache first, where that is permitted, and then
warm up the program itself on an empty folder, so that not its libraries but the
tree is read from the disk. Ours starts without remembered digests, but in the
second search of each tree. Where jdupes is installed, the race only counts if ours
finds as many groups and redundant files as it does.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.__main__ import REPOSITORY, Goal, machine, table
from benchmarks.engine import PROGRAM
from benchmarks.processes import find_seconds
from benchmarks.tree import Parameters, make_tree, remove_tree

CONTENT_BYTES = 2_000
"""Average size of the small files: about what the figures of the performance design were measured with."""
LARGE_FILES, LARGE_BYTES = 40, 64 << 20
RIVALS: dict[str, tuple[str, ...]] = {
    "jdupes": ("jdupes", "-r", "-q"),
    "jdupes -Q": ("jdupes", "-r", "-q", "-Q"),
    "rdfind": ("rdfind", "-dryrun", "true"),
    "fdupes": ("fdupes", "-r", "-q"),
    "duff": ("duff", "-r"),
    "rmlint": ("rmlint", "-T", "df", "--hidden", "-o", "summary:stdout"),
}
OWN = ("duplicates", "--json", "--include-hidden", "--no-keep-together", "--quiet")
_DROP = Path("/proc/sys/vm/drop_caches")
Figures = dict[str, Any]


@dataclass(frozen=True)
class Timed:
    """One search by one contender."""

    seconds: float
    peak_bytes: int
    """Of the largest process."""
    processor_seconds: float
    disk_bytes: int
    """Read from a disk: of a warm tree there should be none."""


class Contender:
    """A program that searches for duplicates; ours has a cache folder of its own."""

    def __init__(self, name: str, command: Sequence[str], cache: Path | None = None) -> None:
        self.name, self._command, self._cache = name, list(command), cache

    def search(self, root: Path, limit: float) -> Timed | None:
        """Search a tree; None when it takes longer than ``limit`` seconds."""
        environment = dict(os.environ)
        if self._cache is not None:
            environment |= {"XDG_CACHE_HOME": str(self._cache), "XDG_STATE_HOME": str(self._cache)}
        start = time.monotonic()
        with subprocess.Popen(
            [*self._command, str(root)],
            env=environment,
            cwd="/tmp",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            stop = threading.Timer(limit, process.kill)
            stop.start()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - start
            stop.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode < 0:
            return None
        return Timed(seconds, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime, usage.ru_inblock * 512)

    def forget(self) -> None:
        """Drop what it remembers between searches."""
        if self._cache is not None:
            shutil.rmtree(self._cache, ignore_errors=True)

    def said(self, root: Path) -> Figures:
        """What ours says of a tree, and the most memory that all its processes had together."""
        environment = {**os.environ, "XDG_CACHE_HOME": str(self._cache), "XDG_STATE_HOME": str(self._cache)}
        most = 0
        with tempfile.TemporaryFile() as output:
            with subprocess.Popen([*self._command, str(root)], env=environment, stdout=output) as process:
                while process.poll() is None:
                    most = max(most, sum(map(_proportional_bytes, _family(process.pid))))
                    time.sleep(0.05)
            output.seek(0)
            head = output.read().partition(b',"groups":[')[0] + b"}"
        return {**json.loads(head), "memory_of_all_processes": most}


def _family(pid: int) -> Iterator[int]:
    """A process and its children."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in map(int, children):
        yield from _family(child)


def _proportional_bytes(pid: int) -> int:
    """Memory of a process, shared pages divided by those who share them."""
    try:
        found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def make_large_files(root: Path) -> None:
    """Files of 64 MiB: a third has an equal, a third differs from another in one byte somewhere, a third is alone."""
    if (root.with_name(root.name + ".done")).exists():
        return
    root.mkdir(parents=True, exist_ok=True)
    chance = random.Random(3)
    for number in range(LARGE_FILES):
        content = bytearray(random.Random(number // 3 if number % 3 else number).randbytes(LARGE_BYTES))
        if number % 3 == 2 and number % 2:
            content[chance.randrange(LARGE_BYTES)] ^= 1
        (root / f"{number}.bin").write_bytes(content)
    root.with_name(root.name + ".done").touch()


def race(root: Path, contenders: Sequence[Contender], rounds: int, limit: float, *, cold: bool) -> Figures:
    """Everybody's best of some rounds on one tree; ours is the first."""
    best: dict[str, Timed] = {}
    slow: set[str] = set()
    for _ in range(rounds):
        for contender in contenders:
            if contender.name in slow:
                continue
            contender.forget()
            if not cold:
                warm_up(root)
            else:
                drop_caches()
                with tempfile.TemporaryDirectory() as empty:
                    contender.search(Path(empty), limit)
            found = contender.search(root, limit)
            if found is None:
                slow.add(contender.name)
            elif contender.name not in best or found.seconds < best[contender.name].seconds:
                best[contender.name] = found
            print(
                f"  {contender.name:12} {'over ' + str(limit) if found is None else f'{found.seconds:.2f}'} s",
                flush=True,
            )
    return {name: asdict(timed) for name, timed in best.items()}


def warm_up(root: Path) -> None:
    """Have all names, inodes and contents in memory."""
    find_seconds(root)
    subprocess.run(["find", str(root), "-type", "f", "-exec", "cat", "{}", "+"], stdout=subprocess.DEVNULL, check=True)


def drop_caches() -> None:
    """Have everything written, and forgotten by the system."""
    os.sync()
    _DROP.write_text("3\n")


def may_drop_caches() -> bool:
    """Is that permitted here?"""
    return os.access(_DROP, os.W_OK)


def second_search(root: Path, own: Contender, rounds: int) -> Figures:
    """Search again with remembered digests; what the first one kept, `find` beside it."""
    own.forget()
    warm_up(root)
    time.sleep(2.5)  # what was changed within two seconds isn't remembered
    first = own.said(root)
    seconds, find = [], []
    for _ in range(rounds):
        find.append(find_seconds(root))
        timed = own.search(root, 600)
        assert timed is not None
        seconds.append(timed.seconds)
    second = own.said(root)
    return {
        "first": first,
        "seconds": min(seconds),
        "find_seconds": min(find),
        "bytes_read": second["bytes_read"],
        "memory_of_all_processes": max(first["memory_of_all_processes"], second["memory_of_all_processes"]),
    }


def goals_of(figures: Figures, *, small: bool, large: bool) -> Iterator[Goal]:
    """The goals of one tree."""
    for state in ("warm", "cold"):
        times = {name: timed["seconds"] for name, timed in figures.get(state, {}).items()}
        rivals = {name: seconds for name, seconds in times.items() if name != "ours"}
        if "ours" not in times or not rivals:
            continue
        required = None if large else 0.5 if state == "cold" else 1.0 if small else 0.7
        fastest = min(rivals, key=lambda name: rivals[name])
        yield Goal(f"ours, {state}", times["ours"], "s", None)
        yield Goal(f"{fastest}, {state} (the fastest)", rivals[fastest], "s", None)
        yield Goal(f"G5 ours / fastest, {state}", times["ours"] / rivals[fastest], "x", required)
    second = figures["second"]
    yield Goal("G5 memory, all processes", second["memory_of_all_processes"] / 1e6, "MB", 200.0)
    yield Goal("G6 second search / find", second["seconds"] / second["find_seconds"], "x", None if large else 2.0)
    yield Goal("G6 content read by it", float(second["bytes_read"]), "bytes", 0.0)


def require_agreement(root: Path, said: Figures) -> None:
    """Raise AssertionError when jdupes counts other groups than ours; nothing is compared where it isn't installed."""
    if shutil.which("jdupes"):
        command = ["jdupes", "-r", "-q", "-m", str(root)]
        summary = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"(\d+) duplicate files \(in (\d+) sets\)", summary)
        theirs = (int(found[1]), int(found[2])) if found else (0, 0)
        own = (said["redundant_files"], said["total_groups"])
        assert theirs == own, f"jdupes finds {theirs}, ours {own} (redundant files, groups)"


def measure(root: Path, chosen: argparse.Namespace, cache: Path) -> Figures:
    """Everything about one tree."""
    own = Contender("ours", [str(PROGRAM), *OWN], cache)
    rivals = [Contender(name, RIVALS[name]) for name in chosen.rivals if shutil.which(RIVALS[name][0])]
    figures: Figures = {"warm": race(root, [own, *rivals], chosen.rounds, chosen.limit, cold=False)}
    figures["second"] = second_search(root, own, chosen.rounds)
    require_agreement(root, figures["second"]["first"])
    if not chosen.no_cold and may_drop_caches():
        figures["cold"] = race(root, [own, *rivals], 1, chosen.limit, cold=True)
    return figures


def main() -> int:
    """Run what was asked for, write the JSON, print the table; 1 if a required goal was missed."""
    chosen = _arguments()
    chosen.dir.mkdir(parents=True, exist_ok=True)
    report: Figures = {"machine": machine(chosen.dir), "trees": {}, "goals": {}}
    report["nice"] = os.nice(0)
    report["rivals"] = {name: shutil.which(command[0]) is not None for name, command in RIVALS.items()}
    with tempfile.TemporaryDirectory(prefix="duplicates-cache-", dir=chosen.dir) as cache:
        for files in sorted(chosen.files):
            root = chosen.dir / f"duplicates-{files}"
            make_tree(root, Parameters(files, CONTENT_BYTES))
            _note(
                report,
                f"{files:,} files",
                measure(root, chosen, Path(cache) / "c"),
                small=files <= 100_000,
                large=False,
            )
            if not chosen.keep:
                remove_tree(root)
        if chosen.large:
            root = chosen.dir / "duplicates-large"
            make_large_files(root)
            title = f"{LARGE_FILES} files of {LARGE_BYTES >> 20} MiB"
            _note(report, title, measure(root, chosen, Path(cache) / "c"), small=False, large=True)
            if not chosen.keep:
                shutil.rmtree(root)
                root.with_name(root.name + ".done").unlink()
    if not may_drop_caches():
        print("NOT MEASURED: cold (caches can't be dropped here)")
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(report, indent=1) + "\n")
    print(table(report))
    return int(any(row["verdict"] == "MISSED" for rows in report["goals"].values() for row in rows))


def _note(report: Figures, title: str, figures: Figures, *, small: bool, large: bool) -> None:
    report["trees"][title] = figures
    goals = goals_of(figures, small=small, large=large)
    report["goals"][title] = [{**asdict(goal), "verdict": goal.verdict} for goal in goals]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.duplicates", description=__doc__)
    parser.add_argument("--files", type=int, nargs="*", default=[100_000], help="sizes, such as 100000 1000000")
    parser.add_argument("--large", action="store_true", help="a set of large files, too")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=float, default=150.0, help="seconds after which a rival is stopped")
    parser.add_argument("--no-cold", action="store_true", help="don't drop the system's caches")
    parser.add_argument("--rivals", nargs="+", default=list(RIVALS), choices=list(RIVALS))
    parser.add_argument("--dir", type=Path, default=Path("/tmp/fileorganizer-benchmarks"), help="where the trees go")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs" / "benchmarks" / "duplicates.json")
    parser.add_argument("--keep", action="store_true", help="leave the trees for the next run")
    chosen = parser.parse_args()
    if not PROGRAM.exists():
        parser.error("the product isn't installed beside this Python")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
