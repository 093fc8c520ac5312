"""slowapi's names over exact windows: write ``from ostiary.compat.slowapi import …`` for ``from slowapi import …``.

Defaults hold on the routes of included routers as well, whatever FastAPI's release (slowapi's middleware does not see them from 0.137 on),
and on mounts.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from ostiary.errors import MissingExtra

try:
    import starlette as _starlette  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtra("ostiary.compat.slowapi", "fastapi") from None

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from ostiary.compat._rates import State
from ostiary.compat._slowapi_limiter import Limiter, RateLimitExceeded, get_ipaddr, get_remote_address
from ostiary.routes.starlette import flat

__all__ = [
    "Limiter",
    "RateLimitExceeded",
    "SlowAPIASGIMiddleware",
    "SlowAPIMiddleware",
    "_rate_limit_exceeded_handler",
    "get_ipaddr",
    "get_remote_address",
]


def _rate_limit_exceeded_handler(request: Request, exc: Exception) -> Response:
    """The answer to RateLimitExceeded: JSON, with headers where they are enabled."""
    response = JSONResponse({"error": f"Rate limit exceeded: {getattr(exc, 'detail', '')}"}, status_code=429)
    limiter = getattr(request.app.state, "limiter", None)
    if isinstance(limiter, Limiter):
        limiter.write(response, getattr(request.state, "view_rate_limit", None))
    return response


class SlowAPIMiddleware:
    """Counts every call that a route of the app takes, by its own limits or the defaults. Pure ASGI."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = scope.get("app")
        limiter = getattr(app.state, "limiter", None) if app is not None else None
        if scope["type"] != "http" or not isinstance(limiter, Limiter) or not limiter.enabled or not limiter.auto_check:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        matched, endpoint = _endpoint(app.routes, scope)
        if matched:
            try:
                await limiter.acount(request, endpoint)
            except RateLimitExceeded as over:
                response = await _answer(app, request, over)
                await response(scope, receive, send)
                return

        async def written(message: Any) -> None:
            state = getattr(request.state, "view_rate_limit", None)
            if message["type"] == "http.response.start" and isinstance(state, State):
                given = {name for name, _ in message.get("headers", ())}
                added = [(name.lower().encode(), value.encode()) for name, value in limiter.fields(state)]
                message["headers"] = [*message.get("headers", ()), *(pair for pair in added if pair[0] not in given)]
            await send(message)

        await self.app(scope, receive, written)


SlowAPIASGIMiddleware = SlowAPIMiddleware


async def _answer(app: Any, request: Request, over: RateLimitExceeded) -> Response:
    handler = next(
        (app.exception_handlers[kind] for kind in (RateLimitExceeded, HTTPException, 429) if kind in app.exception_handlers), None
    )
    if handler is None or handler.__module__.startswith("fastapi."):
        handler = _rate_limit_exceeded_handler
    if inspect.iscoroutinefunction(handler):
        return await handler(request, over)  # type: ignore[no-any-return]
    return await run_in_threadpool(handler, request, over)


def _endpoint(routes: Iterable[Any], scope: Any) -> tuple[bool, Any]:
    """Does a route take the call, and which function answers? None for one without a function (a mount)."""
    for listed in flat(routes):
        context = getattr(listed, "_route_context", None)
        route = (context.starlette_route or context) if context is not None else getattr(listed, "route", listed)
        if route.matches(dict(scope))[0] == Match.FULL:
            return True, getattr(route, "endpoint", None)
    return False, None
