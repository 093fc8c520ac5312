"""Nonces of one process, in memory.

Bounded: at most ``maximum``. Each new one drops up to four that have ended, the oldest end first. When all that is held is still to be
held, the store is down: a nonce that were forgotten could be used again.
"""

from __future__ import annotations

import os
import threading
import weakref
from heapq import heappop, heappush

from ostiary.errors import UsageError
from ostiary.guard.stores._spending import nonce_name
from ostiary.guard.stores.base import StoreDown

_SWEEP = 4
_alive: weakref.WeakSet[MemoryNonces] = weakref.WeakSet()


class MemoryNonces:
    """Nonces of this process, for any number of threads. ``maximum``: the most that are held, about 230 bytes each."""

    immediate = True

    def __init__(self, maximum: int = 500_000) -> None:
        if maximum < 1:
            raise UsageError(f"nonces need room for at least one, not {maximum}")
        self._maximum = maximum
        self._ends: dict[bytes, float] = {}
        self._order: list[tuple[float, bytes]] = []
        self._lock = threading.Lock()
        _alive.add(self)

    def __len__(self) -> int:
        """Those that are held now, ended ones among them."""
        return len(self._ends)

    def remember(self, key: bytes, now: float, expires: float) -> bool:
        """Was it never seen? See Nonces.remember. Raises StoreDown when the memory is full."""
        name = nonce_name(key)
        with self._lock:
            if expires <= now or self._ends.get(name, now) > now:
                return False
            self._sweep(now)
            if len(self._ends) >= self._maximum:
                raise StoreDown(f"the memory for nonces ({self._maximum}) is full")
            heappush(self._order, (expires, name))
            self._ends[name] = expires
        return True

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._ends.clear()
            self._order.clear()

    def _sweep(self, now: float) -> None:
        for _ in range(_SWEEP):
            if not self._order or self._order[0][0] > now:
                return
            end, name = heappop(self._order)
            # One that ended and was remembered anew stands twice in the order.
            if self._ends.get(name) == end:
                del self._ends[name]


def _after_fork_in_child() -> None:
    for nonces in tuple(_alive):
        nonces._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    # A child must not inherit a lock that a thread of its parent holds.
    os.register_at_fork(after_in_child=_after_fork_in_child)
