"""PostgreSQL: tables that are made and checked, limits under the server's clock, outages, forks. What every store promises is elsewhere."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ostiary.errors import UsageError
from ostiary.guard.keyrecord import KeyRecord
from ostiary.guard.keyring import Keyring
from ostiary.guard.pepper import Peppers
from ostiary.guard.stores import _sql, open_store
from ostiary.guard.stores._breaker import FAILURES, PAUSE
from ostiary.guard.stores._sql_migrate import current, upgrade
from ostiary.guard.stores._sql_schema import VERSION_TABLE, VERSIONS, metadata
from ostiary.guard.stores.base import Busy, Charge, Spent, StoreDown
from ostiary.guard.stores.keys_base import KeyStore
from ostiary.guard.stores.sql_counters import SLACK_MS, SqlCounters
from ostiary.model.limit import Limit
from tests.guard.postgres_server import PostgresServer
from tests.guard.proxy import Proxy
from tests.guard.redis_server import free_port

NOW = 1_800_000_000.0
FEW, MANY = Limit(2, 60), Limit(100, 60)
ROOT = Path(__file__).parents[2]
KEY = KeyRecord(id="a" * 12, digest=b"1" * 32, pepper_id="p", created=NOW)
ROLES = ("keys", "counters", "nonces", "events")


@pytest.fixture
def empty_url(postgres: PostgresServer) -> str:
    """A database without the tables."""
    return postgres.url(postgres.database("template0"))


@pytest.fixture
def through(postgres: PostgresServer, postgres_url: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy in front of a database with the tables, and the URL that leads through it."""
    with Proxy(postgres.port) as proxy:
        yield proxy, postgres_url.replace(str(postgres.port), str(proxy.port))


def until(true: Callable[[], bool], seconds: float = 20.0) -> float:
    """Waits; gives how long it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds
        time.sleep(0.01)
    return time.monotonic() - began


def database_of(url: str) -> str:
    return url.rpartition("/")[2]


# Tables


@pytest.mark.parametrize("role", ROLES)
def test_without_the_tables_no_store_starts(empty_url: str, role: Any) -> None:
    """One sentence, with the command."""
    with pytest.raises(UsageError, match="ostiary db upgrade") as caught:
        open_store(empty_url, role)
    assert "postgres" not in str(caught.value)


def test_tables_of_a_newer_ostiary_are_left_alone(postgres: PostgresServer, postgres_url: str) -> None:
    """Neither the store nor an upgrade touches them."""
    postgres.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'", database=database_of(postgres_url))
    for opening in (lambda: open_store(postgres_url, "keys"), lambda: upgrade(postgres_url)):
        with pytest.raises(UsageError, match=r"9999.*upgrade Ostiary"):
            opening()
    assert current(postgres_url) == "9999"


def test_older_tables_are_to_be_upgraded(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says how."""
    monkeypatch.setattr("ostiary.guard.stores._sql_schema.VERSIONS", (*VERSIONS, "9999"))
    with pytest.raises(UsageError, match=rf"{VERSIONS[-1]}.*9999.*ostiary db upgrade"):
        open_store(postgres_url, "keys")


def test_the_last_migration_is_the_one_that_the_stores_work_with() -> None:
    """And the versions are all of them, in order."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(ROOT / "src/ostiary/guard/stores/migrations"))
    assert tuple(step.revision for step in reversed(list(script.walk_revisions()))) == VERSIONS


def test_the_tables_are_as_they_are_described(postgres_url: str) -> None:
    """What the migrations make is what the stores' descriptions say, to the column."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    engine = create_engine(postgres_url.replace("postgresql", "postgresql+psycopg"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_upgrading_twice_at_once_is_upgrading_once(empty_url: str) -> None:
    """Four processes: one makes the tables, the others find them; afterwards a store starts."""
    command = [sys.executable, "-m", "ostiary.cli", "db", "upgrade", "--url", empty_url]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    said = sorted(one.communicate(timeout=60)[1].strip() for one in both)
    assert (
        said
        == [f"ostiary: the tables are of version {VERSIONS[-1]}"] + [f"ostiary: the tables are of version {VERSIONS[-1]}, as before"] * 3
    )
    assert [one.returncode for one in both] == [0] * 4
    open_store(empty_url, "keys").close()


