"""What the drop-ins for limiters share: rules as the peers write them, counted by the guard's exact windows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ostiary.errors import UsageError
from ostiary.guard.ask import Flow, Spend, arun, run
from ostiary.guard.limit_headers import retry_after
from ostiary.guard.stores import open_store
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.guard.world import World
from ostiary.model.limit import Limit, parse, span_of

# All of them become the exact window: never more than the limit in any interval of its length.
STRATEGIES = ("fixed-window", "fixed-window-elastic-expiry", "moving-window", "sliding-window-counter")
_SCHEMES = ("memory", "redis", "rediss", "redis+cluster", "rediss+cluster", "unix", "sqlite")
# What a storage may be told beside its URL: of a server of Redis, and what the guard's store decides for itself.
_IN_URL = ("username", "password", "db", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname")
_OURS = ("socket_timeout", "socket_connect_timeout", "socket_keepalive", "health_check_interval", "max_connections", "retry_on_timeout")
FIELDS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After")
Text = str | Callable[..., str]
_parsed = lru_cache(maxsize=1024)(parse)


@dataclass(frozen=True, eq=False)
class Rule:
    """One limit as it was written: a text, or a function that gives one. ``scope`` None counts each route apart.

    ``meta`` count the breaches of this one, and are told apart by ``of_breaches``.
    """

    text: Text
    key_func: Callable[..., Any]
    scope: Text | None = None
    per_method: bool = False
    methods: frozenset[str] | None = None
    error_message: Text | None = None
    exempt_when: Callable[..., bool] | None = None
    override_defaults: bool = True
    deduct_when: Callable[[Any], bool] | None = None
    on_breach: Callable[..., Any] | None = None
    cost: int | Callable[..., int] = 1
    shared: bool = False
    meta: tuple[Rule, ...] = ()
    of_breaches: bool = False

    def holds_for(self, method: str) -> bool:
        """Is the method among those that it counts?"""
        return self.methods is None or method in self.methods


class Hit(NamedTuple):
    """One limit of one call, with the counter that it is counted in. ``parent``: whose breaches it counts, None for those of any."""

    rule: Rule
    limit: Limit
    key: tuple[str, ...]
    cost: int
    parent: Rule | None = None


class State(NamedTuple):
    """What is left of a limit after the call; ``reset`` in seconds."""

    hit: Hit
    breached: bool
    remaining: int
    reset: float


class Rates:
    """Counters of one limiter. Raises UsageError for a strategy or storage that is not known."""

    def __init__(
        self,
        storage_uri: str | None,
        strategy: str | None,
        *,
        swallow: bool,
        fallback: bool,
        logger: logging.Logger,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if strategy is not None and strategy not in STRATEGIES:
            raise UsageError(f"strategy: one of {', '.join(STRATEGIES)} (each is an exact window here), not {strategy!r}")
        self.clock: Callable[[], float] = time.time
        self.counters = open_store(_with_options(_store(storage_uri), options or {}, logger), "counters")
        self._world = World(self.counters, None)
        self._swallow = swallow
        self._fallback = World(open_store("memory://", "counters"), None) if fallback else None
        self._logger = logger

    def spend(self, hits: Sequence[Hit], metas: Sequence[Hit] = (), instead: Callable[[], Sequence[Hit]] | None = None) -> list[State]:
        """All or none; the breached ones, if any, are marked. ``metas`` count breaches, and refuse where too many were.

        While the store is down: what ``instead`` gives, where there is a fallback; else nothing, where errors are swallowed. Raises StoreDown.
        """
        try:
            return run(_spent(hits, metas, self.clock()), self._world.answer)
        except StoreDown as down:
            return self._without_store(hits, metas, instead, down)

    async def aspend(self, hits: Sequence[Hit], instead: Callable[[], Sequence[Hit]] | None = None) -> list[State]:
        """The same in an event loop."""
        try:
            return await arun(_spent(hits, (), self.clock()), self._world.answer_in_loop)
        except StoreDown as down:
            return self._without_store(hits, (), instead, down)

    def deduct(self, hits: Sequence[Hit]) -> None:
        """Spends after the answer what ``deduct_when`` left; where others have spent it by now, nothing."""
        for hit in hits:
            self.spend([hit._replace(rule=replace(hit.rule, deduct_when=None))])

    def _without_store(
        self, hits: Sequence[Hit], metas: Sequence[Hit], instead: Callable[[], Sequence[Hit]] | None, down: StoreDown
    ) -> list[State]:
        if self._fallback is None and not self._swallow:
            raise down
        self._logger.error("the store of limits is down: %s", down)
        if self._fallback is None:
            return []
        return run(_spent(instead() if instead is not None else hits, metas, self.clock()), self._fallback.answer)

    def reset(self) -> None:
        """Forgets what was counted in this process's memory. Raises UsageError for a store that others count in as well."""
        if not self.counters.immediate:
            raise UsageError("reset() empties memory:// alone; other stores are shared with other processes")
        self.counters.close()


