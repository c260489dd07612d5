"""The load test on the production arrangement, with a PostgreSQL and a Redis of its own: ``python -m benchmarks.load --files 100000``.

Takes the options of ``scripts/load_test.py``. PostgreSQL keeps its promises here: the tests' own settings, which leave
out what a power cut would need, would flatter it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import postgres
from tests.support.redis import running_redis

SCRIPT = Path(__file__).parents[2] / "scripts" / "load_test.py"
DURABLE = "-c max_connections=200 -c shared_buffers=512MB"


def main() -> int:
    """Run it; gives its exit code."""
    postgres.QUICK = DURABLE
    with postgres.own_postgres() as database, running_redis() as redis:
        urls = {"DATABASE_URL": postgres.new_database(database.url), "REDIS_URL": redis.url}
        command = [sys.executable, str(SCRIPT), *sys.argv[1:]]
        return subprocess.run(command, env={**os.environ, **urls}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
