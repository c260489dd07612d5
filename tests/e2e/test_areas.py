"""The other areas, each with a real effect that is looked at on the disk or through the API."""

from __future__ import annotations

import re
import shutil

import httpx
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.e2e.conftest import Arrive
from tests.support.pictures import picture
from tests.support.server import Person, Server
from tests.support.trees import read_tree, write_tree


def test_duplicates_to_the_trash_and_back(arrive: Arrive, ann: Person) -> None:
    """Search, preview by rule, apply: one copy stays. Restore all: the folder is as it was."""
    write_tree(ann.home, {"a.txt": "same bytes", "b.txt": "same bytes", "c.txt": "same bytes", "d.txt": "others"})
    before = read_tree(ann.home)
    visitor = arrive(ann, at="/duplicates")
    page = visitor.page
    visitor.button("Search for duplicates").click()
    expect(page.get_by_text("3 copies, 10 B each")).to_be_visible()
    visitor.button("Preview the clean-up").click()
    visitor.run_by("Apply to 2 files")
    assert len(list(ann.home.glob("[abc].txt"))) == 1 and (ann.home / "d.txt").exists()
    page.get_by_role("link", name="Trash").click()
    page.get_by_label("Choose all that are shown").check()
    visitor.run_by("Bring 2 back")
    assert read_tree(ann.home) == before


def test_one_group_by_keys(arrive: Arrive, ann: Person) -> None:
    """j and k go from copy to copy, d marks one or not, s lets only one stay, Enter puts away; the last copy can't go."""
    write_tree(ann.home, {"a.txt": "same bytes", "b.txt": "same bytes", "c.txt": "same bytes"})
    visitor = arrive(ann, at="/duplicates")
    page = visitor.page
    visitor.button("Search for duplicates").click()
    a, b, c = (page.get_by_role("checkbox").nth(at) for at in range(3))
    a.focus()
    page.keyboard.press("2")
    expect(b).not_to_be_checked()
    for key in ("j", "d"):
        page.keyboard.press(key)
    expect(page.get_by_text("One copy has to stay.")).to_be_visible()
    for key in ("j", "d", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("2 copies, 10 B each")).to_be_visible()
    assert [path.name for path in sorted(ann.home.glob("*.txt"))] == ["b.txt", "c.txt"]
    expect(c).to_have_count(0)
    b.focus()
    for key in ("s", "k", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="No duplicates here")).to_be_visible()
    assert [path.name for path in sorted(ann.home.glob("*.txt"))] == ["c.txt"]


def test_pictures_of_copies(arrive: Arrive, ann: Person) -> None:
    """Equal pictures stand side by side, each as it is on the disk."""
    write_tree(ann.home, {"a.jpg": picture("JPEG"), "b.jpg": picture("JPEG")})
    search = ann.done(str(ann.home), operation_type="duplicate_cleanup")
    visitor = arrive(ann, at=f"/duplicates?of={search['id']}")
    expect(visitor.page.locator(".thumbnail img")).to_have_count(2)


def test_a_new_category_changes_the_preview(arrive: Arrive, ann: Person) -> None:
    """The form shows what it would take of the last preview; the next one files by it."""
    write_tree(ann.home, {"invoice-7.pdf": "%PDF-1.4", "invoices.pdf": "%PDF-1.4", "letter.pdf": "%PDF-1.4"})
    ann.done(str(ann.home), is_dry_run=True)
    visitor = arrive(ann, at="/categories")
    page = visitor.page
    visitor.button("New category").click()
    page.get_by_label("Name (its folder is called so)").fill("Accounts")
    page.get_by_label("Words in the name").fill("invoice")
    matches = page.get_by_role("region", name="What it would take")
    expect(matches).to_contain_text("Takes 1 of the 3 files")
    expect(matches).to_contain_text("1 nearly")
    page.get_by_role("radio", name="receipt").check(force=True)
    visitor.button("Save").click()
    expect(page.get_by_role("main").get_by_text("Accounts", exact=True)).to_be_visible()
    (made,) = (category for category in ann.get("/categories")["categories"] if category["is_custom"])
    assert made["icon"] == "receipt"
    preview = ann.done(str(ann.home), is_dry_run=True)
    visitor.open(f"/plans/{preview['id']}")
    page.get_by_label("Category").select_option("Accounts")
    listed = page.get_by_role("group", name="Files of the plan")
    expect(listed).to_contain_text("Accounts/2021/invoice-7.pdf")
    page.get_by_label("Category").select_option("All")
    page.get_by_label("Decided by").select_option("a word in the name")
    expect(listed.get_by_role("button")).to_have_count(1)
    page.get_by_label("Decided by").select_option("the extension")
    expect(listed.get_by_role("button")).to_have_count(2)
    visitor.open("/categories")
    visitor.button("Remove").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("From the next preview on nothing goes there.")
    dialog.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("You have none of your own yet.")).to_be_visible()
    assert all(not category["is_custom"] for category in ann.get("/categories")["categories"])


