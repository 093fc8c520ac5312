"""Housekeeping: once a minute, in a thread of its own, in one process of all that share a store."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable

from ostiary.guard import retention
from ostiary.guard.patience import patiently
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores.keys_base import EventStore

_LOG = logging.getLogger("ostiary.audit")
EVERY = 60.0
_LEASE = 150.0


class Keeper:
    """Removes events that are too old, or too many."""

    def __init__(
        self,
        store: EventStore,
        keys: Peppers | None = None,
        *,
        older: float | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._keys, self._older = store, keys, older
        self._clock, self._monotonic = clock, monotonic
        self._holder = secrets.token_hex(8)
        self._next = 0.0
        self._running = threading.Lock()

    @property
    def needed(self) -> bool:
        """Sealed events are removed by nobody else, so that the disk would fill."""
        return self._keys is not None or self._older is not None

    def tick(self) -> None:
        """Begins a round in a thread when it is time; waits for nothing."""
        now = self._monotonic()
        if now < self._next or self._running.locked():
            return
        self._next = now + EVERY
        try:
            threading.Thread(target=self.round, name="ostiary-keeper", daemon=True).start()
        except RuntimeError:
            """At the end of the interpreter no thread starts any more."""

    def round(self) -> bool:
        """Everything that is to be done now; False when another process does it, or it failed, which is said."""
        with self._running:
            try:
                now = self._clock()
                if not patiently(self._store.lease, "keeper", self._holder, now, _LEASE):
                    return False
                self._work(now)
            except Exception as error:  # noqa: BLE001 the next round tries again
                _LOG.warning("housekeeping failed: %s", error)
                return False
        return True

    def _work(self, now: float) -> None:
        if self.needed:
            removed = retention.prune(self._store, self._older, now, self._keys, keep=self._store.keep)
            if removed:
                _LOG.info("%d events were too old, or too many, and are removed", removed)
