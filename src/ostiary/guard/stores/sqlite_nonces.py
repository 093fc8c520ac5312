"""Nonces of all processes of one host, in a SQLite file.

A row is a digest and the time at which it may be forgotten. What is answered is on the disk: after a power failure nothing can be used
again. Every 64th of a process deletes up to 256 ended rows. The file is held under 512 MB; when it is full the store is down.
"""

from __future__ import annotations

import os
from math import ceil

from ostiary.guard.stores._spending import nonce_name
from ostiary.guard.stores._sqlite import Database

_MIGRATIONS = (
    (
        "CREATE TABLE nonces (name BLOB PRIMARY KEY, expires INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX by_end ON nonces (expires)",
    ),
)
_PAGES = 512 * 1024 * 1024 // 4096
_SWEEP_EVERY = 64
_SWEEP_ROWS = 256
# A row that has ended counts as none.
_REMEMBER = (
    "INSERT INTO nonces VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET expires = excluded.expires WHERE nonces.expires <= ?3 RETURNING 1"
)
_FORGET = "DELETE FROM nonces WHERE name IN (SELECT name FROM nonces WHERE expires <= ? LIMIT ?)"


class SqliteNonces:
    """Nonces shared by every process that opens ``path``; see Nonces. UsageError when it cannot be opened."""

    immediate = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._database = Database(path, "nonces", _MIGRATIONS, pragmas=(f"max_page_count={_PAGES}",))
        self._asked = 0

    def remember(self, key: bytes, now: float, expires: float) -> bool:
        """Was it never seen? See Nonces.remember. Raises Busy while another process writes, StoreDown."""
        now_ms, end = int(now * 1000), ceil(expires * 1000)
        if end <= now_ms:
            return False
        with self._database.transaction() as connection:
            new = connection.execute(_REMEMBER, (nonce_name(key), end, now_ms)).fetchall()
            self._asked += 1
            if self._asked % _SWEEP_EVERY == 0:
                connection.execute(_FORGET, (now_ms, _SWEEP_ROWS))
        return bool(new)

    def close(self) -> None:
        """Close the connections; the nonces stay, and the next use opens anew."""
        self._database.close()
