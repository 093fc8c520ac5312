"""The arithmetic of limits against oracles that remember every hit. Times in ms."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ostiary.guard.limits import EXACT, SKEW_MS, hit, meter
from ostiary.model.limit import Limit, calendar, gcra, worst_case

START = 1_800_000_000_123
Hits = list[tuple[int, int]]  # (time, cost), admitted

SECONDS = st.sampled_from([1, 2, 7, 60])
EXACT_LIMITS = st.builds(Limit, st.integers(1, EXACT), SECONDS)
COUNTED_LIMITS = st.builds(Limit, st.integers(EXACT + 1, 40), SECONDS, parts=st.integers(8, 64))
GCRA_LIMITS = st.builds(lambda count, seconds, burst: Limit(count, seconds, "gcra", burst), st.integers(1, 40), SECONDS, st.integers(1, 20))
CALENDAR_LIMITS = st.builds(
    calendar,
    st.integers(1, 30),
    st.sampled_from(["day", "month"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]),
)
LIMITS = st.one_of(EXACT_LIMITS, COUNTED_LIMITS, GCRA_LIMITS, CALENDAR_LIMITS)


def long_run(seed: int, top: int, length: int) -> Hits:
    """Enough calls to reach limits; hypothesis by itself likes short lists."""
    draw = random.Random(seed)
    return [(draw.choice((0, 50, draw.randint(0, top))), draw.choice((1, 1, 1, 2, 5))) for _ in range(length)]


# Pauses in thousandths of the window, so that every kind of moment is met: the same, close together, at the edge, long after.
PAUSES = st.one_of(st.just(0), st.sampled_from([1, 2, 49, 50, 51, 950, 999, 1000, 1001, 1050]), st.integers(0, 1200), st.integers(0, 60))
RUNS = st.builds(long_run, st.integers(0, 2**32), st.sampled_from([3, 20, 60, 400, 1200]), st.integers(1, 150))
CALLS = st.one_of(st.lists(st.tuples(PAUSES, st.sampled_from([1, 1, 1, 2, 5])), max_size=40), RUNS, RUNS)


def moments(limit: Limit, calls: Hits) -> Hits:
    """The calls as (time, cost)."""
    now, found = START, []
    for pause, cost in calls:
        now += pause * limit.seconds
        found.append((now, cost))
    return found


def spent_since(hits: Hits, after: int) -> int:
    return sum(cost for time, cost in hits if time > after)


@settings(max_examples=300)
@given(EXACT_LIMITS, CALLS)
def test_small_windows_are_exact(limit: Limit, calls: Hits) -> None:
    """N ≤ 16: admitted exactly when the last W, end included, holds no more than N with it; what remains and the times are exact."""
    window, cell, hits = limit.seconds * 1000, 0, []
    for now, cost in moments(limit, calls):
        live = [(time, spent) for time, spent in hits if time > now - window]
        used = sum(spent for _, spent in live)
        allowed, after, remaining, reset = hit(cell, limit, now, cost)
        assert allowed is (used + cost <= limit.count)
        if allowed:
            hits.append((now, cost))
            cell = after
            assert remaining == limit.count - used - cost
            assert reset == min((time for time, _ in live), default=now) + window - now
            continue
        assert remaining == limit.count - used
        if cost <= limit.count:
            fits = (time + window for time, _ in live if spent_since(live, time) + cost <= limit.count)
            assert reset == min(fits) - now


@settings(max_examples=300)
@given(COUNTED_LIMITS, CALLS)
@example(Limit(31, 60), [(0, 1)] * 40)
def test_large_windows_are_never_over_and_little_under(limit: Limit, calls: Hits) -> None:
    """N > 16: no interval of length W holds more than N; who is refused has spent too much within W(1 + 1/S)."""
    window, cell, hits = limit.seconds * 1000, 0, []
    for now, cost in moments(limit, calls):
        allowed, after, remaining, _ = hit(cell, limit, now, cost)
        if allowed:
            cell = after
            hits.append((now, cost))
            assert spent_since(hits, now - window) <= limit.count
            assert remaining <= limit.count - spent_since(hits, now - window)
        else:
            held = now - Fraction(window * (limit.parts + 1), limit.parts)
            assert sum(spent for time, spent in hits if time > held) + cost > limit.count


@given(st.integers(EXACT + 1, 3000), st.sampled_from([1, 60, 3600]), st.integers(8, 64), st.integers(0, 10**6))
def test_at_a_steady_rate_a_large_window_is_under_by_no_more_than_one_part(count: int, seconds: int, parts: int, offset: int) -> None:
    """Calls that are W(1 + 1/S)/N apart, or more, are all admitted: 20/21 of the rate with 20 parts."""
    limit, cell, now = Limit(count, seconds, parts=parts), 0, START + offset
    for _ in range(min(3 * count, 400)):
        allowed, cell, *_ = hit(cell, limit, now)
        assert allowed
        now += -(-seconds * 1000 * (parts + 1) // (parts * count))


def test_a_window_that_is_full_is_refused_until_it_is_not() -> None:
    """100 per minute: the 101st is refused, and refused it stays until the first sub-window has gone."""
    limit, cell = Limit(100, 60), 0
    begin = START - START % 3_000
    for _ in range(100):
        allowed, cell, *_ = hit(cell, limit, begin)
        assert allowed
    assert hit(cell, limit, begin) == (False, cell, 0, 63_000)
    assert hit(cell, limit, begin + 62_999)[0] is False
    assert hit(cell, limit, begin + 63_000)[0] is True


@settings(max_examples=300)
@given(GCRA_LIMITS, CALLS)
def test_gcra_is_a_bucket_that_fills_evenly(limit: Limit, calls: Hits) -> None:
    """Admitted exactly when a bucket of ``burst`` units, filled with N in W, holds the cost; the worst case is never passed."""
    window, cell, hits = limit.seconds * 1000, 0, []
    level, last = Fraction(limit.burst), START
    for now, cost in moments(limit, calls):
        level = min(Fraction(limit.burst), level + Fraction((now - last) * limit.count, window))
        last = now
        allowed, after, remaining, _ = hit(cell, limit, now, cost)
        assert allowed is (cost <= level)
        if allowed:
            cell, level = after, level - cost
            hits.append((now, cost))
        assert remaining == int(level)
        assert spent_since(hits, now - window) <= worst_case(limit)


@pytest.mark.parametrize("limit", [gcra("10 per second"), gcra("10 per minute", 7), gcra("1 per day", 3)])
def test_the_worst_case_of_gcra_is_reached(limit: Limit) -> None:
    """A caller who takes all he gets, after a pause, gets ``worst_case`` in one W, and not one more."""
    window, cell, taken, now = limit.seconds * 1000, 0, 0, START
    while now < START + window:
        allowed, after, _, reset = hit(cell, limit, now)
        cell, taken = (after, taken + 1) if allowed else (cell, taken)
        now += 0 if allowed else reset
    assert taken == worst_case(limit)


@pytest.mark.parametrize(
    ("per", "zone", "begin", "end"),
    [
        ("day", "UTC", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("day", "Europe/Berlin", "2026-03-29T00:00", "2026-03-30T00:00"),  # 23 hours
        ("day", "Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00"),  # 25 hours
        ("day", "Africa/Cairo", "2026-04-24T01:00", "2026-04-25T00:00"),  # midnight does not come
        ("day", "Asia/Kathmandu", "2026-11-22T00:00", "2026-11-23T00:00"),
        ("month", "UTC", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("month", "America/New_York", "2026-03-01T00:00", "2026-04-01T00:00"),
        ("month", "Europe/Berlin", "2026-12-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_a_calendar_quota_starts_anew_in_its_zone(per: str, zone: str, begin: str, end: str) -> None:
    """The quota is one from the first to the last ms of the local day or month, and whole again in the next, however long it is."""
    limit = calendar(2, per, zone)  # type: ignore[arg-type]
    first, after = (int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000) for text in (begin, end))
    full = hit(0, limit, first - 1, 2)[1]
    allowed, cell, remaining, reset = hit(full, limit, first)
    assert (allowed, remaining, reset) == (True, 1, after - first)
    allowed, cell, remaining, reset = hit(cell, limit, after - 1)
    assert (allowed, remaining, reset) == (True, 0, 1)
    assert hit(cell, limit, after - 1) == (False, cell, 0, 1)
    assert hit(cell, limit, after)[0] is True


@given(CALENDAR_LIMITS, st.lists(st.integers(0, 40 * 24 * 60), max_size=60))
def test_a_calendar_quota_counts_by_the_local_date(limit: Limit, minutes: list[int]) -> None:
    """Admitted exactly when less than N were admitted with the same local date or month."""
    cell, now, counts = 0, START, dict[str, int]()
    for pause in minutes:
        now += pause * 60_000
        day = datetime.fromtimestamp(now / 1000, UTC).astimezone(ZoneInfo(limit.zone)).date().isoformat()
        period = day if limit.seconds == 86_400 else day[:7]
        allowed, after, remaining, _ = hit(cell, limit, now)
        assert allowed is (counts.get(period, 0) < limit.count)
        counts[period] = counts.get(period, 0) + allowed
        assert remaining == limit.count - counts[period]
        cell = after if allowed else cell


@settings(max_examples=400)
@given(LIMITS, CALLS)
def test_what_every_kind_promises(limit: Limit, calls: Hits) -> None:
    """After a refusal the same call passes after ``reset`` and not a ms before; as much as remains passes at once and no unit more."""
    cell, size = 0, meter(limit).full
    for now, cost in moments(limit, calls):
        allowed, after, remaining, reset = hit(cell, limit, now, cost)
        assert 0 <= remaining <= size
        assert reset > 0
        if not allowed and cost <= size:
            assert hit(cell, limit, now + reset, cost)[0] is True
            assert hit(cell, limit, now + reset - 1, cost)[0] is False
        if allowed:
            cell = after
            assert hit(cell, limit, now, remaining + 1)[0] is False
            assert remaining == 0 or hit(cell, limit, now, remaining)[0] is True
            assert remaining == size or hit(cell, limit, now + reset - 1, 0)[2] == remaining
            assert remaining == size or hit(cell, limit, now + reset, 0)[2] > remaining


@given(LIMITS, CALLS)
def test_cost_nothing_tells_and_changes_nothing(limit: Limit, calls: Hits) -> None:
    """A look gives the state and leaves all later answers as they would have been."""
    looked = plain = 0
    for now, cost in moments(limit, calls):
        allowed, seen, remaining, _ = hit(looked, limit, now, 0)
        assert allowed
        first, second = hit(seen, limit, now, cost), hit(plain, limit, now, cost)
        assert (first[0], *first[2:]) == (second[0], *second[2:])
        assert remaining - cost == first[2] if first[0] else remaining == first[2]
        looked, plain = first[1] if first[0] else seen, second[1] if second[0] else plain


@given(LIMITS, CALLS)
def test_an_expired_cell_counts_for_nothing(limit: Limit, calls: Hits) -> None:
    """From ``expires`` on a cell answers as an empty one, so that whoever drops it changes no answer; before that it still counts."""
    cell, measured = 0, meter(limit)
    assert measured.expires(0) == 0
    for now, cost in moments(limit, calls):
        allowed, after, _, _ = hit(cell, limit, now, cost)
        if not allowed:
            continue
        cell = after
        end = measured.expires(cell)
        assert hit(cell, limit, end, 1)[2] == hit(0, limit, end, 1)[2]
        assert hit(cell, limit, end, 0)[2] == measured.full > hit(cell, limit, end - 1, measured.full)[0] - 1
        assert hit(cell, limit, end - 1, measured.full)[0] is False


@settings(max_examples=300)
@given(st.one_of(EXACT_LIMITS, COUNTED_LIMITS), CALLS, st.integers(0, 2**32))
def test_a_clock_that_goes_back_admits_no_more(limit: Limit, calls: Hits, seed: int) -> None:
    """Readings that lag by up to a minute count as the latest one seen: no interval of length W of that clock holds more than N."""
    draw = random.Random(seed)
    cell, hits, latest = 0, [], 0
    for now, cost in moments(limit, calls):
        seen = now - draw.choice((0, draw.randint(0, SKEW_MS), draw.randint(0, 2000)))
        allowed, after, *_ = hit(cell, limit, seen, cost)
        if allowed:
            cell, latest = after, max(latest, seen)
            hits.append((latest, cost))
            assert spent_since(hits, latest - limit.seconds * 1000) <= limit.count
            assert meter(limit).expires(cell) >= latest + limit.seconds * 1000


@pytest.mark.parametrize("limit", [Limit(3, 60), Limit(100, 60), gcra("100 per minute", 3), calendar(3, "day")])
def test_a_clock_that_was_set_wrong_locks_nobody_out(limit: Limit) -> None:
    """What was counted in a far future, by a clock that was then put right, is forgotten; a lag of a minute is not."""
    cell = hit(0, limit, START + 400 * 86_400_000, meter(limit).full)[1]
    assert hit(cell, limit, START)[0] is True
    cell = hit(0, limit, START, meter(limit).full)[1]
    assert hit(cell, limit, START - SKEW_MS)[0] is False


@pytest.mark.parametrize("limit", [Limit(2, 60), Limit(20, 60), gcra("20 per minute", 2), calendar(2, "day")])
def test_a_clock_may_begin_at_zero(limit: Limit) -> None:
    """A test's clock that starts at 0 counts as any other."""
    cell = hit(0, limit, 0, meter(limit).full)[1]
    assert hit(cell, limit, 0)[0] is False


