"""The main job over HTTP: preview, apply, take back; what is counted, what is refused, what is told."""

from __future__ import annotations

import base64
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from backend.worker.background import NICER
from fileorganizer import organizer
from fileorganizer.model import Options
from tests.integration.test_crash import kill_at
from tests.support.crash import in_child
from tests.support.disks import another_device, image, not_topmost
from tests.support.manifest import manifest
from tests.support.server import Person, Server, wait_until_it_moves
from tests.support.trees import File, put_tree, read_tree, write_tree

TREE = {
    "a.jpg": File(b"a", mtime=1_500_000_000),
    "notes.txt": File(b"notes", mtime=1_400_000_000),
    "deep": {"song.mp3": File(b"mp3", mtime=1_300_000_000)},
    "half.part": "half",
    b"caf\xe9.txt": File(b"latin", mtime=1_400_000_000),
}


def test_preview_apply_and_back(ann: Person) -> None:
    """A preview changes nothing; applying does exactly that; taking back restores every name, byte and time."""
    root = ann.home / "inbox"
    before = write_tree(root, TREE)

    preview = ann.done("inbox", is_dry_run=True)
    assert (preview["status"], preview["operation_type"], preview["outcome"]) == ("completed", "preview", "all")
    assert preview["review"]["planned"] == 4 and preview["reasons"] == {"unfinished": 1}
    assert manifest(root) == before

    applied = ann.finished(ann.post(f"/operations/{preview['id']}/apply"))
    assert applied["status"] == "completed" and applied["parent_id"] == preview["id"]
    assert (applied["files_total"], applied["files_processed"], applied["files_skipped"]) == (5, 4, 1)
    assert applied["progress"] == 100 and applied["bytes_processed"] == 14
    assert read_tree(root)["Images"] == {"2017": {"a.jpg": "a"}}

    back = ann.finished(ann.post(f"/operations/{applied['id']}/rollback"))
    assert (back["status"], back["operation_type"], back["files_processed"]) == ("completed", "rollback", 4)
    assert manifest(root) == before
    again = ann.get(f"/operations/{applied['id']}")
    assert again["rolled_back"] is True and again["rolled_back_count"] == 4


def test_a_file_that_was_edited_goes_back_with_the_edit(ann: Person) -> None:
    """R13: and its record says so."""
    write_tree(ann.home / "inbox", {"a.txt": "a", "b.txt": "b"})
    done = ann.done("inbox", layout="category")
    (ann.home / "inbox/Documents/a.txt").write_text("with an edit")
    back = ann.finished(ann.post(f"/operations/{done['id']}/rollback"))
    records = ann.get(f"/files?operation_id={back['id']}")["files"]
    told = {Path(record["original_path"]).name: (record["status"], record["error_message"]) for record in records}
    assert told == {"a.txt": ("completed", "restored-edited"), "b.txt": ("completed", None)}
    assert read_tree(ann.home / "inbox") == {"a.txt": "with an edit", "b.txt": "b"}


def test_defaults_are_those_that_clients_rely_on(ann: Person) -> None:
    """Names, defaults and the forms of the answer to a plain request."""
    write_tree(ann.home / "inbox", {"sub": {"a.jpg": File("a", mtime=1_500_000_000)}})
    answer = ann.ask("POST", "/operations", json={"root_path": str(ann.home / "inbox")})
    assert answer.status_code == 202
    operation = answer.json()
    assert answer.headers["location"] == f"/api/v1/operations/{operation['id']}"
    assert (operation["operation_type"], operation["is_dry_run"], operation["status"]) == ("organize", False, "pending")
    assert operation["options"]["recursive"] is True and operation["options"]["mode"] == "move"
    assert operation["created_at"].endswith("Z")
    assert ann.finished(operation)["files_processed"] == 1


