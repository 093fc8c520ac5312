"""What every store of keys keeps; the SQLite one across threads and processes, too."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import UsageError
from ostiary.guard.keyrecord import KeyRecord
from ostiary.guard.stores import open_store
from ostiary.guard.stores.base import Busy, StoreDown
from ostiary.guard.stores.keys_base import CHANGEABLE, KEPT, KeyExists, KeyGone, KeyStore
from ostiary.model import limit
from tests.guard.keys import ENGINES, NOW, keyring, url

PLAIN = KeyRecord(id="a" * 12, digest=b"1" * 32, pepper_id="p", created=NOW)
FULL = KeyRecord(
    id="b" * 12,
    digest=b"2" * 32,
    pepper_id="q",
    created=NOW + 1.5,
    prefix="acme",
    kind="pk",
    env="test",
    name="Möbile 'app' \"; DROP TABLE keys; --",
    owner="alice",
    scopes=("orders:read", "x:*"),
    networks=("10.0.0.0/8", "2001:db8::/48"),
    origins=("https://app.example.com",),
    limits=limit.parse("5 per minute;100/day burst 10;1000 per calendar month in Europe/Berlin"),
    not_before=NOW,
    expires=NOW + 9,
    revoked=NOW + 2,
    disabled=True,
    rotated_from="c" * 12,
    replaced_by="d" * 12,
    imported="plain",
    low_entropy=True,
    exposed=NOW + 3,
    exposed_where="query string",
    metadata={"team": "shöp", "": ""},
)


@pytest.fixture(params=(*ENGINES, "postgres"))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyStore]:
    if request.param != "postgres":
        yield open_store(url(request.param, tmp_path), "keys")
        return
    opened = open_store(request.getfixturevalue("postgres_url"), "keys")
    while opened.generation() < 0:  # it begins to listen
        time.sleep(0.01)
    yield opened
    opened.close()


@pytest.fixture
def again(tmp_path: Path) -> Callable[[], KeyStore]:
    """The same SQLite file, opened by somebody else."""
    return lambda: open_store(url("sqlite", tmp_path), "keys")


@pytest.mark.parametrize("record", [PLAIN, FULL, replace(FULL, id="e" * 12, networks=(), origins=(), limits=())])
def test_a_record_comes_back_as_it_was(store: KeyStore, record: KeyRecord) -> None:
    """Every column, None and () apart."""
    store.add([record])
    assert store.find(record.id) == record
    assert list(store.list()) == [record]


def test_an_unknown_id_is_none(store: KeyStore) -> None:
    """Whatever stands in it (attack 15)."""
    store.add([PLAIN])
    for wrong in ("", "x", PLAIN.id.upper(), "' OR 1=1 --", "%", "\x00", "é"):
        assert store.find(wrong) is None


def test_an_imported_key_is_found_by_any_of_its_digests_and_a_minted_one_by_none(store: KeyStore) -> None:
    """The index holds imported keys only."""
    store.add([PLAIN, FULL])
    assert store.find_imported((b"9" * 32, FULL.digest)) == FULL
    assert store.find_imported((PLAIN.digest,)) is None
    assert store.find_imported((b"9" * 32,)) is None
    assert store.find_imported(()) is None


@pytest.mark.parametrize("twin", [replace(FULL, digest=b"3" * 32), replace(FULL, id="f" * 12)], ids=["id", "imported"])
def test_a_key_is_added_once_and_several_all_or_none(store: KeyStore, twin: KeyRecord) -> None:
    """Neither the id nor the imported value may be there."""
    store.add([FULL])
    with pytest.raises(KeyExists):
        store.add([PLAIN, twin])
    assert list(store.list()) == [FULL]


def test_two_minted_keys_may_have_one_digest(store: KeyStore) -> None:
    """Their ids tell them apart."""
    store.add([PLAIN, replace(PLAIN, id="f" * 12)])
    assert len(store.list()) == 2


def test_an_update_writes_the_named_columns_alone(store: KeyStore) -> None:
    """Two writers who name different columns do not undo each other (attack 20)."""
    store.add([PLAIN])
    store.update(PLAIN.id, {"revoked": NOW + 5})
    given = store.update(PLAIN.id, {"name": "new", "scopes": ("y",), "limits": limit.parse("1/second")})
    expected = replace(PLAIN, revoked=NOW + 5, name="new", scopes=("y",), limits=limit.parse("1/second"))
    assert given == store.find(PLAIN.id) == expected


@pytest.mark.parametrize("name", sorted(KEPT))
def test_what_is_written_once_keeps_its_first_value(store: KeyStore, name: str) -> None:
    """A revocation and an exposure are never moved."""
    first = {"revoked": NOW, "exposed": NOW, "exposed_where": "first"}
    store.add([PLAIN])
    store.update(PLAIN.id, first)
    store.update(PLAIN.id, {name: "later" if name == "exposed_where" else NOW + 9})
    assert store.find(PLAIN.id) == replace(PLAIN, **first)


@pytest.mark.parametrize(
    "changes", [{}, {"id": "x"}, {"digest": b""}, {"revoked": None}, {"name": "x", "created": 1.0}, {"name = name; --": 1}], ids=str
)
def test_a_column_that_nobody_may_write_is_refused(store: KeyStore, changes: dict[str, Any]) -> None:
    """Also the end of a revocation; nothing is changed."""
    store.add([replace(PLAIN, revoked=NOW)])
    with pytest.raises(UsageError):
        store.update(PLAIN.id, changes)
    assert store.find(PLAIN.id) == replace(PLAIN, revoked=NOW)


def test_a_key_that_is_not_there_is_not_updated(store: KeyStore) -> None:
    """Said, not passed over."""
    with pytest.raises(KeyGone):
        store.update("nobody", {"name": "x"})


def test_replacing_adds_one_and_changes_the_other(store: KeyStore) -> None:
    """Both or none."""
    new = replace(PLAIN, id="n" * 12, rotated_from=PLAIN.id)
    store.add([PLAIN])
    store.replace(PLAIN.id, {"expires": NOW + 5, "replaced_by": new.id}, new)
    assert (store.find(PLAIN.id), store.find(new.id)) == (replace(PLAIN, expires=NOW + 5, replaced_by=new.id), new)


@pytest.mark.parametrize("old", [replace(PLAIN, revoked=NOW), replace(PLAIN, replaced_by="x"), replace(PLAIN, id="z" * 12)])
def test_a_key_revoked_or_replaced_in_the_meantime_is_not_replaced(store: KeyStore, old: KeyRecord) -> None:
    """Of two who rotate at once one wins; a revocation wins against both."""
    store.add([old])
    with pytest.raises(KeyGone):
        store.replace(PLAIN.id, {"replaced_by": "n"}, replace(PLAIN, id="n" * 12))
    assert list(store.list()) == [old]


def test_replacing_by_an_id_that_is_there_changes_nothing(store: KeyStore) -> None:
    """The old key is left as it was."""
    store.add([PLAIN, FULL])
    with pytest.raises(KeyExists):
        store.replace(PLAIN.id, {"replaced_by": FULL.id}, replace(FULL, imported=""))
    assert list(store.list()) == [PLAIN, FULL]


@pytest.mark.parametrize(
    ("search", "found"),
    [("", 2), ("MÖBILE", 0), ("möbile", 1), ("bile", 1), ("BILE", 1), ("ALICE", 1), ("aaa", 1), ("%", 0), ("_", 0), ("'", 1)],
)
def test_search_is_for_a_part_of_id_name_or_owner(store: KeyStore, search: str, found: int) -> None:
    """Nothing in it is a pattern; other letters than ASCII as they are written."""
    store.add([FULL, PLAIN])
    assert len(store.list(search)) == found


def test_the_generation_moves_with_every_change_and_only_then(store: KeyStore) -> None:
    """What it does not move for may be cached."""
    new = replace(PLAIN, id="n" * 12)
    changes: list[Callable[[], object]] = [
        lambda: store.add([PLAIN]),
        lambda: store.update(PLAIN.id, {"disabled": True}),
        lambda: store.replace(PLAIN.id, {"replaced_by": "n"}, new),
        lambda: store.update(PLAIN.id, {"revoked": NOW}),
    ]
    seen = [store.generation()]
    for change in changes:
        change()
        seen += [store.generation(), store.generation()]
        store.find(PLAIN.id)
        store.list()
    assert seen == [seen[0], *(value for value in seen[1::2] for _ in range(2))]
    assert len(set(seen)) == 1 + len(changes)


def test_every_column_that_may_change_is_one(store: KeyStore) -> None:
    """The list names columns of a record."""
    assert set(PLAIN.__slots__) >= CHANGEABLE


CHANGE = "from ostiary.guard.stores import open_store; open_store({url!r}, 'keys').update({key!r}, {changes!r})"


def test_another_process_is_heard_at_once(tmp_path: Path, again: Callable[[], KeyStore]) -> None:
    """KEY-5: the next look after a revocation elsewhere sees it, in every thread, whenever its connection was opened."""
    store = again()
    store.add([PLAIN])
    early = Asker(store)
    before = early.ask()
    script = CHANGE.format(url=url("sqlite", tmp_path), key=PLAIN.id, changes={"revoked": NOW})
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    late = Asker(store)
    after = {late.ask(), early.ask(), store.generation()}
    assert len(after) == 1
    assert before not in after
    revoked = store.find(PLAIN.id)
    assert revoked is not None
    assert revoked.revoked == NOW


class Asker:
    """A thread of its own that stays, and with it its connection."""

    def __init__(self, store: KeyStore) -> None:
        self._store, self._asked, self._answered = store, threading.Event(), threading.Event()
        self._answer = 0
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while self._asked.wait(60):
            self._asked.clear()
            self._answer = self._store.generation()
            self._answered.set()

    def ask(self) -> int:
        self._answered.clear()
        self._asked.set()
        assert self._answered.wait(60)
        return self._answer


def test_a_write_of_one_thread_is_heard_by_the_others(again: Callable[[], KeyStore]) -> None:
    """Each has its own connection."""
    store = again()
    asker = Asker(store)
    before = asker.ask()
    store.add([PLAIN])
    assert before != asker.ask() == store.generation()


def test_no_hand_can_bring_a_revoked_key_back(tmp_path: Path, again: Callable[[], KeyStore]) -> None:
    """Attack 20: the database itself refuses, whoever writes; and a change by hand moves the generation."""
    store = again()
    store.add([replace(PLAIN, revoked=NOW)])
    before = store.generation()
    connection = sqlite3.connect(tmp_path / "ostiary.db")
    with pytest.raises(sqlite3.IntegrityError, match="stays revoked"):
        connection.execute("UPDATE keys SET revoked = NULL")
    with connection:
        connection.execute("UPDATE keys SET name = 'by hand'")
    connection.close()
    assert store.generation() != before
    assert store.find(PLAIN.id) == replace(PLAIN, revoked=NOW, name="by hand")


def test_a_locked_file_is_busy_for_writers_and_open_for_readers(tmp_path: Path, again: Callable[[], KeyStore]) -> None:
    """At once, so that the request path decides how long it waits; nothing is half written."""
    store = again()
    store.add([PLAIN])
    other = sqlite3.connect(tmp_path / "ostiary.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Busy):
        store.update(PLAIN.id, {"name": "x"})
    assert store.find(PLAIN.id) == PLAIN
    other.close()
    assert store.update(PLAIN.id, {"name": "x"}).name == "x"


def test_while_the_file_cannot_be_read_no_generation_is_believed(tmp_path: Path, again: Callable[[], KeyStore]) -> None:
    """Every look gives another number, so that every cache is dropped; a find says that the store is down."""
    store = again()
    store.add([PLAIN])
    good = store.generation()
    store.close()
    (tmp_path / "ostiary.db").rename(tmp_path / "away.db")
    assert len({good, store.generation(), store.generation()}) == 3
    with pytest.raises(StoreDown):
        store.find(PLAIN.id)
    (tmp_path / "away.db").rename(tmp_path / "ostiary.db")
    assert store.generation() == good


def test_a_stored_file_holds_no_secret(tmp_path: Path) -> None:
    """KEY-2: neither key nor secret nor imported value is in any file of the store."""
    store = open_store(url("sqlite", tmp_path), "keys")
    ring = keyring(store)
    _, text = ring.create(name="visible name")
    ring.import_key("legacy-value-0123456789", expires=None)
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"visible name" in content
    assert not [part for part in (text[12:], text[24:40], "legacy-value") if part.encode() in content]
