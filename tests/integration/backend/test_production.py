"""PostgreSQL, Redis, workers of Celery, two API processes: exact limits, and what goes away comes back (F12, F14, F42-F46)."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from backend.core.config import Settings
from backend.core.rate_limit import RateLimiter
from backend.core.redis import SharedRedis
from backend.core.redis_events import RedisReceiver
from backend.database import SCHEMA_REVISION
from fileorganizer import organizer
from tests.integration.backend.test_streams import close_code, listen, messages_of
from tests.support import postgres as postgres_support
from tests.support import redis as redis_support
from tests.support.manifest import manifest
from tests.support.postgres import PostgresServer, new_database, own_postgres
from tests.support.redis import RedisServer, running_redis
from tests.support.server import ROOT, Person, Server, running_server, wait_until_it_moves
from tests.support.trees import put_tree, write_tree

FILES = 6_000
"""A worker that coverage looks on is busy with them for seconds."""

pytestmark = [
    pytest.mark.skipif(bool(redis_support.reason_without()), reason=str(redis_support.reason_without())),
    pytest.mark.skipif(bool(postgres_support.reason_without()), reason=str(postgres_support.reason_without())),
    pytest.mark.timeout(600),
]


@dataclass
class Arrangement:
    """A server and what it stands on, all of which may be stopped."""

    server: Server
    redis: RedisServer
    postgres: PostgresServer

    def state(self, part: str, server: Server | None = None) -> str:
        """What the server, or another API process, says of one of its parts."""
        with (server or self.server).client() as client:
            health = client.get("/health").json()
        return str(health["status"] if part == "status" else health["checks"][part])

    def wait_for(self, part: str, state: str, server: Server | None = None) -> None:
        """Until it says so."""
        deadline = time.monotonic() + 60
        while (found := self.state(part, server)) != state:
            assert time.monotonic() < deadline, (part, found)
            time.sleep(0.1)

    def celery_processes(self) -> list[int]:
        """All processes of the worker of Celery that was started last."""
        command = ["pgrep", "-g", str(self.server.celery[-1].pid)]
        return [int(pid) for pid in subprocess.run(command, capture_output=True, check=False).stdout.split()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arrangement]:
    """The arrangement, for all tests of this module: each leaves it well."""
    with running_redis() as redis, own_postgres() as postgres:
        environment = {
            "DATABASE_URL": new_database(postgres.url),
            "REDIS_URL": redis.url,
            "LEASE_SECONDS": "2",
            "MESSAGE_SECONDS": "0.5",
        }
        with running_server(tmp_path_factory.mktemp("production"), **environment) as server:
            yield Arrangement(server, redis, postgres)


def tree(count: int) -> dict[str, str]:
    """Many files."""
    return {f"{number}.{('jpg', 'txt', 'mp3')[number % 3]}": str(number) for number in range(count)}


@contextmanager
def moving(whole: Arrangement, files: int = FILES) -> Iterator[tuple[Person, dict[str, Any]]]:
    """An operation in its middle; at the end of the context it has to come to its own end, true in every record, and to go back."""
    ann = whole.server.sign_up("ann")
    root = ann.home / "big"
    put_tree(root, tree(files))
    before = manifest(root)
    operation = ann.start("big")
    wait_until_it_moves(root)
    time.sleep(random.uniform(0, 0.2))
    yield ann, operation
    ended = ann.finished(operation, 120)
    assert (ended["status"], ended["files_processed"], ended["files_total"]) == ("completed", files, files), ended
    assert_recorded(whole, ended, root)
    back = ann.finished(ann.post(f"/operations/{operation['id']}/rollback"), 120)
    assert back["status"] == "completed" and manifest(root) == before


def assert_recorded(whole: Arrangement, operation: dict[str, Any], root: Path) -> None:
    """Each file has one record, each record is true on disk, and so is the journal."""
    query = (
        "SELECT sequence, new_path FROM file_records JOIN operations ON number = operation_number"
        " WHERE operations.id = %s AND file_records.status = 'completed'"
    )
    with psycopg.connect(whole.server.environment["DATABASE_URL"].replace("+psycopg", "")) as connection:
        rows = connection.execute(query, (operation["id"],)).fetchall()
    assert len(rows) == operation["files_processed"]
    assert all((root / os.fsdecode(new_path)).is_file() for _, new_path in rows)
    assert not organizer.verify(root).problems


def send(pids: list[int], number: int) -> None:
    """A signal for processes, some of which may have ended by themselves meanwhile."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def python(whole: Arrangement, code: str) -> None:
    """Run something in the environment of the server."""
    command = [sys.executable, "-c", code]
    subprocess.run(command, env=whole.server.environment, cwd=ROOT, check=True, capture_output=True)


