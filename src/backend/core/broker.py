"""Celery as it is set up on both sides: the API sends messages, workers take them. A message only wakes.

What is to be done stands in the database. So a message may be lost, doubled or
late: the reaper sends others, and the claim decides who does what.
"""

from __future__ import annotations

from typing import Final

from celery import Celery

from backend.core.config import Settings
from backend.core.redis import ANSWER_SECONDS

WORK: Final = "fileorganizer.work"
SOFT_SECONDS, HARD_SECONDS = 25 * 60, 30 * 60
"""For all tasks but those that carry out operations: these give way long before, once they move files."""
PLANNING_SECONDS: Final = 24 * 3_600
"""A process that carries out an operation is killed after this long. A scan that was cut off would begin anew each time."""
TASKS_PER_CHILD: Final = 1_000
KIB_PER_CHILD: Final = 150_000
"""A process of the pool that had more at its peak gives it back by ending after its task; an idle one has 100,000."""
QUEUE: Final = "operations"
BROKER_SECONDS: Final = 10.0
"""Longer than this nobody waits for an answer of the broker. A host that is gone without a word would be waited for by the kernel:
a quarter of an hour in which beat sends nothing, and a worker that has ended an operation takes no other."""


def broker_app(settings: Settings) -> Celery:
    """The application of Celery. Messages are JSON and nothing else; no result is kept, since the database has it."""
    app = Celery("fileorganizer", broker=settings.broker, backend=settings.celery_result_backend or None)
    app.conf.update(
        accept_content=["json"],
        task_serializer="json",
        result_serializer="json",
        task_ignore_result=True,
        task_default_queue=QUEUE,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_soft_time_limit=SOFT_SECONDS,
        task_time_limit=HARD_SECONDS,
        worker_prefetch_multiplier=1,
        worker_max_tasks_per_child=TASKS_PER_CHILD,
        worker_max_memory_per_child=KIB_PER_CHILD,
        worker_concurrency=settings.worker_slots,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,  # nothing of ours asks; it would be a way in for whoever reaches Redis
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_channel_error_retry=True,  # a Redis that is full, or a replica for a while, would end the worker
        broker_transport_options={
            "visibility_timeout": 2 * HARD_SECONDS,  # the message of a longer scan comes twice, and wakes one in vain
            "unacked_restore_interval": 1,  # by default a dead worker's messages are looked for every hundred seconds
            "unacked_restore_throttle": 1,
            "global_keyprefix": f"fileorganizer:{settings.installation}:",
            "socket_connect_timeout": 2 * ANSWER_SECONDS,
            "socket_timeout": BROKER_SECONDS,
        },
        timezone="UTC",
    )
    return app


def ring(app: Celery) -> None:
    """Wake one worker. Raises kombu's OperationalError when the broker is away.

    A message has no end of its own: it would be a time of day, and a worker whose clock is ahead would take none.
    """
    app.send_task(WORK, retry=False, ignore_result=True)  # or a result would be waited for where results are kept


def messages_left(app: Celery) -> int:
    """How many messages nobody has taken yet. Raises what Redis does when it is away."""
    with app.connection_or_acquire() as connection:
        return int(connection.default_channel.queue_declare(QUEUE).message_count)
