"""A long part of the proofs in slices: on all cores, and each slice once for a commit, however often the whole is interrupted."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

HOME = Path(__file__).resolve().parents[2]
STATE = HOME / "data" / "proofs"


def commit() -> str:
    """The beginning of the name of the commit that is proven."""
    words = ["git", "rev-parse", "HEAD"]
    return subprocess.run(words, cwd=HOME, capture_output=True, text=True, check=True).stdout[:12]


def in_slices(part: str, work: Callable[[str], Any], slices: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Each slice with what ``work`` says of it (a value for JSON), in any order; raises what the first that fails raises.

    What was said for this commit is taken from the state of the part, not worked out again.
    """
    STATE.mkdir(parents=True, exist_ok=True)
    state = STATE / f"{part}-{commit()}.jsonl"
    lines = state.read_text().splitlines() if state.exists() else []
    known = {which: result for which, result in map(json.loads, lines) if which in slices}
    yield from known.items()
    left = [which for which in slices if which not in known]
    # Forked, because what the cases are made of can't be sent; all at once, before there is a thread that a fork would lose.
    forking = multiprocessing.get_context("fork")
    with state.open("a") as file, ProcessPoolExecutor(os.cpu_count(), mp_context=forking) as pool:
        running = {pool.submit(work, which): which for which in left}
        try:
            for future in as_completed(running):
                which, result = running[future], future.result()
                file.write(json.dumps([which, result]) + "\n")
                file.flush()
                yield which, result
        finally:
            pool.shutdown(cancel_futures=True)