def test_beat_loads_nothing_that_it_does_not_need(whole: Arrangement) -> None:
    """It sends messages only; what tasks need is loaded by workers, once, before they fork."""
    python(
        whole,
        "import sys, backend.worker.celery_app; assert not {'sqlalchemy', 'fileorganizer.organizer'} & {*sys.modules}",
    )


# what goes away comes back


def test_a_scan_is_not_cut_off_by_the_limits_of_tasks(whole: Arrangement) -> None:
    """It would begin anew with each message, and never end on a disk that takes longer to scan."""
    code = """
import os, signal
from backend.core.broker import HARD_SECONDS, WORK
from backend.worker.celery_app import _asked_to_stop, app
assert app.tasks[WORK].time_limit > 10 * HARD_SECONDS
with _asked_to_stop() as asked:
    os.kill(os.getpid(), signal.SIGUSR1)  # the soft limit is over
    assert not asked()
"""
    python(whole, code)


def test_messages_come_twice(whole: Arrangement) -> None:
    """F42: twenty messages for one operation and two workers: one claim at a time, in many turns (R12)."""
    second = whole.server.start_celery()
    with moving(whole, 2 * FILES) as (_, operation):
        python(whole, "from backend.worker.celery_app import app, ring\nfor _ in range(20): ring(app)")
    whole.server.kill_celery(second)
    log = (whole.server.data_dir / "celery.log").read_text()
    turns = [line for line in log.splitlines() if operation["id"] in line and "operation begins" in line]
    epochs = [json.loads(line)["epoch"] for line in turns]
    assert len(epochs) > 1 and epochs == list(range(1, len(epochs) + 1))


@pytest.mark.parametrize("victim", ["worker", "process"])
def test_a_worker_is_killed(whole: Arrangement, victim: str) -> None:
    """F43: SIGKILL of a whole worker, or of the process of an operation: another goes on when the lease is over."""
    with moving(whole):
        if victim == "worker":
            whole.server.kill_celery(whole.server.celery[-1])
            whole.server.start_celery()
        else:
            pool = [pid for pid in whole.celery_processes() if pid != whole.server.celery[-1].pid]
            send(pool, signal.SIGKILL)


def test_a_worker_is_frozen(whole: Arrangement) -> None:
    """F14: a worker that stands still holds the folder; the next one waits for it, and it ends itself when it wakes up."""
    with moving(whole):
        frozen = whole.celery_processes()
        send(frozen, signal.SIGSTOP)
        second = whole.server.start_celery()
        time.sleep(5)  # the lease is over after two seconds
        send(frozen, signal.SIGCONT)
    whole.server.kill_celery(second)


def test_a_worker_ends_in_time(whole: Arrangement) -> None:
    """F12: SIGTERM ends a worker within ten seconds, and the operation goes on with another."""
    with moving(whole):
        assert whole.server.stop_celery() < 10
        whole.server.start_celery("beat")
        whole.server.start_celery()


