"""Flask-Limiter's names over exact windows: write ``from ostiary.compat.flask_limiter import …`` for ``from flask_limiter import …``."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from enum import Enum
from math import ceil
from typing import Any

from ostiary.errors import MissingExtra, UsageError

try:
    import flask as _flask  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtra("ostiary.compat.flask_limiter", "flask") from None

from flask import Blueprint, Flask, Response, current_app, has_request_context, request
from werkzeug.exceptions import TooManyRequests

from ostiary.compat._rates import Hit, Rates, Rule, State, Text, breached, described, limits_of, told
from ostiary.guard.limit_headers import retry_after as whole_seconds
from ostiary.model.limit import Limit

__all__ = ["HeaderNames", "Limiter", "RateLimitExceeded", "RequestLimit", "get_remote_address"]
Decision = Callable[[Response], bool]
Breach = Callable[["RequestLimit"], "Response | None"]
_MARK = "__ostiary_flask_limiter__"
_OWN = "__ostiary_flask_limiter_own__"
logger = logging.getLogger("ostiary.compat.flask_limiter")


def get_remote_address() -> str:
    """The address of the other end; 127.0.0.1 where there is none."""
    return request.remote_addr or "127.0.0.1"


class HeaderNames(Enum):
    """For ``header_name_mapping``."""

    RESET = "X-RateLimit-Reset"
    REMAINING = "X-RateLimit-Remaining"
    LIMIT = "X-RateLimit-Limit"
    RETRY_AFTER = "Retry-After"


class RequestLimit:
    """A limit as it stands for this request. ``reset_at`` in Unix seconds."""

    def __init__(self, state: State, now: float) -> None:
        self.limit: Limit = state.hit.limit
        self.key = "/".join(state.hit.key)
        self.breached = state.breached
        self.shared = state.hit.rule.scope is not None
        self.remaining = state.remaining
        self.reset_at = ceil(now + state.reset)
        self.window = (self.reset_at, self.remaining)


class RateLimitExceeded(TooManyRequests):
    """429. ``limit`` has the limit and its ``error_message``; ``response`` is what ``on_breach`` gave."""

    def __init__(self, hit: Hit, response: Response | None = None) -> None:
        self.limit = hit
        message = hit.rule.error_message
        super().__init__(description=(message() if callable(message) else message) or described(hit.limit), response=response)


class _Call:
    """What was counted of one request."""

    def __init__(self) -> None:
        self.seen: set[Rule] = set()
        self.states: list[State] = []


class Limiter:
    """Flask-Limiter's Limiter. ``strategy`` is checked, and is an exact window in any case."""

    def __init__(
        self,
        key_func: Callable[[], Any],
        *,
        app: Flask | None = None,
        default_limits: Iterable[Text] | None = None,
        default_limits_per_method: bool | None = None,
        default_limits_exempt_when: Callable[[], bool] | None = None,
        default_limits_deduct_when: Decision | None = None,
        default_limits_cost: int | Callable[[], int] | None = None,
        application_limits: Iterable[Text] | None = None,
        application_limits_per_method: bool | None = None,
        application_limits_exempt_when: Callable[[], bool] | None = None,
        application_limits_deduct_when: Decision | None = None,
        application_limits_cost: int | Callable[[], int] | None = None,
        headers_enabled: bool | None = None,
        header_name_mapping: dict[HeaderNames, str] | None = None,
        strategy: str | None = None,
        storage_uri: str | None = None,
        storage_options: dict[str, Any] | None = None,
        swallow_errors: bool | None = None,
        fail_on_first_breach: bool | None = None,
        on_breach: Breach | None = None,
        in_memory_fallback_enabled: bool | None = None,
        retry_after: str | None = None,
        key_prefix: str = "",
        request_identifier: Callable[..., str] | None = None,
        enabled: bool = True,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise UsageError(f"{', '.join(sorted(unknown))}: not offered by ostiary.compat.flask_limiter")
        if retry_after not in (None, "delta-seconds"):
            raise UsageError(f"retry_after: delta-seconds, not {retry_after!r}")
        if storage_options:
            logger.warning("storage_options are not used: the store has time-outs of its own")
        del fail_on_first_breach  # All limits of a call are looked at together.
        self.enabled = enabled
        self._key_func = key_func
        self._prefix = key_prefix
        self._identifier = request_identifier
        self._on_breach = on_breach
        self._names = header_name_mapping or {}
        self._headers, self._strategy, self._storage_uri = headers_enabled, strategy, storage_uri
        self._swallow, self._fallback = swallow_errors, in_memory_fallback_enabled
        self._default_options: dict[str, Any] = {
            "per_method": default_limits_per_method or False,
            "exempt_when": default_limits_exempt_when,
            "deduct_when": default_limits_deduct_when,
            "cost": default_limits_cost or 1,
        }
        self._application_options: dict[str, Any] = {
            "per_method": application_limits_per_method or False,
            "exempt_when": application_limits_exempt_when,
            "deduct_when": application_limits_deduct_when,
            "cost": application_limits_cost or 1,
        }
        self._defaults = self._rules("default_limits", default_limits, self._default_options)
        self._application = self._rules("application_limits", application_limits, {**self._application_options, "scope": "global"})
        self._filters: list[Callable[[], bool]] = []
        self._of_blueprints: dict[str, tuple[Rule | None, ...]] = {}
        self.rates: Rates
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Counts from now on. ``RATELIMIT_…`` of the app's configuration stand in for what was not given. Raises UsageError."""
        config = app.config
        self.enabled = config.setdefault("RATELIMIT_ENABLED", self.enabled)
        if not self.enabled:
            return
        self._headers = config.get("RATELIMIT_HEADERS_ENABLED", False) if self._headers is None else self._headers
        self.rates = Rates(
            self._storage_uri or config.get("RATELIMIT_STORAGE_URI"),
            self._strategy or config.get("RATELIMIT_STRATEGY"),
            swallow=bool(config.get("RATELIMIT_SWALLOW_ERRORS") if self._swallow is None else self._swallow),
            fallback=bool(config.get("RATELIMIT_IN_MEMORY_FALLBACK_ENABLED") if self._fallback is None else self._fallback),
            logger=logger,
        )
        if not self._defaults and (text := config.get("RATELIMIT_DEFAULT")):
            self._defaults = self._rules("RATELIMIT_DEFAULT", [text], self._default_options)
        if not self._application and (text := config.get("RATELIMIT_APPLICATION")):
            self._application = self._rules("RATELIMIT_APPLICATION", [text], {**self._application_options, "scope": "global"})
        app.before_request(self._before)
        app.after_request(self._after)
        app.extensions.setdefault("limiter", set()).add(self)

    def limit(
        self,
        limit_value: Text,
        *,
        key_func: Callable[[], Any] | None = None,
        per_method: bool = False,
        methods: list[str] | None = None,
        error_message: Text | None = None,
        exempt_when: Callable[[], bool] | None = None,
        override_defaults: bool = True,
        deduct_when: Decision | None = None,
        on_breach: Breach | None = None,
        cost: int | Callable[[], int] = 1,
        scope: Text | None = None,
    ) -> RouteLimit:
        """Limits a view, the views of a blueprint, or (``with``) a block of code."""
        named = None if methods is None else frozenset(method.upper() for method in methods)
        rule = Rule(
            limit_value,
            key_func or self._key_func,
            scope,
            per_method,
            named,
            error_message,
            exempt_when,
            override_defaults,
            deduct_when,
            on_breach,
            cost,
        )
        _check("limit", limit_value)
        return RouteLimit(self, rule)

    def shared_limit(self, limit_value: Text, scope: Text, **options: Any) -> RouteLimit:
        """One counter for all that has this scope. Takes what ``limit`` takes."""
        return self.limit(limit_value, scope=scope, **options)

    def exempt(self, obj: Any = None) -> Any:
        """No default and no application limit on this view or blueprint."""
        if obj is None:
            return self.exempt
        return self.mark(obj, None)

    def request_filter(self, fn: Callable[[], bool]) -> Callable[[], bool]:
        """Requests for which this is true are not counted."""
        self._filters.append(fn)
        return fn

    def check(self) -> None:
        """Counts the current request now, where nothing has yet. Raises RateLimitExceeded."""
        self._before()

    def reset(self) -> None:
        """Forgets what was counted in memory."""
        self.rates.reset()

    @property
    def current_limit(self) -> RequestLimit | None:
        """The breached limit, else that of the shortest window; None outside a request and where nothing was counted."""
        state = told(self._call().states) if has_request_context() else None
        return RequestLimit(state, self.rates.clock()) if state is not None else None

    @property
    def current_limits(self) -> list[RequestLimit]:
        """All of them."""
        states = self._call().states if has_request_context() else []
        return [RequestLimit(state, self.rates.clock()) for state in states]

    # At a request

    def mark(self, obj: Any, rule: Rule | None) -> Any:
        """Leaves a rule (None: exempt) on a view or a blueprint."""
        if isinstance(obj, Blueprint):
            self._of_blueprints[obj.name] = (*self._of_blueprints.get(obj.name, ()), rule)
            return obj
        # Only a wrapper of our own is taken off: what stands between two limits (a login) stays.
        ours = getattr(obj, _OWN, None) is obj and obj is not None
        wrapper = self._wrapped(obj.__wrapped__ if ours else obj)
        setattr(wrapper, _MARK, (*getattr(obj, _MARK, ()), rule))
        setattr(wrapper, _OWN, wrapper)
        return wrapper

    def _wrapped(self, view: Callable[..., Any]) -> Any:
        """A function that is no view of a route is counted when it is called."""

        @functools.wraps(view)
        def counted(*arguments: Any, **named: Any) -> Any:
            if has_request_context() and self.enabled:
                self.count([rule for rule in getattr(counted, _MARK) if rule is not None])
            return current_app.ensure_sync(view)(*arguments, **named) if has_request_context() else view(*arguments, **named)

        return counted

    def _before(self) -> None:
        if not self.enabled or request.endpoint is None:
            return
        view = current_app.view_functions.get(request.endpoint)
        if view is None or request.endpoint == "static" or request.endpoint.endswith(".static"):
            return
        self.count(self._holding(view))

    def _holding(self, view: Any) -> list[Rule]:
        """A view's own limits before its blueprint's; the defaults where neither says anything, or where it says that they hold as well."""
        method = getattr(getattr(view, "view_class", None), request.method.lower(), None)
        marks = (*getattr(view, _MARK, ()), *getattr(method, _MARK, ()))
        outer = [rule for name in request.blueprints for rule in self._of_blueprints.get(name.rpartition(".")[2], ())]
        own = [rule for rule in marks if rule is not None]
        if not any(rule.override_defaults for rule in own):
            own += [rule for rule in outer if rule is not None]
        if None in marks or None in outer:
            return own
        return [*self._application, *own, *([] if any(rule.override_defaults for rule in own) else self._defaults)]

    def count(self, rules: Iterable[Rule]) -> None:
        """Counts what has not been counted of this request. Raises RateLimitExceeded."""
        call = self._call()
        fresh = [rule for rule in rules if rule not in call.seen]
        call.seen.update(fresh)
        if not fresh or any(one() for one in self._filters):
            return
        states = self.rates.spend([hit for rule in fresh for hit in self._hits(rule)])
        call.states += states
        if (over := breached(states)) is not None:
            self._refuse(over)

    def _hits(self, rule: Rule) -> list[Hit]:
        if not rule.holds_for(request.method) or (rule.exempt_when is not None and rule.exempt_when()):
            return []
        place = (self._identifier() if self._identifier is not None else request.endpoint) or ""
        scope = rule.scope(place) if callable(rule.scope) else rule.scope
        # A limit of a scope and one of a route never share a counter, whatever they are called.
        named = ("route", place) if scope is None else ("scope", scope)
        key = (self._prefix, *named, *((request.method,) if rule.per_method else ()), str(rule.key_func()))
        cost = int(rule.cost()) if callable(rule.cost) else rule.cost
        return [Hit(rule, one, key, cost) for one in limits_of(rule, lambda function: function())]

    def _refuse(self, over: State) -> None:
        logger.info("ratelimit %s exceeded at endpoint: %s", described(over.hit.limit), request.endpoint)
        on_breach = over.hit.rule.on_breach or self._on_breach
        answer = on_breach(RequestLimit(over, self.rates.clock())) if on_breach is not None else None
        raise RateLimitExceeded(over.hit, answer if isinstance(answer, Response) else None)

    def _after(self, response: Response) -> Response:
        call = self._call()
        if any(state.breached for state in call.states):
            return self._told(response, call)
        later = [state.hit for state in call.states if state.hit.rule.deduct_when is not None and state.hit.rule.deduct_when(response)]
        if later:
            self.rates.deduct(later)
        return self._told(response, call)

    def _told(self, response: Response, call: _Call) -> Response:
        state = told(call.states)
        if self._headers and state is not None:
            reset = ceil(self.rates.clock() + state.reset)
            values = {
                HeaderNames.LIMIT: state.hit.limit.count,
                HeaderNames.REMAINING: state.remaining,
                HeaderNames.RESET: reset,
                HeaderNames.RETRY_AFTER: whole_seconds(state.reset),
            }
            for name, value in values.items():
                response.headers[self._names.get(name, name.value)] = str(value)
        return response

    def _call(self) -> _Call:
        found: _Call = request.environ.setdefault(f"ostiary.compat.limiter.{id(self)}", _Call())
        return found

    def _rules(self, name: str, texts: Iterable[Text] | None, options: dict[str, Any]) -> list[Rule]:
        if isinstance(texts, str):
            raise UsageError(f"{name}: a list of limits, as in ['5/minute'], not {texts!r}")
        listed = list(texts or ())
        for text in listed:
            _check(name, text)
        return [Rule(text, self._key_func, **options) for text in listed]


class RouteLimit:
    """What ``limit`` gives: a decorator for views and blueprints, and a context."""

    def __init__(self, limiter: Limiter, rule: Rule) -> None:
        self._limiter = limiter
        self._rule = rule

    def __call__(self, obj: Any) -> Any:
        return self._limiter.mark(obj, self._rule)

    def __enter__(self) -> None:
        self._limiter.count([self._rule])

    def __exit__(self, *_: object) -> None: ...


def _check(name: str, text: Any) -> None:
    if callable(text):
        return
    if not isinstance(text, str):
        raise UsageError(f"{name}: a limit is a text, or a function that gives one, not {text!r}")
    limits_of(Rule(text, str), lambda function: function())
