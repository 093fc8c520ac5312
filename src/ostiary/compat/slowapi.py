"""slowapi's names over exact windows: write ``from ostiary.compat.slowapi import …`` for ``from slowapi import …``.

Defaults hold on the routes of included routers as well, whatever FastAPI's release (slowapi's middleware does not see them from 0.137 on),
and on mounts.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterable
from math import ceil
from typing import Any, Literal, TypeVar, cast

from ostiary.errors import MissingExtra, UsageError

try:
    import starlette as _starlette  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtra("ostiary.compat.slowapi", "fastapi") from None

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from ostiary.compat._rates import Hit, Rates, Rule, State, Text, breached, described, limits_of, told
from ostiary.guard.limit_headers import retry_after
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
F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__ostiary_slowapi__"
_OWN = "__ostiary_slowapi_own__"
logger = logging.getLogger("ostiary.compat.slowapi")


def get_remote_address(request: Request) -> str:
    """The address of the other end; 127.0.0.1 where there is none. No forwarding header counts."""
    return request.client.host if request.client is not None and request.client.host else "127.0.0.1"


get_ipaddr = get_remote_address
"""slowapi's reads X-Forwarded-For, which any client may write; here it does not. Behind a proxy let the server set the client."""


class RateLimitExceeded(HTTPException):
    """429. ``limit`` is the rule with its ``limit``, ``detail`` what it says."""

    def __init__(self, state: State) -> None:
        self.limit = state.hit
        message = state.hit.rule.error_message
        super().__init__(429, (message() if callable(message) else message) or described(state.hit.limit))


def _rate_limit_exceeded_handler(request: Request, exc: Exception) -> Response:
    """The answer to RateLimitExceeded: JSON, with headers where they are enabled."""
    response = JSONResponse({"error": f"Rate limit exceeded: {getattr(exc, 'detail', '')}"}, status_code=429)
    limiter = getattr(request.app.state, "limiter", None)
    if isinstance(limiter, Limiter):
        limiter.write(response, getattr(request.state, "view_rate_limit", None))
    return response


class Limiter:
    """slowapi's Limiter. ``strategy`` is checked, and is an exact window in any case."""

    def __init__(
        self,
        key_func: Callable[..., str],
        default_limits: Iterable[Text] = (),
        application_limits: Iterable[Text] = (),
        headers_enabled: bool = False,
        strategy: str | None = None,
        storage_uri: str | None = None,
        storage_options: dict[str, Any] | None = None,
        auto_check: bool = True,
        swallow_errors: bool = False,
        in_memory_fallback: Iterable[Text] = (),
        in_memory_fallback_enabled: bool = False,
        retry_after: str | None = None,
        key_prefix: str = "",
        enabled: bool = True,
        config_filename: str | None = None,
        key_style: Literal["endpoint", "url"] = "url",
    ) -> None:
        if config_filename is not None or tuple(in_memory_fallback):
            raise UsageError("config_filename and in_memory_fallback: give the options here, and in_memory_fallback_enabled=True")
        if storage_options:
            logger.warning("storage_options are not used: the store has time-outs of its own")
        if key_style not in ("url", "endpoint") or retry_after not in (None, "delta-seconds"):
            raise UsageError("key_style: url or endpoint; retry_after: delta-seconds")
        self.enabled = enabled
        self.rates = Rates(storage_uri, strategy, swallow=swallow_errors, fallback=in_memory_fallback_enabled, logger=logger)
        self.auto_check = auto_check
        self._key_func = key_func
        self._key_style = key_style
        self._prefix = key_prefix
        self._headers = headers_enabled
        self._defaults = [Rule(text, key_func) for text in _listed("default_limits", default_limits)]
        self._application = [Rule(text, key_func, scope="global") for text in _listed("application_limits", application_limits)]
        self._filters: list[Callable[..., bool]] = []

    def limit(
        self,
        limit_value: Text,
        key_func: Callable[..., str] | None = None,
        per_method: bool = False,
        methods: list[str] | None = None,
        error_message: Text | None = None,
        exempt_when: Callable[..., bool] | None = None,
        cost: int | Callable[..., int] = 1,
        override_defaults: bool = True,
    ) -> Callable[[F], F]:
        """Limits a route. The function takes ``request`` (or ``websocket``)."""
        named = None if methods is None else frozenset(method.upper() for method in methods)
        return self._decorator(
            Rule(limit_value, key_func or self._key_func, None, per_method, named, error_message, exempt_when, override_defaults, cost=cost)
        )

    def shared_limit(
        self,
        limit_value: Text,
        scope: Text,
        key_func: Callable[..., str] | None = None,
        error_message: Text | None = None,
        exempt_when: Callable[..., bool] | None = None,
        cost: int | Callable[..., int] = 1,
        override_defaults: bool = True,
    ) -> Callable[[F], F]:
        """One counter for all routes with this scope."""
        return self._decorator(
            Rule(limit_value, key_func or self._key_func, scope, False, None, error_message, exempt_when, override_defaults, cost=cost)
        )

    def exempt(self, obj: F) -> F:
        """No default and no application limit on this route."""
        setattr(obj, _MARK, (*getattr(obj, _MARK, ()), None))
        return obj

    def request_filter(self, fn: Callable[..., bool]) -> Callable[..., bool]:
        """Calls for which this is true are not counted."""
        self._filters.append(fn)
        return fn

    def reset(self) -> None:
        """Forgets what was counted in memory."""
        self.rates.reset()

    def _decorator(self, rule: Rule) -> Callable[[F], F]:
        if isinstance(rule.text, str):
            limits_of(rule, lambda function: function())

        def decorate(function: F) -> F:
            if not {"request", "websocket"} & set(inspect.signature(function).parameters):
                raise UsageError(f'no "request" or "websocket" argument on function {function.__qualname__!r}')
            rules = (*getattr(function, _MARK, ()), rule)
            # Only a wrapper of our own is taken off: what stands between two limits (a login) stays.
            ours = getattr(function, _OWN, None) is function
            wrapper = _wrapped(self, function.__wrapped__ if ours else function)  # type: ignore[attr-defined]
            setattr(wrapper, _OWN, wrapper)
            setattr(wrapper, _MARK, rules)
            return wrapper  # type: ignore[return-value]

        return decorate

    # At a request

    def hits(self, request: Request, endpoint: Any) -> list[Hit]:
        """What a call of this endpoint spends; ``endpoint`` None is a route without one."""
        if not self.enabled or getattr(request.state, "_ostiary_limited", False):
            return []
        request.state._ostiary_limited = True
        if any(_call(one, request) for one in self._filters):
            return []
        marks = getattr(endpoint, _MARK, ())
        rules = own = [one for one in marks if one is not None]
        if None not in marks:
            rules = [*self._application, *own, *([] if any(one.override_defaults for one in own) else self._defaults)]
        return [hit for one in rules for hit in self._hits(one, request, endpoint)]

    def _hits(self, rule: Rule, request: Request, endpoint: Any) -> list[Hit]:
        method = request.scope.get("method", "WEBSOCKET")
        if not rule.holds_for(method) or (rule.exempt_when is not None and _call(rule.exempt_when, request)):
            return []
        key = str(_call(rule.key_func, request))

        def call(function: Callable[..., Any]) -> Any:
            return function(key) if "key" in _wanted(function) else _call(function, request)

        place = self._place(request, endpoint) if rule.scope is None else ""
        shared = (rule.scope(place or request.url.path) if callable(rule.scope) else rule.scope) or place
        named = (self._prefix, shared, *((method,) if rule.per_method else ()), key)
        cost = int(_call(rule.cost, request)) if callable(rule.cost) else rule.cost
        return [Hit(rule, one, named, cost) for one in limits_of(rule, call)]

    def _place(self, request: Request, endpoint: Any) -> str:
        if self._key_style == "url" or endpoint is None:
            return str(request.scope["path"])
        return f"{endpoint.__module__}.{endpoint.__qualname__}"

    def judge(self, request: Request, states: list[State]) -> None:
        """Notes what is left. Raises RateLimitExceeded."""
        if states:
            request.state.view_rate_limit = told(states)
        if (over := breached(states)) is not None:
            logger.warning("ratelimit %s exceeded at endpoint: %s", described(over.hit.limit), request.scope["path"])
            raise RateLimitExceeded(over)

    def write(self, response: Response, state: State | None) -> None:
        """The X-RateLimit fields, where they are enabled."""
        if self._headers and isinstance(state, State):
            for name, value in _fields(self, state):
                response.headers[name] = value


