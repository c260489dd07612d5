"""Duplicates over HTTP: found, listed, put away one group or all, taken back; counted by organize; never the last copy."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.manifest import manifest
from tests.support.pictures import picture
from tests.support.server import Person
from tests.support.trees import File, read_tree, write_tree

BIG, SMALL = b"B" * 3_000, b"s" * 200
TREE = {
    "new.jpg": File(BIG, mtime=1_600_000_000),
    "old.jpg": File(BIG, mtime=1_400_000_000),
    "deep": {"middle.jpg": File(BIG, mtime=1_500_000_000), "note.txt": File(SMALL, mtime=1_500_000_000)},
    "note.txt": File(SMALL, mtime=1_400_000_000),
    "single.txt": File(b"one of a kind", mtime=1_400_000_000),
    b"caf\xe9.txt": File(SMALL, mtime=1_500_000_000),
}


def searched(person: Person, **options: Any) -> tuple[Path, dict[str, Any]]:
    """A folder with two groups, and the operation that found them."""
    root = person.home / "inbox"
    write_tree(root, TREE)
    return root, person.done("inbox", operation_type="duplicate_cleanup", **options)


def groups(person: Person, operation: dict[str, Any], query: str = "") -> dict[str, Any]:
    """What is known of an operation's duplicates."""
    found: dict[str, Any] = person.get(f"/duplicates/{operation['id']}{query}")
    return found


def names(group: dict[str, Any]) -> list[str]:
    """The names of a group's files."""
    return [file["path"].rpartition("/")[2] for file in group["files"]]


def test_a_search_reports_and_changes_nothing(ann: Person) -> None:
    """The promised members; groups that waste most first; pages; files by name in both forms."""
    root = ann.home / "inbox"
    before = write_tree(root, TREE)
    operation = ann.done("inbox", operation_type="duplicate_cleanup")
    assert (operation["status"], operation["outcome"], operation["operation_type"]) == (
        "completed",
        "nothing",
        "duplicate_cleanup",
    )
    assert (operation["duplicates_found"], operation["space_saved_bytes"]) == (4, 0)
    assert manifest(root) == before
    found = groups(ann, operation)
    assert (found["total_groups"], found["total_duplicates"]) == (2, 4)
    assert (found["total_size_bytes"], found["wasted_bytes"]) == (9_600, 6_400)
    big, small = found["duplicates"]
    assert (big["file_count"], big["total_size_bytes"], big["average_size_bytes"]) == (3, 9_000, 3_000)
    assert len(big["hash_value"]) == 64 and names(big) == ["middle.jpg", "new.jpg", "old.jpg"]
    assert big["files"][0]["path"] == str(root / "deep/middle.jpg")
    assert big["files"][0]["modified_at"] == "2017-07-14T02:40:00.000000Z"
    odd = next(file for file in small["files"] if file.get("path_b64"))
    assert base64.b64decode(odd["path_b64"]).endswith(b"caf\xe9.txt")
    assert groups(ann, operation, "?limit=1&offset=1")["duplicates"] == [small]
    only_big = groups(ann, operation, "?min_size_bytes=1000")
    assert only_big["duplicates"] == [big] and only_big["total_groups"] == 1
    stats = ann.get(f"/reports/{operation['id']}")["stats"]
    assert (stats["duplicates_found"], stats["duplicate_files"], stats["space_saved_bytes"]) == (4, 6, 0)


