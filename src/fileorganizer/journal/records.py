"""An operation as the journal keeps it."""

from __future__ import annotations

import msgspec

from fileorganizer.model import Folder, Outcome, Totals


class Operation(msgspec.Struct):
    """One run of a plan on a root: what was asked, and what became of it.

    ``status`` is running, completed, cancelled, interrupted or failed;
    ``operation_type`` organize, rollback, restore, purge or duplicate_cleanup.
    """

    number: int
    operation_id: str
    operation_type: str
    status: str
    created_at: float
    plan_id: str
    plan_digest: bytes
    options: bytes
    """``model.Options`` as JSON."""
    rules: bytes
    """The rules snapshot as ``rules.syntax`` encodes it; empty where no rules decided."""
    finished_at: float | None = None
    undoes: int | None = None
    """Number of the operation that this one takes back."""
    whole: bool = True
    """False for a partial undo, restore or purge."""
    destination: bytes | None = None
    """Absolute path of the destination root, when it isn't the root itself."""
    destination_identity: tuple[int, int] | None = None
    capabilities: bytes = b""
    scanned: int = 0
    in_place: int = 0
    left_alone: int = 0
    left_by_reason: dict[str, int] = {}
    totals: Totals = msgspec.field(default_factory=Totals)
    rolled_back_count: int = 0
    rolled_back: bool = False
    undo_finished: bool = False
    """A whole undo of it ran to its end, though it may have left things alone: the next plain undo takes an older one."""
    reason_code: str | None = None
    seconds: float = 0.0
    batches: int | None = None
    """How many batches it has, once it is closed: so it is noticed when the last ones are missing."""


class Intent(msgspec.Struct, frozen=True):
    """A batch that is about to be executed. ``steps`` is a ``codec`` blob: a plan's batch is journaled as it was stored."""

    seq: int
    steps: bytes
    before: list[Folder]
    """The folders it will touch, as they are now."""
    consumed: int
    """How many batches of the plan were begun, this one included: where to go on after an interruption."""


class Settled(msgspec.Struct, frozen=True):
    """What became of a batch. Steps without an outcome are done."""

    seq: int
    outcomes: list[Outcome]
    after: list[Folder]


class Batch(msgspec.Struct, frozen=True):
    """A batch read back."""

    seq: int
    settled: bool
    consumed: int
    steps: bytes
    before: list[Folder]
    outcomes: list[Outcome]
    after: list[Folder]
