"""The recorder: one event for each decision, written off the request path in batches."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence

from ostiary.guard.calls import Batch, Call
from ostiary.guard.event import DENY, Event, cleaned
from ostiary.guard.patience import patiently
from ostiary.guard.seal import Sealed, Sealer
from ostiary.guard.sinks.feed import Feed
from ostiary.guard.stores.keys_base import EventStore

__all__ = ["Event", "Recorder"]

_LOG = logging.getLogger("ostiary.audit")
_SAY_EVERY = 60.0
_CLOSE_PATIENCE = 5.0
_RETRY = 0.05


class Recorder:
    """A bounded queue and a thread that empties it into ``store``, at least every ``interval`` seconds or ``batch`` events.

    At most ``maximum`` events wait, and at most ``batch`` more are being written. What does not fit is counted, said in the log once a
    minute, and written as an event of its own (reason ``events_dropped``) as soon as the store takes one. While the store is out, events
    wait. ``redact`` takes secrets out of paths, agents and notes, ``address`` is how addresses are kept, both in the thread. A forked child begins with an empty queue; what its
    parent recorded, its parent writes.

    What is taken to be written is sealed by ``sealer`` and given to ``feeds``, which have threads of their own. ``demands(route)`` names
    the scopes that a route asks for. ``tick`` is called between two batches, and does not wait.

    Nothing is lost when the interpreter ends in an orderly way. A server that ends by a signal without a handler, as uvicorn does after
    its shutdown, does not come that far: there ``close`` is called from the lifespan.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        maximum: int = 10_000,
        batch: int = 500,
        interval: float = 1.0,
        redact: Callable[[str], str] | None = None,
        address: Callable[[str], str] = str,
        sealer: Sealer | None = None,
        demands: Callable[[tuple[str, str]], Sequence[str]] | None = None,
        feeds: Sequence[Feed] = (),
        tick: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self._maximum, self._batch, self._interval = maximum, batch, interval
        self._redact, self._address, self._clock, self._monotonic = redact, address, clock, monotonic
        self._sealer, self._demands, self._feeds, self._tick = sealer, demands, tuple(feeds), tick
        self._begin()
        _RECORDERS.add(self)

    def _begin(self) -> None:
        """The state of a process that has recorded nothing."""
        self._queue: deque[Event | Call] = deque()
        self._taken: list[Event] = []
        self._sealed: Sealed | None = None
        if self._sealer is not None:
            self._sealer.begin()
        self._dropped = 0
        self._said: dict[str, float] = {}
        self._starting, self._writing, self._counting = threading.Lock(), threading.Lock(), threading.Lock()
        self._wake, self._closing = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def seals(self) -> bool:
        """Has it a key under which events are sealed?"""
        return self._sealer is not None

    def record(self, event: Event | Call) -> None:
        """Takes a fraction of a microsecond, waits for nothing and never raises."""
        queue = self._queue
        if len(queue) >= self._maximum:
            self._drop()
            return
        queue.append(event)
        if self._thread is None:
            self._start()
        elif len(queue) >= self._batch and not self._wake.is_set():
            self._wake.set()

    def flush(self) -> bool:
        """Writes what waits, here and now; False when the store did not take it all."""
        with self._writing:
            while self._queue or self._taken or self._dropped:
                if not self._write_batch():
                    return False
        return True

    def close(self, patience: float = _CLOSE_PATIENCE) -> bool:
        """Writes everything and ends the thread. Tries for ``patience`` seconds, then says how many events are lost and gives False.

        May be called twice; a later ``record`` begins anew.
        """
        deadline = self._monotonic() + patience
        self._end_thread(patience)
        while not self.flush():
            if self._monotonic() >= deadline:
                _LOG.error("%d events could not be written and are lost: the store does not take them", self.waiting)
                return False
            time.sleep(_RETRY)
        for feed in self._feeds:
            feed.close(max(0.0, deadline - self._monotonic()))
        return True

    def _end_thread(self, patience: float) -> None:
        self._closing.set()
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(patience)
        self._thread = None
        self._closing.clear()

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return len(self._queue) + len(self._taken)

    @property
    def dropped(self) -> int:
        """Events that did not fit and that no event tells of yet."""
        return self._dropped

    def _drop(self) -> None:
        with self._counting:
            self._dropped += 1
        self._say("dropped", "the queue of events is full: %d dropped so far", self._dropped)

    def _start(self) -> None:
        with self._starting:
            if self._thread is not None or self._closing.is_set():
                return
            thread = threading.Thread(target=self._work, name="ostiary-events", daemon=True)
            # At the end of the interpreter no thread can start any more: close() writes what is left.
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread
        _close_with_this_process()

    def _work(self) -> None:
        good = True
        while not self._closing.is_set():
            # After a failure a full batch is no reason to hurry: it would try without a pause.
            (self._wake if good else self._closing).wait(self._interval)
            self._wake.clear()
            good = self.flush()
            if self._tick is not None:
                self._tick()

    def _write_batch(self) -> bool:
        if not self._taken:
            self._taken = self._take()
        try:
            scopes = self._scopes(self._taken)
            patiently(self.store.write, self._taken, *((self._sealed, scopes) if self._sealed or scopes else ()))
        except Exception as error:  # noqa: BLE001 whatever is wrong with the store, the events wait
            self._say("outage", "events cannot be written (%s); %d wait", error, self.waiting)
            return False
        self._taken = []
        return True

    def _take(self) -> list[Event]:
        queue, batch = self._queue, Batch(self._redact or str, self._address)
        waiting = [queue.popleft() for _ in range(min(len(queue), self._batch))]
        taken = [cleaned(one, self._redact) if isinstance(one, Event) else batch.event(one) for one in waiting]
        with self._counting:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            taken.append(Event(self._clock(), reason="events_dropped", verdict="", note=str(dropped)))
        if self._sealer is not None:
            self._sealed = self._sealer.seal(taken)
        for feed in self._feeds:
            feed.give(taken)
        return taken

    def _scopes(self, rows: Sequence[Event]) -> dict[tuple[str, str], float]:
        """When each verified key last used each scope that the routes demand."""
        if self._demands is None:
            return {}
        latest: dict[tuple[str, tuple[str, str]], float] = {}
        for row in rows:
            if row.key_id and row.principal and row.verdict != DENY:
                place = (row.key_id, row.route)
                latest[place] = max(row.time, latest.get(place, 0.0))
        used: dict[tuple[str, str], float] = {}
        for (key_id, route), when in latest.items():
            for scope in self._demands(route):
                used[key_id, scope] = max(when, used.get((key_id, scope), 0.0))
        return used

    def _say(self, what: str, message: str, *arguments: object) -> None:
        now = self._monotonic()
        last = self._said.get(what)
        if last is None or now - last >= _SAY_EVERY:
            self._said[what] = now
            _LOG.warning(message, *arguments)


_RECORDERS: weakref.WeakSet[Recorder] = weakref.WeakSet()
_ENDS_WELL: set[int] = set()


def _close_all() -> None:
    for recorder in list(_RECORDERS):
        recorder.close()


def _close_with_this_process() -> None:
    """A forked child of multiprocessing never comes to atexit; it has a register of its own."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None and os.getpid() not in _ENDS_WELL:
        _ENDS_WELL.add(os.getpid())
        util.Finalize(None, _close_all, exitpriority=10)


def _begin_all() -> None:
    for recorder in list(_RECORDERS):
        recorder._begin()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_all)
