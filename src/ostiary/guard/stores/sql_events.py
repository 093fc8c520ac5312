"""Events in PostgreSQL: every process of every host writes its batches there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ostiary.guard.event import Event, KeyUse, Usage, usages_of, uses_of
from ostiary.guard.seal import Chain, Sealed, StoredRow
from ostiary.guard.stores._sql import server_of
from ostiary.guard.stores.keys_base import NO_SCOPES, must_sign

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
_COLUMNS = (
    "time, request_id, route_method, route, version, method, path, status, latency_us, principal, key_id, address, agent, reason, verdict,"
    " limit_state, note"
)
_SEAL_COLUMNS = "writer, seq, salt, mac, erased"
_WIDTH = 17
_COPY = f"COPY ostiary_events ({_COLUMNS}) FROM STDIN"
_COPY_SEALED = f"COPY ostiary_events ({_COLUMNS}, writer, seq, salt, mac) FROM STDIN"
_BOUND = """DELETE FROM ostiary_events WHERE id = ANY (ARRAY(SELECT id FROM ostiary_events
    WHERE id <= (SELECT max(id) FROM ostiary_events) - %s AND writer = '' ORDER BY id LIMIT 2000 FOR UPDATE SKIP LOCKED))"""
_RECENT = f"SELECT {_COLUMNS} FROM ostiary_events ORDER BY id DESC LIMIT %s"  # noqa: S608 our own column names
_READ = f"SELECT id, {_COLUMNS} FROM ostiary_events WHERE id > %s ORDER BY id LIMIT %s"  # noqa: S608
_HISTORY = f"SELECT id, {_COLUMNS}, {_SEAL_COLUMNS} FROM ostiary_events ORDER BY writer DESC, seq, id"  # noqa: S608
_CHAINS = "SELECT writer, key_id, seq, mac, tag, first, before, start_tag FROM ostiary_chains ORDER BY writer"
_OF_PRINCIPAL = f"""SELECT id, {_COLUMNS}, {_SEAL_COLUMNS} FROM ostiary_events
    WHERE id > %s AND principal = %s AND (address <> '' OR agent <> '') ORDER BY id LIMIT %s FOR UPDATE"""  # noqa: S608
_ERASE = "UPDATE ostiary_events SET address = '', agent = '', salt = '', erased = %s WHERE id = %s"
_HEAD = """INSERT INTO ostiary_chains (writer, key_id, seq, mac, tag) VALUES (%s, %s, %s, %s, %s) ON CONFLICT (writer) DO UPDATE SET
    key_id = excluded.key_id, seq = excluded.seq, mac = excluded.mac, tag = excluded.tag"""
_MARK = "UPDATE ostiary_chains SET first = %s, before = %s, start_tag = %s WHERE writer = %s"
_ENDS = """SELECT DISTINCT ON (e.writer) e.writer, c.key_id, e.seq, e.mac FROM ostiary_events e JOIN ostiary_chains c USING (writer)
    WHERE e.id < %s AND e.writer <> '' ORDER BY e.writer, e.seq DESC"""
_PRUNE_BOUND = """SELECT greatest(
    coalesce((SELECT id FROM ostiary_events WHERE time >= %s AND time <= %s ORDER BY id LIMIT 1), newest + 1), newest - %s + 1)
    FROM (SELECT coalesce(max(id), 0) AS newest FROM ostiary_events) AS n"""
_USE = """INSERT INTO ostiary_key_use AS old (key_id, last_time, address, agent, calls) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (key_id) DO UPDATE SET calls = old.calls + excluded.calls,
    address = CASE WHEN excluded.last_time >= old.last_time THEN excluded.address ELSE old.address END,
    agent = CASE WHEN excluded.last_time >= old.last_time THEN excluded.agent ELSE old.agent END,
    last_time = greatest(old.last_time, excluded.last_time)"""
_COUNT = """INSERT INTO ostiary_usage AS old (day, method, route, version, key_id, calls, denied, last_time)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (day, method, route, version, key_id) DO UPDATE SET
    calls = old.calls + excluded.calls, denied = old.denied + excluded.denied, last_time = greatest(old.last_time, excluded.last_time)"""
_SCOPE = """INSERT INTO ostiary_key_scopes AS old VALUES (%s, %s, %s)
    ON CONFLICT (key_id, scope) DO UPDATE SET last_time = greatest(old.last_time, excluded.last_time)"""
_FORGET_USE = "UPDATE ostiary_key_use SET address = '', agent = '' WHERE key_id = ANY (%s)"
_LEASE = """INSERT INTO ostiary_leases AS old VALUES (%s, %s, %s) ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, until = excluded.until WHERE old.holder = excluded.holder OR old.until <= %s"""
_NEW_BATCH = "INSERT INTO ostiary_event_batches VALUES (%s, %s) ON CONFLICT DO NOTHING"
_OLD_BATCHES = "DELETE FROM ostiary_event_batches WHERE written < %s"
_BATCHES_KEPT = 3600.0
_FORGET_EVERY = 64
_USAGE = "SELECT day, method, route, version, key_id, calls, denied, last_time FROM ostiary_usage ORDER BY 1, 2, 3, 4, 5"
_USES = "SELECT key_id, last_time, address, agent, calls FROM ostiary_key_use"
_SCOPES = "SELECT key_id, scope, last_time FROM ostiary_key_scopes"
_SOON = 3_600.0
_WRITING = 5.0  # seconds; it is a thread of its own that waits
_LONG = 30.0


class SqlEvents:
    """An EventStore. Holds about the newest ``keep`` events; sealed ones are removed by ``prune`` alone, which leaves a signed mark. Key use
    and usage are kept for good.

    When the connection breaks while a batch is committed nobody knows whether it was: each batch has a name that is written along, and
    when the same batch is offered again it is written once.
    """

    immediate = False

    def __init__(self, url: str, keep: int = 1_000_000) -> None:
        self._server = server_of(url)
        self.keep = keep
        self._unsure: tuple[bytes, tuple[Event, ...]] | None = None
        self._written = 0
        self._server.check()

    def write(self, rows: Sequence[Event], sealed: Sealed | None = None, scopes: Mapping[tuple[str, str], float] = NO_SCOPES) -> None:
        name = self._unsure[0] if self._unsure is not None and self._unsure[1] == tuple(rows) else os.urandom(16)
        self._unsure = (name, tuple(rows))
        self._in_transaction(lambda connection: self._write(connection, name, rows, sealed, scopes), _WRITING)
        self._unsure = None

    def recent(self, limit: int = 100) -> Sequence[Event]:
        return [_event(row) for row in self._read(_RECENT, limit)]

    def read(self, after: int, limit: int) -> Sequence[tuple[int, Event]]:
        return [(row[0], _event(row[1:])) for row in self._read(_READ, after, limit)]

    def usage(self) -> Sequence[Usage]:
        return [Usage(row[0], (row[1], row[2]), *row[3:]) for row in self._read(_USAGE)]

    def key_uses(self) -> Mapping[str, KeyUse]:
        return {row[0]: KeyUse(*row) for row in self._read(_USES)}

    def scopes_used(self) -> Mapping[tuple[str, str], float]:
        return {(row[0], row[1]): row[2] for row in self._read(_SCOPES)}

    @contextmanager
    def history(self) -> Iterator[tuple[Sequence[Chain], Iterator[StoredRow]]]:
        with self._server.transaction(_LONG, "REPEATABLE READ") as connection:
            chains = [Chain._make(row) for row in connection.exec_driver_sql(_CHAINS)]
            with connection.execution_options(stream_results=True, max_row_buffer=1000).exec_driver_sql(_HISTORY) as rows:
                yield chains, map(_stored, rows)

    def prune_bound(self, cutoff: float, now: float, keep: int) -> int:
        return int(self._read(_PRUNE_BOUND, cutoff, now + _SOON, keep)[0][0])

    def prune(self, bound: int, sign: Callable[[str, str, int, bytes], bytes] | None) -> int:
        def work(connection: Connection) -> int:
            for writer, key_id, seq, mac in connection.exec_driver_sql(_ENDS, (bound,)).all():
                mark = must_sign(sign)(writer, key_id, seq + 1, mac)
                connection.exec_driver_sql(_MARK, (seq + 1, mac, mark, writer))
            return connection.exec_driver_sql("DELETE FROM ostiary_events WHERE id < %s", (bound,)).rowcount

        return self._in_transaction(work)

    def erase(self, principal: str, since: int, limit: int, erasure: Callable[[StoredRow, str], bytes] | None) -> tuple[int, int] | None:
        def work(connection: Connection) -> tuple[int, int] | None:
            rows = [_stored(row) for row in connection.exec_driver_sql(_OF_PRINCIPAL, (since, principal, limit)).all()]
            keys = {row[0]: row[1] for row in connection.exec_driver_sql(_CHAINS).all()}
            changes = [(must_sign(erasure)(row, keys.get(row.writer, "")) if row.writer else b"", row.id) for row in rows]
            if changes:
                connection.exec_driver_sql(_ERASE, changes)
            return (rows[-1].id, len(rows)) if rows else None

        return self._in_transaction(work)

    def forget_uses(self, key_ids: Sequence[str]) -> None:
        self._in_transaction(lambda connection: connection.exec_driver_sql(_FORGET_USE, (list(key_ids),)))

    def lease(self, name: str, holder: str, now: float, seconds: float) -> bool:
        return self._in_transaction(lambda connection: connection.exec_driver_sql(_LEASE, (name, holder, now + seconds, now)).rowcount > 0)

    def close(self) -> None:
        self._server.close()

    def _read(self, question: str, *values: object) -> Sequence[Sequence[Any]]:
        return self._in_transaction(lambda connection: connection.exec_driver_sql(question, values).all())

    def _in_transaction(self, work: Callable[[Connection], T], seconds: float = _LONG) -> T:
        return self._server.run(work, transaction=True, seconds=seconds)

    def _write(
        self, connection: Connection, name: bytes, rows: Sequence[Event], sealed: Sealed | None, scopes: Mapping[tuple[str, str], float]
    ) -> None:
        now = time.time()
        if connection.exec_driver_sql(_NEW_BATCH, (name, now)).rowcount == 0:
            return
        plain = [(*row[:2], *row.route, *row[3:]) for row in rows]
        if sealed is None:
            _copy(connection, _COPY, plain)
            connection.exec_driver_sql(_BOUND, (self.keep,))
        else:
            writer = sealed.head.writer
            _copy(connection, _COPY_SEALED, [(*row, writer, *seal) for row, seal in zip(plain, sealed.seals, strict=True)])
            connection.exec_driver_sql(_HEAD, tuple(sealed.head))
        _count(connection, rows, scopes)
        if self._written % _FORGET_EVERY == 0:
            connection.exec_driver_sql(_OLD_BATCHES, (now - _BATCHES_KEPT,))
        self._written += 1


def _copy(connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _count(connection: Connection, rows: Sequence[Event], scopes: Mapping[tuple[str, str], float]) -> None:
    """Sorted by what tells them apart, so that no two processes wait for each other in a circle."""
    uses = sorted(tuple(use) for use in uses_of(rows).values())
    usages = [(use.day, *use.route, *use[2:]) for _, use in sorted(usages_of(rows).items())]
    held = [(*key, when) for key, when in sorted(scopes.items())]
    for statement, values in ((_USE, uses), (_COUNT, usages), (_SCOPE, held)):
        if values:
            connection.exec_driver_sql(statement, values)


def _event(row: Sequence[Any]) -> Event:
    return Event._make((*row[:2], tuple(row[2:4]), *row[4:_WIDTH]))


def _stored(row: Sequence[Any]) -> StoredRow:
    return StoredRow(row[0], _event(row[1:]), *row[_WIDTH + 1 :])
