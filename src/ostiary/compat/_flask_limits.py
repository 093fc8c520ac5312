"""Flask-Limiter's objects that say a limit, an exemption, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, Flag, auto
from math import ceil
from typing import Any

from flask import Response, request
from werkzeug.exceptions import TooManyRequests

from ostiary.compat._rates import Hit, Rule, State, Text, check, described, listed
from ostiary.model import limit as model

Texts = Iterable["Text | Limit"]
Decision = Callable[[Response], bool]
Breach = Callable[["RequestLimit"], "Response | None"]


def get_remote_address() -> str:
    """The address of the other end; 127.0.0.1 where there is none."""
    return request.remote_addr or "127.0.0.1"


class HeaderNames(Enum):
    """For ``header_name_mapping``."""

    RESET = "X-RateLimit-Reset"
    REMAINING = "X-RateLimit-Remaining"
    LIMIT = "X-RateLimit-Limit"
    RETRY_AFTER = "Retry-After"


class ExemptionScope(Flag):
    """What ``Limiter.exempt`` takes off; the last two are for blueprints in blueprints."""

    NONE = 0
    APPLICATION = auto()
    META = auto()
    DEFAULT = auto()
    DESCENDENTS = auto()
    ANCESTORS = auto()


@dataclass(eq=False)
class Limit:
    """A limit with its options, for lists of default limits. Without ``shared`` each route is counted apart, in a ``scope`` or not."""

    limit_provider: Text
    key_function: Callable[[], Any] | None = None
    scope: Text | None = None
    cost: Callable[[], int] | int | None = None
    shared: bool = False
    methods: Sequence[str] | None = None
    per_method: bool = False
    error_message: Text | None = None
    meta_limits: Iterable[Text | MetaLimit] | None = None
    exempt_when: Callable[[], bool] | None = None
    deduct_when: Decision | None = None
    on_breach: Breach | None = None
    override_defaults: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        check("limit_provider", self.limit_provider)
        self.meta_limits = tuple(one if isinstance(one, MetaLimit) else MetaLimit(one) for one in self.meta_limits or ())

    def rule(self, key_func: Callable[[], Any]) -> Rule:
        """``key_func`` is the limiter's, for a limit without one of its own."""
        key_func = self.key_function or key_func
        return Rule(
            self.limit_provider,
            key_func,
            scope=self.scope,
            per_method=self.per_method,
            methods=None if self.methods is None else frozenset(method.upper() for method in self.methods),
            error_message=self.error_message,
            exempt_when=self.exempt_when,
            override_defaults=self.override_defaults,
            deduct_when=self.deduct_when,
            on_breach=self.on_breach,
            cost=1 if self.cost is None else self.cost,
            shared=self.shared,
            meta=tuple(one.rule(key_func) for one in self.meta_limits or () if isinstance(one, MetaLimit)),
            of_breaches=isinstance(self, MetaLimit),
        )


@dataclass(kw_only=True, eq=False)
class ApplicationLimit(Limit):
    """One counter for all routes."""

    scope: Text | None = "global"
    shared: bool = field(init=False, default=True)


@dataclass(kw_only=True, eq=False)
class MetaLimit(Limit):
    """How often limits may be breached; then every call is refused."""

    scope: Text | None = "meta"
    meta_limits: Iterable[Any] | None = field(init=False, default=None)
    shared: bool = field(init=False, default=True)
    deduct_when: Decision | None = field(init=False, default=None)


@dataclass(kw_only=True, eq=False)
class RouteLimit(Limit):
    """A decorator for views and blueprints, and a context; ``Limiter.limit`` gives one whose ``override_defaults`` is True."""

    override_defaults: bool = False
    limiter: Any = field(repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._rule = self.rule(self.limiter.key_func)

    def __call__(self, obj: Any) -> Any:
        return self.limiter.mark(obj, self._rule)

    def __enter__(self) -> None:
        self.limiter.count([self._rule])

    def __exit__(self, *_: object) -> None: ...


class RequestLimit:
    """A limit as it stands for this request. ``reset_at`` in Unix seconds."""

    def __init__(self, state: State, now: float) -> None:
        self.limit: model.Limit = state.hit.limit
        self.key = "/".join(state.hit.key)
        self.breached = state.breached
        self.shared = state.hit.rule.shared
        self.remaining = state.remaining
        self.reset_at = ceil(now + state.reset)
        self.window = (self.reset_at, self.remaining)


class RateLimitExceeded(TooManyRequests):
    """429. ``limit`` has the limit and its ``error_message``; ``response`` is what ``on_breach`` gave."""

    def __init__(self, hit: Hit, response: Response | None = None) -> None:
        self.limit = hit
        message = hit.rule.error_message
        super().__init__(description=(message() if callable(message) else message) or described(hit.limit), response=response)


def written(name: str, limits: Texts | None) -> list[Any] | None:
    """The limits of an option, each text of which can be; None for none at all. Raises UsageError."""
    found = limits if limits is None or isinstance(limits, str) else list(limits)
    listed(name, found if isinstance(found, str) else [one for one in found or () if not isinstance(one, Limit)])
    return found or None  # type: ignore[return-value]  # a text has been refused


def said_of(config: Mapping[str, Any], name: str, given: Any) -> Any:
    """What was given to the limiter, else what the app's configuration says."""
    return config.get(f"RATELIMIT_{name}") if given is None else given


def options_of(said: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """What all default limits, or all application limits, have that were written as texts."""
    return {name: said[f"{prefix}_{name.upper()}"] for name in ("per_method", "exempt_when", "deduct_when", "cost")}


def rules_of(kind: type[Limit], limits: Any, key_func: Callable[[], Any], **options: Any) -> list[Rule]:
    """Of texts and functions, with the options that all have, and of objects, with their own. One alone needs no list."""
    several = [limits] if isinstance(limits, str | Limit) or callable(limits) else limits or ()
    return [(one if isinstance(one, Limit) else kind(one, **options)).rule(key_func) for one in several]


def names_of(given: Mapping[HeaderNames, str], config: Mapping[str, Any]) -> list[str]:
    """The headers for limit, remaining, reset and Retry-After."""
    order = (HeaderNames.LIMIT, HeaderNames.REMAINING, HeaderNames.RESET, HeaderNames.RETRY_AFTER)
    return [given.get(one) or config.get(f"RATELIMIT_HEADER_{one.name}") or one.value for one in order]
