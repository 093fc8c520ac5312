"""A circuit breaker: a server that has failed a few times in a row is left alone for a moment, so that nobody waits for it in vain."""

from __future__ import annotations

from collections.abc import Callable

from ostiary.guard.stores.base import StoreDown

FAILURES = 3
"""So many in a row open it: one late answer alone is no outage."""
PAUSE = 1.0
"""Seconds for which it stays open; then one call goes through, and decides."""


class Breaker:
    """``check`` before each call, then ``worked`` or ``failed``. For any number of threads and tasks."""

    def __init__(self, server: str, monotonic: Callable[[], float]) -> None:
        self._server = server
        self._monotonic = monotonic
        self._failures = 0
        self._until = 0.0

    def check(self) -> None:
        """Raises StoreDown while it is open."""
        if self._failures < FAILURES:
            return
        now = self._monotonic()
        if now < self._until:
            raise StoreDown(f"{self._server} did not answer a moment ago")
        self._until = now + PAUSE

    def failed(self) -> None:
        self._failures += 1
        self._until = self._monotonic() + PAUSE

    def worked(self) -> None:
        self._failures = 0
