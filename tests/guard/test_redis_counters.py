"""Counters in Redis: the same answers as in memory, the server's clock, one round trip, and an outage that holds nobody up."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.guard.limits import SKEW_MS, meter
from ostiary.guard.stores import open_store
from ostiary.guard.stores._breaker import FAILURES, PAUSE
from ostiary.guard.stores._redis_cells import key_of, packed
from ostiary.guard.stores._spending import settle
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.guard.stores.memory_counters import MemoryCounters
from ostiary.guard.stores.redis_counters import RedisCounters
from ostiary.guard.stores.redis_nonces import RedisNonces
from ostiary.model.limit import DAY, LONGEST, MOST, Limit, calendar, gcra
from tests.guard.redis_server import RedisServer

NOW = 1_800_000_000.0
FEW, MANY = Limit(2, 60), Limit(100, 60)
KINDS = [FEW, MANY, gcra("60 per minute", 2), calendar(2, "day")]
SECONDS = st.sampled_from([1, 2, 7, 60, 3600])
LIMITS = st.one_of(
    st.builds(Limit, st.integers(1, 16), SECONDS),
    st.builds(Limit, st.integers(17, 60), SECONDS, parts=st.integers(8, 64)),
    st.builds(lambda count, seconds, burst: Limit(count, seconds, "gcra", burst), st.integers(1, 60), SECONDS, st.integers(1, 30)),
    st.builds(calendar, st.integers(1, 30), st.sampled_from(["day", "month"]), st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"])),
)
HUGE = st.sampled_from(
    [
        Limit(MOST, 1, "gcra", MOST),
        Limit(MOST, LONGEST, "gcra", MOST),
        Limit(MOST - 7, LONGEST - 1, "gcra", 3),
        Limit(1, LONGEST, "gcra", MOST),
        Limit(1, 1, "gcra", 1),
        Limit(999_999_937, 86_399, "gcra", 999_999_893),
        Limit(MOST, LONGEST, parts=64),
        Limit(MOST, 1, parts=63),
        Limit(17, LONGEST, parts=63),
        Limit(16, LONGEST),
        calendar(MOST, "month", "Pacific/Apia"),
    ]
)
COSTS = st.sampled_from([0, 1, 1, 1, 2, 5, 20, 999_999_999, MOST, 10**15])
# In seconds; back by less and by more than the minute that counts as standing still.
PAUSES = st.one_of(
    st.just(0),
    st.integers(0, 3),
    st.floats(0, 90),
    st.integers(0, 5000),
    st.floats(-70, 0),
    st.sampled_from([-SKEW_MS / 1000, DAY, -DAY, 40 * DAY]),
)


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisCounters]:
    """Its clock is the caller's, so that tests decide what time it is."""
    opened = RedisCounters(redis_server.url, clock="caller", timeout=10)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def of_module(own_redis: RedisServer) -> Iterator[RedisCounters]:
    opened = RedisCounters(own_redis.url, clock="caller", timeout=10)
    yield opened
    opened.close()


class Plain:
    """The arithmetic over cells that nobody forgets: what every store has to answer, also when the clock goes back."""

    def __init__(self) -> None:
        self.cells: dict[str, int] = {}

    def spend(self, charges: list[Charge], now: float) -> Spent:
        names = [key_of(charge) for charge in charges]
        spent, after = settle(charges, [self.cells.get(name, 0) for name in names], int(now * 1000 + 0.5))
        if spent.allowed:
            self.cells.update((name, cell) for name, charge, cell in zip(names, charges, after, strict=True) if charge.cost)
        return spent


def same_answers(store: RedisCounters, server: RedisServer, limits: list[Limit], calls: Any) -> None:
    """Of memory as well, as long as time does not go back: it drops what has expired, Redis waits a minute."""
    plain, memory, now, back = Plain(), MemoryCounters(), NOW, False
    with server.client() as client:
        client.flushall()
        for pause, wanted in calls:
            now, back = max(now + pause, 10 * DAY), back or pause < 0
            charges = [Charge((who,), limits[which % len(limits)], cost) for which, who, cost in wanted]
            answer = store.spend(charges, now)
            assert answer == plain.spend(charges, now)
            assert back or answer == memory.spend(charges, now)
            for charge in charges:
                assert packed(charge.limit, client.get(key_of(charge)) or b"") == plain.cells.get(key_of(charge), 0)