def test_one_group_goes_and_comes_back(ann: Person) -> None:
    """All but the oldest go into the trash, at once; rolled back, the group is there again, and can go again."""
    root, operation = searched(ann)
    before = manifest(root)
    big = groups(ann, operation)["duplicates"][0]
    address = f"/duplicates/{operation['id']}/{big['hash_value']}"
    for _ in range(2):
        answer = ann.ask("DELETE", address)
        assert answer.status_code == 200, answer.text
        removed = answer.json()
        assert (removed["deleted_count"], removed["space_freed_bytes"], removed["skipped_count"]) == (2, 6_000, 0)
        assert removed["operation_id"] == operation["id"]
        tree = read_tree(root)
        assert "old.jpg" in tree and "new.jpg" not in tree and set(tree["deep"]) == {"note.txt"}
        assert groups(ann, operation)["total_groups"] == 1
        assert ann.ask("DELETE", address).status_code == 404
        cleanup = ann.get(f"/operations/{removed['cleanup_operation_id']}")
        assert (cleanup["operation_type"], cleanup["parent_id"]) == ("duplicate_cleanup", operation["id"])
        back = ann.finished(ann.post(f"/operations/{cleanup['id']}/rollback"))
        assert back["status"] == "completed" and manifest(root) == before
        assert groups(ann, operation)["total_groups"] == 2
        assert ann.get(f"/operations/{cleanup['id']}")["rolled_back"] is True


@pytest.mark.parametrize(
    ("keep", "stays"),
    [("oldest", "old.jpg"), ("newest", "new.jpg"), ("shortest_path", "new.jpg"), ("deep/middle.jpg", "middle.jpg")],
)
def test_who_stays(ann: Person, keep: str, stays: str) -> None:
    """By rule, or by name: relative, absolute, base64."""
    root, operation = searched(ann)
    big = groups(ann, operation)["duplicates"][0]
    address = f"/duplicates/{operation['id']}/{big['hash_value']}"
    assert ann.ask("DELETE", address, params={"keep": keep}).json()["deleted_count"] == 2
    left = [name for _, _, files in os.walk(root) for name in files if name.endswith(".jpg")]
    assert left == [stays]


def test_a_named_file_must_be_of_the_group(ann: Person) -> None:
    """Anything else is refused before the disk is asked."""
    root, operation = searched(ann)
    small = groups(ann, operation)["duplicates"][1]
    address = f"/duplicates/{operation['id']}/{small['hash_value']}"
    for keep in ("single.txt", "../note.txt", "/etc/passwd", str(root / "old.jpg"), "rubbish", ".fileorganizer/x"):
        assert ann.ask("DELETE", address, params={"keep": keep}).status_code == 422, keep
    exact = base64.b64encode(os.fsencode(root) + b"/caf\xe9.txt").decode()
    assert ann.ask("DELETE", address, params={"keep_b64": exact}).json()["deleted_count"] == 2
    assert (root / os.fsdecode(b"caf\xe9.txt")).exists() and not (root / "note.txt").exists()


def test_single_copies_go(ann: Person) -> None:
    """With drop only what is named goes; what isn't of the group, or would leave nothing, is refused."""
    root, operation = searched(ann)
    before = manifest(root)
    small = groups(ann, operation)["duplicates"][1]
    address = f"/duplicates/{operation['id']}/{small['hash_value']}"
    odd = base64.b64encode(b"caf\xe9.txt").decode()
    everything = {"drop": ["note.txt", "deep/note.txt"], "drop_b64": [odd]}
    for refused in (
        everything,
        {"drop": "single.txt"},
        {"drop": "note.txt", "keep": "oldest"},
        {"drop": "../note.txt"},
    ):
        assert ann.ask("DELETE", address, params=refused).status_code == 422, refused
    assert manifest(root) == before
    removed = ann.ask("DELETE", address, params={"drop_b64": odd}).json()
    assert (removed["deleted_count"], removed["skipped_count"]) == (1, 0)
    assert not (root / os.fsdecode(b"caf\xe9.txt")).exists()
    (left,) = [group for group in groups(ann, operation)["duplicates"] if group["hash_value"] == small["hash_value"]]
    assert sorted(names(left)) == ["note.txt", "note.txt"]
    ann.finished(ann.post(f"/operations/{removed['cleanup_operation_id']}/rollback"))
    assert manifest(root) == before


