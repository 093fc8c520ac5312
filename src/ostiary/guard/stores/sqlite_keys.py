"""Keys in a SQLite file: for all processes of one host. A change made by one of them is seen by the next look of every other."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count

from ostiary.guard.keyrecord import KeyRecord
from ostiary.guard.stores._keyrows import COLUMNS, record_of, stored
from ostiary.guard.stores._sqlite import Database
from ostiary.guard.stores.base import Busy, StoreDown
from ostiary.guard.stores.keys_base import KEPT, KeyExists, KeyGone, check_changes

_SELECT = f"SELECT {', '.join(COLUMNS)} FROM keys"  # noqa: S608 our own column names
_INSERT = f"INSERT INTO keys ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
_FIRST_SCHEMA = (
    """CREATE TABLE keys (
        id TEXT PRIMARY KEY NOT NULL, digest BLOB NOT NULL, pepper_id TEXT NOT NULL, created REAL NOT NULL,
        prefix TEXT NOT NULL, kind TEXT NOT NULL, env TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL,
        scopes TEXT NOT NULL, networks TEXT, origins TEXT, limits TEXT,
        not_before REAL, expires REAL, revoked REAL, disabled INTEGER NOT NULL,
        rotated_from TEXT NOT NULL, replaced_by TEXT NOT NULL, imported TEXT NOT NULL, low_entropy INTEGER NOT NULL,
        exposed REAL, exposed_where TEXT NOT NULL, metadata TEXT NOT NULL)""",
    "CREATE UNIQUE INDEX keys_imported ON keys (digest) WHERE imported <> ''",
    "CREATE TABLE generation (value INTEGER NOT NULL)",
    "INSERT INTO generation VALUES (1)",
    # As triggers, so that a change by hand counts, too
    "CREATE TRIGGER keys_inserted AFTER INSERT ON keys BEGIN UPDATE generation SET value = value + 1; END",
    "CREATE TRIGGER keys_updated AFTER UPDATE ON keys BEGIN UPDATE generation SET value = value + 1; END",
    "CREATE TRIGGER keys_deleted AFTER DELETE ON keys BEGIN UPDATE generation SET value = value + 1; END",
    # Whoever writes, and whatever an older program believes
    """CREATE TRIGGER keys_stay_revoked BEFORE UPDATE OF revoked ON keys WHEN OLD.revoked IS NOT NULL AND NEW.revoked IS NULL
       BEGIN SELECT RAISE(ABORT, 'a revoked key stays revoked'); END""",
)
# Keys that sign
_SIGNING = (
    "ALTER TABLE keys ADD COLUMN algorithm TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE keys ADD COLUMN material BLOB NOT NULL DEFAULT x''",
    "ALTER TABLE keys ADD COLUMN sealed_under TEXT NOT NULL DEFAULT ''",
)


class SqliteKeys:
    """A KeyStore. Writes are on the disk when they return (synchronous=FULL)."""

    immediate = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._database = Database(path, "keys", [_FIRST_SCHEMA, _SIGNING], synchronous="FULL")
        self._seen = threading.local()
        self._unknown = count(1)

    def find(self, key_id: str) -> KeyRecord | None:
        with self._database.connection() as connection:
            return record_of(connection.execute(f"{_SELECT} WHERE id = ?", (key_id,)).fetchone())

    def find_imported(self, digests: Sequence[bytes]) -> KeyRecord | None:
        marks = ", ".join("?" * len(digests))
        with self._database.connection() as connection:
            return record_of(connection.execute(f"{_SELECT} WHERE digest IN ({marks}) AND imported <> ''", tuple(digests)).fetchone())

    def add(self, records: Sequence[KeyRecord]) -> None:
        with self._writing() as connection:
            _insert(connection, records)

    def update(self, key_id: str, changes: Mapping[str, object]) -> KeyRecord:
        check_changes(changes)
        with self._writing() as connection:
            record = _changed(connection, key_id, changes)
        if record is None:
            raise KeyGone(f"there is no key {key_id} any more")
        return record

    def replace(self, old_id: str, changes: Mapping[str, object], new: KeyRecord) -> None:
        check_changes(changes)
        with self._writing() as connection:
            free = connection.execute("SELECT 1 FROM keys WHERE id = ? AND revoked IS NULL AND replaced_by = ''", (old_id,)).fetchone()
            if free is None:
                raise KeyGone(f"{old_id} was revoked or replaced in the meantime")
            _insert(connection, (new,))
            _changed(connection, old_id, changes)

    def list(self, search: str = "") -> Sequence[KeyRecord]:
        found = "instr(lower(id || char(10) || name || char(10) || owner), lower(?)) > 0"
        with self._database.connection() as connection:
            rows = connection.execute(f"{_SELECT} WHERE {found} ORDER BY created, id", (search,)).fetchall()
        return [record for record in map(record_of, rows) if record is not None]

    def generation(self) -> int:
        """As stored in the file. While the file cannot be read it is another number at every call, so that nothing is believed."""
        try:
            with self._database.connection() as connection:
                return self._generation(connection)
        except (Busy, StoreDown):
            return -next(self._unknown)

    def close(self) -> None:
        self._database.close()

    def _generation(self, connection: sqlite3.Connection) -> int:
        # SQLite tells a connection with data_version that others wrote, for less than reading costs; own writes forget ``_seen``.
        version: int = connection.execute("PRAGMA data_version").fetchone()[0]
        seen: tuple[sqlite3.Connection, int, int] | None = getattr(self._seen, "value", None)
        if seen is not None and seen[0] is connection and seen[1] == version:
            return seen[2]
        value: int = connection.execute("SELECT value FROM generation").fetchone()[0]
        self._seen.value = (connection, version, value)
        return value

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except sqlite3.IntegrityError:
            raise KeyExists("a key of that id or value is in the store already") from None
        finally:
            self._seen.value = None


def _insert(connection: sqlite3.Connection, records: Sequence[KeyRecord]) -> None:
    connection.executemany(_INSERT, [tuple(stored(name, getattr(record, name)) for name in COLUMNS) for record in records])


def _changed(connection: sqlite3.Connection, key_id: str, changes: Mapping[str, object]) -> KeyRecord | None:
    """Writes the named columns alone; what is written once is left as it was."""
    settings = ", ".join(f"{name} = {_setting(name)}" for name in changes)
    values = [stored(name, value) for name, value in changes.items()]
    connection.execute(f"UPDATE keys SET {settings} WHERE id = ?", (*values, key_id))  # noqa: S608 names from CHANGEABLE
    return record_of(connection.execute(f"{_SELECT} WHERE id = ?", (key_id,)).fetchone())


def _setting(name: str) -> str:
    since = KEPT.get(name)
    return "?" if since is None else f"CASE WHEN {since} IS NULL THEN ? ELSE {name} END"
