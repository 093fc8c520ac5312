"""Events in a SQLite file: every process of a host writes its batches there."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ostiary.guard.event import Event, KeyUse, Usage, usages_of, uses_of
from ostiary.guard.seal import Chain, Sealed, StoredRow
from ostiary.guard.stores._sqlite import Database
from ostiary.guard.stores.keys_base import NO_SCOPES, must_sign

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
_SEALS = (
    "ALTER TABLE events ADD COLUMN writer TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE events ADD COLUMN seq INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE events ADD COLUMN salt BLOB NOT NULL DEFAULT x''",
    "ALTER TABLE events ADD COLUMN mac BLOB NOT NULL DEFAULT x''",
    "ALTER TABLE events ADD COLUMN erased BLOB NOT NULL DEFAULT x''",
    """CREATE TABLE chains (
        writer TEXT PRIMARY KEY NOT NULL, key_id TEXT NOT NULL, seq INTEGER NOT NULL, mac BLOB NOT NULL, tag BLOB NOT NULL,
        first INTEGER NOT NULL DEFAULT 1, before BLOB NOT NULL DEFAULT x'', start_tag BLOB NOT NULL DEFAULT x'') WITHOUT ROWID""",
    """CREATE TABLE key_scopes (
        key_id TEXT NOT NULL, scope TEXT NOT NULL, last_time REAL NOT NULL, PRIMARY KEY (key_id, scope)) WITHOUT ROWID""",
    "CREATE TABLE leases (name TEXT PRIMARY KEY NOT NULL, holder TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID",
)
_EVENT_COLUMNS = (
    "time, request_id, route_method, route, version, method, path, status, latency_us, principal, key_id, address, agent, reason, verdict,"
    " limit_state, note"
)
_SEAL_COLUMNS = "writer, seq, salt, mac, erased"
_WIDTH = 17
_INSERT = f"INSERT INTO events ({_EVENT_COLUMNS}) VALUES ({', '.join('?' * _WIDTH)})"  # noqa: S608
_INSERT_SEALED = f"INSERT INTO events ({_EVENT_COLUMNS}, writer, seq, salt, mac) VALUES ({', '.join('?' * (_WIDTH + 4))})"  # noqa: S608
_RECENT = f"SELECT {_EVENT_COLUMNS} FROM events ORDER BY id DESC LIMIT ?"  # noqa: S608 our own column names
_READ = f"SELECT id, {_EVENT_COLUMNS} FROM events WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608
_HISTORY = f"SELECT id, {_EVENT_COLUMNS}, {_SEAL_COLUMNS} FROM events ORDER BY writer DESC, seq, id"  # noqa: S608
_OF_PRINCIPAL = f"""SELECT id, {_EVENT_COLUMNS}, {_SEAL_COLUMNS} FROM events
    WHERE id > ? AND principal = ? AND (address != '' OR agent != '') ORDER BY id LIMIT ?"""  # noqa: S608
_HEAD = """INSERT INTO chains (writer, key_id, seq, mac, tag) VALUES (?, ?, ?, ?, ?) ON CONFLICT (writer) DO UPDATE SET
    key_id = excluded.key_id, seq = excluded.seq, mac = excluded.mac, tag = excluded.tag"""
_USE = """INSERT INTO key_use VALUES (?, ?, ?, ?, ?) ON CONFLICT (key_id) DO UPDATE SET calls = calls + excluded.calls,
    address = CASE WHEN excluded.last_time >= last_time THEN excluded.address ELSE address END,
    agent = CASE WHEN excluded.last_time >= last_time THEN excluded.agent ELSE agent END,
    last_time = max(last_time, excluded.last_time)"""
_USAGE = """INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, method, route, version, key_id) DO UPDATE SET
    calls = calls + excluded.calls, denied = denied + excluded.denied, last_time = max(last_time, excluded.last_time)"""
_SCOPE = "INSERT INTO key_scopes VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last_time = max(last_time, excluded.last_time)"
_LEASE = """INSERT INTO leases VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE holder = excluded.holder"""
_PRUNE_BOUND = """SELECT max(coalesce((SELECT id FROM events WHERE time >= ? AND time <= ? ORDER BY id LIMIT 1), newest + 1), newest - ? + 1)
    FROM (SELECT coalesce(max(id), 0) AS newest FROM events)"""
_SOON = 3_600.0


class SqliteEvents:
    """An EventStore. A power failure may take the last moments with it (synchronous=NORMAL); a crash of the process does not.

    Holds the newest ``keep`` events (a million take about 200 MB, sealed 300 MB), so that the disk does not fill; sealed ones are removed
    by ``prune`` alone, which leaves a signed mark. Key use and usage are kept for good.
    """

    immediate = True

    def __init__(self, path: str | os.PathLike[str], keep: int = 1_000_000) -> None:
        self.keep = keep
        self._database = Database(path, "events", [_FIRST_SCHEMA, _SEALS], synchronous="NORMAL")

    def write(self, rows: Sequence[Event], sealed: Sealed | None = None, scopes: Mapping[tuple[str, str], float] = NO_SCOPES) -> None:
        uses = list(uses_of(rows).values())
        usages = [(use.day, *use.route, use.version, use.key_id, use.calls, use.denied, use.last_time) for use in usages_of(rows).values()]
        with self._database.transaction() as connection:
            if sealed is None:
                connection.executemany(_INSERT, [(*row[:2], *row.route, *row[3:]) for row in rows])
                self._bound(connection)
            else:
                writer, pairs = sealed.head.writer, zip(rows, sealed.seals, strict=True)
                connection.executemany(_INSERT_SEALED, [(*row[:2], *row.route, *row[3:], writer, *seal) for row, seal in pairs])
                connection.execute(_HEAD, sealed.head)
            connection.executemany(_USE, uses)
            connection.executemany(_USAGE, usages)
            connection.executemany(_SCOPE, [(*key, when) for key, when in scopes.items()])

    def _bound(self, connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ? AND writer = ''", (self.keep,))

    def recent(self, limit: int = 100) -> Sequence[Event]:
        return [_event(row) for row in self._read(_RECENT, limit)]

    def read(self, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        return [(row[0], _event(row[1:])) for row in self._read(_READ, after, limit)]

    def usage(self) -> Sequence[Usage]:
        rows = self._read("SELECT day, method, route, version, key_id, calls, denied, last_time FROM usage ORDER BY 1, 2, 3, 4, 5")
        return [Usage(row[0], (row[1], row[2]), *row[3:]) for row in rows]

    def key_uses(self) -> Mapping[str, KeyUse]:
        rows = self._read("SELECT key_id, last_time, address, agent, calls FROM key_use")
        return {row[0]: KeyUse(*row) for row in rows}

    def scopes_used(self) -> Mapping[tuple[str, str], float]:
        return {(row[0], row[1]): row[2] for row in self._read("SELECT key_id, scope, last_time FROM key_scopes")}

    @contextmanager
    def history(self) -> Iterator[tuple[Sequence[Chain], Iterator[StoredRow]]]:
        with self._database.connection() as connection:
            connection.execute("BEGIN")
            try:
                chains = [Chain._make(row) for row in connection.execute("SELECT * FROM chains ORDER BY writer")]
                yield chains, map(_stored, connection.execute(_HISTORY))
            finally:
                connection.execute("ROLLBACK")

    def prune_bound(self, cutoff: float, now: float, keep: int) -> int:
        return int(self._read(_PRUNE_BOUND, cutoff, now + _SOON, keep)[0][0])

    def prune(self, bound: int, sign: Callable[[str, str, int, bytes], bytes] | None) -> int:
        with self._database.transaction() as connection:
            for writer, key_id, seq, mac in self._ends(connection, bound):
                mark = must_sign(sign)(writer, key_id, seq + 1, mac)
                connection.execute("UPDATE chains SET first = ?, before = ?, start_tag = ? WHERE writer = ?", (seq + 1, mac, mark, writer))
            return connection.execute("DELETE FROM events WHERE id < ?", (bound,)).rowcount

    @staticmethod
    def _ends(connection: sqlite3.Connection, bound: int) -> list[tuple[Any, ...]]:
        """The last event below ``bound`` of each chain; with max(), SQLite takes the other columns from the same row."""
        question = """SELECT events.writer, chains.key_id, max(events.seq), events.mac FROM events JOIN chains USING (writer)
            WHERE events.id < ? AND writer != '' GROUP BY events.writer"""
        return connection.execute(question, (bound,)).fetchall()

    def erase(self, principal: str, since: int, limit: int, erasure: Callable[[StoredRow, str], bytes] | None) -> tuple[int, int] | None:
        with self._database.transaction() as connection:
            rows = [_stored(row) for row in connection.execute(_OF_PRINCIPAL, (since, principal, limit))]
            keys = dict(connection.execute("SELECT writer, key_id FROM chains"))
            changes = [(must_sign(erasure)(row, keys.get(row.writer, "")) if row.writer else b"", row.id) for row in rows]
            connection.executemany("UPDATE events SET address = '', agent = '', salt = x'', erased = ? WHERE id = ?", changes)
        return (rows[-1].id, len(rows)) if rows else None

    def forget_uses(self, key_ids: Sequence[str]) -> None:
        with self._database.transaction() as connection:
            connection.executemany("UPDATE key_use SET address = '', agent = '' WHERE key_id = ?", [(key_id,) for key_id in key_ids])

    def lease(self, name: str, holder: str, now: float, seconds: float) -> bool:
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM leases WHERE until <= ?", (now,))
            return connection.execute(_LEASE, (name, holder, now + seconds)).rowcount > 0

    def close(self) -> None:
        self._database.close()

    def _read(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with self._database.connection() as connection:
            return connection.execute(question, values).fetchall()


def _event(row: Sequence[Any]) -> Event:
    return Event._make((*row[:2], row[2:4], *row[4:_WIDTH]))


def _stored(row: Sequence[Any]) -> StoredRow:
    return StoredRow(row[0], _event(row[1:]), *row[_WIDTH + 1 :])
