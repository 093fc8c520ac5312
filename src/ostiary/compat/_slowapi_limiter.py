"""slowapi's Limiter: what it reads, what it leaves on functions, and what a call spends."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from starlette.config import Config
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ostiary.compat._rates import FIELDS, Hit, Rates, Rule, State, Text, breached, check, dated, described, fields, limits_of, listed, told
from ostiary.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__ostiary_slowapi__"
_OWN = "__ostiary_slowapi_own__"
logger = logging.getLogger("ostiary.compat.slowapi")
_HEADERS = ("LIMIT", "REMAINING", "RESET", "RETRY_AFTER")


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
        if key_style not in ("url", "endpoint"):
            raise UsageError(f"key_style: url or endpoint, not {key_style!r}")
        said = _Said(config_filename)
        self.enabled = said.flag("ENABLED", enabled)
        self.auto_check = auto_check
        self._key_func = key_func
        self._key_style = key_style
        self._prefix = key_prefix or said.text("KEY_PREFIX") or ""
        self._headers = headers_enabled or said.flag("HEADERS_ENABLED", False)
        self._names = [said.text(f"HEADER_{name}") or usual for name, usual in zip(_HEADERS, FIELDS, strict=True)]
        self._dated = dated(retry_after or said.text("HEADER_RETRY_AFTER_VALUE"))
        self._defaults = [Rule(one, key_func) for one in said.limits("default_limits", "DEFAULT", default_limits)]
        application = said.limits("application_limits", "APPLICATION", application_limits)
        self._application = [Rule(one, key_func, scope="global") for one in application]
        instead = said.limits("in_memory_fallback", "IN_MEMORY_FALLBACK", in_memory_fallback)
        self._instead = [Rule(one, key_func) for one in instead]
        self.rates = Rates(
            storage_uri or said.text("STORAGE_URL"),
            strategy or said.text("STRATEGY"),
            swallow=said.flag("SWALLOW_ERRORS", swallow_errors),
            fallback=bool(in_memory_fallback_enabled or instead or said.flag("IN_MEMORY_FALLBACK_ENABLED", False)),
            logger=logger,
            options=storage_options,
        )
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
        check("limit", rule.text)

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

    def _substitutes(self, request: Request, endpoint: Any) -> Callable[[], list[Hit]] | None:
        """What is counted in this process's memory while the store is down, where other limits were given for that."""
        if not self._instead:
            return None
        return lambda: [hit for one in self._instead for hit in self._hits(one, request, endpoint)]

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

    async def acount(self, request: Request, endpoint: Any) -> None:
        """Counts a call, in an event loop. Raises RateLimitExceeded."""
        self.judge(request, await self.rates.aspend(self.hits(request, endpoint), self._substitutes(request, endpoint)))

    def count(self, request: Request, endpoint: Any) -> None:
        """The same in a thread."""
        self.judge(request, self.rates.spend(self.hits(request, endpoint), instead=self._substitutes(request, endpoint)))

    def write(self, response: Response, state: State | None) -> None:
        """The X-RateLimit fields, where they are enabled."""
        if isinstance(state, State):
            for name, value in self.fields(state):
                response.headers[name] = value

    def fields(self, state: State) -> list[tuple[str, str]]:
        """Nothing where they are not enabled."""
        return fields(state, self.rates.clock(), self._names, dated=self._dated) if self._headers else []


class _Said:
    """``RATELIMIT_…`` of the environment, or of a file like ``.env``. Raises UsageError for a file that is not there."""

    def __init__(self, file: str | None) -> None:
        if file is not None and not Path(file).is_file():
            raise UsageError(f"config_filename: there is no file {file}")
        self._config = Config(file or (".env" if Path(".env").is_file() else None))

    def text(self, name: str) -> str | None:
        return self._config(f"RATELIMIT_{name}", default=None)

    def flag(self, name: str, given: bool) -> bool:
        try:
            return self._config(f"RATELIMIT_{name}", cast=bool, default=given)
        except ValueError:
            raise UsageError(f"RATELIMIT_{name}: true or false") from None

    def limits(self, option: str, name: str, given: Iterable[Text]) -> list[Any]:
        found = listed(option, given)
        written = None if found else self.text(name)
        return found if written is None else listed(f"RATELIMIT_{name}", [written])


def _wrapped(limiter: Limiter, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its limits before it. A middleware that has counted the call already is not repeated."""

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*arguments: Any, **named: Any) -> Any:
            request = _request_of(function, arguments, named)
            await limiter.acount(request, awaited)
            return _written(limiter, request, named, await function(*arguments, **named))

        return awaited

    @functools.wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        request = _request_of(function, arguments, named)
        limiter.count(request, called)
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
