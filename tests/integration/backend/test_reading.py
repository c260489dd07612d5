"""Files, search, trees, explanations, reports, categories: what is told about what was done."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import zipfile
from typing import Any
from uuid import uuid4

import pytest

from backend.services.categories import MOST_CATEGORIES
from tests.support.manifest import manifest
from tests.support.server import Person, Server, managed
from tests.support.trees import File, Tree, put_tree, read_tree, write_tree

HOSTILE = {
    "<img src=x onerror=alert(1)>.jpg": "x",
    "=cmd|'!A1.txt": "x",
    "new\nline.txt": "x",
    "\x1b[31mred.txt": "x",
    'quote".txt': "x",
    "caf\xe9 \u202egnp.exe": "x",
    b"latin-\xe9.txt": "x",
}


def organized(person: Person, **options: Any) -> dict[str, Any]:
    """An operation with some of everything."""
    tree = {
        "a.jpg": File("x" * 300, mtime=1_500_000_000),
        "b.jpg": File("x" * 100, mtime=1_500_000_000),
        "notes.txt": File("x" * 200, mtime=1_400_000_000),
        "half.part": "x",
        b"caf\xe9.txt": File("x", mtime=1_400_000_000),
    }
    write_tree(person.home / "inbox", tree)
    return person.done("inbox", **options)


def test_files_of_an_operation(ann: Person) -> None:
    """The promised members; filters, sorting, pages; totals without counting rows."""
    operation = organized(ann)
    listed = ann.get(f"/files?operation_id={operation['id']}")
    assert {
        "operation_id",
        "total_files",
        "files_completed",
        "files_failed",
        "files_skipped",
        "page",
        "page_size",
        "total_pages",
        "next_cursor",
        "files",
    } <= set(listed)
    assert (listed["total_files"], listed["files_completed"], listed["files_skipped"]) == (5, 4, 1)
    assert (listed["page"], listed["page_size"], listed["total_pages"], listed["next_cursor"]) == (1, 100, 1, None)
    rows = {row["original_path"].rpartition("/")[2]: row for row in listed["files"]}
    root = str(ann.home / "inbox")
    assert (
        rows["a.jpg"]["original_path"] == f"{root}/a.jpg" and rows["a.jpg"]["new_path"] == f"{root}/Images/2017/a.jpg"
    )
    assert (rows["a.jpg"]["category"], rows["a.jpg"]["status"], rows["a.jpg"]["size_bytes"]) == (
        "Images",
        "completed",
        300,
    )
    assert rows["half.part"]["new_path"] is None and rows["half.part"]["error_message"] == "unfinished"
    odd = rows["caf\\xe9.txt"]
    assert base64.b64decode(odd["original_path_b64"]).endswith(b"caf\xe9.txt") and "new_path_b64" in odd
    assert ann.get(f"/files/{rows['a.jpg']['id']}") == rows["a.jpg"]

    def names(query: str) -> list[str]:
        found = ann.get(f"/files?operation_id={operation['id']}&{query}")["files"]
        return [row["original_path"].rpartition("/")[2] for row in found]

    assert names("category_filter=Images&sort_by=path") == ["a.jpg", "b.jpg"]
    assert names("status_filter=skipped") == ["half.part"]
    assert names("sort_by=size_bytes&sort_order=desc&page_size=2") == ["a.jpg", "notes.txt"]
    assert names("sort_by=size_bytes&sort_order=desc&page_size=2&page=2")[0] == "b.jpg"
    filtered = ann.get(f"/files?operation_id={operation['id']}&min_size_bytes=200")
    assert (filtered["total_files"], filtered["total_is_exact"]) == (2, True)


def test_deep_pages_by_cursor(ann: Person, bob: Person) -> None:
    """Every record once, whatever the order; a cursor is of one user and one question (S03)."""
    put_tree(ann.home / "inbox", {f"{number:03}.txt": "x" * (number % 7) for number in range(250)})
    operation = ann.done("inbox")
    for sort in ("created_at", "size_bytes", "path"):
        for order in ("asc", "desc"):
            base = f"/files?operation_id={operation['id']}&page_size=60&sort_by={sort}&sort_order={order}"
            seen: list[str] = []
            cursor = ""
            while cursor is not None:
                page = ann.get(base + (f"&cursor={cursor}" if cursor else ""))
                seen += [row["id"] for row in page["files"]]
                last, cursor = cursor, page["next_cursor"]
            assert len(seen) == len(set(seen)) == 250
            assert ann.ask("GET", f"{base}&min_size_bytes=1&cursor={last}").status_code == 404
            assert bob.ask("GET", f"{base}&cursor={last}").status_code == 404
    for junk in ("x", "AAAA", base64.urlsafe_b64encode(b"x" * 40).decode()):
        assert ann.ask("GET", f"{base}&cursor={junk}").status_code == 404


def test_paths_that_no_index_holds(ann: Person, server: Server) -> None:
    """3,000 bytes that can't be compressed: PostgreSQL takes 2,704 into an index. They are recorded, listed, found, taken back."""
    inbox = ann.home / "inbox"
    managed(server.environment, "database", "--optimize").check_returncode()
    folders = [os.urandom(100).hex() for _ in range(15)]
    deep = "/".join(folders)
    files: Tree = {"one.jpg": "xx", "two.jpg": "x"}
    for folder in reversed(folders):
        files = {folder: files}
    before = write_tree(inbox, {"plain.jpg": "xx", **files})
    search = ann.done("inbox", operation_type="duplicate_cleanup", duplicate_action="report")
    assert ann.get(f"/duplicates/{search['id']}")["total_groups"] == 1
    operation = ann.done("inbox", remove_empty_dirs=True)
    assert (operation["status"], operation["files_processed"]) == ("completed", 3), operation
    paths = [os.fsencode(path) for path in ("plain.jpg", f"{deep}/one.jpg", f"{deep}/two.jpg")]
    for order in ("asc", "desc"):
        base = f"/files?operation_id={operation['id']}&page_size=1&sort_by=path&sort_order={order}"
        seen, cursor = [], ""
        while cursor is not None:
            page = ann.get(base + (f"&cursor={cursor}" if cursor else ""))
            seen += [row["original_path"] for row in page["files"]]
            cursor = page["next_cursor"]
        wanted = sorted(paths, reverse=order == "desc")
        assert seen == [str(inbox / os.fsdecode(path)) for path in wanted]
    assert len(ann.get("/files/search?query=two.jpg")["files"]) == 1
    known = ann.get(f"/duplicates/{search['id']}")["duplicates"][0]["files"]
    assert not any(folders[0] in file["path"] for file in known)  # they follow what was moved
    assert ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))["status"] == "completed"
    assert manifest(inbox) == before