CALLS = st.lists(st.tuples(PAUSES, st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), COSTS), max_size=4)), max_size=30)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(limits=st.lists(LIMITS, min_size=1, max_size=3), calls=CALLS)
def test_the_same_answers_as_in_memory(of_module: RedisCounters, own_redis: RedisServer, limits: list[Limit], calls: Any) -> None:
    """Whatever is spent, at whatever times, forward and back: allowed, states, waits and cells are those of guard/limits.py."""
    same_answers(of_module, own_redis, limits, calls)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(limits=st.lists(HUGE, min_size=1, max_size=3), calls=CALLS)
def test_the_same_answers_for_the_largest_limits(of_module: RedisCounters, own_redis: RedisServer, limits: list[Limit], calls: Any) -> None:
    """Where the product of a time and a count is beyond what Lua counts exactly."""
    same_answers(of_module, own_redis, limits, calls)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(LIMITS, st.lists(st.tuples(st.floats(0, 0.1), st.sampled_from([1, 1, 2])), min_size=60, max_size=150))
def test_the_same_answers_in_long_runs(of_module: RedisCounters, own_redis: RedisServer, limit: Limit, hits: Any) -> None:
    """Many calls close together, so that every limit is reached and left again; pauses in parts of the window."""
    same_answers(of_module, own_redis, [limit], [(pause * limit.seconds, [(0, 0, cost)]) for pause, cost in hits])


def test_a_debt_of_a_year_is_paid_back_to_the_unit(store: RedisCounters, redis_server: RedisServer) -> None:
    """Prime counts, windows and pauses: a product that is off by one bit shows."""
    for limit in (Limit(999_999_937, LONGEST - 1, "gcra", 999_999_893), Limit(999_999_937, 86_399, "gcra", 7)):
        calls = [(0, [(0, 0, 999_999_893 if limit.burst > 7 else 7)])] + [(123_456.789 + step / 7, [(0, 0, step)]) for step in range(1, 60)]
        same_answers(store, redis_server, [limit], calls)


@pytest.mark.parametrize("limit", KINDS)
def test_a_clock_that_was_set_wrong_locks_nobody_out(store: RedisCounters, redis_server: RedisServer, limit: Limit) -> None:
    """What was counted in a far future is forgotten when the clock is put right; a lag of a minute is not; all as the arithmetic says."""
    full = meter(limit).full
    same_answers(store, redis_server, [limit], [(400 * DAY, [(0, 0, full)]), (-400 * DAY, [(0, 0, 1)])])
    assert store.spend([Charge((0,), limit, full - 1)], NOW).allowed
    assert not store.spend([Charge((0,), limit)], NOW - SKEW_MS / 1000).allowed
    for lag in (SKEW_MS / 1000, SKEW_MS / 1000 + 59, 2 * SKEW_MS / 1000 + 10, 3 * DAY):
        same_answers(store, redis_server, [limit], [(0, [(0, 0, full)]), (-lag, [(0, 0, 1)]), (lag, [(0, 0, 1)]), (1, [(0, 0, 1)])])


def test_a_cell_is_as_long_as_what_it_holds(store: RedisCounters, redis_server: RedisServer) -> None:
    """A caller who came once takes a few bytes, however many sub-windows there are."""
    charge = Charge(("r",), MANY)
    store.spend([charge], NOW)
    with redis_server.client() as client:
        assert client.get(key_of(charge)) == b"600000000 1"


def test_the_time_is_the_servers(redis_server: RedisServer) -> None:
    """Hosts whose clocks are years apart count as one; a calendar quota needs clocks within a day and says so."""
    store = RedisCounters(redis_server.url, timeout=10)
    with redis_server.client() as client:
        now = int(client.time()[0])
        for limit in (FEW, MANY, gcra("2 per hour", 2)):
            most = 100 if limit is MANY else 2
            answers = [store.spend([Charge(("r",), limit)], moment * 1e6).allowed for moment in range(most + 1)]
            assert answers == [True] * most + [False]
        day = Charge(("r",), calendar(2, "day"))
        assert [store.spend([day], now + shift).allowed for shift in (-40_000, 40_000, 0)] == [True, True, False]
        keys = client.dbsize()
        for moment in (0.0, now + 3 * DAY, now - 3 * DAY):
            with pytest.raises(StoreDown, match="day apart"):
                store.spend([Charge(("s",), MANY), day], moment)
        assert client.dbsize() == keys
    store.close()