def test_a_second_run_finds_nothing(ann: Person) -> None:
    """An organized folder stays as it is, and the operation says so."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    ann.done("inbox")
    second = ann.done("inbox")
    assert (second["status"], second["outcome"], second["files_in_place"]) == ("completed", "nothing", 1)
    assert ann.ask("POST", f"/operations/{second['id']}/rollback").status_code == 409


def test_part_of_it_back(ann: Person) -> None:
    """Paths may be absolute, relative, or base64; the rest stays where it is."""
    root = ann.home / "inbox"
    write_tree(root, TREE)
    operation = ann.done("inbox")
    body = {"paths": [str(root / "a.jpg"), "deep"], "paths_b64": [base64.b64encode(b"caf\xe9.txt").decode()]}
    back = ann.finished(ann.post(f"/operations/{operation['id']}/rollback", body))
    assert back["files_processed"] == 3
    tree = read_tree(root)
    assert tree["a.jpg"] == "a" and tree["deep"] == {"song.mp3": "mp3"} and "notes.txt" not in tree
    assert ann.get(f"/operations/{operation['id']}")["rolled_back"] is False


def test_copying_is_counted_towards_the_quota(ann: Person, admin: Person) -> None:
    """Copies use the user's share, taking them back frees it, and more than the share isn't copied."""
    write_tree(ann.home / "inbox", {"a.jpg": "x" * 1_000})
    (ann.home / "out").mkdir()
    copied = ann.done("inbox", mode="copy", destination="out")
    assert copied["status"] == "completed" and copied["files_processed"] == 1, copied
    assert ann.get("/auth/me")["storage_used_bytes"] == 1_000
    ann.finished(ann.post(f"/operations/{copied['id']}/rollback"))
    me = ann.get("/auth/me")
    assert me["storage_used_bytes"] == 0
    changed = admin.ask("PATCH", f"/admin/users/{me['id']}", json={"storage_quota_gb": 0.0000005})
    assert changed.status_code == 200
    refused = ann.done("inbox", mode="copy", destination="out")
    assert (refused["status"], refused["reason_code"]) == ("failed", "quota-exceeded")


def test_many_new_folders_need_a_second_yes(ann: Person) -> None:
    """What is unusual stops, says the numbers, and goes ahead when it is confirmed (S62)."""
    root = ann.home / "inbox"
    before = write_tree(root, {f"{day}.jpg": File("x", mtime=1_400_000_000 + day * 86_400) for day in range(51)})
    halted = ann.done("inbox", layout="{taken:%Y-%m-%d}")
    assert (halted["status"], halted["reason_code"], halted["outcome"]) == (
        "failed",
        "confirmation-required",
        "nothing",
    )
    assert "51 new folders" in halted["error_message"] and manifest(root) == before
    preview = ann.done("inbox", layout="{taken:%Y-%m-%d}", is_dry_run=True)
    assert ann.finished(ann.post(f"/operations/{preview['id']}/apply"))["status"] == "failed"
    applied = ann.finished(ann.post(f"/operations/{preview['id']}/apply", {"confirm": True}))
    assert (applied["status"], applied["files_processed"]) == ("completed", 51)


def test_a_plan_is_applied_once(ann: Person) -> None:
    """S61: two at the same moment: one begins; later: none."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    preview = ann.done("inbox", is_dry_run=True)
    path = f"/operations/{preview['id']}/apply"
    with ThreadPoolExecutor(2) as pool:
        codes = sorted(answer.status_code for answer in pool.map(lambda _: ann.ask("POST", path), range(2)))
    assert codes == [202, 409]
    ann.finished(ann.get("/operations?operation_type=organize")["operations"][0])
    assert ann.ask("POST", path).status_code == 409


def test_what_changed_since_the_preview_is_skipped(ann: Person) -> None:
    """Behaviour 2: a file that changed isn't moved; retry plans anew."""
    root = ann.home / "inbox"
    write_tree(root, {"a.jpg": "a", "b.jpg": "b"})
    preview = ann.done("inbox", is_dry_run=True)
    write_tree(root, {"a.jpg": "changed"})
    applied = ann.finished(ann.post(f"/operations/{preview['id']}/apply"))
    assert (applied["outcome"], applied["files_processed"], applied["reasons"]) == ("partial", 1, {"changed": 1})
    retried = ann.finished(ann.post(f"/operations/{applied['id']}/retry"))
    assert (retried["outcome"], retried["files_processed"]) == ("all", 1)
    assert ann.ask("POST", f"/operations/{retried['id']}/retry").status_code == 409


