"""The JSON documents, as ``docs/user_guide.md`` describes them. Long lists are streamed."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fileorganizer.errors import defused, path_members, show
from fileorganizer.journal.plans import AFTER, BEFORE, Plan
from fileorganizer.journal.records import Operation
from fileorganizer.model import STEP_NAMES, Reason, Role, Skip, Step

if TYPE_CHECKING:
    from fileorganizer.cleaner import Met
    from fileorganizer.duplicates.folders import Contained
    from fileorganizer.duplicates.groups import Copy, Group
    from fileorganizer.organizer import Report
    from fileorganizer.searcher import FoldersFound, Found

_ROWS_AT_ONCE: Final = 1_000


def write_document(document: Mapping[str, Any]) -> None:
    """One document and a newline on stdout."""
    _write(msgspec.json.encode(document) + b"\n")


def write_stream(head: Mapping[str, Any], **lists: Iterable[Mapping[str, Any]]) -> None:
    """A document whose last members are ``lists`` that never stand in memory."""
    _write(msgspec.json.encode(head)[:-1])
    for name, rows in lists.items():
        _write(b"," + msgspec.json.encode(name) + b":[")
        separator, left = b"", iter(rows)
        while some := list(islice(left, _ROWS_AT_ONCE)):
            _write(separator + msgspec.json.encode(some)[1:-1])
            separator = b","
        _write(b"]")
    _write(b"}\n")


def _write(data: bytes) -> None:
    """Bytes to stdout, behind what was printed before: JSON is UTF-8, whatever the terminal takes."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def operation_row(operation: Operation) -> dict[str, Any]:
    """An operation in a list."""
    totals = operation.totals
    return {
        "operation_id": operation.operation_id,
        "number": operation.number,
        "operation_type": operation.operation_type,
        "status": operation.status,
        "created_at": datetime.fromtimestamp(operation.created_at, UTC).isoformat(),
        "rolled_back": operation.rolled_back,
        "rolled_back_count": operation.rolled_back_count,
        "planned": totals.planned,
        "done": totals.done,
        "skipped": totals.skipped,
        "failed": totals.failed,
        "bytes": totals.bytes,
        "seconds": round(operation.seconds, 6),
    }


def report_document(report: Report) -> dict[str, Any]:
    """What a run did; with nothing to do all counts are 0 and there is no operation."""
    review, operation = report.review, report.operation
    row: dict[str, Any] = {
        "operation_id": None,
        "status": "nothing-to-do",
        **dict.fromkeys(("planned", "done", "skipped", "failed", "bytes"), 0),
        "seconds": 0.0,
    }
    if operation is not None:
        row = operation_row(operation)
    return {
        **row,
        "plan_id": report.plan_id,
        "outcomes_by_reason": operation.totals.by_reason if operation else {},
        "scanned": review.scanned,
        "in_place": review.in_place,
        "left_alone": review.left_alone,
        "left_by_reason": review.left_by_reason,
        "edited": review.edited,
        "along": review.along,
        "phases": {
            "scan_seconds": round(report.scan_seconds, 6),
            "plan_seconds": round(report.plan_seconds, 6),
            "move_seconds": round(report.move_seconds, 6),
        },
    }


def destination_members(destination: bytes | None) -> dict[str, str | None]:
    """The other folder that an operation uses: some of its paths are relative to that one."""
    return {"destination": None} if destination is None else {**path_members(destination, "destination")}


def plan_document(plan: Plan) -> dict[str, Any]:
    """A plan without its steps and what it leaves alone."""
    head = plan.head
    return {
        "plan_id": head.plan_id,
        "operation_type": head.operation_type,
        **path_members(head.root, "root"),
        **destination_members(head.destination),
        **msgspec.to_builtins(head.review),
        "folders_before": _folders(plan, BEFORE),
        "folders_after": _folders(plan, AFTER),
        "phases": {"scan_seconds": round(head.scan_seconds, 6), "plan_seconds": round(head.plan_seconds, 6)},
    }


def _folders(plan: Plan, tree: int) -> list[dict[str, Any]]:
    """The folders of a tree that hold files themselves."""
    return [
        {**path_members(path), "files": files, "bytes": size} for path, files, size in plan.folders(tree) if files > 0
    ]


