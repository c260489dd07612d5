"""An operation's state as the message that streams carry; made by workers while it runs, by the API when somebody connects."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from backend.models import Operation
from fileorganizer.errors import show


class Speed(NamedTuple):
    """How fast an operation is at the moment, and how long it may still take."""

    files: float = 0.0
    """A second."""
    size: float = 0.0
    """Bytes a second."""
    seconds_left: float | None = None
    """None where that can't be told."""


RESTING: Final = Speed()


def progress_of(operation: Operation) -> int:
    """0 to 100: 100 for one that ran to its end; while it is unknown how much there is to do, 0."""
    if operation.status == "completed":
        return 100
    settled = operation.files_processed + operation.files_skipped + operation.files_failed
    if operation.phase in ("moving", "finishing") and operation.files_total:
        return min(100 if operation.status != "running" else 99, 100 * settled // operation.files_total)
    return 0


def message_of(
    operation: Operation,
    kind: str,
    *,
    path: bytes = b"",
    sequence: int = 0,
    speed: Speed = RESTING,
) -> dict[str, Any]:
    """One message: ``kind`` is status, progress, completed or error."""
    message: dict[str, Any] = {
        "type": kind,
        "operation_id": str(operation.id),
        "status": operation.status,
        "progress": progress_of(operation),
        "phase": operation.phase or "scanning",
        "files_total": operation.files_total,
        "files_scanned": operation.files_scanned,
        "files_processed": operation.files_processed,
        "files_failed": operation.files_failed,
        "duplicates_found": operation.duplicates_found,
        "space_saved_bytes": operation.space_saved_bytes,
        "bytes_processed": operation.bytes_processed,
        "rate_files_per_second": round(speed.files, 1),
        "rate_bytes_per_second": round(speed.size),
        "eta_seconds": None if speed.seconds_left is None else round(speed.seconds_left, 1),
        "current_path": show(path),
        "sequence": sequence or operation.epoch << 32,
    }
    if kind == "error":
        message["error"] = operation.error_message
    return message
