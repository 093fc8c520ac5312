"""Housekeeping: once a minute, in a thread of its own, in one process of all that share a store."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ostiary.guard import retention
from ostiary.guard.alerts import Alert, Channel, tell
from ostiary.guard.anomaly import Detector
from ostiary.guard.patience import patiently
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores.keys_base import EventStore

if TYPE_CHECKING:
    from ostiary.guard.keyring import Due, Keyring

_LOG = logging.getLogger("ostiary.audit")
EVERY = 60.0
_LEASE = 150.0
_LOOK_AT_KEYS = 6 * 3_600.0
_DAY = 86_400.0
_REMEMBERED = 40 * _DAY
_LEARNED = 50_000
_PAGE = 1_000
_NEWS = 900.0


class Keeper:
    """Removes events that are too old, or too many; warns 30, 7 and 1 days before a key ends; tells what is out of the ordinary.

    The last only where ``channels`` are given, be they none: then it is said in the log alone. What is told is told once, whichever
    process comes to it.
    """

    def __init__(
        self,
        store: EventStore,
        keys: Peppers | None = None,
        *,
        older: float | None = None,
        keyring: Keyring | None = None,
        channels: Sequence[Channel] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._keys, self._older = store, keys, older
        self._keyring, self._channels = keyring, channels
        self._clock, self._monotonic = clock, monotonic
        self._holder = secrets.token_hex(8)
        # Not at once: a process that only starts, or a test, is left alone.
        self._next = monotonic() + EVERY
        self._keys_next = 0.0
        self._detector = Detector()
        self._read: int | None = None
        self._running = threading.Lock()

    @property
    def needed(self) -> bool:
        """Is there anything to do?"""
        return self._prunes or self._keyring is not None or self._channels is not None

    @property
    def _prunes(self) -> bool:
        # Sealed events are removed by nobody else, so that the disk would fill.
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
        if self._prunes:
            removed = retention.prune(self._store, self._older, now, self._keys, keep=self._store.keep)
            if removed:
                _LOG.info("%d events were too old, or too many, and are removed", removed)
        if self._keyring is not None and now >= self._keys_next:
            self._keys_next = now + _LOOK_AT_KEYS
            self._warn_of_keys(self._keyring, now)
        if self._channels is not None:
            self._look(now)

    def _warn_of_keys(self, keyring: Keyring, now: float) -> None:
        for due in keyring.due():
            name = f"key-ends {due.record.id} {due.when:.0f} {due.days}"
            if due.days is not None and self._first(name, now, _REMEMBERED):
                tell(Alert(now, "key-ends", due.record.id, ending(due, now)), self._channels or ())

    def _look(self, now: float) -> None:
        """Reads on where the last round ended. What this process did not see it learns from first, and says nothing about it."""
        after = self._start() if self._read is None else self._read
        while rows := patiently(self._store.read, after, _PAGE):
            for found in self._detector.observe(row for _, row in rows):
                name = f"{found.kind} {found.who} {found.time // _DAY:.0f}"
                if found.time > now - _NEWS and self._first(name, now, _DAY):
                    tell(Alert(found.time, found.kind, found.who, found.why), self._channels or ())
            after = rows[-1][0]
        # Where retention took everything, numbers may begin anew.
        self._read = after if not after or patiently(self._store.read, after - 1, 1) else 0

    def _start(self) -> int:
        return patiently(self._store.prune_bound, 0.0, self._clock(), _LEARNED) - 1

    def _first(self, name: str, now: float, seconds: float) -> bool:
        return patiently(self._store.lease, name, secrets.token_hex(8), now, seconds)


def ending(due: Due, now: float) -> str:
    """The sentence about a key that ends."""
    named = f" ({due.record.name})" if due.record.name else ""
    left = max(0.0, due.when - now) / _DAY
    when = f"ends in {left:.0f} days" if left >= 1.5 else "ends within a day"
    return f"key {due.record.id}{named} {when}; ostiary keys rotate {due.record.id} makes a new one"
