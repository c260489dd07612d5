"""Pictures of every view for the documentation: ``python -m tests.e2e.screenshots`` writes ``docs/images``.

They show the real server on the sample folder. Look at them after a change of the dashboard; names of views as arguments
make only those anew. ``--language es --to FOLDER`` shows what a translation looks like.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, ImageColor, ImageDraw
from playwright.sync_api import Page, expect

from tests.support.browser import Visitor, running_browser
from tests.support.server import ROOT, Person, Server, running_server
from tests.support.trees import write_tree

IMAGES = ROOT / "docs" / "images"
DESK, PHONE = {"width": 1360, "height": 860}, {"width": 390, "height": 844}
COLOURS = 256
FOLDER = Path(tempfile.gettempdir()) / "ann" / "Downloads"
"""Its name is in the pictures."""
MANY = 60_000
LANGUAGES = {"en": "en-GB", "es": "es-ES"}
LOOKS: tuple[tuple[str, Any, Any], ...] = (("light", DESK, "light"), ("dark", DESK, "dark"), ("phone", PHONE, "light"))
DESK_FILES = {
    **{f"letter {number}.docx": 41_000 + 700 * number for number in range(14)},
    **{f"IMG_{number:04}.jpg": 160_000 + 3_000 * number for number in range(2040, 2061)},
    **{f"budget {year}.xlsx": 18_000 for year in range(2018, 2025)},
    **{f"talk {number}.pptx": 90_000 for number in range(4)},
    **{f"song {number}.mp3": 250_000 for number in range(9)},
    "clip.mp4": 700_000,
    "holiday.mp4": 900_000,
    "backup.zip": 300_000,
    "notes.epub": 120_000,
}


Says = Callable[[str], str]
"""How the dashboard says something, by the key that it has in its catalogue; up to the first value in it."""


def main() -> None:
    """Make them all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("views", nargs="*", help="only these")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the dashboard (default: %(default)s)")
    parser.add_argument("--to", type=Path, default=IMAGES, help="the folder (default: docs/images)")
    given = parser.parse_args()
    wanted, says = set(given.views), _catalogue(given.language)
    given.to.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(FOLDER.parent, ignore_errors=True)
    with tempfile.TemporaryDirectory() as place, running_server(Path(place)) as server:
        ann = _prepared(server)
        views = _seeded(ann, says)
        with running_browser() as browser:
            for kind, size, theme in LOOKS:
                context = browser.new_context(
                    viewport=size, color_scheme=theme, locale=LANGUAGES[given.language], reduced_motion="reduce"
                )
                visitor = Visitor(context.new_page(), server)
                if not wanted or "sign-in" in wanted:
                    visitor.open("/sign-in")
                    expect(visitor.button(says("gate.sign-in")).last).to_be_visible()
                    _take(visitor.page, given.to / f"sign-in-{kind}.png")
                visitor.sign_in(ann)
                for name, (path, prepare) in views.items():
                    if wanted and name not in wanted:
                        continue
                    visitor.open(path)
                    expect(visitor.page.locator("h1").first).to_be_visible()
                    expect(visitor.page.locator(".waiting")).to_have_count(0)
                    prepare(visitor)
                    visitor.page.wait_for_load_state("networkidle")
                    _take(visitor.page, given.to / f"{name}-{kind}.png")
                if kind == "phone" and (not wanted or "live" in wanted):
                    _live(visitor, ann, says, given.to)
                context.close()
    shutil.rmtree(FOLDER.parent)


def _catalogue(language: str) -> Says:
    """The words of a language."""
    source = (ROOT / "web-dashboard" / "src" / "lib" / "strings.ts").read_text(encoding="utf-8")
    found = re.findall(r'^  "([^"]+)": \[\s*"([^"]*)",\s*"([^"]*)",?\s*\]', source, re.MULTILINE)
    words = {key: english if language == "en" else spanish for key, english, spanish in found}
    return lambda key: words[key].split("{")[0]


def _prepared(server: Server) -> Person:
    """An administrator with the sample folder."""
    subprocess.run([sys.executable, "scripts/sample_folder.py", str(FOLDER)], cwd=ROOT, check=True, capture_output=True)
    ann = server.administrator("ann", exactly=True)
    command = [sys.executable, "-m", "backend.manage", "grant", ann.username, str(FOLDER)]
    subprocess.run(command, env=server.environment, cwd=ROOT, check=True, capture_output=True)
    return ann