@pytest.mark.parametrize("limit", KINDS)
def test_every_cell_expires(redis_server: RedisServer, limit: Limit) -> None:
    """With its limit, and no later than what it holds counts."""
    store = RedisCounters(redis_server.url, timeout=10)
    with redis_server.client() as client:
        now = float(client.time()[0])
        charge = Charge(("r",), limit)
        assert store.spend([charge], now).allowed
        rest = client.pttl(key_of(charge))
        longest = {60: 63_000, DAY: DAY * 1000}[limit.seconds]
        assert 0 < rest <= longest
        assert rest > 500 if limit.kind == "gcra" else limit.kind == "calendar" or rest > 50_000
        assert client.keys() == [key_of(charge).encode()]
    store.close()


def test_a_refused_call_writes_nothing(store: RedisCounters, redis_server: RedisServer) -> None:
    """Not a key, not a byte, not an end."""
    full, new = Charge(("full",), FEW, 2), Charge(("new",), MANY)
    store.spend([full], NOW)
    with redis_server.client() as client:
        before = client.dump(key_of(full))
        client.persist(key_of(full))
        assert not store.spend([new, full], NOW).allowed
        assert not store.spend([full, new], NOW).allowed
        assert (client.dump(key_of(full)), client.dbsize(), client.pttl(key_of(full))) == (before, 1, -1)


def test_all_charges_are_one_round_trip(store: RedisCounters, redis_server: RedisServer) -> None:
    """One EVALSHA for ten charges of several callers; the script travels once."""
    store.spend([Charge(("r",), FEW)], NOW)
    with redis_server.client() as client:
        client.config_resetstat()
        assert store.spend([Charge(("r", str(number)), limit) for number in range(3) for limit in KINDS], NOW).allowed
        stats = client.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 1
    assert {name for name in stats if name in ("cmdstat_eval", "cmdstat_script|load", "cmdstat_multi")} == set()


def test_a_server_that_forgot_the_script_is_told_again(store: RedisCounters, redis_server: RedisServer) -> None:
    """After SCRIPT FLUSH the next call counts as any other."""
    assert store.spend([Charge(("r",), FEW)], NOW).allowed
    with redis_server.client() as client:
        client.script_flush()
    assert store.spend([Charge(("r",), FEW)], NOW).allowed
    assert not store.spend([Charge(("r",), FEW)], NOW).allowed


def test_keys_hold_no_caller(store: RedisCounters, redis_server: RedisServer) -> None:
    """Who reads the server's memory learns no key id and no address."""
    store.spend([Charge(("orders", "api-key", "7Hq2xTz9"), FEW), Charge(("orders", "address", "203.0.113.7"), FEW)], NOW)
    with redis_server.client() as client:
        everything = b" ".join(client.keys()) + b" ".join(client.mget(client.keys()))
    assert b"7Hq2xTz9" not in everything
    assert b"203.0" not in everything