def _fields(limiter: Limiter, state: State) -> list[tuple[str, str]]:
    return [
        ("X-RateLimit-Limit", str(state.hit.limit.count)),
        ("X-RateLimit-Remaining", str(state.remaining)),
        ("X-RateLimit-Reset", str(ceil(limiter.rates.clock() + state.reset))),
        ("Retry-After", retry_after(state.reset)),
    ]


def _wrapped(limiter: Limiter, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its limits before it. A middleware that has counted the call already is not repeated."""

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*arguments: Any, **named: Any) -> Any:
            request = _request_of(function, arguments, named)
            limiter.judge(request, await limiter.rates.aspend(limiter.hits(request, awaited)))
            return _written(limiter, request, named, await function(*arguments, **named))

        return awaited

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        request = _request_of(function, arguments, named)
        limiter.judge(request, limiter.rates.spend(limiter.hits(request, called)))
        return _written(limiter, request, named, function(*arguments, **named))

    return called


def _written(limiter: Limiter, request: Request, named: dict[str, Any], answer: Any) -> Any:
    response = answer if isinstance(answer, Response) else named.get("response")
    if isinstance(response, Response):
        limiter.write(response, getattr(request.state, "view_rate_limit", None))
    return answer


def _request_of(function: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Request:
    bound = inspect.signature(function).bind_partial(*arguments, **named).arguments
    found: Any = bound.get("request", bound.get("websocket"))
    if not hasattr(found, "scope"):
        raise UsageError(f"the request of {function.__qualname__} is a starlette.requests.Request, not {type(found).__name__}")
    return cast(Request, found)


def _call(function: Callable[..., Any], request: Request) -> Any:
    """Calls a function of the app's with the request where it takes one."""
    return function(request) if _wanted(function) else function()


@functools.lru_cache(maxsize=1024)
def _wanted(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def _listed(name: str, texts: Iterable[Text]) -> list[Text]:
    if isinstance(texts, str):
        raise UsageError(f"{name}: a list of limits, as in ['5/minute'], not {texts!r}")
    listed = list(texts)
    for text in listed:
        if isinstance(text, str):
            limits_of(Rule(text, str), lambda function: function())
    return listed


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
                limiter.judge(request, await limiter.rates.aspend(limiter.hits(request, endpoint)))
            except RateLimitExceeded as over:
                response = await _answer(app, request, over)
                await response(scope, receive, send)
                return

        async def written(message: Any) -> None:
            state = getattr(request.state, "view_rate_limit", None)
            if message["type"] == "http.response.start" and limiter._headers and isinstance(state, State):
                given = {name for name, _ in message.get("headers", ())}
                added = [(name.lower().encode(), value.encode()) for name, value in _fields(limiter, state)]
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