def test_search(ann: Person, bob: Person) -> None:
    """Exact names first, then beginnings, then the rest; signs are only signs (S58); nobody finds another's files."""
    write_tree(
        ann.home / "inbox",
        {"report.txt": "x", "report 2.txt": "x", "my report.txt": "x", "100%_a.txt": "x", "song.mp3": "x"},
    )
    operation = ann.done("inbox")

    def found(query: str, **more: str) -> list[str]:
        answer = ann.get("/files/search", params={"query": query, **more})
        return [row["original_path"].rpartition("/")[2] for row in answer["files"]]

    assert found("REPORT.txt") == ["report.txt", "my report.txt"]
    *beginnings, rest = found("report")
    assert (sorted(beginnings), rest) == (["report 2.txt", "report.txt"], "my report.txt")
    assert found("%") == ["100%_a.txt"] == found("%_") and found("' OR 1=1--") == [] == found("\\")
    assert found("audio") == ["song.mp3"]
    assert found("song", operation_id=operation["id"]) == ["song.mp3"]
    assert found("report", sort_by="name") == ["my report.txt", "report 2.txt", "report.txt"]
    assert found("t", category_filter="Documents", status_filter="completed", sort_by="newest", min_size_bytes="1")
    assert found("report", category_filter="Audio") == [] == found("report", status_filter="failed")
    assert bob.get("/files/search?query=report")["total_files"] == 0
    assert bob.ask("GET", f"/files/search?query=x&operation_id={operation['id']}").status_code == 404
    assert ann.ask("GET", "/files/search", params={"query": "\0"}).status_code == 422


