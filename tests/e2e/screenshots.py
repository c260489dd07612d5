"""Pictures of every view for the documentation: ``python -m tests.e2e.screenshots`` writes ``docs/images``.

They show the real server on the sample folder. Look at them after a change of the dashboard; names of views as arguments
make only those anew.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

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
MANY = 40_000
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


def main() -> None:
    """Make them all, or those that are named."""
    wanted = set(sys.argv[1:])
    IMAGES.mkdir(exist_ok=True)
    shutil.rmtree(FOLDER.parent, ignore_errors=True)
    with tempfile.TemporaryDirectory() as place, running_server(Path(place)) as server:
        ann = _prepared(server)
        views = _seeded(ann)
        with running_browser() as browser:
            for kind, size, theme in (("light", DESK, "light"), ("dark", DESK, "dark"), ("phone", PHONE, "light")):
                context = browser.new_context(
                    viewport=size, color_scheme=theme, locale="en-GB", reduced_motion="reduce"  # type: ignore[arg-type]
                )
                visitor = Visitor(context.new_page(), server)
                if not wanted or "sign-in" in wanted:
                    visitor.open("/sign-in")
                    expect(visitor.button("Sign in").last).to_be_visible()
                    _take(visitor.page, f"sign-in-{kind}")
                visitor.sign_in(ann)
                for name, (path, prepare) in views.items():
                    if wanted and name not in wanted:
                        continue
                    visitor.open(path)
                    expect(visitor.page.locator("h1").first).to_be_visible()
                    expect(visitor.page.locator(".waiting")).to_have_count(0)
                    prepare(visitor)
                    _take(visitor.page, f"{name}-{kind}")
                if kind == "phone" and (not wanted or "live" in wanted):
                    visitor.page.set_viewport_size(DESK)  # type: ignore[arg-type]
                    _live(visitor, ann)
                context.close()
    shutil.rmtree(FOLDER.parent)


def _prepared(server: Server) -> Person:
    """An administrator with the sample folder."""
    subprocess.run([sys.executable, "scripts/sample_folder.py", str(FOLDER)], cwd=ROOT, check=True, capture_output=True)
    ann = server.administrator("ann", exactly=True)
    command = [sys.executable, "-m", "backend.manage", "grant", ann.username, str(FOLDER)]
    subprocess.run(command, env=server.environment, cwd=ROOT, check=True, capture_output=True)
    return ann


def _seeded(ann: Person) -> dict[str, tuple[str, Callable[[Visitor], None]]]:
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

    def three_layouts(visitor: Visitor) -> None:
        """The folder is picked and looked at."""
        visitor.page.get_by_role("button", name="Downloads").first.click()
        visitor.page.get_by_label("Go into its subfolders, too").check()
        visitor.button("Look at it").click()
        expect(visitor.page.get_by_role("link", name=re.compile("^See the plan"))).to_have_count(3)

    def pictures_there(visitor: Visitor) -> None:
        """A small picture has come: those in sight do."""
        expect(visitor.page.locator(".thumbnail img").first).to_be_visible()

    def file_chosen(visitor: Visitor) -> None:
        """A file is selected, so both trees show it and the panel says why."""
        visitor.page.locator(".tree-side.before .tree-row.file").nth(8).click()
        expect(visitor.page.get_by_role("complementary")).to_contain_text("extension")

    def undo_asked(visitor: Visitor) -> None:
        """The undo is asked for."""
        visitor.button("Undo everything").click()
        expect(visitor.button("Put ")).to_be_enabled()

    def new_category(visitor: Visitor) -> None:
        """The form is open and tried."""
        visitor.button("New category").click()
        visitor.page.get_by_label("Words in the name").fill("song")
        expect(visitor.page.get_by_text("of your last preview")).to_be_visible()

    return {
        "overview": ("/", as_it_is),
        "layouts": ("/organize", three_layouts),
        "plan": (f"/plans/{plan['id']}", file_chosen),
        "run": (f"/runs/{run['id']}", as_it_is),
        "undo": (f"/runs/{desk['id']}", undo_asked),
        "history": ("/history", as_it_is),
        "duplicates": (f"/duplicates?of={alike['id']}", pictures_there),
        "trash": ("/trash", as_it_is),
        "files": ("/files?q=holiday", as_it_is),
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


def _live(visitor: Visitor, ann: Person) -> None:
    """A run in the middle."""
    write_tree(ann.home / "Burst", {f"IMG_{number:05}.txt": "x" * 2_000 for number in range(MANY)})
    plan = ann.done("Burst", is_dry_run=True, detect_duplicates=False)
    visitor.open(f"/plans/{plan['id']}")
    visitor.button("Apply to").click()
    expect(visitor.page.get_by_text(re.compile(r"\d,\d{3} of 40,000"))).to_be_visible()
    _take(visitor.page, "live-light")


def _take(page: Page, name: str) -> None:
    """One picture, small enough for a repository."""
    page.wait_for_timeout(300)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").quantize(COLOURS).save(IMAGES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
