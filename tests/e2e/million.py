"""What a plan of a million files costs in the browser: ``python -m tests.e2e.million`` prints the table of
``docs/proofs/dashboard.md``. Run it on a machine that does nothing else; it takes about three minutes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import Visitor, running_browser
from tests.support.server import Person, Server, running_server

A_FOLDER = 1000
EXTENSIONS = ("jpg", "mp3", "pdf", "zip", "mp4", "py", "xlsx", "epub")
OLDEST, YEARS, SECONDS_A_YEAR = 1_104_537_600, 20, 31_556_952
"""From 2005 on: eight categories in twenty years are 160 folders, each with files from everywhere."""
TIMES = 5
SCROLL_SECONDS = 15
PATIENCE = 1_200
OPENED = """([tree, name]) => new Promise((done) => {
  const box = document.querySelector(`.tree-side.${tree} .tree`);
  const row = [...box.querySelectorAll(".tree-row.folder")].find((row) => row.textContent.includes(name));
  const level = String(Number(row.ariaLevel) + 1);
  const began = performance.now();
  row.click();
  const look = () => {
    const there = [...box.querySelectorAll(`.tree-row[aria-level="${level}"]`)];
    if (there.some((inner) => inner.matches(".file, .folder"))) done(performance.now() - began);
    else requestAnimationFrame(look);
  };
  look();
})"""
"""Click a folder, and wait until something that lies in it is drawn."""
CLOSED = """([tree, name]) => {
  const rows = [...document.querySelectorAll(`.tree-side.${tree} .tree-row.folder`)];
  rows.find((row) => row.textContent.includes(name)).click();
}"""
SCROLLED = """([seconds]) => new Promise((done) => {
  const box = document.querySelector(".tree-side.after .tree");
  const tasks = [];
  new PerformanceObserver((seen) => tasks.push(...seen.getEntries().map((task) => task.duration)))
    .observe({ type: "longtask" });
  const ends = performance.now() + 1000 * seconds;
  const step = () => {
    box.scrollTop += 400;
    if (performance.now() < ends) requestAnimationFrame(step);
    else setTimeout(() => done({
      tasks: tasks.map(Math.round),
      rows: document.querySelectorAll(".tree-row").length,
      known: Math.round(box.scrollHeight / 26),
      heap: Math.round(performance.memory.usedJSHeapSize / 1e6),
    }), 500);
  };
  step();
})"""


def main() -> None:
    """Make the tree and the plan, look at it, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000, help="how many files (default: %(default)s)")
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as place, running_server(Path(place) / "server") as server:
        ann = server.sign_up("ann")
        _make_files(ann.home / "many", files)
        os.sync()  # else it is written while we look
        began = time.monotonic()
        options: dict[str, Any] = {"is_dry_run": True, "detect_duplicates": False, "recursive": True}
        plan = ann.finished(ann.start("many", **options), PATIENCE)
        print(
            f"\nA preview of {files:,} files in {files // A_FOLDER:,} folders (made in {time.monotonic() - began:.0f} s):\n"
        )
        with running_browser() as browser:
            page = browser.new_context(locale="en-GB", viewport={"width": 1360, "height": 860}).new_page()
            visitor = Visitor(page, server)
            visitor.sign_in(ann)
            rows = [*_opening(visitor, f"/plans/{plan['id']}"), *_scrolling(page)]
        rows.append(_page_of_files(server, ann, plan["id"]))
    for row in (("", "measured", "goal"), ("---", "---", "---"), *rows):
        print("| " + " | ".join(row) + " |")


def _make_files(root: Path, files: int) -> None:
    """Empty files, a thousand a folder, of eight kinds and twenty years."""
    for folder in range(max(1, files // A_FOLDER)):
        inside = root / f"folder {folder:04}"
        inside.mkdir(parents=True)
        for number in range(min(files, A_FOLDER)):
            serial = folder * A_FOLDER + number
            path = inside / f"{serial:07}.{EXTENSIONS[serial % len(EXTENSIONS)]}"
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
            moment = OLDEST + SECONDS_A_YEAR * (serial // len(EXTENSIONS) % YEARS) + 4_000_000
            os.utime(path, (moment, moment))


def _opening(visitor: Visitor, address: str) -> list[tuple[str, str, str]]:
    """How long the plan takes to be there, and folders of both trees to open."""
    page = visitor.page
    there = []
    for _ in range(TIMES):
        page.goto("about:blank")
        began = time.monotonic()
        visitor.open(address)
        for tree in ("before", "after"):
            expect(page.locator(f".tree-side.{tree} .tree-row").first).to_be_visible()
        there.append(1000 * (time.monotonic() - began))
    names = page.locator(".tree-side.after .tree-row.folder .folder-name").all_inner_texts()[:TIMES]
    before, kinds, years = [], [], []
    for number in range(TIMES):
        before.append(page.evaluate(OPENED, ["before", f"folder {number:04}"]))
        page.evaluate(CLOSED, ["before", f"folder {number:04}"])
    for name in names:
        kinds.append(page.evaluate(OPENED, ["after", name]))
        years.append(page.evaluate(OPENED, ["after", "2014"]))
        page.evaluate(CLOSED, ["after", name])
    return [
        ("address entered → both trees drawn", _span(there), "≤ 2 s"),
        ("folder opened, before", _span(before), "≤ 300 ms"),
        ("folder opened, after (its folders are there)", _span(kinds), "≤ 300 ms"),
        ("folder opened, after: its first 300 files, which come from everywhere", _span(years), "≤ 300 ms"),
    ]


def _scrolling(page: Page) -> list[tuple[str, str, str]]:
    """Scrolling through a folder whose pages come as they are needed."""
    page.evaluate(OPENED, ["after", page.locator(".tree-side.after .folder-name").first.inner_text()])
    seen = page.evaluate(SCROLLED, [SCROLL_SECONDS])
    tasks = ", ".join(f"{task} ms" for task in sorted(seen["tasks"], reverse=True)[:TIMES]) or "none"
    return [
        (
            f"{SCROLL_SECONDS} s of scrolling, {seen['known']:,} rows known at the end: tasks over 50 ms",
            tasks,
            "none over 100 ms",
        ),
        ("rows in the page, heap of the tab", f"{seen['rows']}, {seen['heap']} MB", ""),
    ]


def _page_of_files(server: Server, ann: Person, plan: str) -> tuple[str, str, str]:
    """Processor time of the server for the same page, cursor and all, that the browser asked for."""
    folder = ann.get(f"/operations/{plan}/preview?depth=2")["after"]["folders"][0]["folders"][-1]["path"]
    costs = []
    for _ in range(TIMES):
        began = _processor_ms(server)
        ann.get(f"/operations/{plan}/plan", params={"path": folder, "tree": "after", "limit": 300})
        costs.append(_processor_ms(server) - began)
    return ("processor time of the server for such a page", _span(costs), "≤ 100 ms")


def _processor_ms(server: Server) -> float:
    """What the server's process has used so far; in steps of 10 ms."""
    assert server.process is not None
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _span(milliseconds: list[float]) -> str:
    """The least and the most."""
    least, most = round(min(milliseconds)), round(max(milliseconds))
    return f"{least} ms" if least == most else f"{least}–{most} ms"


if __name__ == "__main__":
    main()