def test_copies_as_small_pictures(ann: Person, bob: Person) -> None:
    """Each copy has a picture as long as it is the file that was found; to nobody but its owner."""
    root = ann.home / "inbox"
    write_tree(root, {"a.jpg": picture("JPEG"), "b.jpg": picture("JPEG"), "a.txt": "same", "b.txt": "same"})
    operation = ann.done("inbox", operation_type="duplicate_cleanup")
    by_name = {names(group)[0]: group for group in groups(ann, operation)["duplicates"]}
    address = f"/duplicates/{operation['id']}/{by_name['a.jpg']['hash_value']}/thumbnail"
    for file in by_name["a.jpg"]["files"]:
        made = ann.ask("GET", address, params={"path": file["path"], "size": "128"})
        assert (made.status_code, made.headers["content-type"]) == (200, "image/webp")
        assert bob.ask("GET", address, params={"path": file["path"]}).status_code == 404
    assert ann.ask("GET", address, params={"path": "a.txt"}).status_code == 404
    assert ann.ask("GET", address).status_code == 422
    texts = f"/duplicates/{operation['id']}/{by_name['a.txt']['hash_value']}/thumbnail"
    assert ann.ask("GET", texts, params={"path": "a.txt"}).status_code == 415
    (root / "b.jpg").write_bytes(picture("JPEG", (20, 20)))
    assert ann.ask("GET", address, params={"path": "b.jpg"}).status_code == 409
    assert ann.ask("GET", address, params={"path": "a.jpg"}).status_code == 200


def test_all_copies_need_a_second_yes(ann: Person) -> None:
    """keep_original=false says how many first; with confirm all go into the trash, from where they come back."""
    root, operation = searched(ann)
    before = manifest(root)
    big = groups(ann, operation)["duplicates"][0]
    address = f"/duplicates/{operation['id']}/{big['hash_value']}?keep_original=false"
    asked = ann.ask("DELETE", address)
    assert (asked.status_code, asked.json()["count"]) == (409, 3) and manifest(root) == before
    assert ann.ask("DELETE", address + "&keep=oldest&confirm=true").status_code == 422
    removed = ann.ask("DELETE", address + "&confirm=true").json()
    assert removed["deleted_count"] == 3 and not list(root.rglob("*.jpg"))
    ann.finished(ann.post(f"/operations/{removed['cleanup_operation_id']}/rollback"))
    assert manifest(root) == before


def test_what_changed_since_the_search_stays(ann: Person) -> None:
    """R15: a copy with other bytes isn't one any more, and without a keeper nothing goes."""
    root, operation = searched(ann)
    big, small = groups(ann, operation)["duplicates"]
    write_tree(root, {"old.jpg": File(b"X" * 3_000, mtime=1_400_000_000)})
    removed = ann.ask("DELETE", f"/duplicates/{operation['id']}/{big['hash_value']}").json()
    assert (removed["deleted_count"], removed["skipped_count"]) == (0, 2), removed
    assert len(list(root.rglob("*.jpg"))) == 3
    (root / "deep/note.txt").unlink()
    removed = ann.ask("DELETE", f"/duplicates/{operation['id']}/{small['hash_value']}", params={"keep": "note.txt"})
    assert removed.json()["deleted_count"] == 1 and (root / "note.txt").exists()


def test_all_groups_with_a_preview(ann: Person) -> None:
    """A preview changes nothing; applied, it does just that; the groups are gone, and come back with a rollback."""
    root, operation = searched(ann)
    before = manifest(root)
    body = {"keep": "newest", "is_dry_run": True}
    preview = ann.finished(ann.post(f"/duplicates/{operation['id']}/cleanup", body))
    assert (preview["operation_type"], preview["outcome"], preview["review"]["planned"]) == ("preview", "all", 4)
    assert manifest(root) == before
    applied = ann.finished(ann.post(f"/operations/{preview['id']}/apply"))
    assert (applied["operation_type"], applied["files_processed"]) == ("duplicate_cleanup", 4)
    assert applied["space_saved_bytes"] == 6_400 and "new.jpg" in read_tree(root)
    assert groups(ann, operation)["total_groups"] == 0
    assert ann.ask("POST", f"/duplicates/{operation['id']}/cleanup", json={}).status_code == 409
    ann.finished(ann.post(f"/operations/{applied['id']}/rollback"))
    assert manifest(root) == before and groups(ann, operation)["total_groups"] == 2