def _spent(hits: Sequence[Hit], metas: Sequence[Hit], now: float) -> Flow[list[State]]:
    """What counts breaches is looked at first, and what will be deducted after the answer; nothing is spent where one of them refuses."""
    later = [hit for hit in hits if hit.rule.deduct_when is not None]
    found: list[State] = []
    if watched := [*metas, *later]:
        peeked: Spent = yield Spend(tuple(Charge(hit.key, hit.limit, 0) for hit in watched), now)
        looked = [State(hit, left < hit.cost, left, reset) for hit, (_, left, reset) in zip(watched, peeked.states, strict=True)]
        if used_up := [state for state in looked[: len(metas)] if state.breached]:
            return used_up
        found = looked[len(metas) :]
    at_once = [hit for hit in hits if hit.rule.deduct_when is None]
    if at_once and not any(state.breached for state in found):
        spent: Spent = yield Spend(tuple(Charge(hit.key, hit.limit, hit.cost) for hit in at_once), now)
        found += [
            State(hit, not spent.allowed and left < hit.cost, left, reset)
            for hit, (_, left, reset) in zip(at_once, spent.states, strict=True)
        ]
    broken = {state.hit.rule for state in found if state.breached}
    for meta in metas if broken else ():
        if meta.parent is None or meta.parent in broken:
            yield Spend((Charge(meta.key, meta.limit, meta.cost),), now)
    return found


def fields(state: State, now: float, names: Sequence[str] = FIELDS, *, dated: bool = False) -> list[tuple[str, str]]:
    """The X-RateLimit fields and Retry-After, under ``names``; ``dated``: the latter as a date (RFC 9110), else in seconds."""
    wait = formatdate(ceil(now + state.reset), usegmt=True) if dated else retry_after(state.reset)
    values = (str(state.hit.limit.count), str(state.remaining), str(ceil(now + state.reset)), wait)
    return list(zip(names, values, strict=True))


def dated(said: str | None) -> bool:
    """The option ``retry_after``. Raises UsageError."""
    if said not in (None, "", "delta-seconds", "http-date"):
        raise UsageError(f"retry_after: delta-seconds or http-date, not {said!r}")
    return said == "http-date"


def listed(name: str, texts: Iterable[Any] | None) -> list[Any]:
    """The limits of an option; each text among them is one that can be. Raises UsageError."""
    if isinstance(texts, str):
        raise UsageError(f"{name}: a list of limits, as in ['5/minute'], not {texts!r}")
    found = list(texts or ())
    for one in found:
        check(name, one)
    return found


def check(name: str, text: Any) -> None:
    """A text is read at once, a function when a call comes. Raises UsageError."""
    if isinstance(text, str):
        _parsed(text)
    elif not callable(text):
        raise UsageError(f"{name}: a limit is a text, or a function that gives one, not {text!r}")


def limits_of(rule: Rule, call: Callable[[Callable[..., Any]], Any]) -> tuple[Limit, ...]:
    """The limits that a rule writes for this call; ``call`` calls a function of the app with what it wants. Raises LimitError."""
    return _parsed(call(rule.text) if callable(rule.text) else rule.text)


def breached(states: Sequence[State]) -> State | None:
    """The breached limit with the longest wait."""
    return max((state for state in states if state.breached), key=lambda state: state.reset, default=None)


def told(states: Sequence[State]) -> State | None:
    """The state that headers tell of: the breached one, else that of the shortest window."""
    return breached(states) or min(states, key=lambda state: (state.hit.limit.seconds, state.remaining), default=None)


def described(limit: Limit) -> str:
    """A limit as the peers write it: ``5 per 1 minute``."""
    span = span_of(limit.seconds)
    many, unit = span.split(" ") if " " in span else ("1", span)
    return f"{limit.count} per {many} {unit.removesuffix('s') if many != '1' else unit}"


def _store(uri: str | None) -> str:
    uri = (uri or "memory://").removeprefix("async+")
    scheme = uri.partition("://")[0]
    if scheme not in _SCHEMES:
        raise UsageError(f"storage_uri: memory://, redis:// (rediss://, redis+cluster://, unix://) or sqlite:///file.db, not {scheme}://")
    return "memory://" if scheme == "memory" else uri


def _with_options(url: str, options: Mapping[str, Any], logger: logging.Logger) -> str:
    if strange := sorted(set(options) - {*_IN_URL, *_OURS}):
        raise UsageError(f"storage_options: {', '.join(strange)} cannot be given here; {', '.join(_IN_URL)} can, for Redis")
    if ignored := sorted(set(options) & set(_OURS)):
        logger.warning("storage_options: %s not used; the store has limits of its own", ", ".join(ignored))
    said = urlencode({name: value for name, value in options.items() if name in _IN_URL})
    if said and url.startswith(("memory:", "sqlite:")):
        raise UsageError("storage_options are for redis:// alone")
    return f"{url}{'&' if '?' in url else '?'}{said}" if said else url