def test_a_folder_with_nothing_to_file(arrive: Arrive, ann: Person) -> None:
    """It says whether there is nothing at all, or only nothing loose."""
    write_tree(ann.home, {"Trip": {"a.txt": "x"}})
    visitor = arrive(ann)
    visitor.pick_home(recursive=False)
    expect(visitor.page.get_by_text("There are no loose files here.")).to_have_count(3)  # the next look waits for these
    visitor.button("Another folder").click()
    shutil.rmtree(ann.home / "Trip")
    visitor.pick_home()
    expect(visitor.page.get_by_text("There is nothing in this folder").first).to_be_visible()


def test_a_search_leads_to_its_duplicates(arrive: Arrive, ann: Person) -> None:
    """From the timeline to the search, and from there to the groups that it found."""
    write_tree(ann.home, {"a.txt": "same bytes", "b.txt": "same bytes"})
    ann.done(str(ann.home), operation_type="duplicate_cleanup")
    visitor = arrive(ann, at="/history")
    visitor.page.get_by_role("main").get_by_role("link", name="Duplicates").click()
    visitor.page.get_by_role("link", name="See the duplicates").click()
    expect(visitor.page.get_by_text("2 copies, 10 B each")).to_be_visible()


def test_key_made_used_and_revoked(arrive: Arrive, ann: Person, server: Server) -> None:
    """A key is shown once, works for a program, and stops when it is revoked."""
    visitor = arrive(ann, at="/settings")
    page = visitor.page
    page.get_by_label("What it is for").fill("script")
    visitor.button("Make a key").click()
    expect(page.get_by_text("it is shown only this once")).to_be_visible()
    key = page.locator("[data-key]").inner_text()
    asked = server.url + "/api/v1/operations"
    assert httpx.get(asked, headers={"X-API-Key": key}, trust_env=False).status_code == 200
    visitor.button("Revoke").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("can’t be brought back")
    assert httpx.get(asked, headers={"X-API-Key": key}, trust_env=False).status_code == 200
    dialog.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("revoked", exact=True)).to_be_visible()
    assert httpx.get(asked, headers={"X-API-Key": key}, trust_env=False).status_code == 401


def test_nothing_of_another_user_is_seen(arrive: Arrive, ann: Person, server: Server) -> None:
    """Bob finds no file, no operation and no folder of Ann's, not even by the address of her plan."""
    write_tree(ann.home, {"secret-plan.txt": "x"})
    preview = ann.done(str(ann.home), is_dry_run=True)
    ann.done(str(ann.home))
    bob = arrive(server.sign_up("bob"))
    page = bob.page
    for area in ("Overview", "History", "Reports", "Duplicates", "Trash"):
        page.get_by_role("link", name=area).click()
        expect(page.get_by_role("heading", level=1, name=area)).to_be_visible()
        expect(page.locator(".waiting")).to_have_count(0)
        expect(page.get_by_text("secret-plan")).to_have_count(0)
    page.get_by_role("link", name="Find a file").click()
    page.get_by_role("searchbox").fill("secret")
    expect(page.get_by_role("heading", name="Nothing is called like that")).to_be_visible()
    bob.open(f"/plans/{preview['id']}")
    expect(page.get_by_role("alert")).to_be_visible()
    assert any("404" in complaint for complaint in bob.complaints)
    bob.complaints.clear()


