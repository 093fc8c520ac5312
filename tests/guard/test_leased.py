"""Leases: a worker spends in memory what it was charged for, and all workers together never pass a limit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.guard.stores.leased import MOST_UNITS, LeasedCounters, terms
from ostiary.guard.stores.memory_counters import MemoryCounters
from ostiary.guard.stores.redis_counters import RedisCounters  # noqa: F401 used by the processes
from ostiary.model.limit import Limit, calendar, gcra
from tests.guard.redis_server import RedisServer

START = 1_800_000_000.0


class Shared(MemoryCounters):
    """A store that workers share; counts how often it was asked, and can be out."""

    immediate = False

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.out = 0, False

    def spend(self, charges: Sequence[Charge], now: float) -> Spent:
        self.asked += 1
        if self.out:
            raise StoreDown("gone")
        return super().spend(charges, now)

    async def aspend(self, charges: Sequence[Charge], now: float) -> Spent:
        return self.spend(charges, now)

    async def aclose(self) -> None:
        self.close()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def workers(count: int, lease: float) -> tuple[Shared, Clock, list[LeasedCounters]]:
    store, clock = Shared(), Clock()
    return store, clock, [LeasedCounters(store, lease, monotonic=clock) for _ in range(count)]


def most_in_a_window(times: list[tuple[float, int]], seconds: int) -> int:
    return max((sum(cost for moment, cost in times if start <= moment < start + seconds) for start, _ in times), default=0)


CALLS = st.lists(
    st.tuples(st.sampled_from([0, 0, 0.001, 0.01, 0.3, 1, 5, 20]), st.integers(0, 3), st.sampled_from([1, 1, 1, 2, 7])), max_size=250
)


@settings(max_examples=150, deadline=None)
@given(st.integers(4, 120), st.sampled_from([4, 10, 60]), st.sampled_from([0.1, 0.25, 0.5]), st.integers(1, 4), CALLS)
def test_never_more_than_the_limit_in_any_window(count: int, seconds: int, lease: float, many: int, calls: Any) -> None:
    """Over all workers, whenever they ask and whoever of them calls: N in every interval of length W is the most."""
    _, clock, found = workers(many, lease)
    limit, admitted = Limit(count, seconds), []
    for pause, which, cost in calls:
        clock.now += pause
        if found[which % many].spend([Charge(("r",), limit, cost)], START + clock.now).allowed:
            admitted.append((clock.now, cost))
    assert most_in_a_window(admitted, seconds) <= count


def test_what_is_spent_late_still_counts() -> None:
    """The worst case of a lease: taken at once, spent at its very end, and another worker that comes when it leaves a plain window."""
    _, clock, (first, second) = workers(2, 0.5)
    limit, admitted = Limit(16, 60), []

    def spend(worker: LeasedCounters, moment: float) -> None:
        clock.now = moment
        if worker.spend([Charge(("r",), limit)], START + moment).allowed:
            admitted.append((moment, 1))

    for moment in [0.0] * 9 + [29.9] * 7:
        spend(first, moment)
    assert len(admitted) == 16
    for moment in range(60, 120):
        spend(second, moment)
    assert most_in_a_window(admitted, 60) == 16
    assert len(admitted) == 32


@pytest.mark.parametrize("many", [1, 4])
def test_what_is_admitted_less(many: int) -> None:
    """Hammered for ten windows the callers get N per W + T, less the store's own 1/21 and what lies in the hands of workers when it ends."""
    _, clock, found = workers(many, 0.05)
    limit, admitted = Limit(1200, 60), 0
    for step in range(60 * 10 * 40):
        clock.now = step / 40
        admitted += found[step % many].spend([Charge(("r",), limit)], START + clock.now).allowed
    fair = 1200 * 600 / 63
    assert fair * 20 / 21 - many * 60 <= admitted <= 1200 * 10


def test_the_store_is_asked_for_one_call_in_a_hundred() -> None:
    """At a steady rate, after the first few: that is what leases are for."""
    store, clock, (worker,) = workers(1, 0.05)
    limit = Limit(60_000, 60)
    for step in range(20_000):
        clock.now = step / 500
        assert worker.spend([Charge(("r",), limit)], START + clock.now).allowed
    assert store.asked <= 20_000 / MOST_UNITS + 10


def test_who_comes_seldom_has_nothing_taken_in_hand() -> None:
    """The first call of a caller takes one unit, so that another worker finds all the others."""
    _, _, (one, other) = workers(2, 0.5)
    limit = Limit(100, 60)
    one.spend([Charge(("r",), limit)], START)
    assert other.spend([Charge(("r",), limit, 99)], START).allowed
    assert not other.spend([Charge(("r",), limit)], START).allowed


def test_a_lease_ends() -> None:
    """What was not used in time is given up: it was charged, and never is spent late."""
    store, clock, (worker,) = workers(1, 0.1)
    charge = [Charge(("r",), Limit(1000, 60))]
    while store.asked < 4:
        worker.spend(charge, START)
    asked = store.asked
    worker.spend(charge, START)
    assert store.asked == asked
    clock.now = 6.0
    worker.spend(charge, START + 6)
    assert store.asked == asked + 1


