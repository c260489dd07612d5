"""Workers of Celery: ``celery -A backend.worker.celery_app worker``, and one ``celery -A backend.worker.celery_app beat``.

Each message makes one process of the pool claim the operation whose turn it is
and carry it out for a while; then another message lets it, or another
operation, go on. Any number of workers on any number of hosts that share the
storage may run.
"""

from __future__ import annotations

import mmap
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from celery.beat import Scheduler
from celery.schedules import schedule
from celery.signals import beat_init, heartbeat_sent, setup_logging, worker_init, worker_shutting_down
from kombu.transport import redis as transport
from redis.exceptions import ConnectionError as NotConnected

from backend.core.broker import PLANNING_SECONDS, WORK, broker_app, messages_left, ring
from backend.core.config import RETAIN_SECONDS, prepare_folders, settings, storage_is_there
from backend.core.events import event_sender
from backend.core.logging import configure_logging, logger
from backend.core.redis import AWAY, blocking_client, note_worker
from backend.worker.background import share_with_forks, to_the_background

if TYPE_CHECKING:
    from backend.database import WorkerDatabase
    from backend.worker.queue import Queue

REAP: Final = "fileorganizer.reap"
RETAIN: Final = "fileorganizer.retain"
REAPED_AT_ONCE: Final = 50
LOOK_SECONDS: Final = 1.0
"""How often a worker that lacks something looks for it."""
LEFT_AT_MOST: Final = 100
"""With more messages that nobody takes beat sends none: there are no workers, or all have much to do."""
_config: Final = settings()
if not _config.uses_celery:
    raise SystemExit(
        "Nothing would be sent to workers of Celery: they need REDIS_URL and a DATABASE_URL of PostgreSQL, and"
        " EMBEDDED_WORKER must not be on. The server's own worker needs none of them."
    )


class _Channel(transport.Channel):
    """A channel that says so when its connection is gone.

    Kombu 5.7 stumbles over None there and ends the worker, when a message that was taken before Redis went away is
    given back or acknowledged. This error it expects, and goes on.
    """

    def _connparams(self, *arguments: Any, **named: Any) -> Any:
        """What to connect to."""
        if self.connection is None or self.connection.client is None:
            raise NotConnected("The connection of this channel is closed.")
        return super()._connparams(*arguments, **named)  # type: ignore[no-untyped-call]


transport.Transport.Channel = _Channel
app: Final = broker_app(_config)
_began: Final = (datetime.now(UTC), time.monotonic())


def steady_now() -> datetime:
    """When this process began and how long it runs since: what beat goes by. Nobody sets that clock.

    By the time of day nothing would be due for as long as it was set back.
    """
    moment, seconds = _began
    return moment + timedelta(seconds=time.monotonic() - seconds)


class Beat(Scheduler):  # type: ignore[misc]  # Celery has no types
    """Beat counts from its start on and keeps no file. What it sends must not pile up where nobody takes it."""

    def apply_async(self, entry: Any, **named: Any) -> Any:
        """Send it, unless too many messages are left."""
        return None if messages_left(self.app) > LEFT_AT_MOST else super().apply_async(entry, **named)


app.conf.beat_scheduler = f"{__name__}:{Beat.__name__}"
app.conf.beat_schedule = {
    "reap": {"task": REAP, "schedule": schedule(_config.reaper_seconds, nowfun=steady_now)},
    "retain": {"task": RETAIN, "schedule": schedule(RETAIN_SECONDS, nowfun=steady_now)},
}
_SHARED: Final = (
    "backend.worker.runner",
    "backend.worker.retention",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
)
"""What tasks need is loaded before the pool's processes are forked, which share it then. Beat needs none of it."""
_ending: Final = mmap.mmap(-1, 1)
"""Shared with the pool's processes, which were forked after it was made: not 0 when this worker is to end."""


@app.task(name=WORK, time_limit=PLANNING_SECONDS)
def work() -> None:
    """Claim the operation whose turn it is and carry it out until it ends, or gives way."""
    if _ending[0]:
        return
    if (lacking := _lacking(_database())) is not None:  # others can do it, and this one would take all their messages
        logger("worker").error("the worker ends", reason=lacking)
        os.kill(os.getppid(), signal.SIGTERM)
        return
    from backend.worker.runner import Runner

    queue = _queue()
    operation = queue.claim()
    if operation is None:
        return
    sender = event_sender(_config)
    try:
        with _asked_to_stop() as asked:
            Runner(_config, _database(), operation, sender, asked, lasts=_config.message_seconds).run()
    except Exception:
        queue.release(operation.number, operation.epoch)
        raise
    finally:
        sender.close()
    ring(app)