def test_idempotency(ann: Person, bob: Person) -> None:
    """S60: the same key gives the same operation; with another request it is refused; keys are per user."""
    for person in (ann, bob):
        write_tree(person.home / "inbox", {"a.jpg": "a"})
    key = {"Idempotency-Key": str(uuid4())}
    body = {"root_path": "inbox", "is_dry_run": True}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ann.ask("POST", "/operations", json=body, headers=key), range(4)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = ann.ask("POST", "/operations", json={**body, "recursive": False}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert bob.ask("POST", "/operations", json=body, headers=key).json()["id"] != answers[0].json()["id"]


def test_asked_again_after_it_is_done(ann: Person) -> None:
    """S60: a client whose answer got lost asks again, when what it asked for can't be asked for any more."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    key = {"Idempotency-Key": str(uuid4())}
    first = ann.ask("POST", "/operations", json={"root_path": "inbox"}, headers=key).json()
    ann.finished(first)
    undo = {"Idempotency-Key": str(uuid4())}
    back = ann.ask("POST", f"/operations/{first['id']}/rollback", headers=undo).json()
    assert ann.finished(back)["status"] == "completed"
    assert ann.ask("POST", f"/operations/{first['id']}/rollback").status_code == 409
    again = ann.ask("POST", f"/operations/{first['id']}/rollback", headers=undo)
    assert (again.status_code, again.json()["id"]) == (202, back["id"])
    other = ann.ask("POST", f"/operations/{first['id']}/rollback", json={"paths": ["a.jpg"]}, headers=undo)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    (ann.home / "inbox").rename(ann.home / "elsewhere")
    again = ann.ask("POST", "/operations", json={"root_path": "inbox"}, headers=key)
    assert (again.status_code, again.json()["id"]) == (202, first["id"])


def test_overlap(server: Server, ann: Person) -> None:
    """F38: of twenty requests for one folder, one above it and one in it at once, exactly one wins; the others learn its id."""
    put_tree(ann.home / "a", {"b": {"inner": {f"{number}.jpg": "x" for number in range(300)}}})
    folders = [["a", "a/b", "a/b/inner"][number % 3] for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda folder: ann.ask("POST", "/operations", json={"root_path": folder, "is_dry_run": True}), folders
            )
        )
    won = [answer.json() for answer in answers if answer.status_code == 202]
    lost = [answer.json() for answer in answers if answer.status_code == 409]
    assert len(won) >= 1 and len(won) + len(lost) == 20
    ids = {operation["id"] for operation in won}
    assert {problem["operation_id"] for problem in lost} <= ids
    for operation in won:
        ann.finished(operation)


def test_cancel(ann: Person) -> None:
    """F51: a running operation stops within a second or so; what was done stays, is recorded, and can be taken back."""
    root, out = ann.home / "big", ann.home / "out"
    put_tree(root, {f"{number}.jpg": "x" for number in range(12_000)})
    out.mkdir()
    before = manifest(root)
    operation = ann.start("big", mode="copy", destination="out")  # copying takes longer than moving
    wait_until_it_moves(out)
    cancelled = ann.post(f"/operations/{operation['id']}/cancel")
    assert cancelled["cancel_requested"] is True
    ended = ann.finished(operation, 10)
    assert ended["status"] == "cancelled"
    assert ended["files_total"] == ended["files_processed"] + ended["files_skipped"] + ended["files_failed"] == 12_000
    assert ann.ask("POST", f"/operations/{operation['id']}/cancel").status_code == 409
    if ended["files_processed"]:
        ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    assert manifest(root) == before and not any(out.glob("*/*.jpg"))


def test_lists(ann: Person) -> None:
    """Newest first, filtered, counted, with links."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    made = [ann.done("inbox", is_dry_run=True)["id"] for _ in range(3)] + [ann.done("inbox")["id"]]
    answer = ann.ask("GET", "/operations?limit=2&offset=1")
    body = answer.json()
    assert [operation["id"] for operation in body["operations"]] == [made[2], made[1]] and body["total"] == 4
    assert 'rel="next"' in answer.headers["link"] and 'rel="prev"' in answer.headers["link"]
    assert ann.get("/operations?operation_type=preview")["total"] == 3
    assert ann.get("/operations?status=failed")["total"] == 0
    filtered = ann.ask(
        "GET", "/operations", params={"root_path": str(ann.home / "inbox"), "operation_type": "preview", "limit": 2}
    )
    following = re.search(r'<(/api/v1[^>]*)>; rel="next"', filtered.headers["link"])
    assert following is not None
    last = ann.client.get(following[1], headers=ann.headers).json()
    assert ([operation["id"] for operation in last["operations"]], last["total"]) == ([made[0]], 3)
    assert ann.get("/operations", params={"root_path": str(ann.home / "inbox")})["total"] == 4
    overview = ann.get("/stats/overview")
    assert (overview["operations"], overview["files_processed"]) == (1, 1)
    assert overview["by_category"] == [{"category": "Images", "file_count": 1, "total_size_bytes": 1}]
    assert len(overview["recent"]) == 4


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"root_path": "../x"}, "root_path"),
        ({"root_path": "a/../../x"}, "root_path"),
        ({"root_path": "a\0b"}, "root_path"),
        ({"root_path": "inbox/.fileorganizer/journal.db"}, "root_path"),
        ({"root_path": "x" * 300}, "root_path"),
        ({"root_path_b64": "***"}, "root_path_b64"),
        ({"root_path": "inbox", "layout": "{name}/../../etc"}, "layout"),
        ({"root_path": "inbox", "layout": "{0.__class__}"}, "layout"),
        ({"root_path": "inbox", "exclude": ["["]}, "exclude"),
        ({"root_path": "inbox", "categories": ["Nonsense"]}, "categories"),
        ({"root_path": "inbox", "mode": "copy"}, "destination"),
        ({"root_path": "inbox", "destination": "../../etc"}, "destination"),
        ({"root_path": "inbox", "owner": "bob"}, "owner"),
        ({"root_path": "inbox", "max_depth": "3"}, "max_depth"),
    ],
)
def test_requests_that_cant_be_used(ann: Person, body: dict[str, object], field: str) -> None:
    """S40, S41: refused with the name of the field, before the file system sees it."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    answer = ann.ask("POST", "/operations", json=body)
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}


def test_folders_of_others_and_of_nobody(server: Server, ann: Person, bob: Person, tmp_path: Path) -> None:
    """S39, S42: whatever isn't below a granted root is 403, there or not; what is below and isn't there is 404."""
    write_tree(bob.home / "secret", {"a.jpg": "a"})
    (ann.home / "way-out").symlink_to(bob.home)
    (ann.home / "to-etc").symlink_to("/etc")
    for path in (
        str(bob.home),
        str(bob.home / "nothing"),
        "/",
        "/etc",
        "/proc",
        "/nowhere",
        "way-out",
        "to-etc",
        "way-out/secret",
        str(server.data_dir),
    ):
        answer = ann.ask("POST", "/operations", json={"root_path": path})
        assert (answer.status_code, answer.json()["code"]) == (403, "root-not-granted"), path
        assert str(bob.home) not in answer.text
    for path in ("nothing", "C:\\x", "\\\\host\\share", "~", "%2e%2e%2f"):
        assert ann.ask("POST", "/operations", json={"root_path": path}).status_code == 404, path
    write_tree(ann.home, {"file.txt": "x"})
    assert ann.ask("POST", "/operations", json={"root_path": "file.txt"}).status_code == 404


def test_a_root_that_vanishes_meanwhile(ann: Person) -> None:
    """Its journal can't be read then. What is known is told: some files were moved; the disk comes back, and undo knows them."""
    root, away = ann.home / "big", ann.home / "away"
    put_tree(root, {f"{number}.jpg": "x" for number in range(16_000)})
    operation = ann.start("big")
    wait_until_it_moves(root)
    (arrivals,) = root.glob("Images/*")
    while len(os.listdir(arrivals)) < 5_500:  # the first batch has 5,000
        time.sleep(0.001)
    root.rename(away)
    ended = ann.finished(operation)
    assert (ended["status"], ended["outcome"]) == ("failed", "partial"), ended
    away.rename(root)
    back = ann.post(f"/operations/{ended['id']}/rollback")
    root.rename(away)  # before it begins, or while it moves: it ends, whatever of the records can be read
    assert ann.finished(back)["status"] == "failed"
    away.rename(root)
    again = ann.finished(ann.post(f"/operations/{ended['id']}/rollback"))
    assert again["status"] == "completed", again
    assert len(list(root.glob("*.jpg"))) == 16_000


