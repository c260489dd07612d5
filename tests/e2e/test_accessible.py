"""Every view by axe, dark and light, on a desk and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Arrive
from tests.support.server import Person, Server
from tests.support.trees import write_tree

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1360, "height": 860}


@pytest.fixture(scope="module")
def furnished(server: Server) -> tuple[Person, list[str]]:
    """An administrator with something in every view, and the views."""
    admin = server.administrator()
    tree = {"a.txt": "same bytes", "b.txt": "same bytes", "c.jpg": "x", "half.part": "y", "Trip": {"a.txt": "z"}}
    write_tree(admin.home, tree)
    admin.done(str(admin.home), operation_type="duplicate_cleanup", duplicate_action="trash")
    preview = admin.done(str(admin.home), is_dry_run=True)
    run = admin.done(str(admin.home))
    areas = ["/", "/organize", f"/plans/{preview['id']}", f"/runs/{run['id']}", "/history", "/duplicates", "/trash"]
    areas += ["/files?q=txt", "/reports", f"/reports/{run['id']}", "/categories", "/settings", "/admin", "/sign-in"]
    return admin, areas


@pytest.mark.parametrize(("theme", "size"), [("light", DESK), ("dark", DESK), ("light", PHONE)])
def test_no_violations(arrive: Arrive, furnished: tuple[Person, list[str]], theme: str, size: dict[str, int]) -> None:
    """Each view, filled with something, has no violation of the rules that axe knows."""
    admin, areas = furnished
    visitor = arrive(admin, color_scheme=theme, viewport=size, reduced_motion="reduce")
    found: dict[str, list[str]] = {}
    for area in areas:
        visitor.open(area)
        expect(visitor.page.locator("h1")).to_be_visible()
        expect(visitor.page.locator(".waiting")).to_have_count(0)
        found[area] = visitor.violations()
    assert {area: those for area, those in found.items() if those} == {}


def test_the_undo_dialog_and_the_why_panel(arrive: Arrive, server: Server) -> None:
    """What opens on demand, too."""
    ann = server.sign_up("ann")
    write_tree(ann.home, {"a.txt": "x"})
    preview = ann.done(str(ann.home), is_dry_run=True)
    visitor = arrive(ann)
    visitor.open(f"/plans/{preview['id']}")
    visitor.page.get_by_role("tree", name="Before").get_by_text("a.txt").click()
    expect(visitor.page.get_by_role("complementary")).to_contain_text("extension")
    assert visitor.violations() == []
    visitor.run_by("Apply to")
    visitor.button("Undo everything").click()
    expect(visitor.button("Put 1 file back")).to_be_enabled()
    assert visitor.violations() == []
