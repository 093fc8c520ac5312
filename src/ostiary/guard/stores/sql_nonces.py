"""Nonces of all processes of all hosts, in PostgreSQL: one statement.

How long one is held is measured by the server, so hosts whose clocks differ count as one. What is answered is on the server's disk: after
a crash nothing can be used again. Every 64th of a process deletes up to 256 that have ended.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING

from ostiary.guard.stores._spending import nonce_name
from ostiary.guard.stores._sql import server_of, written

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SWEEP_EVERY = 64
_SWEEP_ROWS = 256
# A row that has ended counts as none.
_REMEMBER = written(
    "INSERT INTO ostiary_nonces AS old VALUES ({}, {} + ostiary_clock()) ON CONFLICT (name)"
    " DO UPDATE SET expires = excluded.expires WHERE old.expires <= ostiary_clock() RETURNING 1",
    ("bytea", "bigint"),
)
_FORGET = written(
    "DELETE FROM ostiary_nonces WHERE name = ANY (ARRAY("
    "SELECT name FROM ostiary_nonces WHERE expires <= (SELECT ostiary_clock()) ORDER BY expires LIMIT {} FOR UPDATE SKIP LOCKED))",
    ("integer",),
)


class SqlNonces:
    """Nonces shared by everybody who opens ``url``; see Nonces. Raises UsageError, also for a database without the tables, and MissingExtra."""

    immediate = False

    def __init__(self, url: str) -> None:
        self._server = server_of(url)
        self._asked = 0
        self._server.check()

    def remember(self, key: bytes, now: float, expires: float) -> bool:
        """Was it never seen? See Nonces.remember, in a thread. Raises Busy, StoreDown."""
        rest = ceil((expires - now) * 1000)
        return rest > 0 and self._server.run(self._remembering(key, rest))

    async def aremember(self, key: bytes, now: float, expires: float) -> bool:
        """The same in an event loop."""
        rest = ceil((expires - now) * 1000)
        return rest > 0 and await self._server.arun(self._remembering(key, rest))

    def close(self) -> None:
        """Close the connections of threads; the nonces stay, and the next use connects anew."""
        self._server.close()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        await self._server.aclose()

    def _remembering(self, key: bytes, rest: int) -> Callable[[Connection], bool]:
        name = nonce_name(key)

        def work(connection: Connection) -> bool:
            new = connection.exec_driver_sql(*_REMEMBER(connection, name, rest)).one_or_none()
            self._asked += 1
            if self._asked % _SWEEP_EVERY == 0:
                connection.exec_driver_sql(*_FORGET(connection, _SWEEP_ROWS))
            return new is not None

        return work
