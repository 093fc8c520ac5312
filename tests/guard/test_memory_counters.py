"""Counters in memory are bounded, and a flood makes nobody's live counter be forgotten."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.errors import UsageError
from ostiary.guard.stores.base import Charge, StoreDown
from ostiary.guard.stores.memory_counters import MemoryCounters, prepared
from ostiary.model.limit import Limit, gcra

NOW = 1_800_000_000.0
LIMIT = Limit(5, 60)


def flood(store: MemoryCounters, count: int, limit: Limit = LIMIT, at: float = NOW) -> None:
    for number in range(count):
        store.spend([Charge(("flood", number), limit)], at)


@pytest.mark.parametrize("limit", [LIMIT, Limit(50, 60), gcra("50 per minute", 5)])
def test_an_exhausted_counter_survives_a_flood(limit: Limit) -> None:
    """A victim's counter that is used up stays so while ten times as many others come as there is room for."""
    store, victim = MemoryCounters(1000), [Charge(("victim",), limit)]
    while store.spend(victim, NOW).allowed:
        pass
    flood(store, 10_000, limit)
    assert not store.spend(victim, NOW).allowed
    assert len(store) == 1000


def test_the_least_spent_give_way() -> None:
    """At the cap, who has spent little is forgotten before who has spent much."""
    store = MemoryCounters(1000)
    for number in range(500):
        store.spend([Charge(("busy", number), LIMIT, 4)], NOW)
    flood(store, 5000)
    assert all(store.spend([Charge(("busy", number), LIMIT, 0)], NOW).states[0][1] == 1 for number in range(500))


def test_one_limit_flooded_leaves_the_others_alone() -> None:
    """Counters of callers who proved who they are are not thrown out by strangers' addresses: the fullest limit gives way."""
    store, calls = MemoryCounters(1000), Limit(100, 60)
    for number in range(100):
        store.spend([Charge(("key", number), calls)], NOW)
    flood(store, 5000)
    assert all(store.spend([Charge(("key", number), calls, 0)], NOW).states[0][1] == 99 for number in range(100))


def test_full_of_exhausted_counters_is_down_and_says_so() -> None:
    """Where nobody can be forgotten without letting him pass his limit, the store is down; those whom it knows are served; later it is up again."""
    store, once = MemoryCounters(1000), Limit(1, 60)
    flood(store, 1000, once)
    with pytest.raises(StoreDown, match="1000 cells"):
        store.spend([Charge(("new",), once)], NOW)
    assert not store.spend([Charge(("flood", 7), once)], NOW).allowed
    assert store.spend([Charge(("flood", 7), once)], NOW + 60).allowed
    assert store.spend([Charge(("new",), once)], NOW + 60).allowed


def test_a_flood_that_is_over_leaves_nothing() -> None:
    """Expired cells are dropped by the way, those of limits that nobody uses any more too: of 8,900 callers about the last 60 stay, and as many again."""
    store = MemoryCounters()
    for seconds in range(1, 60):
        flood(store, 100, Limit(5, seconds))
    for number in range(5000):
        store.spend([Charge(("steady", number % 5), Limit(10_000, 61))], NOW + 70 + number)
        store.spend([Charge(("once", number), LIMIT)], NOW + 70 + number)
    assert len(store) < 200
    assert len(store._tables) == 2


def test_a_refused_call_leaves_no_cell() -> None:
    """Charges that are taken back take their cells with them."""
    store, full = MemoryCounters(), Charge(("full",), Limit(1, 60))
    store.spend([full], NOW)
    for number in range(100):
        assert not store.spend([Charge(("new", number), LIMIT), full], NOW).allowed
    assert len(store) == 1
    with pytest.raises(TypeError):
        store.spend([Charge(("new",), LIMIT), Charge(([],), LIMIT)], NOW)
    assert len(store) == 1


def test_more_charges_than_room_is_down() -> None:
    """A request that needs more cells than there may be is an outage, not an endless search."""
    with pytest.raises(StoreDown):
        MemoryCounters(1).spend([Charge(("a",), LIMIT), Charge(("b",), LIMIT)], NOW)


def test_a_size_that_cannot_be_is_an_error() -> None:
    """No room at all is a mistake of whoever set it."""
    with pytest.raises(UsageError):
        MemoryCounters(0)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(0, 40_000)), max_size=300), st.integers(4, 40))
def test_the_books_are_kept(calls: list[tuple[int, int, int]], maximum: int) -> None:
    """Whatever comes, every cell is looked at in turn exactly once, the size is right and within the cap, and no limit is passed by a known caller."""
    store, now = MemoryCounters(maximum), NOW
    limits = [Limit(2, 60), Limit(1, 10), Limit(20, 60), gcra("2 per minute", 2)]
    for who, which, pause in calls:
        now += pause / 1000
        with contextlib.suppress(StoreDown):
            store.spend([Charge((who,), limits[which]), Charge((who % 7,), limits[(which + 1) % 4])], now)
        assert len(store) == sum(len(table.cells) for table in store._tables.values()) <= maximum
        assert all(sorted(table.order) == sorted(table.cells) for table in store._tables.values())
        assert sorted(store._turn) == sorted(store._tables)


LIMITS = st.sampled_from([Limit(3, 60), Limit(40, 60), Limit(60, 7), gcra("50 per minute", 5)])


@given(
    st.lists(st.tuples(LIMITS, st.integers(1, 3)), min_size=1, max_size=4, unique_by=lambda one: one[0].ident), st.lists(st.integers(0, 9))
)
def test_the_short_way_to_spend_is_the_long_one(asked: list[tuple[Limit, int]], pauses: list[int]) -> None:
    """Cells that are there with room are spent from alike; where one is missing or full the short way spends nothing and says so."""
    charges = [Charge(("caller",), limit, cost) for limit, cost in asked]
    named, short, long, now = prepared(charges), MemoryCounters(), MemoryCounters(), NOW
    assert named is not None
    assert short.spend_again(named, now) is None
    for pause in [0, *pauses]:
        now += pause
        spent, left = long.spend(charges, now), short.spend_again(named, now)
        if left is None:
            assert short.spend(charges, now) == spent
        else:
            assert spent.allowed
            assert [(at, left[2 * at], left[2 * at + 1] / 1000) for at in range(len(charges))] == list(spent.states)


def test_what_the_short_way_cannot_do() -> None:
    """Charges of one cell see each other, and a look spends nothing: both go the long way."""
    one = Charge(("caller",), LIMIT)
    assert prepared([one, one]) is None
    assert prepared([one._replace(cost=0)]) is None
    assert prepared([one, one._replace(key=("other",))]) is not None