def test_a_worker_without_storage(whole: Arrangement) -> None:
    """Where the mount is missing it fails nobody's operations: one that runs ends, one that starts waits for the storage."""
    ann = whole.server.sign_up("ann")
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    bare = whole.server.data_dir / "bare"
    bare.mkdir()
    without = whole.server.start_celery(DATA_DIR=str(bare))
    whole.server.kill_celery(whole.server.celery[-2])
    mark = whole.server.data_dir / ".fileorganizer-server"
    waits = ann.start("inbox")
    whole.wait_for("workers", "down")
    assert ann.get(f"/operations/{waits['id']}")["status"] == "pending" and not any(bare.iterdir())
    whole.server.kill_celery(without)
    running = whole.server.start_celery()
    assert ann.finished(waits, 120)["files_processed"] == 1
    write_tree(ann.home / "inbox", {"b.jpg": "b"})
    mark.unlink()  # as if unmounted
    waits = ann.start("inbox")
    assert running.wait(60) == 0
    assert ann.get(f"/operations/{waits['id']}")["status"] == "pending"
    whole.server.celery.remove(running)
    whole.server.start_celery()
    mark.touch()
    assert ann.finished(waits, 120)["files_processed"] == 1
    whole.wait_for("status", "ok")


def test_a_worker_of_another_version(whole: Arrangement) -> None:
    """While the database has another schema than its own a worker takes nobody's operations: it ends, and one that starts waits."""
    ann = whole.server.sign_up("ann")
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    older = whole.server.celery[-1]
    url = whole.server.environment["DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        try:
            waits = ann.start("inbox")
            assert older.wait(60) == 0
            whole.server.celery.remove(older)
            whole.server.start_celery()
            whole.wait_for("workers", "down")
            assert ann.get(f"/operations/{waits['id']}")["status"] == "pending"
        finally:
            connection.execute("UPDATE alembic_version SET version_num = %s", (SCHEMA_REVISION,))
    assert ann.finished(waits, 120)["files_processed"] == 1
    assert "The database has schema 9999" in (whole.server.data_dir / "celery.log").read_text()
    whole.wait_for("status", "ok")


def test_a_worker_before_the_first_migration(whole: Arrangement) -> None:
    """It waits for the tables, and says so once, however long that takes."""
    early = whole.server.start_celery(DATABASE_URL=new_database(whole.postgres.url))
    log, deadline = whole.server.data_dir / "celery.log", time.monotonic() + 60
    while "alembic_version" not in log.read_text():
        assert time.monotonic() < deadline and early.poll() is None
        time.sleep(0.1)
    time.sleep(3)  # it has looked again
    whole.server.kill_celery(early)
    said = [line for line in log.read_text().splitlines() if "alembic_version" in line]
    assert len(said) == 1 and "the worker waits" in said[0]


@pytest.mark.parametrize("way", ["killed", "flushed", "frozen"])
def test_redis_goes_away(whole: Arrangement, way: str) -> None:
    """F44, F45: no operation is lost, those that run run on; health says degraded, and ok when it is back."""
    with moving(whole) as (ann, _):
        if way == "flushed":
            whole.redis.client().flushall()
        elif way == "frozen":
            with whole.redis.frozen():
                whole.wait_for("redis", "down")
                assert ann.get("/operations")["total"] >= 1
        else:
            whole.redis.stop()
            whole.wait_for("redis", "down")
            assert whole.state("status") == "degraded"
            write_tree(ann.home / "inbox", {"a.jpg": "a"})
            waits = ann.start("inbox")
            whole.redis.start()
            assert ann.finished(waits, 120)["files_processed"] == 1
        whole.wait_for("status", "ok")


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_redis_takes_nothing(whole: Arrangement, trouble: str) -> None:
    """It answers, but it is full, or became a replica: limits and requests go on, workers live on, and so do operations."""
    redis = whole.redis.client()
    with moving(whole) as (ann, _):
        if trouble == "full":
            redis.config_set("maxmemory", "1")
        else:
            redis.replicaof("127.0.0.1", "1")
        whole.wait_for("redis", "down")
        whole.wait_for("workers", "down")
        write_tree(ann.home / "inbox", {"a.jpg": "a"})
        waits = ann.start("inbox")
        redis.config_set("maxmemory", "0")
        redis.replicaof("NO", "ONE")
        assert ann.finished(waits, 120)["files_processed"] == 1
    whole.wait_for("status", "ok")
    assert whole.server.celery[-1].poll() is None


def test_postgresql_restarts(whole: Arrangement) -> None:
    """F46: the operation goes on when the database is back; meanwhile requests are told to come again, and so are new streams.

    Open ones stay open, to the end of the operation. What was refused is counted.
    """
    admin = whole.server.administrator()
    with (
        moving(whole) as (ann, operation),
        listen(whole.server, ann, operation["id"]) as stream,
        ThreadPoolExecutor(1) as thread,
    ):
        told = thread.submit(messages_of, stream)
        whole.postgres.stop()
        answer = ann.ask("GET", "/operations")
        assert (answer.status_code, answer.json()["code"]) == (503, "database-away") and answer.headers["Retry-After"]
        assert whole.state("database") == "down"
        with listen(whole.server, ann, operation["id"]) as later:
            assert close_code(later) == 1013
        time.sleep(random.uniform(6, 8))  # longer than a stream goes without asking the database
        whole.postgres.start()
        whole.wait_for("status", "ok")
        assert told.result()[-1]["type"] == "completed" and stream.close_code == 1000
    figures = httpx.get(f"{whole.server.url}/metrics", headers=admin.headers, timeout=30).text
    assert 'api_errors_total{code="database-away"}' in figures
    assert 'api_requests_total{method="GET",route="/api/v1/operations",status="503"}' in figures


def test_a_statement_that_takes_too_long_ends_no_operation(whole: Arrangement) -> None:
    """Others had the processor, or a lock: it is tried again, as where PostgreSQL is away."""
    ann = whole.server.sign_up("ann")
    write_tree(ann.home / "inbox", {"a.jpg": "same", "b.jpg": "same"})
    url = whole.server.environment["DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE tries")
        cut_off = "RAISE EXCEPTION 'canceling statement due to statement timeout' USING ERRCODE = '57014'"
        body = f"BEGIN IF nextval('tries') = 1 THEN {cut_off}; END IF; RETURN NEW; END"
        connection.execute(f"CREATE FUNCTION cut_off() RETURNS TRIGGER LANGUAGE plpgsql AS $$ {body} $$")
        connection.execute(
            "CREATE TRIGGER cut_off BEFORE INSERT ON duplicate_groups FOR EACH ROW EXECUTE FUNCTION cut_off()"
        )
        done = ann.done("inbox", detect_duplicates=True)
        tries = connection.execute("SELECT last_value FROM tries").fetchone()
        connection.execute("DROP TRIGGER cut_off ON duplicate_groups")
        connection.execute("DROP FUNCTION cut_off")
        connection.execute("DROP SEQUENCE tries")
    assert tries == (2,) and (done["status"], done["files_processed"], done["duplicates_found"]) == ("completed", 2, 1)


def test_an_end_may_take_its_time(whole: Arrangement) -> None:
    """Known duplicates follow a million files in the transaction that ends an operation; cut off, it would be tried in vain."""
    ann = whole.server.sign_up("ann")
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    url = whole.server.environment["DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE limits_seen (value TEXT)")
        body = "BEGIN INSERT INTO limits_seen VALUES (current_setting('statement_timeout')); RETURN NEW; END"
        connection.execute(f"CREATE FUNCTION see() RETURNS TRIGGER LANGUAGE plpgsql AS $$ {body} $$")
        ends = "BEFORE UPDATE ON operations FOR EACH ROW WHEN (NEW.status = 'completed')"
        connection.execute(f"CREATE TRIGGER see {ends} EXECUTE FUNCTION see()")
        ann.done("inbox")
        seen = connection.execute("SELECT value FROM limits_seen").fetchall()
        connection.execute("DROP TRIGGER see ON operations")
        connection.execute("DROP FUNCTION see")
        connection.execute("DROP TABLE limits_seen")
    assert seen and set(seen) == {("0",)}


# limits


def test_postgresql_hangs(whole: Arrangement) -> None:
    """Requests are told to come again, but for those that it was answering; these are answered later, and all goes on."""
    ann = whole.server.sign_up("ann")
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    with ThreadPoolExecutor(15) as pool:  # more than there are connections that wait for a request
        with whole.postgres.frozen():
            asked = [pool.submit(ann.ask, "GET", "/operations") for _ in range(15)]
            first = next(as_completed(asked)).result()
            assert (first.status_code, first.json()["code"]) == (503, "database-away")
        assert {answer.result().status_code for answer in asked} <= {200, 503}
    assert ann.done("inbox")["files_processed"] == 1
    whole.wait_for("status", "ok")


@contextmanager
def two_apis(whole: Arrangement, measured: bool = True, **environment: str) -> Iterator[tuple[Server, Server]]:
    """Two API processes that share everything, with other settings than the arrangement's."""
    given = (whole.server.data_dir, {**whole.server.environment, **environment})
    pair = (Server(*given, measured=measured), Server(*given, measured=measured))
    try:
        for server in pair:
            server.start()
        yield pair
    finally:
        for server in pair:
            if server.process is not None:
                server.kill()


@pytest.fixture(scope="module")
def apis(whole: Arrangement) -> Iterator[tuple[Server, Server]]:
    """Two API processes with a limit of 100 requests; each test is somebody else."""
    with two_apis(whole, RATE_LIMIT_USER="100", METRICS_TOKEN="for the tests") as started:
        yield started


@pytest.fixture
def pair(whole: Arrangement, apis: tuple[Server, Server]) -> tuple[Server, Server]:
    """Both of them, after they have found Redis again that the test before took away."""
    for server in apis:
        whole.wait_for("status", "ok", server)
    return apis


def test_limits_are_exact(whole: Arrangement, pair: tuple[Server, Server]) -> None:
    """Of 150 requests to two API processes exactly 100 pass, and an administrator can give the window back."""
    admin, ann = whole.server.administrator(), whole.server.sign_up("ann")

    def ask(number: int) -> httpx.Response:
        """To one or the other."""
        return httpx.get(f"{pair[number % 2].url}/api/v1/operations", headers=ann.headers, timeout=30)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(150)))
    codes = Counter(answer.status_code for answer in answers)
    assert codes == {200: 100, 429: 50}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(refused.headers["Retry-After"]) <= 61 and refused.headers["X-RateLimit-Limit"] == "100"
    me = whole.server.client().get("/api/v1/auth/me", headers=ann.headers).json()["id"]
    reset = httpx.delete(f"{pair[1].url}/api/v1/admin/rate-limits/{me}", headers=admin.headers, timeout=30)
    assert reset.status_code == 204
    assert ask(0).status_code == 200


