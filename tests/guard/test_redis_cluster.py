"""Counters and nonces in a real cluster of three nodes: a question for each shard, redirections, a node that is gone."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from ostiary.guard.stores._redis_cells import key_of
from ostiary.guard.stores.base import Charge, Spent, StoreDown
from ostiary.guard.stores.redis_counters import RedisCounters
from ostiary.model.limit import Limit
from tests.guard.redis_server import RedisCluster, RedisServer

NOW = 1_800_000_000.0
FEW, MANY = Limit(2, 60), Limit(100, 60)


@pytest.fixture
def collected() -> Iterator[None]:
    """What a test leaves behind is collected while its own filter of warnings holds."""
    yield
    gc.collect()


@pytest.fixture
def store(redis_cluster: RedisCluster) -> Iterator[RedisCounters]:
    opened = RedisCounters(redis_cluster.url, clock="caller", timeout=2)
    yield opened
    opened.close()


def node_of(cluster: RedisCluster, charge: Charge) -> int:
    with cluster.nodes[0].client() as client:
        slot = int(client.execute_command("CLUSTER", "KEYSLOT", key_of(charge)))
    return next(place for place, last in enumerate((5460, 10_922, 16_383)) if slot <= last)


def one_on_each(cluster: RedisCluster, limit: Limit = MANY) -> list[Charge]:
    """A charge of a caller on each node."""
    found: dict[int, Charge] = {}
    for number in range(100):
        charge = Charge(("r", "api-key", f"k{number}"), limit)
        found.setdefault(node_of(cluster, charge), charge)
    return [found[place] for place in range(3)]


def either(store: RedisCounters, asynchronous: bool, charges: list[Charge]) -> Spent:
    if not asynchronous:
        return store.spend(charges, NOW)

    async def ask() -> Spent:
        try:
            return await store.aspend(charges, NOW)
        finally:
            await store.aclose()

    return asyncio.run(ask())


@pytest.mark.parametrize("asynchronous", [False, True])
def test_one_question_for_each_shard_that_is_touched(store: RedisCounters, redis_cluster: RedisCluster, asynchronous: bool) -> None:
    """Six charges of three callers: one script on each node; of one caller: one script in all."""
    charges = one_on_each(redis_cluster)
    either(store, asynchronous, charges)
    redis_cluster.reset()
    assert either(store, asynchronous, [*charges, *(charge._replace(limit=FEW) for charge in charges)]).allowed
    assert sorted(redis_cluster.calls("evalsha")) == [1, 1, 1]
    redis_cluster.reset()
    assert either(store, asynchronous, [charges[0], charges[0]._replace(limit=Limit(9, 60))]).allowed
    assert sorted(redis_cluster.calls("evalsha")) == [0, 0, 1]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_all_or_none_over_shards(store: RedisCounters, redis_cluster: RedisCluster, asynchronous: bool) -> None:
    """Where the shard of one caller refuses, what the others spent is taken back; with a nonce that was seen, too."""
    first, second, third = one_on_each(redis_cluster)
    full = third._replace(limit=FEW, cost=2)
    assert either(store, asynchronous, [first, second, full]).allowed
    assert not either(store, asynchronous, [first, second, full]).allowed
    looked = [charge._replace(cost=0) for charge in (first, second)]
    assert [left for _, left, _ in either(store, asynchronous, looked).states] == [99, 99]
    assert store.spend_and_remember([first, second], NOW, b"n", NOW + 9) is not None
    assert store.spend_and_remember([first, second], NOW, b"n", NOW + 9) is None
    assert [left for _, left, _ in either(store, asynchronous, looked).states] == [98, 98]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_slot_that_has_moved_is_found(store: RedisCounters, redis_cluster: RedisCluster, asynchronous: bool) -> None:
    """The node that had it says where it went; nobody is refused for it."""
    charge = one_on_each(redis_cluster)[0]
    assert either(store, asynchronous, [charge._replace(key=("warm", *charge.key[1:]))]).allowed
    redis_cluster.flushall()
    move(redis_cluster, charge, 1)
    try:
        assert [either(store, asynchronous, [charge._replace(limit=FEW)]).allowed for _ in range(3)] == [True, True, False]
    finally:
        redis_cluster.flushall()
        move(redis_cluster, charge, 0)


def move(cluster: RedisCluster, charge: Charge, to: int) -> None:
    with cluster.nodes[to].client() as client:
        target = client.execute_command("CLUSTER", "MYID").decode()
        slot = int(client.execute_command("CLUSTER", "KEYSLOT", key_of(charge)))
    for node in (cluster.nodes[to], *cluster.nodes):
        with node.client() as client:
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", target)


# redis-py's own cluster client for event loops drops nodes that it no longer knows without closing them.
@pytest.mark.usefixtures("collected")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_node_that_is_gone_is_nobody_elses_matter(redis_cluster: RedisCluster, asynchronous: bool) -> None:
    """The callers of its shard hear that the store is down, the others are counted; when it is back so are they."""
    store = RedisCounters(redis_cluster.url, clock="caller", timeout=2)
    charges = one_on_each(redis_cluster)
    for charge in charges:
        either(store, asynchronous, [charge])
    gone: RedisServer = redis_cluster.nodes[2]
    gone.stop()
    try:
        for _ in range(5):
            with pytest.raises(StoreDown):
                either(store, asynchronous, [charges[2]])
            assert all(either(store, asynchronous, [charge]).allowed for charge in charges[:2])
        with pytest.raises(StoreDown):
            either(store, asynchronous, charges)
        left = [either(store, asynchronous, [charge._replace(cost=0)]).states[0][1] for charge in charges[:2]]
        assert left == [94, 94]
    finally:
        gone.start()
        for node in redis_cluster.nodes:
            node.until_complete()
    for breaker in store._server._breakers.values():
        breaker._until = 0.0
    assert either(store, asynchronous, charges).allowed
    store.close()
