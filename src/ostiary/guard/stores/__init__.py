"""Stores by URL: ``memory://``, ``sqlite:///file.db`` (relative to the working directory), ``sqlite:////folder/file.db``; for counters
and nonces also ``redis://host:6379/0``, and what else stores/redis_counters.py reads; ``postgresql://user:password@host:5432/database``.

Each role has a SQLite file of its own beside the named one (keys ``ostiary.db``, counters ``ostiary-counters.db``, nonces
``ostiary-nonces.db``, events ``ostiary-events.db``), so that none waits for another's lock.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from ostiary.errors import UsageError

if TYPE_CHECKING:
    from ostiary.guard.stores.base import Counters, Nonces
    from ostiary.guard.stores.keys_base import EventStore, KeyStore

Role = Literal["keys", "counters", "nonces", "events"]
_ROLES = ("keys", "counters", "nonces", "events")
_IN_REDIS = ("counters", "nonces")
_SQLITE = "sqlite:///"
_SQL = ("postgresql://", "postgres://")
_REDIS = ("redis://", "rediss://", "unix://", "redis+cluster://", "rediss+cluster://")


@overload
def open_store(url: str, role: Literal["keys"]) -> KeyStore: ...
@overload
def open_store(url: str, role: Literal["counters"]) -> Counters: ...
@overload
def open_store(url: str, role: Literal["nonces"]) -> Nonces: ...
@overload
def open_store(url: str, role: Literal["events"]) -> EventStore: ...
def open_store(url: str, role: Role) -> Any:
    """The store of that role; UsageError for a URL that is none, and for a file that cannot be used.

    Every call of ``memory://`` makes a new, empty store.
    """
    if role not in _ROLES:
        raise UsageError(f"{role!r} is no role of a store: {', '.join(_ROLES)}")
    if isinstance(url, str) and url.startswith(_REDIS):
        return _in_redis(url, role)
    if is_sql(url):
        return _class("sql", role)(url)
    file = file_of(url)
    return _class("memory", role)() if file is None else _class("sqlite", role)(role_path(file, role))


def _in_redis(url: str, role: Role) -> Any:
    if role not in _IN_REDIS:
        raise UsageError(f'Redis holds counters, not {role}; write counters="redis://…" and a sqlite:/// or postgresql:// URL for the rest')
    return _class("redis", role)(url)


def _class(engine: str, role: Role) -> Any:
    return getattr(import_module(f"ostiary.guard.stores.{engine}_{role}"), f"{engine.capitalize()}{role.capitalize()}")


def is_sql(url: str) -> bool:
    """Does the URL name a database on a server?"""
    return isinstance(url, str) and url.startswith(_SQL)


def folder_of(url: str) -> Path:
    """The folder of a store's files; the working directory where it has none. UsageError for a URL that is none."""
    file = None if is_sql(url) else file_of(url)
    return Path.cwd() if file is None else file.absolute().parent


def role_path(file: Path, role: Role) -> Path:
    """The file of one role beside the one that the URL names."""
    return file if role == "keys" else file.with_name(f"{file.stem}-{role}{file.suffix}")


def file_of(url: str) -> Path | None:
    """The file that a URL names, None for memory."""
    if url == "memory://":
        return None
    if not isinstance(url, str):
        raise UsageError(f"a store is named by a URL, as in sqlite:///ostiary.db, not by {url!r}")
    name = url.removeprefix(_SQLITE)
    if name == url or not name or "?" in name or "\0" in name or name.endswith("/"):
        # What is nothing like a URL may be a key that was put here by mistake.
        shown = "that" if "//" not in url else repr(url.partition("//")[0] + "//…" if "@" in url else url)
        raise UsageError(f"{shown} is no store; write sqlite:///ostiary.db, sqlite:////var/lib/app/ostiary.db, postgresql://… or memory://")
    return Path(name)
