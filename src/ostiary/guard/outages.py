"""What happens to limits while the store of counters does not answer: the policy's choice, said in the event and in the log, counted.

- ``closed`` (default): the call is refused with 503.
- ``open``: it passes uncounted. Credentials, scopes and all else are demanded as ever; only limits are not.
- ``share``: each worker counts in its own memory and admits the limit divided by the number of workers. Over all workers that is at most
  the limit itself; together with what the store admitted before and after, at most twice the limit in any window. A limit smaller than
  the number of workers has no share: it is closed. A worker that starts anew begins a new share.

Only limits can be open. Who cannot be known, because keys or nonces cannot be read, is refused.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ostiary.errors import UsageError
from ostiary.guard.decision import Deny
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.guard.stores.memory_counters import MemoryCounters
from ostiary.model.outage import CLOSED, OPEN, SHARE, choice
from ostiary.wire import problem

if TYPE_CHECKING:
    from ostiary.guard.request import Request
    from ostiary.model.limit import Limit

STORE_DOWN = "store_down"
_SAY_EVERY = 60.0
_SAID = {CLOSED: "refused", OPEN: "let through uncounted", SHARE: "counted in shares of this worker"}
logger = logging.getLogger("ostiary")


class Outages:
    """The outages of one guard. ``workers``: over how many processes, of all hosts, a limit is divided. Raises UsageError."""

    def __init__(self, default: str = CLOSED, workers: int | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
            raise UsageError(f"workers: how many processes share the limits, over all hosts, not {workers!r}")
        self._workers = workers
        self._default = self.choice(choice(default), "this guard")
        self._monotonic = monotonic
        self._shares = MemoryCounters()
        self._share_of = lru_cache(maxsize=1024)(self._share)
        self._lock = threading.Lock()
        self._said: float | None = None
        self.calls: Counter[str] = Counter()
        """How many calls met an outage, by what became of them."""

    def choice(self, said: str | None, where: str) -> str:
        """What a policy chooses, or the guard's default. Raises UsageError for a share of nobody knows how many."""
        if said is None:
            return self._default
        if said == SHARE and self._workers is None:
            raise UsageError(f"{where}: on_outage='share' divides a limit by Guard(workers=…), the number of processes over all hosts")
        return said

    def instead(self, request: Request, asked: tuple[Charge, ...], now: float, down: StoreDown) -> Spent | None:
        """The answer in the place of the store's; None lets the call pass. Raises StoreDown where the policy is closed."""
        chosen = request.compiled.on_outage if request.compiled is not None else CLOSED
        if chosen == CLOSED:
            raise down
        request.reason = STORE_DOWN
        spent = self._counted(asked, now) if chosen == SHARE else None
        self._note(chosen, down)
        return spent

    def refused(self, down: Exception) -> Deny:
        """The refusal of a call that cannot be decided."""
        self._note(CLOSED, down)
        return Deny(problem.UNAVAILABLE, STORE_DOWN)

    def _counted(self, asked: tuple[Charge, ...], now: float) -> Spent:
        return self._shares.spend([Charge(key, self._share_of(limit), cost) for key, limit, cost in asked], now)

    def _share(self, limit: Limit) -> Limit:
        workers = self._workers or 1
        if limit.count < workers:
            raise StoreDown(f"the store is out, and {limit} has no share for each of {workers} workers")
        burst = max(limit.burst // workers, 1) if limit.burst else 0
        return replace(limit, count=limit.count // workers, burst=burst, cost=1, text="")

    def _note(self, what: str, down: Exception) -> None:
        with self._lock:
            self.calls[what] += 1
            now = self._monotonic()
            if self._said is not None and now - self._said < _SAY_EVERY:
                return
            self._said = now
            counts = ", ".join(f"{count} {_SAID[chosen]}" for chosen, count in sorted(self.calls.items()))
        logger.warning("a store does not answer (%s); calls so far: %s", down, counts)