def test_granted_roots(ann: Person, admin: Person, tmp_path: Path) -> None:
    """An administrator grants a folder; it can be worked on until it is taken away, also by what waits already (S14)."""
    write_tree(tmp_path / "share", {"a.jpg": "a"})
    share = str(tmp_path / "share")
    assert ann.ask("POST", "/operations", json={"root_path": share}).status_code == 403
    user_id = ann.get("/auth/me")["id"]
    granted = admin.post("/admin/roots", {"user_id": user_id, "path": share}, status=201)
    assert {user["id"] for user in granted["users"]} == {user_id}
    done = ann.done(share)
    assert done["files_processed"] == ann.get(f"/operations/{done['id']}/rollback-preview")["planned"] == 1
    for taken in (tmp_path, tmp_path / "share/Images"):
        assert admin.ask("POST", "/admin/roots", json={"user_id": user_id, "path": str(taken)}).status_code == 409
    assert admin.ask("DELETE", f"/admin/roots/{granted['id']}/users/{user_id}").status_code == 204
    assert ann.ask("POST", "/operations", json={"root_path": share}).status_code == 403
    for question in ("rollback-preview", "verify"):
        assert ann.ask("GET", f"/operations/{done['id']}/{question}").status_code == 403
    assert admin.ask("DELETE", f"/admin/roots/{granted['id']}/users/{user_id}").status_code == 404


