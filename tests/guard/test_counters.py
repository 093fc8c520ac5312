"""Every store of counters keeps the same promises."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostiary.guard.limits import SKEW_MS
from ostiary.guard.stores import open_store
from ostiary.guard.stores.base import Busy, Charge, Counters, Spent
from ostiary.guard.stores.memory_counters import MemoryCounters
from ostiary.guard.stores.redis_counters import RedisCounters
from ostiary.guard.stores.sql_counters import SqlCounters
from ostiary.guard.stores.sqlite_counters import SqliteCounters
from ostiary.model.limit import Limit, calendar, gcra

NOW = 1_800_000_000.0
FEW, MANY = Limit(2, 60), Limit(100, 60)


@pytest.fixture(params=["memory", "sqlite", "redis", "redis cluster", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Counters]:
    opened: Counters
    if request.param.startswith("redis"):
        fixture = "redis_server" if request.param == "redis" else "redis_cluster"
        opened = RedisCounters(request.getfixturevalue(fixture).url, clock="caller", timeout=10)
    elif request.param == "postgres":
        opened = SqlCounters(request.getfixturevalue("postgres_url"), clock="caller")
    else:
        opened = open_store("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/ostiary.db", "counters")
    yield opened
    opened.close()


def spend(store: Counters, *charges: Charge, at: float = NOW) -> Spent:
    return store.spend(charges, at)


def test_it_says_whether_it_answers_in_place(store: Counters) -> None:
    """Memory does, SQLite waits for a disk, Redis and PostgreSQL for the network."""
    assert store.immediate is isinstance(store, MemoryCounters)


def test_a_limit_holds_and_ends(store: Counters) -> None:
    """N pass, the next does not, and does again when the first is W old; the state is told each time."""
    one = Charge(("r", "a"), FEW)
    assert spend(store, one) == Spent(True, ((0, 1, 60.0),))
    assert spend(store, one, at=NOW + 10) == Spent(True, ((0, 0, 50.0),))
    assert spend(store, one, at=NOW + 20) == Spent(False, ((0, 0, 40.0),), 40.0)
    assert spend(store, one, at=NOW + 59.999) == Spent(False, ((0, 0, 0.001),), 0.001)
    assert spend(store, one, at=NOW + 60) == Spent(True, ((0, 0, 10.0),))


@pytest.mark.parametrize("limit", [FEW, MANY, gcra("60 per minute", 2), calendar(2, "day")])
def test_every_kind_of_limit_is_kept(store: Counters, limit: Limit) -> None:
    """What is counted in one call is there in the next, for windows of both sorts, GCRA and calendar."""
    most = 100 if limit is MANY else 2
    assert [spend(store, Charge(("r",), limit)).allowed for _ in range(most + 1)] == [True] * most + [False]


def test_all_or_none(store: Counters) -> None:
    """Where one limit refuses none is spent, whichever comes first; the wait is that of the longest."""
    own, shared, slow = Charge(("own",), MANY), Charge(("shared",), FEW), Charge(("slow",), Limit(1, 3600))
    spend(store, shared, shared, slow)
    for charges in ((own, shared, slow), (slow, shared, own)):
        refused = spend(store, *charges, at=NOW + 30)
        assert not refused.allowed
        assert refused.retry_after == 3570
        assert sorted(remaining for _, remaining, _ in refused.states) == [0, 0, 100]
    assert spend(store, own, at=NOW + 30).states[0][1] == 99


def test_a_refused_call_costs_nothing(store: Counters) -> None:
    """A caller who hammers on is let in at the same moment as one who waits."""
    one = Charge(("r",), FEW)
    spend(store, one, one)
    for second in range(1, 60):
        assert spend(store, one, at=NOW + second).retry_after == 60 - second
    assert spend(store, one, at=NOW + 60).allowed


def test_one_counter_charged_twice_counts_twice(store: Counters) -> None:
    """Two charges of one counter in one request see each other: together over the limit is over the limit."""
    one = Charge(("r",), FEW)
    assert not spend(store, one, one, one).allowed
    assert spend(store, one, one).states == ((0, 1, 60.0), (1, 0, 60.0))
    assert not spend(store, one).allowed


def test_cost(store: Counters) -> None:
    """A call spends its cost; cost 0 tells the state and spends nothing; more than the limit never passes."""
    assert spend(store, Charge(("r",), MANY, 60)).states[0][1] == 40
    assert spend(store, Charge(("r",), MANY, 0)).states[0][1] == 40
    assert not spend(store, Charge(("r",), MANY, 41)).allowed
    assert spend(store, Charge(("r",), MANY, 40)).allowed
    assert spend(store, Charge(("r",), MANY, 0)).allowed
    assert not spend(store, Charge(("new",), MANY, 101)).allowed


def test_a_negative_cost_is_an_error_and_spends_nothing(store: Counters) -> None:
    """Nobody earns calls: ValueError, and the charges before it are taken back."""
    one = Charge(("r",), FEW)
    with pytest.raises(ValueError, match="negative"):
        spend(store, one, Charge(("s",), FEW, -1))
    assert spend(store, one, one).allowed


def test_nothing_to_spend(store: Counters) -> None:
    """No charges are allowed."""
    assert spend(store) == Spent(True, ())


KEYS = [
    ("a", "b"),
    ("a,b",),
    ("a', 'b",),
    ("ab",),
    ("a", "b", ""),
    (("a",), "b"),
    ("a", ("b",)),
    ("a", b"b"),
    ("a", None),
    ("a", "None"),
    ("a", 1),
    ("a", "1"),
    ("a", "b\x00"),
    ("a", "\udc80"),
    ("a", "é"),
    ("a", "e\u0301"),
    ("a" * 100_000,),
    (),
]


def test_no_two_keys_share_a_counter(store: Counters) -> None:
    """Whatever stands in keys and limits, each has its own counter."""
    for key in KEYS:
        for limit in (Limit(1, 60), Limit(1, 61), Limit(1, 60, by=("address",)), gcra("1 per minute")):
            assert spend(store, Charge(key, limit)).allowed, (key, limit)
    assert not any(spend(store, Charge(key, Limit(1, 60))).allowed for key in KEYS)


def test_a_clock_that_goes_back_frees_nothing(store: Counters) -> None:
    """A process whose clock lags a little counts at the time of the latest."""
    one = Charge(("r",), FEW)
    spend(store, one, one)
    assert not spend(store, one, at=NOW - SKEW_MS / 1000).allowed


def test_threads_never_admit_one_more(store: Counters) -> None:
    """Eight threads hammer one limit of 100: exactly 100 pass."""
    admitted: list[bool] = []

    def hammer() -> None:
        admitted.extend(patiently(store, Charge(("r",), MANY)).allowed for _ in range(40))

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(admitted), sum(admitted)) == (320, 100)


def patiently(store: Counters, *charges: Charge) -> Spent:
    while True:
        try:
            return store.spend(charges, NOW)
        except Busy:
            continue


def test_counters_outlive_the_process(tmp_path: Path) -> None:
    """What was counted is there for the next who opens the file, and the file does not hold who was counted."""
    store = SqliteCounters(tmp_path / "c.db")
    spend(store, Charge(("orders", "key-7Hq2xTz9"), FEW, 2))
    store.close()
    again = SqliteCounters(tmp_path / "c.db")
    assert not spend(again, Charge(("orders", "key-7Hq2xTz9"), FEW)).allowed
    again.close()
    assert b"7Hq2xTz9" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_expired_rows_are_deleted(tmp_path: Path) -> None:
    """A flood of callers who come once leaves the file when its time is over, without anybody asking for it."""
    store = SqliteCounters(tmp_path / "c.db")
    for number in range(500):
        spend(store, Charge(("flood", number), FEW))
    for number in range(200):
        spend(store, Charge(("steady", number % 3), Limit(1000, 60)), at=NOW + 61 + number / 1000)
    with store._database.connection() as connection:
        assert connection.execute("SELECT count(*) FROM cells").fetchone() == (3,)
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_goes_on_counting(tmp_path: Path) -> None:
    """Parent and child count in one file after a fork, in a process of many threads too."""
    script = FORK.format(folder=str(Path(__file__).parents[2]))
    # From 3.12 on Python warns of a fork among threads, which is what is tried here.
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, str(tmp_path / "c.db")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.stdout.split(), done.stderr, done.returncode) == (["100"], "", 0)


FORK = """
import sys, os, threading
sys.path.insert(0, {folder!r})
from tests.guard.test_counters import *
store, memory = SqliteCounters(sys.argv[1]), MemoryCounters()
stop = threading.Event()

def others():
    while not stop.is_set():
        patiently(store, Charge(("other",), Limit(10**9, 60)))
        memory.spend([Charge(("other",), Limit(10**9, 60))], NOW)

threads = [threading.Thread(target=others) for _ in range(3)]
for thread in threads:
    thread.start()
patiently(store, Charge(("r",), MANY, 0))
readers = []
for _ in range(4):
    reader, writer = os.pipe()
    readers.append(reader)
    if os.fork() == 0:
        assert memory.spend([Charge(("r",), MANY)], NOW).allowed
        admitted = sum(patiently(store, Charge(("r",), MANY)).allowed for _ in range(50))
        os.write(writer, b"%d" % admitted)
        os._exit(0)
    os.close(writer)
mine = sum(patiently(store, Charge(("r",), MANY)).allowed for _ in range(50))
total = mine + sum(int(os.read(reader, 9)) for reader in readers)
for _ in readers:
    os.wait()
stop.set()
for thread in threads:
    thread.join()
store.close()
print(total)
"""