def test_search_by_hash(ann: Person, bob: Person) -> None:
    """Of files that had copies, whole, as lists of duplicates tell it; also after they were put away, and for nobody else."""
    write_tree(ann.home / "inbox", {"a.txt": "same", "b.txt": "same", "other.txt": "other"})
    operation = ann.done("inbox")
    (group,) = ann.get(f"/duplicates/{operation['id']}")["duplicates"]
    digest = group["hash_value"]

    def found(words: str) -> set[str]:
        return {row["original_path"].rpartition("/")[2] for row in ann.get(f"/files/search?query={words}")["files"]}

    assert found(digest) == found(digest.upper()) == {"a.txt", "b.txt"} and found(digest[:40]) == set()
    assert ann.ask("DELETE", f"/duplicates/{operation['id']}/{digest}").status_code == 200
    assert found(digest) == {"a.txt", "b.txt"}
    assert bob.get(f"/files/search?query={digest}")["total_files"] == 0


def test_files_of_others(ann: Person, bob: Person) -> None:
    """S01, S07: another's file is as if it weren't there."""
    operation = organized(ann)
    file_id = ann.get(f"/files?operation_id={operation['id']}")["files"][0]["id"]
    for path in (
        f"/files/{file_id}",
        f"/files/{uuid4()}",
        "/files/00000000-0000-8000-8000-000000000001",
        f"/files?operation_id={operation['id']}",
        f"/reports/{operation['id']}",
        f"/reports/{operation['id']}/export",
        f"/operations/{operation['id']}/explain?path=a.jpg",
    ):
        assert bob.ask("GET", path).status_code == 404, path


def test_trees_of_a_preview(ann: Person) -> None:
    """Before and after, folder by folder, with numbers; only a preview has them."""
    write_tree(
        ann.home / "inbox", {"in": {"deep": {"a.jpg": File("xx", mtime=1_500_000_000)}, "b.txt": "x"}, "c.txt": "x"}
    )
    preview = ann.done("inbox", is_dry_run=True)
    top = ann.get(f"/operations/{preview['id']}/preview")
    assert (top["before"]["files"], top["before"]["files_below"], top["before"]["bytes_below"]) == (1, 3, 4)
    assert [(f["name"], f["files_below"]) for f in top["before"]["folders"]] == [("in", 2)]
    assert {f["name"]: f["files_below"] for f in top["after"]["folders"]} == {"Images": 1, "Documents": 2}
    inner = ann.get(f"/operations/{preview['id']}/preview?path=in&depth=2")
    assert (
        inner["before"]["files"] == 1 and inner["before"]["folders"][0]["path"] == "in/deep" and inner["after"] is None
    )
    assert ann.ask("GET", f"/operations/{preview['id']}/preview?path=../x").status_code == 422
    applied = ann.finished(ann.post(f"/operations/{preview['id']}/apply"))
    assert ann.ask("GET", f"/operations/{applied['id']}/preview").status_code == 409
    assert ann.ask("GET", f"/operations/{preview['id']}/preview").status_code == 409  # carried out: the journal has it


def test_why_is_it_there(ann: Person) -> None:
    """The rule, what it saw, and what was skipped and why."""
    operation = organized(ann)
    path = f"/operations/{operation['id']}/explain"
    told = ann.get(path, params={"path": "a.jpg"})["explanations"]
    assert [(why["category"], why["decided_by"], why["matched"], why["target"]) for why in told] == [
        ("Images", "extension", "jpg", "Images/2017/a.jpg")
    ]
    assert (
        ann.get(path, params={"path": str(ann.home / "inbox/half.part")})["explanations"][0]["reason"] == "unfinished"
    )
    odd = ann.get(path, params={"path_b64": base64.b64encode(b"caf\xe9.txt").decode()})["explanations"]
    assert odd[0]["path_b64"]
    assert ann.get(path, params={"path": "nothing"})["explanations"] == []
    assert ann.ask("GET", path, params={"path": "/etc/passwd"}).status_code == 422
    verified = ann.get(f"/operations/{operation['id']}/verify")
    assert verified["problems"] == [] and verified["steps"] >= 4