def test_granted_at_once(ann: Person, bob: Person, admin: Person, tmp_path: Path) -> None:
    """Several requests for one new folder make one root; those for a folder and one in it don't both win."""
    outer, inner = tmp_path / "outer", tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    users = [person.get("/auth/me")["id"] for person in (ann, bob)]

    def grant(asked: tuple[Path, str]) -> httpx.Response:
        return admin.ask("POST", "/admin/roots", json={"path": str(asked[0]), "user_id": asked[1]})

    with ThreadPoolExecutor(8) as pool:
        same = list(pool.map(grant, [(inner, user) for user in users * 4]))
        assert [answer.status_code for answer in same] == [201] * 8
        assert len({answer.json()["id"] for answer in same}) == 1
        (tmp_path / "new" / "inner").mkdir(parents=True)
        nested = [(tmp_path / "new", users[0]), (tmp_path / "new" / "inner", users[1])]
        assert sorted(answer.status_code for answer in pool.map(grant, nested)) == [201, 409]
    assert grant((outer, users[0])).status_code == 409


@pytest.mark.root
@pytest.mark.loop
def test_a_granted_disk_that_was_connected_anew(ann: Person, admin: Person, tmp_path: Path) -> None:
    """Its device has another number then, as after a restart of the machine: folders on it are known all the same.

    Of its topmost folder only what is in it tells it from another disk's. Granted again, what lies there is meant.
    """
    user_id = ann.get("/auth/me")["id"]

    def granted(folder: Path) -> None:
        admin.post("/admin/roots", {"user_id": user_id, "path": str(folder)}, status=201)

    def seen(folder: Path) -> bool:
        answer = ann.ask("GET", "/folders", params={"path": str(folder)})
        assert answer.status_code == 200 or answer.json()["code"] == "root-missing", answer.text
        return answer.status_code == 200

    with image(tmp_path / "disk", "ext4", "-q") as disk, image(tmp_path / "new", "ext4", "-q") as new:
        share = not_topmost(disk)
        write_tree(share, {"a.jpg": "a"})
        with another_device(disk) as connect_anew:
            granted(share)
            connect_anew()
            assert ann.done(str(share))["files_processed"] == 1
            share.rename(disk / "other")
            share.mkdir()
            assert not seen(share)
            granted(share)
            assert seen(share)
        granted(new)
        with another_device(new) as connect_anew:
            connect_anew()
            assert not seen(new)
            granted(new)
            write_tree(new, {"b.jpg": "b"})
            assert ann.done(str(new))["files_processed"] == 1
        with another_device(new) as connect_anew:
            connect_anew()
            assert seen(new)