@given(LIMITS, CALLS)
@example(Limit(10**9, 60), [(0, 5)] * 3)
def test_cells_stay_small(limit: Limit, calls: Hits) -> None:
    """A cell is never negative and never grows beyond what its limit needs: 16 times, or 65 counters, and a time."""
    cell = 0
    for now, cost in moments(limit, calls):
        allowed, after, *_ = hit(cell, limit, now, cost)
        cell = after if allowed else cell
        assert cell >= 0
        assert cell.bit_length() <= max(EXACT * 44, (limit.parts + 1) * (limit.count + 1).bit_length() + 64)


def test_every_moment_lies_in_its_own_period() -> None:
    """No zone's history, however odd, makes a calendar quota look at a period that is over or not begun."""
    for zone in (
        "America/St_Johns",
        "Pacific/Apia",
        "Africa/Cairo",
        "America/Havana",
        "Asia/Beirut",
        "Australia/Lord_Howe",
        "Antarctica/Troll",
    ):
        limit = calendar(5, "day", zone)
        moment = datetime(1995, 1, 1, tzinfo=UTC)
        while moment.year < 2012:
            reset = hit(0, limit, int(moment.timestamp() * 1000))[3]
            assert 0 < reset <= 49 * 3_600_000, (zone, moment)
            moment += timedelta(minutes=97)
