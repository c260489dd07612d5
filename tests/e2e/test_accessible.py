"""Every view by axe, dark and light, on a desk and on a phone."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.e2e.conftest import Arrive
from tests.support.server import Server
from tests.support.trees import write_tree

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1360, "height": 860}
LOOKS: tuple[tuple[Any, Any], ...] = (("light", DESK), ("dark", DESK), ("light", PHONE))


def test_no_violations(arrive: Arrive, server: Server) -> None:
    """Each view, filled with something, has no violation of the rules that axe knows, and a phone doesn't scroll sideways."""
    admin = server.administrator()
    tree = {"a.txt": "same bytes", "b.txt": "same bytes", "c.jpg": "x", "half.part": "y", "Trip": {"a.txt": "z"}}
    write_tree(admin.home, tree)
    admin.done(str(admin.home), operation_type="duplicate_cleanup", duplicate_action="trash")
    preview = admin.done(str(admin.home), is_dry_run=True)
    run = admin.done(str(admin.home))
    areas = ["/", "/organize", f"/plans/{preview['id']}", f"/runs/{run['id']}", "/history", "/duplicates", "/trash"]
    areas += ["/files?q=txt", "/reports", f"/reports/{run['id']}", "/categories", "/settings", "/admin", "/sign-in"]
    visitor = arrive(admin)
    found: dict[str, list[str]] = {}
    for area in areas:
        visitor.open(area)
        expect(visitor.page.locator("h1")).to_be_visible()
        expect(visitor.page.locator(".waiting")).to_have_count(0)
        for theme, size in LOOKS:
            visitor.page.emulate_media(color_scheme=theme)
            visitor.page.set_viewport_size(size)
            found[f"{area} {theme} {size}"] = visitor.violations()
        if visitor.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            found[f"{area} on a phone"] = ["scrolls sideways"]
    assert {area: those for area, those in found.items() if those} == {}
    visitor.page.evaluate("localStorage.setItem('language', 'es')")
    wide = []
    for area in areas[:-1]:
        visitor.open(area)
        expect(visitor.page.locator("h1")).to_be_visible()
        expect(visitor.page.locator(".waiting")).to_have_count(0)
        if visitor.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            wide.append(area)
    assert wide == []  # the words of the other language are longer


def test_the_undo_dialog_and_the_why_panel(arrive: Arrive, server: Server) -> None:
    """What opens on demand, too."""
    ann = server.sign_up("ann")
    write_tree(ann.home, {"a.txt": "x"})
    preview = ann.done(str(ann.home), is_dry_run=True)
    visitor = arrive(ann, at="/categories")
    visitor.button("New category").click()
    expect(visitor.page.get_by_role("radio", name="star")).to_be_attached()
    assert visitor.violations() == []
    visitor.open(f"/plans/{preview['id']}")
    visitor.page.get_by_role("tree", name="Before").get_by_text("a.txt").click()
    expect(visitor.page.get_by_role("complementary")).to_contain_text("extension")
    assert visitor.violations() == []
    visitor.run_by("Apply to")
    visitor.button("Undo everything").click()
    expect(visitor.button("Put 1 file back")).to_be_enabled()
    assert visitor.violations() == []
    run = ann.done(str(ann.home))
    told = {**run, "status": "running", "phase": "moving", "files_failed": 1}
    visitor.page.route_web_socket("**", lambda _silent: None)  # its end isn't told
    visitor.page.route(f"**/api/v1/operations/{run['id']}", lambda route: route.fulfill(json=told))
    visitor.open(f"/runs/{run['id']}")
    expect(visitor.page.get_by_role("region", name="What failed so far")).to_be_visible()
    assert visitor.violations() == []