def test_a_destination_is_looked_at_again(ann: Person, admin: Person, tmp_path: Path) -> None:
    """S14: taken away, or put in its place a link to another's folder, while the operation waits: nothing goes there."""
    for name in ("big", "bigger"):
        put_tree(ann.home / name, {f"{number}.jpg": "x" for number in range(8_000)})
    write_tree(ann.home, {"one": {"a.jpg": "a"}, "two": {"b.jpg": "b"}, "out": {}})
    write_tree(tmp_path, {"share": {}, "others": {}})
    user_id = ann.get("/auth/me")["id"]
    granted = admin.post("/admin/roots", {"user_id": user_id, "path": str(tmp_path / "share")}, status=201)
    big = [ann.start(name) for name in ("big", "bigger")]  # as many as run at a time
    waiting = [
        ann.start("one", mode="copy", destination=str(tmp_path / "share")),
        ann.start("two", mode="copy", destination="out"),
    ]
    assert admin.ask("DELETE", f"/admin/roots/{granted['id']}/users/{user_id}").status_code == 204
    (ann.home / "out").rmdir()
    (ann.home / "out").symlink_to(tmp_path / "others")
    ended = [ann.finished(operation) for operation in waiting]
    assert [operation["reason_code"] for operation in ended] == ["root-not-granted", "destination-missing"]
    assert read_tree(tmp_path) == {"share": {}, "others": {}}
    assert [ann.finished(operation)["status"] for operation in big] == ["completed"] * 2


def test_the_destination_of_somebody_else(ann: Person, admin: Person, tmp_path: Path) -> None:
    """A run in a shared folder was cut off, and where its files were to go isn't there: said, but not what it is called."""
    write_tree(tmp_path, {"share": {"a.jpg": "a"}, "secret place": {}})
    share, place = tmp_path / "share", tmp_path / "secret place"
    os.utime(share / "a.jpg", (1_400_000_000, 1_400_000_000))
    options = Options(mode="copy", destination=str(place), dates="file")
    assert not in_child(lambda: organizer.organize(share, options), kill_at("copy.published"))
    place.rename(tmp_path / "unplugged")
    admin.post("/admin/roots", {"user_id": ann.get("/auth/me")["id"], "path": str(share)}, status=201)
    ended = ann.done(str(share))
    assert (ended["status"], ended["reason_code"]) == ("failed", "destination-missing")
    assert "secret" not in ended["error_message"]
    (tmp_path / "unplugged").rename(place)
    assert ann.done(str(share))["files_processed"] == 1


def test_roots_that_cant_be_granted(server: Server, ann: Person, admin: Person, tmp_path: Path) -> None:
    """S39: system folders, the server's own, files, links to them, other homes."""
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "file").write_text("x")
    user_id = ann.get("/auth/me")["id"]
    for path in (
        "/",
        "/etc",
        "/proc",
        str(server.data_dir),
        str(server.data_dir / "plans"),
        str(server.data_dir.parent),
        "~",
        "relative",
        "..",
        str(tmp_path / "link"),
        str(tmp_path / "file"),
        str(tmp_path / "nothing"),
    ):
        answer = admin.ask("POST", "/admin/roots", json={"user_id": user_id, "path": path})
        assert answer.status_code in (409, 422), path
    assert admin.ask("POST", "/admin/roots", json={"user_id": user_id, "path": str(ann.home)}).status_code in (409, 422)
    unknown = admin.ask("POST", "/admin/roots", json={"user_id": str(uuid4()), "path": str(tmp_path)})
    assert unknown.status_code == 404


