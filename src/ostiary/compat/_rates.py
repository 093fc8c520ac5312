"""What the drop-ins for limiters share: rules as the peers write them, counted by the guard's exact windows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from ostiary.errors import UsageError
from ostiary.guard.ask import Flow, Spend, arun, run
from ostiary.guard.stores import open_store
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.guard.world import World
from ostiary.model.limit import Limit, parse, span_of

# All of them become the exact window: never more than the limit in any interval of its length.
STRATEGIES = ("fixed-window", "fixed-window-elastic-expiry", "moving-window", "sliding-window-counter")
_SCHEMES = ("memory", "redis", "rediss", "redis+cluster", "rediss+cluster", "unix", "sqlite")
Text = str | Callable[..., str]
_parsed = lru_cache(maxsize=1024)(parse)


@dataclass(frozen=True, eq=False)
class Rule:
    """One limit as it was written: a text, or a function that gives one. ``scope`` None counts each route apart."""

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

    def holds_for(self, method: str) -> bool:
        """Is the method among those that it counts?"""
        return self.methods is None or method in self.methods


class Hit(NamedTuple):
    """One limit of one call, with the counter that it is counted in."""

    rule: Rule
    limit: Limit
    key: tuple[str, ...]
    cost: int


class State(NamedTuple):
    """What is left of a limit after the call; ``reset`` in seconds."""

    hit: Hit
    breached: bool
    remaining: int
    reset: float


class Rates:
    """Counters of one limiter. Raises UsageError for a strategy or storage that is not known."""

    def __init__(self, storage_uri: str | None, strategy: str | None, *, swallow: bool, fallback: bool, logger: logging.Logger) -> None:
        if strategy is not None and strategy not in STRATEGIES:
            raise UsageError(f"strategy: one of {', '.join(STRATEGIES)} (each is an exact window here), not {strategy!r}")
        self.clock: Callable[[], float] = time.time
        self.counters = open_store(_store(storage_uri), "counters")
        self._world = World(self.counters, None)
        self._swallow = swallow
        self._fallback = World(open_store("memory://", "counters"), None) if fallback else None
        self._logger = logger

    def spend(self, hits: Sequence[Hit]) -> list[State]:
        """All or none; the breached ones, if any, are marked. Raises StoreDown unless errors are swallowed or there is a fallback."""
        try:
            return run(_spent(hits, self.clock()), self._world.answer)
        except StoreDown as down:
            return self._without_store(hits, down)

    async def aspend(self, hits: Sequence[Hit]) -> list[State]:
        """The same in an event loop."""
        try:
            return await arun(_spent(hits, self.clock()), self._world.answer_in_loop)
        except StoreDown as down:
            return self._without_store(hits, down)

    def deduct(self, hits: Sequence[Hit]) -> None:
        """Spends after the answer what ``deduct_when`` left; where others have spent it by now, nothing."""
        for hit in hits:
            self.spend([hit._replace(rule=replace(hit.rule, deduct_when=None))])

    def _without_store(self, hits: Sequence[Hit], down: StoreDown) -> list[State]:
        if self._fallback is None and not self._swallow:
            raise down
        self._logger.error("the store of limits is down: %s", down)
        return run(_spent(hits, self.clock()), self._fallback.answer) if self._fallback is not None else []

    def reset(self) -> None:
        """Forgets what was counted in this process's memory. Raises UsageError for a store that others count in as well."""
        if not self.counters.immediate:
            raise UsageError("reset() empties memory:// alone; other stores are shared with other processes")
        self.counters.close()


def _spent(hits: Sequence[Hit], now: float) -> Flow[list[State]]:
    """What will be deducted only after the answer is looked at first; nothing is spent where one of the limits is breached."""
    later = [hit for hit in hits if hit.rule.deduct_when is not None]
    found = []
    if later:
        peeked: Spent = yield Spend(tuple(Charge(hit.key, hit.limit, 0) for hit in later), now)
        found = [State(hit, left < hit.cost, left, reset) for hit, (_, left, reset) in zip(later, peeked.states, strict=True)]
        if any(state.breached for state in found):
            return found
    at_once = [hit for hit in hits if hit.rule.deduct_when is None]
    if not at_once:
        return found
    spent: Spent = yield Spend(tuple(Charge(hit.key, hit.limit, hit.cost) for hit in at_once), now)
    return found + [
        State(hit, not spent.allowed and left < hit.cost, left, reset) for hit, (_, left, reset) in zip(at_once, spent.states, strict=True)
    ]


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