def test_part_of_the_groups_back(ann: Person) -> None:
    """A rollback of one file, and its rollback: the list follows each time."""
    root, operation = searched(ann)
    cleaned = ann.finished(ann.post(f"/duplicates/{operation['id']}/cleanup", {}))
    back = ann.finished(ann.post(f"/operations/{cleaned['id']}/rollback", {"paths": ["new.jpg"]}))
    assert names(groups(ann, operation)["duplicates"][0]) == ["new.jpg", "old.jpg"]
    again = ann.finished(ann.post(f"/operations/{back['id']}/rollback"))
    assert again["status"] == "completed" and not (root / "new.jpg").exists()
    assert groups(ann, operation)["total_groups"] == 0


def test_hard_links(ann: Person) -> None:
    """Copies become names of the one that stays; taken back they are files of their own again."""
    root = ann.home / "inbox"
    before = write_tree(root, TREE)
    operation = ann.done("inbox", operation_type="duplicate_cleanup", duplicate_action="hardlink")
    assert (operation["files_processed"], operation["space_saved_bytes"]) == (4, 6_400), operation
    assert (root / "new.jpg").stat().st_ino == (root / "old.jpg").stat().st_ino
    assert groups(ann, operation)["total_groups"] == 0
    second = ann.done("inbox", operation_type="duplicate_cleanup")
    assert second["duplicates_found"] == 0
    ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    assert manifest(root) == before


def test_clean_up_preview_and_apply(ann: Person) -> None:
    """A dry run searches, plans and lists; applying it carries out that plan."""
    root = ann.home / "inbox"
    before = write_tree(root, TREE)
    options = {"operation_type": "duplicate_cleanup", "duplicate_action": "trash", "keep": "shortest_path"}
    preview = ann.done("inbox", is_dry_run=True, **options)
    assert (preview["operation_type"], preview["outcome"], preview["duplicates_found"]) == ("preview", "all", 4)
    assert manifest(root) == before and groups(ann, preview)["total_groups"] == 2
    applied = ann.finished(ann.post(f"/operations/{preview['id']}/apply"))
    assert (applied["operation_type"], applied["files_processed"], applied["duplicates_found"]) == (
        "duplicate_cleanup",
        4,
        4,
    )
    assert groups(ann, preview)["total_groups"] == 0
    assert (root / "new.jpg").exists() and not (root / "old.jpg").exists()
    assert ann.ask("POST", f"/operations/{preview['id']}/apply").status_code == 409
    report = ann.done("inbox", is_dry_run=True, operation_type="duplicate_cleanup")
    assert (report["outcome"], ann.ask("POST", f"/operations/{report['id']}/apply").status_code) == ("nothing", 409)


def test_organize_counts_duplicates(ann: Person) -> None:
    """By default; the list follows the files to where they went, and a group can be put away there."""
    root = ann.home / "inbox"
    write_tree(root, TREE)
    operation = ann.done("inbox")
    assert (operation["files_processed"], operation["duplicates_found"], operation["space_saved_bytes"]) == (7, 4, 0)
    found = groups(ann, operation)
    assert {file["path"] for file in found["duplicates"][0]["files"]} == {
        str(root / path) for path in ("Images/2020/new.jpg", "Images/2014/old.jpg", "Images/2017/middle.jpg")
    }
    digest = found["duplicates"][0]["hash_value"]
    removed = ann.ask("DELETE", f"/duplicates/{operation['id']}/{digest}").json()
    assert removed["deleted_count"] == 2, removed
    assert [path.name for path in root.rglob("*.jpg") if ".fileorganizer" not in path.parts] == ["old.jpg"]
    plain = ann.done("inbox", detect_duplicates=False)
    assert plain["duplicates_found"] == 0 and groups(ann, plain)["duplicates"] == []


