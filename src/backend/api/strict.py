"""Bodies are read strictly: UTF-8 JSON, no NaN, no name twice. What a lenient parser lets through ends as a 500 elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


class StrictRequest(Request):
    """A request whose body is read strictly."""

    async def json(self) -> Any:
        """The body. Raises HTTPException 400."""
        body = await self.body()
        try:
            return json.loads(
                body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
            )
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, "The body isn't valid JSON.") from error


class StrictRoute(APIRoute):
    """A route that hands ``StrictRequest`` to its endpoint."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            """Answer a request."""
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


class StrictRouter(APIRouter):
    """A router of such routes."""

    def __init__(self, **given: Any) -> None:
        """As any router."""
        super().__init__(route_class=StrictRoute, **given)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without a name twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(name: str) -> NoReturn:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


def _finite(digits: str) -> float:
    """A number that isn't too big for one."""
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise ValueError(digits)
    return number
