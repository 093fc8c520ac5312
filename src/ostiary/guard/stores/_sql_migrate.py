"""Migrations of the tables in PostgreSQL, by Alembic. Two processes at once: one does it, the other waits and finds it done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ostiary.errors import UsageError
from ostiary.guard.stores._sql import Scalar, check_schema, schema_version, server_of
from ostiary.guard.stores._sql_schema import VERSIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = 0x4F737400  # "Ost": whoever migrates
_WAIT = 60.0  # seconds for the others


def upgrade(url: str) -> tuple[str | None, str]:
    """Brings the tables up to date, all of it or nothing; gives the version before and after. Raises UsageError."""
    from alembic import command
    from alembic.config import Config

    with _connected(url) as connection, connection.begin():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        before = schema_version(_scalar(connection))
        if before is not None and before not in VERSIONS:
            check_schema(_scalar(connection))
        config = Config()
        config.set_main_option("script_location", "ostiary.guard.stores:migrations")
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        after = schema_version(_scalar(connection))
    return before, str(after)


def current(url: str) -> str | None:
    """The version of the tables; None where there are none. Raises UsageError."""
    with _connected(url) as connection:
        return schema_version(_scalar(connection))


def check(url: str) -> None:
    """UsageError, with what helps, when this Ostiary cannot work with the tables."""
    with _connected(url) as connection:
        check_schema(_scalar(connection))


def _scalar(connection: Connection) -> Scalar:
    return lambda question: connection.exec_driver_sql(question).scalar()


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    """A connection that waits for as long as a table takes to be rewritten. UsageError for whatever the database says."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    server = server_of(url)
    creator: Callable[[], Any] = lambda: server.connect(None, statement_timeout=0, lock_timeout=_WAIT)  # noqa: E731
    transactions = {"isolation_level": "READ COMMITTED", "poolclass": NullPool, "use_native_hstore": False}
    engine = create_engine("postgresql+psycopg://", creator=creator, **transactions)
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise UsageError(f"postgresql: {lines[0]}") from None
