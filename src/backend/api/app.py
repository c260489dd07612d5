"""The application, put together."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from backend.api import docs, errors, websocket
from backend.api.bell import bell_of
from backend.api.dashboard import dashboard
from backend.api.deps import API_PREFIX, Services, limited, signed_in
from backend.api.middleware import Gate, Outermost
from backend.api.routes import (
    admin,
    api_keys,
    auth,
    categories,
    duplicates,
    files,
    health,
    operations,
    reports,
    roots,
    trash,
)
from backend.api.streams import Hub
from backend.api.supervisor import Supervisor
from backend.core.cache import MemoryCache, RedisCache
from backend.core.config import Settings, prepare_folders, settings, signing_key
from backend.core.events import event_receiver
from backend.core.logging import configure_logging
from backend.core.rate_limit import RateLimiter
from backend.core.redis import SharedRedis
from backend.database import Database
from backend.services.accounts import AccountService
from backend.services.categories import CategoryService
from backend.services.contents import ContentService
from backend.services.duplicates import DuplicateService
from backend.services.files import FileService
from backend.services.health import HealthService
from backend.services.long_reads import LongReads
from backend.services.operations import OperationService
from backend.services.profiles import ProfileService
from backend.services.reports import ReportService
from backend.services.roots import RootService
from backend.services.trash import TrashService
from fileorganizer import __version__

PRIVATE = {
    "api": (
        operations.router,
        duplicates.router,
        trash.router,
        files.router,
        reports.router,
        categories.router,
        roots.router,
        admin.router,
        auth.private,
        api_keys.router,
        health.private,
    ),
    "trees": (files.trees, duplicates.trees),
    "export": (reports.exported,),
}
"""What needs a caller, by the rate limit that a request counts in."""
PUBLIC = (auth.public,)


def create_app(config: Settings | None = None) -> FastAPI:
    """The application; without ``config`` that of the environment."""
    config = config or settings()
    app = FastAPI(
        title="FileOrganizer Pro",
        version=__version__,
        description="Organizes folders: preview, do exactly that, take it back.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if config.docs_shown else None,
        lifespan=_lifespan,
        middleware=_middleware(config),
        redirect_slashes=False,
        generate_unique_id_function=_operation_name,
    )
    app.state.settings = config
    errors.install(app)
    _include_api(app)
    app.include_router(health.public)
    app.include_router(websocket.router)
    if config.docs_shown:
        app.include_router(docs.router)
    app.include_router(dashboard())
    return app


def _include_api(app: FastAPI) -> None:
    """Everything under the prefix. What isn't named public needs a caller: deny by default.

    Straight into the application: at each level of routers within routers a request is compared with their routes anew.
    """
    shown = HTTPBearer(auto_error=False, description="An access token, or an API key.")  # for the schema and /docs
    for router in PUBLIC:
        app.include_router(router, prefix=API_PREFIX)
    for bucket, routers in PRIVATE.items():
        private = [Depends(shown), Depends(signed_in), Depends(limited(bucket))]
        for router in routers:
            app.include_router(router, prefix=API_PREFIX, dependencies=private)


def _operation_name(route: APIRoute) -> str:
    """The operationId in the schema: the tag and the function's name."""
    return f"{route.tags[0] if route.tags else 'other'} {route.name}".replace(" ", "_").lower()


def _middleware(config: Settings) -> list[Middleware]:
    """From the outside in."""
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(config.cors_origins),
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-API-Key", "X-Request-ID"],
        expose_headers=[
            "Link",
            "Location",
            "Retry-After",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-Request-ID",
        ],
    )
    return [
        Middleware(Outermost, settings=config),
        Middleware(Gate, settings=config),
        *([cors] if config.cors_origins else []),
    ]


def _services(config: Settings, database: Database, redis: SharedRedis | None, wake: Callable[[], None]) -> Services:
    """All services, over one database."""
    limits, key, folders = RateLimiter(config, redis), signing_key(config), RootService(config, database)
    long_reads = LongReads()
    cache, files = RedisCache(redis) if redis else MemoryCache(), FileService(database, key, long_reads)
    operation_service = OperationService(config, database, cache, folders, wake)
    return Services(
        settings=config,
        limits=limits,
        accounts=AccountService(config, database, key, limits, folders),
        profiles=ProfileService(database, limits),
        roots=folders,
        operations=operation_service,
        duplicates=DuplicateService(database, folders, operation_service),
        trash=TrashService(database, folders, operation_service, long_reads),
        files=files,
        contents=ContentService(config, cache, folders, files),
        reports=ReportService(database, cache, long_reads),
        categories=CategoryService(database, cache),
        health=HealthService(config, database, redis),
    )


def _end_streams_first(hub: Hub) -> None:
    """On the signals that end the server, end open streams before the server waits for them; then what was to be done."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def heard(number: int, frame: FrameType | None, before: Any = before) -> None:
            loop.call_soon_threadsafe(hub.closing.set)
            if callable(before):
                before(number, frame)

        if threading.current_thread() is threading.main_thread():
            signal.signal(number, heard)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """From the first to the last request: services, listening to workers, the embedded worker."""
    config: Settings = app.state.settings
    configure_logging(config.log_level, config.log_dir)
    prepare_folders(config)
    os.environ["PLAN_DIR"] = str(config.plans)
    database = Database(config)
    await database.check_schema()
    redis = SharedRedis(config) if config.redis_url else None
    bell = bell_of(config)
    app.state.services = _services(config, database, redis, bell.ring)
    app.state.hub = Hub(event_receiver(config, redis), app.state.services.operations)
    supervisor = Supervisor(config)
    await app.state.hub.start()
    _end_streams_first(app.state.hub)
    if config.embedded_worker != "off" and not config.uses_celery:
        supervisor.start()
    try:
        yield
    finally:
        app.state.hub.stop()
        await supervisor.stop()
        app.state.services.contents.close()
        bell.close()
        if redis is not None:
            await redis.close()
        await database.close()