def test_limits_hold_without_redis(whole: Arrangement, pair: tuple[Server, Server]) -> None:
    """F44, S78: each process counts for itself, in narrower windows; what it had counted before still counts."""
    one, ann = pair[0], whole.server.sign_up("ann")

    def passed(count: int) -> int:
        """How many of so many requests pass."""
        answers = [httpx.get(f"{one.url}/api/v1/operations", headers=ann.headers, timeout=30) for _ in range(count)]
        assert {answer.status_code for answer in answers} <= {200, 429}
        return sum(answer.status_code == 200 for answer in answers)

    assert passed(40) == 40
    whole.redis.stop()
    try:
        assert passed(60) == 10, "half of the limit, less what was counted"
    finally:
        whole.redis.start()
    whole.wait_for("status", "ok")


@pytest.mark.parametrize("redis", ["there", "away"])
def test_a_flood_of_logins(whole: Arrangement, redis: str) -> None:
    """S26, S27: a stranger who makes up an address for each try is one stranger, with Redis and without."""
    with two_apis(whole, measured=False) as pair:
        ann = whole.server.sign_up("ann")
        if redis == "away":
            whole.redis.stop()
        codes = []
        try:
            for number in range(60):
                answer = httpx.post(
                    f"{pair[number % 2].url}/api/v1/auth/login",
                    json={"email": f"{number % 30}{ann.email}" if number >= 30 else ann.email, "password": "wrong one"},
                    headers={
                        "X-Forwarded-For": f"203.0.113.{number}, 198.51.100.{number}",
                        "X-Real-IP": f"192.0.2.{number}",
                    },
                    timeout=30,
                )
                codes.append(answer.status_code)
        finally:
            if redis == "away":
                whole.redis.start()
        assert set(codes) == {401, 429}
        tries = codes.count(401)
        assert tries <= 20 and set(codes[-20:]) == {429}, codes
    whole.wait_for("status", "ok")