def test_the_commands(empty_url: str) -> None:
    """``db check`` and ``db current`` before and after; another kind of URL and an unreachable server are sentences without the password."""
    assert db("check", empty_url) == (2, "", "ostiary: the database has no tables of Ostiary yet; make them with: ostiary db upgrade\n")
    assert db("current", empty_url)[:2] == (0, "none\n")
    assert db("upgrade", empty_url)[0] == 0
    assert db("check", empty_url)[0] == 0
    assert db("current", empty_url)[:2] == (0, f"{VERSIONS[-1]}\n")
    assert db("upgrade", "sqlite:///x.db")[0] == 2
    code, _, said = db("check", f"postgresql://me:hunter2@127.0.0.1:{free_port()}/x")
    assert (code, "hunter2" in said, len(said.splitlines())) == (2, False, 1)


def db(word: str, url: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "ostiary.cli", "db", word, "--url", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("url", ["postgresql://h:port/x", "postgres://me:hunter2@h:x/", "postgresql://h/x?hunter2=1"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """At start-up, without showing it: it may hold a password."""
    with pytest.raises(UsageError, match="postgresql://user:password@host") as caught:
        open_store(url, "counters")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("missing", ["sqlalchemy", "psycopg", "asyncpg"])
@pytest.mark.parametrize("role", ROLES)
def test_without_the_extra_it_says_what_to_install(missing: str, role: str) -> None:
    """MissingExtra with the command; nobody else needs the libraries."""
    script = (
        f"import sys; sys.modules[{missing!r}] = None\nfrom ostiary.guard.stores import open_store\nopen_store('memory://', {role!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script + f"open_store('postgres://h/x', {role!r})"], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1].endswith("MissingExtra: PostgreSQL needs: pip install 'ostiary[sql]'")


# Keys


def test_no_hand_can_bring_a_revoked_key_back(postgres: PostgresServer, postgres_url: str) -> None:
    """Attack 20: the database itself refuses, whoever writes; and a change by hand is heard."""
    store = listening(postgres_url)
    store.add([KEY])
    store.update(KEY.id, {"revoked": NOW})
    before, name = store.generation(), database_of(postgres_url)
    with pytest.raises(postgres.psycopg.IntegrityError, match="stays revoked"):
        postgres.execute("UPDATE ostiary_keys SET revoked = NULL", database=name)
    assert store.generation() == before
    postgres.execute("UPDATE ostiary_keys SET name = 'by hand'", database=name)
    until(lambda: store.generation() != before, 1)
    store.close()


def listening(url: str) -> KeyStore:
    store = open_store(url, "keys")
    until(lambda: store.generation() >= 0)
    return store


def test_another_process_is_heard_within_a_second(postgres_url: str) -> None:
    """KEY-5: by a notification."""
    store, other = listening(postgres_url), open_store(postgres_url.replace("postgresql", "postgres"), "keys")
    store.add([KEY])
    before = store.generation()
    other.update(KEY.id, {"revoked": NOW})
    assert until(lambda: store.generation() != before) < 1
    store.close()
    other.close()


def test_a_listener_that_comes_back_drops_what_was_believed(postgres: PostgresServer, through: tuple[Proxy, str]) -> None:
    """KEY-5: a change while nobody listened was not heard; until then nothing is believed for longer than five seconds."""
    proxy, url = through
    store = listening(url)
    connected = store.generation()
    proxy.refuse()
    until(lambda: store.generation() < 0)
    alone = store.generation()
    assert until(lambda: store.generation() != alone) <= 5.1
    proxy.heal()
    until(lambda: store.generation() >= 0)
    assert store.generation() != connected
    store.close()


def test_a_listener_in_a_black_hole_is_not_believed(through: tuple[Proxy, str]) -> None:
    """The connection stands and nothing comes: within three seconds it counts as none."""
    proxy, url = through
    store = listening(url)
    proxy.black_hole()
    assert until(lambda: store.generation() < 0) <= 3.5
    proxy.heal()
    until(lambda: store.generation() >= 0)
    store.close()


def test_a_look_up_in_a_loop_is_the_same_and_does_not_hold_it_up(through: tuple[Proxy, str]) -> None:
    """While the network is slow the loop runs on."""
    proxy, url = through
    store = open_store(url, "keys")
    store.add([KEY])

    async def ask() -> tuple[Any, Any, float]:
        assert await store.afind("nobody") is None  # type: ignore[attr-defined]
        proxy.slow(0.2)
        asked = asyncio.create_task(store.afind(KEY.id))  # type: ignore[attr-defined]
        longest, last = 0.0, time.monotonic()
        while not asked.done():
            await asyncio.sleep(0.005)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        found = await asked, await store.afind_imported((KEY.digest,)), longest  # type: ignore[attr-defined]
        await store.aclose()  # type: ignore[attr-defined]
        return found

    found, imported, longest = asyncio.run(ask())
    assert (found, imported) == (KEY, None)
    assert longest < 0.15
    store.close()


# Counters


def either(store: SqlCounters, asynchronous: bool, *charges: Charge) -> Spent:
    if not asynchronous:
        return store.spend(charges, 0)

    async def ask() -> Spent:
        try:
            return await store.aspend(charges, 0)
        finally:
            await store.aclose()

    return asyncio.run(ask())


@pytest.mark.parametrize("asynchronous", [False, True])
def test_the_servers_clock_counts(postgres_url: str, asynchronous: bool) -> None:
    """Whatever the caller's says: two hosts that are years apart are counted together."""
    store, other = SqlCounters(postgres_url), SqlCounters(postgres_url)
    one = Charge(("r",), FEW)
    assert either(store, asynchronous, one).allowed
    assert either(other, asynchronous, one).allowed
    refused = either(store, asynchronous, one)
    assert (refused.allowed, refused.states[0][1]) == (False, 0)
    assert 50 < refused.retry_after <= 60
    store.close()


def test_a_wrong_belief_about_the_time_lets_nobody_in(postgres_url: str) -> None:
    """A process whose own clock jumps by an hour still counts by the server's."""
    ahead = [0.0]
    store = SqlCounters(postgres_url, monotonic=lambda: time.monotonic() + ahead[0])
    one = Charge(("r",), FEW)
    assert store.spend([one, one], 0).allowed
    for jump in (3600.0, -3600.0, SLACK_MS / 1000 * 2):
        ahead[0] += jump
        assert not store.spend([one], 0).allowed
    store.close()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_spend_is_one_statement(postgres: PostgresServer, postgres_url: str, asynchronous: bool) -> None:
    """Once a process knows the cells and the time: of all limits together."""
    store = SqlCounters(postgres_url)
    charges = [Charge((route, "me"), limit) for route in "ab" for limit in (MANY, Limit(1000, 3600))]
    asked: list[str] = []

    async def ask() -> list[Spent]:
        found = [await store.aspend(charges, 0) for _ in range(3)]
        await store.aclose()
        return found

    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "ostiary_spend" in statement or "ostiary_lock" in statement:
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        spent = asyncio.run(ask()) if asynchronous else [store.spend(charges, 0) for _ in range(3)]
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert [one.states[0][1] for one in spent] == [99, 98, 97]
    assert len(asked) == 4  # one more at first: what time is it?
    store.close()


def test_threads_and_tasks_of_several_stores_never_admit_one_more(postgres_url: str) -> None:
    """Exactly 100, alone and together with another limit, with compare and swap and with locks."""
    stores = [SqlCounters(postgres_url) for _ in range(4)]
    admitted: list[bool] = []
    both = (Charge(("r",), MANY), Charge(("s",), Limit(10**6, 60)))

    def hammer(store: SqlCounters, backwards: bool) -> None:
        admitted.extend(patiently(store, *(both[::-1] if backwards else both)) for _ in range(30))

    async def flood(store: SqlCounters) -> None:
        admitted.extend([(await store.aspend(both, 0)).allowed for _ in range(30)])

    async def floods() -> None:
        await asyncio.gather(*(flood(store) for store in stores))
        await stores[0].aclose()

    threads = [threading.Thread(target=hammer, args=(store, place % 2 == 0)) for place, store in enumerate(stores)]
    threads.append(threading.Thread(target=lambda: asyncio.run(floods())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(admitted), sum(admitted)) == (240, 100)
    assert stores[0].spend([both[1]._replace(cost=0)], 0).states[0][1] == 10**6 - 100
    stores[0].close()


def patiently(store: SqlCounters, *charges: Charge) -> bool:
    while True:
        try:
            return store.spend(charges, 0).allowed
        except Busy:
            continue


def test_a_worker_that_stands_still_holds_up_nobody_for_long(postgres: PostgresServer, postgres_url: str) -> None:
    """Somebody holds the lock of a cell: Busy after half a second, in a thread and in a loop."""
    store = SqlCounters(postgres_url)
    one = Charge(("r",), FEW)
    assert store.spend([one], 0).allowed
    with postgres.psycopg.connect(postgres_url) as held:
        held.execute("SELECT * FROM ostiary_cells FOR UPDATE")
        for asynchronous in (False, True):
            began = time.monotonic()
            with pytest.raises(Busy):
                either(store, asynchronous, one)
            assert time.monotonic() - began < 1.5
    assert store.spend([one], 0).allowed
    store.close()


# Outages


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("fault", ["refuse", "cut", "black_hole"])
def test_an_outage_is_a_store_that_is_down_and_comes_back(through: tuple[Proxy, str], fault: str, asynchronous: bool) -> None:
    """Within the time that is stated; nobody is let in meanwhile; afterwards it counts on, without a restart."""
    proxy, url = through
    store = SqlCounters(url)
    one = Charge(("r",), Limit(3, 3600))
    allowed = int(either(store, asynchronous, one).allowed)
    getattr(proxy, fault)()
    for _ in range(FAILURES if fault != "cut" else 0):
        began = time.monotonic()
        with pytest.raises(StoreDown):
            either(store, asynchronous, one)
        assert time.monotonic() - began < _sql.CONNECT + 2 * _sql.ANSWER + 0.7
    if fault != "cut":
        with pytest.raises(StoreDown, match="a moment ago"):
            either(store, asynchronous, one)
    proxy.heal()
    time.sleep(PAUSE)
    for _ in range(6):
        try:
            allowed += either(store, asynchronous, one).allowed
        except StoreDown:
            continue
    # A spend that went out and whose answer was lost may have counted: never one more, and never more than the lost ones less.
    assert 1 <= allowed <= 3
    assert not either(store, asynchronous, one).allowed
    store.close()


def test_a_server_that_is_away_at_the_start_is_asked_later(postgres: PostgresServer, through: tuple[Proxy, str]) -> None:
    """The guard starts, is closed, and works as soon as there is a server."""
    proxy, url = through
    proxy.refuse()
    store = open_store(url, "keys")
    with pytest.raises(StoreDown):
        store.find(KEY.id)
    proxy.heal()
    assert store.find(KEY.id) is None
    store.close()


def test_a_batch_whose_commit_was_not_answered_is_written_once(postgres_url: str) -> None:
    """The same batch again is the same batch; another one like it is another."""
    from ostiary.guard.event import Event

    store: Any = open_store(postgres_url, "events")
    rows = [Event(NOW, "r1", ("GET", "/"))]
    run = store._server.run

    def unanswered(*arguments: Any, **named: Any) -> None:
        run(*arguments, **named)
        raise StoreDown("the answer is lost")

    store._server.run = unanswered
    with pytest.raises(StoreDown):
        store.write(rows)
    del store._server.run
    store.write(rows)
    assert (len(store.recent()), store.usage()[0].calls) == (1, 1)
    store.write(rows)
    assert (len(store.recent()), store.usage()[0].calls) == (2, 2)
    store.close()


def test_events_are_bounded(postgres_url: str) -> None:
    """The newest stay; counts go on."""
    from ostiary.guard.event import Event
    from ostiary.guard.stores.sql_events import SqlEvents

    store = SqlEvents(postgres_url, keep=100)
    for batch in range(5):
        store.write([Event(NOW, f"{batch}-{number}") for number in range(50)])
    assert [row.request_id for row in store.recent(1000)] == [f"{batch}-{number}" for batch in (4, 3) for number in range(49, -1, -1)]
    assert store.usage()[0].calls == 250
    store.close()


def test_a_killed_server_lets_nobody_in_and_brings_no_key_back(tmp_path: Path) -> None:
    """TRUST-2: killed and started again under load from threads and processes; keys, revocations and limits are as stated."""
    server = PostgresServer()
    try:
        url = server.url()
        upgrade(url)
        open_store(url, "keys").add([KEY, *(KeyRecord(f"{n:012}", b"2" * 32, "p", NOW) for n in range(20))])
        command = [sys.executable, "-c", LOAD.format(folder=str(ROOT)), url]
        workers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for _ in range(3):
            time.sleep(1.2)
            server.stop()
            time.sleep(0.3)
            server.start()
        time.sleep(1.5)
        found = [list(map(int, worker.communicate("\n", timeout=60)[0].split())) for worker in workers]
        passed, refused, down, _, back = (sum(column) for column in zip(*found, strict=True))
        revoked = max(row[3] for row in found)
        print(f"three crashes: {passed} of 400 passed, {refused} refused, {down} without an answer, {revoked} revoked, {back} back")
        store = open_store(url, "keys")
        assert len(store.list()) == 21
        assert sum(record.revoked is not None for record in store.list()) >= revoked > 0
        store.close()
        assert back == 0
        assert down > 0
        assert 300 <= passed <= 400 + refused_bound(3)
    finally:
        server.remove()


def refused_bound(crashes: int) -> int:
    """What may pass once more: spent in the last 0.6 s before each crash, by 3 processes of 2 threads that spend at most 50 a second each."""
    return int(crashes * 0.6 * 3 * 2 * 50)


LOAD = """
import sys, threading, time
sys.path.insert(0, {folder!r})
from tests.guard.test_sql import *
url = sys.argv[1]
counters, keys = SqlCounters(url), open_store(url, "keys")
one = Charge(("r",), Limit(400, 3600))
passed, refused, down, revoked, back = [], [], [], set(), []
over = threading.Event()

def spend():
    while not over.is_set():
        try:
            (passed if counters.spend([one], 0).allowed else refused).append(1)
        except (Busy, StoreDown):
            down.append(1)
        time.sleep(0.02)

def revoke():
    place = 0
    while not over.is_set():
        name = "%012d" % (place % 20)
        place += 1
        try:
            keys.update(name, {{"revoked": NOW}})
            revoked.add(name)
        except (Busy, StoreDown):
            down.append(1)
        try:
            back.extend(1 for name in revoked if keys.find(name).revoked is None)
        except (Busy, StoreDown):
            down.append(1)
        time.sleep(0.2)

print("ready", flush=True)
threads = [threading.Thread(target=work) for work in (spend, spend, revoke)]
for thread in threads:
    thread.start()
sys.stdin.readline()
over.set()
for thread in threads:
    thread.join()
print(len(passed), len(refused), len(down), len(revoked), len(back))
"""


def test_a_sealed_record_is_verified_as_in_sqlite(postgres: PostgresServer, postgres_url: str) -> None:
    """AUDIT-5: it holds after pruning and erasing; an event that was changed by hand is told."""
    from ostiary.guard import retention
    from ostiary.guard.event import Event
    from ostiary.guard.seal import Sealer
    from ostiary.guard.tamper import Tampering, Verdict, verify

    keys = Peppers.of(b"an audit key that nobody else may know")
    store, sealers = open_store(postgres_url, "events"), [Sealer(keys), Sealer(keys)]
    for batch in range(6):
        rows = [Event(NOW + batch, f"{batch}-{n}", ("GET", "/"), principal=f"p{n}", address="203.0.113.7") for n in range(4)]
        store.write(rows, sealers[batch % 2].seal(rows))

    def judged() -> Verdict:
        with store.history() as (chains, rows):
            return verify(chains, rows, keys)

    assert (judged().holds, judged().chains) == (True, 2)
    assert retention.prune(store, None, NOW, keys, keep=17) == 7
    assert retention.erase(store, "p2", keys) == 4
    assert judged().holds
    assert {row.address for row in store.recent() if row.principal == "p2"} == {""}
    postgres.execute("UPDATE ostiary_events SET status = 500 WHERE request_id = '4-1'", database=database_of(postgres_url))
    assert [problem.kind for problem in judged().problems] == [Tampering.CHANGED]
    store.close()


# The guard


def test_a_guard_with_everything_in_postgresql(make: Any, postgres_url: str) -> None:
    """Keys, counters, nonces and events: five per minute are five for two guards together, a revoked key stops in both, all is recorded."""
    sites = [make(postgres_url, clock=time.time) for _ in range(2)]
    key = sites[0].mint()
    assert [site.ask("/api/v1/limited", key).status for _ in range(3) for site in sites] == [200] * 5 + [429]
    for site in sites:
        site.core.key_store.generation()
    record = sites[0].core.key_store.list()[0]
    sites[0].core.key_store.update(record.id, {"revoked": time.time()})
    assert sites[0].ask("/api/v1/limited", key).status == 401
    until(lambda: sites[1].ask("/api/v1/limited", key).status == 401, 1)
    assert all(site.core.recorder.flush() for site in sites)
    assert sites[0].core.recorder.store.key_uses()[record.id].calls >= 6


def test_a_guard_without_its_postgresql_is_closed(make: Any, through: tuple[Proxy, str]) -> None:
    """503 for whoever shows a key, and the handler is not reached; the rest goes on; afterwards it works again."""
    proxy, url = through
    site = make(keys=url)
    key = site.mint()
    proxy.refuse()
    site.core.key_store.close()
    assert site.ask("/api/v1/limited", key).status == 503
    assert site.ask("/health").status == 200
    assert site.reached == ["health"]
    proxy.heal()
    until(lambda: site.ask("/api/v1/limited", key).status == 200)


# Forks


SERVICE = """
import os
from flask import Flask
from ostiary.flask import Guard, require
app = Flask(__name__)

@app.get("/who")
@require()
def who():
    return {"pid": os.getpid(), "hears": app.extensions["ostiary"].core.key_store.generation() >= 0}

Guard(app, store=os.environ["STORE"], https="off", failures=None, pepper=b"a pepper that is used by nobody else", policy_file=None)
"""


def test_a_key_revoked_elsewhere_stops_on_every_worker_of_gunicorn_within_a_second(tmp_path: Path, postgres_url: str) -> None:
    """KEY-5, with workers that are forked after the app was loaded. Answers to a key that was just verified come from the cache."""
    (tmp_path / "service.py").write_text(SERVICE)
    ring = Keyring(open_store(postgres_url, "keys"), Peppers.of(b"a pepper that is used by nobody else"))
    record, key = ring.create()
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "-b", f"127.0.0.1:{port}", "--log-level", "error", "service:app"]
    server = subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"STORE": postgres_url})
    try:
        url = f"http://127.0.0.1:{port}/who"
        hearing: set[int] = set()

        def both_hear() -> bool:
            status, said = ask(url, key)
            hearing.update([said["pid"]] if status == 200 and said["hears"] else [])
            return len(hearing) == 2

        until(both_hear, 30)
        assert {ask(url, key)[0] for _ in range(20)} == {200}
        ring.revoke(record.id)
        revoked = time.monotonic()
        while time.monotonic() - revoked < 1:
            ask(url, key)
        assert [ask(url, key)[0] for _ in range(40)] == [401] * 40
    finally:
        server.terminate()
        server.wait(20)
        ring.store.close()


def ask(url: str, key: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"X-API-Key": key}), timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, {}
    except OSError:
        return 0, {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_goes_on_counting_and_listening(postgres_url: str) -> None:
    """Parent and children count together after a fork among threads; each child hears of changes by itself."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK.format(folder=str(ROOT)), postgres_url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout.split(), done.stderr, done.returncode) == (["100", "4"], "", 0)


FORK = """
import sys, os, threading
sys.path.insert(0, {folder!r})
from tests.guard.test_sql import *
store, keys = SqlCounters(sys.argv[1]), listening(sys.argv[1])
keys.add([KEY])
stop = threading.Event()

def others():
    while not stop.is_set():
        patiently(store, Charge(("other",), Limit(10**9, 60)))

threads = [threading.Thread(target=others) for _ in range(3)]
for thread in threads:
    thread.start()
patiently(store, Charge(("r",), MANY, 0))
readers = []
for _ in range(4):
    reader, writer = os.pipe()
    readers.append(reader)
    if os.fork() == 0:
        admitted = sum(patiently(store, Charge(("r",), MANY)) for _ in range(50))
        assert keys.generation() < 0
        until(lambda: keys.generation() >= 0)
        before = keys.generation()
        os.write(writer, b"%3d" % admitted)
        heard = until(lambda: keys.generation() != before)
        os.write(writer, b"1" if keys.find(KEY.id).revoked else b"0")
        os._exit(0)
    os.close(writer)
mine = sum(patiently(store, Charge(("r",), MANY)) for _ in range(50))
total = mine + sum(int(os.read(reader, 3)) for reader in readers)
keys.update(KEY.id, {{"revoked": NOW}})
heard = sum(int(os.read(reader, 1)) for reader in readers)
for _ in readers:
    os.wait()
stop.set()
for thread in threads:
    thread.join()
store.close()
keys.close()
print(total, heard)
"""
