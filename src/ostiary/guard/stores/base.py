"""What a store promises. Four roles: keys, counters, nonces, events; one class per role and engine.

A store never waits: `Busy` says "ask again soon", and the callers (guard/ask.py) wait in their own way until a deadline.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ostiary.errors import OstiaryError
from ostiary.model.limit import Limit

Key = tuple[object, ...]


class Busy(OstiaryError):
    """Somebody else holds the store at this moment; nothing was changed, the same question may be asked again."""


class StoreDown(OstiaryError):
    """The store cannot answer: gone, broken, full. What happens then is the policy's choice (fail closed, open, local share)."""


class Charge(NamedTuple):
    """``cost`` to be spent from the counter of ``limit`` that ``key`` names (bucket or route, then caller).

    ``key`` holds str, int, bytes, None and tuples of these. Two limits never share a counter, whatever their keys: the store adds `Limit.ident`.
    ``cost`` 0 spends nothing and tells the state; negative ones raise ValueError.
    """

    key: Key
    limit: Limit
    cost: int = 1


class Spent(NamedTuple):
    """The answer to a `Counters.spend`.

    ``states`` has one (index of the charge, remaining, seconds until more is available) for each charge, in order. When the call was
    refused nothing was spent, and ``retry_after`` is the seconds until the same charges would pass, if nobody else spends; else 0.
    """

    allowed: bool
    states: tuple[tuple[int, int, float], ...]
    retry_after: float = 0.0


class Counters(Protocol):
    """Counts what is spent. ``immediate``: answers in place, without I/O."""

    immediate: bool

    def spend(self, charges: Sequence[Charge], now: float) -> Spent:
        """All of the charges or none, atomically. ``now``: Unix seconds. Raises Busy, StoreDown; ValueError for a negative cost."""

    def close(self) -> None:
        """Give back what the store holds; it may be used again."""


class Nonces(Protocol):
    """Remembers what may be used once. ``immediate``: answers in place. A store across a network has ``aremember`` for event loops."""

    immediate: bool

    def remember(self, key: bytes, now: float, expires: float) -> bool:
        """True for exactly one caller, over all threads, processes and hosts; False when ``key`` was seen, or ``expires`` is not to come.

        ``now``, ``expires``: Unix seconds; the end is that after which nobody accepts what ``key`` stands for, however its clock goes:
        time of making, largest age and skew. A key is never forgotten before it. Raises Busy; StoreDown, also when it is full.
        """

    def close(self) -> None:
        """Give back what the store holds; it may be used again."""
