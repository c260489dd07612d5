"""The trash over HTTP: listed, brought back, destroyed with the right count only; never another's, never the last copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.manifest import manifest
from tests.support.server import Person
from tests.support.trees import File, write_tree

COPIES = {f"{name}.jpg": File(b"same" * 100, mtime=1_400_000_000 + number) for number, name in enumerate("abc")}


def cleaned(person: Person) -> tuple[Path, dict[str, Any]]:
    """A folder with two of three equal files in its trash."""
    root = person.home / "inbox"
    write_tree(root, COPIES)
    return root, person.done("inbox", operation_type="duplicate_cleanup", duplicate_action="trash")


def test_listed_in_pages(ann: Person) -> None:
    """With where it was, since when, by which operation; in one folder or in all; nothing before anything was done."""
    assert ann.get("/trash") == {"items": [], "total_items": 0, "total_size_bytes": 0, "limit": 50, "offset": 0}
    root, operation = cleaned(ann)
    write_tree(ann.home / "other", COPIES)
    ann.done("other", operation_type="duplicate_cleanup", duplicate_action="trash")
    everything = ann.get("/trash")
    assert (everything["total_items"], everything["total_size_bytes"]) == (4, 1_600)
    assert {item["root_path"] for item in everything["items"]} == {str(root), str(ann.home / "other")}
    listed = ann.get("/trash?root_path=inbox")
    assert listed["total_items"] == 2 and {item["operation_id"] for item in listed["items"]} == {operation["id"]}
    assert {item["path"] for item in listed["items"]} == {str(root / "b.jpg"), str(root / "c.jpg")}
    assert listed["items"][0]["trashed_at"].endswith("Z") and listed["items"][0]["size_bytes"] == 400
    page = ann.get("/trash?root_path=inbox&limit=1&offset=1")
    assert page["items"] == listed["items"][1:] and page["total_items"] == 2


def test_restore(ann: Person) -> None:
    """One, then all that is left; a restore can be rolled back; the clean-up knows what is back."""
    root, operation = cleaned(ann)
    items = {item["path"]: item for item in ann.get("/trash?root_path=inbox")["items"]}
    body = {"root_path": "inbox", "items": [items[str(root / "b.jpg")]["item_id"]]}
    restored = ann.finished(ann.post("/trash/restore", body))
    assert (restored["status"], restored["operation_type"], restored["files_processed"]) == ("completed", "restore", 1)
    assert (root / "b.jpg").exists() and not (root / "c.jpg").exists()
    assert ann.get(f"/operations/{operation['id']}")["rolled_back_count"] == 1
    assert ann.get(f"/duplicates/{operation['id']}")["duplicates"][0]["file_count"] == 2
    back = ann.finished(ann.post(f"/operations/{restored['id']}/rollback"))
    assert back["status"] == "completed" and not (root / "b.jpg").exists()
    assert ann.get(f"/duplicates/{operation['id']}")["total_groups"] == 0
    assert ann.finished(ann.post("/trash/restore", {"root_path": str(root)}))["files_processed"] == 2
    assert (root / "b.jpg").exists() and (root / "c.jpg").exists()
    assert ann.ask("POST", "/trash/restore", json={"root_path": "inbox"}).status_code == 409


def test_purge_needs_the_right_count(ann: Person, admin: Person) -> None:
    """S62: 409 with the count otherwise; what is purged is gone for ever, and written down."""
    root, operation = cleaned(ann)
    asked = ann.ask("POST", "/trash/purge", json={"root_path": "inbox", "count": 1})
    assert (asked.status_code, asked.json()["count"], asked.json()["size_bytes"]) == (409, 2, 800)
    young = ann.ask("POST", "/trash/purge", json={"root_path": "inbox", "older_than_days": 1, "count": 2})
    assert (young.status_code, young.json()["count"]) == (409, 0)
    purged = ann.finished(ann.post("/trash/purge", {"root_path": "inbox", "count": 2}))
    assert (purged["status"], purged["operation_type"], purged["files_processed"]) == ("completed", "purge", 2)
    assert ann.get("/trash")["total_items"] == 0 and (root / "a.jpg").exists()
    assert ann.ask("POST", f"/operations/{purged['id']}/rollback").status_code == 409
    back = ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    assert (back["files_processed"], back["reasons"]) == (0, {"purged": 2})
    events = admin.get("/admin/audit-log?limit=100")
    assert [
        event for event in events["events"] if event["action"] == "trash purged" and purged["id"] in event["subject"]
    ]


def test_the_last_copy_isnt_purged(ann: Person) -> None:
    """Behaviour 8: the copy for which it was put away is gone: what lies in the trash stays."""
    root, _ = cleaned(ann)
    (root / "a.jpg").unlink()
    purged = ann.finished(ann.post("/trash/purge", {"root_path": "inbox", "count": 2}))
    assert (purged["files_processed"], purged["reasons"]) == (0, {"last-copy": 2})
    assert ann.finished(ann.post("/trash/restore", {"root_path": "inbox"}))["files_processed"] == 2


def test_items_that_are_gone(ann: Person) -> None:
    """Items that were destroyed meanwhile: the whole request is refused."""
    cleaned(ann)
    items = [item["item_id"] for item in ann.get("/trash?root_path=inbox")["items"]]
    purged = ann.finished(ann.post("/trash/purge", {"root_path": "inbox", "items": items[:1], "count": 1}))
    assert purged["files_processed"] == 1 and ann.get("/trash")["total_items"] == 1
    gone = ann.ask("POST", "/trash/purge", json={"root_path": "inbox", "items": items, "count": 2})
    assert gone.status_code == 404
    assert ann.ask("POST", "/trash/restore", json={"root_path": "inbox", "items": items}).status_code == 404


def test_trash_of_others(ann: Person, bob: Person) -> None:
    """S06, S07, S40: only below own roots, only with ids of the own trash."""
    root, _ = cleaned(ann)
    before = manifest(root)
    item = ann.get("/trash")["items"][0]["item_id"]
    assert bob.get("/trash")["total_items"] == 0
    for path in (str(root), "/etc", f"{root}/.fileorganizer", "../inbox"):
        for method, address, body in (
            ("GET", f"/trash?root_path={path}", None),
            ("POST", "/trash/restore", {"root_path": path, "items": [item]}),
            ("POST", "/trash/purge", {"root_path": path, "items": [item], "count": 1}),
        ):
            answer = bob.ask(method, address, json=body)
            assert answer.status_code in (403, 404, 422), (address, path)
            assert answer.status_code == 422 or str(root) not in answer.json()["detail"]
    for wrong in ("../../x", "1/1", "1/1-1/..", "a.jpg", "9" * 30 + "/1-1"):
        assert ann.ask("POST", "/trash/restore", json={"root_path": "inbox", "items": [wrong]}).status_code == 422
    assert ann.ask("POST", "/trash/restore", json={"root_path": "inbox", "items": ["99/1-1"]}).status_code == 404
    assert manifest(root) == before


def test_a_root_taken_away(ann: Person, admin: Person, tmp_path: Path) -> None:
    """S14: its trash isn't listed any more, and can't be touched."""
    write_tree(tmp_path / "share", COPIES)
    share, user_id = str(tmp_path / "share"), ann.get("/auth/me")["id"]
    granted = admin.post("/admin/roots", {"user_id": user_id, "path": share}, status=201)
    ann.done(share, operation_type="duplicate_cleanup", duplicate_action="trash")
    assert ann.get("/trash")["total_items"] == 2
    assert admin.ask("DELETE", f"/admin/roots/{granted['id']}/users/{user_id}").status_code == 204
    assert ann.get("/trash")["total_items"] == 0
    assert ann.ask("POST", "/trash/restore", json={"root_path": share}).status_code == 403
    assert ann.ask("POST", "/trash/purge", json={"root_path": share, "count": 2}).status_code == 403


def test_what_others_put_away_elsewhere(ann: Person, bob: Person, admin: Person, tmp_path: Path) -> None:
    """A shared folder, copied by one to a place of her own: what lies in the trash there, or is amiss there, is no one else's."""
    write_tree(tmp_path / "share", {"a.jpg": "a", "b.jpg": "b"})
    (ann.home / "mine").mkdir()
    share = str(tmp_path / "share")
    users = [person.get("/auth/me")["id"] for person in (ann, bob)]
    granted = [admin.post("/admin/roots", {"user_id": user, "path": share}, status=201) for user in users]
    looked = bob.done(share)
    copied = ann.done(share, mode="copy", destination="mine")
    assert copied["status"] == "completed", copied
    ann.finished(ann.post(f"/operations/{copied['id']}/rollback"))
    assert ann.get(f"/trash?root_path={share}")["total_items"] == 2
    assert bob.get(f"/trash?root_path={share}")["items"] == []
    again = ann.done(share, mode="copy", destination="mine")
    assert again["status"] == "completed", again
    for copy in (ann.home / "mine").rglob("*.jpg"):
        copy.unlink()
    assert bob.get(f"/operations/{looked['id']}/verify")["problems"] == []
    told = ann.get(f"/operations/{again['id']}/verify")["problems"]
    assert {problem["code"] for problem in told} == {"not-there"}
    assert admin.ask("DELETE", f"/admin/roots/{granted[1]['id']}/users/{users[1]}").status_code == 204
    assert bob.ask("GET", f"/operations/{looked['id']}/verify").status_code == 403