def test_kept_answers_are_shared(whole: Arrangement, pair: tuple[Server, Server]) -> None:
    """What one API process has worked out another one gives; after a change both know it at once."""
    (one, two), ann = pair, whole.server.sign_up("ann")

    def figures(server: Server) -> tuple[int, float]:
        """Operations of the overview, and hits of the cache so far."""
        seen = httpx.get(f"{server.url}/api/v1/stats/overview", headers=ann.headers, timeout=30).json()
        text = httpx.get(f"{server.url}/metrics", headers={"Authorization": "Bearer for the tests"}, timeout=30).text
        hits = next(line for line in text.splitlines() if line.startswith('cache_hits_total{kind="usage"}'))
        return seen["operations"], float(hits.split()[-1])

    assert figures(one) == (0, 0.0) and figures(two) == (0, 1.0)
    write_tree(ann.home / "inbox", {"a.jpg": "a"})
    ann.done("inbox")
    assert figures(one)[0] == figures(two)[0] == 1


def in_process(whole: Arrangement, tmp_path: Path, story: Callable[[Settings, SharedRedis], Awaitable[None]]) -> None:
    """Parts of the server here, on the Redis of the arrangement."""
    settings = Settings(_env_file=None, data_dir=tmp_path, redis_url=whole.redis.url, rate_limit_user=1)

    async def told() -> None:
        """With connections of its own."""
        redis = SharedRedis(settings)
        try:
            await asyncio.wait_for(story(settings, redis), 60)
        finally:
            await redis.close()

    asyncio.run(told())


