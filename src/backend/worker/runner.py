"""One claimed operation from its claim to its end: the engine carries it out, the database and the listeners are told."""

from __future__ import annotations

import base64
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from backend.core.config import Settings
from backend.core.events import EventSender
from backend.core.logging import logger
from backend.database import DatabaseBusy, WorkerDatabase, reason_of, will_pass
from backend.models import CLEANUP, FINAL_STATES, ORGANIZE, PREVIEW, RESTORE, ROLLBACK, Operation, User
from backend.services.operations import moved_on
from backend.services.options import engine_options
from backend.services.roots import is_the_folder
from backend.worker.copier import Copier
from backend.worker.duplicates import DuplicateWork
from backend.worker.following import follow
from backend.worker.projection import Projection
from backend.worker.queue import ATTEMPTS, Overtaken, Queue, destination_of, fenced_update
from backend.worker.retention import forget_plans
from backend.worker.watch import Suspended, Watch
from fileorganizer import organizer
from fileorganizer.errors import (
    ConfirmationRequired,
    DestinationMissing,
    FileOrganizerError,
    NothingToUndo,
    OperationDependency,
    OperationNotFound,
    PlanNotFound,
    RootBusy,
    RootVanished,
    StorageFailed,
    show,
)
from fileorganizer.journal.plans import Plan
from fileorganizer.journal.records import Operation as Record
from fileorganizer.model import Options, Review
from fileorganizer.organizer import Report
from fileorganizer.rules.builtin_categories import builtin_rules
from fileorganizer.rules.syntax import RuleSet
from fileorganizer.settings import give_memory_back

BUSY_SECONDS: Final = 20.0
"""How long to wait for a root that somebody else, such as the command line, works on."""
AWAY_SECONDS: Final = 600.0
"""How long a worker waits for a database that is away (F46)."""
GIGABYTE: Final = 10**9
OTHERS_DESTINATION: Final = (
    "An earlier operation was cut off in this folder, and the folder that its files were to go to isn't there. It has to be"
    " finished first: connect that disk. Nothing was moved."
)
"""Without a path: the other folder may be somebody else's."""
UNRECORDED: Final = (
    "The database refused the records of this operation; the server's log says why. What was moved stays moved and can be"
    " taken back."
)
CUT_OFF: Final = "The operation was cut off. What was moved stays moved and can be taken back."


