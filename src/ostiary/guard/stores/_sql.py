"""What stores in PostgreSQL share: the URL, pools for threads and for event loops with bounded waiting, and errors in two kinds.

What is done on a connection is a plain function of it; in an event loop SQLAlchemy runs the same function without blocking (asyncpg).
Every wait ends: for a connection, for an answer of the server, for a lock, for a free place in the pool. Nothing is tried twice: a
statement that was sent may have run. A forked child begins with no connection.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard.stores._breaker import Breaker
from ostiary.guard.stores.base import Busy, StoreDown

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

T = TypeVar("T")
CONNECT = 2.0
"""Seconds for a connection; libpq knows no less."""
ANSWER = 1.0
"""Seconds for an answer; the server itself gives up a little earlier."""
CONNECTIONS = 8
"""The most that a process holds for its threads, and for each event loop."""
_START = 10.0  # seconds at start-up, when nobody waits yet
_LOCK = 0.5
_POOL = 1.0
_IN_ALL = 3.0  # for whatever an event loop waits for
_IDLE = 5.0  # a worker that stands still in the middle holds up nobody for longer
_RECYCLE = 1800  # seconds after which a connection is made anew
_BUSY = frozenset({"55P03", "40P01", "40001"})  # lock not available, deadlock, serialization failure
_LOG = logging.getLogger("ostiary")
_servers: weakref.WeakValueDictionary[str, Server] = weakref.WeakValueDictionary()
_of_parents: list[object] = []


def server_of(url: str) -> Server:
    """The server of a URL, one for all roles of a process. Raises what Server raises."""
    return _servers.get(url) or _servers.setdefault(url, Server(url))


class Server:
    """One database by its URL, as libpq reads it. Connects on first use.

    Raises MissingExtra; UsageError for a URL that cannot be read, without showing it, and for a schema that is not the one of this Ostiary.
    """

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        if not all(map(find_spec, ("sqlalchemy", "psycopg", "asyncpg"))):
            raise MissingExtra("PostgreSQL", "sql")
        self.url = url
        self._breaker = Breaker("postgresql", monotonic)
        self._checked = False
        try:
            self._options = {**_conninfo(url), "connect_timeout": str(int(CONNECT))}
        except ValueError:
            raise UsageError("not the URL of a PostgreSQL database; write postgresql://user:password@host:5432/database") from None
        self.forget()

    def forget(self) -> None:
        """In a forked child: the connections are its parent's, who goes on using them; they are kept, because closing them would tell the server."""
        _of_parents.append(self.__dict__.pop("_engine", None))
        _of_parents.append(getattr(self, "_of_loops", None))
        self._lock = threading.Lock()
        self._of_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncEngine] = weakref.WeakKeyDictionary()

    def check(self) -> None:
        """At start-up: UsageError for another schema than ours. A server that does not answer now is asked at its first use."""
        import psycopg

        try:
            with self.connect(_START, statement_timeout=_START) as connection:
                check_schema(lambda question: connection.execute(question).fetchone()[0])
            self._checked = True
        except psycopg.Error as error:
            _LOG.warning("postgresql does not answer (%s); it is asked again when it is needed", type(error).__name__)

    def run(self, work: Callable[[Connection], T], *, transaction: bool = False, seconds: float = ANSWER) -> T:
        """What ``work`` gives of a connection, in a thread; each statement by itself, or all in a transaction. Raises Busy, StoreDown, UsageError.

        ``seconds`` that are more than the usual ones are for a transaction.
        """
        if transaction:
            with self.transaction(seconds) as connection:
                return work(connection)
        with self._asking(), self._of_threads().connect() as connection:
            return self._done(connection, work)

    @contextmanager
    def transaction(self, seconds: float = ANSWER, isolation: str = "READ COMMITTED") -> Iterator[Connection]:
        """A connection in a transaction, in a thread: all of it, or nothing when anything is raised inside. Raises what ``run`` does."""
        with self._asking():
            engine = self._of_threads().execution_options(isolation_level=isolation)
            with engine.begin() as connection, _patience(connection, seconds):
                self._done(connection, lambda _: None)
                yield connection

    async def arun(self, work: Callable[[Connection], T], *, transaction: bool = False) -> T:
        """The same in an event loop, which never waits."""
        with self._asking():
            engine = self._of_loop()
            async with asyncio.timeout(_IN_ALL):
                if not transaction:
                    async with engine.connect() as connection:
                        return await self._adone(connection, work)
                async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
                    return await self._adone(connection, work)

    def connect(self, patience: float | None = ANSWER, **settings: float) -> Any:
        """A connection of psycopg of its own, whose waits end after ``patience`` seconds; ``settings`` of the server, in seconds."""
        limits = settings or {"statement_timeout": ANSWER * 0.9, "lock_timeout": _LOCK, "idle_in_transaction_session_timeout": _IDLE}
        own = " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in limits.items())
        options = f"{self._options.get('options', '')} {own}".strip()
        connection = _impatient().connect(**{"fallback_application_name": "ostiary", **self._options, "options": options}, autocommit=True)
        connection.patience = patience
        return connection

    def close(self) -> None:
        """Close the connections of threads; the next use connects anew."""
        with self._lock:
            engine: Engine | None = self.__dict__.pop("_engine", None)
        if engine is not None:
            engine.dispose()

    async def aclose(self) -> None:
        """Close the connections of the event loop that runs."""
        engine = self._of_loops.pop(asyncio.get_running_loop(), None)
        if engine is not None:
            await engine.dispose()

    def _of_threads(self) -> Engine:
        with self._lock:
            return self._engine

    @cached_property
    def _engine(self) -> Engine:
        from sqlalchemy import create_engine, event

        engine = create_engine("postgresql+psycopg://", creator=self.connect, use_native_hstore=False, **_POOLED)
        event.listen(engine, "checkout", _check_alive)
        return engine

    def _of_loop(self) -> AsyncEngine:
        loop = asyncio.get_running_loop()
        if loop not in self._of_loops:
            from sqlalchemy import event
            from sqlalchemy.ext.asyncio import create_async_engine

            self._of_loops[loop] = engine = create_async_engine("postgresql+asyncpg://", async_creator=self._aconnect, **_POOLED)
            event.listen(engine.sync_engine, "checkout", _check_alive)
        return self._of_loops[loop]

    async def _aconnect(self) -> Any:
        import asyncpg  # type: ignore[import-untyped]

        limits = {"statement_timeout": ANSWER * 0.9, "lock_timeout": _LOCK, "idle_in_transaction_session_timeout": _IDLE}
        settings = {name: str(int(seconds * 1000)) for name, seconds in limits.items()}
        return await asyncpg.connect(self.url, timeout=CONNECT, command_timeout=ANSWER, server_settings=settings)

    def _done(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        if not self._checked:
            check_schema(lambda question: connection.exec_driver_sql(question).scalar())
            self._checked = True
        return work(connection)

    async def _adone(self, connection: AsyncConnection, work: Callable[[Connection], T]) -> T:
        try:
            return await connection.run_sync(lambda inner: self._done(inner, work))
        except TimeoutError:
            # Its answer may still come, and would be taken for the next one's.
            await connection.invalidate()
            raise

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Busy and StoreDown for whatever the drivers raise inside, but for broken constraints; at once while the server is left alone."""
        self._breaker.check()
        import sqlalchemy.exc

        try:
            yield
        except sqlalchemy.exc.IntegrityError:
            self._breaker.worked()
            raise
        except sqlalchemy.exc.TimeoutError as error:
            raise StoreDown("every connection to postgresql is in use") from error
        except (sqlalchemy.exc.DBAPIError, OSError) as error:
            self._failed(getattr(error, "orig", None) or error, error)
        except Exception as error:
            # asyncpg's own, while it connects
            if not type(error).__module__.startswith("asyncpg"):
                raise
            self._failed(error, error)
        self._breaker.worked()

    def _failed(self, error: BaseException, cause: BaseException) -> None:
        state = getattr(error, "sqlstate", None)
        if state in _BUSY:
            self._breaker.worked()
            raise Busy("postgresql is held up by somebody else's lock") from cause
        # Classes of SQLSTATE: connections, resources, an operator's intervention, the system; none at all for the network.
        if state is None or state[:2] in ("08", "53", "57", "58", "XX"):
            self._breaker.failed()
            raise StoreDown(f"postgresql does not answer ({type(error).__name__})") from cause
        self._breaker.worked()
        raise StoreDown(f"postgresql: {str(error).splitlines()[0][:200]}") from cause


_POOLED: dict[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    "pool_size": CONNECTIONS,
    "max_overflow": 0,
    "pool_timeout": _POOL,
    "pool_recycle": _RECYCLE,
}


def written(text: str, kinds: Sequence[str]) -> Callable[..., tuple[str, tuple[Any, ...]]]:
    """A statement for the drivers themselves, each of which writes parameters (``{}`` in the text) in its own way.

    For what is asked with every request: SQLAlchemy's compiled statements cost as much again.
    """
    of_threads = text.format(*(f"%s::{kind}" for kind in kinds))
    of_loops = text.format(*(f"${place}::{kind}" for place, kind in enumerate(kinds, 1)))

    def call(connection: Connection, *values: Any) -> tuple[str, tuple[Any, ...]]:
        return of_threads if connection.dialect.driver == "psycopg" else of_loops, values

    return call


Scalar = Callable[[str], Any]
"""What a query answers: the one value in its one row."""


def check_schema(ask: Scalar) -> None:
    """UsageError, with the command that helps, when the tables are not those of this Ostiary."""
    from ostiary.guard.stores._sql_schema import VERSIONS

    found = schema_version(ask)
    if found is None:
        raise UsageError("the database has no tables of Ostiary yet; make them with: ostiary db upgrade")
    if found not in VERSIONS:
        raise UsageError(f"the tables of Ostiary are of version {found}, this Ostiary knows {VERSIONS[-1]}: upgrade Ostiary")
    if found != VERSIONS[-1]:
        raise UsageError(f"the tables of Ostiary are of version {found}; bring them to {VERSIONS[-1]} with: ostiary db upgrade")


def schema_version(ask: Scalar) -> str | None:
    """None where there are no tables."""
    from ostiary.guard.stores._sql_schema import VERSION_TABLE

    if ask(f"SELECT to_regclass('{VERSION_TABLE}')::text") is None:
        return None
    found: str | None = ask(f"SELECT max(version_num) FROM {VERSION_TABLE}")  # noqa: S608 our own name
    return found


def _conninfo(url: str) -> dict[str, Any]:
    """The parts of a URL. Raises ValueError."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = dict(conninfo_to_dict(url))
    except psycopg.ProgrammingError:
        raise ValueError from None
    if not all(port.isdecimal() for port in str(found.get("port", "0")).split(",") if port):
        raise ValueError
    return found


def _check_alive(dbapi: Any, *_: object) -> None:
    """A pooled connection that the server has closed meanwhile, with everything that is as old, is replaced before it is used."""
    driver = getattr(dbapi, "driver_connection", dbapi)
    if driver.is_closed() if hasattr(driver, "is_closed") else driver.closed or _readable(driver.fileno()):
        from sqlalchemy.exc import InvalidatePoolError

        raise InvalidatePoolError


def _readable(descriptor: int) -> bool:
    """Is there something to be read where nothing was asked? It is the end of the connection."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def _patience(connection: Connection, seconds: float) -> Iterator[None]:
    if seconds <= ANSWER:
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.patience = seconds + 1
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
    try:
        yield
    finally:
        driver.patience = ANSWER


def _impatient() -> Any:
    """psycopg's connection, whose waits end. libpq itself waits for a silent server for ever."""
    import psycopg

    global _impatient_class
    if _impatient_class is not None:
        return _impatient_class

    class Impatient(psycopg.Connection[Any]):
        patience: float | None = ANSWER

        def wait(self, gen: Any, *arguments: Any, **named: Any) -> Any:
            return super().wait(gen if self.patience is None else self._bounded(gen, self.patience), *arguments, **named)

        def _bounded(self, gen: Generator[Any, Any, Any], seconds: float) -> Generator[Any, Any, Any]:
            deadline = time.monotonic() + seconds
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and time.monotonic() > deadline:
                        self.pgconn.finish()
                        raise psycopg.OperationalError("no answer in time")
                    wanted = gen.send(ready)
            except StopIteration as stop:
                return stop.value

    _impatient_class = Impatient
    return Impatient


_impatient_class: Any = None


def _after_fork_in_child() -> None:
    for server in tuple(_servers.values()):
        server.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