class Monotonic:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_server_that_dies_and_comes_back(tmp_path: Path) -> None:
    """StoreDown while it is away, after three failures at once and without a try for a second; then it is used again, without a new store."""
    server, clock = RedisServer(tmp_path), Monotonic()
    store = RedisCounters(server.url, clock="caller", monotonic=clock)
    one = [Charge(("r",), FEW)]
    assert store.spend(one, NOW).allowed
    server.stop()
    for _ in range(FAILURES):
        with pytest.raises(StoreDown, match="does not answer"):
            store.spend(one, NOW)
    server.start()
    with pytest.raises(StoreDown, match="a moment ago"):
        store.spend(one, NOW)
    clock.now = PAUSE
    assert [store.spend(one, NOW).allowed for _ in range(3)] == [True, True, False]
    store.close()
    server.stop()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_restart_costs_nobody_a_call(tmp_path: Path, asynchronous: bool) -> None:
    """Connections that a restart has closed are replaced: each of the next calls is answered, none of them hears that the store is down."""
    server = RedisServer(tmp_path)
    store = RedisCounters(server.url, timeout=10)

    async def twenty() -> list[bool]:
        answers = await asyncio.gather(*(store.aspend([Charge(("r",), MANY)], NOW) for _ in range(20)))
        return [answer.allowed for answer in answers]

    async def over_a_restart() -> list[bool]:
        before = await twenty()
        restart(server)
        after = await twenty()
        await store.aclose()
        return before + after

    if asynchronous:
        assert asyncio.run(over_a_restart()) == [True] * 40
    else:
        threads = [threading.Thread(target=store.spend, args=([Charge(("r",), MANY)], NOW)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        restart(server)
        assert all(store.spend([Charge(("r",), MANY)], NOW).allowed for _ in range(20))
    store.close()
    server.stop()


def restart(server: RedisServer) -> None:
    server.stop()
    server.start()


def test_one_late_answer_is_no_outage(redis_server: RedisServer) -> None:
    """Who waited in vain is refused; who asks next is not."""
    store = RedisCounters(redis_server.url, timeout=0.2)
    one = [Charge(("r",), MANY)]
    store.spend(one, NOW)
    with redis_server.client() as client:
        client.execute_command("CLIENT", "PAUSE", 400, "ALL")
    with pytest.raises(StoreDown, match="TimeoutError"):
        store.spend(one, NOW)
    with redis_server.client() as client:
        client.ping()
    assert store.spend(one, NOW).allowed
    store.close()


def test_one_call_tries_a_server_that_was_down() -> None:
    """The others hear at once that it is down until that one knows better."""
    clock = Monotonic()
    store = RedisCounters(f"redis://127.0.0.1:{closed_port()}", monotonic=clock)
    one = [Charge(("r",), FEW)]
    for moment, says in (
        *[(0.0, "not answer \\(")] * FAILURES,
        (0.9, "a moment ago"),
        (1.0, "not answer \\("),
        (1.9, "a moment ago"),
        (2.0, "not answer \\("),
    ):
        clock.now = moment
        with pytest.raises(StoreDown, match=says):
            store.spend(one, NOW)
    breaker = store._server._breaker("")
    clock.now = 5.0
    breaker.check()
    with pytest.raises(StoreDown, match="a moment ago"):
        breaker.check()


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}"


def test_a_server_that_hangs_is_down(silent: str) -> None:
    """After the time-out, for threads."""
    store = RedisCounters(silent, timeout=0.05)
    with pytest.raises(StoreDown, match="TimeoutError"):
        store.spend([Charge(("r",), FEW)], NOW)
    store.close()


def test_a_server_that_hangs_does_not_hold_up_the_loop(silent: str) -> None:
    """While one request waits for it the others go on."""

    async def wait() -> int:
        store, ticks = RedisCounters(silent, timeout=0.1), 0
        asked = asyncio.ensure_future(store.aspend([Charge(("r",), FEW)], NOW))
        while not asked.done():
            await asyncio.sleep(0)
            ticks += 1
        with pytest.raises(StoreDown, match="TimeoutError"):
            asked.result()
        await store.aclose()
        return ticks

    assert asyncio.run(wait()) > 10


def test_a_full_server_is_down_and_forgets_nothing(store: RedisCounters, redis_server: RedisServer) -> None:
    """``noeviction`` at ``maxmemory``: nobody is counted anew, and who was counted stays so; no pause, because it does answer."""
    one = [Charge(("r",), FEW)]
    store.spend(one, NOW)
    with redis_server.client() as client:
        client.config_set("maxmemory", "1")
        try:
            for _ in range(2):
                with pytest.raises(StoreDown, match="maxmemory"):
                    store.spend(one, NOW)
        finally:
            client.config_set("maxmemory", "0")
    assert [store.spend(one, NOW).allowed for _ in range(2)] == [True, False]


def test_a_cell_that_somebody_else_wrote_is_down(store: RedisCounters, redis_server: RedisServer) -> None:
    """A list in the place of a counter counts nothing for nobody: the answer is an error, not an open door."""
    charge = Charge(("r",), FEW)
    with redis_server.client() as client:
        client.lpush(key_of(charge), "x")
    assert store.spend([charge], NOW).allowed  # MGET reads what is no text as nothing; the cell is written anew
    assert [store.spend([charge], NOW).allowed for _ in range(2)] == [True, False]


def test_loops_count_with_threads(store: RedisCounters) -> None:
    """``aspend`` is ``spend``: in one loop, in another after it, and for many tasks at once."""

    async def tasks(count: int) -> int:
        answers = await asyncio.gather(*(store.aspend([Charge(("r",), MANY)], NOW) for _ in range(count)))
        await store.aclose()
        return sum(answer.allowed for answer in answers)

    assert asyncio.run(tasks(70)) == 70
    assert sum(store.spend([Charge(("r",), MANY)], NOW).allowed for _ in range(20)) == 20
    assert asyncio.run(tasks(70)) == 10
    with pytest.raises(ValueError, match="negative"):
        asyncio.run(store.aspend([Charge(("r",), MANY, -1)], NOW))
    assert asyncio.run(store.aspend([], NOW)) == Spent(True, ())


def test_a_nonce_travels_with_the_charges(store: RedisCounters, redis_server: RedisServer) -> None:
    """One round trip; a nonce that was seen spends nothing; one that a limit refused is used; one whose end has passed is as seen."""
    one, end = [Charge(("r",), FEW)], NOW + 360
    store.spend([Charge(("other",), FEW)], NOW)
    with redis_server.client() as client:
        client.config_resetstat()
        assert store.spend_and_remember(one, NOW, b"a", end) == Spent(True, ((0, 1, 60.0),))
        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == 1
        assert sorted(client.pttl(key) > 300_000 for key in client.keys("*nonce*")) == [True]
    assert store.spend_and_remember(one, NOW, b"a", end) is None
    assert store.spend_and_remember(one, NOW, b"late", NOW) is None
    assert store.spend_and_remember([], NOW, b"b", end) == Spent(True, ())
    assert store.spend_and_remember([], NOW, b"b", end) is None
    assert store.spend_and_remember(one, NOW, b"c", end) == Spent(True, ((0, 0, 60.0),))
    assert not store.spend_and_remember(one, NOW, b"d", end).allowed  # type: ignore[union-attr]
    assert store.spend_and_remember(one, NOW, b"d", end) is None
    nonces = RedisNonces(redis_server.url)
    assert [nonces.remember(key, NOW, end) for key in (b"a", b"d", b"e")] == [False, False, True]
    assert store.spend_and_remember(one, NOW, b"e", end) is None
    nonces.close()


def test_loops_remember_with_the_charges(store: RedisCounters) -> None:
    """One of many tasks with one nonce is let in."""

    async def offer() -> list[Spent | None]:
        answers = await asyncio.gather(*(store.aspend_and_remember([Charge(("r",), MANY)], NOW, b"a", NOW + 9) for _ in range(20)))
        assert await store.aspend_and_remember([], NOW, b"a", NOW) is None
        await store.aclose()
        return answers

    assert sorted(answer is None for answer in asyncio.run(offer())) == [False] + [True] * 19
    assert store.spend([Charge(("r",), MANY, 0)], NOW).states[0][1] == 99


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One node that holds every slot: it refuses a script whose keys lie in several, as any cluster does."""
    server = RedisServer(tmp_path_factory.mktemp("cluster"), cluster=True)
    yield server
    server.stop()


def either(store: RedisCounters, asynchronous: bool, charges: list[Charge], now: float) -> Spent:
    if not asynchronous:
        return store.spend(charges, now)

    async def ask() -> Spent:
        try:
            return await store.aspend(charges, now)
        finally:
            await store.aclose()

    return asyncio.run(ask())


@pytest.mark.parametrize("asynchronous", [False, True])
def test_in_a_cluster_one_caller_is_one_script(cluster: RedisServer, asynchronous: bool) -> None:
    """All limits that count one caller, whatever the route."""
    store = RedisCounters(cluster.url, clock="caller", timeout=10)
    charges = [Charge((route, "api-key", "me"), limit) for route in ("a", "b") for limit in KINDS]
    either(store, asynchronous, charges, NOW)
    with cluster.client() as client:
        client.config_resetstat()
        assert either(store, asynchronous, charges, NOW).allowed
        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == 1
        client.flushall()
    store.close()


@pytest.mark.parametrize("asynchronous", [False, True])
def test_in_a_cluster_it_is_all_or_none(cluster: RedisServer, asynchronous: bool) -> None:
    """Charges of several callers: where one refuses the others are as before, and the answer is that of one store."""
    store, memory = RedisCounters(cluster.url, clock="caller", timeout=10), MemoryCounters()
    own = [Charge(("a", "api-key", "me"), limit) for limit in KINDS]
    shared, address = Charge(("a", "app", ""), Limit(3, 60)), Charge(("a", "address", "203.0.113.7"), Limit(1000, 60), 5)
    for number, charges in enumerate([[own[1], shared], [shared, *own], [address, shared, own[1]], [own[1], shared, address]] * 2):
        assert either(store, asynchronous, charges, NOW + number) == memory.spend(charges, NOW + number)
    for charge in (*own, shared, address):
        looked = charge._replace(cost=0)
        assert either(store, asynchronous, [looked], NOW + 9) == memory.spend([looked], NOW + 9)
    with cluster.client() as client:
        client.flushall()
    store.close()


SPENDS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([1, 1, 2, 3])), max_size=12)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(limit=LIMITS, before=SPENDS, cost=st.integers(1, 3), after=SPENDS, at=st.integers(-30, 30))
def test_what_is_taken_back_lets_nobody_in(
    of_module: RedisCounters, own_redis: RedisServer, limit: Limit, before: Any, cost: int, after: Any, at: int
) -> None:
    """At once it leaves what was there; later, when others have spent, never more than if it had not been spent at all.

    Calendar quotas are asked with a clock that does not step back over midnight: there one call may be counted for the day before.
    """
    at = max(at, 0) if limit.kind == "calendar" else at
    with own_redis.client() as client:
        client.flushall()
    store, without, now, one = of_module, MemoryCounters(), NOW, ("r",)
    for pause, spent in before:
        now += pause * limit.seconds / 100
        store.spend([Charge(one, limit, spent)], now)
        without.spend([Charge(one, limit, spent)], now)
    # Further back is a clock that was set wrong: there a cell starts anew, whoever takes what back.
    now += max(at * limit.seconds / 100, -SKEW_MS / 1000)
    ours = [Charge(one, limit, cost)]
    if not store.spend(ours, now).allowed:
        return
    mine, back = now, lambda: store._server.ask([store._command("refund", store._parts(ours)[0], int(mine * 1000 + 0.5))])
    look = [Charge(one, limit, 0)]
    if not after:
        back()
        assert remaining(store, look, now) == remaining(without, look, now) or at < 0
        assert remaining(store, look, now) <= remaining(without, look, now)
        return
    for pause, spent in after:
        now += pause * limit.seconds / 100
        if store.spend([Charge(one, limit, spent)], now).allowed:
            assert without.spend([Charge(one, limit, spent)], now).allowed
    back()
    for _ in range(5):
        assert remaining(store, look, now) <= remaining(without, look, now)
        now += limit.seconds / 4


def remaining(store: Any, look: list[Charge], now: float) -> int:
    return int(store.spend(look, now).states[0][1])


@pytest.mark.parametrize("url", ["redis://host:port", "redis://host:99999999999", "rediss+cluster://h:x", "redis://:hunter2@h:x/"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    """At start-up, without showing it: it may hold a password."""
    with pytest.raises(UsageError, match="redis://") as caught:
        open_store(url, "counters")
    assert "hunter2" not in str(caught.value)


def test_a_store_by_its_url(redis_server: RedisServer) -> None:
    """``open_store`` gives it; it connects when it is first used; closed, it may be used again."""
    assert isinstance(open_store(f"redis://127.0.0.1:{closed_port()}", "counters"), RedisCounters)
    store = open_store(redis_server.url, "counters")
    one = [Charge(("r",), FEW)]
    assert store.spend(one, NOW).allowed
    store.close()
    assert store.spend(one, NOW).allowed
    assert not store.spend(one, NOW).allowed
    store.close()


def test_without_the_extra_it_says_what_to_install() -> None:
    """MissingExtra with the command; nobody else needs the library."""
    script = "import sys; sys.modules['redis'] = None\nfrom ostiary.guard.stores import open_store\nopen_store('memory://', 'counters')\n"
    done = subprocess.run(
        [sys.executable, "-c", script + "open_store('redis://h', 'counters')"], capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().splitlines()[-1].endswith("MissingExtra: Redis needs: pip install 'ostiary[redis]'")


def test_a_guard_counts_in_redis(make: Any, redis_server: RedisServer) -> None:
    """Five per minute are five, for two guards together; what a key has spent its neighbour has not."""
    sites = [make(counters=redis_server.url), make(counters=redis_server.url)]
    keys = [site.mint() for site in sites]
    answers = [site.ask("/public-limited").status for _ in range(3) for site in sites]
    assert answers == [200] * 5 + [429]
    for site, key in zip(sites, keys, strict=True):
        assert [site.ask("/api/v1/limited", key).status for _ in range(6)] == [200] * 5 + [429]


def test_a_guard_without_its_redis_is_closed(make: Any) -> None:
    """503 where there is a limit, and the handler is not reached."""
    site = make(counters=f"redis://127.0.0.1:{closed_port()}")
    assert site.ask("/api/v1/limited", site.mint()).status == 503
    assert site.ask("/health").status == 200
    assert site.reached == ["health"]
