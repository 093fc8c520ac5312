"""Keys in PostgreSQL: for all processes of all hosts. A change is heard by every process that asks, by a notification."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ostiary.guard.keyrecord import KeyRecord
from ostiary.guard.stores._keyrows import COLUMNS, record_of, stored
from ostiary.guard.stores._sql import server_of
from ostiary.guard.stores.keys_base import ASCII_LOWER, KEPT, KeyExists, KeyGone, check_changes

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")
_LONG = 30.0  # seconds for what a person waits for: a list of all


class SqlKeys:
    """A KeyStore. ``afind`` and ``afind_imported`` are the same for an event loop.

    Writes are on the server's disk when they return. Raises UsageError for a URL that is none and for a database without the tables, MissingExtra.
    """

    immediate = False

    def __init__(self, url: str) -> None:
        self._server = server_of(url)
        from sqlalchemy import bindparam, select

        from ostiary.guard.stores import _sql_schema as schema
        from ostiary.guard.stores._sql_listener import Listener

        self._keys, self._generation = schema.keys, schema.generation
        self._columns = [self._keys.c[name] for name in COLUMNS]
        self._by_id = select(*self._columns).where(self._keys.c.id == bindparam("id"))
        of_imported = self._keys.c.digest.in_(bindparam("digests", expanding=True)) & (self._keys.c.imported != "")
        self._by_digest = select(*self._columns).where(of_imported)
        self._listener = Listener(self._server)
        self._server.check()

    def find(self, key_id: str) -> KeyRecord | None:
        return self._server.run(self._finding(key_id))

    async def afind(self, key_id: str) -> KeyRecord | None:
        return await self._server.arun(self._finding(key_id))

    def find_imported(self, digests: Sequence[bytes]) -> KeyRecord | None:
        return self._server.run(self._finding_imported(digests))

    async def afind_imported(self, digests: Sequence[bytes]) -> KeyRecord | None:
        return await self._server.arun(self._finding_imported(digests))

    def add(self, records: Sequence[KeyRecord]) -> None:
        self._write(lambda connection: self._insert(connection, records))

    def update(self, key_id: str, changes: Mapping[str, object]) -> KeyRecord:
        check_changes(changes)
        return self._write(lambda connection: self._changed(connection, key_id, changes))

    def replace(self, old_id: str, changes: Mapping[str, object], new: KeyRecord) -> None:
        check_changes(changes)
        self._write(lambda connection: self._replace(connection, old_id, changes, new))

    def list(self, search: str = "") -> Sequence[KeyRecord]:
        from sqlalchemy import func, select

        if "\0" in search:
            return []
        of_key = self._keys.c
        # Of columns that are compared byte by byte lower() knows ASCII alone.
        text = func.lower(of_key.id + "\n" + of_key.name + "\n" + of_key.owner)
        question = select(*self._columns).where(func.strpos(text, search.translate(ASCII_LOWER)) > 0).order_by(of_key.created, of_key.id)
        rows = self._server.run(lambda connection: connection.execute(question).all(), transaction=True, seconds=_LONG)
        return [found for found in map(record_of, rows) if found is not None]

    def generation(self) -> int:
        """Moves when any process changes a key, and whenever that might not have been heard. Never waits."""
        return self._listener.generation()

    def close(self) -> None:
        self._listener.close()
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        await self._server.aclose()

    def _finding(self, key_id: str) -> Callable[[Connection], KeyRecord | None]:
        # No text of PostgreSQL holds a NUL; UTF-8 holds no lone surrogate.
        if "\0" in key_id or not key_id.isprintable():
            return lambda _: None
        return lambda connection: record_of(connection.execute(self._by_id, {"id": key_id}).one_or_none())

    def _finding_imported(self, digests: Sequence[bytes]) -> Callable[[Connection], KeyRecord | None]:
        return lambda connection: record_of(connection.execute(self._by_digest, {"digests": list(digests)}).one_or_none())

    def _write(self, work: Callable[[Connection], T]) -> T:
        """What is done in a transaction. This process believes nothing older from then on, without waiting to be told."""
        from sqlalchemy.exc import IntegrityError

        try:
            done, generation = self._server.run(self._told(work), transaction=True)
        except IntegrityError:
            raise KeyExists("a key of that id or value is in the store already") from None
        self._listener.changed(generation)
        return done

    def _told(self, work: Callable[[Connection], T]) -> Callable[[Connection], tuple[T, int]]:
        """The work, and the generation after it."""
        return lambda connection: (work(connection), connection.scalars(self._generation.select()).one())

    def _insert(self, connection: Connection, records: Sequence[KeyRecord]) -> None:
        if records:
            rows = [{name: stored(name, getattr(record, name)) for name in COLUMNS} for record in records]
            connection.execute(self._keys.insert(), rows)

    def _changed(self, connection: Connection, key_id: str, changes: Mapping[str, object]) -> KeyRecord:
        """Writes the named columns alone; what is written once is left as it was."""
        keys = self._keys
        values = {name: self._setting(name, stored(name, value)) for name, value in changes.items()}
        statement = keys.update().where(keys.c.id == key_id).values(values).returning(*self._columns)
        record = record_of(connection.execute(statement).one_or_none())
        if record is None:
            raise KeyGone(f"there is no key {key_id} any more")
        return record

    def _replace(self, connection: Connection, old_id: str, changes: Mapping[str, object], new: KeyRecord) -> None:
        old = self._keys.c
        free = self._keys.select().where(old.id == old_id, old.revoked.is_(None), old.replaced_by == "").with_for_update()
        if connection.execute(free).one_or_none() is None:
            raise KeyGone(f"{old_id} was revoked or replaced in the meantime")
        self._insert(connection, (new,))
        self._changed(connection, old_id, changes)

    def _setting(self, name: str, value: Any) -> Any:
        from sqlalchemy import case, literal

        column, since = self._keys.c[name], KEPT.get(name)
        given = literal(value, column.type)
        return given if since is None else case((self._keys.c[since].is_(None), given), else_=column)