def test_session_ends_in_the_middle(arrive: Arrive, ann: Person) -> None:
    """A token that isn't taken any more is renewed without a word; a session that was ended leads to the door and back."""
    visitor = arrive(ann)
    page = visitor.page
    spoiled: list[str] = []

    def spoil(route: Route) -> None:
        """The server refuses the first question."""
        if spoiled:
            route.continue_()
            return
        spoiled.append(route.request.url)
        route.continue_(headers={**route.request.headers, "authorization": "Bearer not.a.token"})

    page.route("**/api/v1/operations?**", spoil)
    page.get_by_role("link", name="History").click()
    expect(page.get_by_role("heading", name="Nothing has happened yet")).to_be_visible()
    assert spoiled
    ann.ask("DELETE", "/auth/sessions")
    page.get_by_role("link", name="Settings").click()
    visitor.page.get_by_label("User name or e-mail").fill(ann.username)
    visitor.page.get_by_label("Password").fill("Tr0ub4dor & three")
    page.locator("form").get_by_role("button", name="Sign in").last.click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    assert visitor.complaints and all("401" in complaint for complaint in visitor.complaints)
    visitor.complaints.clear()


def test_progress_without_sockets(arrive: Arrive, ann: Person) -> None:
    """Where no WebSocket gets through, server-sent events are used, and where those don't, the page asks again and again."""
    write_tree(ann.home, {f"{number}.txt": str(number) for number in range(40)})
    visitor = arrive(ann)
    page = visitor.page

    def refuse(socket: WebSocketRoute) -> None:
        """As a proxy that knows no WebSocket."""
        socket.close()

    page.route_web_socket(re.compile("/ws/"), refuse)
    visitor.pick_home()
    visitor.see_plan()
    page.route("**/api/v1/operations/*/events", lambda route: route.fulfill(status=502))
    visitor.run_by("Apply to")
    assert visitor.complaints and all("502" in complaint for complaint in visitor.complaints)
    visitor.complaints.clear()


def test_reports_and_finding(arrive: Arrive, ann: Person) -> None:
    """A report is saved as a file; a file is found as one types, with its picture and its bytes."""
    write_tree(ann.home, {"beach.jpg": picture("JPEG"), "=cmd.txt": "x"})
    ann.done(str(ann.home))
    visitor = arrive(ann, at="/reports")
    page = visitor.page
    page.get_by_role("main").get_by_role("link", name="Organized").click()
    with page.expect_download() as saved:
        visitor.button("CSV").click()
    assert "beach.jpg" in saved.value.path().read_text()
    expect(page.get_by_role("region", name="By year of the last change")).to_contain_text("2021")
    page.get_by_role("link", name="Find a file").click()
    page.get_by_role("searchbox").fill("beach")
    expect(visitor.button("beach.jpg")).to_be_visible()
    page.get_by_role("combobox", name="Category").select_option("Documents")
    expect(page.get_by_role("heading", name="Nothing is called like that")).to_be_visible()
    page.get_by_role("combobox", name="Category").select_option("All")
    visitor.button("beach.jpg").click()
    expect(page.locator(".thumbnail img")).to_be_visible()
    with page.expect_download() as fetched:
        visitor.button("Download").click()
    assert fetched.value.path().read_bytes() == picture("JPEG")
    assert fetched.value.suggested_filename == "beach.jpg"


def test_spanish_and_dark_stay(arrive: Arrive, ann: Person) -> None:
    """Language and theme are kept over a reload, and every address can be opened directly."""
    visitor = arrive(ann, at="/settings")
    page = visitor.page
    visitor.button("Español").click()
    visitor.button("Oscuro").click()
    page.reload()
    expect(page.get_by_role("heading", name="Ajustes")).to_be_visible()
    expect(page).to_have_title("Ajustes · FileOrganizer Pro")
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_the_server_restarts_during_a_run(arrive: Arrive, ann: Person, server: Server) -> None:
    """A page that is open when the server is killed shows the end of the run once the server is back."""
    write_tree(ann.home, {f"{number}.txt": str(number) for number in range(12_000)})
    visitor = arrive(ann)
    page = visitor.page
    visitor.pick_home()
    visitor.see_plan(in_a_hurry=True)
    plan = page.url
    visitor.button("Apply to").click()
    expect(page.get_by_role("region", name="Happening now")).to_be_visible()
    server.kill()
    server.start()
    visitor.ended(plan)
    assert len(list(ann.home.glob("Documents/*/*.txt"))) == 12_000
    expected = (
        "ERR_CONNECTION",
        "WebSocket",
        "409",
    )  # the server was away; before, other layouts were just being stopped
    assert [complaint for complaint in visitor.complaints if not any(word in complaint for word in expected)] == []
    visitor.complaints.clear()
