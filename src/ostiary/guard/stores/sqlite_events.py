"""Events in a SQLite file: every process of a host writes its batches there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from ostiary.guard.event import Event, KeyUse, Usage, usages_of, uses_of
from ostiary.guard.stores._sqlite import Database

_FIRST_SCHEMA = (
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY, time REAL NOT NULL, request_id TEXT NOT NULL, route_method TEXT NOT NULL, route TEXT NOT NULL,
        version TEXT NOT NULL, method TEXT NOT NULL, path TEXT NOT NULL, status INTEGER NOT NULL, latency_us INTEGER NOT NULL,
        principal TEXT NOT NULL, key_id TEXT NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL, reason TEXT NOT NULL,
        verdict TEXT NOT NULL, limit_state TEXT NOT NULL, note TEXT NOT NULL)""",
    """CREATE TABLE key_use (
        key_id TEXT PRIMARY KEY NOT NULL, last_time REAL NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL, calls INTEGER NOT NULL
        ) WITHOUT ROWID""",
    """CREATE TABLE usage (
        day TEXT NOT NULL, method TEXT NOT NULL, route TEXT NOT NULL, version TEXT NOT NULL, key_id TEXT NOT NULL,
        calls INTEGER NOT NULL, denied INTEGER NOT NULL, last_time REAL NOT NULL,
        PRIMARY KEY (day, method, route, version, key_id)) WITHOUT ROWID""",
)
_EVENT_COLUMNS = (
    "time, request_id, route_method, route, version, method, path, status, latency_us, principal, key_id, address, agent, reason, verdict,"
    " limit_state, note"
)
_INSERT = f"INSERT INTO events ({_EVENT_COLUMNS}) VALUES ({', '.join('?' * 17)})"  # noqa: S608
_RECENT = f"SELECT {_EVENT_COLUMNS} FROM events ORDER BY id DESC LIMIT ?"  # noqa: S608 our own column names
_USE = """INSERT INTO key_use VALUES (?, ?, ?, ?, ?) ON CONFLICT (key_id) DO UPDATE SET calls = calls + excluded.calls,
    address = CASE WHEN excluded.last_time >= last_time THEN excluded.address ELSE address END,
    agent = CASE WHEN excluded.last_time >= last_time THEN excluded.agent ELSE agent END,
    last_time = max(last_time, excluded.last_time)"""
_USAGE = """INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, method, route, version, key_id) DO UPDATE SET
    calls = calls + excluded.calls, denied = denied + excluded.denied, last_time = max(last_time, excluded.last_time)"""


class SqliteEvents:
    """An EventStore. A power failure may take the last moments with it (synchronous=NORMAL); a crash of the process does not.

    Holds the newest ``keep`` events (a million take about 200 MB), so that the disk does not fill; key use and usage are kept for good.
    """

    immediate = True

    def __init__(self, path: str | os.PathLike[str], keep: int = 1_000_000) -> None:
        self._keep = keep
        self._database = Database(path, "events", [_FIRST_SCHEMA], synchronous="NORMAL")

    def write(self, rows: Sequence[Event]) -> None:
        uses = list(uses_of(rows).values())
        usages = [(use.day, *use.route, use.version, use.key_id, use.calls, use.denied, use.last_time) for use in usages_of(rows).values()]
        with self._database.transaction() as connection:
            connection.executemany(_INSERT, [(*row[:2], *row.route, *row[3:]) for row in rows])
            connection.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", (self._keep,))
            connection.executemany(_USE, uses)
            connection.executemany(_USAGE, usages)

    def recent(self, limit: int = 100) -> Sequence[Event]:
        return [Event._make((*row[:2], row[2:4], *row[4:])) for row in self._read(_RECENT, limit)]

    def usage(self) -> Sequence[Usage]:
        rows = self._read("SELECT day, method, route, version, key_id, calls, denied, last_time FROM usage ORDER BY 1, 2, 3, 4, 5")
        return [Usage(row[0], (row[1], row[2]), *row[3:]) for row in rows]

    def key_uses(self) -> Mapping[str, KeyUse]:
        rows = self._read("SELECT key_id, last_time, address, agent, calls FROM key_use")
        return {row[0]: KeyUse(*row) for row in rows}

    def close(self) -> None:
        self._database.close()

    def _read(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with self._database.connection() as connection:
            return connection.execute(question, values).fetchall()
