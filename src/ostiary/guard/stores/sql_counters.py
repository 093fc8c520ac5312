"""Counters of all processes of all hosts, in PostgreSQL: one statement when nobody else counts the same caller at that moment.

A process remembers the cells that it saw last, works out what they become (guard/limits.py), and sends both: the server writes the new
ones where every cell is still as it was believed, and else tells how they are (compare and swap). No lock is held while a message
travels, and all charges are spent or none. A cell that is contested is locked after a few attempts, so that everybody has a turn.

The time is the server's own. A process believes to know it from the last answer; the server refuses a belief that is off by more than
``SLACK_MS``, and so no window is shorter than stated by more than that.

A row is one cell: a digest of its name (the database holds no caller), the packed int, the time at which it counts for nothing. Every
64th spend of a process looks at the next 256 rows and deletes the expired.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from ostiary.guard.limits import meter
from ostiary.guard.stores._spending import cell_name, settle
from ostiary.guard.stores._sql import server_of, written
from ostiary.guard.stores.base import Charge, Spent

if TYPE_CHECKING:
    from sqlalchemy import Connection

SLACK_MS = 50
_ATTEMPTS = 4
_SWEEP_EVERY = 64
_SWEEP_ROWS = 256
_REMEMBERED = 8192
_EMPTY = b""
_SPEND = written("SELECT * FROM ostiary_spend({}, {}, {}, {}, {}, {})", ("bytea[]", "bytea[]", "bytea[]", "bigint[]", "bigint", "bigint"))
_LOCK = written("SELECT ostiary_lock({}), ostiary_clock()", ("bytea[]",))
_WRITE = written("SELECT ostiary_write({}, {}, {})", ("bytea[]", "bytea[]", "bigint[]"))
_SWEEP = written("SELECT ostiary_sweep({}, {}, {})", ("bytea", "bigint", "integer"))


class _Asked(NamedTuple):
    """Charges, and the cell of each: ``names`` has every cell once, sorted, so that no two processes wait for each other in a circle."""

    charges: Sequence[Charge]
    of_charges: tuple[bytes, ...]
    names: list[bytes]


class _Change(NamedTuple):
    """What a spend makes of the cells, in the order of the names."""

    spent: Spent
    after: list[bytes]
    ends: list[int]


class SqlCounters:
    """Counters shared by everybody who opens ``url``; see Counters. ``clock``: whose time counts, the server's or the callers' (for tests).

    Raises UsageError for a URL that is none and for a database without the tables, MissingExtra.
    """

    immediate = False

    def __init__(self, url: str, *, clock: Literal["server", "caller"] = "server", monotonic: Callable[[], float] = time.monotonic) -> None:
        self._server = server_of(url)
        self._of_caller = clock == "caller"
        self._monotonic = monotonic
        self._offset = 0.0
        self._seen: dict[bytes, bytes] = {}
        self._spends = 0
        self._swept_to = os.urandom(16)
        self._server.check()

    def spend(self, charges: Sequence[Charge], now: float) -> Spent:
        """All of the charges or none, in a thread. Raises Busy, StoreDown."""
        if not charges:
            return Spent(True, ())
        asked = _asked(charges)
        for _ in range(_ATTEMPTS):
            spent = self._server.run(lambda connection: self._try(connection, asked, now))
            if spent is not None:
                return spent
        return self._server.run(lambda connection: self._locked(connection, asked, now), transaction=True)

    async def aspend(self, charges: Sequence[Charge], now: float) -> Spent:
        """The same in an event loop, which never waits."""
        if not charges:
            return Spent(True, ())
        asked = _asked(charges)
        for _ in range(_ATTEMPTS):
            spent = await self._server.arun(lambda connection: self._try(connection, asked, now))
            if spent is not None:
                return spent
        return await self._server.arun(lambda connection: self._locked(connection, asked, now), transaction=True)

    def close(self) -> None:
        """Close the connections of threads; the counters stay, and the next use connects anew."""
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        await self._server.aclose()

    def _try(self, connection: Connection, asked: _Asked, now: float) -> Spent | None:
        """None when the cells, or the time, were not as believed; what they are is remembered."""
        at = self._now(now)
        before = [self._seen.get(name, _EMPTY) for name in asked.names]
        change = _changed(asked, before, at)
        slack = None if self._of_caller else SLACK_MS
        row = connection.exec_driver_sql(*_SPEND(connection, asked.names, before, change.after, change.ends, at, slack)).one()
        done, clock, cells = row
        self._offset = clock - self._monotonic() * 1000
        self._remember(asked.names, change.after if done else [cell or _EMPTY for cell in cells])
        if not done:
            return None
        self._sweep(connection, at)
        return change.spent

    def _locked(self, connection: Connection, asked: _Asked, now: float) -> Spent:
        """The same with the cells locked, in a transaction, which everybody gets through."""
        while True:
            row = connection.exec_driver_sql(*_LOCK(connection, asked.names)).one()
            if None not in row[0]:
                break
        at = self._now(now) if self._of_caller else row[1]
        change = _changed(asked, list(row[0]), at)
        if change.spent.allowed:
            connection.exec_driver_sql(*_WRITE(connection, asked.names, change.after, change.ends))
        self._remember(asked.names, change.after)
        return change.spent

    def _now(self, now: float) -> int:
        """In ms. The server's as the last answer told it, which is never ahead of it; at first nothing is known, and the server says so."""
        return int(now * 1000 + 0.5) if self._of_caller else int(self._monotonic() * 1000 + self._offset)

    def _remember(self, names: Sequence[bytes], cells: Sequence[bytes]) -> None:
        if len(self._seen) > _REMEMBERED:
            self._seen = {}
        self._seen.update(zip(names, cells, strict=True))

    def _sweep(self, connection: Connection, at: int) -> None:
        self._spends += 1
        if self._spends % _SWEEP_EVERY == 0:
            row = connection.exec_driver_sql(*_SWEEP(connection, self._swept_to, at, _SWEEP_ROWS)).one()
            self._swept_to = row[0]


def _asked(charges: Sequence[Charge]) -> _Asked:
    for charge in charges:
        if charge.cost < 0:
            raise ValueError(f"a cost is not negative: {charge.cost}")
    of_charges = tuple(map(cell_name, charges))
    return _Asked(charges, of_charges, sorted(set(of_charges)))


def _changed(asked: _Asked, before: Sequence[bytes], at: int) -> _Change:
    """By the arithmetic of every store; a cell that is not charged is left as it is, also where its text could be written shorter."""
    cells = dict(zip(asked.names, before, strict=True))
    spent, whole = settle(asked.charges, [int.from_bytes(cells[name]) for name in asked.of_charges], at)
    ends = dict.fromkeys(asked.names, 0)
    if spent.allowed:
        for name, charge, cell in zip(asked.of_charges, asked.charges, whole, strict=True):
            if charge.cost:
                cells[name] = cell.to_bytes((cell.bit_length() + 7) // 8)
            ends[name] = max(ends[name], meter(charge.limit).expires(cell))
    return _Change(spent, list(cells.values()), list(ends.values()))
