"""One facade for every surface that manages keys: the keyring, their use, the store, the pepper."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from ostiary.errors import MissingExtra, UsageError
from ostiary.guard import pepper as peppers_of
from ostiary.guard.event import KeyUse, Usage
from ostiary.guard.keyring import Keyring
from ostiary.guard.patience import patiently
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores import file_of, folder_of, is_sql, open_store, role_path
from ostiary.guard.stores.keys_base import EventStore, KeyStore

DEFAULT_STORE = "sqlite:///ostiary.db"


@dataclass(frozen=True, slots=True)
class Admin:
    """Everything that a surface needs. ``made`` are the files that opening it has made."""

    url: str
    keyring: Keyring
    events: EventStore | None
    made: tuple[Path, ...] = ()

    @classmethod
    def open(
        cls,
        store_url: str = DEFAULT_STORE,
        pepper: str | bytes | Peppers | None = None,
        *,
        create: bool = False,
        master: bool = False,
        max_age: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.time,
        environ: Mapping[str, str] = os.environ,
    ) -> Admin:
        """The store that is there; with ``create``, and the pepper, too, is made when there is none; with ``master`` the master key.

        Raises UsageError for a store or pepper that is missing or cannot be used. A pepper is never made for keys that need another.
        """
        if is_sql(store_url):
            made = _pepper_for(store_url, pepper, environ) if create else ()
            made = (*_master(folder_of(store_url), environ, master), *made)
            peppers, masters = _secrets(folder_of(store_url), pepper, environ)
            keyring = Keyring(open_store(store_url, "keys"), peppers, clock, max_age=max_age, masters=masters)
            return cls(store_url, keyring, open_store(store_url, "events"), made)
        file = file_of(store_url)
        if file is None:
            raise UsageError("memory:// ends with the process; name a file, as in sqlite:///ostiary.db")
        if not create and not file.exists():
            raise UsageError(f"there is no {file} yet; it is made by: ostiary keys init")
        folder = file.parent
        if not folder.is_dir():
            raise UsageError(f"no such folder: {folder}")
        made = _missing(file, folder, pepper, environ) if create else ()
        if folder / peppers_of.FILE_NAME in made:
            _make_pepper(store_url, file, folder)
        made = (*_master(folder, environ, master), *made)
        peppers, masters = _secrets(folder, pepper, environ)
        keyring = Keyring(open_store(store_url, "keys"), peppers, clock, max_age=max_age, masters=masters)
        return cls(store_url, keyring, _events(store_url, file), made)

    def uses(self) -> Mapping[str, KeyUse]:
        """When, from where and by what agent each key was last used; {} where nothing was recorded."""
        return {} if self.events is None else patiently(self.events.key_uses)

    def usage(self) -> Sequence[Usage]:
        """Calls of each route with each key, day by day."""
        return () if self.events is None else patiently(self.events.usage)

    def scopes_used(self) -> Mapping[tuple[str, str], float]:
        """By (key id, scope that a route demands): when the key was last let in there."""
        return {} if self.events is None else patiently(self.events.scopes_used)

    def stranded(self) -> Mapping[str, int]:
        """Keys that cannot be verified, because their pepper is not here: how many by pepper id."""
        counts = Counter(record.pepper_id for record in self.keyring.list() if not record.algorithm)
        return {pepper_id: number for pepper_id, number in counts.items() if self.keyring.peppers.get(pepper_id) is None}

    def close(self) -> None:
        self.keyring.store.close()
        if self.events is not None:
            self.events.close()


def _master(folder: Path, environ: Mapping[str, str], wanted: bool) -> tuple[Path, ...]:
    """A master key, where one is wanted and there is none."""
    if not wanted or peppers_of.find(peppers_of.MASTER, folder, None, environ) is not None:
        return ()
    file = folder / peppers_of.MASTER.file_name
    peppers_of.create(file, kind=peppers_of.MASTER)
    return (file,)


def _secrets(folder: Path, pepper: str | bytes | Peppers | None, environ: Mapping[str, str]) -> tuple[Peppers, Peppers | None]:
    """Those that hash keys, and those under which shared secrets are encrypted."""
    return peppers_of.load(folder, pepper, environ), peppers_of.find(peppers_of.MASTER, folder, None, environ)


def _missing(file: Path, folder: Path, pepper: str | bytes | Peppers | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """What is to be made, the pepper first."""
    pepper_file = folder / peppers_of.FILE_NAME
    given = pepper is not None or peppers_of.configured(environ)
    wanted = (file,) if given else (pepper_file, file)
    return tuple(path for path in wanted if not os.path.lexists(path))


def _make_pepper(url: str, file: Path, folder: Path) -> None:
    if file.exists():
        _check_empty(open_store(url, "keys"), str(file))
    peppers_of.create(folder / peppers_of.FILE_NAME)


def _pepper_for(url: str, pepper: str | bytes | Peppers | None, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """A pepper for the keys of a database that has none yet, in the working directory; nothing where one is given or there."""
    file = folder_of(url) / peppers_of.FILE_NAME
    if pepper is not None or peppers_of.configured(environ) or os.path.lexists(file):
        return ()
    _check_empty(open_store(url, "keys"), "the database")
    peppers_of.create(file)
    return (file,)


def _check_empty(store: KeyStore, file: str) -> None:
    records = patiently(store.list, "")
    store.close()
    if records:
        raise UsageError(
            f"{file} holds {len(records)} keys, but their pepper ({records[-1].pepper_id}) is neither in {peppers_of.VARIABLE} nor in"
            f" {peppers_of.FILE_NAME} beside it: bring it back, without it none of them can be verified"
        )


def _events(url: str, file: Path) -> EventStore | None:
    """Only where a guard has made one: looking leaves no file behind."""
    return open_store(url, "events") if role_path(file, "events").exists() else None


def database(url: str) -> Any:
    """What may be done with the tables in PostgreSQL: ``upgrade(url)``, ``current(url)``, ``check(url)``.

    Raises UsageError for a URL of another kind, MissingExtra.
    """
    if not is_sql(url):
        raise UsageError("only PostgreSQL has tables that are made by hand; write postgresql://user:password@host:5432/database")
    try:
        return import_module("ostiary.guard.stores._sql_migrate")
    except ModuleNotFoundError:
        raise MissingExtra("PostgreSQL", "sql") from None
