"""What is done at the machine itself: ``python -m backend.manage --help``."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import click
import uvicorn
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from backend.core.config import Settings, prepare_folders, settings, signing_key
from backend.core.monitoring import shared_among
from backend.core.rate_limit import RateLimiter
from backend.core.redis import AWAY, any_worker_lives, blocking_client
from backend.database import SCHEMA_REVISION, Database, DatabaseBusy, SchemaMismatch, WorkerDatabase, explained
from backend.optimization import main as database
from backend.services.accounts import AccountService
from backend.services.errors import ServiceError
from backend.services.profiles import ProfileService
from backend.services.roots import RootService
from backend.worker.backups import BackupFailed, back_up, restore
from backend.worker.rebuilding import cancel_unbegun, rebuild_all
from fileorganizer.errors import FileOrganizerError, show

_T = TypeVar("_T")
KEEP_ALIVE_SECONDS: Final = 75
"""How long a connection is kept on which nobody asks: longer than a proxy in front keeps it (deploy/nginx: 60 s), or the
proxy would send a request just when we hang up, and couldn't send it again."""
ANSWERS_END_SECONDS: Final = 5
"""So long answers may take when the server is to end. A client that reads nothing would hold it up for ever."""


class Services:
    """The services that the commands need, without a server."""

    def __init__(self, config: Settings, database: Database) -> None:
        """Put them together."""
        limits = RateLimiter(config)  # no command is counted
        self.roots = RootService(config, database)
        self.accounts = AccountService(config, database, signing_key(config), limits, self.roots)
        self.profiles = ProfileService(database, limits)


def _with_services(work: Callable[[Services], Awaitable[_T]]) -> _T:
    """Do something with the services; their errors are told in words."""

    async def whole() -> _T:
        database = Database(settings())
        try:
            return await work(Services(settings(), database))
        finally:
            await database.close()

    prepare_folders(settings())
    try:
        return asyncio.run(whole())
    except ServiceError as error:
        raise click.ClickException(_words(error)) from error


def _words(error: ServiceError) -> str:
    """An error for people."""
    return " ".join([str(error), *(item["message"] for item in error.extra.get("errors", ()))])


@click.group()
def commands() -> None:
    """Look after a FileOrganizer server at its machine."""


commands.add_command(database, "database")


@commands.command()
@click.option("--offer", "folders", multiple=True, type=click.Path(exists=True, file_okay=False), metavar="FOLDER")
def run(folders: tuple[str, ...]) -> None:
    """Migrate the database, offer FOLDERs to the administrators, and serve until stopped."""
    config = settings()
    upgrade()

    async def offer(services: Services) -> str | None:
        """The folders, and the secret of the set-up link."""
        for folder in folders:
            await services.roots.offer(os.fsencode(os.path.abspath(folder)))
        return await services.accounts.offer_setup()

    token = _with_services(offer)
    address = f"http://{config.api_host}:{config.api_port}"
    click.echo(f"FileOrganizer Pro serves at {address}; its API is explained at {address}/docs")
    for folder in folders:
        click.echo(f"The administrator may work in {show(os.path.abspath(folder))}")
    if token:
        click.echo(_invitation(address, token))
    if sys.stderr.isatty() and "log_level" not in config.model_fields_set:
        os.environ["LOG_LEVEL"] = "WARNING"  # a line for every request would scroll the link away
        settings.cache_clear()
        click.echo("From here on only problems are shown; LOG_LEVEL=INFO shows every request.")
    with shared_among(config.api_workers):
        uvicorn.run(
            "backend.api.main:app",
            host=config.api_host,
            port=config.api_port,
            workers=config.api_workers,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=ANSWERS_END_SECONDS,
            proxy_headers=False,  # TRUSTED_PROXIES says whose headers are believed; uvicorn would believe this host's as well
        )


@commands.command()
def migrate() -> None:
    """Bring the database to the newest schema; nothing happens where it is there already."""
    upgrade()
    click.echo(f"The database has schema {SCHEMA_REVISION}.")


def upgrade() -> None:
    """Bring the database to the newest schema. The steps are a part of the package: no file of the checkout is needed.

    Raises SchemaMismatch for the database of a newer program.
    """
    config = Config()
    config.set_main_option("path_separator", "os")
    config.set_main_option("script_location", "backend:migrations")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise SchemaMismatch(f"{error}: this program knows schema {SCHEMA_REVISION}; use the newer program.") from error