def test_a_report(ann: Person) -> None:
    """The promised members and true numbers."""
    operation = organized(ann)
    report = ann.get(f"/reports/{operation['id']}")
    assert report["stats"] == {
        "total_files_scanned": 5, "total_files_moved": 4, "total_files_failed": 0, "total_files_skipped": 1,
        "total_size_bytes": 601, "duplicates_found": 0, "duplicate_files": 0, "space_saved_bytes": 0,
    }  # fmt: skip
    assert report["duration_seconds"] > 0 and report["start_time"].endswith("Z")
    shares = {share["category"]: share for share in report["category_breakdown"]}
    assert shares["Images"] == {"category": "Images", "file_count": 2, "total_size_bytes": 400, "percentage": 50.0}
    assert report["top_categories"] == report["category_breakdown"][:5]
    assert report["largest_files"][0]["size_bytes"] == 300 and report["largest_files"][0]["path"].endswith(
        "Images/2017/a.jpg"
    )


def test_how_old_the_files_are(ann: Person, bob: Person) -> None:
    """By the year of the last change, of what was moved only; of an undo as well; nothing of what only looked."""
    tree = {"a.txt": File(b"1", mtime=1_500_000_000), "b.txt": File(b"22", mtime=1_510_000_000)}
    write_tree(ann.home / "in", {**tree, "c.txt": File(b"333", mtime=-1), "half.part": File(b"x", mtime=1_500_000_000)})
    operation = ann.done("in")
    expected = [
        {"year": 1969, "file_count": 1, "total_size_bytes": 3},
        {"year": 2017, "file_count": 2, "total_size_bytes": 3},
    ]
    for _ in range(2):
        assert ann.get(f"/reports/{operation['id']}/ages")["years"] == expected
    back = ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    assert ann.get(f"/reports/{back['id']}/ages")["years"] == expected
    preview = ann.done("in", is_dry_run=True)
    assert ann.get(f"/reports/{preview['id']}/ages")["years"] == []
    assert bob.ask("GET", f"/reports/{operation['id']}/ages").status_code == 404


def test_exports_with_hostile_names(ann: Person) -> None:
    """S46, S65, S66: every format has all files, and no name does anything."""
    write_tree(ann.home / "inbox", HOSTILE)
    operation = ann.done("inbox")
    path = f"/reports/{operation['id']}/export?format="

    answer = ann.ask("GET", path + "json")
    assert (
        answer.headers["content-disposition"] == f'attachment; filename="fileorganizer-report-{operation["id"]}.json"'
    )
    assert len(json.loads(answer.text)["files"]) == operation["files_total"] == len(HOSTILE)

    rows = list(csv.DictReader(io.StringIO(ann.ask("GET", path + "csv").text, newline="")))
    assert len(rows) == len(HOSTILE)
    assert any(
        base64.b64decode(row["original_path_b64"]).endswith(b"latin-\xe9.txt")
        for row in rows
        if row["original_path_b64"]
    )
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]

    page = ann.ask("GET", path + "html")
    assert "<img src=x" not in page.text and "&lt;img src=x onerror=alert(1)&gt;" in page.text
    assert "<script" not in page.text and "\x1b" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")

    book = zipfile.ZipFile(io.BytesIO(ann.ask("GET", path + "xlsx").content))
    sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == 3 and not [name for name in sheets if b"<f>" in book.read(name)]
    assert ann.ask("GET", path + "pdf").status_code == 422


