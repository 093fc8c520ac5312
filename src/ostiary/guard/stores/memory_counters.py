"""Counters of one process, in memory.

Bounded: at most ``maximum`` cells. Each new cell makes four old ones be looked at, and those that count for nothing are dropped, so
that a flood that is over leaves nothing behind. At the cap the limit with the most cells gives way: of those looked at an expired
cell, else the one with the most left of its limit. A cell that has nothing left is never forgotten before its time: where all that
were looked at are such, `StoreDown` says that the memory is full, and the policy for outages decides.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

from ostiary.errors import UsageError
from ostiary.guard.limits import meter
from ostiary.guard.stores._spending import refused
from ostiary.guard.stores.base import Charge, Key, Spent, StoreDown
from ostiary.model.limit import Limit

_SAMPLE = 16
_LONGEST_SEARCH = 512
_NAME_BYTES = 15  # with the head of a bytes object 48 bytes, the most of its size class
_alive: weakref.WeakSet[MemoryCounters] = weakref.WeakSet()
_held: list[MemoryCounters] = []


@lru_cache(maxsize=4096)
def _name(key: Key) -> bytes:
    """What stands for a key: as good as the key itself, and a third of its size. Raises TypeError for what is no key."""
    return blake2b(repr(key).encode(), digest_size=_NAME_BYTES).digest()


class _Table:
    """The cells of one limit by name. ``order`` holds every name in ``cells`` once, in the order in which they will be looked at."""

    __slots__ = ("cells", "hit", "meter", "order")

    def __init__(self, limit: Limit) -> None:
        self.meter = meter(limit)
        self.hit = self.meter.hit
        self.cells: dict[bytes, int] = {}
        self.order: deque[bytes] = deque()

    def sweep(self, now: int) -> int:
        """Look at two cells and drop what has expired; tells how many were dropped."""
        dropped = 0
        for _ in range(min(2, len(self.order))):
            key = self.order.popleft()
            if self.meter.expires(self.cells[key]) <= now:
                del self.cells[key]
                dropped += 1
            else:
                self.order.append(key)
        return dropped

    def give_way(self, now: int) -> bool:
        """Drop the cell with the most left of a sample, at best an expired one; False when none that was looked at has anything left."""
        looked: list[bytes] = []
        best, most = None, 0
        while self.order and len(looked) < _LONGEST_SEARCH and most < self.meter.full and (best is None or len(looked) < _SAMPLE):
            looked.append(key := self.order.popleft())
            remaining = self.hit(self.cells[key], now, 0)[2]
            if remaining > most:
                best, most = key, remaining
        self.order.extend(key for key in looked if key is not best)
        if best is None:
            return False
        del self.cells[best]
        return True


Prepared = tuple[tuple[str, bytes, int], ...]
"""Charges made ready: the limit's ident, the cell's name, the cost of each."""


def prepared(charges: Sequence[Charge]) -> Prepared | None:
    """For ``spend_again``; None where charges share a cell, or one spends nothing."""
    found = tuple([(limit.ident, _name(key), cost) for key, limit, cost in charges])
    distinct = len({named[:2] for named in found}) == len(found)
    return found if distinct and all(cost > 0 for _, _, cost in found) else None


class MemoryCounters:
    """Counters of this process, for any number of threads. ``maximum``: the most cells kept, about 150 bytes each."""

    immediate = True

    def __init__(self, maximum: int = 500_000) -> None:
        if maximum < 1:
            raise UsageError(f"counters need room for at least one cell, not {maximum}")
        self._maximum = maximum
        self._size = 0
        self._tables: dict[str, _Table] = {}
        self._turn: deque[str] = deque()
        self._lock = threading.Lock()
        _alive.add(self)

    def __len__(self) -> int:
        """The cells that are kept now, expired ones among them."""
        return self._size

    def spend(self, charges: Sequence[Charge], now: float) -> Spent:
        """All of the charges or none; see Counters.spend. Raises StoreDown when the memory is full."""
        now_ms = int(now * 1000 + 0.5)
        tables = self._tables
        done: list[tuple[_Table, bytes, int]] = []
        states: list[tuple[int, int, float]] = []
        index, new = 0, False
        # Half the cost of ``with``, and this is the hottest path there is.
        self._lock.acquire()
        try:
            if self._size + len(charges) > self._maximum:
                self._make_room(charges, now_ms)
            for key, limit, cost in charges:
                table = tables.get(limit.ident) or self._table(limit)
                name = _name(key)
                cell = table.cells.get(name, 0)
                allowed, after, remaining, reset = table.hit(cell, now_ms, cost)
                if not allowed:
                    _undo(done)
                    return self._refused(charges, now_ms)
                if cost > 0:
                    table.cells[name] = after
                    done.append((table, name, cell))
                    new = new or not cell
                elif cost:
                    raise ValueError(f"a cost is not negative: {cost}")
                states.append((index, remaining, reset / 1000))
                index += 1
        except BaseException:
            _undo(done)
            raise
        else:
            if new:
                self._added(done, now_ms)
            return Spent(True, tuple(states))
        finally:
            self._lock.release()

    def spend_again(self, asked: Prepared, now: float) -> tuple[int, ...] | None:
        """``spend`` for callers that are known, where every cell is there and every limit has room: what remains of each and the ms until more does.

        None, and nothing was spent, where it is otherwise.
        """
        now_ms = int(now * 1000 + 0.5)
        tables = self._tables
        states: tuple[int, ...] = ()
        changed: list[tuple[dict[bytes, int], bytes, int]] = []
        self._lock.acquire()
        try:
            for ident, name, cost in asked:
                table = tables[ident]
                cells = table.cells
                allowed, after, remaining, reset = table.hit(cells[name], now_ms, cost)
                if not allowed:
                    return None
                changed.append((cells, name, after))
                states += (remaining, reset)
            for cells, name, after in changed:
                cells[name] = after
        except KeyError:
            return None
        finally:
            self._lock.release()
        return states

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tables.clear()
            self._turn.clear()
            self._size = 0

    def _table(self, limit: Limit) -> _Table:
        table = self._tables[limit.ident] = _Table(limit)
        self._turn.append(limit.ident)
        return table

    def _added(self, done: list[tuple[_Table, bytes, int]], now: int) -> None:
        for table, name, before in done:
            if not before:
                table.order.append(name)
                # One more, and what was swept is fewer: in this limit, and in another in turn.
                self._size += 1 - table.sweep(now) - self._sweep_in_turn(table, now)

    def _sweep_in_turn(self, swept: _Table, now: int) -> int:
        table = self._tables[self._turn[0]]
        dropped = 0 if table is swept else table.sweep(now)
        if table.cells:
            self._turn.rotate(-1)
        else:
            del self._tables[self._turn.popleft()]
        return dropped

    def _make_room(self, charges: Sequence[Charge], now: int) -> None:
        while self._size + self._missing(charges) > self._maximum:
            fullest = sorted(self._tables.values(), key=lambda table: len(table.cells), reverse=True)
            if not any(table.give_way(now) for table in fullest):
                raise StoreDown(f"the memory for counters ({self._maximum} cells) is full of callers at their limits")
            self._size -= 1

    def _missing(self, charges: Sequence[Charge]) -> int:
        cells = {(limit.ident, _name(key)) for key, limit, _ in charges}
        return sum(ident not in self._tables or name not in self._tables[ident].cells for ident, name in cells)

    def _refused(self, charges: Sequence[Charge], now: int) -> Spent:
        tables = self._tables
        return refused(
            charges, [tables[limit.ident].cells.get(_name(key), 0) if limit.ident in tables else 0 for key, limit, _ in charges], now
        )


def _undo(done: list[tuple[_Table, bytes, int]]) -> None:
    while done:
        table, name, before = done.pop()
        if before:
            table.cells[name] = before
        else:
            del table.cells[name]


def _before_fork() -> None:
    for counters in tuple(_alive):
        counters._lock.acquire()
        _held.append(counters)


def _after_fork() -> None:
    while _held:
        _held.pop()._lock.release()


if hasattr(os, "register_at_fork"):
    # A child must not inherit a lock that a thread of its parent holds.
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