class Runner:
    """Carries out one operation in this process."""

    def __init__(
        self,
        settings: Settings,
        database: WorkerDatabase,
        operation: Operation,
        sender: EventSender,
        must_end: Callable[[], bool],
        whole: Runner | None = None,
        *,
        lasts: float = math.inf,
    ) -> None:
        """``must_end`` says that this process is to end soon; ``whole`` carries out the operation that this one is a part of.

        After ``lasts`` seconds it gives way, whoever waits.
        """
        self._settings, self._database, self._operation = settings, database, operation
        self._queue = Queue(settings, database)
        self._sender, self._must_end = sender, must_end
        self._log = logger("worker").bind(operation_id=str(operation.id))
        self._watch: Watch = Watch(
            self._queue, operation, sender, must_end, settings.slice_seconds, lasts, whole._watch if whole else None
        )
        self._listener = self._watch.listener
        self._duplicates = DuplicateWork(database, operation, whole.operation if whole else operation)
        self._rules = RuleSet.decode(operation.rules) if operation.rules else None

    @property
    def operation(self) -> Operation:
        """What is carried out."""
        return self._operation

    # the whole

    def run(self) -> None:
        """Carry it out; whatever happens is in the database afterwards, except when it was suspended or overtaken."""
        self._watch.begin(self._copier() if self._operation.operation_type != PREVIEW else None)
        try:
            self.carry_out()
            self._forget_plans()
        except Suspended:
            self._log.info("operation suspended")
            with suppress(DBAPIError, DatabaseBusy):  # where the database is away, the lease's end says the same
                self._queue.suspend(self._operation.number, self._operation.epoch)
        except Overtaken:
            self._log.warning("operation overtaken by another worker")
        finally:
            self._watch.end()

    def _copier(self) -> Copier | None:
        """Who copies beside the moves; None where there is no process or descriptor to be had: then it is done in the end."""
        try:
            return Copier(self._settings, self._rules_recorded())
        except OSError as error:
            self._log.warning("nobody copies beside the moves", reason=str(error))
            return None

    def _forget_plans(self) -> None:
        """Make room for this user's next plan; what can't be done now is done after the next operation."""
        if self._operation.plan_id is not None:
            with suppress(DBAPIError, DatabaseBusy, OSError):
                forget_plans(self._settings, self._database, self._operation.user_id)

    def carry_out(self) -> None:
        """The verb, and its end in the database. Raises Suspended, Overtaken."""
        operation = self._operation
        self._log.info(
            "operation begins", type=operation.operation_type, attempt=operation.attempts, epoch=operation.epoch
        )
        try:
            self._refuse()
            if self._operation.operation_type == PREVIEW:
                self._preview()
            else:
                self._execute()
        except Overtaken:  # closing anything now would close it for the one that goes on
            raise
        except DestinationMissing as error:
            self._fail(error.code, str(error) if destination_of(operation) is not None else OTHERS_DESTINATION)
        except OperationDependency as error:
            self._fail(error.code, moved_on(self._queue.own_of_journal(operation, error.later)))
        except FileOrganizerError as error:
            self._fail(error.code, str(error))
        except KeyboardInterrupt:  # the engine's word for a preview that was stopped
            if not self._watch.cancelled:
                raise Suspended from None
            self._close(status="cancelled", outcome="nothing")
        except OSError as error:
            place = f" at {show(error.filename)}" if isinstance(error.filename, str | bytes) else ""
            self._log.exception("the system answered")
            self._fail(StorageFailed.code, f"The system answered{place}: {error.strerror}. Nothing was lost.")
        except Exception as error:  # the operation must not stay open
            if will_pass(error):
                self._log.warning("the database is away or busy, the operation goes on later", reason=reason_of(error))
                raise Suspended from error
            self._log.exception("operation failed")
            self._fail("internal-error", f"Something unforeseen happened ({type(error).__name__}). Nothing was lost.")

    def _refuse(self) -> None:
        """Look once more whether this may be done (S14), at the moment of use."""
        operation = self._operation
        if operation.attempts > ATTEMPTS:
            raise StorageFailed("The worker ended again and again during this operation. See the server's log.")
        destination = destination_of(operation)
        if not self._queue.is_granted(operation):
            raise _NotGranted("The root isn't granted any more, or the account was deactivated.")
        if not is_the_folder(operation.root_path, operation.lineage[0]):
            raise RootVanished(operation.root_path)
        if destination is not None and not is_the_folder(destination, operation.request["lineages"][0][0]):
            raise DestinationMissing(
                f"{show(destination)} isn't the folder any more that was asked for. Connect its disk, or ask again."
            )

    # verbs

    def _preview(self) -> None:
        """Make and keep a plan; a mere search for duplicates has none."""
        if self._operation.request.get("verb") == CLEANUP and self._duplicates.only_reports:
            self._search()
            return
        with self._draft() as plan:
            self._note_plan(plan)
            outcome = "all" if plan.batch_count else "nothing"
        self._close(status="completed", outcome=outcome)

    def _draft(self) -> Plan:
        """The stored plan of a preview."""
        if self._operation.request.get("verb") == CLEANUP:
            return self._duplicates.draft(self._listener)
        self._meet_duplicates()
        root, options = self._operation.root_path, self._options()
        return organizer.preview(root, options, listener=self._listener, rules=self._rules)

    def _search(self) -> None:
        """Look for duplicates; nothing is planned and nothing changed."""
        self._note_review(self._duplicates.search(self._listener))
        self._close(status="completed", outcome="nothing")

    def _execute(self) -> None:
        """Carry out, or go on with what was cut off."""
        if self._operation.operation_type == CLEANUP and self._duplicates.only_reports:
            self._search()
            return
        record = self._resumed() if self._operation.plan_id and self._operation.epoch > 1 else None
        if record is None:
            self._meet_duplicates()
            record = self._patiently(self._begun)
        if record is None:
            self._close(status="completed", outcome="nothing")
        else:
            self._finish(record)

    def _resumed(self) -> Record | None:
        """The operation of the noted plan, at its end; None when it was never begun."""
        root, plan_id = self._operation.root_path, self._operation.plan_id
        assert plan_id is not None  # nosec B101  # looked at by the caller
        try:
            record: Record = self._patiently(lambda: organizer.resume(root, plan_id, listener=self._listener))
            return record
        except OperationNotFound:
            return None
        except PlanNotFound:
            self._patiently(lambda: organizer.recover(root))
            return self._record_of(plan_id)

    def _meet_duplicates(self) -> None:
        """Before files are organized: count those with the same content, or put all but one away, as an operation of its own."""
        operation = self._operation
        if operation.operation_type not in (ORGANIZE, PREVIEW) or not operation.options["detect_duplicates"]:
            return
        if operation.options["duplicate_action"] == "report":
            self._duplicates.search(self._listener)
            give_memory_back()
            return
        part = self._queue.part_of(operation)
        if part.status not in FINAL_STATES:
            Runner(self._settings, self._database, part, self._sender, self._must_end, self).carry_out()
            give_memory_back()
        self._queue.update(operation, space_saved_bytes=part.space_saved_bytes)
        operation.space_saved_bytes = part.space_saved_bytes
        if part.status == "cancelled":
            self._watch.cancel()
            raise KeyboardInterrupt
        if part.status == "failed":
            raise _CleanUpFailed(part)

    def _begun(self) -> Record | None:
        """The verb from its beginning; None when there was nothing to do."""
        try:
            report = self._verb()
        except NothingToUndo:
            return None
        if report.operation is None:
            self._note_review(report.review)
        return report.operation

    def _verb(self) -> Report:
        """What the engine is asked for."""
        operation, root, request = self._operation, self._operation.root_path, self._operation.request
        plan_id = operation.plan_id if operation.parent_id and request.get("apply") else None
        heard: dict[str, Any] = {"confirm": self._confirm, "listener": self._listener}
        match operation.operation_type:
            case "rollback":
                paths = [base64.b64decode(path) for path in request["paths"]]
                return organizer.undo(root, request["undo"], paths=paths, **heard)
            case "duplicate_cleanup":
                return self._duplicates.clean_up(plan_id, self._confirm, self._listener)
            case "restore":
                return organizer.restore(root, request["items"], **heard)
            case "purge":
                days = request.get("older_than_days")
                return organizer.purge(root, request["items"], older_than_days=days, **heard)
            case _:
                return organizer.organize(root, self._options(), plan_id=plan_id, rules=self._rules, **heard)

    def _patiently(self, verb: Callable[[], Any]) -> Any:
        """Wait for a while where somebody else works on the root."""
        until = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                return verb()
            except RootBusy:
                if self._watch.cancelled:
                    raise
                if time.monotonic() > until:
                    if self._operation.epoch > 1:  # the worker before may be held up, not dead (F14): wait for its lock
                        raise Suspended from None
                    raise
                self._watch.wait(0.25)

    def _options(self) -> Options:
        """The engine's options."""
        destination = destination_of(self._operation)
        return engine_options(
            self._operation.options, destination=None if destination is None else os.fsdecode(destination)
        )

    # before the first change

    def _confirm(self, plan: Plan) -> bool:
        """Asked with the stored plan: stop where a person has to say yes; note the plan's id, so that a crash can be mended."""
        review = plan.head.review
        risks = [risk for risk in review.risks if risk.needs_consent]
        count = self._operation.request.get("count")
        if count is not None and count != review.planned:
            raise ConfirmationRequired(f"{review.planned} files would be destroyed, not {count}. Nothing was changed.")
        self._note_plan(plan)
        if risks and not self._operation.request.get("confirm"):
            raise ConfirmationRequired(
                " ".join(risk.text for risk in risks) + " Ask again with confirm=true to go ahead. Nothing was moved."
            )
        self._check_quota(review)
        return True

    def _check_quota(self, review: Review) -> None:
        """Copying must not fill more than the user's share."""
        if not review.copied_bytes:
            return
        with self._database.reading() as session:
            user = session.get(User, self._operation.user_id)
            left = user.storage_quota_gb * GIGABYTE - user.storage_used_bytes if user else 0
        if review.copied_bytes > left:
            raise _QuotaExceeded(
                f"{review.copied_bytes} bytes would be copied, {int(max(left, 0))} are left of the quota."
            )

    def _note_plan(self, plan: Plan) -> None:
        """Keep the plan's id and numbers."""
        head = plan.head
        self._operation.plan_id = head.plan_id
        self._note_review(head.review, plan_id=head.plan_id, destination=head.destination)

    def _note_review(self, review: Review, **values: Any) -> None:
        """Keep a plan in numbers."""
        self._queue.update(
            self._operation,
            review=msgspec.to_builtins(review),
            files_total=review.planned + review.left_alone,
            files_scanned=review.scanned,
            files_in_place=review.in_place,
            files_skipped=review.left_alone,
            reasons=dict(review.left_by_reason),
            **values,
        )
        self._operation.files_total = review.planned + review.left_alone
        self._operation.files_scanned = review.scanned
        self._operation.files_skipped = review.left_alone

    def _rules_recorded(self) -> RuleSet | None:
        """The rules whose categories the steps point at."""
        if self._operation.operation_type != ORGANIZE:
            return None
        return self._rules or builtin_rules(self._options().profile)

    # the end

    def _record_of(self, plan_id: str) -> Record | None:
        """The journal's record of a plan."""
        return next((r for r in organizer.history(self._operation.root_path) if r.plan_id == plan_id), None)

    def _finish(self, record: Record, message: str = CUT_OFF) -> None:
        """Copy the rest of the journal, then close; ``message`` is for one that failed."""
        totals = record.totals
        self._operation.journal_id = record.operation_id
        if not self._watch.copied():
            self._persistently(self._catch_up)
        status = record.status if record.status in ("completed", "cancelled") else "failed"
        reasons = dict(record.left_by_reason)
        for label, count in totals.by_reason.items():
            reasons[label] = reasons.get(label, 0) + count
        not_done = totals.skipped + totals.failed
        values: dict[str, Any] = {
            "outcome": "nothing" if not totals.done else "partial" if not_done else "all",
            "files_total": totals.planned + record.left_alone,
            "files_processed": totals.done,
            "files_skipped": totals.skipped + record.left_alone,
            "files_failed": totals.failed,
            "bytes_processed": totals.bytes,
            "reasons": reasons,
        }
        if self._operation.operation_type == CLEANUP:
            values["space_saved_bytes"] = totals.bytes
        if status == "failed":
            values["reason_code"] = record.reason_code or "interrupted"
            values["error_message"] = message
        self._close(status=status, added_bytes=self._bytes_added(record), **values)

    def _catch_up(self) -> None:
        """Copy what the database lacks, because the process that should have done it couldn't."""
        operation = self._queue.read(self._operation.number)
        operation.epoch = self._operation.epoch
        Projection(self._database, operation, self._operation.journal_id or "", self._rules_recorded()).catch_up()

    def _persistently(self, write: Callable[[], None]) -> None:
        """Write to a database that may be away for a while (F46). What it refuses it would refuse again."""
        until = time.monotonic() + AWAY_SECONDS
        while True:
            try:
                return write()
            except (DBAPIError, DatabaseBusy) as error:
                if time.monotonic() > until or not will_pass(error):
                    raise
                self._log.warning("the database is away")
                self._watch.wait(1.0)

    def _bytes_added(self, record: Record) -> int:
        """By how much the user's share is used more: copies add, taking copies back frees."""
        if self._operation.options.get("mode") == "copy":
            return record.totals.bytes
        if self._operation.operation_type == ROLLBACK and self._operation.request.get("copied"):
            return -record.totals.bytes
        return 0

    def _fail(self, code: str, message: str) -> None:
        """Close as failed, with all that is known, or else with that alone: an end that is refused would be tried for ever."""
        try:
            self._fail_with_records(code, message)
        except Overtaken:
            raise
        except Exception as error:
            if will_pass(error):
                raise Suspended from error
            self._log.exception("the end is refused")
            journal_id = self._operation.journal_id or self._watch.journal_id
            outcome = "nothing" if journal_id is None else "partial"
            how = {"outcome": outcome, "journal_id": journal_id, "reason_code": "internal-error"}
            self._persistently(lambda: self._write_bare_end(how | {"error_message": UNRECORDED}))
            self._watch.tell_end()

    def _write_bare_end(self, values: dict[str, Any]) -> None:
        """One transaction: that it has failed, and nothing else."""
        operation = self._operation
        values = values | {"status": "failed", "completed_at": datetime.now(UTC), "lease_until": None}
        with self._database.writing() as session:
            fenced_update(session, operation.number, operation.epoch, **values)
        for name, value in values.items():
            setattr(operation, name, value)

    def _fail_with_records(self, code: str, message: str) -> None:
        """Close as failed, after settling what can be settled."""
        record = None
        if self._operation.plan_id and self._operation.operation_type != PREVIEW:
            with suppress(FileOrganizerError, OSError):
                organizer.recover(self._operation.root_path)
            with suppress(FileOrganizerError, OSError):
                record = self._record_of(self._operation.plan_id)
        if record is not None and record.status != "running":
            record.status, record.reason_code = "failed", code
            self._finish(record, message)
            return
        known: dict[str, Any] = {"outcome": "nothing"}
        if self._watch.journal_id is not None:  # the journal can't be read now, but some of it was done
            known = {"outcome": "partial", "journal_id": self._watch.journal_id}
        self._close(status="failed", reason_code=code, error_message=message, **known)

    def _close(self, *, status: str, added_bytes: int = 0, **values: Any) -> None:
        """Write the end, with what it means for the operations that it takes back, and tell those who watch."""
        self._persistently(lambda: self._write_end(status, added_bytes, values))
        self._log.info("operation ends", status=status, processed=self._operation.files_processed)
        self._watch.tell_end()

    def _write_end(self, status: str, added_bytes: int, values: dict[str, Any]) -> None:
        """One transaction: the end."""
        operation = self._operation
        values = values | {
            "status": status,
            "completed_at": datetime.now(UTC),
            "phase": "finishing",
            "lease_until": None,
        }
        with self._database.writing() as session:
            self._database.take_time(session)  # known duplicates follow a million files
            fenced_update(session, operation.number, operation.epoch, **values)
            if added_bytes:
                user = session.get(User, operation.user_id, with_for_update=True)
                if user is not None:
                    user.storage_used_bytes = max(0, user.storage_used_bytes + added_bytes)
            if operation.operation_type in (ROLLBACK, RESTORE):
                self._note_rolled_back(session)
            if operation.journal_id is not None:
                follow(session, operation, values.get("files_processed", 0))
        for name, value in values.items():
            setattr(operation, name, value)

    def _note_rolled_back(self, session: Session) -> None:
        """Take over from the journal which operations of this root are taken back; where it can't be read, the end is an end."""
        records: list[Record] = []
        with suppress(FileOrganizerError, OSError):
            records = organizer.history(self._operation.root_path)
        for record in records:
            session.execute(
                update(Operation)
                .where(
                    Operation.journal_id == record.operation_id,
                    Operation.rolled_back_count != record.rolled_back_count,
                )
                .values(
                    rolled_back=record.rolled_back,
                    rolled_back_count=record.rolled_back_count,
                    revision=Operation.revision + 1,
                )
            )


class _NotGranted(FileOrganizerError):
    """The root was taken away from the user since, or the user was deactivated."""

    code = "root-not-granted"


class _CleanUpFailed(FileOrganizerError):
    """The duplicates that were to be put away first couldn't be."""

    def __init__(self, part: Operation) -> None:
        """For the same reason."""
        super().__init__(f"The clean-up of duplicates before it ended: {part.error_message}")
        self.code = part.reason_code or "clean-up-failed"


class _QuotaExceeded(FileOrganizerError):
    """Copying would use more than the user's share."""

    code = "quota-exceeded"