def step_rows(plan: Plan) -> Iterable[dict[str, Any]]:
    """The steps of a plan."""
    return (step_row(step) for steps in plan.batches() for step in steps)


def step_row(step: Step) -> dict[str, Any]:
    """One step."""
    keeper = {} if step.keeper is None else path_members(step.keeper.path, "keeper")
    return {
        "kind": STEP_NAMES[step.kind],
        **path_members(step.source, "source"),
        **path_members(step.target, "target"),
        **keeper,
        "counted": step.role == Role.ITEM,
        "size": step.seen.size if step.seen else 0,
    }


def skip_rows(plan: Plan) -> Iterable[dict[str, Any]]:
    """What a plan leaves alone, one by one."""
    return (skip_row(skip) for skips in plan.skips() for skip in skips)


def skip_row(skip: Skip) -> dict[str, Any]:
    """What a plan leaves alone."""
    return {**path_members(skip.path), "reason": Reason(skip.reason).label, "detail": skip.detail, "files": skip.files}


def found_document(found: Found) -> dict[str, Any]:
    """A search for duplicates without its groups."""
    groups = found.groups
    reasons = Counter(Reason(skip.reason).label for skip in found.skips)
    return {
        **path_members(found.root, "root"),
        **({} if found.reference is None else path_members(found.reference, "reference")),
        "algorithm": groups.algorithm,
        "files": found.files,
        "total_groups": len(groups),
        "redundant_files": groups.redundant,
        "wasted_bytes": groups.wasted,
        "bytes_read": found.bytes_read,
        "left_by_reason": reasons,
        "unreadable": [path_members(skip.path) for skip in found.unreadable],
        "phases": {f"{name}_seconds": round(seconds, 6) for name, seconds in found.seconds.items()},
    }


def group_rows(found: Found) -> Iterable[dict[str, Any]]:
    """The groups, those that waste most first."""
    return (_group_row(group) for group in found.groups)


def _group_row(group: Group) -> dict[str, Any]:
    """Files with the same content."""
    return {
        "digest": group.digest.hex(),
        "size": group.size,
        "redundant": group.redundant,
        "wasted_bytes": group.wasted,
        "files": [_copy_row(copy) for copy in group.copies],
    }


def _copy_row(copy: Copy) -> dict[str, Any]:
    """One of them; a path in a reference outside the root is relative to the reference."""
    links = {"links": [path_members(link) for link in copy.links]} if copy.links else {}
    reference = {"reference": True} if copy.is_reference else {}
    return {**path_members(copy.path), "modified_at": copy.seen.mtime_ns / 1e9, **reference, **links}


def write_csv(found: Found) -> None:
    """A line for each file: number of the group, size, digest, reference or not, path."""
    text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="backslashreplace", newline="")
    table = csv.writer(text)
    table.writerow(("group", "size", "digest", "reference", "path"))
    for number, group in enumerate(found.groups, 1):
        for copy in group.copies:
            for path in (copy.path, *copy.links):
                table.writerow((number, group.size, group.digest.hex(), int(copy.is_reference), defused(show(path))))
    text.detach()


def folders_document(found: FoldersFound) -> dict[str, Any]:
    """Whole folders that are the same, or contained in another."""
    return {
        **path_members(found.root, "root"),
        "same": [
            {"files": one.files, "bytes": one.size, "folders": [path_members(path) for path in one.paths]}
            for one in found.same
        ],
        "contained": [_contained_row(one) for one in found.contained],
        "not_compared": [skip_row(skip) for skip in found.not_compared],
    }


def _contained_row(one: Contained) -> dict[str, Any]:
    """A pair of folders."""
    return {
        **path_members(one.inner, "inner"),
        **path_members(one.outer, "outer"),
        "whole": one.is_whole,
        "same_files": one.same,
        "same_bytes": one.size,
        "missing": [path_members(path) for path in one.missing],
        "differing": [path_members(path) for path in one.differing],
        "extra_files": one.extra,
        "extra": [path_members(path) for path in one.extra_named],
    }


def met_member(met: Met | None) -> dict[str, Any]:
    """Duplicates that a run met on its way, as a member of its document."""
    if met is None:
        return {}
    made = {} if met.clean_up is None else {"cleanup_operation_id": met.clean_up.operation_id}
    return {"duplicates": {"redundant_files": met.redundant, "wasted_bytes": met.wasted, **made}}