def _invitation(address: str, token: str) -> str:
    """How to make the first administrator."""
    return (
        "There is no administrator yet. Make the account, once, within 24 hours, with this link:\n"
        f"  {address}/setup#{token}\n"
        "or without the dashboard:\n"
        f"  curl {address}/api/v1/auth/setup -H 'Content-Type: application/json' \\\n"
        f'    -d \'{{"token": "{token}", "email": "you@example.org", "username": "admin", "password": "…"}}\''
    )


@commands.command()
def workers() -> None:
    """Say whether a worker of Celery was heard of within the last ten seconds; ends with 1 where none was."""
    config = settings()
    if not config.redis_url:
        raise click.ClickException("Workers of Celery tell of themselves by Redis: REDIS_URL is missing.")
    try:
        lives = any_worker_lives(blocking_client(config), config)
    except AWAY as error:
        raise click.ClickException(f"Redis can't be reached: {error}") from error
    if not lives:
        raise click.ClickException(
            "No worker was heard of lately. Start one: celery -A backend.worker.celery_app worker"
        )
    click.echo("A worker is there.")


@commands.command("setup-link")
def setup_link() -> None:
    """Print a new one-time way to make the first administrator."""
    token = _with_services(lambda services: services.accounts.offer_setup())
    if token is None:
        raise click.ClickException("There is an administrator already. make-admin names another.")
    click.echo(_invitation(f"http://{settings().api_host}:{settings().api_port}", token))


@commands.command("make-admin")
@click.argument("name")
def make_admin(name: str) -> None:
    """Make the user with this name or e-mail address an administrator. The user has to sign in again."""
    _with_services(lambda services: services.profiles.make_admin(name))
    click.echo(f"{name} is an administrator now.")


@commands.command()
@click.argument("name")
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
def grant(name: str, folder: str) -> None:
    """Let a user work in FOLDER."""

    async def work(services: Services) -> None:
        """Find the user, grant the folder."""
        user_id = await services.profiles.user_named(name)
        await services.roots.grant_to(os.fsencode(os.path.abspath(folder)), user_id)

    _with_services(work)
    click.echo(f"{name} may work in {show(os.path.abspath(folder))} now.")


@commands.command()
@click.argument("operation_ids", nargs=-1, type=click.UUID, metavar="[OPERATION]…")
def rebuild(operation_ids: tuple[UUID, ...]) -> None:
    """Make the file records of OPERATIONs, or of all, anew from the journals in the roots."""
    database = WorkerDatabase(settings())
    try:
        for operation_id, problem in rebuild_all(database, operation_ids):
            click.echo(f"{operation_id}: {problem or 'done'}")
    finally:
        database.close()


@commands.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Write a copy of the database to FILE, while the server runs."""
    back_up(settings(), file.absolute())
    click.echo(f"{file} holds a copy of the database.")


@commands.command("restore")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--done", is_flag=True, help="pg_restore has taken the copy back already; only the rest is to be done.")
def take_back(file: Path | None, *, done: bool) -> None:
    """Take the copy in FILE back into a place without a database, and bring it to the newest schema.

    What waited when the copy was made is cancelled: it was carried out since.
    """
    if (file is None) != done:
        raise click.UsageError("Name the FILE that holds the copy, or say --done where it is taken back already.")
    prepare_folders(settings())
    if file is not None:
        restore(settings(), file.absolute())
    upgrade()
    database = WorkerDatabase(settings())
    try:
        waited = cancel_unbegun(database)
    finally:
        database.close()
    click.echo(f"The database is back; {waited} operations that waited when the copy was made are cancelled.")
    click.echo("Run rebuild to copy from the journals what became of files since.")


def main(arguments: list[str] | None = None) -> Any:
    """Run a command."""
    try:
        return commands.main(arguments, prog_name="python -m backend.manage")
    except (DBAPIError, DatabaseBusy) as error:
        raise SystemExit(explained(error)) from error
    except OSError as error:
        raise SystemExit(f"The system refuses: {error}") from error
    except (FileOrganizerError, BackupFailed, SchemaMismatch, ValidationError) as error:
        raise SystemExit(f"{error}") from error


if __name__ == "__main__":
    main()