def test_folder_picker(ann: Person) -> None:
    """Folders only, without hidden ones and links."""
    write_tree(ann.home, {"b": {"c": {}}, "a": {}, ".hidden": {}, "file": "x"})
    (ann.home / "link").symlink_to("a")
    listed = ann.get("/folders")
    assert [(folder["name"], folder["has_folders"]) for folder in listed["folders"]] == [("a", False), ("b", True)]
    inner = ann.get("/folders", params={"path": listed["folders"][1]["path"]})
    assert [folder["name"] for folder in inner["folders"]] == ["c"] and inner["more"] is False
    assert ann.ask("GET", "/folders?path=/etc").status_code == 403


def test_requests_come_before_operations(server: Server, ann: Person) -> None:
    """A worker is nicer than the API, and interrupts nobody when it wakes up (Celery's beat is no worker)."""
    assert server.process is not None

    def standing(pid: int) -> tuple[int, int]:
        return os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid)

    policy, niceness = standing(server.process.pid)
    assert policy == os.SCHED_OTHER
    assert (os.SCHED_BATCH, niceness + NICER) in {standing(abs(pid)) for pid in server.workers()}


def test_too_many_wait(server: Server, ann: Person) -> None:
    """S59: a user can't fill the queue: the 21st is refused. Those before are carried out, and there is room again."""
    home = ann.home
    for number in range(21):
        write_tree(home / str(number), {"a.jpg": "a"})
    asked = [{"root_path": str(number), "is_dry_run": True} for number in range(21)]
    with server.stopped(server.workers()):
        answers = [ann.ask("POST", "/operations", json=one) for one in asked]
    assert [answer.status_code for answer in answers] == [202] * 20 + [429]
    assert {ann.finished(answer.json())["status"] for answer in answers[:20]} == {"completed"}
    assert ann.done(**asked[20])["status"] == "completed"


def test_events_tell_the_whole_story(ann: Person) -> None:
    """Server-sent events: the present state first, the end last; a finished operation tells both at once."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    operation = ann.start("inbox")
    for _ in range(2):
        with ann.client.stream("GET", f"/api/v1/operations/{operation['id']}/events", headers=ann.headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            lines = [line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: ")]
        messages = [json.loads(line) for line in lines]
        assert messages[0]["type"] == "status" and messages[-1]["type"] == "completed"
        assert messages[-1]["progress"] == 100 and messages[-1]["files_processed"] == 1


def test_events_of_nobody_elses(ann: Person, bob: Person) -> None:
    """What is in the way is told by the status, not by a stream that breaks off."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    operation = ann.done("inbox")
    for person, operation_id in ((bob, operation["id"]), (ann, str(uuid4()))):
        assert person.ask("GET", f"/operations/{operation_id}/events").status_code == 404


def test_modes_of_what_the_server_writes(server: Server, ann: Person) -> None:
    """S50: nobody else can read the database, secrets, plans, homes."""
    assert os.stat(ann.home).st_mode & 0o077 == 0
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    ann.done("inbox", is_dry_run=True)
    for folder, folders, names in os.walk(server.data_dir):
        if os.path.dirname(folder) == str(server.data_dir / "storage"):
            folders.clear()  # a user's own files have the user's modes
        else:
            for name in set(names) - {"server.log", "celery.log"}:
                mode = os.lstat(os.path.join(folder, name)).st_mode
                assert mode & 0o077 == 0, (folder, name, oct(mode))
            assert os.stat(folder).st_mode & 0o077 == 0, folder


def test_what_a_later_operation_moved_on(ann: Person) -> None:
    """An undo that waits for another one names it as the API does, and no command of the command line."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    first, second = ann.done("inbox", layout="category"), ann.done("inbox", layout="year")
    planned = ann.ask("GET", f"/operations/{first['id']}/rollback-preview").json()
    ended = ann.finished(ann.post(f"/operations/{first['id']}/rollback"))
    assert (planned["code"], ended["reason_code"]) == ("later-operation", "later-operation")
    for words in (planned["detail"], ended["error_message"]):
        assert second["id"] in words and "fileorganizer" not in words
    organizer.undo(ann.home / "inbox")
    organizer.organize(ann.home / "inbox", Options(dates="file", layout="year", recursive=True))
    ended = ann.finished(ann.post(f"/operations/{first['id']}/rollback"))
    assert "of somebody else or of the command line" in ended["error_message"]
