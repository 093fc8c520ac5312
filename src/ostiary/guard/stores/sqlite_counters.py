"""Counters of all processes of one host, in a SQLite file.

A row is one cell: a digest of its name (so that the file holds no caller), the packed int, the time at which it counts for nothing.
Every 64th spend of a process looks at the next 256 rows in the order of the digests and deletes the expired, so that every row goes
without a scan of all. The file is held under 512 MB; when it is full the store is down, and the policy for outages decides.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence

from ostiary.guard.limits import meter
from ostiary.guard.stores._spending import cell_name, settle
from ostiary.guard.stores._sqlite import Database
from ostiary.guard.stores.base import Charge, Spent

_MIGRATIONS = (("CREATE TABLE cells (name BLOB PRIMARY KEY, cell BLOB NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID",),)
_PAGES = 512 * 1024 * 1024 // 4096
_SWEEP_EVERY = 64
_SWEEP_ROWS = 256


class SqliteCounters:
    """Counters shared by every process that opens ``path``; see Counters. UsageError when it cannot be opened.

    The clock is the callers', who are on one host; for a cell it never goes back. A power failure may lose what was counted last.
    """

    immediate = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._database = Database(path, "counters", _MIGRATIONS, synchronous="OFF", pragmas=(f"max_page_count={_PAGES}",))
        self._spends = 0
        self._swept_to = os.urandom(16)

    def spend(self, charges: Sequence[Charge], now: float) -> Spent:
        """All of the charges or none, in one transaction. Raises Busy while another process writes, StoreDown."""
        now_ms = int(now * 1000 + 0.5)
        names = [cell_name(charge) for charge in charges]
        with self._database.transaction() as connection:
            cells = _read(connection, names)
            spent, after = settle(charges, [cells.get(name, 0) for name in names], now_ms)
            if spent.allowed:
                rows = {name: (charge, cell) for name, charge, cell in zip(names, charges, after, strict=True) if charge.cost}
                connection.executemany(
                    "INSERT INTO cells VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET cell = excluded.cell, expires = excluded.expires",
                    [(name, _packed(cell), meter(charge.limit).expires(cell)) for name, (charge, cell) in rows.items()],
                )
            self._spends += 1
            if self._spends % _SWEEP_EVERY == 0:
                self._sweep(connection, now_ms)
        return spent

    def close(self) -> None:
        """Close the connections; the counters stay, and the next use opens anew."""
        self._database.close()

    def _sweep(self, connection: sqlite3.Connection, now: int) -> None:
        rows = connection.execute(
            "SELECT name, expires FROM cells WHERE name > ? ORDER BY name LIMIT ?", (self._swept_to, _SWEEP_ROWS)
        ).fetchall()
        connection.executemany("DELETE FROM cells WHERE name = ?", [(name,) for name, expires in rows if expires <= now])
        self._swept_to = rows[-1][0] if len(rows) == _SWEEP_ROWS else b""


def _read(connection: sqlite3.Connection, names: Sequence[bytes]) -> dict[bytes, int]:
    marks = ", ".join("?" * len(names))
    rows = connection.execute(f"SELECT name, cell FROM cells WHERE name IN ({marks})", names)  # noqa: S608 nothing but question marks
    return {name: int.from_bytes(cell) for name, cell in rows}


def _packed(cell: int) -> bytes:
    return cell.to_bytes((cell.bit_length() + 7) // 8)