def test_a_clock_that_was_set_back(whole: Arrangement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told to come again in an hour: a window is a minute, whatever the moments in it say."""

    async def story(settings: Settings, redis: SharedRedis) -> None:
        """One request by a clock that is an hour ahead, one by the right one."""
        limits, now = RateLimiter(settings, redis), time.time
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: now() + 3_600)
            assert (await limits.hit("api", "ann")).allowed
        refused = await limits.hit("api", "ann")
        assert not refused.allowed and 0 < refused.reset_seconds <= 60

    in_process(whole, tmp_path, story)


def test_hosts_whose_clocks_differ(whole: Arrangement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They count by the clock of Redis: a window that is full on one host isn't empty on another that is an hour ahead."""

    async def story(settings: Settings, redis: SharedRedis) -> None:
        """One request here, one there, and the window given again."""
        here, there, now = RateLimiter(settings, redis), RateLimiter(settings, redis), time.time
        assert (await here.failures_left("api", "bob")).allowed
        first = await here.hit("api", "bob")
        assert first.allowed and first.remaining == 0 and 0 < first.reset_seconds <= 60
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda: now() + 3_600)
            second = await there.hit("api", "bob")
            assert not second.allowed and 0 < second.reset_seconds <= 60
            assert not (await there.failures_left("api", "bob")).allowed
        await here.forget("bob")
        assert (await here.hit("api", "bob")).allowed

    in_process(whole, tmp_path, story)


def test_messages_that_nobody_understands(whole: Arrangement, tmp_path: Path) -> None:
    """Whoever listens goes on listening."""

    async def story(_settings: Settings, redis: SharedRedis) -> None:
        """Three that say nothing, and one that does."""
        receiver, heard = RedisReceiver(redis), list[str]()
        await receiver.listen(lambda message: heard.append(message["operation_id"]))
        for body in (b"junk", b"{}", b"[1]", b'{"operation_id": "it"}'):
            await redis.client.publish(f"{redis.prefix}events", body)
        while not heard:
            await asyncio.sleep(0.02)
        receiver.close()
        assert heard == ["it"]

    in_process(whole, tmp_path, story)
