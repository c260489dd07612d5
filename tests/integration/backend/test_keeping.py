"""What is kept of answers is never stale, and never another's."""

from __future__ import annotations

import re

from tests.support.server import Person, Server
from tests.support.trees import File, write_tree


def figure(admin: Person, name: str, kind: str) -> float:
    """A counter of the server."""
    text = admin.client.get("/metrics", headers=admin.headers).text
    found = re.search(rf'^{name}_total{{kind="{kind}"}} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_overview_and_categories_are_never_stale(ann: Person, bob: Person, admin: Person) -> None:
    """Each change of an operation shows in the next answer; asking again costs nothing."""
    write_tree(ann.home / "inbox", {"a.jpg": "a", "b.jpg": "b", "c.txt": "c"})
    assert ann.get("/stats/overview")["files_processed"] == 0
    operation = ann.done("inbox")
    hits, misses = (figure(admin, name, "usage") for name in ("cache_hits", "cache_misses"))
    overview = ann.get("/stats/overview")
    assert (overview["operations"], overview["files_processed"]) == (1, 3)
    assert figure(admin, "cache_misses", "usage") == misses + 1
    assert ann.get("/stats/overview") == overview
    counts = {category["name"]: category["file_count"] for category in ann.get("/categories")["categories"]}
    assert (counts["Images"], counts["Documents"]) == (2, 1)
    assert figure(admin, "cache_hits", "usage") == hits + 2
    assert bob.get("/stats/overview")["files_processed"] == 0
    ann.finished(ann.post(f"/operations/{operation['id']}/rollback"))
    after = ann.get("/stats/overview")
    assert after["operations"] == 2 and after["by_category"] == [] and after["recent"][1]["rolled_back"]
    assert not any(category["file_count"] for category in ann.get("/categories")["categories"])


def test_reports_are_kept_whole(server: Server, ann: Person, bob: Person, admin: Person) -> None:
    """The second report is the first one, names that aren't text included; nobody else gets it."""
    write_tree(ann.home / "inbox", {b"caf\xe9.txt": File("xyz", mtime=1_400_000_000), "a.jpg": "a"})
    operation = ann.done("inbox")
    hits = figure(admin, "cache_hits", "report")
    first = ann.get(f"/reports/{operation['id']}")
    assert first["largest_files"][0]["size_bytes"] == 3 and "path_b64" in first["largest_files"][0]
    assert ann.get(f"/reports/{operation['id']}") == first
    assert figure(admin, "cache_hits", "report") == hits + 1
    assert bob.ask("GET", f"/reports/{operation['id']}").status_code == 404