def _seeded(ann: Person, says: Says) -> dict[str, tuple[str, Callable[[Visitor], None]]]:
    """Some history, and the address and the state of each view."""
    ann.post("/categories", {"name": "Invoices", "color": "#b4552d", "rules": {"keywords": ["invoice"]}}, status=201)
    run = ann.done(str(FOLDER))
    ann.finished(ann.post(f"/operations/{run['id']}/rollback"))
    search = ann.done(str(FOLDER), operation_type="duplicate_cleanup")
    clean = ann.finished(ann.post(f"/duplicates/{search['id']}/cleanup", {"min_size_bytes": 500}))
    write_tree(ann.home / "Desk", {name: "x" * size for name, size in DESK_FILES.items()})
    desk = ann.done("Desk")
    beach, hills = _photo("#8fc7e8", "#f4d9a0", "#2f7fa8"), _photo("#f3b48c", "#fbe3b5", "#4f7a4a")
    write_tree(ann.home / "Camera", {"beach.jpg": beach, "Copies": {"beach.jpg": beach, "sea.jpg": beach}})
    write_tree(ann.home / "Camera" / "2019", {"hills.png": hills, "hills (1).png": hills})
    alike = ann.done("Camera", operation_type="duplicate_cleanup")
    plan = ann.done(str(FOLDER), is_dry_run=True)
    assert clean["files_processed"] and alike["duplicates_found"] == 3

    def as_it_is(_: Visitor) -> None:
        """Nothing to do."""

    def folder_picked(visitor: Visitor) -> None:
        """A folder is looked into."""
        visitor.page.get_by_role("button", name="Downloads").first.click()
        expect(visitor.page.locator(".sub-folders")).to_be_visible()

    def three_layouts(visitor: Visitor) -> None:
        """The folder is picked and looked at."""
        visitor.page.get_by_role("button", name="Downloads").first.click()
        visitor.page.get_by_label(says("organize.recursive")).check()
        visitor.button(says("organize.look")).click()
        expect(visitor.page.get_by_role("link", name=re.compile("^" + says("layouts.see")))).to_have_count(3)

    def pictures_there(visitor: Visitor) -> None:
        """A small picture has come: those in sight do."""
        expect(visitor.page.locator(".thumbnail img").first).to_be_visible()

    def file_chosen(visitor: Visitor) -> None:
        """A file is selected, so both trees show it and the panel says why."""
        visitor.page.locator(".tree-side.before .tree-row.file").nth(8).click()
        expect(visitor.page.get_by_role("complementary")).to_contain_text(says("why.by-extension"))

    def undo_asked(visitor: Visitor) -> None:
        """The undo is asked for."""
        visitor.button(says("undo.all")).click()
        expect(visitor.button(says("undo.button"))).to_be_enabled()

    def new_category(visitor: Visitor) -> None:
        """The form is open and tried."""
        visitor.button(says("categories.new")).click()
        visitor.page.get_by_label(says("categories.keywords"), exact=True).fill("song")
        expect(visitor.page.get_by_role("region", name=says("categories.matches-label"))).to_contain_text("Song")

    return {
        "overview": ("/", as_it_is),
        "picker": ("/organize", folder_picked),
        "layouts": ("/organize", three_layouts),
        "plan": (f"/plans/{plan['id']}", file_chosen),
        "run": (f"/runs/{run['id']}", as_it_is),
        "undo": (f"/runs/{desk['id']}", undo_asked),
        "history": ("/history", as_it_is),
        "duplicates": (f"/duplicates?of={alike['id']}", pictures_there),
        "trash": ("/trash", as_it_is),
        "files": ("/files?q=holiday", as_it_is),
        "reports": ("/reports", as_it_is),
        "report": (f"/reports/{run['id']}", as_it_is),
        "categories": ("/categories", new_category),
        "settings": ("/settings", as_it_is),
        "admin": ("/admin", as_it_is),
    }


def _photo(sky: str, sun: str, ground: str) -> bytes:
    """A picture: a low sun, hills one behind the other."""
    made = io.BytesIO()
    picture = Image.new("RGB", (640, 420), sky)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((380, 130, 500, 250), fill=sun)
    for layer in range(4):
        tone = tuple(int(part * (1 - 0.2 * layer)) for part in ImageColor.getrgb(ground))
        pen.ellipse((-300 + 170 * layer, 210 + 45 * layer, 460 + 190 * layer, 700), fill=tone)
        pen.ellipse((320 - 200 * layer, 240 + 45 * layer, 1000 - 120 * layer, 800), fill=tone)
    picture.save(made, "JPEG", quality=92)
    return made.getvalue()


def _live(visitor: Visitor, ann: Person, says: Says, folder: Path) -> None:
    """A run in the middle, in all looks one after the other."""
    write_tree(ann.home / "Camera roll", {f"IMG_{number:05}.jpg": "x" * 2_000 for number in range(MANY)})
    plan = ann.done("Camera roll", is_dry_run=True, detect_duplicates=False)
    page = visitor.page
    visitor.open(f"/plans/{plan['id']}")
    visitor.button(says("apply.button")).click()
    figures = page.get_by_role("region", name=says("run.live")).locator("dd")
    expect(figures.nth(2)).to_have_text(re.compile(r"\d"))  # files a second: it has begun
    expect(figures.nth(3)).to_have_text(re.compile(r"\d"))
    for kind, size, theme in LOOKS:
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=theme)
        _take(page, folder / f"live-{kind}.png")
    expect(figures.first).to_be_visible()  # all were taken before it ended


def _take(page: Page, path: Path) -> None:
    """One picture, small enough for a repository."""
    page.wait_for_timeout(300)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").quantize(COLOURS).save(path, optimize=True)


if __name__ == "__main__":
    main()
