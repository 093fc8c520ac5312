"""What answers say about limits is well-formed and never tells a client to come too early."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostiary.guard.limit_headers import LimitFields, emit, policy_field, policy_names, retry_after
from ostiary.guard.stores.base import Charge, Spent
from ostiary.guard.stores.memory_counters import MemoryCounters
from ostiary.model.limit import Limit, calendar, gcra, parse

NOW = 1_800_000_000.0
TWO = parse("100/day;10 per 15 minutes")


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "1"), (0.001, "1"), (1, "1"), (1.001, "2"), (59.9999999, "60"), (60.0000001, "60"), (86_399.5, "86400")]
)
def test_retry_after_is_rounded_up(seconds: float, text: str) -> None:
    """Whole seconds, never before the time, at least 1; the noise of a float does not count."""
    assert retry_after(seconds) == text


@given(st.integers(1, 400_000_000))
def test_whoever_waits_as_told_is_let_in(wait_ms: int) -> None:
    """``Retry-After`` is never before the reset and less than a second after it."""
    assert wait_ms <= int(retry_after(wait_ms / 1000)) * 1000 < wait_ms + 1000


def test_an_answer_tells_policy_and_state() -> None:
    """The fields of the draft's section 3 and 4, one item for each limit, in order."""
    spent = Spent(True, ((0, 93, 80_000.2), (1, 0, 12.0)))
    assert emit(TWO, spent, NOW) == (
        ("RateLimit-Policy", '"100-per-day";q=100;w=86400, "10-per-15-minutes";q=10;w=900'),
        ("RateLimit", '"100-per-day";r=93;t=80001, "10-per-15-minutes";r=0;t=12'),
    )


def test_a_refusal_never_names_a_window_that_ends_after_retry_after() -> None:
    """With Retry-After, ``t`` is given only where it is not later (draft, section 6)."""
    assert emit(TWO, Spent(False, ((0, 93, 80_000.2), (1, 0, 12.0)), 12.3), NOW) == (
        ("Retry-After", "13"),
        ("RateLimit-Policy", '"100-per-day";q=100;w=86400, "10-per-15-minutes";q=10;w=900'),
        ("RateLimit", '"100-per-day";r=93, "10-per-15-minutes";r=0;t=12'),
    )


def test_what_is_switched_off_is_not_sent() -> None:
    """Both families are settings; Retry-After is not, and no limits mean no fields."""
    refused = Spent(False, ((0, 0, 5.0), (1, 3, 9.0)), 5.0)
    assert emit(TWO, refused, NOW, LimitFields(rate_limit=False)) == (("Retry-After", "5"),)
    assert emit((), Spent(True, ()), NOW, LimitFields(x_rate_limit=True)) == ()


def test_the_older_fields_tell_of_the_limit_that_bites_first() -> None:
    """X-RateLimit-*: the smallest share left, and the moment (Unix seconds, rounded up) at which more is available."""
    fields = LimitFields(rate_limit=False, x_rate_limit=True)
    assert emit(TWO, Spent(True, ((0, 50, 80_000.0), (1, 4, 12.5))), NOW, fields) == (
        ("X-RateLimit-Limit", "10"),
        ("X-RateLimit-Remaining", "4"),
        ("X-RateLimit-Reset", str(ceil(NOW + 12.5))),
    )


def test_names_are_of_numbers_and_never_equal() -> None:
    """No name holds a bucket, which a program may have made of a key id; equal ones are numbered."""
    limits = (
        Limit(5, 60, bucket="key-7Hq2xTz9"),
        Limit(5, 60, by=("address",)),
        calendar(9, "month", "Europe/Berlin"),
        gcra("5/minute", 3),
    )
    assert policy_names(limits) == ("5-per-minute", "5-per-minute-2", "9-per-calendar-month", "5-per-minute-3")
    assert "7Hq2xTz9" not in policy_field(limits)


def test_a_burst_is_told_by_a_parameter_of_our_own() -> None:
    """GCRA: quota and window as written, the burst with our name before it."""
    assert policy_field((gcra("10 per second", 3),)) == '"10-per-second";q=10;w=1;ostiary-burst=3'


def test_fields_fit_what_the_store_answers() -> None:
    """A real refusal of a real store makes well-formed fields, and the same call passes after Retry-After."""
    store, limits = MemoryCounters(), parse("30/minute;40/hour")
    charges = [Charge(("r", limit.text), limit) for limit in limits]
    while (spent := store.spend(charges, NOW)).allowed:
        pass
    fields = dict(emit(limits, spent, NOW))
    assert store.spend(charges, NOW + int(fields["Retry-After"])).allowed
    assert fields["RateLimit"].startswith('"30-per-minute";r=0;t=')
