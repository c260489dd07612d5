"""Copies of the server's database: made while it runs, taken back into an empty place.

What became of files is in the journals of the roots; what a copy lacks of that
``python -m backend.manage rebuild`` makes anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Final

from psycopg.pq import Conninfo
from sqlalchemy import URL, create_engine, inspect, make_url

from backend.core.config import Settings

_BESIDE: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database while it is open, and after a crash. It goes by the name, whatever has that name now."""


class BackupFailed(Exception):
    """A copy couldn't be made or taken back; nothing was changed."""


def back_up(settings: Settings, target: Path) -> None:
    """Write a copy of the database, as of one moment, to a new file that is its owner's only. Raises BackupFailed."""
    url = make_url(settings.url)
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BackupFailed(f"{target} can't be made: {error.strerror}. Name a new file.") from error
    try:
        if url.get_backend_name() == "sqlite":
            _copy_sqlite(Path(str(url.database)), target)
        else:
            _run(url, "pg_dump", "--format=custom", f"--file={target}")
    except BaseException:
        target.unlink()
        raise


def restore(settings: Settings, source: Path) -> None:
    """Take a copy back into a place where there is no database yet. All of it belongs to whoever does it. Raises BackupFailed."""
    url = make_url(settings.url)
    if not source.is_file():
        raise BackupFailed(f"{source} isn't there.")
    if url.get_backend_name() == "sqlite":
        _restore_sqlite(source, Path(str(url.database)))
        return
    engine = create_engine(url)
    filled = inspect(engine).has_table("alembic_version")
    engine.dispose()
    if filled:
        raise BackupFailed(f"The database {url.database} isn't empty. Make a new one, and name it in DATABASE_URL.")
    # roles of the old place may not be here, and what an extension is for only its owner may say
    foreign = ("--no-owner", "--no-privileges", "--no-comments")
    how = ("--exit-on-error", "--single-transaction", *foreign)
    _run(url, "pg_restore", *how, f"--dbname={url.database}", str(source))


def _copy_sqlite(database: Path, target: Path) -> None:
    """VACUUM INTO reads one state, whoever writes meanwhile; it takes an empty file for a new one."""
    if not database.is_file():
        raise BackupFailed(f"There is no database at {database}.")
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise BackupFailed(f"SQLite couldn't write {target}: {error}.") from error


def _restore_sqlite(source: Path, database: Path) -> None:
    """A copy of the copy, looked at first, under its name only when it is whole."""
    for ending in _BESIDE:
        if (left := database.with_name(database.name + ending)).exists():
            raise BackupFailed(
                f"{left} is left of another database, and would be taken for a part of this one. Stop the server,"
                " and move it away, too."
            )
    draft = database.with_name(f"{database.name}.restored")
    try:
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        with closing(sqlite3.connect(draft)) as connection:
            (found,) = connection.execute("PRAGMA quick_check").fetchone()
        if found != "ok":
            raise BackupFailed(f"{source} is damaged: {found}.")
        os.link(draft, database)
    except FileExistsError as error:
        raise BackupFailed(f"There is a database at {database} already. Move it away first.") from error
    except sqlite3.Error as error:
        raise BackupFailed(f"{source} is no copy of a SQLite database: {error}.") from error
    finally:
        draft.unlink(missing_ok=True)


def _run(url: URL, *command: str) -> None:
    """One of PostgreSQL's programs. It is told by its environment where to go, because everybody can read command lines."""
    environment = {**os.environ, **_told(url)}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # nosec B603
    except FileNotFoundError as error:
        raise BackupFailed(f"{command[0]} isn't installed (package postgresql-client).") from error
    if done.returncode:
        raise BackupFailed(f"{command[0]} failed: {done.stderr.strip()}")


def _told(url: URL) -> dict[str, str]:
    """Everything that the URL says of the way to the database (host, socket, password, TLS …), as variables of the environment."""
    _, given = url.get_dialect()().create_connect_args(url)
    known = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
    return {envvar.decode(): str(given[name]) for name, envvar in known.items() if envvar and given.get(name)}