def test_all_or_none_over_hands_and_store() -> None:
    """Where the store refuses one limit, what was taken from hand for another goes back there."""
    store, _, (worker,) = workers(1, 0.1)
    own, rare = Charge(("own",), Limit(1000, 60)), Charge(("rare",), Limit(1, 60))
    worker.spend([own, rare], START)
    for _ in range(6):
        worker.spend([own], START)
    before = worker.spend([own._replace(cost=0)], START).states[0][1]
    refused = worker.spend([own, rare], START)
    assert (refused.allowed, refused.states[1][1], refused.retry_after) == (False, 0, 60.0)
    assert worker.spend([own._replace(cost=0)], START).states[0][1] == before == 1000 - 7
    store.out = True
    with pytest.raises(StoreDown):
        worker.spend([own, rare], START)
    assert worker.spend([own._replace(cost=0)], START).states[0][1] == before


def test_what_is_in_hand_outlasts_an_outage() -> None:
    """It was charged before: it is spent while the store is out, and no more than that."""
    store, _, (worker,) = workers(1, 0.1)
    charge = [Charge(("r",), Limit(1000, 60))]
    for _ in range(5):
        worker.spend(charge, START)
    store.out = True
    passed = sum(worker.spend(charge, START).allowed for _ in range(3))
    with pytest.raises(StoreDown):
        worker.spend(charge, START)
    assert passed == 3


@pytest.mark.parametrize("limit", [Limit(10, 60), Limit(1000, 5), gcra("1000 per minute", 50), calendar(1000, "day")])
def test_what_cannot_be_leased_is_asked_for(limit: Limit) -> None:
    """Parts below two units or a second, GCRA, calendar: the same answers as the store's own, at every call."""
    store, _, (worker,) = workers(1, 0.1)
    alone = MemoryCounters()
    assert terms(limit, 0.1) is None
    for place in range(20):
        assert worker.spend([Charge(("r",), limit)], START + place) == alone.spend([Charge(("r",), limit)], START + place)
    assert store.asked == 20


def test_a_cost_below_nothing_is_an_error() -> None:
    """ValueError, before anything is spent."""
    store, _, (worker,) = workers(1, 0.1)
    with pytest.raises(ValueError, match="negative"):
        worker.spend([Charge(("r",), Limit(1000, 60)), Charge(("r",), Limit(1000, 60), -1)], START)
    assert store.asked == 0


def test_hands_do_not_fill_up() -> None:
    """A flood of callers who come once leaves the memory of a worker."""
    _, clock, (worker,) = workers(1, 0.1)
    for number in range(500):
        worker.spend([Charge(("flood", number), Limit(1000, 60))], START)
    clock.now = 7.0
    for number in range(300):
        worker.spend([Charge(("later", number), Limit(1000, 60))], START + 7)
    assert {key[0] for _, key in worker._leases} == {"later"}


def test_in_a_loop() -> None:
    """``aspend`` is ``spend``: what one has in hand the other spends."""
    store, _, (worker,) = workers(1, 0.1)
    charge = [Charge(("r",), Limit(1000, 60))]

    async def calls() -> bool:
        answers = [await worker.aspend(charge, START) for _ in range(5)]
        store.out = True
        with pytest.raises(StoreDown):
            await worker.aspend([Charge(("other",), Limit(1000, 60))], START)
        await worker.aclose()
        return all(answer.allowed for answer in answers)

    worker.spend(charge, START)
    assert asyncio.run(calls())
    assert store.asked == 5


def test_over_a_file(make: Any, tmp_path: Path) -> None:
    """SQLite, which answers in place, for threads and for event loops."""
    site = make(f"sqlite:///{tmp_path}/ostiary.db", lease=0.4)
    assert [site.ask("/public-limited").status for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.parametrize("lease", [0, -1, 0.6, 1, True, "0.1", None])
def test_a_lease_that_cannot_be(lease: Any) -> None:
    """Said at start-up, with what to write."""
    with pytest.raises(UsageError, match="at most"):
        LeasedCounters(Shared(), lease)


def test_memory_needs_none(make: Any) -> None:
    """A guard with counters in memory and a lease does not start."""
    with pytest.raises(UsageError, match="memory needs none"):
        make(lease=0.1)


HAMMER = """
import sys
sys.path.insert(0, {folder!r})
from tests.guard.test_leased import *
store = LeasedCounters(RedisCounters(sys.argv[1], timeout=10), 0.1)
input()
print(sum(store.spend([Charge(("r",), Limit(600, 600))], 0).allowed for _ in range(400)))
"""


def test_processes_over_redis(redis_server: RedisServer) -> None:
    """Four processes hammer one limit of 600: never more, and at most what lies in the hands of each fewer."""
    command = [sys.executable, "-c", HAMMER.format(folder=str(Path(__file__).parents[2])), redis_server.url]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    admitted = sum(int(process.communicate(timeout=120)[0]) for process in processes)
    assert 600 - 4 * 60 <= admitted <= 600


def test_a_guard_that_leases(make: Any, redis_server: RedisServer) -> None:
    """Two guards over one Redis: a limit of 5 is 5 as ever."""
    sites = [make(counters=redis_server.url, lease=0.4) for _ in range(2)]
    answers = [site.ask("/public-limited").status for _ in range(3) for site in sites]
    assert isinstance(sites[0].core.counters, LeasedCounters)
    assert answers == [200] * 5 + [429]