def test_own_categories(ann: Person, bob: Person) -> None:
    """Made, changed, removed; they decide before the default ones; nobody sees another's."""
    body = {
        "name": "Invoices",
        "rules": {"extensions": [".INV"], "keywords": ["Invoice"]},
        "color": "#AA00ff",
        "icon": "receipt",
    }
    made = ann.post("/categories", body, status=201)
    assert made["rules"] == {"extensions": ["inv"], "keywords": ["invoice"]} and made["is_custom"] is True
    assert ann.ask("POST", "/categories", json={**body, "name": "invoices"}).status_code == 409
    assert ann.ask("POST", "/categories", json={**body, "name": "DOCUMENTS"}).status_code == 409
    assert bob.ask("GET", f"/categories/{made['id']}").status_code == 404
    write_tree(
        ann.home / "inbox", {"invoice 7.pdf": File("x", mtime=1_500_000_000), "x.inv": File("x", mtime=1_500_000_000)}
    )
    operation = ann.done("inbox", categories=["Invoices"])
    assert operation["files_processed"] == 2
    assert set(read_tree(ann.home / "inbox")["Invoices"]["2017"]) == {"invoice 7.pdf", "x.inv"}
    assert ann.get(f"/categories/{made['id']}")["file_count"] == 2
    assert ann.get(f"/files?operation_id={operation['id']}&category_filter=Invoices")["total_files"] == 2
    changed = ann.ask("PUT", f"/categories/{made['id']}", json={**body, "name": "Bills"})
    assert changed.status_code == 200 and changed.json()["name"] == "Bills"
    listed = ann.get("/categories")
    assert listed["custom_count"] == 1 and listed["categories"][0]["name"] == "Bills"
    assert {"Documents", "Images", "Videos", "Audio", "Code"} <= {category["name"] for category in listed["categories"]}
    assert len(ann.get("/categories?include_defaults=false")["categories"]) == 1
    assert ann.ask("DELETE", f"/categories/{made['id']}").status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        assert ann.ask(method, f"/categories/{made['id']}", json=body).status_code == 404


def test_default_categories_stay(ann: Person) -> None:
    """403, for everybody."""
    default = next(c for c in ann.get("/categories")["categories"] if not c["is_custom"])
    assert ann.get(f"/categories/{default['id']}") == default
    body = {"name": "x", "rules": {"extensions": ["x"]}}
    assert ann.ask("PUT", f"/categories/{default['id']}", json=body).status_code == 403
    assert ann.ask("DELETE", f"/categories/{default['id']}").status_code == 403


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/b"},
        {"name": ".."},
        {"name": ".fileorganizer"},
        {"name": "{x}"},
        {"name": " "},
        {"color": "red"},
        {"icon": "<b>"},
        {"rules": {}},
        {"rules": {"extensions": ["a/b"]}},
        {"rules": {"extensions": ["."]}},
        {"rules": {"extensions": [7]}},
        {"rules": {"keywords": [""]}},
        {"id": "x"},
    ],
)
def test_categories_that_cant_be(ann: Person, change: dict[str, Any]) -> None:
    """S41: a category is a folder's name and nothing more."""
    body = {"name": "Good", "rules": {"extensions": ["x"]}, **change}
    assert ann.ask("POST", "/categories", json=body).status_code == 422


def test_rules_that_would_take_for_ever(ann: Person) -> None:
    """S45: patterns that search engines choke on are refused or answered like others, and so many rules are refused."""
    write_tree(ann.home / "inbox", {"a" * 250 + ".jpg": "a", "b": {"ab" * 60 + ".txt": "b"}})
    for pattern in ("*a" * 40 + "*b", "[ab]*" * 50 + "c", "**/" * 3 + "a*" * 60 + "c", "?*" * 100 + "c"):
        preview = ann.done("inbox", is_dry_run=True, recursive=True, exclude=[pattern] * 20)
        assert (preview["status"], preview["files_scanned"]) == ("completed", 2), pattern
    for refused in ({"exclude": ["**/" * 30 + "c"]}, {"exclude": ["x"] * 10_000}, {"exclude": ["x" * 501]}):
        answer = ann.ask("POST", "/operations", json={"root_path": "inbox", **refused})
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"].startswith("exclude")
    for number in range(MOST_CATEGORIES):
        ann.post("/categories", {"name": f"Mine {number}", "rules": {"keywords": ["a"]}}, status=201)
    one_more = ann.ask("POST", "/categories", json={"name": "One more", "rules": {"keywords": ["a"]}})
    assert (one_more.status_code, one_more.json()["errors"][0]["field"]) == (422, "name")
    words = [f"a {word}" for word in range(10_000)]
    assert ann.ask("POST", "/categories", json={"name": "Words", "rules": {"keywords": words}}).status_code == 422
