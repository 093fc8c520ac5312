"""What the SQLite stores share: opening, one connection for each thread and process, transactions, and errors in two kinds.

SQLite breaks when a connection lives through a fork (https://www.sqlite.org/howtocorrupt.html, 2.6): before Python forks, every
connection of the process is closed, and parent and child open new ones. Where a fork goes unseen, the pid tells it.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ostiary.errors import UsageError
from ostiary.guard.stores.base import Busy, StoreDown

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_APPLICATION = 0x4F737400  # "Ost" and one byte for the role
_ROLES = {"keys": 1, "counters": 2, "events": 3, "nonces": 4}
_OPENING_SECONDS = 10.0
_LOOK_SECONDS = 1.0
_forking = threading.RLock()
_databases: weakref.WeakSet[Database] = weakref.WeakSet()


class Database:
    """One SQLite file for one role. ``migrations``: for each schema version the statements that lead to it from the one before.

    Creates the file (mode 0600) and brings its schema up to date. UsageError names the path when it cannot be opened, is not a
    database or not one of this role, or was written by a newer Ostiary. Connections are in autocommit mode and never wait.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        role: str,
        migrations: Sequence[Sequence[str]],
        synchronous: str = "FULL",
        pragmas: Sequence[str] = (),
    ) -> None:
        self.path = Path(os.path.abspath(path))
        self._setup = (f"synchronous={synchronous}", "trusted_schema=OFF", *pragmas)
        self._looked = 0.0
        self._local = threading.local()
        self._handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
        _prepare(self.path, _APPLICATION + _ROLES[role], migrations)
        self._file: tuple[int, int] | None = None
        self._look()
        with _forking:
            _databases.add(self)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection, to read with. Raises Busy and StoreDown, also for sqlite3's errors inside."""
        if time.monotonic() - self._looked > _LOOK_SECONDS:
            self._look()
        handle = self._handle()
        try:
            with handle.held() as connection:
                yield connection
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY:
                raise Busy(f"{self.path} is locked") from error
            # The next question begins anew, so that a store that came back is used again.
            handle.close()
            raise StoreDown(f"{self.path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it, or nothing when anything is raised inside. Raises Busy and StoreDown."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _look(self) -> None:
        """A file that was deleted or replaced under its connections would answer on: they are closed, and the next one finds what is there."""
        try:
            found = os.stat(self.path)
            there = (found.st_dev, found.st_ino)
        except OSError:
            there = None
        if there != self._file:
            self.close()
        self._file, self._looked = there, time.monotonic()

    def close(self) -> None:
        """Close every connection; the next use opens a new one."""
        with _forking:
            for handle in tuple(self._handles):
                handle.close()

    def forget(self) -> None:
        """In a forked child: the parent's threads and their connections are not here."""
        self._handles = weakref.WeakSet()

    def _handle(self) -> _Handle:
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is None or handle.pid != os.getpid():
            handle = self._local.handle = _Handle(self._connect)
            with _forking:
                self._handles.add(handle)
        return handle

    def _connect(self) -> sqlite3.Connection:
        if not self.path.exists():
            raise StoreDown(f"{self.path} is gone")
        connection = _open(self.path)
        try:
            for pragma in self._setup:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection


class _Handle:
    """One thread's connection, opened when it is first needed. Its lock is taken after ``_forking``, never before."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self.pid = os.getpid()
        self._lock = threading.RLock()
        self._connect = connect
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def held(self) -> Iterator[sqlite3.Connection]:
        """The connection, which nobody closes meanwhile."""
        while True:
            with self._lock:
                if self._connection is not None:
                    yield self._connection
                    return
            with _forking, self._lock:
                self._connection = self._connection or self._connect()

    def close(self) -> None:
        """Close the connection; in a child that inherited it not even that is safe, and it is kept to the end of the process."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is None:
            return
        if self.pid == os.getpid():
            connection.close()
            return
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))

    def __del__(self) -> None:
        self.close()


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0.0, isolation_level=None, check_same_thread=False)


def _prepare(path: Path, application: int, migrations: Sequence[Sequence[str]]) -> None:
    """Create, check and migrate; waits while another process does the same."""
    _create(path)
    deadline = time.monotonic() + _OPENING_SECONDS
    while True:
        try:
            with closing(_open(path)) as connection:
                # What is not ours stays as it is. In one transaction, because another process may be creating the file.
                connection.execute("BEGIN")
                _version(connection, path, application, len(migrations))
                connection.execute("ROLLBACK")
                connection.execute("PRAGMA journal_mode=WAL")
                _migrate(connection, path, application, migrations)
            return
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _BUSY or time.monotonic() > deadline:
                raise UsageError(f"{path} cannot be used: {error}") from None
        time.sleep(0.005)


def _create(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except IsADirectoryError:
        raise UsageError(f"{path} is a directory; name a file in it, as in sqlite:///{path}/ostiary.db") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be opened: {error.strerror}") from None


def _migrate(connection: sqlite3.Connection, path: Path, application: int, migrations: Sequence[Sequence[str]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, path, application, len(migrations))
        for statements in migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        if version < len(migrations):
            connection.execute(f"PRAGMA application_id={application}")
            connection.execute(f"PRAGMA user_version={len(migrations)}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _version(connection: sqlite3.Connection, path: Path, application: int, known: int) -> int:
    """The schema version of the file; UsageError when it is not ours or newer than we know."""
    version, owner = _pragma(connection, "user_version"), _pragma(connection, "application_id")
    tables: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if owner != application and (owner or version or tables):
        raise UsageError(f"{path} is another program's or another role's database; give Ostiary a file of its own")
    if version > known:
        raise UsageError(f"{path} was written by a newer Ostiary (schema {version}, this one knows {known}): upgrade Ostiary")
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _before_fork() -> None:
    _forking.acquire()
    for database in tuple(_databases):
        database.close()


def _after_fork() -> None:
    _forking.release()


def _after_fork_in_child() -> None:
    global _forking
    _forking = threading.RLock()
    for database in tuple(_databases):
        database.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)
