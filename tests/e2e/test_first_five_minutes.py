"""From the set-up link to a folder in order and back, by mouse and by keyboard only."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Arrive
from tests.support.at_start.sitecustomize import unmeasured
from tests.support.browser import Visitor
from tests.support.pictures import picture
from tests.support.server import PASSWORD, ROOT, Person, Server, running_server
from tests.support.trees import read_tree, write_tree

HOSTILE = "<img src=x onerror=alert(1)>.txt"
TURNED = "exe.\u202egpj.pdf"
"""Shows as exe.fdp.jpg where the direction is believed."""
MESSY = {
    "beach.jpg": picture("JPEG"),
    "notes.txt": "notes",
    HOSTILE: "inert",
    TURNED: "%PDF-1.4",
    "song.mp3": b"ID3" + bytes(64),
    "half.iso.part": "unfinished",
    "Trip": {"map.png": picture("PNG"), "notes.txt": "others"},
    "project": {"package.json": "{}", "index.js": "1"},
}


def set_up_link(server: Server) -> str:
    """The one-time link that the terminal shows."""
    command = [sys.executable, "-m", "backend.manage", "setup-link"]
    shown = subprocess.run(
        command, env=unmeasured(server.environment), cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return "/setup" + re.search(r"/setup(#\S+)", shown)[1]  # type: ignore[index]


def only_home(server: Server) -> Path:
    """The folder of a server's only user."""
    (home,) = (server.data_dir / "storage").iterdir()
    return home


def test_first_account_to_undo(browser: Browser, tmp_path: Path) -> None:
    """Set up, preview, ask why, apply, undo one file, undo all: the folder is as it was, and no name was more than text."""
    with running_server(tmp_path / "server", measured=False) as server:
        context = browser.new_context(locale="en-GB", reduced_motion="reduce")
        visitor = Visitor(context.new_page(), server)
        page = visitor.page
        visitor.open(set_up_link(server))
        page.get_by_label("E-mail").fill("ann@example.org")
        page.get_by_label("User name").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        visitor.button("Make the account").click()
        expect(page.get_by_role("heading", name="Organize a folder")).to_be_visible()
        home = only_home(server)
        write_tree(home, MESSY)
        before = read_tree(home)

        visitor.pick_home()
        visitor.see_plan()
        assert read_tree(home) == before
        tree = page.get_by_role("tree", name="Before")
        tree.get_by_text(HOSTILE).click()
        why = page.get_by_role("complementary", name="Its way, and why")
        expect(why).to_contain_text("its extension is .txt")
        expect(page.get_by_role("tree", name="After").get_by_role("treeitem", selected=True)).to_contain_text(HOSTILE)
        expect(tree.get_by_text("⟨U+202E⟩")).to_be_visible()

        visitor.run_by("Apply to")
        assert (home / "Images").is_dir() and not (home / "beach.jpg").exists()
        assert (home / "project" / "index.js").exists() and (home / "half.iso.part").exists()

        records = page.get_by_role("region", name="Every file")
        records.get_by_role("button", name="beach.jpg").first.click()
        visitor.button("Undo this file").click()
        visitor.run_by("Put 1 file back")
        assert (home / "beach.jpg").exists() and not (home / "notes.txt").exists()

        page.get_by_role("link", name="History").click()
        page.get_by_role("main").get_by_role("link", name="Organized").click()
        visitor.button("Undo everything").click()
        visitor.run_by("Put ")
        assert read_tree(home) == before
        assert visitor.complaints == []
        context.close()


def test_by_keyboard_only(arrive: Arrive, ann: Person) -> None:
    """The same way without a mouse: every stop can be reached by Tab, and the trees by arrows."""
    write_tree(ann.home, MESSY)
    before = read_tree(ann.home)
    visitor = arrive()
    page = visitor.page
    visitor.open("/sign-in")
    to_field(page, "User name or e-mail")
    page.keyboard.type(ann.username)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    tab_to(page, "Organize a folder")
    page.keyboard.press("Enter")
    tab_to(page, "My folder")
    page.keyboard.press("Enter")
    tab_to(page, "Look at it")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=re.compile("^See the plan"))).to_have_count(3)  # none is being stopped then
    tab_to(page, "See the plan")
    page.keyboard.press("Enter")
    expect(page.get_by_role("tree", name="Before").get_by_text("notes.txt")).to_be_visible()
    tab_to(page, "Before")
    for key in ("End", "ArrowUp", "Home", "ArrowDown", "End", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("complementary", name="Its way, and why")).to_be_visible()
    tab_to(page, "Apply to")
    plan = page.url
    page.keyboard.press("Enter")
    visitor.ended(plan)
    assert read_tree(ann.home) != before
    tab_to(page, "Undo everything")
    page.keyboard.press("Enter")
    expect(visitor.button("Put ")).to_be_enabled()
    tab_to(page, "Put ")
    run = page.url
    page.keyboard.press("Enter")
    visitor.ended(run)
    assert read_tree(ann.home) == before


FOCUSED = """() => {
  const here = document.activeElement;
  return here?.getAttribute("aria-label") ?? here?.labels?.[0]?.textContent ?? here?.textContent ?? "";
}"""
STOPS = 80


def tab_to(page: Page, name: str) -> None:
    """Press Tab until something of this name has the focus."""
    for _ in range(STOPS):
        if page.evaluate(FOCUSED).strip().startswith(name):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name!r} can't be reached by Tab")


def to_field(page: Page, label: str) -> None:
    """The same for a field."""
    expect(page.get_by_label(label)).to_be_visible()
    tab_to(page, label)
