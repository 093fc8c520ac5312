"""A thread that feeds one sink: whatever the sink does, the recorder and its store do not wait for it."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from ostiary.guard.event import Event

_LOG = logging.getLogger("ostiary.audit")
_SAY_EVERY = 60.0
_MAXIMUM = 20_000


class Sink(Protocol):
    """Somewhere else where events go. Called by one thread; may wait, and may raise anything."""

    def write(self, events: Sequence[Event]) -> None: ...

    def close(self) -> None: ...


class Feed:
    """At most ``maximum`` events wait for the sink. What does not fit, and what the sink fails on, is counted and said once a minute."""

    def __init__(self, sink: Sink, name: str, *, maximum: int = _MAXIMUM, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.sink, self.name = sink, name
        self._maximum, self._monotonic = maximum, monotonic
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._batches: deque[Sequence[Event]] = deque()
        self.waiting = self.lost = 0
        self._said: float | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False

    def give(self, events: Sequence[Event]) -> None:
        """Waits for nothing."""
        if self._pid != os.getpid():
            self._begin()
        with self._changed:
            if self.waiting + len(events) > self._maximum:
                self._lose(len(events), "it does not take them as fast as they come")
                return
            self._batches.append(events)
            self.waiting += len(events)
            self._changed.notify_all()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"ostiary-sink-{self.name}", daemon=True)
                try:
                    self._thread.start()
                except RuntimeError:
                    # At the end of the interpreter no thread starts any more; close() feeds what is left.
                    self._thread = None

    def close(self, patience: float) -> bool:
        """Waits until the sink has everything, for ``patience`` seconds; False when it has not."""
        deadline = self._monotonic() + patience
        if self._thread is None:
            while self._batches:
                self._feed(self._batches.popleft())
        with self._changed:
            while (self._batches or self._busy) and (left := deadline - self._monotonic()) > 0:
                self._changed.wait(left)
            if self._batches or self._busy:
                _LOG.error("sink %s: %d events had not been taken at the end, and are not there", self.name, self.waiting)
                return False
        self.sink.close()
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._batches:
                    self._changed.wait()
                events = self._batches.popleft()
                self._busy = True
            self._feed(events)
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _feed(self, events: Sequence[Event]) -> None:
        try:
            self.sink.write(events)
        except Exception as error:  # noqa: BLE001 whatever is wrong with a sink, it is the sink's
            with self._changed:
                self._lose(len(events), f"{type(error).__name__}: {error}")
        finally:
            with self._changed:
                self.waiting -= len(events)

    def _lose(self, number: int, why: str) -> None:
        self.lost += number
        now = self._monotonic()
        if self._said is None or now - self._said >= _SAY_EVERY:
            self._said = now
            _LOG.warning("sink %s: %d events lost so far (%s)", self.name, self.lost, why)