def test_organize_cleans_up_first(ann: Person) -> None:
    """As the command line's --duplicates trash: an operation of its own, before; either can be taken back alone."""
    root = ann.home / "inbox"
    before = write_tree(root, TREE)
    operation = ann.done("inbox", duplicate_action="trash")
    assert (operation["status"], operation["files_processed"]) == ("completed", 3), operation
    assert (operation["duplicates_found"], operation["space_saved_bytes"]) == (4, 6_400)
    listed = ann.get("/operations?operation_type=duplicate_cleanup")["operations"]
    assert [one["parent_id"] for one in listed] == [operation["id"]]
    part = listed[0]
    assert (part["status"], part["files_processed"], part["space_saved_bytes"]) == ("completed", 4, 6_400)
    overview = ann.get("/stats/overview")
    assert (overview["duplicates_found"], overview["space_saved_bytes"]) == (4, 6_400)
    for one in (operation, part):
        assert ann.finished(ann.post(f"/operations/{one['id']}/rollback"))["status"] == "completed"
    assert manifest(root) == before
    assert ann.get("/stats/overview")["space_saved_bytes"] == 0
    assert groups(ann, operation)["total_groups"] == 2


@pytest.mark.parametrize(
    "options",
    [
        {"operation_type": "duplicate_cleanup", "extensions": ["jpg"]},
        {"operation_type": "duplicate_cleanup", "mode": "copy", "destination": "out"},
        {"duplicate_action": "trash", "categories": ["Images"]},
        {"duplicate_action": "hardlink", "max_size_bytes": 5},
        {"duplicate_action": "trash", "is_dry_run": True},
        {"keep": "nothing"},
        {"operation_type": "duplicate_cleanup", "duplicate_action": "reflink"},
    ],
)
def test_what_would_be_ignored_is_refused(ann: Person, options: dict[str, Any]) -> None:
    """Nobody may believe that a filter protects a file that a clean-up takes."""
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    assert ann.ask("POST", "/operations", json={"root_path": "inbox", **options}).status_code == 422


def test_of_others(ann: Person, bob: Person) -> None:
    """S01: another's duplicates are as if they weren't there, and stay."""
    root, operation = searched(ann)
    digest = groups(ann, operation)["duplicates"][0]["hash_value"]
    before = manifest(root)
    assert bob.ask("GET", f"/duplicates/{operation['id']}").status_code == 404
    assert bob.ask("DELETE", f"/duplicates/{operation['id']}/{digest}").status_code == 404
    assert bob.ask("POST", f"/duplicates/{operation['id']}/cleanup", json={}).status_code == 404
    assert ann.ask("DELETE", f"/duplicates/{uuid4()}/{digest}").status_code == 404
    assert ann.ask("DELETE", f"/duplicates/{operation['id']}/{'0' * 64}").status_code == 404
    assert ann.ask("DELETE", f"/duplicates/{operation['id']}/..%2f{digest}").status_code in (404, 422)
    assert manifest(root) == before


def test_links_are_no_copies(ann: Person) -> None:
    """S42, S44: hard links to one file are one file; links that lead out are never read."""
    root = ann.home / "inbox"
    (ann.home / "outside").mkdir(parents=True)
    write_tree(ann.home / "outside", {"secret.txt": File(BIG, mtime=1_400_000_000)})
    write_tree(root, {"a.txt": File(BIG, mtime=1_400_000_000), "b.txt": File(BIG, mtime=1_500_000_000)})
    os.link(root / "a.txt", root / "name.txt")
    (root / "link.txt").symlink_to(ann.home / "outside/secret.txt")
    operation = ann.done("inbox", operation_type="duplicate_cleanup")
    group = groups(ann, operation)["duplicates"][0]
    assert names(group) == ["a.txt", "b.txt"]
    assert [link["path"] for link in group["files"][0]["links"]] == [str(root / "name.txt")]
    removed = ann.ask("DELETE", f"/duplicates/{operation['id']}/{group['hash_value']}", params={"keep": "b.txt"}).json()
    assert removed["deleted_count"] == 1
    assert not (root / "a.txt").exists() and not (root / "name.txt").exists() and (root / "link.txt").is_symlink()
