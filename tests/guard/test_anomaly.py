"""Anomalies: told exactly where the oracle says, and never for ordinary traffic."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostiary.guard.anomaly import DAY, HOUR, Anomaly, Detector, Thresholds, anomalies, network_of
from ostiary.guard.event import Event
from tests.guard.keys import NOW

START = NOW // HOUR * HOUR
ROUTE = ("GET", "/orders/{order_id}")


def call(at: float, **more: object) -> Event:
    found = Event(START + at, "r", ROUTE, "v1", "GET", "/orders/7", 200, 900, "alice", "key1", "203.0.113.7", "app/1", "", "allow")
    return found._replace(**more)  # type: ignore[arg-type]


def refused(at: float, **more: object) -> Event:
    return call(at, **{"status": 401, "verdict": "deny", "reason": "key_unknown", "principal": "", "key_id": "", **more})


def kinds(events: Sequence[Event], thresholds: Thresholds | None = None) -> list[str]:
    return [anomaly.kind for anomaly in anomalies(events, thresholds)]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_refusals_are_told_where_a_window_has_the_factor_of_every_one_before(counts: list[int]) -> None:
    """The oracle: at least 20, and 4 times the largest window before it in which nothing was told."""
    limits = Thresholds(refusals=20)
    events = [refused(window * 300 + at) for window, count in enumerate(counts) for at in range(count)]
    expected, usual = [], 0
    for window, count in enumerate(counts):
        if count >= max(20, 4 * usual):
            expected.append(window)
        else:
            usual = max(usual, count)
    assert [int((one.time - START) // 300) for one in anomalies(events, limits)] == expected


def test_a_spike_says_who_and_why() -> None:
    """The caller with most of it, and the reason."""
    events = [refused(at, address=f"198.51.100.{at % 3}") for at in range(9)] + [refused(100 + at * 0.1) for at in range(60)]
    (found,) = anomalies(events)
    assert (found.kind, found.who, found.seen, found.usual) == ("refusals", "203.0.113.7", 50, 0)
    assert found.why == "50 calls were refused within 5 minutes, usual are at most 0; 41 of them from 203.0.113.7 (key_unknown)"


def days(number: int, per_hour: int, **more: object) -> list[Event]:
    return [call(hour * HOUR + at, **more) for hour in range(number * 24) for at in range(per_hour)]


def test_a_key_from_a_new_network_is_told_once_and_only_when_it_had_a_home() -> None:
    """Not while it is learned, not for one that travels, not again."""
    at_home = days(3, 3)
    away = [call(3 * DAY + at, address=address) for at, address in enumerate(("203.0.9.1", "198.51.100.9", "198.51.7.7", "2001:db8::1"))]
    found = anomalies([*at_home, *away])
    assert [(one.kind, one.who) for one in found] == [("new-network", "key1")] * 2
    assert found[0].why == "key key1 was used from 198.51.0.0/16; in 217 calls before it came from 1 other networks only"
    assert kinds([*days(1, 20), *[one._replace(time=one.time - 2 * DAY) for one in away]]) == []
    travelling = [call(at * HOUR, address=f"{10 + at % 9}.1.1.1") for at in range(300)]
    assert kinds([*travelling, call(300 * HOUR, address="99.1.1.1")]) == []


@given(st.lists(st.integers(1, 60), min_size=3, max_size=10))
@settings(max_examples=50, deadline=None)
def test_a_rate_is_told_where_an_hour_has_the_factor_of_every_one_before(counts: list[int]) -> None:
    """The oracle: after a learning time of two hours, at least 20, and 5 times the largest hour before in which nothing was told."""
    limits = Thresholds(rate=20, rate_learning=2 * HOUR)
    events = [call(hour * HOUR + at) for hour, count in enumerate(counts) for at in range(count)]
    expected, usual = [], 0
    for hour, count in enumerate(counts):
        if hour >= 2 and count >= max(20, 5 * usual):
            expected.append(hour)
        else:
            usual = max(usual, count)
    assert [int((one.time - START) // HOUR) for one in anomalies(events, limits) if one.kind == "rate"] == expected


@pytest.mark.parametrize(
    ("ids", "every", "told"),
    [
        (list(range(100, 140)), 2, True),  # half of them belong to others
        (list(range(140, 100, -1)), 2, True),
        (random.Random(1).sample(range(100, 140), 40), 2, True),
        (list(range(100, 140)), 40, False),  # a client that reads its own
        (list(range(100, 10_000, 97)), 2, False),  # far apart
        (list(range(100, 125)), 2, False),  # too few
        ([7] * 100, 1, False),  # one broken link
    ],
)
def test_walking_through_ids_is_told(ids: list[int], every: int, told: bool) -> None:
    """Neighbouring ids in any order, of which many are refused or not there; once a day."""
    events = [call(at, path=f"/orders/{number}", status=404 if at % every == 0 else 200) for at, number in enumerate(ids)]
    found = anomalies(events)
    assert [one.kind for one in found] == ["id-walking"] * told
    later = [event._replace(time=event.time + 60) for event in events]
    assert len(anomalies([*events, *later])) == len(found)


@pytest.mark.parametrize("template", ["/orders/{order_id}", "/orders/<int:order_id>", "/orders/{order_id:int}"])
def test_walking_is_seen_in_the_words_of_each_framework(template: str) -> None:
    """The last number of the path that a parameter stands for."""
    events = [call(at, route=("GET", template), path=f"/orders/{at}", status=404) for at in range(40)]
    assert kinds(events) == ["id-walking"]


def test_unknown_paths_are_told_when_they_are_many_and_different() -> None:
    """A scanner, not a broken link; once a day and caller."""
    scanner = [
        call(at, route=("", ""), path=f"/{at}.php", status=404, key_id="", principal="", verdict="deny", reason="no_route")
        for at in range(60)
    ]
    (found,) = anomalies(scanner)
    assert (found.kind, found.who, found.seen) == ("unknown-paths", "203.0.113.7", 25)
    assert kinds([event._replace(path="/favicon.ico") for event in scanner]) == []
    assert kinds([event._replace(time=event.time + at * 60) for at, event in enumerate(scanner)]) == []
    assert kinds([event._replace(address=f"203.0.113.{at}") for at, event in enumerate(scanner)]) == []


def test_pieces_give_what_the_whole_gives() -> None:
    """Wherever the stream is cut."""
    events = sorted(
        [*days(4, 4), *[refused(2 * DAY + at) for at in range(80)], call(3.5 * DAY, address="9.9.9.9")], key=lambda event: event.time
    )
    whole = anomalies(events)
    assert [one.kind for one in whole] == ["refusals", "new-network"]
    detector, pieces = Detector(), list[Anomaly]()
    for at in range(0, len(events), 7):
        pieces += detector.observe(events[at : at + 7])
    assert pieces == whole


def test_memory_is_bounded() -> None:
    """A million callers leave what was set; notes are no calls."""
    detector = Detector(Thresholds(callers=100))
    detector.observe(
        call(at, key_id=f"k{at}", address=f"10.{at // 250}.{at % 250}.1", path=f"/orders/{at}", status=404) for at in range(3_000)
    )
    detector.observe(call(at, route=("", ""), path=f"/{at}", status=404, address=f"10.1.1.{at}") for at in range(3_000))
    assert [len(known._known) for known in (detector._keys, detector._walks, detector._paths)] == [100] * 3
    assert detector.observe([call(1, verdict="", reason="events_dropped")]) == []


@pytest.mark.parametrize(
    ("address", "network"),
    [("203.0.113.7", "203.0.0.0/16"), ("203.0.113.0/24", "203.0.0.0/16"), ("2001:db8:1::1", "2001:db8::/32"), ("9f86d081884c7d65", "")],
)
def test_a_network_is_read_from_what_events_keep(address: str, network: str) -> None:
    """Whole and truncated; a hash says nothing."""
    assert network_of(address) == network
