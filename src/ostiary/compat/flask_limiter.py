"""Flask-Limiter's names over exact windows: write ``from ostiary.compat.flask_limiter import …`` for ``from flask_limiter import …``."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any

from ostiary.errors import MissingExtra

try:
    import flask as _flask  # noqa: F401
except ModuleNotFoundError:
    raise MissingExtra("ostiary.compat.flask_limiter", "flask") from None

from flask import Blueprint, Flask, Response, current_app, has_request_context, request

from ostiary.compat._flask_limits import (
    ApplicationLimit,
    Breach,
    Decision,
    ExemptionScope,
    HeaderNames,
    Limit,
    MetaLimit,
    RateLimitExceeded,
    RequestLimit,
    RouteLimit,
    Texts,
    get_remote_address,
    names_of,
    options_of,
    rules_of,
    said_of,
    written,
)
from ostiary.compat._flask_marks import MARK, Call, Mark, Marks, rules_in
from ostiary.compat._rates import Hit, Rates, Rule, State, Text, breached, dated, described, fields, limits_of, told

__all__ = [
    "ApplicationLimit",
    "ExemptionScope",
    "HeaderNames",
    "Limit",
    "Limiter",
    "MetaLimit",
    "RateLimitExceeded",
    "RequestLimit",
    "RouteLimit",
    "get_remote_address",
]
_OWN = "__ostiary_flask_limiter_own__"
_EXEMPT = ExemptionScope.APPLICATION | ExemptionScope.DEFAULT | ExemptionScope.META
logger = logging.getLogger("ostiary.compat.flask_limiter")


class Limiter:
    """Flask-Limiter's Limiter. ``strategy`` is checked, and is an exact window in any case."""

    def __init__(
        self,
        key_func: Callable[[], Any],
        *,
        app: Flask | None = None,
        default_limits: Texts | None = None,
        default_limits_per_method: bool | None = None,
        default_limits_exempt_when: Callable[[], bool] | None = None,
        default_limits_deduct_when: Decision | None = None,
        default_limits_cost: int | Callable[[], int] | None = None,
        application_limits: Texts | None = None,
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
        meta_limits: Texts | None = None,
        on_meta_breach: Breach | None = None,
        in_memory_fallback: Texts | None = None,
        in_memory_fallback_enabled: bool | None = None,
        retry_after: str | None = None,
        key_prefix: str = "",
        request_identifier: Callable[..., str] | None = None,
        enabled: bool = True,
    ) -> None:
        del fail_on_first_breach  # All limits of a call are looked at together.
        self.enabled = enabled
        self.key_func = key_func
        self.rates: Rates
        self._names = header_name_mapping or {}
        # By the name that the app's configuration has for it, without RATELIMIT_.
        self._given: dict[str, Any] = {
            "DEFAULT": written("default_limits", default_limits),
            "DEFAULTS_PER_METHOD": default_limits_per_method,
            "DEFAULTS_EXEMPT_WHEN": default_limits_exempt_when,
            "DEFAULTS_DEDUCT_WHEN": default_limits_deduct_when,
            "DEFAULTS_COST": default_limits_cost,
            "APPLICATION": written("application_limits", application_limits),
            "APPLICATION_PER_METHOD": application_limits_per_method,
            "APPLICATION_EXEMPT_WHEN": application_limits_exempt_when,
            "APPLICATION_DEDUCT_WHEN": application_limits_deduct_when,
            "APPLICATION_COST": application_limits_cost,
            "HEADERS_ENABLED": headers_enabled,
            "STRATEGY": strategy,
            "STORAGE_URI": storage_uri,
            "STORAGE_OPTIONS": storage_options,
            "SWALLOW_ERRORS": swallow_errors,
            "ON_BREACH_CALLBACK": on_breach,
            "META": written("meta_limits", meta_limits),
            "ON_META_BREACH_CALLBACK": on_meta_breach,
            "IN_MEMORY_FALLBACK": written("in_memory_fallback", in_memory_fallback),
            "IN_MEMORY_FALLBACK_ENABLED": in_memory_fallback_enabled,
            "HEADER_RETRY_AFTER_VALUE": retry_after,
            "KEY_PREFIX": key_prefix or None,
            "REQUEST_IDENTIFIER": request_identifier,
        }
        dated(retry_after)
        self._filters: list[Callable[[], bool]] = []
        self._marks = Marks()
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Counts from now on. ``RATELIMIT_…`` of the app's configuration stand in for what was not given. Raises UsageError."""
        self.enabled = app.config.setdefault("RATELIMIT_ENABLED", self.enabled)
        if not self.enabled:
            return
        said = {name: said_of(app.config, name, given) for name, given in self._given.items()}
        self._defaults = rules_of(Limit, said["DEFAULT"], self.key_func, **options_of(said, "DEFAULTS"))
        self._application = rules_of(ApplicationLimit, said["APPLICATION"], self.key_func, **options_of(said, "APPLICATION"))
        self._meta = rules_of(MetaLimit, said["META"], self.key_func)
        self._instead = rules_of(Limit, said["IN_MEMORY_FALLBACK"], self.key_func)
        self._on_breach, self._on_meta_breach = said["ON_BREACH_CALLBACK"], said["ON_META_BREACH_CALLBACK"]
        self._headers = bool(said["HEADERS_ENABLED"])
        self._fields = names_of(self._names, app.config)
        self._dated = dated(said["HEADER_RETRY_AFTER_VALUE"])
        self._prefix, self._identifier = said["KEY_PREFIX"] or "", said["REQUEST_IDENTIFIER"]
        self.rates = Rates(
            said["STORAGE_URI"],
            said["STRATEGY"],
            swallow=bool(said["SWALLOW_ERRORS"]),
            fallback=bool(said["IN_MEMORY_FALLBACK_ENABLED"] or self._instead),
            logger=logger,
            options=said["STORAGE_OPTIONS"],
        )
        app.before_request(self._before)
        app.after_request(self._after)
        app.extensions.setdefault("limiter", set()).add(self)

    def limit(
        self, limit_value: Text, *, key_func: Callable[[], Any] | None = None, override_defaults: bool = True, **options: Any
    ) -> RouteLimit:
        """Limits a view, the views of a blueprint, or (``with``) a block of code. ``options`` are those of ``Limit``."""
        return RouteLimit(limit_value, key_function=key_func, override_defaults=override_defaults, limiter=self, **options)

    def shared_limit(self, limit_value: Text, scope: Text, **options: Any) -> RouteLimit:
        """One counter for all that has this scope. Takes what ``limit`` takes."""
        return self.limit(limit_value, scope=scope, shared=True, **options)

    def exempt(self, obj: Any = None, *, flags: ExemptionScope = _EXEMPT) -> Any:
        """No default, application and meta limit on this view or blueprint, or what ``flags`` say. What it is given itself stays."""
        return functools.partial(self.exempt, flags=flags) if obj is None else self.mark(obj, flags)

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

    def mark(self, obj: Any, mark: Mark) -> Any:
        """Leaves a rule or an exemption on a view or a blueprint."""
        if isinstance(obj, Blueprint):
            self._marks.leave(obj.name, mark)
            return obj
        # Only a wrapper of our own is taken off: what stands between two limits (a login) stays.
        ours = getattr(obj, _OWN, None) is obj and obj is not None
        wrapper = self._wrapped(obj.__wrapped__ if ours else obj)
        setattr(wrapper, MARK, (*getattr(obj, MARK, ()), mark))
        setattr(wrapper, _OWN, wrapper)
        return wrapper

    def _wrapped(self, view: Callable[..., Any]) -> Any:
        """A function that is no view of a route is counted when it is called."""

        @functools.wraps(view)
        def counted(*arguments: Any, **named: Any) -> Any:
            if has_request_context() and self.enabled:
                self.count(rules_in(getattr(counted, MARK)))
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
        """A view's own limits before its blueprints'; the defaults where neither says anything, or where it says that they hold as well."""
        call = self._call()
        rules, call.exempt = self._marks.holding(view)
        own_word = any(rule.override_defaults for rule in rules)
        for flag, others in ((ExemptionScope.APPLICATION, self._application), (ExemptionScope.DEFAULT, [] if own_word else self._defaults)):
            rules += [] if flag in call.exempt else others
        return rules

    def count(self, rules: Iterable[Rule]) -> None:
        """Counts what has not been counted of this request. Raises RateLimitExceeded."""
        call = self._call()
        fresh = [rule for rule in rules if rule not in call.seen]
        call.seen.update(fresh)
        metas = [(meta, None) for meta in self._meta] + [(meta, rule) for rule in fresh for meta in rule.meta]
        if ExemptionScope.META in call.exempt:
            metas = []
        if not (fresh or metas) or any(one() for one in self._filters):
            return
        counting = [hit._replace(parent=parent) for meta, parent in metas for hit in self._hits(meta)]
        states = self.rates.spend([hit for rule in fresh for hit in self._hits(rule)], counting, self._substitutes(fresh))
        call.states += states
        if (over := breached(states)) is not None:
            self._refuse(over)

    def _substitutes(self, fresh: list[Rule]) -> Callable[[], list[Hit]]:
        """What is counted in this process's memory while the store is down: the limits for that, else the route's own."""

        def hits() -> list[Hit]:
            seen = self._call().seen
            rules = [rule for rule in self._instead if rule not in seen] if self._instead else fresh
            seen.update(rules)
            return [hit for rule in rules for hit in self._hits(rule)]

        return hits

    def _hits(self, rule: Rule) -> list[Hit]:
        if not rule.holds_for(request.method) or (rule.exempt_when is not None and rule.exempt_when()):
            return []
        place = (self._identifier() if self._identifier is not None else request.endpoint) or ""
        scope = (rule.scope(request.endpoint or "") if callable(rule.scope) else rule.scope) or ""
        # A limit of a scope and one of a route never share a counter, whatever they are called.
        named = ("scope", scope) if rule.shared else ("route", place, scope)
        key = (self._prefix, *named, *((request.method,) if rule.per_method else ()), str(rule.key_func()))
        cost = int(rule.cost()) if callable(rule.cost) else rule.cost
        return [Hit(rule, one, key, cost) for one in limits_of(rule, lambda function: function())]

    def _refuse(self, over: State) -> None:
        logger.info("ratelimit %s exceeded at endpoint: %s", described(over.hit.limit), request.endpoint)
        own, answer = over.hit.rule.on_breach, None
        asked = (own or self._on_meta_breach,) if over.hit.rule.of_breaches else (self._on_breach, own)
        for one in dict.fromkeys(asked):
            given = one(RequestLimit(over, self.rates.clock())) if one is not None else None
            answer = given if isinstance(given, Response) else answer
        raise RateLimitExceeded(over.hit, answer)

    def _after(self, response: Response) -> Response:
        states = self._call().states
        later = [state.hit for state in states if state.hit.rule.deduct_when is not None and state.hit.rule.deduct_when(response)]
        if later and not any(state.breached for state in states):
            self.rates.deduct(later)
        state = told(states)
        if self._headers and state is not None:
            for name, value in fields(state, self.rates.clock(), self._fields, dated=self._dated):
                response.headers[name] = value
        return response

    def _call(self) -> Call:
        found: Call = request.environ.setdefault(f"ostiary.compat.limiter.{id(self)}", Call())
        return found