@app.task(name=REAP)
def reap() -> None:
    """Have as many messages there as operations wait: one was lost, or a worker died."""
    waiting = _queue().count_waiting()
    for _ in range(min(waiting, REAPED_AT_ONCE) - messages_left(app)):
        ring(app)
    if waiting:
        logger("reaper").info("operations wait", waiting=waiting)


@app.task(name=RETAIN)
def forget_what_is_over() -> None:
    """Remove what nobody can use any more."""
    from backend.worker.retention import retain

    retain(_database())


@cache
def _database() -> WorkerDatabase:
    """The connections of this process of the pool; none is open in the worker's first process when it forks."""
    from backend.database import WorkerDatabase

    return WorkerDatabase(_config)


def _queue() -> Queue:
    """The operations as this process of the pool sees them."""
    from backend.worker.queue import Queue

    return Queue(_config, _database())


@contextmanager
def _asked_to_stop() -> Iterator[Any]:
    """Whether to stop: this worker ends, or died. Nobody is heard who says that the soft limit is over.

    The exception that Celery's own handler raises then could hit the engine anywhere. What moves files has given way before
    (``MESSAGE_SECONDS``); a scan has to come to its end, or it would begin anew each time.
    """
    parent = os.getppid()
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        yield lambda: bool(_ending[0]) or os.getppid() != parent
    finally:
        signal.signal(signal.SIGUSR1, before)


@setup_logging.connect
def _set_up_logging(**_: object) -> None:
    """Lines like those of the API."""
    configure_logging(_config.log_level, _config.log_dir)


@worker_init.connect
def _begin(**_: object) -> None:
    """Before the pool's processes are forked. A worker makes neither storage nor tables: it waits for them."""
    to_the_background()
    os.environ["PLAN_DIR"] = str(_config.plans)
    os.environ["CACHE_DIR"] = str(_config.folder / "cache")
    for name in _SHARED:
        import_module(name)
    _wait_for_what_is_lacking()
    prepare_folders(_config)
    share_with_forks()


def _lacking(database: WorkerDatabase) -> str | None:
    """What keeps this worker from working. Raises what a database does that is away.

    Where the storage isn't mounted all users' folders are missing, too. An older program would do what was asked of a newer
    one as it understands it, and a newer one finds no columns of its own.
    """
    from backend.database import SchemaMismatch

    if not storage_is_there(_config):
        return f"The storage isn't there: {_config.folder}"
    try:
        database.check_schema()
    except SchemaMismatch as error:
        return str(error)
    return None


def _wait_for_what_is_lacking() -> None:
    """Until a server has marked the storage, or it is mounted, and the schema is ours. Nothing is heard of this worker meanwhile.

    A database that is away isn't waited for: it is asked again before each claim.
    """
    from backend.database import WorkerDatabase, is_away, reason_of

    said, database = None, WorkerDatabase(_config)
    while True:
        try:
            lacking = _lacking(database)
        except Exception as error:  # noqa: BLE001  # whatever it says, as that there are no tables yet
            lacking = None if is_away(error) else reason_of(error)
        if lacking is None:
            break
        if lacking != said:
            logger("worker").error("the worker waits", reason=lacking)
        said = lacking
        time.sleep(LOOK_SECONDS)
    database.close()


@beat_init.connect
def _end_at_once(**_: object) -> None:
    """Beat has nothing to bring to an end. Celery would raise SystemExit wherever it stands, and stay where that is swallowed."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


@worker_shutting_down.connect
def _end(**_: object) -> None:
    """Operations stop in good order, as at any end (F12); others go on with them."""
    _ending[0] = 1


@cache
def _redis() -> Any:
    """The connection of the worker's first process."""
    return blocking_client(_config)


@heartbeat_sent.connect
def _show_life(**_: object) -> None:
    """Every two seconds."""
    with suppress(*AWAY):
        note_worker(_redis(), _config)
