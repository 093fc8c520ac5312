"""Counters that ask their store for many units at once: a worker takes a part of a limit in hand and spends it in memory.

A lease of a ``window`` of N per W is charged in the store the moment it is made and ends T = ``lease`` × W later (whole seconds); the
store counts N per W + T. Whatever is spent in an interval of length W was charged in one of length W + T, so all workers together admit
at most N in every W, exactly as without leases. What is paid for it:

- a caller who keeps a steady rate gets N per W + T, and of that what the store's own windows give;
- up to ``lease`` × N units, at most 100, may lie unused in the hands of each worker while others are refused.

The first lease of a counter is one unit, and one that is used up in half its time makes the next twice as large, one that ends unused
half as large: who comes seldom has nothing taken in hand. GCRA, quotas by
calendar, and windows of which the part is less than two units or one second are asked for call by call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from ostiary.errors import UsageError
from ostiary.guard.stores.base import Charge, Counters, Key, Spent
from ostiary.model.limit import LONGEST, Limit

MOST_UNITS = 100
MOST_LEASE = 0.5
_MARGIN = 0.002  # a store's clock counts in whole ms
_MOST_LEASES = 100_000
_Steps = Generator[Sequence[Charge], Spent, Spent]


class Terms(NamedTuple):
    """How a limit is leased: what the store counts, the most units of one lease, its seconds."""

    limit: Limit
    units: int
    seconds: int


class _Lease:
    """``units`` in hand until ``ends``; ``beyond`` is what the store had left, ``reset`` when it would have more; ``size`` is asked for next."""

    __slots__ = ("beyond", "ends", "reset", "size", "units")

    def __init__(self) -> None:
        self.units, self.size, self.beyond = 0, 1, 0
        self.ends = self.reset = 0.0


_Taken = tuple[_Lease, int, float]


class LeasedCounters:
    """Counters in front of a store that others share; see Counters. ``lease``: the part of a limit, above 0 and at most a half.

    All who count together lease alike: the store counts leased and other limits apart. Raises UsageError.
    """

    immediate = False

    def __init__(self, store: Counters, lease: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        if isinstance(lease, bool) or not isinstance(lease, (int, float)) or not 0 < lease <= MOST_LEASE:
            raise UsageError(f"lease: the part of a limit that a worker takes in hand, above 0 and at most {MOST_LEASE}, not {lease!r}")
        if store.immediate:
            raise UsageError('lease: for counters that processes share, as in counters="redis://…"; memory needs none')
        self._store, self._monotonic = store, monotonic
        self._terms = lru_cache(maxsize=1024)(lambda limit: terms(limit, lease))
        self._leases: dict[tuple[str, Key], _Lease] = {}
        self._lock = threading.Lock()

    def spend(self, charges: Sequence[Charge], now: float) -> Spent:
        """All of the charges or none. Raises what the store raises."""
        taken, missing = self._take(charges)
        if not missing:
            return self._answer(charges)
        with closing(self._asking(charges, taken, missing)) as steps:
            asked = next(steps)
            try:
                while True:
                    asked = steps.send(self._store.spend(asked, now))
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]

    async def aspend(self, charges: Sequence[Charge], now: float) -> Spent:
        """The same in an event loop."""
        taken, missing = self._take(charges)
        if not missing:
            return self._answer(charges)
        spend: Any = getattr(self._store, "aspend", None)
        if spend is None:
            spend = _at_once(self._store.spend)
        with closing(self._asking(charges, taken, missing)) as steps:
            asked = next(steps)
            try:
                while True:
                    asked = steps.send(await spend(asked, now))
            except StopIteration as done:
                return done.value  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the store, and give up what is in hand."""
        with self._lock:
            self._leases.clear()
        self._store.close()

    async def aclose(self) -> None:
        """Close what belongs to the event loop that ends."""
        if (close := getattr(self._store, "aclose", None)) is not None:
            await close()

    def _take(self, charges: Sequence[Charge]) -> tuple[list[_Taken], list[int]]:
        """Spends what is in hand; what that was, and the places of the charges for which it is not enough."""
        if any(cost < 0 for _, _, cost in charges):
            raise ValueError("a cost is not negative")
        now = self._monotonic()
        taken: list[_Taken] = []
        missing: list[int] = []
        with self._lock:
            for place, (key, limit, cost) in enumerate(charges):
                lease = self._leases.get((limit.ident, key))
                if lease is None or lease.ends <= now or lease.units < cost:
                    missing.append(place)
                else:
                    lease.units -= cost
                    taken.append((lease, cost, lease.ends))
        return taken, missing

    def _put_back(self, taken: Sequence[_Taken]) -> None:
        with self._lock:
            for lease, cost, ends in taken:
                # Into a lease that was made anew meanwhile it must not go: it was charged before.
                if lease.ends <= ends:
                    lease.units += cost

    def _asking(self, charges: Sequence[Charge], taken: Sequence[_Taken], missing: Sequence[int]) -> _Steps:
        """Yields what the store is to be asked; when it has no more than a little left, that little."""
        spent = None
        try:
            wanted = [charges[place] for place in missing]
            began, asked = self._monotonic(), [self._greedy(charge) for charge in wanted]
            spent = yield asked
            if not spent.allowed and asked != (least := [self._leased(charge, charge.cost) for charge in wanted]):
                began, asked = self._monotonic(), least
                spent = yield asked
        finally:
            if spent is None or not spent.allowed:
                self._put_back(taken)
        self._keep(wanted, asked, spent, began)
        return self._answer(charges, missing, spent)

    def _greedy(self, charge: Charge) -> Charge:
        lease = self._leases.get((charge.limit.ident, charge.key))
        return self._leased(charge, max(charge.cost, lease.size if lease is not None else 1) if charge.cost else 0)

    def _leased(self, charge: Charge, units: int) -> Charge:
        """The charge as the store counts it."""
        found = self._terms(charge.limit)
        return charge if found is None else Charge(charge.key, found.limit, units)

    def _keep(self, wanted: Sequence[Charge], asked: Sequence[Charge], spent: Spent, began: float) -> None:
        """Takes in hand what was charged beyond what is spent now."""
        with self._lock:
            for (key, limit, cost), charge, (_, beyond, reset) in zip(wanted, asked, spent.states, strict=True):
                found = self._terms(limit)
                if found is None:
                    continue
                lease = self._leases.pop((limit.ident, key), None) or _Lease()
                if spent.allowed and cost:
                    self._extend(lease, found, charge.cost - cost, began)
                elif cost:
                    lease.size = 1
                lease.beyond, lease.reset = beyond, reset
                self._leases[limit.ident, key] = lease
            self._sweep(began)

    @staticmethod
    def _extend(lease: _Lease, found: Terms, units: int, began: float) -> None:
        """Units that are still in hand keep their end, and new ones with them. The next lease is as large as the pace of this one wants."""
        ends = began + found.seconds - _MARGIN
        if lease.units and lease.ends <= began:
            lease.size, lease.units = max(lease.size // 2, 1), 0
        elif not lease.units and lease.ends - began > found.seconds / 2:
            lease.size = min(lease.size * 2, found.units)
        lease.ends = min(lease.ends, ends) if lease.units else ends
        lease.units += units

    def _sweep(self, now: float) -> None:
        """The leases that were made first go first: two that have ended, or any where there are too many."""
        for _ in range(2):
            oldest = next(iter(self._leases), None)
            if oldest is None or (self._leases[oldest].ends > now and len(self._leases) <= _MOST_LEASES):
                return
            del self._leases[oldest]

    def _answer(self, charges: Sequence[Charge], missing: Sequence[int] = (), spent: Spent | None = None) -> Spent:
        """What is left: in the store, as far as is known, and in hand."""
        asked = dict(zip(missing, spent.states, strict=True)) if spent is not None else {}
        states = []
        with self._lock:
            for place, (key, limit, _) in enumerate(charges):
                lease = self._leases.get((limit.ident, key))
                _, beyond, reset = asked.get(place) or (place, lease.beyond if lease else 0, lease.reset if lease else 0.0)
                states.append((place, beyond + (lease.units if lease is not None else 0), reset))
        return Spent(spent is None or spent.allowed, tuple(states), spent.retry_after if spent is not None else 0.0)


def _at_once(spend: Callable[[Sequence[Charge], float], Spent]) -> Callable[[Sequence[Charge], float], Awaitable[Spent]]:
    """For a store on this host, which event loops ask as threads do."""

    async def asked(charges: Sequence[Charge], now: float) -> Spent:
        return spend(charges, now)

    return asked


def terms(limit: Limit, lease: float) -> Terms | None:
    """How a limit is leased; None where it is asked for call by call."""
    units, seconds = min(MOST_UNITS, int(limit.count * lease)), int(limit.seconds * lease)
    if limit.kind != "window" or units < 2 or seconds < 1 or limit.seconds + seconds > LONGEST:
        return None
    return Terms(replace(limit, seconds=limit.seconds + seconds, text=""), units, seconds)
