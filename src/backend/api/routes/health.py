"""Is the service well?"""

from __future__ import annotations

import hmac

from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from backend.api.deps import Health, administrator, services_of, signed_in
from backend.api.schemas.health import HealthRead, StatusRead
from backend.api.strict import StrictRouter
from backend.core import monitoring

public = StrictRouter(tags=["health"])
private = StrictRouter(tags=["health"])


@public.get("/health", responses={503: {"model": HealthRead}})
async def health(service: Health, response: Response) -> HealthRead:
    """Whether requests can be answered, and the state of each part. 503 when they can't."""
    condition = await service.condition()
    response.status_code = 200 if condition.ready else 503
    checks = {name: check.state for name, check in condition.checks.items()}
    state = condition.status if condition.ready else "down"
    return HealthRead.model_validate({"status": state, "version": condition.version, "checks": checks})


@public.get("/health/live", status_code=204)
async def live() -> None:
    """The process answers."""


@public.get("/health/ready", responses={503: {"model": HealthRead}})
async def ready(service: Health, response: Response) -> HealthRead:
    """The same as ``/health``, by the name that orchestrators ask for."""
    return await health(service, response)


@public.get("/metrics", response_class=Response)
async def metrics(request: Request, service: Health) -> Response:
    """Figures for Prometheus: with the token METRICS_TOKEN, or for an administrator."""
    expected = services_of(request).settings.metrics_token.get_secret_value()
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        await administrator(await signed_in(request))
    await service.note_figures()
    return Response(monitoring.exposition(), media_type=CONTENT_TYPE_LATEST)


@private.get("/status")
async def status(service: Health) -> StatusRead:
    """The state of each part, with the time that it took to answer."""
    return StatusRead.model_validate(await service.condition())
