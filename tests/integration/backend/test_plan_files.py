"""What a preview says of single files before anything is done, and what an undo would do."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.support.server import Person, Server
from tests.support.trees import read_tree, write_tree

DATABASES = ("sqlite",)  # plans are files; the database only says whose they are
TREE = {
    "a.txt": "a",
    "b.txt": "b",
    "half.part": "x",
    b"odd\xff.txt": "bytes",
    "trip": {"a.txt": "another", "photo.jpg": "jpg"},
    "app": {"package.json": "{}", "index.js": "1"},
}


@pytest.fixture
def preview(ann: Person) -> dict[str, Any]:
    """A preview of a messy folder."""
    write_tree(ann.home / "in", TREE)
    return ann.done("in", is_dry_run=True, layout="category")


def files(ann: Person, preview: dict[str, Any], query: str = "") -> dict[str, tuple[str | None, str]]:
    """The files of a plan: path → target, change."""
    found = ann.get(f"/operations/{preview['id']}/plan?limit=1000{query}")["files"]
    return {file["path"]: (file["target"], file["change"]) for file in found}


def test_files_of_a_folder_on_both_sides(ann: Person, preview: dict[str, Any]) -> None:
    """Before by where they are, after by where they will be; what is left alone is in both."""
    assert files(ann, preview) == {
        "a.txt": ("Documents/a.txt", "moved"),
        "b.txt": ("Documents/b.txt", "moved"),
        "half.part": (None, "skipped"),
        "odd\\xff.txt": ("Documents/odd\\xff.txt", "moved"),
        "app": (None, "kept_together"),
    }
    assert files(ann, preview, "&path=trip")["trip/a.txt"] == ("Documents/a (2).txt", "renamed")
    assert set(files(ann, preview, "&tree=after&path=Images")) == {"trip/photo.jpg"}
    assert set(files(ann, preview, "&tree=after")) == {"half.part", "app"}
    root = f"{ann.home}/in"
    assert files(ann, preview, f"&path={root}") == files(ann, preview, "&path=.") == files(ann, preview)
    assert (
        files(ann, preview, f"&path={root}/trip")
        == files(ann, preview, "&path=trip/")
        == files(ann, preview, "&path=trip")
    )
    asked = f"/operations/{preview['id']}/preview"
    for one, other in ((root, None), (f"{root}/trip", "trip")):
        there, here = (ann.get(asked, params={"path": path} if path else {}) for path in (one, other))
        assert there["before"] == here["before"] and there["before"]["files_below"] > 0
    assert ann.ask("GET", asked, params={"path": "/etc"}).status_code == 422


def test_filters_and_pages(ann: Person, preview: dict[str, Any]) -> None:
    """All that a filter lets through, page by page, each file once and in the plan's order."""
    assert set(files(ann, preview, "&below=true&change=renamed")) == {"trip/a.txt"}
    assert set(files(ann, preview, "&below=true&category=Images")) == {"trip/photo.jpg"}
    assert set(files(ann, preview, "&below=true&decided_by=extension")) == set(
        files(ann, preview, "&below=true&change=moved")
    ) | {"trip/a.txt"}
    assert files(ann, preview, "&below=true&decided_by=keyword") == {}
    assert set(files(ann, preview, "&below=true&reason=unfinished")) == {"half.part"}
    whole = list(files(ann, preview, "&below=true"))
    paged: list[str] = []
    cursor = ""
    while True:
        page = ann.get(f"/operations/{preview['id']}/plan?below=true&limit=2{cursor}")
        paged += [file["path"] for file in page["files"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert paged == whole and len(whole) == 7


def test_a_cursor_is_for_one_question(ann: Person, bob: Person, preview: dict[str, Any]) -> None:
    """S03: neither another question nor another user can go on with it."""
    cursor = ann.get(f"/operations/{preview['id']}/plan?below=true&limit=1")["next_cursor"]
    other = ann.ask("GET", f"/operations/{preview['id']}/plan?below=true&limit=2&cursor={cursor}")
    assert other.status_code == 404
    assert bob.ask("GET", f"/operations/{preview['id']}/plan?below=true&limit=1&cursor={cursor}").status_code == 404


def test_why_before_it_is_done(ann: Person, preview: dict[str, Any]) -> None:
    """A preview is explained from its plan, by the old or the new path, also where a name isn't UTF-8."""
    asked = f"/operations/{preview['id']}/explain"
    (told,) = ann.get(f"{asked}?path=trip/a.txt")["explanations"]
    assert (told["status"], told["decided_by"], told["matched"]) == ("planned", "extension", "txt")
    assert told["conflict"] and told["target"] == "Documents/a (2).txt"
    assert ann.get(f"{asked}?path=Documents/a (2).txt")["explanations"] == [told]
    (left,) = ann.get(f"{asked}?path=half.part")["explanations"]
    assert (left["status"], left["reason"]) == ("left", "unfinished")
    (inside,) = ann.get(f"{asked}?path={ann.home}/in/app/index.js")["explanations"]
    assert inside["reason"] == "kept-together"
    odd = base64.urlsafe_b64encode(b"odd\xff.txt").decode().replace("_", "%2F").replace("-", "%2B")
    assert ann.get(f"{asked}?path_b64={odd}")["explanations"][0]["decided_by"] == "extension"
    assert ann.ask("GET", f"{asked}?path=nowhere").status_code == 404
    assert ann.ask("GET", f"{asked}?path=/etc/passwd").status_code == 422


def test_a_plan_whose_carrying_out_was_called_off(server: Server, ann: Person, preview: dict[str, Any]) -> None:
    """Nothing of it was done: it can be carried out all the same, once."""
    with server.stopped([server.worker_pid()]):
        called_off = ann.post(f"/operations/{preview['id']}/apply")
        assert ann.post(f"/operations/{called_off['id']}/cancel")["status"] == "cancelled"
        applied = ann.post(f"/operations/{preview['id']}/apply")
    assert ann.finished(applied)["files_processed"] == 5
    assert ann.ask("POST", f"/operations/{preview['id']}/apply").status_code == 409


def test_clean_up_plans_go_to_the_trash(ann: Person) -> None:
    """A file that goes to the trash is in the tree before only, and no rule is asked."""
    write_tree(ann.home / "in", {"a.txt": "same", "b.txt": "same"})
    search = ann.done("in", operation_type="duplicate_cleanup")
    plan = ann.finished(ann.post(f"/duplicates/{search['id']}/cleanup", {"is_dry_run": True}))
    ((path, fate),) = files(ann, plan).items()
    assert fate == (None, "trashed")
    assert files(ann, plan, "&tree=after") == {}
    (told,) = ann.get(f"/operations/{plan['id']}/explain?path={path}")["explanations"]
    assert told["status"] == "planned" and told["category"] is None


def test_an_undo_in_numbers_changes_nothing(ann: Person) -> None:
    """Whole, of one folder, and after somebody moved a file; the tree stays as it is."""
    write_tree(ann.home / "in", TREE)
    done = ann.done("in", layout="category")
    after = read_tree(ann.home / "in")
    asked = f"/operations/{done['id']}/rollback-preview"
    assert ann.get(asked)["planned"] == done["files_processed"] == 5
    assert ann.get(f"{asked}?path=trip")["planned"] == ann.get(f"{asked}?path={ann.home}/in/trip/")["planned"] == 2
    assert ann.get(f"{asked}?path={ann.home}/in")["planned"] == 5
    assert read_tree(ann.home / "in") == after
    (ann.home / "in" / "Documents" / "b.txt").rename(ann.home / "in" / "elsewhere.txt")
    moved = ann.get(asked)
    assert (moved["planned"], moved["left_alone"]) == (4, 1) and moved["left_by_reason"]
    assert moved["edited"] == 0
    (ann.home / "in" / "Images" / "photo.jpg").write_text("with an edit")
    assert ann.get(asked)["edited"] == 1
    assert ann.ask("GET", f"{asked}?path=nowhere").status_code == 422
    preview = ann.done("in", is_dry_run=True)
    assert ann.ask("GET", f"/operations/{preview['id']}/rollback-preview").status_code == 409


def test_f65_one_of_a_family_is_taken_back_with_the_others(ann: Person) -> None:
    """The numbers say so before, and so it is done."""
    write_tree(ann.home / "in", {"p.jpg": "p", "p.xmp": "x", "q.jpg": "q"})
    done = ann.done("in", layout="category")
    told = ann.get(f"/operations/{done['id']}/rollback-preview?path=p.xmp")
    assert (told["planned"], told["along"]) == (2, 1)
    ann.finished(ann.post(f"/operations/{done['id']}/rollback", {"paths": ["p.xmp"]}))
    assert read_tree(ann.home / "in") == {"p.jpg": "p", "p.xmp": "x", "Images": {"q.jpg": "q"}}
